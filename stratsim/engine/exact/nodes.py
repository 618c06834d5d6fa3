"""Small distributions as arrays: Poisson, binomial, gamma nodes.

A distribution of whole numbers is a `Mass`: probabilities from ``low`` on, and
beside them moments E[X; value] of what was counted.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from stratsim.model.quantities import Array

TINY = 1e-14
"""Probabilities below this are left out."""

MOST_NODES = 64

_SPREADS = 8.0  # standard deviations on both sides; what lies beyond is below 1e-14
_ROOM = 24
_ALONE = 1 << 18  # multiplications up to which OpenBLAS takes one thread
_SHORT = 24  # values up to which sums are taken one by one
NOTHING = 1e-18
"""Chances of single values below this do not matter: together they are far below `TINY`."""


@dataclass(slots=True)
class Mass:
    """Probabilities ``p`` (minutes, nodes, values) of ``low``, ``low`` + 1, ...

    ``x`` (measures, minutes, nodes, values) are moments: expectations of what is
    measured, on the event that the value is this one.
    """

    low: int
    p: Array
    x: Array

    @property
    def values(self) -> Array:
        """The values, (values,)."""
        return self.low + np.arange(self.p.shape[-1], dtype=float)


def enough(spread: float) -> int:
    """Return how many nodes give Poisson tails to better than 1e-7.

    ``spread`` is that of the factor's noise over that of the counts, as standard
    deviations. Found by trial against negative binomial tails.
    """
    return min(int(np.ceil(4 + 8 * spread + 4 * spread**2)), MOST_NODES)


@lru_cache(maxsize=4096)
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


def window(mean_low: Array, mean_high: Array, spread: float = 1.0) -> tuple[Array, Array]:
    """Return the least and the largest count worth while; `spread` is variance/mean."""
    low = mean_low - _SPREADS * np.sqrt(mean_low * spread) - _ROOM * spread
    high = mean_high + _SPREADS * np.sqrt(mean_high * spread) + _ROOM * spread
    return np.maximum(np.floor(low), 0.0), np.where(mean_high > 0, np.ceil(high), 0.0)


def poisson(means: Array, shares: Array) -> Mass:
    """Return Poisson counts of `means` (minutes, nodes).

    A share of them, ``shares`` (measures, minutes), is measured: thinning keeps the
    shares whatever the count.
    """
    from scipy.special import gammaln, xlogy

    low, high = window(means.min(), means.max())
    k = np.arange(float(low), float(high) + 1)
    p = np.exp(xlogy(k, means[..., None]) - means[..., None] - gammaln(k + 1))
    return trimmed(Mass(int(low), p, shares[..., None, None] * (p * k)))


def likely(p: Array) -> slice:
    """Return the values, last axis, between the first and the last that matter at all."""
    some = np.nonzero(p.reshape(-1, p.shape[-1]).max(axis=0) > NOTHING)[0]
    return slice(some[0], some[-1] + 1) if len(some) else slice(0, 1)


def trimmed(mass: Mass) -> Mass:
    """Return a mass without the values at its ends that do not matter."""
    here = likely(mass.p)
    return Mass(mass.low + here.start, mass.p[..., here], mass.x[..., here])


def binomial(n: Array, share: Array, measured: Array) -> Mass:
    """Return binomial counts of `n` (minutes,), of which `measured` shares are measured.

    ``share`` is (minutes,), ``measured`` (measures, minutes).
    """
    from scipy.special import gammaln, xlog1py, xlogy

    spread = np.sqrt(n * share * (1 - share))
    low = np.maximum(np.floor(n * share - 9 * spread - _ROOM), 0.0).min()
    high = np.where(share > 0, np.minimum(np.floor(n * share + 9 * spread + _ROOM), n), 0.0).max()
    k = np.arange(float(low), float(high) + 1)
    n, share = n[:, None], share[:, None]
    rest = np.maximum(n - k, 0.0)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(rest + 1)
    p = np.where(k <= n, np.exp(ways + xlogy(k, share) + xlog1py(rest, -share)), 0.0)[:, None]
    return Mass(int(low), p, measured[..., None, None] * (p * k))


def added(first: Mass, second: Mass) -> Mass:
    """Return the sum of two independent counts."""
    if second.p.shape[-1] == 1 and second.low == 0 and not second.x.any():
        return first
    whole = _convolved(*(np.concatenate([mass.p[None], mass.x]) for mass in (first, second)))
    return Mass(first.low + second.low, whole[0], whole[1:])


def _convolved(a: Array, b: Array) -> Array:
    """Return probabilities, which come first, and moments of sums, node by node."""
    size = a.shape[-1] + b.shape[-1] - 1
    short, long = (a, b) if a.shape[-1] < b.shape[-1] else (b, a)
    if short.shape[-1] > _SHORT:
        turned = _paired(*(np.fft.rfft(one, fast_length(size)) for one in (a, b)))
        return np.maximum(np.fft.irfft(turned, fast_length(size))[..., :size], 0.0)
    found = np.zeros((*long.shape[:-1], size))
    width = long.shape[-1]
    for k in range(short.shape[-1]):
        found[..., k : k + width] += _paired(short[..., k : k + 1], long)
    return found


def _paired(a: Any, b: Any) -> Any:
    """Return products of probabilities, and of each one's moments with the other's."""
    found = a * b[0]
    found[1:] += a[0] * b[1:]
    return found


def product(a: Array, b: Array) -> Array:
    """Return a @ b, in parts that BLAS does not share out to threads.

    These would wait for each other for longer than they work on products of this size.
    """
    if a.size * b.shape[1] <= _ALONE:
        return np.asarray(a @ b)
    if len(a) > b.shape[1]:
        return product(b.T, a.T).T
    step = max(_ALONE // a.size, 2)
    parts = [a @ b[:, at : at + step] for at in range(0, b.shape[1], step)]
    return np.concatenate(parts, axis=1)


def fast_length(size: int) -> int:
    """Return a length from `size` on whose transform is fast."""
    from scipy.fft import next_fast_len

    return int(next_fast_len(size, real=True))
