"""How Argo Rollouts counts the measurements of one metric.

Source: argoproj/argo-rollouts, analysis/analysis.go and utils/evaluate/evaluate.go
(commit 9f8d111). A limit is exceeded by more than it, not by reaching it.
"""

import math
from dataclasses import dataclass, replace
from enum import Enum

from stratsim.analysis.conditions import ConditionError, holds
from stratsim.model.analysis import Metric


class Phase(Enum):
    """What a measurement, a metric or a whole analysis has come to."""

    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    INCONCLUSIVE = "Inconclusive"
    FAILED = "Failed"
    ERROR = "Error"


WORSE = (Phase.SUCCESSFUL, Phase.INCONCLUSIVE, Phase.ERROR, Phase.FAILED)
"""From good to bad: the worst of its metrics is the phase of an analysis."""

ERROR_RETRY_S = 10.0
"""After an error a metric without an interval is measured again so long later."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one metric has met so far; errors are no measurements of their own."""

    taken: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors_in_a_row: int = 0
    successes_in_a_row: int = 0

    def after(self, outcome: Phase) -> "Counts":
        """Return the counts after one more measurement with this outcome."""
        if outcome is Phase.ERROR:
            return replace(self, errors_in_a_row=self.errors_in_a_row + 1, successes_in_a_row=0)
        good = outcome is Phase.SUCCESSFUL
        return Counts(
            taken=self.taken + 1,
            failed=self.failed + (outcome is Phase.FAILED),
            inconclusive=self.inconclusive + (outcome is Phase.INCONCLUSIVE),
            successes_in_a_row=self.successes_in_a_row + 1 if good else 0,
        )


def assess(metric: Metric, counts: Counts) -> Phase:
    """Return the phase of a metric with these counts, in the order in which Argo asks."""
    if 0 <= metric.failure_limit < counts.failed:
        return Phase.FAILED
    if 0 <= metric.inconclusive_limit < counts.inconclusive:
        return Phase.INCONCLUSIVE
    if 0 <= metric.error_limit < counts.errors_in_a_row:
        return Phase.ERROR
    if metric.success_limit and counts.successes_in_a_row >= metric.success_limit:
        return Phase.SUCCESSFUL
    most = metric.measurements
    if most is None or counts.taken < most:
        return Phase.RUNNING
    return Phase.INCONCLUSIVE if metric.success_limit else Phase.SUCCESSFUL


def measure(metric: Metric, value: float | None) -> Phase:
    """Return the outcome of one measurement; `value` is None where the query found no data."""
    result = math.nan if value is None and metric.empty == "nan" else value
    try:
        good = holds(metric.success, result) if metric.success else None
        bad = holds(metric.failure, result) if metric.failure else None
    except ConditionError:
        return Phase.ERROR
    if bad is None:
        return Phase.FAILED if good is False else Phase.SUCCESSFUL
    if bad:
        return Phase.FAILED
    return Phase.INCONCLUSIVE if good is False else Phase.SUCCESSFUL
