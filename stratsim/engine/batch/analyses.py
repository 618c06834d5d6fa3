"""Analyses in many runs: metrics that are measured at their own pace.

See `stratsim.engine.analyses`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stratsim.analysis.argo import ERROR_RETRY_S
from stratsim.analysis.many import (
    RUNNING,
    SUCCESSFUL,
    CountsOfMany,
    Phases,
    assess_many,
    measure_many,
)
from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.scrapes import Scrapes
from stratsim.engine.clock import us
from stratsim.model.analysis import Check, Ladder, Metric

Rows = NDArray[np.int64]


class Measuring:
    """One analysis in many runs; ``due`` (rows, metrics) is when each measures next.

    ``since`` (rows,) is when the last wait for a measurement began.
    """

    def __init__(self, metrics: Sequence[Metric], scrapes: Scrapes, rows: int) -> None:
        self.metrics, self.scrapes = metrics, scrapes
        self.counts = [CountsOfMany.none(rows) for _ in metrics]
        self.due = np.full((rows, len(metrics)), NEVER)
        self.since = np.full(rows, NEVER)

    def take(self, keep: Rows) -> None:
        """Keep only some rows."""
        self.counts = [counts.take(keep) for counts in self.counts]
        self.due, self.since = self.due[keep], self.since[keep]

    def next(self) -> Times:
        """Return when something is measured next."""
        return np.asarray(self.due.min(axis=1, initial=NEVER))

    def begin(self, at: Rows, now: Times) -> None:
        """Begin in the rows `at`."""
        delays = [us(metric.initial_delay_s) for metric in self.metrics]
        self.due[at] = now[at][:, None] + np.array(delays, dtype=np.int64)
        self.since[at] = now[at]

    def end(self, at: Rows) -> None:
        """Measure no more in the rows `at`."""
        self.due[at] = NEVER

    def measure(self, rows: Flags, now: Times) -> Phases:
        """Measure what is due in `rows`; return the analysis' phases, (rows,)."""
        worst = np.full(len(now), RUNNING, dtype=np.int8)
        for place, metric in enumerate(self.metrics):
            at = np.nonzero(rows & (self.due[:, place] <= now))[0]
            if len(at):
                worst[at] = np.maximum(worst[at], self._measure(place, metric, at, now[at]))
        self.since = np.where(rows, now, self.since)
        bad = worst > SUCCESSFUL
        self.due[rows & bad] = NEVER
        whole = rows & ~bad & (self.next() == NEVER)
        return np.where(bad, worst, np.where(whole, SUCCESSFUL, RUNNING)).astype(np.int8)

    def _measure(self, place: int, metric: Metric, at: Rows, now: Times) -> Phases:
        """Take one measurement; a dry run never shows its phase."""
        values, lacking = self.scrapes.values(metric.query, at)
        counts = self.counts[place]
        counts.add(measure_many(metric, values, lacking), at)
        phases = assess_many(metric, counts.take(at))
        pause_s = ERROR_RETRY_S if metric.interval_s is None else metric.interval_s
        going = phases == RUNNING
        self.due[at, place] = np.where(going, now + us(pause_s), NEVER)
        shown = SUCCESSFUL if metric.dry_run else phases
        return np.where(going, RUNNING, shown).astype(np.int8)


def checks_pass(step: Ladder, scrapes: Scrapes, at: Rows) -> Flags:
    """Make the checks of a tick in turn in the rows `at`; the first that fails decides."""
    good = np.ones(len(at), dtype=bool)
    for check in step.checks:
        asked = np.nonzero(good)[0]
        if len(asked):
            good[asked] = _passes(check, step, scrapes, at[asked])
    return good


def _passes(check: Check, step: Ladder, scrapes: Scrapes, at: Rows) -> Flags:
    values, lacking = scrapes.values(check.query, at)
    out = np.zeros(len(at), dtype=bool)
    if check.low is not None:
        out |= values < check.low
    if check.high is not None:
        out |= values > check.high
    return np.where(lacking, step.unseen_passes, ~out)
