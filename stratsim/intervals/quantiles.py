"""Quantiles and tail means, weighted, with their intervals.

Quantiles are bounded by order statistics, or by the interval for the share below
(Woodruff 1952) where runs are stratified; tail means by their influence function.
"""

from dataclasses import dataclass

import numpy as np

from stratsim.intervals.design import LEVEL, NAN, ROUNDING, Bools, Design, Estimate, Z
from stratsim.intervals.means import student, weighted_mean, wilson_strata
from stratsim.model.quantities import Array

TAIL = 0.05
"""Share of the runs that a tail mean (CVaR) averages: the worst 5 %."""


def estimate_quantile(values: Array, design: Design, q: float) -> Estimate:
    """Return the `q` quantile with an interval from order statistics.

    The quantile is the smallest value that at least the share `q` of the weight
    does not exceed: an observed value, also where weights differ. An end that the
    runs are too few to bound is NaN: 100 runs say nothing about how much larger
    than their largest the 99th percentile may be.
    """
    there = design.known(values)
    count = int(there.sum())
    if count == 0:
        return Estimate()
    inside = design.where(there)
    ordered = Ordered.of(values[there], inside.weight)
    value = ordered.quantile(q)
    if count < 2:
        return Estimate(value, count=count)
    if design.exact:
        return Estimate(value, value, value, 0.0, count)
    if inside.simple:
        low, high = _order_statistics(ordered.values, q)
    else:
        low, high = _woodruff(values[there], inside, ordered, q)
    return Estimate(value, low, high, count=count)


def estimate_tail(values: Array, design: Design, *, higher_is_better: bool = False) -> Estimate:
    """Return the mean of the worst 5 % (CVaR) with its interval.

    Where the share falls inside a run's weight, that run counts with the fraction.
    The interval takes Student's t with as many degrees of freedom as there are runs
    in the tail, less one: fewer than two runs there give none.
    """
    there = design.known(values)
    count = int(there.sum())
    if count == 0:
        return Estimate()
    inside = design.where(there)
    sign = -1.0 if higher_is_better else 1.0
    ordered = Ordered.of(sign * values[there], inside.weight)
    tail = sign * ordered.tail_mean()
    influence = np.full(len(values), np.nan)
    influence[there] = sign * ordered.tail_influence(sign * values[there])
    runs_in_tail = int(ordered.reaches(1 - TAIL).sum())
    return student(tail, influence, design, count, freedom=runs_in_tail - 1)


def influence(values: Array, design: Design, statistic: str, *, higher_is_better: bool) -> Array:
    """Return how much each run moves `statistic`, to first order; NaN without a value.

    The mean of the influences is 0 and the standard error of their mean is that of
    the statistic, so the difference of two strategies' influences, run by run,
    carries the standard error of the paired difference of the statistic.
    """
    there = design.known(values)
    result = np.full(len(values), np.nan)
    if not there.any():
        return result
    inside = design.where(there)
    known = values[there]
    if statistic == "mean":
        result[there] = known - weighted_mean(known, inside.weight)
    elif statistic == "cvar95":
        sign = -1.0 if higher_is_better else 1.0
        ordered = Ordered.of(sign * known, inside.weight)
        result[there] = sign * ordered.tail_influence(sign * known)
    else:
        ordered = Ordered.of(known, inside.weight)
        result[there] = ordered.quantile_influence(known, int(statistic[1:]) / 100)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """Values in ascending order with the weight up to and including each."""

    values: Array
    weight: Array
    upto: Array

    @classmethod
    def of(cls, values: Array, weight: Array) -> "Ordered":
        """Return `values` sorted."""
        if weight.min() == weight.max():  # the usual case, several times as fast
            steps = np.arange(1.0, len(values) + 1.0)
            return cls(np.sort(values), weight, steps / len(values))
        order = np.argsort(values, kind="stable")
        return cls(values[order], weight[order], np.cumsum(weight[order]))

    def quantile(self, q: float) -> float:
        """Return the smallest value that the share `q` of the weight does not exceed."""
        place = int(np.searchsorted(self.upto, q - ROUNDING))
        return float(self.values[min(place, len(self.values) - 1)])

    def reaches(self, q: float) -> Bools:
        """Return which runs lie, at least in part, above the share `q`."""
        return self.upto > q + ROUNDING

    def tail_mean(self) -> float:
        """Return the mean of the largest 5 %."""
        inside = np.clip(self.upto - (1 - TAIL), 0.0, self.weight)
        tail = self.reaches(1 - TAIL)
        return weighted_mean(self.values[tail], inside[tail])

    def tail_influence(self, values: Array) -> Array:
        """Return how far the tail mean moves with each of `values`."""
        boundary = self.quantile(1 - TAIL)
        excess = np.maximum(values - boundary, 0.0) / TAIL
        return excess - (self.tail_mean() - boundary)

    def quantile_influence(self, values: Array, q: float) -> Array:
        """Return (q - [value <= quantile]) over the density, taken from a window."""
        half = Z * float(np.sqrt(q * (1 - q) * (self.weight**2).sum()))
        if q + half >= 1:  # the runs do not reach beyond the quantile
            return np.full(len(values), np.nan)
        low = max(0.0, q - half)
        sparsity = (self.quantile(q + half) - self.quantile(low)) / (q + half - low)
        below = (values <= self.quantile(q)).astype(np.float64)
        return (q - below) * sparsity


def _order_statistics(values: Array, q: float) -> tuple[float, float]:
    """Return the two order statistics that hold the quantile with at least 95 %."""
    from scipy.special import bdtr

    count = len(values)
    ranks = np.arange(count + 1)
    below = bdtr(ranks, count, q)  # P(at most r values lie below the quantile)
    beyond = (1 - LEVEL) / 2
    lower = int(np.searchsorted(below, beyond, side="right"))  # P(< lower) <= beyond
    upper = int(np.searchsorted(below, 1 - beyond)) + 1
    low = float(values[lower - 1]) if lower >= 1 else NAN
    high = float(values[upper - 1]) if upper <= count else NAN
    return low, high


def _woodruff(values: Array, design: Design, ordered: Ordered, q: float) -> tuple[float, float]:
    """Return the quantiles at the ends of the interval for the share below (Woodruff 1952)."""
    below = values <= ordered.quantile(q)
    share = float(design.weight[below].sum())
    low, high = wilson_strata(below, design, share)
    upper = q + (high - share)
    return (
        ordered.quantile(max(0.0, q - (share - low))),
        ordered.quantile(upper) if upper < 1 else NAN,
    )
