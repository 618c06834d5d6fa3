"""The alarms of one run: which points they see, and the states they go through."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from stratsim.cloudwatch.evaluation import State, judge
from stratsim.cloudwatch.metric_math import Expression, compile_expression
from stratsim.cloudwatch.thresholds import breaches
from stratsim.errors import InputError, Problem, UnsupportedError
from stratsim.model.alarm import CompositeAlarm, MetricAlarm
from stratsim.model.scenario import Scenario
from stratsim.model.settings import MetricSettings
from stratsim.signals import Series, Telemetry, series

MINUTE_US = 60_000_000
MISSING = -1

# Functions that look at one point at a time; any other needs the whole window.
_POINTWISE = {"IF", "ABS", "CEIL", "FLOOR", "LOG", "LOG10"}


@dataclass(frozen=True, slots=True)
class MetricProgram:
    """A metric alarm made ready for many runs.

    ``minutes`` is the period in minutes, ``size`` the evaluation range in
    periods; ``readers`` are the series by Id, None where nothing is emitted.
    """

    alarm: MetricAlarm
    readers: tuple[tuple[str, Series | None], ...]
    expression: Expression | None
    minutes: int
    size: int
    pointwise: bool

    @property
    def name(self) -> str:
        """The alarm's name."""
        return self.alarm.AlarmName

    @property
    def history(self) -> int:
        """Minutes before an evaluation that can matter to it."""
        return self.minutes * self.size

    @property
    def unread(self) -> tuple[str, ...]:
        """Ids of series that no deployment emits."""
        return tuple(
            name
            for name, reader in self.readers
            if reader is None or reader.source.kind == "silent"
        )


@dataclass(frozen=True, slots=True)
class CompositeProgram:
    """A composite alarm made ready: its rule over the states of its children."""

    alarm: CompositeAlarm
    children: tuple[str, ...]
    evaluate: Callable[[dict[str, State]], bool]

    @property
    def name(self) -> str:
        """The alarm's name."""
        return self.alarm.AlarmName


Program = MetricProgram | CompositeProgram


def compile_alarms(scenario: Scenario, *, one_target_group: bool) -> tuple[Program, ...]:
    """Return the scenario's alarms ready to be watched, children first.

    Raises
    ------
    UnsupportedError
        For an anomaly detection band, by the alarm's name.
    """
    metric: list[Program] = []
    composite: list[CompositeProgram] = []
    for alarm in scenario.alarms:
        if isinstance(alarm, MetricAlarm):
            metric.append(
                _metric_program(alarm, scenario.metrics, one_target_group=one_target_group)
            )
        else:
            composite.append(_composite_program(alarm))
    return (*metric, *_children_first(composite))


def _metric_program(
    alarm: MetricAlarm, settings: MetricSettings, *, one_target_group: bool
) -> MetricProgram:
    if alarm.banded:
        msg = f"alarms.{alarm.AlarmName}: anomaly detection bands are not simulated yet"
        raise UnsupportedError(msg)
    expression = None
    read = partial(series, one_target_group=one_target_group, settings=settings)
    if alarm.Metrics:
        readers = [(q.Id, read(q.MetricStat)) for q in alarm.Metrics if q.MetricStat is not None]
        expression = _resolve(alarm)
    else:
        readers = [("m", read(alarm.metric_stats[0]))]
    return MetricProgram(
        alarm=alarm,
        readers=tuple(readers),
        expression=expression,
        minutes=max(1, alarm.period_s // 60),
        size=alarm.n + settings.evaluation_range_extra,
        pointwise=expression is None or _is_pointwise(expression),
    )


def _resolve(alarm: MetricAlarm) -> Expression | None:
    """Return the expression that the alarm watches, with nested ones written in."""
    texts = {q.Id: q.Expression for q in alarm.Metrics if q.Expression is not None}
    returned = [q for q in alarm.Metrics if q.returned]
    text = returned[0].Expression if returned else None
    if text is None:
        return compile_expression(returned[0].Id) if returned else None
    return compile_expression(_inline(text, texts, depth=0))


def _inline(text: str, texts: dict[str, str], depth: int) -> str:
    """Write nested expressions into `text`; the alarm's depth is bounded by its 10 metrics."""
    import re

    if depth > len(texts):
        raise InputError([Problem("Metrics", "expressions without a cycle", repr(text))])

    def write(match: "re.Match[str]") -> str:
        inner = texts.get(match.group(0))
        return match.group(0) if inner is None else f"({_inline(inner, texts, depth + 1)})"

    return re.sub(r"\b[a-z][A-Za-z0-9_]*\b", write, text)


def _is_pointwise(expression: Expression) -> bool:
    from stratsim.cloudwatch.math_nodes import Call

    calls = [node.name for node in expression.root.walk() if isinstance(node, Call)]
    return not expression.uses_metrics and all(name in _POINTWISE for name in calls)


@lru_cache(maxsize=256)
def _rule(text: str) -> tuple[tuple[str, ...], Callable[[dict[str, State]], bool]]:
    from stratsim.cloudwatch.composite import compile_rule

    rule = compile_rule(text)
    return tuple(rule.children), rule.evaluate


def _composite_program(alarm: CompositeAlarm) -> CompositeProgram:
    children, evaluate = _rule(alarm.AlarmRule)
    return CompositeProgram(alarm, children, evaluate)


def _children_first(programs: Sequence[CompositeProgram]) -> list[CompositeProgram]:
    """Order composites so that each comes after the composites that it reads."""
    waiting = list(programs)
    names = {program.name for program in waiting}
    done: list[CompositeProgram] = []
    while waiting:
        ready = [p for p in waiting if not names & set(p.children)]
        if not ready:
            loop = ", ".join(sorted(names))
            raise InputError([Problem("alarms", "composite alarms without a cycle", loop)])
        done.extend(ready)
        names -= {program.name for program in ready}
        waiting = [p for p in waiting if p.name in names]
    return done


class MetricWatch:
    """One metric alarm in one run."""

    __slots__ = ("_codes", "_values", "offset_us", "program", "state")

    def __init__(self, program: MetricProgram, offset_us: int) -> None:
        self.program = program
        self.offset_us = offset_us
        self.state = State.INSUFFICIENT_DATA
        self._codes: list[int] = []
        self._values: list[float] = []

    def read(self, telemetry: Telemetry) -> None:
        """Judge the minutes that have ended since the last call, where they can be at once."""
        program = self.program
        if program.minutes > 1 or not program.pointwise:
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
            self._values.append(value)
            self._codes.append(breaches(alarm, value))

    def _reading(self, number: int, telemetry: Telemetry, positions: Sequence[int]) -> float:
        reader = self.program.readers[number][1]
        return math.nan if reader is None else reader.value(telemetry, positions)

    def evaluate(self, telemetry: Telemetry, minute: int, now_us: int) -> State:
        """Return the state after an evaluation whose newest minute is `minute` - 1."""
        program = self.program
        alarm = program.alarm
        if program.minutes == 1 and program.pointwise:
            cells = self._cells(telemetry, minute, now_us)
        else:
            cells = [breaches(alarm, v) for v in self._windows(telemetry, minute, now_us)]
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

    def _windows(self, telemetry: Telemetry, minute: int, now_us: int) -> list[float]:
        """Return the values of the evaluation range's periods, oldest first."""
        program = self.program
        span, size = program.minutes, program.size
        series_by_id = {
            name: np.array(
                [
                    self._reading(
                        j,
                        telemetry,
                        telemetry.window(minute - age * span, minute - (age - 1) * span, now_us),
                    )
                    for age in range(size, 0, -1)
                ]
            )
            for j, (name, _) in enumerate(program.readers)
        }
        if program.expression is None:
            values: list[float] = series_by_id["m"].tolist()
        else:
            values = program.expression.evaluate(series_by_id, 60.0 * span).tolist()
        return values


class AlarmBank:
    """All alarms of one run."""

    def __init__(self, programs: Sequence[Program], offsets_us: Sequence[int]) -> None:
        self.metric = [
            MetricWatch(program, offset)
            for program, offset in zip(programs, offsets_us, strict=False)
            if isinstance(program, MetricProgram)
        ]
        self.composite = [p for p in programs if isinstance(p, CompositeProgram)]
        self.states: dict[str, State] = {p.name: State.INSUFFICIENT_DATA for p in programs}

    def settle(self, telemetry: Telemetry, phase_us: int, evaluations: int) -> None:
        """Evaluate over the history, so that states are what they were at creation.

        `phase_us` is where in the minute the deployment starts.
        """
        for watch in self.metric:
            watch.read(telemetry)
            newest = 0 if watch.offset_us <= phase_us else -1
            rounds = evaluations if watch.program.alarm.treatment == "ignore" else 1
            for minute in range(newest - rounds + 1, newest + 1):
                now_us = minute * MINUTE_US - phase_us + watch.offset_us
                state = watch.evaluate(telemetry, minute, now_us)
            self.states[watch.program.name] = state
        self._judge_composites()

    def evaluate(
        self, telemetry: Telemetry, minute: int, now_us: int, offset_us: int
    ) -> list[tuple[str, State, State]]:
        """Evaluate the alarms of `offset_us`; return (name, before, after) of changes."""
        changes = []
        for watch in self.metric:
            if watch.offset_us != offset_us:
                continue
            watch.read(telemetry)
            name, before = watch.program.name, watch.state
            after = watch.evaluate(telemetry, minute, now_us)
            if after is not before:
                self.states[name] = after
                changes.append((name, before, after))
        return changes + self._judge_composites() if changes else changes

    def _judge_composites(self) -> list[tuple[str, State, State]]:
        changes = []
        for program in self.composite:
            before = self.states[program.name]
            after = State.ALARM if program.evaluate(self.states) else State.OK
            if after is not before:
                self.states[program.name] = after
                changes.append((program.name, before, after))
        return changes
