"""Replaying alarms over measured datapoints.

A datapoint of five minutes is what CloudWatch stores for a metric that is
published every five minutes: one value stamped with the start of its period, to be
seen once the period is over. The alarm is evaluated every minute all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stratsim.backtest.datapoints import MINUTE_S, Datapoints
from stratsim.backtest.result import AlarmReplay, Backtest, Change
from stratsim.cloudwatch.anomaly import fit_anomaly
from stratsim.cloudwatch.composite import compile_rule, composite_state, order_composites
from stratsim.cloudwatch.evaluation import not_evaluated
from stratsim.cloudwatch.math_alarm import band_of, resolver
from stratsim.cloudwatch.replay import alarm_history
from stratsim.cloudwatch.statistic import aggregate, percentile_of
from stratsim.errors import InputError, Problem, shorten
from stratsim.model.alarm import CompositeAlarm, MetricAlarm
from stratsim.model.scenario import Alarm

INITIAL = "INSUFFICIENT_DATA"
Series = list[float | None]


def backtest(
    alarms: Sequence[Alarm],
    data: Datapoints,
    *,
    columns: Mapping[str, str] | None = None,
    delay_minutes: int = 1,
    evaluation_range_extra: int = 2,
    resample: bool = False,
    grace_minutes: int | None = None,
) -> Backtest:
    """Replay `alarms` over `data`.

    Parameters
    ----------
    alarms
        Metric alarms and composites of them.
    data
        The series.
    columns
        Which column is read, by Id of an alarm's ``Metrics``, or under an empty
        name for an alarm on one metric.
    delay_minutes
        Whole minutes after a period's end until its datapoint can be seen.
    evaluation_range_extra
        How many more periods than EvaluationPeriods an evaluation reads.
    resample
        Judge an alarm of a shorter period as if its period were that of the data.
    grace_minutes
        How long after a labelled window an alarm may still fire for it; the
        alarm's own window and the delay where not given.
    """
    notes: list[str] = []
    replays: dict[str, AlarmReplay] = {}
    windows = None if data.labels is None else data.windows()
    for alarm in alarms:
        if isinstance(alarm, MetricAlarm):
            notes += not_evaluated(alarm)
            fitted = _fit_period(alarm, data, notes, resample=resample)
            chosen = _choose(fitted, data, columns or {}, notes)
            replays[alarm.AlarmName] = AlarmReplay(
                alarm=fitted,
                initial=INITIAL,
                changes=_changes(fitted, chosen, data, delay_minutes, evaluation_range_extra),
                minutes=data.minutes,
                grace=_grace(fitted, delay_minutes) if grace_minutes is None else grace_minutes,
                windows=windows,
                values=_drawn(fitted, chosen, data),
            )
    for composite in order_composites(alarms):
        replays[composite.AlarmName] = _composite(composite, replays, data)
    _note_band(alarms, notes)
    ordered = tuple(replays[alarm.AlarmName] for alarm in alarms)
    return Backtest(data, ordered, tuple(dict.fromkeys(notes)))


def _grace(alarm: MetricAlarm, delay_minutes: int) -> int:
    return alarm.n * alarm.period_s // MINUTE_S + delay_minutes


def _fit_period(
    alarm: MetricAlarm, data: Datapoints, notes: list[str], *, resample: bool
) -> MetricAlarm:
    """Return the alarm with a period that the data can tell of."""
    step_s = data.step_minutes * MINUTE_S
    where = f"{alarm.AlarmName}.Period"
    if alarm.period_s % MINUTE_S:
        rule = "a multiple of 60 where a series is replayed by the minute"
        raise InputError([Problem(where, rule, str(alarm.period_s))])
    if alarm.period_s >= step_s:
        _note_period(alarm, data, notes)
        return alarm
    if not resample:
        rule = f"at least the {step_s} s between the datapoints of {data.name}"
        hint = (
            "Fetch the series with the alarm's period, or let --resample judge each "
            "datapoint as one period."
        )
        raise InputError([Problem(where, rule, str(alarm.period_s), hint)])
    notes.append(
        f"{alarm.AlarmName}: judged as if its Period of {alarm.period_s} s were {step_s} s; "
        "the threshold is as written, so that of a Sum is too low"
        if alarm.statistic in ("Sum", "SampleCount")
        else f"{alarm.AlarmName}: judged as if its Period of {alarm.period_s} s were {step_s} s"
    )
    return _with_period(alarm, step_s)


def _with_period(alarm: MetricAlarm, period_s: int) -> MetricAlarm:
    queries = tuple(
        q if q.MetricStat is None
        else replace(q, MetricStat=replace(q.MetricStat, Period=period_s))
        for q in alarm.Metrics
    )  # fmt: skip
    return replace(alarm, Period=None if alarm.Metrics else period_s, Metrics=queries)


def _note_period(alarm: MetricAlarm, data: Datapoints, notes: list[str]) -> None:
    """Say what a datapoint of several rows is made of."""
    if data.step_s < MINUTE_S:
        notes.append(f"{data.name}: rows of one minute are aggregated by the alarm's statistic")
    if alarm.period_s <= data.step_minutes * MINUTE_S:
        return
    for stat in alarm.metric_stats:
        if percentile_of(stat.Stat) is not None:
            notes.append(
                f"{alarm.AlarmName}: {stat.Stat} over {alarm.period_s} s is taken of the "
                "file's values, since the samples are not known"
            )
        elif stat.Stat == "Average":
            notes.append(
                f"{alarm.AlarmName}: the average over {alarm.period_s} s weighs each of the "
                "file's values alike"
            )


def _choose(
    alarm: MetricAlarm, data: Datapoints, columns: Mapping[str, str], notes: list[str]
) -> Series | dict[str, Series]:
    """Return the alarm's series, one or one per Id."""
    if not alarm.Metrics:
        statistic = alarm.statistic or "Average"
        column = columns.get("") or _obvious(alarm, data, statistic)
        return data.series(column, statistic)
    found = {}
    for query in alarm.Metrics:
        if query.MetricStat is not None:
            column = columns.get(query.Id) or _of_id(query.Id, alarm, data, columns)
            found[query.Id] = data.series(column, query.MetricStat.Stat)
    return found


def _obvious(alarm: MetricAlarm, data: Datapoints, statistic: str) -> str:
    for name in ("value", statistic, alarm.MetricName):
        if name in data.columns:
            return str(name)
    if len(data.columns) == 1:
        return next(iter(data.columns))
    rule = "chosen with --column"
    hint = f"The file holds {', '.join(data.columns)}."
    raise InputError([Problem(f"{alarm.AlarmName}: series", rule, "nothing", hint)])


def _of_id(name: str, alarm: MetricAlarm, data: Datapoints, columns: Mapping[str, str]) -> str:
    if name in data.columns:
        return name
    single = sum(q.MetricStat is not None for q in alarm.Metrics) == 1
    if single:
        return columns.get("") or _obvious(alarm, data, "Average")
    hint = f"For instance --column {name}=COLUMN; the file holds {', '.join(data.columns)}."
    got = shorten(sorted(data.columns))
    raise InputError([Problem(f"{alarm.AlarmName}: {name}", "a column of the data", got, hint)])


def _changes(
    alarm: MetricAlarm,
    chosen: Series | dict[str, Series],
    data: Datapoints,
    delay_minutes: int,
    extra: int,
) -> tuple[Change, ...]:
    history = alarm_history(
        alarm,
        chosen,
        # A datapoint is stamped with its period's start and is there after its end.
        delay_minutes=data.step_minutes - 1 + delay_minutes,
        evaluation_range=alarm.n + extra,
        initial_state=INITIAL,
        band=_band(alarm, chosen, data),
        start=data.start,
    )
    return tuple(Change(t.minute, t.before, t.after, t.reason) for t in history)


def _band(
    alarm: MetricAlarm, chosen: Series | dict[str, Series], data: Datapoints
) -> list[tuple[float, float]] | None:
    """Return a band per minute, of a model trained on the whole series."""
    if not alarm.banded or not isinstance(chosen, dict):
        return None
    text = next(q.Expression or "" for q in alarm.Metrics if q.Id == alarm.ThresholdMetricId)
    band = band_of(text, f"{alarm.AlarmName}.Metrics")
    if band.watched not in chosen:
        rule = "a band of a metric where measured data are replayed"
        raise InputError([Problem(f"{alarm.AlarmName}.Metrics", rule, shorten(text))])
    stats = {q.Id: q.MetricStat for q in alarm.Metrics if q.MetricStat is not None}
    period = max(alarm.period_s // MINUTE_S, data.step_minutes)
    series = chosen[band.watched]
    windows = [
        aggregate([v for v in series[at : at + period] if v is not None], stats[band.watched].Stat)
        for at in range(0, len(series), period)
    ]
    start_s = data.start.timestamp()
    model = fit_anomaly(windows, 60.0 * period, start_s)
    times = start_s + 60.0 * np.arange(data.minutes)
    return [(float(low), float(high)) for low, high in model.band(times, band.width)]


def _note_band(alarms: Sequence[Alarm], notes: list[str]) -> None:
    if any(isinstance(alarm, MetricAlarm) and alarm.banded for alarm in alarms):
        notes.append(
            "anomaly bands come from a model trained on the last two weeks of the series itself; "
            "CloudWatch does not publish its own"
        )


def _drawn(
    alarm: MetricAlarm, chosen: Series | dict[str, Series], data: Datapoints
) -> tuple[float | None, ...]:
    """Return the series to draw: the minute's own values, through the expression."""
    if not isinstance(chosen, dict):
        return tuple(chosen)
    if alarm.banded or len(chosen) == 1:
        return tuple(next(iter(chosen.values())))
    stats = {q.MetricStat: q.Id for q in alarm.Metrics if q.MetricStat is not None}
    arrays = {name: np.array(one, np.float64) for name, one in chosen.items()}
    times = data.start.timestamp() + MINUTE_S * np.arange(data.minutes, dtype=np.float64)
    values = resolver(alarm)(lambda stat: arrays[stats[stat]], times)
    return tuple(None if np.isnan(v) else float(v) for v in values)


def _composite(
    alarm: CompositeAlarm, replays: Mapping[str, AlarmReplay], data: Datapoints
) -> AlarmReplay:
    """Judge a composite whenever a child has changed."""
    rule = compile_rule(alarm.AlarmRule)
    children = rule.children
    moves = sorted(
        (change.minute, name, change) for name in children for change in replays[name].changes
    )
    states = {name: replays[name].initial for name in children}
    before, changes = INITIAL, []
    minutes = sorted({0, *(minute for minute, _, _ in moves)})
    for minute in minutes:
        now = [(name, change) for at, name, change in moves if at == minute]
        states |= {name: change.after for name, change in now}
        after = composite_state(rule, states).name
        if after != before:
            changes.append(Change(minute, before, after, _told(now, data, minute)))
            before = after
    return AlarmReplay(
        alarm=alarm, initial=INITIAL, changes=tuple(changes), minutes=data.minutes,
        grace=max((replays[name].grace for name in children), default=0),
        windows=None if data.labels is None else data.windows(),
    )  # fmt: skip


def _told(moves: Sequence[tuple[str, Change]], data: Datapoints, minute: int) -> str:
    """Return the reason of a composite: which child went where, and when."""
    if not moves:
        return "Unchecked: Initial alarm creation"
    name, change = moves[-1]
    stamp = data.at(minute + 1).strftime("%A %d %B, %Y %H:%M:%S")
    return f"{name} transitioned to {change.after} at {stamp} UTC"
