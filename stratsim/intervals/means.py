"""Means with Student's t intervals, proportions with Wilson's.

Where runs are stratified, the standard error is that of the strata together and
the degrees of freedom are Satterthwaite's; Wilson's limits (1927) are combined
by the distances of the strata's limits from their shares (Zou and Donner 2008).
Where the exact engine conditioned on worlds, these are what was drawn: errors are
those of cluster sampling, with as many degrees of freedom as worlds, less one
(Cochran, Sampling Techniques, 1977, section 9.5).
"""

from dataclasses import replace

import numpy as np

from stratsim.intervals.design import LEVEL, NAN, Bools, Design, Estimate, Z
from stratsim.model.quantities import Array


def estimate_mean(values: Array, design: Design) -> Estimate:
    """Return the weighted mean with Student's t interval.

    Where no value is negative, none can be: the interval ends at 0 then.
    """
    there = design.known(values)
    count = int(there.sum())
    if count == 0:
        return Estimate()
    mean = weighted_mean(values[there], design.weight[there])
    found = student(mean, np.where(there, values, np.nan) - mean, design, count)
    if found.low < 0 and values[there].min() >= 0:
        return replace(found, low=0.0)
    return found


def estimate_probability(events: Bools, design: Design) -> Estimate:
    """Return the weighted share of `events` with Wilson's interval."""
    count = int((design.weight > 0).sum())
    if count == 0:
        return Estimate()
    share = min(1.0, float(design.weight[events].sum()))
    error = standard_error(events.astype(np.float64) - share, design)[0] if count > 1 else NAN
    if count < 2:
        return Estimate(share, count=count)
    if design.exact:
        return Estimate(share, share, share, 0.0, count)
    low, high = wilson_strata(events, design, share)
    return Estimate(share, low, high, error, count)


def weighted_mean(values: Array, weight: Array) -> float:
    """Return the mean of `values`, exactly the value where all are equal."""
    low, high = float(values.min()), float(values.max())
    plain = weight.min() == weight.max()
    mean = values.mean() if plain else np.average(values, weights=weight)
    # A sum of rounded terms may miss the range of its terms by one digit.
    return min(max(float(mean), low), high)


def student(
    value: float, deviations: Array, design: Design, count: int, *, freedom: float | None = None
) -> Estimate:
    """Return the interval of a statistic whose influences are `deviations`."""
    from scipy.special import stdtrit  # scipy.stats would cost a second

    if count < 2:
        return Estimate(value, count=count)
    if design.exact:
        return Estimate(value, value, value, 0.0, count)
    error, own_freedom = standard_error(deviations, design)
    freedom = own_freedom if freedom is None else min(freedom, own_freedom)
    if np.isnan(error) or freedom < 1:
        return Estimate(value, error=error, count=count)
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return Estimate(value, value - half, value + half, error, count)


def standard_error(deviations: Array, design: Design) -> tuple[float, float]:
    """Return the standard error of the mean deviation, and its degrees of freedom."""
    there = ~np.isnan(deviations)
    if design.exact:
        return 0.0, float("inf")
    if design.simple:
        count = int(there.sum())
        if count < 2:
            return NAN, 0.0
        return float(deviations[there].std(ddof=1) / np.sqrt(count)), count - 1.0
    if design.world is not None:
        return _clustered_error(deviations, design)
    return _stratified_error(deviations, there, design)


def _clustered_error(deviations: Array, design: Design) -> tuple[float, float]:
    """Return the same where whole worlds were drawn: a ratio estimate over their sums."""
    moves = world_moves(deviations, design)
    if len(moves) < 2:
        return NAN, 0.0
    return float(np.sqrt(len(moves)) * moves.std(ddof=1)), len(moves) - 1.0


def world_moves(deviations: Array, design: Design) -> Array:
    """Return by how much each drawn world moves a statistic: the sums of its deviations.

    NaN where no deviation is known, as of a quantile that the rows do not reach beyond.
    """
    assert design.world is not None
    there = ~np.isnan(deviations)
    applicable = design.weight[there].sum()
    shares = design.weight / applicable if applicable > 0 else np.full(len(there), NAN)
    drawn = np.bincount(design.world, design.weight) > 0
    moves = np.bincount(design.world, shares * np.where(there, deviations, 0.0))
    return moves[drawn].astype(np.float64)


def _stratified_error(deviations: Array, there: Bools, design: Design) -> tuple[float, float]:
    """Return the same for strata: a ratio estimate where runs without a value differ."""
    applicable = float(design.weight[there].sum())
    filled = np.where(there, deviations, 0.0)
    variances, freedoms = [], []
    for stratum in np.unique(design.stratum):
        inside = design.stratum == stratum
        runs = int(inside.sum())
        if runs < 2:
            return NAN, 0.0
        share = float(design.weight[inside].sum()) / applicable
        variances.append(share**2 * float(filled[inside].var(ddof=1)) / runs)
        freedoms.append(max(1, int(there[inside].sum()) - 1))
    total, largest = sum(variances), max(variances)
    if largest == 0:
        return 0.0, float(sum(freedoms))
    # relative to the largest, whose square need not be a number that there is
    spread = sum((v / largest) ** 2 / f for v, f in zip(variances, freedoms, strict=True))
    return float(np.sqrt(total)), (total / largest) ** 2 / spread


def wilson(share: float, count: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a proportion `share` of `count` trials."""
    centre = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * np.sqrt(share * (1 - share) / count + (Z / count) ** 2 / 4)
    # At the ends the two terms are equal and may differ by rounding.
    low = 0.0 if share <= 0 else max(0.0, centre - half)
    high = 1.0 if share >= 1 else min(1.0, centre + half)
    return float(low), float(high)


def wilson_strata(events: Bools, design: Design, share: float) -> tuple[float, float]:
    """Combine the strata's intervals by the distances of their limits."""
    if design.simple:
        return wilson(share, len(events))
    if design.world is not None:
        found = student(share, events.astype(np.float64) - share, design, len(events))
        return max(0.0, found.low), min(1.0, found.high)
    below = above = 0.0
    for stratum in np.unique(design.stratum):
        inside = design.stratum == stratum
        weight = float(design.weight[inside].sum())
        own = float(events[inside].mean())
        low, high = wilson(own, int(inside.sum()))
        below += (weight * (own - low)) ** 2
        above += (weight * (high - own)) ** 2
    return max(0.0, share - float(np.sqrt(below))), min(1.0, share + float(np.sqrt(above)))
