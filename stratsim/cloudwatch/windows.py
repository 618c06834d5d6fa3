"""What each evaluation sees of a series of minutes.

Source: user guide, pages AlarmThatSendsEmail and alarm-evaluation, and the
sample events of cloudwatch-and-eventbridge: windows end with the minute of the
evaluation and are aligned to minutes, not to multiples of the period. A late
datapoint is absent until it arrives.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from typing import Any, TypeAlias

import numpy as np

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.low_samples import lacks_samples
from stratsim.cloudwatch.math_alarm import resolver
from stratsim.cloudwatch.reader import isfinite_number
from stratsim.cloudwatch.statistic import aggregate
from stratsim.cloudwatch.thresholds import MISSING, breaches
from stratsim.errors import InputError, Problem, shorten
from stratsim.model.alarm import MetricAlarm, MetricStat

Values: TypeAlias = Sequence[float | None]
Edges: TypeAlias = Sequence[Sequence[float | None] | None]
Delays: TypeAlias = int | Sequence[int]


@dataclass(frozen=True, slots=True)
class Minutes:
    """Series of minutes as an alarm sees them, a window at a time.

    ``series`` holds one series per metric; ``counts`` its samples per minute
    and ``edges`` a band, where given. ``arrives`` is the first evaluation that
    sees a minute. ``cells`` are ready where a period is a minute. ``start_s`` is when
    the first minute begins, in seconds since 1970 UTC, where that is known.
    """

    alarm: MetricAlarm
    series: Mapping[MetricStat | None, Values]
    arrives: Sequence[int]
    edges: Edges | None = None
    counts: Values | None = None
    cells: Sequence[int] | None = None
    start_s: float | None = None

    def __len__(self) -> int:
        return len(self.arrives)

    def starts(self, minute: int, size: int) -> list[int]:
        """Return the first minute of each window, oldest first.

        Windows that end before the series begins are left out: they are missing.
        """
        width = self.alarm.period_s // limits.MINUTE_S
        size = min(size, minute // width + 1)
        return [minute + 1 - back * width for back in range(size, 0, -1)]

    def datapoints(self, minute: int, size: int) -> list[float | None]:
        """Return the values of the evaluation range, oldest first."""
        seen = {
            stat: self._aggregated(one, minute, size, _statistic(self.alarm, stat))
            for stat, one in self.series.items()
        }
        if None in seen:
            return seen[None]
        arrays = {stat: np.array(one, np.float64) for stat, one in seen.items()}
        times = None
        if self.start_s is not None:
            starts = np.array(self.starts(minute, size), np.float64)
            times = self.start_s + limits.MINUTE_S * starts
        answer = resolver(self.alarm)(lambda stat: arrays[stat], times)
        return [None if isnan(value) else value for value in answer.tolist()]

    def judged(self, minute: int, size: int) -> Sequence[int]:
        """Return the cells of the evaluation range, oldest first."""
        if self.cells is None:
            edges = self.edges_at(minute, size)
            return cells_of(self.alarm, self.datapoints(minute, size), edges)
        seen = range(max(minute - size + 1, 0), minute + 1)
        return [self.cells[at] if self.arrives[at] <= minute else MISSING for at in seen]

    def edges_at(self, minute: int, size: int) -> Edges | None:
        """Return the band of each window: that of its first minute."""
        if self.edges is None:
            return None
        return [self.edges[at] if at >= 0 else None for at in self.starts(minute, size)]

    def lacks_samples(self, minute: int, size: int) -> bool:
        """Whether the evaluation keeps the state for want of samples."""
        if self.counts is None:
            return False
        return lacks_samples(self.alarm, self._aggregated(self.counts, minute, size, "Sum"))

    def _aggregated(
        self, series: Values, minute: int, size: int, statistic: str
    ) -> list[float | None]:
        width = self.alarm.period_s // limits.MINUTE_S
        datapoints = []
        for start in self.starts(minute, size):
            seen = range(max(start, 0), max(start + width, 0))
            samples = (series[at] for at in seen if self.arrives[at] <= minute)
            # Each minute weighs the same: its number of samples is not asked for.
            datapoints.append(aggregate([s for s in samples if s is not None], statistic))
        return datapoints


def open_minutes(
    alarm: MetricAlarm,
    values: Values | Mapping[str, Values],
    delay_minutes: Delays,
    band: Edges | None = None,
    sample_counts: Values | None = None,
    start: datetime | None = None,
) -> Minutes:
    """Return the checked series; see `stratsim.cloudwatch.replay_alarm`."""
    if alarm.period_s % limits.MINUTE_S:
        rule = "a multiple of 60 where values are per minute"
        raise InputError([Problem("alarm.Period", rule, str(alarm.period_s))])
    series = _series_by_metric(alarm, values)
    count = len(next(iter(series.values())))
    edges = checked_band(alarm, band, count)
    single, cells = series.get(None), None
    if single is not None and alarm.period_s == limits.MINUTE_S:
        cells = cells_of(alarm, single, edges)
    elif single is not None:
        _statistic(alarm, None)
    counts = None if sample_counts is None else checked_counts(sample_counts, count)
    arrivals = _arrivals(delay_minutes, count)
    return Minutes(alarm, series, arrivals, edges, counts, cells, _epoch_s(start))


def _epoch_s(start: datetime | None) -> float | None:
    """Return seconds since 1970; a time without a zone is UTC."""
    if start is None:
        return None
    return (start if start.tzinfo else start.replace(tzinfo=UTC)).timestamp()


def cells_of(alarm: MetricAlarm, values: Values, edges: Edges | None) -> list[int]:
    """Return 0 good, 1 breaching or -1 missing for each value."""
    if edges is None:
        return [breaches(alarm, value) for value in values]
    return [breaches(alarm, value, edge) for value, edge in zip(values, edges, strict=True)]


def checked_values(values: Any, where: str) -> list[float | None]:
    """Return the values with NaN as ``None``; infinity cannot be published."""
    if isinstance(values, str) or not isinstance(values, Iterable):
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


def checked_counts(counts: Values, count: int) -> list[float | None]:
    """Return sample counts, one for each value."""
    checked = checked_values(counts, "sample_counts")
    if len(checked) != count:
        raise InputError([Problem("sample_counts", f"{count} numbers", str(len(checked)))])
    return checked


def checked_band(alarm: MetricAlarm, band: Edges | None, count: int) -> Edges | None:
    """Return the band of a band alarm, one pair for each value."""
    if not alarm.banded:
        return None
    if band is None:
        rule, hint = "given for an alarm on an anomaly band", "One [lower, upper] per value."
        raise InputError([Problem("band", rule, "nothing", hint)])
    if len(band) != count:
        raise InputError([Problem("band", f"{count} pairs, one per value", str(len(band)))])
    for at, edge in enumerate(band):
        if edge is not None and len(edge) != 2:
            raise InputError([Problem(f"band.{at}", "[lower, upper] or null", shorten(edge))])
    return band


def _series_by_metric(
    alarm: MetricAlarm, values: Values | Mapping[str, Values]
) -> dict[MetricStat | None, Values]:
    """Return the series under their metrics; a single one under ``None``."""
    if not isinstance(values, Mapping):
        return {None: checked_values(values, "values")}
    stats = {query.Id: query.MetricStat for query in alarm.Metrics if query.MetricStat}
    if not stats or set(values) != set(stats):
        rule = f"one series for each of {', '.join(stats) or 'no Ids'}"
        raise InputError([Problem("values", rule, ", ".join(values) or "nothing")])
    series = {name: checked_values(one, f"values.{name}") for name, one in values.items()}
    if len({len(one) for one in series.values()}) > 1:
        lengths = ", ".join(f"{name}: {len(one)}" for name, one in series.items())
        raise InputError([Problem("values", "series of one length", lengths)])
    return {stats[name]: one for name, one in series.items()}


def _statistic(alarm: MetricAlarm, stat: MetricStat | None) -> str:
    statistic = alarm.statistic if stat is None else stat.Stat
    if statistic is None:
        if alarm.period_s == limits.MINUTE_S:
            return "Average"  # of one value
        rule = "given, to make one datapoint of several minutes"
        hint = "For an expression give one series per Id."
        raise InputError([Problem("alarm.Statistic", rule, "nothing", hint)])
    # What is given per minute is that minute's SampleCount; they add up.
    return "Sum" if statistic == "SampleCount" else statistic


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value))


def _is_number(value: Any) -> bool:
    real = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return real and isfinite_number(value)


def _arrivals(delay_minutes: Delays, count: int) -> list[int]:
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
