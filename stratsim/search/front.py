"""The Pareto front of many designs, thinned to a few that lie far apart."""

import numpy as np
from numpy.typing import NDArray

from stratsim.model.quantities import Array

SHOWN = 5
"""Designs of the front that are carried along and shown."""


def front(means: Array, able: NDArray[np.bool_]) -> list[int]:
    """Return some entries that no other beats in everything, among the `able` ones.

    ``means`` (entries, measures), less is better; NaN counts as the worst. Of equal
    entries the first is taken, of many those that divide the first measure evenly.
    """
    points = np.nan_to_num(means, nan=np.inf)
    order = [i for i in np.lexsort(points.T[::-1]).tolist() if able[i]]
    chosen: list[int] = []
    best = np.empty((0, points.shape[1]))
    for entry in order:
        if not (best <= points[entry]).all(axis=1).any():
            chosen.append(entry)
            best = np.vstack([best, points[entry]])
    if len(chosen) <= SHOWN:
        return chosen
    places = np.linspace(0, len(chosen) - 1, SHOWN).round().astype(int)
    return [chosen[place] for place in places]
