"""Few requests in clumps: errors and successes summed together.

Of n requests that no fault fails, k fail in clumps by a law that depends on n and on
how they are spread over stretches, and not on the minute's gamma factor. Nor does it
matter to how many of a total of requests are failed by faults: each is by the same
chance. So errors given the total have one law, and the total is a Poisson count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.clumps import beta_binomial
from stratsim.engine.exact.counts import Counts, Part, Side, shared
from stratsim.engine.exact.nodes import fast_length, likely, poisson, product, window
from stratsim.engine.exact.panel import Panel
from stratsim.engine.exact.symbols import Shown, tallied
from stratsim.model.quantities import Array

_SAME = 1e-6  # requests, to which features of minutes are rounded
_ALIKE, _FAINT = 1e-12, 1e-300
_TOGETHER = 16  # minutes
_BLOCK = 64  # totals
_NUMBERS = 16  # of requests


def few_together(panel: Panel, counts: Counts) -> Shown:
    """Return what alarms on the same revisions see; moments are those of these revisions."""
    sides = panel.alarms[0].sides
    if sides not in counts.together:
        counts.together[sides] = _law(counts, sides)
    low, law = counts.together[sides]
    total = low + np.arange(law.shape[2], dtype=float)[:, None]
    errors = np.minimum(np.arange(law.shape[3], dtype=float), total)
    level, codes = panel.levels(errors, total - errors, counts.hosts)
    each = tallied(level, law.reshape(*law.shape[:2], -1), codes.shape[1])
    found = tallied(codes, each[..., None, :], panel.size)
    return Shown(found[0], found[1:])


# -- errors among a total of requests ---------------------------------------------------


def _law(counts: Counts, sides: Side) -> tuple[int, Array]:
    """Return the least total; chances and moments (1 + measures, minutes, totals, errors).

    Of a total t each request is failed by faults with chance q. On the event of e errors
    in all, the mean number of those so failed is t q times the chance of e - 1 errors
    among t - 1.
    """
    parts, share = counts.of(sides), counts.met_share(sides)[1]
    plain, plainly = counts.plainly(parts)
    number = plain + np.sum([part.rest for part in parts], axis=0)
    mass = poisson(counts.nodes * number[:, None], np.zeros((0, counts.size)))
    totals = mass.values[:, None]
    least, top = max(mass.low - 1, 0), int(mass.values[-1])
    law, q = _among(parts, top, counts), shared(plain, number)
    width = min(int(counts.bounds(sides)[1].max()), top) + 1
    chance = counts.averaged(mass.p)[..., None]

    def spread(table: Array) -> Array:
        return _beside_faults(table, q, least, width)

    among = np.maximum(spread(law.p), 0.0)
    fewer = among[:, : len(totals)] if mass.low else np.pad(among, [(0, 0), (1, 0), (0, 0)])[:, :-1]
    p = chance * among[:, -len(totals) :]
    here = likely(p)
    one_less = np.pad(fewer, [(0, 0), (0, 0), (1, 0)])[..., here]
    failed = chance * totals * q[:, None, None] * one_less
    found = np.stack([p[..., here], *(each[:, None, None] * failed for each in plainly)])
    if share.any():
        found[2] += share[:, None, None] * (totals * found[0] - failed)
    if (extra := law.beside(share)) is not None:
        found[2] += (chance * spread(extra)[:, -len(totals) :])[..., here]
    return mass.low, found


def _beside_faults(table: Array, q: Array, least: int, width: int) -> Array:
    """Return sums of k of `table` (minutes or 1, n, k) and the number that faults fail.

    Of at least `least` requests each is failed with chance `q` (minutes,). Sums beyond
    `width` are next to impossible. The transform of a number that is certain is a turn.
    """
    length = fast_length(max(width, table.shape[-1]))
    n = np.arange(table.shape[1])
    turns = np.exp(2j * np.pi / length * np.arange(length // 2 + 1) * n[:, None])
    ahead = np.fft.rfft(table, length) * turns
    found = np.empty((len(q), len(n) - least, ahead.shape[-1]), dtype=complex)
    for minute, chance in enumerate(q.tolist()):
        own = ahead[minute if len(ahead) > 1 else 0].view(float)
        if chance == 0:
            found[minute] = own[least:].view(complex)
            continue
        for begin in range(least, len(n), _BLOCK):
            totals = n[begin : begin + _BLOCK]
            low, ways = _binomial(totals, 1 - chance)
            sums = product(ways, own[low : low + ways.shape[1]])
            found[minute, begin - least : begin - least + len(totals)] = sums.view(complex)
    found *= turns[least:].conj()
    return np.asarray(np.fft.irfft(found, length)[..., :width])


def _binomial(totals: Index, share: float) -> tuple[int, Array]:
    """Return the least likely number of some `totals`, and P(it, and more) (totals, any)."""
    last = int(totals[-1])
    spread = 8 * np.sqrt(last * share * (1 - share)) + 16
    low = max(int(totals[0] * share - spread), 0)
    n = np.arange(low, min(int(last * share + spread), last) + 1)
    rest = np.maximum(totals[:, None] - n, 0)
    some = gammaln(totals + 1.0)[:, None] - gammaln(n + 1.0) - gammaln(rest + 1.0)
    logs = some + n * np.log(max(share, _FAINT)) + rest * np.log(max(1 - share, _FAINT))
    return low, np.where(n <= totals[:, None], np.exp(np.minimum(logs, 0.0)), 0.0)


# -- errors in clumps among a number of requests ---------------------------------------


@dataclass(slots=True)
class _Law:
    """P(k among n) (minutes or 1, n, k) and the mean number of errors that met a fault.

    That mean, on the event of k errors, is ``rate`` (minutes,) times k times P(k), and
    ``extra`` (minutes, n, k) where stretches differ.
    """

    p: Array
    rate: Array
    extra: Array | None = None

    def beside(self, share: Array) -> Array | None:
        """Return that mean less `share` times k, or None where it is the same."""
        differs = self.rate - share
        if self.extra is None and np.abs(differs).max() < _ALIKE:
            return None
        found = differs[:, None, None] * np.arange(self.p.shape[-1]) * self.p
        return found if self.extra is None else found + self.extra


def _among(parts: Sequence[Part], top: int, counts: Counts) -> _Law:
    """Return the law of errors in clumps among up to `top` requests of all parts."""
    there = [part for part in parts if part.rest.any()]
    if not there:
        return _Law(np.ones((1, top + 1, 1)), np.zeros(counts.size))
    high = min(int(window(np.zeros(()), np.array(top * counts.base), counts.dispersion)[1]), top)
    k = np.arange(high + 1.0)
    alone = beta_binomial(np.arange(top + 1.0)[:, None], k, counts.base, counts.dispersion)
    alone = alone[:, : likely(alone).stop]
    law, rest = _Law(alone[None], there[0].rest_met), there[0].rest
    for part in there[1:]:
        law = _joined(law, alone, rest, part)
        rest = rest + part.rest
    return law


def _joined(law: _Law, alone: Array, rest: Array, part: Part) -> _Law:
    """Return the law with another stretch, whose own is `alone` (n, k)."""
    whole = rest + part.rest
    share = shared(rest, whole)
    p = np.maximum(_spread(law.p, alone, share), 0.0)
    p = p[..., : likely(p).stop]
    differs = law.rate - part.rest_met
    if law.extra is None and (np.abs(differs) * np.minimum(rest, part.rest) < _SAME).all():
        rate = np.where(rest > part.rest, law.rate, part.rest_met)
        return _Law(p, rate)
    own = differs[:, None, None] * np.arange(law.p.shape[-1]) * law.p
    extra = _spread(own if law.extra is None else own + law.extra, alone, share)
    extra = extra[..., : p.shape[-1]]
    return _Law(p, part.rest_met, extra)


def _spread(first: Array, second: Array, share: Array) -> Array:
    """Return sums of k of `first` (minutes or 1, n, k) and `second` (n, k).

    Of n requests a binomial number are the first's: each has its ``share`` (minutes,).
    Means and variances of k given n are the same however n are spread: the sums reach
    hardly farther than either, and what does so may come round to the small ones.
    """
    size = second.shape[-1] * 5 // 4 + 8
    length = fast_length(size)
    ahead, behind = np.fft.rfft(first, length), np.fft.rfft(second, length)
    twins = np.may_share_memory(first, second)
    share = np.minimum(share, 1 - share) if twins else share
    if len(ahead) == 1:
        # minutes of one law differ in their shares alone
        each, which = np.unique(share, return_inverse=True)
    else:
        order = np.argsort(share, kind="stable")
        each, ahead, which = share[order], ahead[order], np.argsort(order)
    found = np.empty((len(each), len(second), ahead.shape[-1]), dtype=complex)
    for begin in range(0, len(each), _TOGETHER):
        here = slice(begin, begin + _TOGETHER)
        some = ahead[here] if len(ahead) > 1 else ahead
        found[here] = _mixed(some, behind, each[here], twins=twins)
    return np.asarray(np.fft.irfft(found, length)[which, :, :size])


def _mixed(
    ahead: NDArray[np.complex128], behind: NDArray[np.complex128], share: Array, *, twins: bool
) -> NDArray[np.complex128]:
    """Return transforms of the sums, (minutes, n, frequencies).

    It does not matter which of `twins` has the smaller number.
    """
    found = np.empty((len(share), len(behind), 2 * behind.shape[-1]))
    ways = gammaln(np.arange(len(behind)) + 1.0)
    ours, others = np.log(np.maximum([share, 1 - share], _FAINT))[..., None, None]
    step = max(_NUMBERS // len(ahead), 1)
    for begin in range(0, len(behind), step):
        n = np.arange(begin, min(begin + step, len(behind)))
        spread = 8 * np.sqrt(n[-1] * share * (1 - share)) + 16
        low, high = max(int((n[0] * share - spread).min()), 0), int((n[-1] * share + spread).max())
        mine = np.arange(low, min(high, n[-1] // 2 if twins else n[-1]) + 1)
        rest = n[:, None] - mine
        there, rest = rest >= (mine if twins else 0), np.maximum(rest, 0)
        some = np.where(there, ways[n, None] - ways[mine] - ways[rest], -np.inf)
        p = np.exp(some + mine * ours + rest * others)
        if twins and high > n[0] // 2:
            p += (mine < rest) * np.exp(some + rest * ours + mine * others)
        pairs = (ahead[:, None, mine] * behind[rest]).view(float)
        sums = np.swapaxes(p, 0, 1) @ pairs[0] if len(pairs) == 1 else p[..., None, :] @ pairs
        found[:, n] = np.swapaxes(sums, 0, 1) if len(pairs) == 1 else sums[..., 0, :]
    return found.view(complex)
