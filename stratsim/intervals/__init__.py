"""Estimates from runs, with 95 % intervals: pure functions on arrays.

Every estimate takes the values of all runs, NaN where a measure does not apply,
and the `Design` that says how the runs were drawn. Runs without a value are left
out and not counted: a mean is the mean over the runs in which the measure
applies. NaN in an `Estimate` means "not known"; it is never a number that looks
like one.
"""

from stratsim.intervals.design import LEVEL, Design, Estimate
from stratsim.intervals.means import estimate_mean, estimate_probability, wilson
from stratsim.intervals.pairing import (
    Difference,
    difference_by_world,
    paired_difference,
    probability_difference,
)
from stratsim.intervals.quantiles import TAIL, estimate_quantile, estimate_tail
from stratsim.intervals.summary import summarize

__all__ = [
    "LEVEL",
    "TAIL",
    "Design",
    "Difference",
    "Estimate",
    "difference_by_world",
    "estimate_mean",
    "estimate_probability",
    "estimate_quantile",
    "estimate_tail",
    "paired_difference",
    "probability_difference",
    "summarize",
    "wilson",
]
