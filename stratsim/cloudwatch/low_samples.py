"""Percentile alarms that keep their state while there are too few samples.

Source: user guide, AlarmThatSendsEmail, and API reference, PutMetricAlarm
(EvaluateLowSampleCountPercentile): with ``ignore`` the state does not change
while fewer than 10 / (1 - p) samples, or 10 / p below the median, were taken.
Whether that means each period or all of them together is not said; here one
judged period with too few is enough.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stratsim.cloudwatch.statistic import percentile_of
from stratsim.model.alarm import MetricAlarm


def low_sample_limit(statistic: str | None) -> float | None:
    """Return below how many samples a percentile says too little.

    ``None`` for what is no percentile, and for p0 and p100.
    """
    p = percentile_of(statistic)
    if p is None or not 0 < p < 1:
        return None
    return round(10 / (1 - p) if p >= 0.5 else 10 / p, 9)


def lacks_samples(alarm: MetricAlarm, counts: Sequence[float | None]) -> bool:
    """Whether an evaluation keeps the state for want of samples.

    `counts` are the samples of each period of the evaluation range, oldest
    first; a period without a sample has no datapoint and is not judged.
    """
    limit = _limit(alarm)
    if limit is None:
        return False
    judged = [count for count in reversed(counts) if count][: alarm.n]
    return any(count < limit for count in judged)


def lacks_samples_of_many(alarm: MetricAlarm, counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return `lacks_samples` of every row: `counts` is ``(..., R)``, oldest first."""
    limit = _limit(alarm)
    held = np.zeros(counts.shape[:-1], bool)
    if limit is None:
        return held
    judged = np.zeros(counts.shape[:-1], np.int64)
    for at in reversed(range(counts.shape[-1])):
        present = (counts[..., at] > 0) & (judged < alarm.n)
        held |= present & (counts[..., at] < limit)
        judged += present
    return held


def lacks_samples_over_time(
    alarm: MetricAlarm, counts: NDArray[np.float64], size: int
) -> NDArray[np.bool_]:
    """Return `lacks_samples` of evaluations that each see one more period.

    `counts` is ``(..., T)`` with 0 or NaN where there is no datapoint; `size`
    is the evaluation range. The result is ``hold`` of `judge_over_time`.
    """
    width = [(0, 0)] * (counts.ndim - 1) + [(size - 1, 0)]
    windows = sliding_window_view(np.pad(counts, width), size, axis=-1)
    return lacks_samples_of_many(alarm, windows)


def _limit(alarm: MetricAlarm) -> float | None:
    if alarm.EvaluateLowSampleCountPercentile != "ignore":
        return None
    return low_sample_limit(alarm.ExtendedStatistic)
