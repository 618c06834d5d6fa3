"""How many more replications would decide."""

import math

from stratsim.intervals import wilson
from stratsim.measures.sample import PROBABILITIES
from stratsim.recommendation.requirement import Finding

MOST = 10_000_000
"""More replications than this are not worth a wish."""
_SPARE = 1.2  # the interval of the next study will not be centred where this one's is


def to_separate(half_width: float, distance: float, replications: int) -> int | None:
    """Return the replications that shrink `half_width` below `distance`; None: too many.

    An interval narrows with the root of the number of runs. Two significant digits:
    the distance itself is only an estimate.
    """
    if not (math.isfinite(half_width) and math.isfinite(distance)) or distance == 0:
        return None
    return _rounded(replications * (half_width / distance) ** 2, replications)


def to_decide(finding: Finding, replications: int) -> int | None:
    """Return the replications that put the whole interval on one side of the limit.

    A share of 0 or 1 is left behind by Wilson's interval faster than by the root.
    """
    estimate, limit = finding.estimate, finding.requirement.limit
    if finding.requirement.key.name in PROBABILITIES:
        runs = max(2, estimate.count)
        while runs <= MOST:
            low, high = wilson(estimate.value, runs)
            if not low <= limit <= high:
                return _rounded(replications * runs / max(1, estimate.count), replications)
            runs = math.ceil(runs * 1.1)
        return None
    half = max(abs(estimate.high - estimate.value), abs(estimate.value - estimate.low))
    return to_separate(half, limit - estimate.value, replications)


def _rounded(needed: float, replications: int) -> int | None:
    needed *= _SPARE
    if needed > MOST:
        return None
    needed = max(needed, 2.0 * replications)
    unit: int = 10 ** (math.floor(math.log10(needed)) - 1)
    return math.ceil(needed / unit) * unit


def runs_to_bound(finding: Finding) -> int | None:
    """Return the runs from which on order statistics bound a high quantile at all.

    None where they bound it already, or where the statistic is not a quantile.
    """
    statistic = finding.requirement.key.statistic
    if not (statistic.startswith("p") and math.isnan(finding.worst)):
        return None
    return math.ceil(math.log(0.025) / math.log(int(statistic[1:]) / 100))
