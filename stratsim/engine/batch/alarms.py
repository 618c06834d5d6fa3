"""Alarms of many runs: the rules of `stratsim.watch`, on arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.evaluation import STATES, judge_many
from stratsim.cloudwatch.low_samples import lacks_samples_of_many
from stratsim.cloudwatch.thresholds import breaches
from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.readings import read, samples_of
from stratsim.engine.batch.suppressing import Suppressions
from stratsim.engine.batch.telemetry import Index, Telemetry
from stratsim.model.quantities import Array
from stratsim.watch import MINUTE_US, SHORT_US, CompositeProgram, MetricProgram, Program

OK, ALARM, INSUFFICIENT = 0, 1, 2
States = NDArray[np.int8]


class Watch:
    """One metric alarm in many runs.

    ``offset`` (rows,) is where in the minute it is evaluated first [us], and
    ``due`` when it is evaluated next.
    """

    def __init__(self, program: MetricProgram, offset: Times) -> None:
        self.program = program
        self.every = SHORT_US if program.short else MINUTE_US
        self.offset = offset % self.every
        self.due = np.full(len(offset), NEVER)
        self.state = np.full(len(offset), INSUFFICIENT, dtype=np.int8)
        self.codes: list[States] = []
        self._known: dict[tuple[str, int, int], tuple[Array, Array]] = {}

    @property
    def on_the_minute(self) -> bool:
        """Whether it is evaluated when a minute ends, and at no other time."""
        return not (self.program.short or self.offset.any())

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.state, self.offset, self.due = self.state[keep], self.offset[keep], self.due[keep]
        self.codes = [code[keep] for code in self.codes]
        self._known = {key: (v[keep], n[keep]) for key, (v, n) in self._known.items()}

    def read(self, telemetry: Telemetry) -> None:
        """Judge the minutes that have ended since the last call, where they can be at once."""
        program = self.program
        if not program.instant:
            return
        while len(self.codes) < telemetry.count:
            at = len(self.codes)
            values = self.values(telemetry, [np.array([at])], None, 60.0)
            self.codes.append(self._judged(values, [telemetry.first + at])[:, 0])

    def _judged(self, values: Array, minutes: Sequence[int]) -> States:
        """Return which values breach, (rows, periods) that begin with `minutes`."""
        program, band = self.program, self.program.band
        edges = None
        if band is not None and band.model is not None:
            edges = band.model.band(60.0 * np.array(minutes, dtype=float), band.width)
        return np.asarray(breaches(program.alarm, values, edges), dtype=np.int8)

    def values(
        self,
        telemetry: Telemetry,
        windows: Sequence[Index],
        now: Index | None,
        period_s: float,
    ) -> Array:
        """Return the alarm's values over windows of minutes, (rows, windows)."""
        program = self.program
        empty = np.full(telemetry.rows, np.nan)
        by_id = {
            name: np.stack(
                [
                    empty
                    if reader is None or not len(columns)
                    else self._reading(name, number, telemetry, columns, now)
                    for columns in windows
                ],
                axis=1,
            )
            for number, (name, reader) in enumerate(program.readers)
        }
        if program.expression is None:
            return by_id["m"]
        return program.expression.evaluate(by_id, period_s)

    def _reading(
        self, name: str, number: int, telemetry: Telemetry, columns: Index, now: Index | None
    ) -> Array:
        """Return a reading; that of the same minutes stays the same, noise and all."""
        reader = self.program.readers[number][1]
        assert reader is not None
        if now is None or telemetry.noise is None or reader.source.kind != "time":
            return read(reader, telemetry, columns, now)
        key = (name, int(columns[0]), int(columns[-1]))
        count = np.sum([telemetry.published[c] <= now for c in columns], axis=0)
        values = read(reader, telemetry, columns, now)
        if key in self._known:
            before, seen = self._known[key]
            values = np.where(seen == count, before, values)
        self._known[key] = (values, count)
        old = int(columns[0]) - 2 * self.program.history
        self._known = {k: v for k, v in self._known.items() if k[1] >= old}
        return values

    def evaluate(
        self, telemetry: Telemetry, minute: int, now: Index, rows: Flags | None = None
    ) -> None:
        """Evaluate in `rows`, or in all; the newest minute is `minute` - 1."""
        program, alarm = self.program, self.program.alarm
        if program.hourly and minute % 60:
            return
        if program.instant:
            cells = self._cells(telemetry, minute, now)
        elif program.short:
            cells = self._short_cells(telemetry, minute, now)
        else:
            begins, windows = self._windows(telemetry, minute)
            values = self.values(telemetry, windows, now, 60.0 * program.minutes)
            cells = self._judged(values, begins)
        states = judge_many(cells, alarm.m, alarm.n, alarm.treatment, self.state)
        if program.wants_samples:
            states = np.where(self._lacks(telemetry, minute, now), self.state, states)
        self.state = states if rows is None else np.where(rows, states, self.state)

    def _windows(self, telemetry: Telemetry, minute: int) -> tuple[list[int], list[Index]]:
        """Return with which minutes the periods of the range begin, and their columns."""
        span, size = self.program.minutes, self.program.size
        begins = [minute - age * span for age in range(size, 0, -1)]
        return begins, [_columns(telemetry, begin, begin + span) for begin in begins]

    def _cells(self, telemetry: Telemetry, minute: int, now: Index) -> States:
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

    def _short_cells(self, telemetry: Telemetry, minute: int, now: Index) -> States:
        """Return cells of a period below a minute; see `stratsim.watch.metric`.

        How far the minute has come may differ between rows: each of the six tens of
        seconds is judged, and every row takes its own.
        """
        period, size = self.program.alarm.period_s, self.program.size
        found = np.full((telemetry.rows, size), -1, dtype=np.int8)
        late = (now - telemetry.ends(minute)) // SHORT_US
        for tens in np.unique(late):
            end = 60 * minute + 10 * int(tens)
            windows = []
            for age in range(size, 0, -1):
                begin = end - age * period
                stamp = -(-begin // 60)  # the first minute that begins in the window
                inside = 60 * stamp < begin + period
                windows.append(_columns(telemetry, stamp, stamp + inside))
            values = self.values(telemetry, windows, now, float(period))
            cells = np.asarray(breaches(self.program.alarm, values), dtype=np.int8)
            found = np.where((late == tens)[:, None], cells, found)
        return found

    def _lacks(self, telemetry: Telemetry, minute: int, now: Index) -> Flags:
        """Return where a percentile has too few samples to say anything."""
        reader = self.program.readers[0][1]
        if reader is None:
            return np.zeros(telemetry.rows, dtype=bool)
        _, windows = self._windows(telemetry, minute)
        counts = [samples_of(reader, telemetry, columns, now) for columns in windows]
        return lacks_samples_of_many(self.program.alarm, np.stack(counts, axis=1))


def _columns(telemetry: Telemetry, begin: int, end: int) -> Index:
    """Return the columns of minutes [begin, end) that there are."""
    low, high = begin - telemetry.first, min(end - telemetry.first, telemetry.count)
    return np.arange(max(low, 0), max(high, 0))


class Bank:
    """All alarms of many runs; ``states`` by name, (rows,)."""

    def __init__(self, programs: Sequence[Program], offsets: Sequence[Times], rows: int) -> None:
        self.watches = [
            Watch(program, offset)
            for program, offset in zip(programs, offsets, strict=True)
            if isinstance(program, MetricProgram)
        ]
        self.composites = [p for p in programs if isinstance(p, CompositeProgram)]
        self.states = {p.name: np.full(rows, INSUFFICIENT, dtype=np.int8) for p in programs}
        self.acting = {p.name for p in programs if p.acts}
        self.suppressions: dict[str, Suppressions] = {}
        self.on_the_minute = all(watch.on_the_minute for watch in self.watches)
        self.minute = 0

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        for watch in self.watches:
            watch.take(keep)
        self.states = {name: state[keep] for name, state in self.states.items()}
        for held in self.suppressions.values():
            held.take(keep)

    def settle(self, telemetry: Telemetry, phase: Index, evaluations: int) -> None:
        """Evaluate over the history; see `stratsim.watch.AlarmBank.settle`."""
        for watch in self.watches:
            watch.read(telemetry)
            program = watch.program
            keeps = program.alarm.treatment == "ignore" or program.wants_samples
            step = 60 if program.hourly else 1
            for newest in (0, -1):
                rows = (watch.offset <= phase) == (newest == 0)
                if not rows.any():
                    continue
                last = newest - newest % step
                for back in range(evaluations - 1 if keeps else 0, -1, -1):
                    telemetry.certain = 0
                    minute = last - back * step
                    watch.evaluate(
                        telemetry, minute, minute * MINUTE_US - phase + watch.offset, rows
                    )
            self.states[program.name] = watch.state
        telemetry.certain = 0
        self._judge_composites()
        for composite in self.composites:
            if composite.suppressor is not None:
                in_alarm = self.states[composite.suppressor] == ALARM
                self.suppressions[composite.name] = Suppressions(composite.alarm, in_alarm)

    def begin(self, minute: int, now: Times) -> None:
        """Let the evaluations follow whose newest minute is `minute` - 1."""
        self.minute = minute
        for watch in self.watches:
            watch.due = now + watch.offset

    def next(self) -> Times | None:
        """Return when an alarm is evaluated next; None where all have been."""
        if self.on_the_minute or not self.watches:
            return None
        return np.asarray(np.min([watch.due for watch in self.watches], axis=0))

    def evaluate(
        self, telemetry: Telemetry, now: Times, active: Flags
    ) -> tuple[Flags, dict[str, Flags]]:
        """Evaluate what is due; return where people are told, and by name where states changed."""
        before = dict(self.states)
        looked = np.zeros(len(now), dtype=bool)
        for watch in self.watches:
            rows = active & (watch.due <= now)
            if not rows.any():
                continue
            looked |= rows
            watch.read(telemetry)
            watch.evaluate(telemetry, self.minute, now, None if rows.all() else rows)
            self.states[watch.program.name] = watch.state
            later = watch.due + watch.every
            end = telemetry.ends(self.minute + 1)
            watch.due = np.where(rows, np.where(later < end, later, NEVER), watch.due)
        self._judge_composites()
        changed = {name: state != before[name] for name, state in self.states.items()}
        return self._told(looked, now, changed), changed

    def _told(self, looked: Flags, now: Times, changed: dict[str, Flags]) -> Flags:
        """Return where actions of an alarm in ALARM run."""
        told = np.zeros(len(now), dtype=bool)
        for name, rows in changed.items():
            if name in self.acting and name not in self.suppressions:
                told |= rows & (self.states[name] == ALARM)
        for program in self.composites:
            held = self.suppressions.get(program.name)
            if held is None or program.suppressor is None:
                continue
            in_alarm = self.states[program.suppressor] == ALARM
            acts = held.step(looked, now, changed[program.name], in_alarm)
            if program.name in self.acting:
                told |= acts & (self.states[program.name] == ALARM)
        return told

    def _judge_composites(self) -> None:
        """Judge each rule once per distinct combination of its children's states."""
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
