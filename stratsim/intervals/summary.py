"""The statistics of one measure, as results report them."""

import numpy as np

from stratsim.intervals.design import Design
from stratsim.intervals.means import estimate_mean
from stratsim.intervals.quantiles import Ordered
from stratsim.model.quantities import Array

STATISTICS = ("mean", "p50", "p95", "p99", "max", "cvar95")
"""What a requirement may name after a measure and a dot."""


def summarize(
    values: Array, design: Design, *, higher_is_better: bool = False
) -> dict[str, float | None]:
    """Return mean, interval, tail and count of one measure; None where not known.

    ``cvar95`` is the mean of the worst 5 %: the lowest where higher is better.
    """
    mean = estimate_mean(values, design)
    there = design.known(values)
    sign = -1.0 if higher_is_better else 1.0
    found = dict.fromkeys(STATISTICS, np.nan)
    if there.any():
        weight = design.where(there).weight
        ordered = Ordered.of(values[there], weight)
        worst = Ordered.of(-values[there], weight) if higher_is_better else ordered
        found = {name: ordered.quantile(int(name[1:]) / 100) for name in ("p50", "p95", "p99")}
        found |= {"max": float(ordered.values[-1]), "cvar95": sign * worst.tail_mean()}
    numbers = {"mean": mean.value, "ci_low": mean.low, "ci_high": mean.high} | found
    return {name: finite(number) for name, number in numbers.items()} | {"count": mean.count}


def finite(number: float) -> float | None:
    """Return `number`, or None where it is not known: JSON has no NaN."""
    return float(number) if np.isfinite(number) else None
