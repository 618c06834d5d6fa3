"""The functions of metric math that read the clock.

Source: user guide, page using-metric-math: each datapoint is the minute, hour,
... of its own time stamp in UTC, and none is missing. Monday is day 1.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from stratsim.cloudwatch.math_nodes import Context, Series, Value
from stratsim.errors import InputError, Problem

if TYPE_CHECKING:
    from stratsim.cloudwatch.math_nodes import Call

THURSDAY = 4  # the first of January 1970


def _minute(seconds: Series) -> Series:
    return seconds // 60 % 60


def _hour(seconds: Series) -> Series:
    return seconds // 3600 % 24


def _weekday(seconds: Series) -> Series:
    return (seconds // 86_400 + THURSDAY - 1) % 7 + 1


def _date(seconds: Series) -> Series:
    return _since(seconds, "D") - _in_days(seconds, "M") + 1


def _month(seconds: Series) -> Series:
    return _since(seconds, "M") % 12 + 1


def _year(seconds: Series) -> Series:
    return _since(seconds, "Y") + 1970


def _since(seconds: Series, unit: str) -> Series:
    """Return whole days, months or years since 1970."""
    return seconds.astype("M8[s]").astype(f"M8[{unit}]").astype(np.int64).astype(np.float64)


def _in_days(seconds: Series, unit: str) -> Series:
    begun = seconds.astype("M8[s]").astype(f"M8[{unit}]").astype("M8[D]")
    return begun.astype(np.int64).astype(np.float64)


def _epoch(seconds: Series) -> Series:
    return seconds


def _clock(read: Callable[[Series], Series]) -> Callable[..., Value]:
    def compute(context: Context, call: "Call", values: Value) -> Value:
        if context.starts_s is None:
            rule = f"evaluated with the time of its datapoints, which {call.name} reads"
            raise InputError([Problem("expression", rule, "none")])
        return np.broadcast_to(read(np.floor(context.starts_s)), context.shape).copy()

    return compute


CLOCK: dict[str, Callable[..., Value]] = {
    "MINUTE": _clock(_minute),
    "HOUR": _clock(_hour),
    "DAY": _clock(_weekday),
    "DATE": _clock(_date),
    "MONTH": _clock(_month),
    "YEAR": _clock(_year),
    "EPOCH": _clock(_epoch),
}
