"""A metric and statistic as an alarm asks for it, read from telemetry."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stratsim.cloudwatch.statistic import percentile_of
from stratsim.model.alarm import MetricStat
from stratsim.model.settings import MetricSettings
from stratsim.queueing import ResponseTimes
from stratsim.signals.response_times import Mixture
from stratsim.signals.rows import NEW, OLD, Part, Telemetry
from stratsim.signals.sources import Source
from stratsim.signals.table import METRICS

PLAIN = ("Sum", "Average", "SampleCount")
_EXTREMES = {"Minimum": 0.0, "Maximum": 1.0}


@dataclass(frozen=True, slots=True)
class Series:
    """One metric and statistic as an alarm asks for it, ready to be read.

    ``percentile`` is the share below a percentile; of response times 0 and 1
    are their extremes.
    """

    source: Source
    sides: tuple[int, ...]
    statistic: str
    percentile: float | None

    @property
    def trimmed(self) -> bool:
        """Whether it is a statistic of a part of the samples, a percentile aside."""
        known = (*PLAIN, *_EXTREMES)
        return self.percentile is None and self.statistic not in known

    def value(self, telemetry: Telemetry, positions: Sequence[int]) -> float:
        """Return the statistic over the minutes at `positions`; NaN where no data."""
        source = self.source
        if source.unit_s:
            return self._response_time(telemetry, positions)
        points = source.read([telemetry.rows[at] for at in positions], self.sides)
        if points is None:
            return math.nan
        statistic = self.statistic
        # The two that most alarms ask for, without a call.
        if statistic == "Sum":
            return points.total
        return points.statistic(statistic)

    def samples(self, telemetry: Telemetry, positions: Sequence[int]) -> float:
        """Return how many samples the datapoint has; 0 where there is none."""
        if self.source.unit_s:
            return sum(part[1] for part in self._parts(telemetry, positions))
        points = self.source.read([telemetry.rows[at] for at in positions], self.sides)
        return 0.0 if points is None else points.samples

    def _parts(self, telemetry: Telemetry, positions: Sequence[int]) -> list[Part]:
        sides = self.sides
        return [part for at in positions for part in telemetry.parts[at] if part[0] in sides]

    def _response_time(self, telemetry: Telemetry, positions: Sequence[int]) -> float:
        parts = self._parts(telemetry, positions)
        answered = sum(part[1] for part in parts)
        if answered <= 0:
            return math.nan
        if self.statistic == "SampleCount" and self.source.kind == "time":
            return answered
        times, unit_s = telemetry.times, self.source.unit_s
        if self.source.kind == "busy":
            return _busy(times, parts) / (60.0 * len(positions))
        if self.percentile is not None:
            return Mixture.of(times, parts, telemetry.noise).ranked(self.percentile) / unit_s
        if self.trimmed:
            return Mixture.of(times, parts, telemetry.noise).extended(self.statistic, unit_s)
        mean = _busy(times, parts) / answered
        mean *= _mean_noise(times, mean, answered, telemetry.noise)
        total = mean * answered if self.statistic == "Sum" else mean
        return total / unit_s


def _busy(times: ResponseTimes, parts: Sequence[Part]) -> float:
    """Return the seconds that all answers together took, as expected."""
    return sum(n * (f * times.mean(rho) + add) for _, n, rho, f, add in parts)


def _mean_noise(
    times: ResponseTimes, mean_s: float, answered: float, noise: np.random.Generator | None
) -> float:
    """Return a factor of mean 1: the sampling error of a mean of `answered` values."""
    if noise is None or mean_s <= 0:
        return 1.0
    spread = math.sqrt(math.expm1(times.sigma**2))  # coefficient of variation
    return max(1.0 + spread / math.sqrt(answered) * float(noise.standard_normal()), 0.0)


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


def series(
    stat: MetricStat, *, one_target_group: bool, settings: MetricSettings | None = None
) -> Series | None:
    """Return the reader of `stat`, or None for a metric that no deployment emits.

    `settings` decides where AWS's pages disagree; without it its defaults do.
    """
    metric = METRICS.get((stat.Namespace, stat.MetricName))
    if metric is None:
        return None
    source = metric.source
    if metric.disputed_zero and settings is not None and settings.target_5xx_when_zero == "zero":
        source = replace(source, when_zero=True)
    percentile = percentile_of(stat.Stat)
    if percentile is None and source.kind == "time":
        percentile = _EXTREMES.get(stat.Stat)
    sides = sides_of(stat, one_target_group=one_target_group)
    return Series(source, sides, stat.Stat, percentile)
