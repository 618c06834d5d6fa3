"""What an alarm makes of a minute's counts: good, breaching, or no datapoint.

The counts go through the batch engine's own reading of metrics, so both engines
read alike. A code depends on errors e and successes s of the revisions that the
alarm watches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.thresholds import breaches
from stratsim.engine.batch.dice import Minute
from stratsim.engine.batch.readings import read
from stratsim.engine.batch.telemetry import Telemetry
from stratsim.model.alarm import MetricDataQuery
from stratsim.model.quantities import Array
from stratsim.queueing import ResponseTimes
from stratsim.signals import ERRORS, HEALTHY, NEW, OLD, REJECTED, REQUESTS, Series
from stratsim.watch import MetricProgram

Codes = NDArray[np.int8]
Reading = tuple[tuple[tuple[str, Series | None], ...], tuple[MetricDataQuery, ...]]


@dataclass(frozen=True, eq=False)
class Judge:
    """One metric alarm as a function of one minute's counts."""

    program: MetricProgram
    times: ResponseTimes

    @cached_property
    def readers(self) -> tuple[Series, ...]:
        """The series that the alarm reads and that some deployment emits."""
        found = [reader for _, reader in self.program.readers if reader is not None]
        return tuple(r for r in found if r.source.kind != "silent")

    @cached_property
    def sides(self) -> tuple[int, ...]:
        """The revisions whose counts matter."""
        return tuple(sorted({s for r in self.readers if not rejections(r) for s in r.sides}))

    @cached_property
    def errors_only(self) -> bool:
        """Whether requests matter only in that there are any."""
        return all(
            rejections(r) or (r.source.field == ERRORS and r.statistic == "Sum")
            for r in self.readers
        )

    @cached_property
    def instant(self) -> bool:
        """Whether a minute that is not published has no datapoint, whatever is read."""
        return self.program.minutes == 1 and self.program.pointwise

    @cached_property
    def unseen(self) -> int:
        """The code of a minute that is not published."""
        if self.instant:
            return -1
        return int(self.judged(self._value(np.full((1, len(self.program.readers)), np.nan)))[0])

    @cached_property
    def reading(self) -> Reading:
        """What is read, whatever is made of it: alarms that read alike share work."""
        return self.program.readers, self.program.alarm.Metrics

    @property
    def decides(self) -> tuple[object, ...]:
        """What codes depend on: alarms that agree in it see alike."""
        alarm = self.program.alarm
        return self.reading, alarm.Threshold, alarm.ComparisonOperator, self.program.minutes

    @property
    def evaluates(self) -> tuple[object, ...]:
        """What a state depends on, given the codes."""
        alarm = self.program.alarm
        return alarm.m, alarm.n, alarm.treatment, self.unseen

    def codes(self, errors: Array, successes: Array, hosts: tuple[bool, bool]) -> Codes:
        """Return the codes of counts; `hosts` says which revision has any in service."""
        return self.judged(self.values(errors, successes, hosts))

    def judged(self, values: Array) -> Codes:
        """Return the codes of the alarm's values."""
        codes = breaches(self.program.alarm, values.reshape(-1))
        return np.asarray(codes, dtype=np.int8).reshape(values.shape)

    def values(self, errors: Array, successes: Array, hosts: tuple[bool, bool]) -> Array:
        """Return what the alarm compares with its threshold; NaN where there are no data."""
        shape = np.broadcast_shapes(np.shape(errors), np.shape(successes))
        e = np.broadcast_to(errors, shape).ravel().astype(float)
        s = np.broadcast_to(successes, shape).ravel().astype(float)
        side = self.sides[0] if self.sides else NEW
        minute = Minute(len(e))
        minute.sums = {(side, ERRORS): e, (side, REQUESTS): e + s, (side, REJECTED): 0 * e}
        for place in (OLD, NEW):
            minute.sums[place, HEALTHY] = np.full(len(e), float(hosts[place]))
        nought = np.zeros(len(e), dtype=np.int64)
        telemetry = Telemetry(nought, 0, self.times, 2)
        telemetry.close(minute, nought)
        column = np.array([0])
        values = [
            np.full(len(e), np.nan) if r is None else read(r, telemetry, column, None)
            for _, r in self.program.readers
        ]
        return self._value(np.stack(values, axis=1)).reshape(shape)

    def _value(self, values: Array) -> Array:
        """Return the alarm's value of what its readers read, (points, readers)."""
        program = self.program
        if program.expression is None:
            return values[:, 0]
        names = [name for name, _ in program.readers]
        series = {name: values[:, [at]] for at, name in enumerate(names)}
        return np.asarray(program.expression.evaluate(series, 60.0 * program.minutes)[:, 0])


def switches(
    judges: Sequence[Judge], errors: Array, low: float, high: float, hosts: tuple[bool, bool]
) -> tuple[Array, Codes]:
    """Return where codes change with the successes, for each number of errors.

    The alarms read alike: what they read is found out once for all of them.

    Returns
    -------
    tuple
        Edges (alarms, errors, switches): successes from which the next code holds,
        infinite where there are fewer switches; and codes (alarms, errors, switches + 1).
    """
    grid = _grid(low, high)
    values = judges[0].values(errors[:, None], grid[None, :], hosts)
    tables = np.stack([judge.judged(values) for judge in judges])
    alarm, row, column = np.nonzero(tables[..., 1:] != tables[..., :-1])
    cuts = np.searchsorted(alarm, np.arange(1, len(judges)))
    left, right, old = grid[column], grid[column + 1], tables[alarm, row, column]
    while len(row) and (right - left > 1).any():
        middle = np.floor((left + right) / 2)
        each = np.split(judges[0].values(errors[row], middle, hosts), cuts)
        codes = [judge.judged(part) for judge, part in zip(judges, each, strict=True)]
        same = np.concatenate(codes) == old
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    line = alarm * len(errors) + row
    place = np.arange(len(line)) - np.searchsorted(line, line)
    most = int(place.max(initial=-1)) + 1
    edges = np.full((len(judges), len(errors), most), np.inf)
    edges[alarm, row, place] = right
    found = np.repeat(tables[..., :1], most + 1, axis=2)
    for turn in range(most):
        here = place == turn
        new = tables[alarm[here], row[here], column[here] + 1]
        found[alarm[here], row[here], turn + 1 :] = new[:, None]
    return edges, found


def _grid(low: float, high: float) -> Array:
    """Return successes to try: each small number, then steps of a twentieth."""
    small = np.arange(0.0, 17.0)
    steps = np.geomspace(16.0, max(high, 17.0) + 1, max(int(20 * np.log(max(high, 17.0) / 16)), 2))
    grid = np.unique(np.concatenate([small, np.ceil(steps)]))
    first = max(int(np.searchsorted(grid, low, side="right")) - 1, 0)
    return np.asarray(grid[first:])


def rejections(reader: Series) -> bool:
    """Whether the series counts rejected requests, of which the exact engine knows none."""
    return reader.source.field == REJECTED
