"""The smallest regression that is caught with a given probability."""

import math
from collections.abc import Sequence

from stratsim.intervals import Estimate

NAN = float("nan")


def smallest_caught(sizes: Sequence[float], caught: Sequence[Estimate], wanted: float) -> Estimate:
    """Return the size from which on the chance of being caught is at least `wanted`.

    Between two sizes the chance is taken as linear in the logarithm of the size, and
    as never falling with it: a lower chance at a larger size is noise. The interval
    ends where the upper and the lower ends of the chances' intervals cross. NaN
    where even the largest size is caught too seldom.

    Parameters
    ----------
    sizes
        Ascending, above 0.
    caught
        The chance of each.
    wanted
        Such as 0.95.
    """
    value, optimistic, pessimistic = (
        _crossing(sizes, ends, wanted)
        for ends in (
            [one.value for one in caught],
            [one.high for one in caught],
            [one.low for one in caught],
        )
    )
    return Estimate(value, optimistic, pessimistic, count=min(one.count for one in caught))


def _crossing(sizes: Sequence[float], chances: Sequence[float], wanted: float) -> float:
    before = NAN
    highest = -math.inf
    for size, chance in zip(sizes, chances, strict=True):
        if math.isnan(chance):
            return NAN
        if chance >= wanted:
            if math.isnan(before):
                return size  # or a smaller one, which nobody looked at
            part = (wanted - highest) / (chance - highest)
            return math.exp(math.log(before) + part * (math.log(size) - math.log(before)))
        before, highest = size, max(highest, chance)
    return NAN
