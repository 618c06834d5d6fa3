"""When every alarm of a search would first fire, seen in runs that nothing stops.

With the same requests, runs of one plan under different alarms are the same until
the first of them stops. So the plan is run once without, and the alarms look on.

An alarm with a threshold fires when a number that does not depend on the threshold
exceeds it: with N datapoints, the M-th largest of them. One pass so serves all
thresholds. Where datapoints are missing, the treatment says what stands for them:
`stratsim.cloudwatch.evaluation`, whose answers a test holds these to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.alarms import Bank, Watch
from stratsim.engine.batch.changes import Flags, Times
from stratsim.engine.batch.telemetry import Telemetry
from stratsim.model.quantities import Array
from stratsim.model.settings import MINUTE_S
from stratsim.search.prescribed import NEVER_FIRES
from stratsim.watch import Program

Index = NDArray[np.int64]
Minutes = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Rule:
    """M out of N and what missing datapoints count as, in AWS's words."""

    m: int
    n: int
    treatment: str

    @property
    def key(self) -> tuple[int, int, str]:
        """Rules with equal keys first fire together: ignoring is no way to begin an alarm."""
        return self.m, self.n, "notBreaching" if self.treatment == "ignore" else self.treatment


def exceeded(newest_first: Array, rules: Sequence[Rule], extra: int) -> Array:
    """Return the number that has to exceed the threshold, (rules, rows).

    Parameters
    ----------
    newest_first
        Values of periods, (rows, columns), NaN where there is no datapoint.
    rules
        At most ``columns - extra`` evaluation periods each.
    extra
        How many more periods than N an evaluation reads.
    """
    found = np.empty((len(rules), len(newest_first)))
    for n in {rule.n for rule in rules}:
        seen = _Seen(newest_first[:, : n + extra], n)
        for place, rule in enumerate(rules):
            if rule.n == n:
                found[place] = seen.number(rule.m, rule.treatment)
    return found


class _Seen:
    """The datapoints that an evaluation over N periods judges."""

    def __init__(self, cells: Array, n: int) -> None:
        present = ~np.isnan(cells)
        self.n = n
        self.present = present
        judged = present & (np.cumsum(present, axis=1, dtype=np.int16) <= n)
        self.real = judged.sum(axis=1)
        self.values = -np.sort(-np.where(judged, cells, -np.inf), axis=1)  # largest first
        self.short = self.real < n

    def number(self, m: int, treatment: str) -> Array:
        plain = self.values[:, m - 1]
        if treatment in ("notBreaching", "ignore") or not self.short.any():
            return plain
        if treatment == "breaching":
            place = m - 1 - (self.n - self.real)
            filled = np.take_along_axis(self.values, np.maximum(place, 0)[:, None], axis=1)[:, 0]
            return np.where(place < 0, np.inf, filled)
        # missing: only breaches, of which one is as old as M periods
        some = self.short & self.present[:, m - 1 :].any(axis=1)
        least = self.values[np.arange(len(self.real)), np.maximum(self.real - 1, 0)]
        return np.where(some, np.maximum(plain, least), plain)


@dataclass(slots=True, eq=False)
class Firsts:
    """First minutes of ALARM by rule and threshold: ``minutes`` (rules, runs, thresholds)."""

    rules: tuple[Rule, ...]
    thresholds: Array
    minutes: Minutes
    reached: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.reached = np.zeros(self.minutes.shape[:2], dtype=np.int64)

    def note(self, numbers: Array, rows: Index, minute: int) -> None:
        """Note the thresholds that are exceeded for the first time; numbers (rules, rows)."""
        bars = np.append(self.thresholds, np.inf)
        rule, place = np.nonzero(numbers > bars[self.reached[:, rows]])
        if not len(rule):
            return
        row = rows[place]
        level = np.searchsorted(self.thresholds, numbers[rule, place])
        before = self.reached[rule, row]
        steps = np.arange(len(self.thresholds))
        fresh = (steps >= before[:, None]) & (steps < level[:, None])
        at, threshold = np.nonzero(fresh)
        self.minutes[rule[at], row[at], threshold] = minute
        self.reached[rule, row] = level


class Recorder(Bank):
    """Looks at probes: alarms without a threshold, which stop nothing and page nobody."""

    def __init__(
        self,
        programs: Sequence[Program],
        offsets: Sequence[Times],
        firsts: Sequence[Firsts],
        rows: int,
    ) -> None:
        super().__init__(programs, offsets, rows)
        self.firsts = firsts
        self.index = np.arange(rows)
        self.known: list[list[Array]] = [[] for _ in self.watches]

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        super().take(keep)
        self.index = self.index[keep]
        self.known = [[column[keep] for column in columns] for columns in self.known]

    def settle(self, telemetry: Telemetry, phase: Index, evaluations: int) -> None:
        """Look at the moment of the deployment's creation."""
        self._look(telemetry, 0, -phase)

    def evaluate(
        self, telemetry: Telemetry, now: Times, active: Flags
    ) -> tuple[Flags, dict[str, Flags]]:
        """Look at one minute; nothing fires."""
        self._look(telemetry, self.minute, now)
        return np.zeros(len(now), dtype=bool), {}

    def _look(self, telemetry: Telemetry, minute: int, now: Times) -> None:
        for watch, known, firsts in zip(self.watches, self.known, self.firsts, strict=True):
            program = watch.program
            if program.instant:
                cells = _instant(watch, known, telemetry, now)
            else:
                cells = _windows(watch, telemetry, minute, now)
            extra = program.size - program.alarm.n
            firsts.note(exceeded(cells, firsts.rules, extra), self.index, minute)


def _instant(watch: Watch, known: list[Array], telemetry: Telemetry, now: Times) -> Array:
    """Return the values of minutes, newest first; each is read once, when it ends."""
    while len(known) < telemetry.count:
        columns = np.array([len(known)])
        known.append(watch.values(telemetry, [columns], None, MINUTE_S)[:, 0])
    cells = np.full((telemetry.rows, watch.program.size), np.nan)
    for age in range(min(watch.program.size, len(known))):
        column = len(known) - 1 - age
        seen = telemetry.published[column] <= now
        cells[:, age] = np.where(seen, known[column], np.nan)
    return cells


def _windows(watch: Watch, telemetry: Telemetry, minute: int, now: Times) -> Array:
    """Return the values of longer periods, newest first, from what is published by now."""
    span = watch.program.minutes
    windows = []
    for age in range(1, watch.program.size + 1):
        low = minute - age * span - telemetry.first
        high = min(low + span, telemetry.count)
        windows.append(np.arange(max(low, 0), max(high, 0)))
    return watch.values(telemetry, windows, now, MINUTE_S * span)


def first_alarms(
    rules: Sequence[tuple[Rule, ...]], thresholds: Sequence[Array], rows: int
) -> list[Firsts]:
    """Return an empty record for each probe."""
    return [
        Firsts(some, bars, np.full((len(some), rows, len(bars)), NEVER_FIRES, dtype=np.int16))
        for some, bars in zip(rules, thresholds, strict=True)
    ]
