"""Values against a threshold or a band: good, breaching or missing.

Source: API reference, ComparisonOperator. The statistic is the left operand.
A value on the edge of a band does not breach, as the operators' names say.
"""

import operator
from collections.abc import Callable, Sequence
from math import isnan
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stratsim.model.alarm import MetricAlarm

GOOD, BREACHING, MISSING = 0, 1, -1

Scalar = float | int | None
Edges = Sequence[float | None] | None  # lower and upper of one period

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_BAND: dict[str, Callable[[Any, Any, Any], Any]] = {
    "LessThanLowerOrGreaterThanUpperThreshold": lambda v, low, high: (v < low) | (v > high),
    "LessThanLowerThreshold": lambda v, low, high: v < low,
    "GreaterThanUpperThreshold": lambda v, low, high: v > high,
}


@overload
def breaches(alarm: MetricAlarm, values: Scalar, band: Any = None) -> int: ...
@overload
def breaches(
    alarm: MetricAlarm, values: Sequence[Scalar] | NDArray[Any], band: Any = None
) -> NDArray[np.int8]: ...
def breaches(alarm: MetricAlarm, values: Any, band: Any = None) -> Any:
    """Return 0 good, 1 breaching or -1 missing for a value or for an array.

    Parameters
    ----------
    alarm
        Its operator and threshold count.
    values
        In the metric's unit; ``None`` and NaN are missing.
    band
        On a band alarm: lower and upper of the one period, or ``(..., 2)`` for
        an array, ``None`` where the band has no datapoint. A value without a
        band is missing (AWS says nothing on it; choice A5).
    """
    if values is None or isinstance(values, float | int | np.generic):
        return _one(alarm, values, band)
    array = as_values(values)
    if alarm.banded:
        edges = as_band(band, array.shape)
        return _banded(alarm, array, edges[..., 0], edges[..., 1])
    cells = _COMPARE[alarm.ComparisonOperator](array, alarm.Threshold).astype(np.int8)
    cells[np.isnan(array)] = MISSING  # every comparison with NaN is false
    return cells


def as_values(values: ArrayLike | Sequence[Scalar]) -> NDArray[np.float64]:
    """Return an array of floats in which NaN stands for missing."""
    return np.asarray(values, dtype=np.float64)


def as_band(band: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the edges as an array `shape` + (2,); NaN where there is no band."""
    if band is None:
        return np.full((*shape, 2), np.nan)
    if not isinstance(band, np.ndarray):
        band = [(None, None) if edges is None else edges for edges in band]
    return np.broadcast_to(np.asarray(band, dtype=np.float64), (*shape, 2))


def _one(alarm: MetricAlarm, value: Any, band: Edges) -> int:
    if value is None or isnan(value):
        return MISSING
    if not alarm.banded:
        return int(_COMPARE[alarm.ComparisonOperator](value, alarm.Threshold))
    low, high = (None, None) if band is None else band
    if low is None or high is None or isnan(low) or isnan(high):
        return MISSING
    return int(_BAND[alarm.ComparisonOperator](value, low, high))


def _banded(
    alarm: MetricAlarm,
    values: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.int8]:
    cells = _BAND[alarm.ComparisonOperator](values, low, high).astype(np.int8)
    cells[np.isnan(values) | np.isnan(low) | np.isnan(high)] = MISSING
    result: NDArray[np.int8] = cells
    return result
