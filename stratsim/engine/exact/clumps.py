"""Background errors in clumps: beta-binomial among a Poisson number of requests.

Errors and successes of clumps are not independent, as those of a Poisson stream are:
many errors speak of many requests, and leave fewer to succeed.
"""

from functools import lru_cache

import numpy as np

from stratsim.engine.exact.nodes import Mass, likely, poisson, window
from stratsim.model.quantities import Array

_MANY = 50
_FAINT = 1e-30


def clumped(means: Array, share: float, dispersion: float, measured: Array) -> Mass:
    """Return beta-binomial counts among Poisson numbers of requests of `means` (nodes,).

    The variance is `dispersion` times the mean: intra-class correlation
    rho = (dispersion - 1) / (n - 1), as `stratsim.engine.batch.dice.Dice.clumped`. The
    last of the moments is the mean number of requests beside them, see `_given`.
    """
    numbers, weights = _poisson_nodes(means)
    top = float(numbers.max())
    high = min(window(0.0, top * share, dispersion)[1], int(top))
    k = np.arange(high + 1, dtype=float)
    p = np.einsum("gn,gnk->gk", weights, _beta_binomial(numbers[..., None], k, share, dispersion))
    k, p = k[: likely(p).stop], p[:, : likely(p).stop]
    x = measured[:, None, None] * (p * k)
    rest = p * _given(means[:, None], k, share, dispersion)
    return Mass(0, p, np.concatenate([x, rest[None]]))


def _poisson_nodes(means: Array) -> tuple[Array, Array]:
    """Return numbers and weights (nodes, any) for means over a Poisson count.

    What is averaged hardly varies within the spread of a large count: a few nodes
    of Gauss and Hermite do. Small counts are summed one by one.
    """
    top = float(means.max())
    if top > _MANY:
        z, w = _normal_nodes(5 if top > 10 * _MANY else 9)
        numbers = np.maximum(means[:, None] + np.sqrt(means)[:, None] * z, 0.0)
        return numbers, np.tile(w, (len(means), 1))
    mass = poisson(means, np.zeros(0))
    return np.broadcast_to(mass.values, mass.p.shape), mass.p


@lru_cache
def _normal_nodes(count: int) -> tuple[Array, Array]:
    z, w = np.polynomial.hermite_e.hermegauss(count)
    return z, w / w.sum()


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


def _given(means: Array, k: Array, share: float, dispersion: float) -> Array:
    """Return the mean number of successes beside `k` errors, (nodes, values).

    What k errors say of the number s of successes is a factor that is close to
    exp(c s) about the mean, and a Poisson count tilted so is Poisson again, of mean
    times exp(c). Against sums over both numbers the chances of ratio alarms are right
    to 5e-4 of themselves from some 300 requests on; fewer are summed (`joint`).
    """
    found = means * (1 - share) + 0 * k
    step = np.maximum(np.sqrt(means) / 2, 1.0)
    for _ in range(3):
        low, high = np.maximum(found - step, 0.5), found + step
        slope = (_factor(high, k, share, dispersion) - _factor(low, k, share, dispersion)) / (
            high - low
        )
        found = means * np.exp(np.clip(slope, -30.0, 1.0))
    return np.asarray(found)


def _factor(s: Array, k: Array, share: float, dispersion: float) -> Array:
    """Return log(P(k among k + s) s! / (k + s)!), less what does not depend on s."""
    from scipy.special import betaln

    n = s + k
    rho = np.minimum((dispersion - 1) / np.maximum(n - 1, 1e-9), 0.999)
    scale = (1 - rho) / rho
    a, b = np.maximum(share * scale, 1e-9), (1 - share) * scale + 1e-9
    return np.asarray(betaln(k + a, s + b) - betaln(a, b))


def joint(means: Array, share: float, dispersion: float) -> tuple[int, Array]:
    """Return P(errors, successes) of clumps among `means` requests.

    Returns
    -------
    low, p
        The least number of successes that matters, and (nodes, errors, successes).
    """
    numbers = poisson(means, np.zeros(0))
    n = np.arange(numbers.low + numbers.p.shape[1], dtype=float)
    high = min(window(0.0, float(means.max()) * share, dispersion)[1], len(n) - 1)
    k = np.arange(high + 1, dtype=float)
    whole = np.zeros((len(means), len(n)))
    whole[:, numbers.low :] = numbers.p
    among = _beta_binomial(n[:, None], k, share, dispersion)
    among = among[:, : likely(among).stop]
    found = np.zeros((len(means), among.shape[1], len(n)))
    for errors in range(among.shape[1]):
        found[:, errors, : len(n) - errors] = (whole * among[:, errors])[:, errors:]
    # sums with numbers that are next to nothing are slow
    found[found < _FAINT] = 0.0
    here = likely(found)
    return here.start, found[..., here]
