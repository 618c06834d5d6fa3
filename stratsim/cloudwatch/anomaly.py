"""A plain stand-in for CloudWatch's anomaly detection.

CloudWatch does not publish its algorithm. What its pages say is kept: up to two
weeks of training, a trend, hourly, daily and weekly patterns, a band of so many
standard deviations around what is expected, no band below zero for a metric
that is never negative. The rest is the simplest robust choice: medians for the
patterns, taken in turn until they settle, a median slope for the trend, and the
median absolute deviation for the width. Expect a band of the right place and
size, not CloudWatch's own numbers.

Source: user guide, CloudWatch_Anomaly_Detection and
Create_Anomaly_Detection_Alarm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stratsim.cloudwatch.limits import EXCLUDED_RANGES
from stratsim.errors import InputError, Problem, shorten

HOUR_S, DAY_S, WEEK_S = 3600.0, 86_400.0, 604_800.0
TRAINING_S = 2 * WEEK_S  # the longest history that is used
NORMAL_MAD = 1.4826  # standard deviations of a normal per median absolute deviation
TREND_DAYS = 7
ROUNDS = 5  # of taking the patterns out in turn

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A repeating pattern: medians of equal slots of a cycle."""

    cycle_s: float
    medians: tuple[float, ...]

    def at(self, times_s: Floats) -> Floats:
        """Return the pattern, with straight lines between the slots' middles."""
        slots = len(self.medians)
        place = times_s / self.cycle_s * slots - 0.5
        below = np.floor(place).astype(np.int64)
        medians = np.array(self.medians)
        share = place - below
        values: Floats = medians[below % slots] * (1 - share) + medians[(below + 1) % slots] * share
        return values


@dataclass(frozen=True, slots=True)
class AnomalyModel:
    """What a metric is expected to be, and how far it strays.

    Times are seconds since an epoch whose hours, days and weeks are those of the
    metric; ``sigma`` is a robust standard deviation of what the expectation
    leaves over.
    """

    level: float
    slope_per_s: float
    patterns: tuple[Pattern, ...]
    sigma: float
    lowest: float | None = None
    highest: float | None = None

    def expected(self, times_s: ArrayLike) -> Floats:
        """Return the expectation at `times_s`."""
        times = np.asarray(times_s, np.float64)
        values: Floats = self.level + self.slope_per_s * times
        for pattern in self.patterns:
            values = values + pattern.at(times)
        return values

    def band(self, times_s: ArrayLike, width: float = 2.0) -> Floats:
        """Return lower and upper edge, `width` standard deviations away.

        Shape ``(..., 2)``, cut off where the metric cannot go.
        """
        expected = self.expected(times_s)
        reach = width * self.sigma
        edges = np.stack([expected - reach, expected + reach], axis=-1)
        return np.clip(edges, self.lowest, self.highest)


def fit_anomaly(
    values: Sequence[float | None] | Floats,
    period_s: float = 60.0,
    start_s: float = 0.0,
    excluded_s: Iterable[tuple[float, float]] = (),
    highest: float | None = None,
) -> AnomalyModel:
    """Return a model of the metric's history.

    Parameters
    ----------
    values
        The history, oldest first, ``None`` or NaN for missing; only its last
        two weeks are used.
    period_s
        Seconds between two values.
    start_s
        When the first one was, in seconds since the epoch of the patterns.
    excluded_s
        Ranges of time to leave out, at most ten.
    highest
        What the metric cannot exceed, such as 100 percent. It is taken to have
        a lowest value of 0 where its history is never negative.
    """
    times, series = _training(values, period_s, start_s, tuple(excluded_s))
    level = float(np.median(series))
    slope = _trend(times, series)
    rest = series - level - slope * (times - times.mean())
    patterns = _patterns(times, rest, period_s)
    for pattern in patterns:
        rest = rest - pattern.at(times)
    return AnomalyModel(
        level=level - slope * float(times.mean()) + float(np.median(rest)),
        slope_per_s=slope,
        patterns=patterns,
        sigma=_spread(rest - np.median(rest)),
        lowest=0.0 if float(series.min()) >= 0 else None,
        highest=highest,
    )


def _training(
    values: Sequence[float | None] | Floats,
    period_s: float,
    start_s: float,
    excluded_s: tuple[tuple[float, float], ...],
) -> tuple[Floats, Floats]:
    if len(excluded_s) > EXCLUDED_RANGES:
        rule = f"at most {EXCLUDED_RANGES} ranges"
        raise InputError([Problem("excluded_s", rule, str(len(excluded_s)))])
    series: Floats = np.asarray(values, np.float64)
    times: Floats = start_s + period_s * np.arange(series.size, dtype=np.float64)
    used = np.isfinite(series) & (times >= start_s + period_s * series.size - TRAINING_S)
    for begin, end in excluded_s:
        used &= (times < begin) | (times >= end)
    if used.sum() < 2:
        hint = "A band needs at least two datapoints to be trained on."
        raise InputError([Problem("values", "a history", shorten(int(used.sum())), hint)])
    return times[used], series[used]


def _trend(times: Floats, series: Floats) -> float:
    """Return the median slope between the medians of days (Theil and Sen).

    A shorter history than `TREND_DAYS` would mistake its noise for a trend.
    """
    days = np.floor(times / DAY_S)
    numbers, sizes = np.unique(days, return_counts=True)
    numbers = numbers[sizes >= sizes.max() / 2]  # a day cut short tells its own hours
    if numbers.size < TREND_DAYS:
        return 0.0
    medians = np.array([np.median(series[days == day]) for day in numbers])
    first, second = np.triu_indices(numbers.size, k=1)
    slopes = (medians[second] - medians[first]) / (numbers[second] - numbers[first])
    return float(np.median(slopes)) / DAY_S


def _patterns(times: Floats, rest: Floats, period_s: float) -> tuple[Pattern, ...]:
    """Return the patterns that the history has seen at least twice."""
    span = float(times[-1] - times[0]) + period_s
    slots = {
        (WEEK_S, 7): span >= 2 * WEEK_S,
        (DAY_S, 24): span >= 2 * DAY_S,
        (HOUR_S, 12): span >= 2 * HOUR_S and period_s <= HOUR_S / 12,
    }
    chosen = [shape for shape, seen in slots.items() if seen]
    patterns = {shape: Pattern(shape[0], (0.0,) * shape[1]) for shape in chosen}
    for _ in range(ROUNDS):
        for shape in chosen:
            others = (one for key, one in patterns.items() if key != shape)
            left = rest - sum((one.at(times) for one in others), np.zeros_like(rest))
            patterns[shape] = _pattern(shape, times, left)
    return tuple(patterns.values())


def _pattern(shape: tuple[float, int], times: Floats, rest: Floats) -> Pattern:
    cycle_s, slots = shape
    slot = np.floor(times / cycle_s * slots).astype(np.int64) % slots
    order = np.argsort(slot, kind="stable")
    ends = np.searchsorted(slot[order], np.arange(slots + 1))
    parts = [rest[order[begin:end]] for begin, end in pairwise(ends)]
    medians = np.array([np.median(part) if part.size else 0.0 for part in parts])
    return Pattern(cycle_s, tuple((medians - np.median(medians)).tolist()))


def _spread(rest: Floats) -> float:
    """Return a standard deviation that a few outliers do not move.

    Where more than half of the history lies on the expectation, as for a metric
    that is mostly 0, the median deviation is 0 and the plain one is taken.
    """
    robust = NORMAL_MAD * float(np.median(np.abs(rest)))
    return robust if robust > 0 else float(np.sqrt(np.mean(rest**2)))
