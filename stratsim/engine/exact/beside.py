"""An alarm on the errors of one revision beside alarms on both, for many thresholds.

What alarms on both see, given the errors of the one revision, does not depend on
the threshold of the one alarm: it is found once, and each threshold adds it up.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts
from stratsim.engine.exact.nodes import TINY
from stratsim.engine.exact.symbols import MEASURES, Shown, joint, pieces, read
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD

BOTH = (OLD, NEW)
Table = tuple[Array, Array]
"""Chances (codes, errors) and moments (measures, codes, errors)."""


def suits(own: Sequence[Judge], counts: Counts) -> bool:
    """Whether alarms on one revision depend on its errors alone."""
    if not all(judge.errors_only for judge in own):
        return False
    none, _ = counts.successes_below(own[0].sides, np.ones(1))
    return bool(none.max() < TINY)


def beside(own: Sequence[Judge], wide: Sequence[Judge], counts: Counts) -> Shown:
    """Return what alarms on one revision and on both see; digits of `own` come first."""
    side = own[0].sides
    values, _, _ = counts.margin(side)
    p, x = _table(side[0], wide, counts)
    codes = np.broadcast_to(
        joint([judge.judged(read(judge, counts, values)) for judge in own]), values.shape
    )
    size, base = 3 ** len(wide), 3 ** len(own)
    at = (codes[None, :] + base * np.arange(size)[:, None]).reshape(-1)

    def added(one: Array) -> Array:
        return np.bincount(at, one.reshape(-1), minlength=size * base).astype(float)

    return Shown(added(p), np.stack([added(one) for one in x]))


def _table(side: int, wide: Sequence[Judge], counts: Counts) -> Table:
    key = (side, *(judge.decides for judge in wide))
    if key not in counts.tables:
        counts.tables[key] = _given(side, wide, counts)
    return counts.tables[key]


def _given(side: int, wide: Sequence[Judge], counts: Counts) -> Table:
    """Return what `wide` sees beside each number of errors of one revision."""
    mine, other = counts.errors((side,)), counts.errors((OLD + NEW - side,))
    low = float(mine.low + other.low)
    every = low + np.arange(len(mine.values) + len(other.values) - 1, dtype=float)
    chances, means = _by_code(wide, counts, every)
    width, weight = len(other.values), counts.weights
    share = counts.met_share((NEW,))[:, 0, 0]
    size = 3 ** len(wide)
    p = np.zeros((size, len(mine.values)))
    x = np.zeros((MEASURES, size, len(mine.values)))
    for code, chance in chances.items():
        seen = sliding_window_view(chance, width, axis=1)
        ahead = np.einsum("gkj,gj->gk", seen, other.p)
        p[code] = weight @ (mine.p * ahead)
        counted = np.einsum("gkj,gj->gk", sliding_window_view(means[code], width, axis=1), other.p)
        for at in range(MEASURES):
            failing = np.einsum("gkj,gj->gk", seen, other.x[at])
            moment = mine.x[at] * ahead + mine.p * (failing + share[at] * counted)
            x[at, code] = weight @ moment
    return p, x


def _by_code(
    wide: Sequence[Judge], counts: Counts, errors: Array
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Return P(code) and E[the new revision's successes; code], (nodes, errors) by code."""
    low, high = counts.successes(BOTH)
    edges, codes = pieces(wide, errors, low, high, counts.hosts)
    new, both = counts.successes_mean((NEW,)), counts.successes_mean(BOTH)
    share = np.where(both > 0, new / np.where(both > 0, both, 1.0), 0.0)[:, None]
    shape = (len(counts.nodes), len(errors))
    chances: dict[int, Array] = {}
    means: dict[int, Array] = {}
    below = below_mean = np.zeros(shape)
    for piece in range(codes.shape[1]):
        last = piece == codes.shape[1] - 1
        edge = np.full(len(errors), np.inf) if last else edges[:, piece]
        upto, upto_mean = counts.successes_below(BOTH, edge)
        for code in np.unique(codes[:, piece]).tolist():
            here = codes[:, piece] == code
            chances[code] = chances.get(code, np.zeros(shape)) + (upto - below) * here
            means[code] = means.get(code, np.zeros(shape)) + share * (upto_mean - below_mean) * here
        below, below_mean = upto, upto_mean
    return chances, means
