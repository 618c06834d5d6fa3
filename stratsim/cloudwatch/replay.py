"""Alarms over series of minutes: states, and transitions with their reasons.

With a period of a minute or more an alarm is evaluated every minute; once
EvaluationPeriods x Period exceeds a day, on the hour (user guide,
AlarmThatSendsEmail and alarm-evaluation). States that were reached without a
late datapoint are not rewritten when it comes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.composite import compile_rule, composite_state, order_composites
from stratsim.cloudwatch.evaluation import STATES, State, evaluation_range, judge
from stratsim.cloudwatch.low_samples import lacks_samples
from stratsim.cloudwatch.parse import parse_evaluation
from stratsim.cloudwatch.reason import state_reason
from stratsim.cloudwatch.windows import (
    Delays,
    Edges,
    Minutes,
    Values,
    cells_of,
    checked_band,
    checked_counts,
    checked_values,
    open_minutes,
)
from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.alarm import CompositeAlarm, MetricAlarm

AlarmLike: TypeAlias = MetricAlarm | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state found by the evaluation after `minute`."""

    minute: int
    alarm: str
    before: str
    after: str
    reason: str


def evaluate_alarm(
    alarm: AlarmLike,
    datapoints: Values,
    previous_state: str = "OK",
    band: Edges | None = None,
    sample_counts: Values | None = None,
) -> str:
    """Return the state after one evaluation.

    Parameters
    ----------
    alarm
        A `MetricAlarm`, or PutMetricAlarm's JSON of which the keys that govern
        the evaluation are enough.
    datapoints
        The evaluation range, oldest first; ``None`` or NaN is missing.
    previous_state
        AWS's word for the state before.
    band
        Lower and upper edge per datapoint, for operators that compare with an
        anomaly band; ``None`` where the band has no datapoint.
    sample_counts
        Samples per datapoint; a percentile alarm may keep its state for want
        of them.

    Examples
    --------
    >>> alarm = {
    ...     "EvaluationPeriods": 3,
    ...     "DatapointsToAlarm": 2,
    ...     "Threshold": 50,
    ...     "ComparisonOperator": "GreaterThanThreshold",
    ... }
    >>> evaluate_alarm(alarm, [12, 80, None, 95, 31])
    'ALARM'
    """
    alarm = as_alarm(alarm)
    previous = as_state(previous_state, "previous_state")
    values = checked_values(datapoints, "datapoints")
    edges = checked_band(alarm, band, len(values))
    if sample_counts is not None:
        counts = checked_counts(sample_counts, len(values))
        if lacks_samples(alarm, counts):
            return previous.name
    cells = cells_of(alarm, values, edges)
    return judge(cells, alarm.m, alarm.n, alarm.treatment, previous).name


def replay_alarm(
    alarm: AlarmLike,
    values: Values | Mapping[str, Values],
    delay_minutes: Delays = 0,
    evaluation_range: int | None = None,
    initial_state: str = "INSUFFICIENT_DATA",
    band: Edges | None = None,
    sample_counts: Values | None = None,
    start: datetime | None = None,
) -> list[str]:
    """Return the state after each minute of a series.

    Parameters
    ----------
    alarm
        As for `evaluate_alarm`; its period is a whole number of minutes.
    values
        The metric's aggregate per minute, ``None`` where nothing is published;
        nothing exists before the first minute. For an alarm with ``Metrics``
        either the expression's values, or such a series for every Id.
    delay_minutes
        Whole minutes after a minute's end at which its value can be seen, one
        number or one per minute.
    evaluation_range
        How many periods an evaluation asks for. AWS does not publish it;
        EvaluationPeriods + 2 when not given.
    initial_state
        The state before the first evaluation.
    band
        Edges per minute on a band alarm; those of a window's first minute count.
    sample_counts
        Samples per minute, for percentile alarms that mind them.
    start
        When the first minute begins, for expressions that read the clock.
    """
    alarm = as_alarm(alarm)
    minutes = open_minutes(alarm, values, delay_minutes, band, sample_counts, start)
    states = _states(alarm, minutes, evaluation_range, initial_state)
    return [STATES[state].name for _, state in states]


def alarm_history(
    alarm: AlarmLike,
    values: Values | Mapping[str, Values],
    delay_minutes: Delays = 0,
    evaluation_range: int | None = None,
    initial_state: str = "INSUFFICIENT_DATA",
    band: Edges | None = None,
    sample_counts: Values | None = None,
    start: datetime | None = None,
) -> tuple[Transition, ...]:
    """Return the changes of state that `replay_alarm` finds, with their reasons.

    `start` is when the first minute begins; without it the reasons tell the
    time since then, and no expression can read the clock.
    """
    alarm = as_alarm(alarm)
    minutes = open_minutes(alarm, values, delay_minutes, band, sample_counts, start)
    size = _checked_range(alarm, evaluation_range)
    before = as_state(initial_state, "initial_state")
    changes = []
    for minute, code in _states(alarm, minutes, size, initial_state):
        after = STATES[code]
        if after is not before:
            reason = state_reason(
                alarm,
                after,
                minutes.datapoints(minute, size),
                [_stamp(start, at) for at in minutes.starts(minute, size)],
                minutes.edges_at(minute, size),
            )
            changes.append(Transition(minute, alarm.AlarmName, before.name, after.name, reason))
        before = after
    return tuple(changes)


def replay_composites(
    alarms: Sequence[MetricAlarm | CompositeAlarm], states: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Return the states of every alarm per minute, composites added.

    `states` are those of the metric alarms, as `replay_alarm` gives them.
    """
    found = {name: list(one) for name, one in states.items()}
    lengths = {len(one) for one in found.values()}
    if len(lengths) > 1:
        raise InputError([Problem("states", "lists of one length", shorten(sorted(lengths)))])
    for alarm in order_composites(alarms):
        rule = compile_rule(alarm.AlarmRule, alarm.AlarmName)
        missing = [name for name in rule.children if name not in found]
        if missing:
            raise InputError([unknown_name("states", name, found) for name in missing])
        found[alarm.AlarmName] = [
            composite_state(rule, {name: one[minute] for name, one in found.items()}).name
            for minute in range(max(lengths, default=0))
        ]
    return found


def as_alarm(alarm: AlarmLike) -> MetricAlarm:
    """Return the alarm itself, or the one that a mapping declares."""
    return alarm if isinstance(alarm, MetricAlarm) else parse_evaluation(alarm)


def as_state(word: object, where: str) -> State:
    """Return the state that AWS's word names."""
    if isinstance(word, State):
        return word
    if isinstance(word, str) and word in State.__members__:
        return State[word]
    raise InputError([unknown_name(where, str(word), State.__members__)])


def _states(
    alarm: MetricAlarm, minutes: Minutes, size: int | None, initial_state: str
) -> Iterator[tuple[int, int]]:
    """Iterate over the minutes and the state after each of them."""
    size = _checked_range(alarm, size)
    state: int = as_state(initial_state, "initial_state")
    due: Callable[[int], bool] = _every_minute
    if alarm.n * alarm.period_s > limits.SHORT_WINDOW_S:
        due = _on_the_hour
    for minute in range(len(minutes)):
        if due(minute) and not minutes.lacks_samples(minute, size):
            cells = minutes.judged(minute, size)
            state = judge(cells, alarm.m, alarm.n, alarm.treatment, state)
        yield minute, state


def _every_minute(minute: int) -> bool:
    return True


def _on_the_hour(minute: int) -> bool:
    return (minute + 1) % 60 == 0


def _checked_range(alarm: MetricAlarm, size: Any) -> int:
    if size is None:
        return evaluation_range(alarm)
    if isinstance(size, bool) or not isinstance(size, int) or size < alarm.n:
        rule = f"a whole number of at least EvaluationPeriods ({alarm.n})"
        raise InputError([Problem("evaluation_range", rule, shorten(size))])
    return size


def _stamp(start: datetime | None, minute: int) -> str:
    """Return the time of a minute as reasons print it, or the time since the start."""
    if start is not None:
        return (start + timedelta(minutes=minute)).strftime("%d/%m/%y %H:%M:%S")
    sign = "-" if minute < 0 else ""
    hours, minutes = divmod(abs(minute), 60)
    return f"{sign}{hours:02d}:{minutes:02d}:00"
