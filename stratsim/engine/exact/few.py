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

from stratsim.engine.exact.clumps import beta_binomial
from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts, Part
from stratsim.engine.exact.nodes import fast_length, likely, poisson, window
from stratsim.engine.exact.symbols import MEASURES, Shown, joint
from stratsim.model.quantities import Array

Index = NDArray[np.int64]

_FAR = 1 << 40
_SAME = 1e-6  # requests, to which features of minutes are rounded
_TOGETHER = 16  # minutes


def few_together(judges: Sequence[Judge], counts: Counts) -> Shown:
    """Return what alarms on the same revisions see; moments are those of these revisions."""
    sides, size = judges[0].sides, 3 ** len(judges)
    parts = counts.of(sides)
    f = counts.plain(parts)
    rest = np.sum([part.rest for part in parts], axis=0)
    n = poisson(counts.nodes * rest[:, None], np.zeros((0, counts.size)))
    weighted = counts.weights[..., None] * f.p
    chance = np.swapaxes(weighted, 1, 2) @ n.p  # (minutes, f, n)
    share, of_plain = counts.met_share(sides)[1], counts.plainly(parts)[1]
    law = _among(parts, n.low, n.p.shape[-1], counts)
    upto = [_upto(law.p), _upto(law.p * np.arange(law.p.shape[-1]))]
    factors = [np.ones(counts.size), law.rate - share]
    if law.extra is not None:
        upto, factors = [*upto, _upto(law.extra)], [*factors, np.ones(counts.size)]
    found = Shown(np.zeros((counts.size, size)), np.zeros((MEASURES, counts.size, size)))
    for codes, low, high in _cuts(judges, counts, f.values, n.values, law.p.shape[-1]):
        at = np.arange(len(n.values))[None, :]
        each = [chance * (table[:, at, high] - table[:, at, low]) for table in upto]
        plain, number = each[0] * f.values[:, None], each[0] * n.values
        which = (codes.reshape(-1, 1) == np.arange(size)).astype(float)
        p, of_f, of_n, *of_k = (
            one.reshape(counts.size, -1) @ which for one in (each[0], plain, number, *each[1:])
        )
        found.p += p
        found.x += of_plain[..., None] * of_f
        found.x[1] += share[:, None] * of_n
        for factor, one in zip(factors[1:], of_k, strict=True):
            found.x[1] += factor[:, None] * one
    return found


def _upto(table: Array) -> Array:
    """Return sums over the values before each one, (minutes, n, values + 1)."""
    return np.pad(np.cumsum(table, axis=-1), [(0, 0), (0, 0), (1, 0)])


def _cuts(
    judges: Sequence[Judge], counts: Counts, f: Array, n: Array, width: int
) -> Iterator[tuple[Index, Index, Index]]:
    """Yield codes, and the k from which and before which they hold, (f, n) each."""
    total = f[0] + n[0] + np.arange(len(f) + len(n) - 1)
    errors = f[0] + np.arange(len(f) + width - 1)
    e = np.minimum(errors, total[:, None])
    codes = joint([judge.codes(e, total[:, None] - e, counts.hosts) for judge in judges])
    rows, columns = np.nonzero(codes[:, 1:] != codes[:, :-1])
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    edges = np.full((len(total), int(place.max(initial=-1)) + 3), _FAR)
    edges[:, 0] = 0
    edges[rows, place + 1] = columns + 1
    at = np.arange(len(f))[:, None] + np.arange(len(n))
    bounds = np.clip(edges[at] - np.arange(len(f))[:, None, None], 0, width)
    last = np.minimum(edges, len(errors) - 1)
    for piece in range(edges.shape[1] - 1):
        low, high = bounds[..., piece], bounds[..., piece + 1]
        if (high > low).any():
            yield codes[at, last[at, piece]], low, high


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


def _among(parts: Sequence[Part], low: int, count: int, counts: Counts) -> _Law:
    """Return the law of errors in clumps among ``low``, ``low`` + 1, ... requests of all parts."""
    there = [part for part in parts if part.rest.any()]
    if not there:
        return _Law(np.ones((1, count, 1)), np.zeros(counts.size))
    top = low + count - 1
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
    share = np.where(whole > 0, rest / np.where(whole > 0, whole, 1.0), 0.0)
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
    """
    size = first.shape[-1] + second.shape[-1] - 1
    length = fast_length(size)
    ahead, behind = np.fft.rfft(first, length), np.fft.rfft(second, length)
    found = np.empty((len(share), len(second), ahead.shape[-1]), dtype=complex)
    order = np.argsort(share, kind="stable")
    for begin in range(0, len(order), _TOGETHER):
        here = order[begin : begin + _TOGETHER]
        found[here] = _mixed(ahead if len(ahead) == 1 else ahead[here], behind, share[here])
    return np.asarray(np.fft.irfft(found, length)[..., :size])


def _mixed(ahead: NDArray[np.complex128], behind: NDArray[np.complex128], share: Array) -> Array:
    """Return transforms of the sums, (minutes, n, frequencies)."""
    numbers = len(behind)
    ways = gammaln(np.arange(numbers) + 1.0)
    logs = np.log(np.maximum(np.stack([share, 1 - share]), 1e-300))
    found = np.empty((len(share), numbers, 2 * behind.shape[-1]))
    for n in range(numbers):
        spread = 9 * np.sqrt(n * share * (1 - share)) + 24
        low = max(int((n * share - spread).min()), 0)
        mine = np.arange(low, min(int((n * share + spread).max()), n) + 1)
        odds = ways[n] - ways[mine] - ways[n - mine] + logs[0][:, None] * mine
        p = np.exp(odds + logs[1][:, None] * (n - mine))
        pairs = (ahead[:, mine] * behind[n - mine]).view(float)
        found[:, n] = p @ pairs[0] if len(pairs) == 1 else (p[:, None] @ pairs)[:, 0]
    return found.view(complex)
