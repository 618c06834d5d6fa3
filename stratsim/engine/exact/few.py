"""Few requests in clumps: errors and successes summed together.

Of n requests that no fault fails, k fail in clumps by a law that depends on n and on
how they are spread over stretches, and not on the minute's gamma factor; n itself and
the other errors f are Poisson counts. The code of an alarm depends on the errors f + k
among the requests f + n: for given f and n it changes at a few k.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.clumps import beta_binomial
from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts, Part, shared
from stratsim.engine.exact.nodes import NOTHING, fast_length, likely, poisson, window
from stratsim.engine.exact.symbols import MEASURES, Shown, joint, tallied
from stratsim.model.quantities import Array

_SAME = 1e-6  # requests, to which features of minutes are rounded
_ALIKE, _FAINT = 1e-12, 1e-300
_TOGETHER = 16  # minutes


@dataclass(slots=True)
class _Pairs:
    """Likely pairs of f and n, (pairs,), and their ``chance`` (minutes, pairs).

    ``row`` is the place of n among all, from the least on.
    """

    f: Index
    n: Index
    row: Index
    chance: Array

    @classmethod
    def of(cls, counts: Counts, parts: Sequence[Part]) -> "_Pairs":
        f, rest = counts.plain(parts), np.sum([part.rest for part in parts], axis=0)
        n = poisson(counts.nodes * rest[:, None], np.zeros((0, counts.size)))
        chance = np.swapaxes(counts.weights[..., None] * f.p, 1, 2) @ n.p  # (minutes, f, n)
        of_f, of_n = np.nonzero(chance.max(axis=0) > NOTHING)
        least = int(of_n.min())
        return cls(of_f + f.low, of_n + n.low, of_n - least, chance[:, of_f, of_n])


def few_together(judges: Sequence[Judge], counts: Counts) -> Shown:
    """Return what alarms on the same revisions see; moments are those of these revisions."""
    sides, size = judges[0].sides, 3 ** len(judges)
    parts, share = counts.of(sides), counts.met_share(sides)[1]
    pairs, plainly = _Pairs.of(counts, parts), counts.plainly(parts)[1]
    law = _among(parts, pairs.n.min(), pairs.n.max(), counts)
    upto = [_upto(table) for table in (law.p, law.beside(share)) if table is not None]
    found = Shown(np.zeros((counts.size, size)), np.zeros((MEASURES, counts.size, size)))
    for codes, at, low, high in _cuts(judges, counts, pairs, law.p.shape[-1]):
        chance, row = pairs.chance[:, at], pairs.row[at]
        p, *more = (chance * (sums[:, row, high] - sums[:, row, low]) for sums in upto)
        each = tallied(codes, np.stack([p, p * pairs.f[at], p * pairs.n[at], *more]), size)
        found.add(Shown(each[0], plainly[..., None] * each[1]))
        found.x[1] += share[:, None] * each[2] + each[3:].sum(axis=0)
    return found


def _upto(table: Array) -> Array:
    """Return sums over the values before each one, (minutes, n, values + 1)."""
    found = np.zeros((*table.shape[:-1], table.shape[-1] + 1))
    np.cumsum(table, axis=-1, out=found[..., 1:])
    return found


def _cuts(
    judges: Sequence[Judge], counts: Counts, pairs: _Pairs, width: int
) -> Iterator[tuple[Index, Index, Index, Index]]:
    """Yield codes of some pairs, which pairs these are, and the k from and before which."""
    f, n = pairs.f, pairs.n
    errors = np.arange(f.min(), f.max() + width)
    total = np.arange((f + n).min(), (f + n).max() + 1)
    e = np.minimum(errors, total[:, None])
    codes = joint([judge.codes(e, total[:, None] - e, counts.hosts) for judge in judges])
    rows, columns = np.nonzero(codes[:, 1:] != codes[:, :-1])
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    edges = np.full((len(total), int(place.max(initial=-1)) + 3), len(errors))
    edges[:, 0] = 0
    edges[rows, place + 1] = columns + 1
    row = f + n - total[0]
    bounds = np.clip(edges[row] + (errors[0] - f)[:, None], 0, width)
    bounds[:, -1] = width
    for piece in range(edges.shape[1] - 1):
        low, high = bounds[:, piece], bounds[:, piece + 1]
        at = np.nonzero(high > low)[0]
        yield codes[row[at], edges[row[at], piece]], at, low[at], high[at]


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


def _among(parts: Sequence[Part], low: int, top: int, counts: Counts) -> _Law:
    """Return the law of errors in clumps among `low` to `top` requests of all parts."""
    there = [part for part in parts if part.rest.any()]
    if not there:
        return _Law(np.ones((1, top - low + 1, 1)), np.zeros(counts.size))
    high = min(int(window(np.zeros(()), np.array(top * counts.base), counts.dispersion)[1]), top)
    k = np.arange(high + 1.0)
    alone = beta_binomial(np.arange(top + 1.0)[:, None], k, counts.base, counts.dispersion)
    alone = alone[:, : likely(alone).stop]
    law, rest = _Law(alone[None], there[0].rest_met), there[0].rest
    for part in there[1:]:
        law = _joined(law, alone, rest, part)
        rest = rest + part.rest
    extra = law.extra
    return _Law(law.p[:, low:], law.rate, extra if extra is None else extra[:, low:])


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
    found = np.empty((len(share), len(second), ahead.shape[-1]), dtype=complex)
    twins = np.may_share_memory(first, second)
    share = np.minimum(share, 1 - share) if twins else share
    order = np.argsort(share, kind="stable")
    for begin in range(0, len(order), _TOGETHER):
        here = order[begin : begin + _TOGETHER]
        some = ahead[here] if len(ahead) > 1 else ahead
        found[here] = _mixed(some, behind, share[here], twins=twins)
    return np.asarray(np.fft.irfft(found, length)[..., :size])


def _mixed(
    ahead: NDArray[np.complex128], behind: NDArray[np.complex128], share: Array, *, twins: bool
) -> NDArray[np.complex128]:
    """Return transforms of the sums, (minutes, n, frequencies).

    It does not matter which of `twins` has the smaller number.
    """
    found = np.empty((len(share), len(behind), 2 * behind.shape[-1]))
    ways = gammaln(np.arange(len(behind)) + 1.0)
    ours, others = np.log(np.maximum([share, 1 - share], _FAINT))[..., None]
    for n in range(len(behind)):
        spread = 8 * np.sqrt(n * share * (1 - share)) + 16
        low, high = max(int((n * share - spread).min()), 0), int((n * share + spread).max())
        mine = np.arange(low, min(high, n // 2 if twins else n) + 1)
        rest = n - mine
        some = ways[n] - ways[mine] - ways[rest]
        p = np.exp(some + mine * ours + rest * others)
        if twins and high > n // 2:
            p += (mine < rest) * np.exp(some + rest * ours + mine * others)
        pairs = (ahead[:, mine] * behind[rest]).view(float)
        found[:, n] = p @ pairs[0] if len(pairs) == 1 else (p[:, None] @ pairs)[:, 0]
    return found.view(complex)
