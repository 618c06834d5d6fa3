"""Which requests an alarm watches, and how it judges a period of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np

from stratsim.cloudwatch.low_samples import low_sample_limit
from stratsim.cloudwatch.math_alarm import resolver
from stratsim.cloudwatch.math_clock import CLOCK
from stratsim.cloudwatch.thresholds import breaches
from stratsim.errors import UnsupportedError
from stratsim.model.alarm import MetricAlarm, MetricStat
from stratsim.model.quantities import Array
from stratsim.power.setting import PowerSetting
from stratsim.signals import ERRORS, NEW, OLD, REJECTED, REQUESTS, Series, series

# Functions that look at more than one period.
_ACROSS = re.compile(
    r"\b(DIFF|DIFF_TIME|RATE|RUNNING_SUM|DATAPOINT_COUNT|FIRST|LAST|SLICE|SORT|REMOVE_EMPTY"
    r"|REPEAT|LINEAR|STDDEV|TIME_SERIES|ANOMALY_DETECTION_BAND)\b"
)
_CLOCK = re.compile(rf"\b({'|'.join(CLOCK)})\b")
_ABOVE = {"GreaterThanThreshold": False, "GreaterThanOrEqualToThreshold": True}

Judge = Callable[[Array, Array], Array]


@dataclass(frozen=True, slots=True)
class Watched:
    """What an alarm sees of one period.

    ``judge`` maps requests and bad requests to cells (0 good, 1 breaching, -1
    missing). ``what`` says what bad means: "failing" or "slow".
    """

    alarm: MetricAlarm
    sides: tuple[int, ...]
    judge: Judge
    what: str

    def share_of_new(self, weight: float) -> float:
        """Return how much of what it watches is on the new revision."""
        if self.sides == (NEW,):
            return 1.0
        return 0.0 if self.sides == (OLD,) else weight

    def share_of_all(self, weight: float) -> float:
        """Return how much of the service's requests it watches."""
        if self.sides == (NEW,):
            return weight
        return 1 - weight if self.sides == (OLD,) else 1.0


def watched(alarm: MetricAlarm, setting: PowerSetting) -> Watched:
    """Return what `alarm` sees.

    Raises
    ------
    UnsupportedError
        By name, where there is no closed form.
    """
    if alarm.banded:
        raise _refusal(alarm, "an anomaly detection band")
    across = [q.Expression for q in alarm.Metrics if _ACROSS.search(q.Expression or "")]
    if across:
        raise _refusal(alarm, f"an expression over several periods, {across[0]!r}")
    if any(_CLOCK.search(q.Expression or "") for q in alarm.Metrics):
        msg = (
            f"{alarm.AlarmName}: functions of the clock have no closed form; "
            "`stratsim alarm test` replays them"
        )
        raise UnsupportedError(msg)
    readers: dict[MetricStat, Series] = {}
    for stat in alarm.metric_stats:
        reader = series(stat, one_target_group=setting.one_target_group, settings=setting.metrics)
        if reader is None:
            raise _refusal(alarm, f"{stat.Namespace} {stat.MetricName}, which no deployment emits")
        readers[stat] = reader
    sides = {reader.sides for reader in readers.values()}
    if len(sides) > 1:
        raise _refusal(alarm, "metrics of different revisions in one expression")
    if any(reader.source.kind == "time" for reader in readers.values()):
        return Watched(alarm, sides.pop(), _slow(alarm, readers), "slow")
    for stat, reader in readers.items():
        if reader.source.kind not in ("count", "share") or reader.trimmed:
            raise _refusal(alarm, f"{stat.Stat} of {stat.MetricName}")
    return Watched(alarm, sides.pop(), _counted(alarm, readers), "failing")


def _refusal(alarm: MetricAlarm, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{alarm.AlarmName}: {what} has no closed form; `stratsim compare` simulates it"
    )


def _counted(alarm: MetricAlarm, readers: dict[MetricStat, Series]) -> Judge:
    answer = resolver(alarm)

    def judge(requests: Array, bad: Array) -> Array:
        n, k = np.broadcast_arrays(requests, bad)
        # One period per row: an expression looks along the last axis.
        cells = answer(lambda stat: _read(readers[stat], n, k)[..., np.newaxis])[..., 0]
        return np.asarray(breaches(alarm, cells))

    return judge


def _read(reader: Series, n: Array, bad: Array) -> Array:
    """Return a statistic of counts; NaN where there is no datapoint."""
    source, statistic = reader.source, reader.statistic
    total = {REQUESTS: n, ERRORS: bad, REJECTED: np.zeros_like(n)}[source.field] * source.factor
    if ERRORS in source.less:
        total = total - bad
    if source.kind == "count":
        value = {"Sum": total, "SampleCount": total}.get(statistic, np.minimum(total, 1.0))
        return value if source.when_zero else np.where(total > 0, value, np.nan)
    some = np.where(n > 0, n, 1.0)
    value = {
        "Sum": total,
        "SampleCount": n,
        "Maximum": np.minimum(total, 1.0),
        "Minimum": np.where(total < n, 0.0, 1.0),
    }.get(statistic, total / some)
    if reader.percentile is not None:
        value = (total > n - np.ceil(reader.percentile * n - 1e-9)).astype(float)
    return np.where(n > 0, value, np.nan)


def _slow(
    alarm: MetricAlarm,
    readers: dict[MetricStat, Series],
) -> Judge:
    """A percentile is above a time where more requests are than it leaves aside."""
    ((stat, reader),) = readers.items() if len(readers) == 1 else [(None, None)]
    if reader is None or stat is None or alarm.Metrics:
        raise _refusal(alarm, "response times in an expression")
    if reader.percentile is None or alarm.ComparisonOperator not in _ABOVE:
        raise _refusal(alarm, f"{stat.Stat} of {stat.MetricName} with {alarm.ComparisonOperator}")
    share = reader.percentile
    limit = None
    if alarm.EvaluateLowSampleCountPercentile == "ignore":
        limit = low_sample_limit(stat.Stat)

    def judge(requests: Array, bad: Array) -> Array:
        n, k = np.broadcast_arrays(requests, bad)
        above = np.floor(n - np.maximum(1, np.ceil(share * n - 1e-9)))
        cells = (k > above).astype(np.int8)
        if limit is not None:
            cells[n < ceil(limit)] = 0  # the state is kept, and it was not ALARM
        cells[n == 0] = -1
        return np.asarray(cells)

    return judge
