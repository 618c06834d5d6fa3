"""Background errors in clumps: beta-binomial among a Poisson number of requests.

Errors and successes of clumps are not independent, as those of a Poisson stream are:
many errors speak of many requests, and leave fewer to succeed.
"""

from functools import lru_cache

import numpy as np

from stratsim.engine.exact.nodes import likely, poisson, window
from stratsim.model.quantities import Array

_MANY = 50
_FAINT = 1e-300


def clumped(means: Array, share: float, dispersion: float) -> Array:
    """Return P(0, 1, ... errors) (minutes, nodes, values) among `means` requests.

    Beta-binomial counts among Poisson numbers. The variance is `dispersion` times the
    mean: intra-class correlation rho = (dispersion - 1) / (n - 1), as
    `stratsim.engine.batch.dice.Dice.clumped`. The largest mean of a minute says how those
    of its numbers are averaged that are not small.
    """
    size = np.searchsorted([_MANY, 10 * _MANY], means.max(axis=1))[:, None]
    size = np.where(means > _MANY, size, 0)
    each = {one: _alike(means[size == one], share, dispersion) for one in np.unique(size)}
    found = np.zeros((*means.shape, max(p.shape[-1] for p in each.values())))
    for one, p in each.items():
        found[size == one, : p.shape[-1]] = p
    return found


def _alike(means: Array, share: float, dispersion: float) -> Array:
    """Return `clumped` of means (any,) that are averaged alike."""
    each, back = np.unique(means, return_inverse=True)
    numbers, weights = _poisson_nodes(each)
    top = float(numbers.max())
    high = min(int(window(np.zeros(()), np.array(top * share), dispersion)[1]), int(top))
    among = beta_binomial(numbers[..., None], np.arange(high + 1.0), share, dispersion)
    p = weights @ among[0] if len(among) == 1 else np.einsum("gn,gnk->gk", weights, among)
    return np.asarray(p[:, : likely(p).stop][back])


def _poisson_nodes(means: Array) -> tuple[Array, Array]:
    """Return numbers and weights (means, any) for means over a Poisson count.

    What is averaged hardly varies within the spread of a large count: a few nodes
    of Gauss and Hermite do. Small counts are summed one by one: all means have the same
    numbers (1, any).
    """
    top = float(means.max())
    if top > _MANY:
        z, w = _normal_nodes(5 if top > 10 * _MANY else 9)
        numbers = np.maximum(means[:, None] + np.sqrt(means)[:, None] * z, 0.0)
        return numbers, np.tile(w, (len(means), 1))
    mass = poisson(means[:, None], np.zeros((0, len(means))))
    return mass.values[None, :], mass.p[:, 0]


@lru_cache
def _normal_nodes(count: int) -> tuple[Array, Array]:
    z, w = np.polynomial.hermite_e.hermegauss(count)
    return z, w / w.sum()


def beta_binomial(n: Array, k: Array, share: float, dispersion: float) -> Array:
    """Return P(k) among `n`, from P(0) on by the ratios of neighbours."""
    from scipy.special import betaln

    rho = np.minimum((dispersion - 1) / np.maximum(n - 1, 1e-9), 0.999)
    scale = (1 - rho) / rho
    a, b = np.maximum(share * scale, 1e-9), (1 - share) * scale + 1e-9
    alone = n < 2  # so few are not clumped
    first = np.where(alone, n * np.log1p(-share), betaln(a, n + b) - betaln(a, b))
    at, left = k[:-1], np.maximum(n - k[:-1], 0.0)
    # between whole numbers of requests none is left when less than one is
    odds = np.where(left - 1 + b > 0, (at + a) / np.maximum(left - 1 + b, _FAINT), 0.0)
    odds = np.where(alone, share / (1 - share), odds)
    with np.errstate(divide="ignore"):
        steps = np.log(left / (at + 1) * odds)
    return np.asarray(np.exp(first + np.concatenate([0 * n, np.cumsum(steps, axis=-1)], axis=-1)))


def given(means: Array, count: int, share: float, dispersion: float) -> Array:
    """Return the mean numbers of successes beside 0, 1, ... errors, (minutes, nodes, count).

    What k errors say of the number s of successes is a factor that is close to
    exp(c s) about the mean, and a Poisson count tilted so is Poisson again, of mean
    times exp(c). Against sums over both numbers the chances of ratio alarms are right
    to 5e-4 of themselves from some 300 requests on; fewer are summed (`stratsim.engine.exact.few`).
    """
    each, back = np.unique(means, return_inverse=True)
    each, k = each[:, None], np.arange(count, dtype=float)
    found = each * (1 - share) + 0 * k
    step = np.maximum(np.sqrt(each) / 2, 1.0)
    for _ in range(3):
        low, high = np.maximum(found - step, 0.5), found + step
        slope = (_factor(high, k, share, dispersion) - _factor(low, k, share, dispersion)) / (
            high - low
        )
        found = each * np.exp(np.clip(slope, -30.0, 1.0))
    return np.asarray(found[back.reshape(means.shape)])


def _factor(s: Array, k: Array, share: float, dispersion: float) -> Array:
    """Return log(P(k among k + s) s! / (k + s)!), less what does not depend on s."""
    from scipy.special import betaln

    n = s + k
    rho = np.minimum((dispersion - 1) / np.maximum(n - 1, 1e-9), 0.999)
    scale = (1 - rho) / rho
    a, b = np.maximum(share * scale, 1e-9), (1 - share) * scale + 1e-9
    return np.asarray(betaln(k + a, s + b) - betaln(a, b))
