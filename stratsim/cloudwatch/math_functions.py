"""The functions of metric math that an alarm may use.

Source: user guide, page using-metric-math. A missing datapoint is NaN; values
are of shape ``(..., T)``, and a function that makes one number of a series
keeps the last axis with length 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stratsim.cloudwatch import math_arrays as arrays
from stratsim.cloudwatch.math_clock import CLOCK
from stratsim.cloudwatch.math_nodes import Context, Kind, Series, Value

if TYPE_CHECKING:
    from stratsim.cloudwatch.math_nodes import Call

SCALAR, SERIES, ARRAY = Kind.SCALAR, Kind.SERIES, Kind.ARRAY


@dataclass(frozen=True, slots=True)
class Function:
    """A function: what it computes, and what each argument may be.

    ``takes`` lists the kinds of each argument; the first `optional` from the
    end may be left out. ``yields`` maps the kinds given to the kind returned.
    ``words`` are names that may stand in an argument's place, counted from 0.
    """

    compute: Callable[..., Value]
    takes: tuple[frozenset[Kind], ...]
    yields: Callable[..., Kind]
    optional: int = 0
    words: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def _abs(context: Context, call: "Call", values: Value) -> Value:
    return _each(np.abs, call, values)


def _ceil(context: Context, call: "Call", values: Value) -> Value:
    return _each(np.ceil, call, values)


def _floor(context: Context, call: "Call", values: Value) -> Value:
    return _each(np.floor, call, values)


def _log(context: Context, call: "Call", values: Value) -> Value:
    return _each(lambda one: _finite(np.log(one)), call, values)


def _log10(context: Context, call: "Call", values: Value) -> Value:
    return _each(lambda one: _finite(np.log10(one)), call, values)


def _each(function: Callable[..., Value], call: "Call", values: Value) -> Value:
    return tuple(function(one) for one in values) if call.kind is ARRAY else function(values)


def _finite(values: Value) -> Series:
    return np.where(np.isfinite(values), values, np.nan)


def _if(
    context: Context, call: "Call", condition: Value, then: Value, otherwise: Value = np.nan
) -> Value:
    """Choose point by point.

    The documented rows: a missing condition and a missing false branch make no
    datapoint, a missing true branch counts as 0. A scalar condition chooses a
    branch as a whole, with the datapoints that the branch has.
    """
    if call.parts[0].kind is SERIES and call.parts[1].kind is SERIES:
        then = np.where(np.isnan(then), 0.0, then)
    chosen = np.where(np.not_equal(condition, 0), then, otherwise)
    return np.where(np.isnan(condition), np.nan, chosen)


def _fill(context: Context, call: "Call", values: Value, filler: Value) -> Value:
    if isinstance(filler, str):
        return _each(_repeat if filler == "REPEAT" else _linear, call, values)
    return _each(lambda one: np.where(np.isnan(one), filler, one), call, values)


def _last_at(present: Value) -> Value:
    """Return the index of the newest datapoint up to each place; -1 for none."""
    at = np.where(present, np.arange(present.shape[-1]), -1)
    return np.maximum.accumulate(at, axis=-1)


def _take(values: Series, at: Value) -> Series:
    found = np.take_along_axis(values, np.clip(at, 0, values.shape[-1] - 1), axis=-1)
    return np.where((at < 0) | (at >= values.shape[-1]), np.nan, found)


def _repeat(values: Series) -> Series:
    return _take(values, _last_at(~np.isnan(values)))


def _linear(values: Series) -> Series:
    """Draw straight lines between neighbours; the ends stay missing."""
    present = ~np.isnan(values)
    places = np.arange(values.shape[-1])
    before = _last_at(present)
    after = values.shape[-1] - 1 - _last_at(present[..., ::-1])[..., ::-1]
    low, high = _take(values, before), _take(values, after)
    share = (places - before) / np.maximum(after - before, 1)
    return np.where(present, values, low + (high - low) * share)


def _diff(context: Context, call: "Call", values: Value) -> Value:
    return _each(lambda one: _step(one)[0], call, values)


def _diff_time(context: Context, call: "Call", values: Value) -> Value:
    return _each(lambda one: _step(one)[1] * context.period_s, call, values)


def _rate(context: Context, call: "Call", values: Value) -> Value:
    """Change per second since the datapoint before, however long ago it was."""

    def rate(one: Series) -> Series:
        change, periods = _step(one)
        return change / (periods * context.period_s)

    return _each(rate, call, values)


def _step(values: Series) -> tuple[Series, Series]:
    """Return the change since the datapoint before, and how many periods ago."""
    present = ~np.isnan(values)
    before = np.full(values.shape, -1)
    before[..., 1:] = _last_at(present)[..., :-1]
    periods = np.where(present & (before >= 0), np.arange(values.shape[-1]) - before, np.nan)
    return _finite(values - _take(values, before)), periods


def _running_sum(context: Context, call: "Call", values: Value) -> Value:
    return _each(_cumulated, call, values)


def _cumulated(one: Series) -> Series:
    return _finite(np.where(np.isnan(one), one, np.nancumsum(one, axis=-1)))


def _period(context: Context, call: "Call", values: Value) -> Value:
    return context.period_s


def _time_series(context: Context, call: "Call", value: Value) -> Value:
    return np.broadcast_to(np.asarray(value, np.float64), context.shape).copy()


def _same(*kinds: Kind) -> Kind:
    return kinds[0]


def _smaller(*kinds: Kind) -> Kind:
    return SERIES if kinds[0] is ARRAY else SCALAR


def _larger(*kinds: Kind) -> Kind:
    return max(kinds)


def _always(kind: Kind) -> Callable[..., Kind]:
    return lambda *kinds: kind


_WORD: frozenset[Kind] = frozenset()
_ONE, _LINE, _LINES = frozenset({SCALAR}), frozenset({SERIES}), frozenset({ARRAY})
_ANY = frozenset({SCALAR, SERIES, ARRAY})
_DATA = frozenset({SERIES, ARRAY})
_FLAT = frozenset({SCALAR, SERIES})

FUNCTIONS: dict[str, Function] = {
    "ABS": Function(_abs, (_ANY,), _same),
    "CEIL": Function(_ceil, (_ANY,), _same),
    "FLOOR": Function(_floor, (_ANY,), _same),
    "LOG": Function(_log, (_ANY,), _same),
    "LOG10": Function(_log10, (_ANY,), _same),
    "SUM": Function(arrays.fold_with(arrays.total), (_DATA,), _smaller),
    "AVG": Function(arrays.fold_with(arrays.average), (_DATA,), _smaller),
    "MIN": Function(arrays.fold_with(arrays.lowest), (_DATA,), _smaller),
    "MAX": Function(arrays.fold_with(arrays.highest), (_DATA,), _smaller),
    "STDDEV": Function(arrays.fold_with(arrays.deviation), (_DATA,), _smaller),
    "IF": Function(_if, (_FLAT, _FLAT, _FLAT), _larger, optional=1),
    "FILL": Function(_fill, (_DATA, _FLAT), _same, words={1: ("REPEAT", "LINEAR")}),
    "DIFF": Function(_diff, (_DATA,), _same),
    "DIFF_TIME": Function(_diff_time, (_DATA,), _same),
    "RATE": Function(_rate, (_DATA,), _same),
    "RUNNING_SUM": Function(_running_sum, (_DATA,), _same),
    "PERIOD": Function(_period, (_DATA,), _always(SCALAR)),
    "DATAPOINT_COUNT": Function(arrays.count_datapoints, (_DATA,), _smaller),
    "METRIC_COUNT": Function(arrays.count_metrics, (_LINES,), _always(SCALAR)),
    "FIRST": Function(arrays.first, (_LINES,), _always(SERIES)),
    "LAST": Function(arrays.last, (_LINES,), _always(SERIES)),
    "SORT": Function(
        arrays.sort,
        (_LINES, _WORD, _WORD, _ONE),
        _same,
        optional=1,
        words={1: tuple(arrays.SORT_KEYS), 2: ("ASC", "DESC")},
    ),
    "SLICE": Function(arrays.cut, (_LINES, _ONE, _ONE), _same, optional=1),
    "REMOVE_EMPTY": Function(arrays.remove_empty, (_LINES,), _same),
    "TIME_SERIES": Function(_time_series, (_ONE,), _always(SERIES)),
    **{name: Function(read, (_LINE,), _always(SERIES)) for name, read in CLOCK.items()},
}

# Functions that exist, and why an alarm cannot have them here.
REFUSED = {
    "SEARCH": "CloudWatch does not allow SEARCH in an alarm.",
    "ANOMALY_DETECTION_BAND": "A band is an expression of its own, named by ThresholdMetricId.",
    **dict.fromkeys(
        ("SERVICE_QUOTA", "INSIGHT_RULE_METRIC", "DB_PERF_INSIGHTS", "LAMBDA", "SELECT"),
        "It reads what is no metric of the request, which stratsim does not have.",
    ),
}
