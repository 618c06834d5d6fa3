"""The number of requests in one period and how many of them are bad.

Requests are Poisson, or of another variance/mean: negative binomial above 1,
binomial below, fixed at 0. Given their number, a fault makes each of those that
it reaches bad independently, and background errors are beta-binomial of the given
variance/mean. These are the laws by which the engines draw.
"""

from dataclasses import dataclass
from math import ceil, floor, sqrt

import numpy as np

from stratsim.model.quantities import Array

REACH = 9.0  # standard deviations beyond which nothing is counted
DUST = 1e-13
NODES = 257  # values of the number of requests; beyond it neighbours share one


@dataclass(frozen=True, slots=True)
class Law:
    """Probabilities ``(requests, bad)``; `requests` and `bad` are the axes."""

    requests: Array
    bad: Array
    probability: Array

    def chances(self, cells: Array) -> tuple[float, float]:
        """Return the probabilities that a period breaches and that it is missing.

        `cells` are 0 good, 1 breaching or -1 missing, broadcast to the law.
        """
        breach = float(self.probability[cells == 1].sum())
        missing = float(self.probability[cells == -1].sum())
        return _clean(breach), _clean(missing)


def _clean(chance: float) -> float:
    """Return a probability without the dust of sums by Fourier transform."""
    return 0.0 if chance < DUST else min(chance, 1.0)


def counts(mean: float, dispersion: float) -> tuple[Array, Array]:
    """Return values of a count and their probabilities."""
    if mean <= 0:
        return np.zeros(1), np.ones(1)
    if dispersion == 0:
        low = floor(mean)
        part = mean - low
        return np.array([low, low + 1.0]), np.array([1 - part, part])
    reach = REACH * sqrt(mean * max(dispersion, 1.0)) + 20 * max(dispersion, 1.0)
    values = np.arange(max(0, floor(mean - reach)), ceil(mean + reach) + 1, dtype=np.float64)
    chances = np.exp(_log_count(values, mean, dispersion))
    return _thinned(values, chances / chances.sum())


def _log_count(values: Array, mean: float, dispersion: float) -> Array:
    from scipy.special import gammaln, xlogy

    if dispersion == 1:
        return np.asarray(xlogy(values, mean) - mean - gammaln(values + 1))
    if dispersion > 1:
        size = mean / (dispersion - 1)
        log_choose = gammaln(values + size) - gammaln(size) - gammaln(values + 1)
        success = 1 / dispersion
        return np.asarray(log_choose + size * np.log(success) + values * np.log1p(-success))
    tries = round(mean / (1 - dispersion))
    return _log_binomial(np.array(float(tries)), values, 1 - dispersion)


def _log_choose(n: Array, k: Array) -> Array:
    from scipy.special import gammaln

    inside = k <= n
    rest = np.where(inside, n - k, 0.0)
    logs = gammaln(n + 1) - gammaln(k + 1) - gammaln(rest + 1)
    return np.where(inside, logs, -np.inf)


def _log_binomial(n: Array, k: Array, p: float) -> Array:
    from scipy.special import xlog1py, xlogy

    rest = np.maximum(n - k, 0.0)
    return np.asarray(_log_choose(n, k) + xlogy(k, p) + xlog1py(rest, -p))


def _thinned(values: Array, chances: Array) -> tuple[Array, Array]:
    """Let neighbours share a value where there are more than `NODES`."""
    if len(values) <= NODES:
        return values, chances
    width = -(-len(values) // NODES)
    starts = np.arange(0, len(values), width)
    sums = np.add.reduceat(chances, starts)
    means = np.add.reduceat(chances * values, starts) / np.where(sums > 0, sums, 1.0)
    return np.rint(np.where(sums > 0, means, values[starts])), sums


def period_law(
    mean: float, dispersion: float, fault: float, background: float, clumping: float
) -> Law:
    """Return the law of one period.

    Parameters
    ----------
    mean, dispersion
        Of the number of requests.
    fault
        Share of the requests that a fault makes bad.
    background
        Share that is bad among the rest.
    clumping
        Variance/mean of the background's bad ones.
    """
    requests, chances = counts(mean, dispersion)
    n, fewest, most = requests[:, None], float(requests[0]), float(requests[-1])
    if clumping <= 1 or background <= 0:
        bad = _axis(fewest, most, fault + (1 - fault) * background, 1.0)
        given = np.exp(_log_binomial(n, bad[None, :], fault + (1 - fault) * background))
    else:
        top = _axis(fewest, most, fault, 1.0)
        rest = _axis(0.0, most, background, clumping)
        by_fault = np.exp(_log_binomial(n, top[None, :], fault))
        others = _beta_binomial(np.rint(n * (1 - fault)), rest[None, :], background, clumping)
        given = _sums(by_fault, others)
        bad = top[0] + np.arange(given.shape[1], dtype=np.float64)
    return Law(requests, bad, chances[:, None] * given)


def _axis(fewest: float, most: float, p: float, dispersion: float) -> Array:
    """Return the counts that matter of between `fewest` and `most` tries of chance `p`."""
    low = fewest * p - REACH * sqrt(fewest * p * dispersion) - 30 * dispersion
    high = most * p + REACH * sqrt(most * p * dispersion) + 30 * dispersion
    return np.arange(max(0, floor(low)), min(most, ceil(high)) + 1, dtype=np.float64)


def _beta_binomial(n: Array, k: Array, p: float, dispersion: float) -> Array:
    """Return P(k of n) where the share itself varies: variance/mean of `dispersion`."""
    from scipy.special import betaln

    rho = np.clip((dispersion - 1) / np.maximum(n - 1, 1e-9), 1e-12, 0.999)
    scale = (1 - rho) / rho
    a, b = p * scale, (1 - p) * scale
    rest = np.maximum(n - k, 0.0)
    clumped = np.exp(_log_choose(n, k) + betaln(k + a, rest + b) - betaln(a, b))
    plain = np.exp(_log_binomial(n, k, p))
    return np.where(n < 2, plain, clumped)


def _sums(one: Array, other: Array) -> Array:
    """Return the law of the sum of two independent counts, row by row."""
    size = one.shape[1] + other.shape[1] - 1
    product = np.fft.rfft(one, size) * np.fft.rfft(other, size)
    return np.maximum(np.fft.irfft(product, size), 0.0)
