"""Alarms replayed over series of minutes: when each evaluation sees what.

Source: user guide, pages AlarmThatSendsEmail and alarm-evaluation, and the
sample events of cloudwatch-and-eventbridge. With a period of a minute or more
an alarm is evaluated every minute on windows that end with that minute and are
aligned to minutes, not to multiples of the period. Once EvaluationPeriods x
Period exceeds a day, evaluation is hourly. A late datapoint is absent until it
arrives; states that were reached without it are not rewritten.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from typing import Any, TypeAlias

import numpy as np

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.evaluation import STATES, State, evaluation_range, judge
from stratsim.cloudwatch.math_alarm import resolver
from stratsim.cloudwatch.parse import parse_evaluation
from stratsim.cloudwatch.reader import isfinite_number
from stratsim.cloudwatch.statistic import aggregate
from stratsim.cloudwatch.thresholds import MISSING, breaches
from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.alarm import MetricAlarm

Values: TypeAlias = Sequence[float | None]
AlarmLike: TypeAlias = MetricAlarm | Mapping[str, Any]
Edges: TypeAlias = Sequence[Sequence[float | None] | None]


def evaluate_alarm(
    alarm: AlarmLike,
    datapoints: Values,
    previous_state: str = "OK",
    band: Edges | None = None,
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
    values = _checked_values(datapoints, "datapoints")
    edges = _checked_band(alarm, band, len(values))
    cells = _cells(alarm, values, edges)
    return judge(cells, alarm.m, alarm.n, alarm.treatment, previous).name


def replay_alarm(
    alarm: AlarmLike,
    values: Values | Mapping[str, Values],
    delay_minutes: int | Sequence[int] = 0,
    evaluation_range: int | None = None,
    initial_state: str = "INSUFFICIENT_DATA",
    band: Edges | None = None,
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
    """
    alarm = as_alarm(alarm)
    size = _checked_range(alarm, evaluation_range)
    state: int = as_state(initial_state, "initial_state")
    look, count = _window_reader(alarm, values, delay_minutes, band)
    hourly = alarm.n * alarm.period_s > limits.SHORT_WINDOW_S
    states = []
    for minute in range(count):
        if not hourly or (minute + 1) % 60 == 0:
            state = judge(look(minute, size), alarm.m, alarm.n, alarm.treatment, state)
        states.append(STATES[state].name)
    return states


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


Look: TypeAlias = Callable[[int, int], Sequence[int]]  # minute, range -> cells


def _window_reader(
    alarm: MetricAlarm, values: Any, delay_minutes: int | Sequence[int], band: Edges | None
) -> tuple[Look, int]:
    """Return what an evaluation sees, and how many minutes there are."""
    if alarm.period_s % limits.MINUTE_S:
        rule = "a multiple of 60 where values are per minute"
        raise InputError([Problem("alarm.Period", rule, str(alarm.period_s))])
    width = alarm.period_s // limits.MINUTE_S
    if isinstance(values, Mapping):
        return _math_reader(alarm, values, delay_minutes, band, width)
    series = _checked_values(values, "values")
    arrives = _arrivals(delay_minutes, len(series))
    edges = _checked_band(alarm, band, len(series))
    if width == 1:
        return _minute_reader(_cells(alarm, series, edges), arrives), len(series)
    statistic = _required_statistic(alarm)

    def look(minute: int, size: int) -> list[int]:
        windows = _windows(series, arrives, minute, size, width, statistic)
        return _cells(alarm, windows, _edges_at(edges, minute, size, width))

    return look, len(series)


def _minute_reader(cells: Sequence[int], arrives: Sequence[int]) -> Look:
    def look(minute: int, size: int) -> list[int]:
        seen = range(max(minute - size + 1, 0), minute + 1)
        return [cells[at] if arrives[at] <= minute else MISSING for at in seen]

    return look


def _math_reader(
    alarm: MetricAlarm,
    values: Mapping[str, Values],
    delay_minutes: int | Sequence[int],
    band: Edges | None,
    width: int,
) -> tuple[Look, int]:
    stats = {query.Id: query.MetricStat for query in alarm.Metrics if query.MetricStat}
    if set(values) != set(stats):
        rule = f"one series for each of {', '.join(stats) or 'no Ids'}"
        raise InputError([Problem("values", rule, ", ".join(values) or "nothing")])
    series = {name: _checked_values(one, f"values.{name}") for name, one in values.items()}
    count = len(next(iter(series.values())))
    if any(len(one) != count for one in series.values()):
        lengths = ", ".join(f"{name}: {len(one)}" for name, one in series.items())
        raise InputError([Problem("values", "series of one length", lengths)])
    arrives = _arrivals(delay_minutes, count)
    edges = _checked_band(alarm, band, count)
    resolve = resolver(alarm)

    def look(minute: int, size: int) -> list[int]:
        seen = {
            stat: np.array(
                _windows(series[name], arrives, minute, size, width, stat.Stat), np.float64
            )
            for name, stat in stats.items()
        }
        answer = resolve(seen.__getitem__).tolist()
        return _cells(alarm, answer, _edges_at(edges, minute, size, width))

    return look, count


def _windows(
    series: Values,
    arrives: Sequence[int],
    minute: int,
    size: int,
    width: int,
    statistic: str,
) -> list[float | None]:
    """Return the datapoints of the windows that end with `minute`, oldest first."""
    datapoints = []
    for back in range(size, 0, -1):
        end = minute + 1 - (back - 1) * width
        seen = range(max(end - width, 0), max(end, 0))
        samples = [series[at] for at in seen if arrives[at] <= minute]
        # Each minute weighs the same: how many samples it had is not known here.
        datapoints.append(aggregate([s for s in samples if s is not None], statistic))
    return datapoints


def _required_statistic(alarm: MetricAlarm) -> str:
    if alarm.statistic is None:
        rule = "given, to make one datapoint of several minutes"
        hint = "For an expression give one series per Id."
        raise InputError([Problem("alarm.Statistic", rule, "nothing", hint)])
    # The sample counts of single minutes add up.
    return "Sum" if alarm.statistic == "SampleCount" else alarm.statistic


def _cells(alarm: MetricAlarm, values: Values, edges: Edges | None) -> list[int]:
    if edges is None:
        return [breaches(alarm, value) for value in values]
    return [breaches(alarm, value, edge) for value, edge in zip(values, edges, strict=True)]


def _edges_at(edges: Edges | None, minute: int, size: int, width: int) -> Edges | None:
    if edges is None:
        return None
    starts = [minute + 1 - back * width for back in range(size, 0, -1)]
    return [edges[start] if start >= 0 else None for start in starts]


def _checked_values(values: Any, where: str) -> list[float | None]:
    """Return the values with NaN as ``None``; infinity cannot be published."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise InputError([Problem(where, "a list of numbers", shorten(values))])
    series = [None if _is_missing(value) else value for value in values]
    problems = [
        Problem(f"{where}.{at}", "a finite number or null", shorten(value))
        for at, value in enumerate(series)
        if value is not None and not _is_number(value)
    ]
    if problems:
        raise InputError(problems)
    return [None if value is None else float(value) for value in series]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value))


def _is_number(value: Any) -> bool:
    real = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return real and isfinite_number(value)


def _checked_band(alarm: MetricAlarm, band: Edges | None, count: int) -> Edges | None:
    if not alarm.banded:
        return None
    if band is None:
        rule = "given for an alarm on an anomaly band"
        raise InputError([Problem("band", rule, "nothing", "One [lower, upper] per value.")])
    if len(band) != count:
        raise InputError([Problem("band", f"{count} pairs, one per value", str(len(band)))])
    for at, edge in enumerate(band):
        if edge is not None and len(edge) != 2:
            raise InputError([Problem(f"band.{at}", "[lower, upper] or null", shorten(edge))])
    return band


def _checked_range(alarm: MetricAlarm, size: Any) -> int:
    if size is None:
        return evaluation_range(alarm)
    if isinstance(size, bool) or not isinstance(size, int) or size < alarm.n:
        rule = f"a whole number of at least EvaluationPeriods ({alarm.n})"
        raise InputError([Problem("evaluation_range", rule, shorten(size))])
    return size


def _arrivals(delay_minutes: int | Sequence[int], count: int) -> list[int]:
    """Return the first evaluation that sees each minute."""
    delays: list[Any] = (
        list(delay_minutes) if isinstance(delay_minutes, Iterable) else [delay_minutes] * count
    )
    if len(delays) != count:
        rule = f"one whole number, or one for each of the {count} minutes"
        raise InputError([Problem("delay_minutes", rule, f"{len(delays)} numbers")])
    for delay in delays:
        whole = isinstance(delay, int | np.integer) and not isinstance(delay, bool)
        if not whole or delay < 0:
            rule = "whole minutes of at least 0"
            raise InputError([Problem("delay_minutes", rule, shorten(delay))])
    return [at + int(delay) for at, delay in enumerate(delays)]
