"""Small distributions as arrays: Poisson, binomial, gamma nodes.

A distribution of whole numbers is a `Mass`: probabilities from ``low`` on, and
beside them moments E[X; value] of what was counted.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stratsim.model.quantities import Array

TINY = 1e-14
"""Probabilities below this are left out."""

MOST_NODES = 64

_SPREADS = 8.0  # standard deviations on both sides; what lies beyond is below 1e-14
_ROOM = 24
_NOTHING = 1e-18  # of a single value at the ends of a window: together far below `TINY`


@dataclass(slots=True)
class Mass:
    """Probabilities ``p`` (nodes, values) of ``low``, ``low`` + 1, ...

    ``x`` (measures, nodes, values) are moments: expectations of what is measured,
    on the event that the value is this one.
    """

    low: int
    p: Array
    x: Array

    @property
    def values(self) -> Array:
        """The values, (values,)."""
        return self.low + np.arange(self.p.shape[1], dtype=float)


def enough(spread: float) -> int:
    """Return how many nodes give Poisson tails to better than 1e-7.

    ``spread`` is that of the factor's noise over that of the counts, as standard
    deviations. Found by trial against negative binomial tails.
    """
    return min(int(np.ceil(4 + 8 * spread + 4 * spread**2)), MOST_NODES)


@lru_cache(maxsize=256)
def gamma_nodes(shape: float, count: int = 12) -> tuple[Array, Array]:
    """Return nodes and weights of Gauss's rule for a gamma factor of mean 1.

    Golub and Welsch 1969: eigenvalues of the Jacobi matrix of the generalised
    Laguerre polynomials, diagonal 2 i + shape, beside it sqrt(i (i + shape - 1)).
    """
    if not np.isfinite(shape):
        return np.ones(1), np.ones(1)
    i = np.arange(count, dtype=float)
    side = np.sqrt(i[1:] * (i[1:] + shape - 1))
    values, vectors = np.linalg.eigh(np.diag(2 * i + shape) + np.diag(side, 1) + np.diag(side, -1))
    weights = vectors[0] ** 2
    keep = weights > TINY
    return np.maximum(values[keep], 0.0) / shape, weights[keep] / weights[keep].sum()


def window(mean_low: float, mean_high: float, spread: float = 1.0) -> tuple[int, int]:
    """Return the least and the largest count worth while; `spread` is variance/mean."""
    low = mean_low - _SPREADS * np.sqrt(mean_low * spread) - _ROOM * spread
    high = mean_high + _SPREADS * np.sqrt(mean_high * spread) + _ROOM * spread
    return max(int(np.floor(low)), 0), int(np.ceil(high)) if mean_high > 0 else 0


def poisson(means: Array, shares: Array) -> Mass:
    """Return Poisson counts of `means` (nodes,).

    A share of them, ``shares`` (measures,), is measured: thinning keeps the shares
    whatever the count.
    """
    from scipy.special import gammaln, xlogy

    low, high = window(float(means.min()), float(means.max()))
    k = np.arange(low, high + 1, dtype=float)
    p = np.exp(xlogy(k, means[:, None]) - means[:, None] - gammaln(k + 1))
    return trimmed(Mass(low, p, shares[:, None, None] * (p * k)))


def likely(p: Array) -> slice:
    """Return the values, last axis, between the first and the last that matter at all."""
    some = np.nonzero(p.reshape(-1, p.shape[-1]).max(axis=0) > _NOTHING)[0]
    return slice(some[0], some[-1] + 1) if len(some) else slice(0, 1)


def trimmed(mass: Mass) -> Mass:
    """Return a mass without the values at its ends that do not matter."""
    here = likely(mass.p)
    return Mass(mass.low + here.start, mass.p[:, here], mass.x[..., here])


def binomial(n: int, share: float, measured: Array) -> Mass:
    """Return binomial counts of `n`, of which the shares `measured` are measured."""
    from scipy.special import gammaln, xlog1py, xlogy

    spread = np.sqrt(n * share * (1 - share))
    low = max(int(n * share - 9 * spread - _ROOM), 0)
    high = min(int(n * share + 9 * spread + _ROOM), n) if share > 0 else 0
    k = np.arange(low, high + 1, dtype=float)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    p = np.exp(ways + xlogy(k, share) + xlog1py(n - k, -share))[None, :]
    return Mass(low, p, measured[:, None, None] * (p * k))


def added(first: Mass, second: Mass) -> Mass:
    """Return the sum of two independent counts."""
    if second.p.shape[1] == 1 and second.low == 0 and not second.x.any():
        return first
    size = first.p.shape[1] + second.p.shape[1] - 1
    p = _convolved(first.p, second.p, size)
    x = (
        np.stack(
            [
                _convolved(a, second.p, size) + _convolved(first.p, b, size)
                for a, b in zip(first.x, second.x, strict=True)
            ]
        )
        if len(first.x)
        else np.zeros((0, *p.shape))
    )
    return Mass(first.low + second.low, p, x)


def _convolved(a: Array, b: Array, size: int) -> Array:
    """Return the convolution along the last axis, node by node."""
    short, long = (a, b) if a.shape[1] < b.shape[1] else (b, a)
    if short.shape[1] > 24:
        long_ = 1 << (size - 1).bit_length()
        turned = np.fft.rfft(a, long_) * np.fft.rfft(b, long_)
        return np.maximum(np.fft.irfft(turned, long_)[:, :size], 0.0)
    found = np.zeros((max(len(a), len(b)), size))
    width = long.shape[1]
    for k in range(short.shape[1]):
        found[:, k : k + width] += short[:, k : k + 1] * long
    return found


def folded(first: Array, second: Array) -> Array:
    """Return the convolution along the last two axes; all of `second` is a matrix per node."""
    if first.shape[-2:] == (1, 1):
        return np.asarray(first * second)
    if first.shape[-1] == 1:
        return np.asarray(_shifts(first[..., 0], second.shape[-2]) @ second)
    from scipy.fft import irfft2, next_fast_len, rfft2

    rows, columns = (a + b - 1 for a, b in zip(first.shape[-2:], second.shape[-2:], strict=True))
    size = next_fast_len(rows, real=True), next_fast_len(columns, real=True)
    turned = rfft2(first, size) * rfft2(second, size)
    return np.asarray(irfft2(turned, size)[..., :rows, :columns])


def _shifts(values: Array, count: int) -> Array:
    """Return matrices whose columns are `values`, each a place below the last."""
    long = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(count - 1, count - 1)])
    # a copy: products of views with overlaps do not reach BLAS
    return np.ascontiguousarray(sliding_window_view(long, count, axis=-1)[..., ::-1])
