"""Small distributions as arrays: Poisson, binomial, beta-binomial, gamma nodes.

A distribution of whole numbers is a `Mass`: probabilities from ``low`` on, and
beside them moments E[X; value] of what was counted.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from stratsim.model.quantities import Array

TINY = 1e-14
"""Probabilities below this are left out."""

_SPREADS = 8.0  # standard deviations on both sides; what lies beyond is below 1e-14
_ROOM = 24
_MANY = 50


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
    return Mass(low, p, shares[:, None, None] * (p * k))


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


def clumped(means: Array, share: float, dispersion: float, measured: Array) -> Mass:
    """Return beta-binomial counts among Poisson numbers of requests of `means` (nodes,).

    The variance is `dispersion` times the mean: intra-class correlation
    rho = (dispersion - 1) / (n - 1), as `stratsim.engine.batch.flow.Dice.clumped`.
    """
    numbers, weights = _poisson_nodes(means)
    top = float(numbers.max())
    high = min(window(0.0, top * share, dispersion)[1], int(top))
    k = np.arange(high + 1, dtype=float)
    p = np.einsum("gn,gnk->gk", weights, _beta_binomial(numbers[..., None], k, share, dispersion))
    return Mass(0, p, measured[:, None, None] * (p * k))


def _poisson_nodes(means: Array) -> tuple[Array, Array]:
    """Return numbers and weights (nodes, any) for means over a Poisson count.

    What is averaged hardly varies within the spread of a large count: a few nodes
    of Gauss and Hermite do. Small counts are summed one by one.
    """
    top = float(means.max())
    if top > _MANY:
        z, w = np.polynomial.hermite_e.hermegauss(5 if top > 10 * _MANY else 9)
        numbers = np.maximum(means[:, None] + np.sqrt(means)[:, None] * z, 0.0)
        return numbers, np.tile(w / w.sum(), (len(means), 1))
    mass = poisson(means, np.zeros(0))
    return np.broadcast_to(mass.values, mass.p.shape), mass.p


def _beta_binomial(n: Array, k: Array, share: float, dispersion: float) -> Array:
    """Return P(k) among `n`, from P(0) on by the ratios of neighbours."""
    from scipy.special import betaln

    rho = np.minimum((dispersion - 1) / np.maximum(n - 1, 1e-9), 0.999)
    scale = (1 - rho) / rho
    a, b = np.maximum(share * scale, 1e-9), (1 - share) * scale + 1e-9
    alone = n < 2  # so few are not clumped
    first = np.where(alone, n * np.log1p(-share), betaln(a, n + b) - betaln(a, b))
    at, left = k[:-1], np.maximum(n - k[:-1], 0.0)
    odds = np.where(alone, share / (1 - share), (at + a) / np.maximum(left - 1 + b, 1e-300))
    with np.errstate(divide="ignore"):
        steps = np.log(left / (at + 1) * odds)
    return np.asarray(np.exp(first + np.concatenate([0 * n, np.cumsum(steps, axis=-1)], axis=-1)))


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
