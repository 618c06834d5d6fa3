"""The counters of `stratsim.analysis.argo` for many analyses at once, as arrays."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from stratsim.analysis.argo import Phase
from stratsim.analysis.conditions import Flags, Floats, hold
from stratsim.model.analysis import Metric

Phases = NDArray[np.int8]
Numbers = NDArray[np.int64]

RUNNING, SUCCESSFUL, INCONCLUSIVE, ERROR, FAILED = range(-1, 4)
"""Phases as numbers: the larger, the worse; `Phase` has the words."""

CODES = {
    Phase.RUNNING: RUNNING,
    Phase.SUCCESSFUL: SUCCESSFUL,
    Phase.INCONCLUSIVE: INCONCLUSIVE,
    Phase.ERROR: ERROR,
    Phase.FAILED: FAILED,
}


@dataclass(slots=True)
class CountsOfMany:
    """What one metric has met so far in each analysis, (n,); see `argo.Counts`."""

    taken: Numbers
    failed: Numbers
    inconclusive: Numbers
    errors_in_a_row: Numbers
    successes_in_a_row: Numbers

    @classmethod
    def none(cls, size: int) -> "CountsOfMany":
        """Return the counts of `size` analyses that have measured nothing."""
        return cls(*(np.zeros(size, dtype=np.int64) for _ in fields(cls)))

    def take(self, keep: Numbers) -> "CountsOfMany":
        """Return the counts of some analyses."""
        return CountsOfMany(*(getattr(self, field.name)[keep] for field in fields(self)))

    def add(self, outcomes: Phases, at: Numbers) -> None:
        """Count one more measurement in the analyses `at`."""
        error, good = outcomes == ERROR, outcomes == SUCCESSFUL
        self.taken[at] += ~error
        self.failed[at] += outcomes == FAILED
        self.inconclusive[at] += outcomes == INCONCLUSIVE
        self.errors_in_a_row[at] = np.where(error, self.errors_in_a_row[at] + 1, 0)
        self.successes_in_a_row[at] = np.where(good, self.successes_in_a_row[at] + 1, 0)


def measure_many(metric: Metric, values: Floats, lacking: Flags) -> Phases:
    """Return the outcome of one measurement each; `lacking` where there was no data."""
    if metric.empty == "nan":
        values, lacking = np.where(lacking, np.nan, values), np.zeros_like(lacking)
    nowhere = np.zeros_like(lacking)
    good, wrong = hold(metric.success, values, lacking) if metric.success else (~nowhere, nowhere)
    if not metric.failure:
        found = np.where(good, SUCCESSFUL, FAILED)
    else:
        bad, amiss = hold(metric.failure, values, lacking)
        wrong = wrong | amiss
        found = np.where(bad, FAILED, np.where(good, SUCCESSFUL, INCONCLUSIVE))
    return np.where(wrong, ERROR, found).astype(np.int8)


def assess_many(metric: Metric, counts: CountsOfMany) -> Phases:
    """Return the phase of a metric in each analysis, as `argo.assess` does of one."""
    phase = np.full(len(counts.taken), RUNNING)
    if metric.measurements is not None:
        done = INCONCLUSIVE if metric.success_limit else SUCCESSFUL
        phase = np.where(counts.taken >= metric.measurements, done, phase)
    if metric.success_limit:
        phase = np.where(counts.successes_in_a_row >= metric.success_limit, SUCCESSFUL, phase)
    for limit, count, bad in (
        (metric.error_limit, counts.errors_in_a_row, ERROR),
        (metric.inconclusive_limit, counts.inconclusive, INCONCLUSIVE),
        (metric.failure_limit, counts.failed, FAILED),
    ):
        if limit >= 0:
            phase = np.where(count > limit, bad, phase)
    return phase.astype(np.int8)
