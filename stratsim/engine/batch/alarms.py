"""Telemetry and alarms of many runs: the rules of `stratsim.watch`, on arrays."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.evaluation import judge_many
from stratsim.cloudwatch.thresholds import breaches
from stratsim.engine.batch.dice import Minute
from stratsim.engine.batch.mixtures import Mixed, Mixtures
from stratsim.model.quantities import Array
from stratsim.queueing import ResponseTimes
from stratsim.signals import HEALTHY, REQUESTS, UNHEALTHY, Series
from stratsim.watch import CompositeProgram, MetricProgram, Program

OK, ALARM, INSUFFICIENT = 0, 1, 2

Index = NDArray[np.int64]
Changed = NDArray[np.bool_]


class Telemetry:
    """Minutes of many runs; column m is minute ``first + m``, arrays of (rows,) each.

    Minutes that no alarm can see any more are forgotten.
    """

    def __init__(self, rows: int, first: int, times: ResponseTimes, memory: int) -> None:
        self.rows, self.first, self.times, self.memory = rows, first, times, memory
        self.minutes: list[Minute | None] = []
        self.published: list[Index] = []
        self.noise: np.random.Generator | None = None
        self.certain = 0

    @property
    def count(self) -> int:
        """Number of minutes that have ended."""
        return len(self.minutes)

    def close(self, minute: Minute, published: Index) -> None:
        """Add the minute that has just ended."""
        self.minutes.append(minute)
        self.published.append(published)
        if len(self.minutes) > self.memory:
            self.minutes[-self.memory - 1] = None

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.rows = len(keep)
        self.published = [p[keep] for p in self.published]
        self.minutes = [None if m is None else m.take(keep) for m in self.minutes]

    def seen(self, columns: Index, now: Index | None) -> list[Array | float]:
        """Return for each column whether it is published by `now`, as 1 or 0."""
        if now is None:
            return [1.0] * len(columns)
        return [(self.published[c] <= now).astype(float) for c in columns]

    def total(
        self, sides: Sequence[int], field: int, columns: Index, seen: Sequence[Array | float]
    ) -> Array:
        """Return the sum of a field over columns, where they are `seen`."""
        found: Array | None = None
        for column, weight in zip(columns, seen, strict=True):
            minute = self.minutes[column]
            for side in sides:
                if minute is not None and (side, field) in minute.sums:
                    part = minute.sums[side, field]
                    if isinstance(weight, np.ndarray):
                        part = part * weight
                    found = part if found is None else found + part
        return np.zeros(self.rows) if found is None else found

    def seen_by(self, column: int, now: Index) -> NDArray[np.bool_] | bool:
        """Return in which rows a column is published by `now`; one answer where all agree.

        Time goes on, so what everybody has seen stays seen: ``certain`` counts it.
        """
        if column < self.certain:
            return True
        seen = self.published[column] <= now
        if not seen.any():
            return False
        if not seen.all():
            return seen
        self.certain += column == self.certain
        return True


def read(series: Series, telemetry: Telemetry, columns: Index, now: Index | None) -> Array:
    """Return a statistic over minutes, (rows,); NaN where there is no data.

    Only what is published by `now` is seen; None sees all.
    """
    seen = telemetry.seen(columns, now)
    source, sides = series.source, series.sides
    if source.kind == "time":
        return _response_time(series, telemetry, columns, seen)
    if source.kind == "silent":
        return np.full(telemetry.rows, np.nan)
    if source.kind == "level":
        return _level(series, telemetry, columns, seen)
    total = source.factor * telemetry.total(sides, source.field, columns, seen)
    for field in source.less:
        total = total - telemetry.total(sides, field, columns, seen)
    if source.kind == "count":
        present = total > 0
        if source.when_zero:
            requests = telemetry.total(sides, REQUESTS, columns, seen)
            present |= (requests > 0) | (telemetry.total(sides, HEALTHY, columns, seen) > 0)
        return np.where(present, _counted(series.statistic, total, seen), np.nan)
    requests = telemetry.total(sides, REQUESTS, columns, seen)
    values = {
        "Sum": total,
        "SampleCount": requests,
        "Minimum": np.where(total < requests, 0.0, 1.0),
        "Maximum": np.where(total > 0, 1.0, 0.0),
    }.get(series.statistic)
    if values is None:
        values = total / np.where(requests > 0, requests, 1.0)
    return np.where(requests > 0, values, np.nan)


def _counted(statistic: str, total: Array, seen: Sequence[Array | float]) -> Array:
    """Return a statistic of samples of 1, or of one 0 per minute where there are none."""
    if statistic == "Sum":
        return total
    if statistic == "SampleCount":
        return np.where(total > 0, total, sum(seen))
    return np.where(total > 0, 1.0, 0.0)


def _level(
    series: Series, telemetry: Telemetry, columns: Index, seen: Sequence[Array | float]
) -> Array:
    """Return a statistic of a level sampled once a minute: hosts."""
    sides, source = series.sides, series.source
    found = np.zeros((telemetry.rows, len(columns)))
    there = np.zeros_like(found, dtype=bool)
    for at, (column, weight) in enumerate(zip(columns, seen, strict=True)):
        here = np.array([column])
        hosts = telemetry.total(sides, HEALTHY, here, [weight])
        hosts = hosts + telemetry.total(sides, UNHEALTHY, here, [weight])
        there[:, at] = hosts > 0
        found[:, at] = source.factor * telemetry.total(sides, source.field, here, [weight])
    count = there.sum(axis=1)
    values = {
        "Sum": (found * there).sum(axis=1),
        "SampleCount": count.astype(float),
        "Minimum": np.where(there, found, np.inf).min(axis=1, initial=np.inf),
        "Maximum": np.where(there, found, -np.inf).max(axis=1, initial=-np.inf),
    }.get(series.statistic)
    if values is None:
        values = (found * there).sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, values, np.nan)


def _response_time(
    series: Series, telemetry: Telemetry, columns: Index, seen: Sequence[Array | float]
) -> Array:
    parts = [
        (n * weight, rho, f, a)
        for weight, column in zip(seen, columns, strict=True)
        for side, n, rho, f, a in getattr(telemetry.minutes[column], "parts", ())
        if side in series.sides
    ]
    return response_time(series, parts, telemetry.rows, telemetry)


def response_time(series: Series, parts: Sequence[Mixed], rows: int, telemetry: Telemetry) -> Array:
    """Return a statistic of the response times of `parts`, (rows,); NaN where there are none."""
    if not parts:
        return np.full(rows, np.nan)
    answered = np.sum([part[0] for part in parts], axis=0)
    some = np.where(answered > 0, answered, 1.0)
    if series.statistic == "SampleCount":
        return np.where(answered > 0, answered, np.nan)
    times, noise = telemetry.times, telemetry.noise
    if series.percentile is not None:
        values = Mixtures(times, parts, noise).ranked(series.percentile)
    else:
        values = sum(n * (f * times.mean_many(rho) + a) for n, rho, f, a in parts) / some
        if noise is not None:
            spread = math.sqrt(math.expm1(times.sigma**2))
            luck = noise.standard_normal(rows)
            values = values * np.maximum(1.0 + spread / np.sqrt(some) * luck, 0.0)
        if series.statistic == "Sum":
            values = values * answered
    return np.where(answered > 0, values / series.source.unit_s, np.nan)


class Watch:
    """One metric alarm in many runs."""

    def __init__(self, program: MetricProgram, rows: int) -> None:
        self.program = program
        self.state = np.full(rows, INSUFFICIENT, dtype=np.int8)
        self.codes: list[NDArray[np.int8]] = []
        self.instant = program.minutes == 1 and program.pointwise

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.state = self.state[keep]
        self.codes = [code[keep] for code in self.codes]

    def read(self, telemetry: Telemetry) -> None:
        """Judge the minutes that have ended since the last call."""
        if not self.instant:
            return
        while len(self.codes) < telemetry.count:
            columns = np.array([len(self.codes)])
            values = self._values(telemetry, [columns], None)[:, 0]
            self.codes.append(np.asarray(breaches(self.program.alarm, values), dtype=np.int8))

    def _values(self, telemetry: Telemetry, windows: Sequence[Index], now: Index | None) -> Array:
        """Return the alarm's values over windows of minutes, (rows, windows)."""
        program = self.program
        by_id = {}
        for name, reader in program.readers:
            empty = np.full(telemetry.rows, np.nan)
            by_id[name] = np.stack(
                [
                    empty
                    if reader is None or not len(columns)
                    else read(reader, telemetry, columns, now)
                    for columns in windows
                ],
                axis=1,
            )
        if program.expression is None:
            return by_id["m"]
        return program.expression.evaluate(by_id, 60.0 * program.minutes)

    def evaluate(self, telemetry: Telemetry, minute: int, now: Index) -> NDArray[np.int8]:
        """Return the states after an evaluation whose newest minute is `minute` - 1."""
        program, alarm = self.program, self.program.alarm
        if program.hourly and minute % 60:
            return self.state
        if self.instant:
            cells = self._cells(telemetry, minute, now)
        else:
            span = program.minutes
            windows = []
            for age in range(program.size, 0, -1):
                low = minute - age * span - telemetry.first
                high = min(low + span, telemetry.count)
                windows.append(np.arange(max(low, 0), max(high, 0)))
            values = self._values(telemetry, windows, now)
            cells = np.asarray(breaches(alarm, values), dtype=np.int8)
        self.state = judge_many(cells, alarm.m, alarm.n, alarm.treatment, self.state)
        return self.state

    def _cells(self, telemetry: Telemetry, minute: int, now: Index) -> NDArray[np.int8]:
        cells = np.full((telemetry.rows, self.program.size), -1, dtype=np.int8)
        low = minute - telemetry.first - self.program.size
        for place in range(self.program.size):
            if 0 <= low + place < len(self.codes):
                seen = telemetry.seen_by(low + place, now)
                if seen is True:
                    cells[:, place] = self.codes[low + place]
                elif seen is not False:
                    cells[:, place] = np.where(seen, self.codes[low + place], -1)
        return cells


class Bank:
    """All alarms of many runs; ``states`` by name, (rows,)."""

    def __init__(self, programs: Sequence[Program], rows: int) -> None:
        self.watches = [Watch(p, rows) for p in programs if isinstance(p, MetricProgram)]
        self.composites = [p for p in programs if isinstance(p, CompositeProgram)]
        self.states = {p.name: np.full(rows, INSUFFICIENT, dtype=np.int8) for p in programs}
        self.acting = {p.name for p in programs if p.acts}

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        for watch in self.watches:
            watch.take(keep)
        self.states = {name: state[keep] for name, state in self.states.items()}

    def settle(self, telemetry: Telemetry, phase: Index, evaluations: int) -> None:
        """Evaluate over the history; see `stratsim.watch.AlarmBank.settle`."""
        for watch in self.watches:
            watch.read(telemetry)
            rounds = evaluations if watch.program.alarm.treatment == "ignore" else 1
            for minute in range(1 - rounds, 1):
                now = minute * 60_000_000 - phase
                self.states[watch.program.name] = watch.evaluate(telemetry, minute, now)
        self._judge_composites()

    def evaluate(
        self, telemetry: Telemetry, minute: int, now: Index, stopping: Sequence[int]
    ) -> tuple[dict[str, Changed], dict[str, Changed]]:
        """Evaluate all; return by name the rows that changed to ALARM, and to `stopping` states."""
        before = dict(self.states)
        for watch in self.watches:
            watch.read(telemetry)
            self.states[watch.program.name] = watch.evaluate(telemetry, minute, now)
        self._judge_composites()
        changed = {name: state != before[name] for name, state in self.states.items()}
        fired = {name: rows & (self.states[name] == ALARM) for name, rows in changed.items()}
        stops = {
            name: rows & np.isin(self.states[name], stopping) for name, rows in changed.items()
        }
        return fired, stops

    def _judge_composites(self) -> None:
        """Judge each rule once per distinct combination of its children's states."""
        from stratsim.cloudwatch.evaluation import STATES

        for program in self.composites:
            children = np.stack([self.states[name] for name in program.children], axis=1)
            distinct, place = np.unique(children, axis=0, return_inverse=True)
            verdicts = np.array(
                [
                    program.evaluate(
                        {n: STATES[s] for n, s in zip(program.children, row, strict=True)}
                    )
                    for row in distinct
                ],
                dtype=np.int8,
            )
            self.states[program.name] = verdicts[place.reshape(-1)]
