"""Bounds of many designs at once: rows of runs, stratified by release outcome.

The formulas are those of `stratsim.intervals`, over a leading axis of designs and at
a level of their own: Student's t for means, Wilson's limits for shares, and the
share below for quantiles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.comparison import Key
from stratsim.measures.sample import PROBABILITIES
from stratsim.model.quantities import Array

TAIL = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """The same number of worlds for every outcome; ``chances`` (outcomes,) sum to 1.

    ``doubt`` is the probability that one bound may be wrong.
    """

    chances: Array
    worlds: int
    doubt: float

    @property
    def weight(self) -> Array:
        """The weight of each run, (runs,)."""
        return np.repeat(self.chances / self.worlds, self.worlds)

    @property
    def z(self) -> float:
        """The normal quantile that leaves ``doubt`` above it."""
        from scipy.special import ndtri

        return float(-ndtri(self.doubt))

    @property
    def t(self) -> float:
        """Student's, with the degrees of freedom of one outcome; infinite below two worlds."""
        from scipy.special import stdtrit

        return float(-stdtrit(self.worlds - 1, self.doubt)) if self.worlds > 1 else float("inf")

    def by_outcome(self, values: Array) -> Array:
        """Return `values` (designs, runs) as (designs, outcomes, worlds)."""
        return values.reshape(*values.shape[:-1], len(self.chances), self.worlds)


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """An estimate per design, and between which values it lies; (designs,) each."""

    value: Array
    low: Array
    high: Array

    def take(self, keep: NDArray[np.int64]) -> "Bounds":
        """Return those of some designs."""
        return Bounds(self.value[keep], self.low[keep], self.high[keep])


def bounds(key: Key, values: Array, strata: Strata) -> Bounds:
    """Return the bounds of one key; `values` (designs, runs), NaN where there is none."""
    if key.name in PROBABILITIES:
        return _shares(values, strata)
    if key.statistic == "mean":
        return mean_bounds(values, strata)
    sign = -1.0 if key.higher_is_better and key.statistic == "cvar95" else 1.0
    found = _ordered(key.statistic, sign * values, strata)
    return found if sign > 0 else Bounds(-found.value, -found.high, -found.low)


def mean_bounds(values: Array, strata: Strata) -> Bounds:
    """Return weighted means over the runs that have a value, with Student's t."""
    there = np.isfinite(values)
    weight = strata.weight
    total = there @ weight
    some = np.where(total > 0, total, 1.0)
    mean = np.where(there, values, 0.0) @ weight / some
    moves = strata.by_outcome(np.where(there, values - mean[:, None], 0.0))
    spread = moves.var(axis=-1, ddof=1) if strata.worlds > 1 else np.full(moves.shape[:2], np.inf)
    error = np.sqrt(spread @ strata.chances**2 / strata.worlds) / some
    half = strata.t * np.where(np.isnan(error), np.inf, error)
    none = np.where(total > 0, 0.0, np.nan)
    return Bounds(mean + none, mean - half + none, mean + half + none)


def _shares(values: Array, strata: Strata) -> Bounds:
    share = strata.by_outcome(values).mean(axis=-1)
    low, high = wilson_limits(share, strata.worlds, strata.z)
    value = np.asarray(share @ strata.chances)
    below = np.sqrt((((share - low) * strata.chances) ** 2).sum(axis=-1))
    above = np.sqrt((((high - share) * strata.chances) ** 2).sum(axis=-1))
    return Bounds(value, np.maximum(value - below, 0.0), np.minimum(value + above, 1.0))


def wilson_limits(share: Array, count: int, z: float) -> tuple[Array, Array]:
    """Return Wilson's limits of shares of `count` at the normal quantile `z`."""
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + (z / count) ** 2 / 4)
    low = np.where(share <= 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(share >= 1, 1.0, np.minimum(centre + half, 1.0))
    return low, high


def _ordered(statistic: str, values: Array, strata: Strata) -> Bounds:
    """Return quantiles, tail means and maxima, with the bounds that order statistics give."""
    there = np.isfinite(values)
    order = np.argsort(np.where(there, values, np.inf), axis=1)
    ranked = np.take_along_axis(values, order, axis=1)
    weight = np.where(np.take_along_axis(there, order, axis=1), strata.weight[order], 0.0)
    total = weight.sum(axis=1)
    share = np.cumsum(weight, axis=1) / np.where(total > 0, total, 1.0)[:, None]
    q = {"max": 1.0, "cvar95": 1 - TAIL}.get(statistic, 0.0) or int(statistic[1:]) / 100
    # whatever the shares of the outcomes, the share below has no more variance than this
    error = strata.z * float(np.sqrt((strata.chances**2).sum() / strata.worlds / 4))
    low, value = _at(ranked, share, q - error), _at(ranked, share, q)
    high = _at(ranked, share, q + error) if q + error < 1 else np.full(len(values), np.inf)
    if statistic == "max":
        low = value
    if statistic == "cvar95":
        tail = np.clip(share - q, 0.0, weight / np.where(total > 0, total, 1.0)[:, None])
        mean = np.nansum(np.where(tail > 0, ranked * tail, 0.0), axis=1) / TAIL
        value, high = np.where(total > 0, mean, np.nan), np.full(len(values), np.inf)
    return Bounds(value, low, high)


def _at(ranked: Array, share: Array, q: float) -> Array:
    """Return the smallest value up to which the share `q` lies."""
    if q <= 0:
        return np.full(len(ranked), -np.inf)
    place = (share < q - 1e-9).sum(axis=1)
    return np.asarray(ranked[np.arange(len(ranked)), np.minimum(place, ranked.shape[1] - 1)])
