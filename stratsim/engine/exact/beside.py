"""Alarms on the errors of one revision beside ratios of both, for many settings.

What alarms on both see, given the errors of the one revision, does not depend on the
settings of its own alarms: it is found once, and each setting adds it up.
"""

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.exact.counts import Counts, shared
from stratsim.engine.exact.nodes import fast_length
from stratsim.engine.exact.panel import Panel
from stratsim.engine.exact.symbols import MEASURES, Shown, between, tallied
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD

BOTH = (OLD, NEW)


def beside(own: Panel, wide: Panel, counts: Counts) -> Shown:
    """Return what alarms on one revision and on both see; digits of `own` come first.

    The one revision has successes for certain: its alarms depend on its errors alone.
    """
    side = own.alarms[0].sides
    values, _, _ = counts.margin(side)
    p, x = _given(side[0], wide, counts)
    codes = own.codes(values, np.ones(1), counts.hosts)[:, None]

    def added(one: Array) -> Array:
        # own codes by each code of `wide`: (..., settings, wide, own) with the own digits first
        found = tallied(codes, one, own.size)
        return found.reshape(*found.shape[:-2], wide.size * own.size)

    return Shown(added(p), added(x))


def _given(side: int, wide: Panel, counts: Counts) -> tuple[Array, Array]:
    """Return what `wide` sees beside each number of errors of one revision.

    Chances (minutes, settings, codes, errors) and moments (measures, minutes, ...).
    """
    mine, other = counts.errors((side,)), counts.errors((OLD + NEW - side,))
    every = mine.low + other.low + np.arange(len(mine.values) + len(other.values) - 1.0)
    share = counts.met_share((NEW,))
    length = fast_length(len(every))
    turned, moved = (np.conj(np.fft.rfft(one, length))[..., None, :] for one in (other.p, other.x))
    chances, own = mine.p[:, :, None], mine.x[..., None, :]

    def ahead(chance: NDArray[np.complex128], of: NDArray[np.complex128]) -> Array:
        """Return sums of `chance` over the other's errors, for each number of mine."""
        return np.fft.irfft(chance * of, length)[..., : len(mine.values)]

    each = _by_code(wide, counts, every)
    settings = max(chance.shape[2] for chance, _ in each.values())
    p = np.zeros((counts.size, settings, wide.size, len(mine.values)))
    x = np.zeros((MEASURES, *p.shape))
    for code, (chance, mean) in each.items():
        likely, counted = np.fft.rfft(chance, length), np.fft.rfft(mean, length)
        among = np.maximum(ahead(likely, turned), 0.0)
        p[:, :, code] = counts.averaged(chances * among, 2)
        for at in range(MEASURES):
            moment = own[at] * among
            if other.x[at].any():
                moment = moment + chances * ahead(likely, moved[at])
            if share[at].any():
                some = share[at][:, None, None, None]
                moment = moment + some * chances * ahead(counted, turned)
            x[at, :, :, code] = counts.averaged(moment, 2)
    return p, x


def _by_code(wide: Panel, counts: Counts, errors: Array) -> dict[int, tuple[Array, Array]]:
    """Return by code P(code) and E[the new revision's successes; code].

    Both are (minutes, nodes, settings, errors).
    """
    new, both = counts.successes_mean((NEW,)), counts.successes_mean(BOTH)
    share = shared(new, both)[..., None, None]
    found: dict[int, tuple[Array, Array]] = {}
    for codes, _, upto, mean in between(wide, counts, BOTH, errors, both[..., None]):
        for code in np.unique(codes).tolist():
            here = codes == code
            p, x = found.get(code, (np.zeros(()), np.zeros(())))
            found[code] = p + upto * here, x + share * mean * here
    return found
