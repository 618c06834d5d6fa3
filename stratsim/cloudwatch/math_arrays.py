"""What metric math makes of an array of series, and of all datapoints of one.

Source: user guide, page using-metric-math. An array is a tuple of series; a
missing datapoint is NaN. A function that makes one number of a series keeps the
last axis with length 1.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from stratsim.cloudwatch.math_nodes import Context, Kind, Series, Value

if TYPE_CHECKING:
    from stratsim.cloudwatch.math_nodes import Call

BY_ROW = frozenset({"SORT", "SLICE", "REMOVE_EMPTY"})
"""Functions whose array depends on the data: each row of many has its own."""


def fold_with(fold: Callable[..., Value]) -> Callable[..., Value]:
    """Return an aggregate: over time for a series, across an array of them."""

    def compute(context: Context, call: "Call", values: Value) -> Value:
        if call.parts[0].kind is Kind.ARRAY:
            if not values:
                return np.full(context.shape, np.nan)
            return _fold(fold, np.stack(np.broadcast_arrays(*values)), 0)
        return np.expand_dims(_fold(fold, values, -1), -1)

    return compute


def _fold(fold: Callable[..., Value], values: Series, axis: int) -> Series:
    missing = np.isnan(values)
    result = fold(values, missing, axis)
    return np.where(missing.all(axis=axis) | ~np.isfinite(result), np.nan, result)


def total(values: Series, missing: Value, axis: int) -> Value:
    """SUM of the datapoints there are."""
    return np.where(missing, 0.0, values).sum(axis=axis)


def average(values: Series, missing: Value, axis: int) -> Value:
    """AVG, in which a missing datapoint counts as 0 (so the page)."""
    return np.where(missing, 0.0, values).mean(axis=axis)


def lowest(values: Series, missing: Value, axis: int) -> Value:
    """MIN of the datapoints there are."""
    return np.where(missing, np.inf, values).min(axis=axis)


def highest(values: Series, missing: Value, axis: int) -> Value:
    """MAX of the datapoints there are."""
    return np.where(missing, -np.inf, values).max(axis=axis)


def deviation(values: Series, missing: Value, axis: int) -> Value:
    """STDDEV: deviation of the datapoints there are, divided by their number."""
    count = (~missing).sum(axis=axis)
    mean = total(values, missing, axis) / count
    squares = np.where(missing, 0.0, (values - np.expand_dims(mean, axis)) ** 2)
    return np.sqrt(squares.sum(axis=axis) / count)


SORT_KEYS = {"AVG": average, "MAX": highest, "MIN": lowest, "SUM": total}


def count_datapoints(context: Context, call: "Call", values: Value) -> Value:
    """Return how many datapoints there are: in a series, or at each time in an array."""
    if call.parts[0].kind is Kind.ARRAY:
        counts = [np.zeros(context.shape), *(~np.isnan(one) for one in values)]
        return np.sum(np.broadcast_arrays(*counts), axis=0)
    return (~np.isnan(values)).sum(axis=-1, keepdims=True).astype(np.float64)


def count_metrics(context: Context, call: "Call", values: Value) -> Value:
    """Return the number of series."""
    return float(len(values))


def first(context: Context, call: "Call", values: Value) -> Value:
    """Return the first series; one without datapoints where there is none."""
    return values[0] if values else np.full(context.shape, np.nan)


def last(context: Context, call: "Call", values: Value) -> Value:
    """Return the last series; one without datapoints where there is none."""
    return values[-1] if values else np.full(context.shape, np.nan)


def sort(
    context: Context, call: "Call", values: Value, key: str, order: str, limit: Value = np.inf
) -> Value:
    """Return the series in order of a statistic, the empty ones last, at most `limit`."""
    sign = -1.0 if order == "DESC" else 1.0
    keys = [sign * float(_fold(SORT_KEYS[key], np.asarray(one), -1)) for one in values]
    places = np.argsort(np.array(keys), kind="stable")
    return tuple(values[at] for at in places)[: _index(limit, len(values))]


def cut(context: Context, call: "Call", values: Value, begin: Value, end: Value = np.inf) -> Value:
    """Return the series from `begin`, counted from 0, up to and without `end`."""
    return values[_index(begin, len(values)) : _index(end, len(values))]


def remove_empty(context: Context, call: "Call", values: Value) -> Value:
    """Return the series that have a datapoint."""
    return tuple(one for one in values if not np.isnan(one).all())


def _index(scalar: Value, count: int) -> int:
    """Return a scalar as a place among `count`; a missing one takes none."""
    place = float(np.asarray(scalar, np.float64).reshape(-1)[0])
    return 0 if np.isnan(place) else int(np.clip(place, 0, count))
