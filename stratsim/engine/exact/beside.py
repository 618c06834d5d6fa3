"""An alarm on the errors of one revision beside alarms on both, for many thresholds.

What alarms on both see, given the errors of the one revision, does not depend on
the threshold of the one alarm: it is found once, and each threshold adds it up.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts, shared
from stratsim.engine.exact.nodes import TINY, fast_length
from stratsim.engine.exact.symbols import MEASURES, Shown, between, joint, read, tallied
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD

BOTH = (OLD, NEW)
Table = tuple[Array, Array]
"""Chances (minutes, codes, errors) and moments (measures, minutes, codes, errors)."""


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

    def added(one: Array) -> Array:
        # own codes by each code of `wide`: (..., minutes, wide, own) with the own digits first
        return tallied(codes, one, base).reshape(*one.shape[:-2], size * base)

    return Shown(added(p), added(x))


def _table(side: int, wide: Sequence[Judge], counts: Counts) -> Table:
    key = (side, *(judge.decides for judge in wide))
    if key not in counts.tables:
        counts.tables[key] = _given(side, wide, counts)
    found: Table = counts.tables[key]
    return found


def _given(side: int, wide: Sequence[Judge], counts: Counts) -> Table:
    """Return what `wide` sees beside each number of errors of one revision."""
    mine, other = counts.errors((side,)), counts.errors((OLD + NEW - side,))
    every = mine.low + other.low + np.arange(len(mine.values) + len(other.values) - 1.0)
    share = counts.met_share((NEW,))
    size = 3 ** len(wide)
    p = np.zeros((counts.size, size, len(mine.values)))
    x = np.zeros((MEASURES, *p.shape))
    length = fast_length(len(every))
    turned, moved = (np.conj(np.fft.rfft(one, length)) for one in (other.p, other.x))

    def ahead(chance: NDArray[np.complex128], of: NDArray[np.complex128]) -> Array:
        """Return sums of `chance` over the other's errors, for each number of mine."""
        return np.fft.irfft(chance * of, length)[..., : len(mine.values)]

    for code, (chance, mean) in _by_code(wide, counts, every).items():
        likely, counted = np.fft.rfft(chance, length), np.fft.rfft(mean, length)
        among = np.maximum(ahead(likely, turned), 0.0)
        p[:, code] = counts.averaged(mine.p * among)
        for at in range(MEASURES):
            moment = mine.x[at] * among
            if other.x[at].any():
                moment = moment + mine.p * ahead(likely, moved[at])
            if share[at].any():
                moment = moment + mine.p * share[at][:, None, None] * ahead(counted, turned)
            x[at, :, code] = counts.averaged(moment)
    return p, x


def _by_code(
    wide: Sequence[Judge], counts: Counts, errors: Array
) -> dict[int, tuple[Array, Array]]:
    """Return by code P(code) and E[the new revision's successes; code], (minutes, nodes, errors)."""
    new, both = counts.successes_mean((NEW,)), counts.successes_mean(BOTH)
    share = shared(new, both)[..., None]
    found: dict[int, tuple[Array, Array]] = {}
    for codes, _, upto, mean in between(wide, counts, BOTH, errors, both[..., None]):
        for code in np.unique(codes).tolist():
            here = codes == code
            p, x = found.get(code, (np.zeros(()), np.zeros(())))
            found[code] = p + upto * here, x + share * mean * here
    return found
