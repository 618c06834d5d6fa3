"""Telemetry: what CloudWatch could know of a run, minute by minute.

A row holds one minute's sums for both revisions. The sources below turn rows
into datapoints by AWS's names; alarms read nothing else.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stratsim.model.alarm import MetricStat
from stratsim.model.scenario import Scenario
from stratsim.queueing import ResponseTimes

OLD, NEW = 0, 1
REQUESTS, ERRORS, REJECTED, HEALTHY, UNHEALTHY, CPU = range(6)
WIDTH = 6
"""Fields of one revision in a row; a row is old's fields, then new's."""

Row = list[float]
Part = tuple[int, float, float, float, float]
"""Answers of one kind: revision, number, utilisation, latency factor, latency added [s]."""


def empty_row() -> Row:
    """Return a row of a minute in which nothing happened."""
    return [0.0] * (2 * WIDTH)


@dataclass(frozen=True, slots=True)
class Points:
    """Sums over a window for the asked revisions: ``total`` over ``samples``.

    ``low`` and ``high`` are the extreme samples where a metric has them.
    """

    total: float
    samples: float
    low: float
    high: float


def _sum(rows: Sequence[Row], sides: tuple[int, ...], field: int) -> float:
    return sum(row[side * WIDTH + field] for row in rows for side in sides)


def _count(source: "Source", rows: Sequence[Row], sides: tuple[int, ...]) -> Points | None:
    """Read a count whose every sample is 1; a minute without any may report a 0."""
    total = _sum(rows, sides, source.field)
    if total > 0:
        return Points(total, total, 1.0, 1.0)
    if source.when_zero and _present(rows, sides):
        return Points(0.0, float(len(rows)), 0.0, 0.0)
    return None


def _present(rows: Sequence[Row], sides: tuple[int, ...]) -> bool:
    return _sum(rows, sides, REQUESTS) > 0 or _sum(rows, sides, HEALTHY) > 0


def _share(source: "Source", rows: Sequence[Row], sides: tuple[int, ...]) -> Points | None:
    """Read a 0/1 indicator per request: its average is a rate."""
    requests = _sum(rows, sides, REQUESTS)
    if requests <= 0:
        return None
    total = _sum(rows, sides, source.field)
    return Points(total, requests, 0.0 if total < requests else 1.0, 1.0 if total else 0.0)


def _level(source: "Source", rows: Sequence[Row], sides: tuple[int, ...]) -> Points | None:
    """Read a level sampled once a minute: hosts, utilisation."""
    values = [
        source.factor * sum(row[side * WIDTH + source.field] for side in sides)
        for row in rows
        if any(row[s * WIDTH + HEALTHY] + row[s * WIDTH + UNHEALTHY] > 0 for s in sides)
    ]
    if not values:
        return None
    return Points(sum(values), len(values), min(values), max(values))


def _no_sum(source: "Source", rows: Sequence[Row], sides: tuple[int, ...]) -> Points | None:
    return None


READERS: dict[str, Callable[["Source", Sequence[Row], tuple[int, ...]], Points | None]] = {
    "count": _count, "share": _share, "level": _level, "time": _no_sum,
}


@dataclass(frozen=True, slots=True)
class Source:
    """How one metric is read from rows.

    ``kind`` is "count" (every sample 1, absent at zero unless ``when_zero`` and
    there are targets), "share" (a 0/1 indicator per request), "level" (sampled
    once a minute, times ``factor``) or "time" (response times in ``unit_s``).
    """

    kind: str
    field: int = REQUESTS
    when_zero: bool = False
    factor: float = 1.0
    unit_s: float = 0.0

    def read(self, rows: Sequence[Row], sides: tuple[int, ...]) -> Points | None:
        """Return the sums over `rows` for the asked revisions, None where no data."""
        return READERS[self.kind](self, rows, sides)


_ALB, _LAMBDA, _API = "AWS/ApplicationELB", "AWS/Lambda", "AWS/ApiGateway"

SOURCES: dict[tuple[str, str], Source] = {
    (_ALB, "RequestCount"): Source("count", REQUESTS, when_zero=True),
    (_ALB, "HTTPCode_Target_5XX_Count"): Source("count", ERRORS),
    (_ALB, "HTTPCode_ELB_5XX_Count"): Source("count", REJECTED),
    (_ALB, "HTTPCode_ELB_503_Count"): Source("count", REJECTED),
    (_ALB, "TargetResponseTime"): Source("time", unit_s=1.0),
    (_ALB, "HealthyHostCount"): Source("level", HEALTHY),
    (_ALB, "UnHealthyHostCount"): Source("level", UNHEALTHY),
    (_LAMBDA, "Invocations"): Source("count", REQUESTS),
    (_LAMBDA, "Errors"): Source("share", ERRORS),
    (_LAMBDA, "Throttles"): Source("count", REJECTED),
    (_LAMBDA, "Duration"): Source("time", unit_s=0.001),
    (_API, "Count"): Source("count", REQUESTS),
    (_API, "5XXError"): Source("share", ERRORS),
    (_API, "5xx"): Source("share", ERRORS),
    (_API, "Latency"): Source("time", unit_s=0.001),
    ("AWS/ECS", "CPUUtilization"): Source("level", CPU, factor=100.0),
    ("AWS/EC2", "CPUUtilization"): Source("level", CPU, factor=100.0),
}
"""The metrics a deployment emits: (namespace, name) -> how it is read."""


def sides_of(stat: MetricStat, *, one_target_group: bool) -> tuple[int, ...]:
    """Return the revisions that a metric's dimensions ask for."""
    if one_target_group:
        return (OLD, NEW)
    for dimension in stat.Dimensions:
        if dimension.Name in ("TargetGroup", "ExecutedVersion"):
            if dimension.Value == "new":
                return (NEW,)
            if dimension.Value == "old":
                return (OLD,)
    return (OLD, NEW)


class Telemetry:
    """The minutes of one run, from some minutes before its creation.

    Minute k spans [60 k - phase, 60 (k + 1) - phase) seconds of the deployment.
    """

    def __init__(self, scenario: Scenario, times: ResponseTimes, history: int) -> None:
        self.scenario = scenario
        self.times = times
        self.first = -history
        self.rows: list[Row] = []
        self.parts: list[list[Part]] = []
        self.published_us: list[int] = []
        self.noise: np.random.Generator | None = None

    @property
    def next_minute(self) -> int:
        """Number of the minute that is still open."""
        return self.first + len(self.rows)

    def close(self, row: Row, parts: list[Part], published_us: int) -> None:
        """Add the minute that has just ended."""
        self.rows.append(row)
        self.parts.append(parts)
        self.published_us.append(published_us)

    def window(self, begin: int, end: int, now_us: int) -> list[int]:
        """Return list positions of minutes [begin, end) that are published by `now_us`."""
        low, high = max(begin - self.first, 0), min(end - self.first, len(self.rows))
        published = self.published_us
        return [at for at in range(low, high) if published[at] <= now_us]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric and statistic as an alarm asks for it, ready to be read."""

    source: Source
    sides: tuple[int, ...]
    statistic: str
    percentile: float | None

    def value(self, telemetry: Telemetry, positions: Sequence[int]) -> float:
        """Return the statistic over the minutes at `positions`; NaN where no data."""
        if self.source.unit_s:
            return self._response_time(telemetry, positions)
        rows = [telemetry.rows[at] for at in positions]
        points = self.source.read(rows, self.sides)
        return math.nan if points is None else _statistic(points, self.statistic)

    def _response_time(self, telemetry: Telemetry, positions: Sequence[int]) -> float:
        parts = [p for at in positions for p in telemetry.parts[at] if p[0] in self.sides]
        answered = sum(part[1] for part in parts)
        if answered <= 0:
            return math.nan
        if self.statistic == "SampleCount":
            return answered
        times = telemetry.times
        if self.percentile is not None:
            return _quantile(parts, answered, self.percentile, telemetry) / self.source.unit_s
        mean = sum(n * (f * times.mean(rho) + add) for _, n, rho, f, add in parts) / answered
        mean *= _mean_noise(times, mean, answered, telemetry.noise)
        total = mean * answered if self.statistic == "Sum" else mean
        return total / self.source.unit_s


def _statistic(points: Points, statistic: str) -> float:
    if statistic == "Sum":
        return points.total
    if statistic == "SampleCount":
        return points.samples
    if statistic == "Minimum":
        return points.low
    if statistic == "Maximum":
        return points.high
    return points.total / points.samples


def _mean_noise(
    times: ResponseTimes, mean_s: float, answered: float, noise: np.random.Generator | None
) -> float:
    """Return a factor of mean 1: the sampling error of a mean of `answered` values."""
    if noise is None or mean_s <= 0:
        return 1.0
    spread = math.sqrt(math.expm1(times.sigma**2))  # coefficient of variation
    return max(1.0 + spread / math.sqrt(answered) * float(noise.standard_normal()), 0.0)


def _quantile(
    parts: Sequence[Part], answered: float, share: float, telemetry: Telemetry
) -> float:
    """Return the nearest-rank percentile [s] of the mixture, with sampling noise.

    The k-th smallest of n values sits at the mixture's quantile Beta(k, n + 1 - k).
    """
    times = telemetry.times
    survival = sum(n * times.survival_at(rho, f, add) for _, n, rho, f, add in parts)
    at = share
    if telemetry.noise is not None:
        rank = max(1, math.ceil(share * answered - 1e-9))
        at = float(telemetry.noise.beta(rank, max(answered + 1 - rank, 1e-9)))
    below = 1.0 - np.asarray(survival) / answered
    return float(np.exp(np.interp(at, below, times.log_times)))


def series(stat: MetricStat, *, one_target_group: bool) -> Series | None:
    """Return the reader of `stat`, or None for a metric that no deployment emits."""
    source = SOURCES.get((stat.Namespace, stat.MetricName))
    if source is None:
        return None
    percentile = None
    if stat.Stat[:1] == "p" and stat.Stat[1:].replace(".", "", 1).isdigit():
        percentile = float(stat.Stat[1:]) / 100
    sides = sides_of(stat, one_target_group=one_target_group)
    return Series(source, sides, stat.Stat, percentile)
