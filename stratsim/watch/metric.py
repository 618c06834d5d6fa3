"""One metric alarm in one run: the points that it sees, and its state."""

import math
from collections.abc import Sequence

import numpy as np

from stratsim.cloudwatch.evaluation import State, judge
from stratsim.cloudwatch.low_samples import lacks_samples
from stratsim.cloudwatch.thresholds import MISSING, breaches
from stratsim.signals import Telemetry
from stratsim.watch.programs import MetricProgram

MINUTE_US = 60_000_000
SHORT_US = 10_000_000
"""Alarms of a period below a minute are evaluated every ten seconds."""


class MetricWatch:
    """One metric alarm in one run.

    ``offset_us`` is where in the minute it is evaluated first.
    """

    __slots__ = ("_codes", "_known", "offset_us", "offsets_us", "program", "state")

    def __init__(self, program: MetricProgram, offset_us: int) -> None:
        self.program = program
        every = SHORT_US if program.short else MINUTE_US
        self.offset_us = offset_us % every
        self.offsets_us = tuple(range(self.offset_us, MINUTE_US, every))
        self.state = State.INSUFFICIENT_DATA
        self._codes: list[int] = []
        self._known: dict[tuple[int, int, int, int], float] = {}

    def read(self, telemetry: Telemetry) -> None:
        """Judge the minutes that have ended since the last call, where they can be at once."""
        program = self.program
        if not program.instant:
            return
        alarm, expression = program.alarm, program.expression
        for at in range(len(self._codes), len(telemetry.rows)):
            if expression is None:
                value = self._reading(0, telemetry, (at,))
            else:
                points = {
                    name: np.array([self._reading(j, telemetry, (at,))])
                    for j, (name, _) in enumerate(program.readers)
                }
                value = float(expression.evaluate(points, 60.0)[0])
            if program.band is None:
                self._codes.append(breaches(alarm, value))
            else:
                self._codes.append(breaches(alarm, value, self._edges(telemetry.first + at)))

    def _reading(self, number: int, telemetry: Telemetry, positions: Sequence[int]) -> float:
        reader = self.program.readers[number][1]
        return math.nan if reader is None else reader.value(telemetry, positions)

    def _edges(self, minute: int) -> tuple[float, float] | None:
        """Return the band at the beginning of a minute."""
        band = self.program.band
        if band is None or band.model is None:
            return None
        low, high = band.model.band(np.array([60.0 * minute]), band.width)[0]
        return float(low), float(high)

    def evaluate(self, telemetry: Telemetry, minute: int, now_us: int, late_us: int = 0) -> State:
        """Return the state after an evaluation whose newest minute is `minute` - 1.

        `late_us` is how long after that minute's end it comes.
        """
        program = self.program
        alarm = program.alarm
        if program.hourly and minute % 60:
            return self.state
        if program.wants_samples and self._lacks_samples(telemetry, minute, now_us):
            return self.state
        if program.instant:
            cells = self._cells(telemetry, minute, now_us)
        elif program.short:
            cells = self._short_cells(telemetry, minute, now_us, late_us)
        else:
            cells = self._wide_cells(telemetry, minute, now_us)
        self.state = judge(cells, alarm.m, alarm.n, alarm.treatment, self.state)
        return self.state

    def _cells(self, telemetry: Telemetry, minute: int, now_us: int) -> list[int]:
        size = self.program.size
        low = minute - size - telemetry.first
        published, codes = telemetry.published_us, self._codes
        return [
            codes[at] if 0 <= at < len(codes) and published[at] <= now_us else MISSING
            for at in range(low, low + size)
        ]

    def _windows(self, telemetry: Telemetry, minute: int, now_us: int) -> list[list[int]]:
        """Return which minutes each period of the evaluation range sees, oldest first."""
        span, size = self.program.minutes, self.program.size
        return [
            telemetry.window(minute - age * span, minute - (age - 1) * span, now_us)
            for age in range(size, 0, -1)
        ]

    def _wide_cells(self, telemetry: Telemetry, minute: int, now_us: int) -> list[int]:
        program = self.program
        windows = self._windows(telemetry, minute, now_us)
        values = self._values(telemetry, windows, 60.0 * program.minutes)
        if program.band is None:
            return [breaches(program.alarm, value) for value in values]
        span, size = program.minutes, program.size
        return [
            breaches(program.alarm, value, self._edges(minute - (size - at) * span))
            for at, value in enumerate(values)
        ]

    def _values(
        self, telemetry: Telemetry, windows: list[list[int]], period_s: float
    ) -> list[float]:
        by_id = {
            name: np.array([self._once(j, telemetry, window) for window in windows])
            for j, (name, _) in enumerate(self.program.readers)
        }
        expression = self.program.expression
        if expression is None:
            values: list[float] = by_id["m"].tolist()
        else:
            values = expression.evaluate(by_id, period_s).tolist()
        return values

    def _once(self, number: int, telemetry: Telemetry, window: list[int]) -> float:
        """Return a reading; that of the same minutes stays the same, noise and all."""
        if not window:
            return math.nan
        key = (number, window[0], window[-1], len(window))
        if key not in self._known:
            self._known[key] = self._reading(number, telemetry, window)
        return self._known[key]

    def _short_cells(
        self, telemetry: Telemetry, minute: int, now_us: int, late_us: int
    ) -> list[int]:
        """Return cells of a period below a minute.

        A deployment's metrics have one datapoint a minute, stamped with its
        beginning; the other periods of that minute have none.
        """
        program = self.program
        period = program.alarm.period_s
        end = 60 * minute + late_us // SHORT_US * (SHORT_US // 1_000_000)
        windows: list[list[int]] = []
        for age in range(program.size, 0, -1):
            begin = end - age * period
            stamp = -(-begin // 60)  # the first minute that begins in the window
            inside = 60 * stamp < begin + period
            windows.append(telemetry.window(stamp, stamp + 1, now_us) if inside else [])
        values = self._values(telemetry, windows, float(period))
        return [breaches(program.alarm, value) for value in values]

    def _lacks_samples(self, telemetry: Telemetry, minute: int, now_us: int) -> bool:
        reader = self.program.readers[0][1]
        if reader is None:
            return False
        windows = self._windows(telemetry, minute, now_us)
        counts = [reader.samples(telemetry, window) if window else None for window in windows]
        return lacks_samples(self.program.alarm, counts)
