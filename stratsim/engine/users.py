"""How many distinct users a number of failures touches."""

import math
from collections.abc import Sequence

import numpy as np

from stratsim.model.quantities import Array


def touched(active: int, log_spared: float) -> float:
    """Return the expected distinct users among `active`.

    `log_spared` is the sum over failures of log(1 - 1/active): the log of the
    chance that one given user is spared by all of them.
    """
    return 0.0 - active * math.expm1(log_spared)


def touched_sticky(active: int, bands: Sequence[tuple[float, float]], spread: float) -> float:
    """Return the expected distinct users where each is pinned to a revision.

    Every user has one fixed uniform number; at weight w the new revision has
    those below w. `bands` are (w, failures among them); `spread` failures hit
    anybody. Users between two weights met only the failures at larger weights.
    """
    total, below = 0.0, 0.0
    for weight in sorted({w for w, _ in bands} | {1.0}):
        users = active * (weight - below)
        spared = _log_missed(active) * spread if spread else 0.0
        spared += sum(f * _log_missed(active * w) for w, f in bands if w >= weight)
        total -= users * math.expm1(spared)
        below = weight
    return total


def _log_missed(users: float) -> float:
    return math.log1p(-1.0 / users) if users > 1 else -math.inf


def touched_many(active: int, failures: Array) -> Array:
    """`touched` of arrays, from the number of failures."""
    if active <= 1:
        return np.where(failures > 0, float(active), 0.0)
    return np.asarray(-active * np.expm1(failures * _log_missed(active)))
