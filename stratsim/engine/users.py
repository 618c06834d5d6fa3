"""How many distinct users a number of failures touches."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stratsim.model.quantities import Array


def touched(active: int, log_spared: float) -> float:
    """Return the expected distinct users among `active`.

    `log_spared` is the sum over failures of log(1 - 1/active): the log of the
    chance that one given user is spared by all of them.
    """
    return 0.0 - active * math.expm1(log_spared)


def touched_sticky(active: int, bands: Sequence[tuple[float, float, float]]) -> float:
    """Return the expected distinct users where each is pinned to a revision.

    Every user has one fixed uniform number; at weight w the new revision has
    those below w. `bands` are (low, high, failures among the users between).
    """
    edges = sorted({0.0, 1.0, *(low for low, _, _ in bands), *(high for _, high, _ in bands)})
    total = 0.0
    for left, right in pairwise(edges):
        spared = sum(
            failures * _log_missed(active * (high - low))
            for low, high, failures in bands
            if low <= left and right <= high and failures > 0
        )
        total -= active * (right - left) * math.expm1(spared)
    return total + 0.0


def _log_missed(users: float) -> float:
    return math.log1p(-1.0 / users) if users > 1 else -math.inf


def touched_many(active: int, failures: Array) -> Array:
    """`touched` of arrays, from the number of failures."""
    if active <= 1:
        return np.where(failures > 0, float(active), 0.0)
    return np.asarray(-active * np.expm1(failures * _log_missed(active)))


def touched_sticky_many(
    active: int, runs: int, bands: Sequence[tuple[Array, Array, Array, NDArray[np.int64]]]
) -> Array:
    """`touched_sticky` of so many runs, shape (runs,).

    `bands` are (low, high, failures, run), arrays alike. The edges of a run's bands are
    put in order; between two of them the logs add up of those bands that are open there.
    """
    found = [np.concatenate(columns) for columns in zip(*bands, strict=True)]
    if not found:
        return np.zeros(runs)
    low, high, failures, run = (column[found[2] > 0] for column in found)
    users = active * (high - low)
    sure = (users <= 1).astype(float)
    logs = failures * np.log1p(-1 / np.where(users > 1, users, np.inf))
    edges, owner = np.concatenate([low, high]), np.concatenate([run, run])
    order = np.lexsort((edges, owner))
    owner = owner[order]
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    shape = (runs, int(place.max(initial=0)) + 1)

    def by_run(values: Array, rest: float) -> Array:
        grid = np.full(shape, rest)
        grid[owner, place] = values[order]
        return grid

    left = by_run(edges, 1.0)
    spared = np.minimum(np.cumsum(by_run(np.concatenate([logs, -logs]), 0.0), axis=1), 0.0)
    certain = np.cumsum(by_run(np.concatenate([sure, -sure]), 0.0), axis=1) > 0
    wide = np.diff(left, axis=1, append=1.0)
    return np.asarray(-active * (wide * np.where(certain, -1.0, np.expm1(spared))).sum(axis=1))
