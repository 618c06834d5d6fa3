"""Metrics of many runs as alarms ask for them: the rules of `stratsim.signals`, on arrays."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from stratsim.cloudwatch.statistic import aggregate
from stratsim.engine.batch.changes import Flags
from stratsim.engine.batch.mixtures import Mixed, Mixtures
from stratsim.engine.batch.telemetry import Index, Telemetry
from stratsim.model.quantities import Array
from stratsim.signals import CPU, HEALTHY, REQUESTS, UNHEALTHY, Series

Seen = Sequence[Array | float]
"""For each minute whether it is seen, 1 or 0."""


def read(series: Series, telemetry: Telemetry, columns: Index, now: Index | None) -> Array:
    """Return a statistic over minutes, (rows,); NaN where there is no data.

    Only what is published by `now` is seen; None sees all.
    """
    seen = telemetry.seen(columns, now)
    kind = series.source.kind
    if kind in ("time", "busy"):
        parts = _parts(series, telemetry, columns, seen)
        minutes = np.sum([np.broadcast_to(w, telemetry.rows) for w in seen], axis=0)
        return response_time(series, parts, telemetry, minutes)
    if kind == "silent":
        return np.full(telemetry.rows, np.nan)
    if kind in ("level", "per_target"):
        return _sampled(series, telemetry, columns, seen)
    total, samples, present = _binary(series, telemetry, columns, seen)
    return np.where(present, _of_binary(series.statistic, total, samples), np.nan)


def samples_of(series: Series, telemetry: Telemetry, columns: Index, now: Index) -> Array:
    """Return how many samples the datapoint has, (rows,); 0 where there is none."""
    seen = telemetry.seen(columns, now)
    kind = series.source.kind
    if kind in ("time", "busy"):
        parts = _parts(series, telemetry, columns, seen)
        return np.asarray(sum((part[0] for part in parts), np.zeros(telemetry.rows)))
    if kind == "silent":
        return np.zeros(telemetry.rows)
    if kind in ("level", "per_target"):
        _, there = _minutes(series, telemetry, columns, seen)
        return np.asarray(there.sum(axis=1), dtype=float)
    _, samples, present = _binary(series, telemetry, columns, seen)
    return np.where(present, samples, 0.0)


# -- counts and shares: samples of 0 and 1 ---------------------------------------------


def _binary(
    series: Series, telemetry: Telemetry, columns: Index, seen: Seen
) -> tuple[Array, Array, Flags]:
    """Return how many samples are 1, how many there are, and where there are any."""
    source, sides = series.source, series.sides
    total = source.factor * telemetry.total(sides, source.field, columns, seen)
    for field in source.less:
        total = total - telemetry.total(sides, field, columns, seen)
    if source.kind == "share":
        requests = telemetry.total(sides, REQUESTS, columns, seen)
        return total, requests, requests > 0
    present = total > 0
    samples = total
    if source.when_zero:
        requests = telemetry.total(sides, REQUESTS, columns, seen)
        present = present | (requests > 0) | (telemetry.total(sides, HEALTHY, columns, seen) > 0)
        samples = np.where(total > 0, total, sum(seen))
    return total, samples, present


def _of_binary(statistic: str, total: Array, samples: Array) -> Array:
    if statistic == "Sum":
        return total
    if statistic == "SampleCount":
        return samples
    if statistic == "Average":
        return total / np.where(samples > 0, samples, 1.0)
    if statistic == "Minimum":
        return np.where(total < samples, 0.0, 1.0)
    if statistic == "Maximum":
        return np.where(total > 0, 1.0, 0.0)
    ones, whole = np.rint(total), np.rint(samples)
    return _distinct(
        np.stack([ones, whole], axis=1),
        lambda pair: [0.0] * int(pair[1] - pair[0]) + [1.0] * int(pair[0]),
        statistic,
    )


def _distinct(rows: Array, samples: Callable[[Array], list[float]], statistic: str) -> Array:
    """Return the statistic of each row's samples, found once for rows that are alike."""
    kinds, place = np.unique(rows, axis=0, return_inverse=True)
    found = [aggregate(samples(kind), statistic) for kind in kinds]
    values = np.array([np.nan if value is None else value for value in found])
    return np.asarray(values[place.reshape(-1)])


# -- levels: a sample per minute -------------------------------------------------------


def _minutes(
    series: Series, telemetry: Telemetry, columns: Index, seen: Seen
) -> tuple[Array, Flags]:
    """Return each minute's sample and whether there is one, (rows, minutes)."""
    found = np.zeros((telemetry.rows, len(columns)))
    there = np.zeros_like(found, dtype=bool)
    for at, (column, weight) in enumerate(zip(columns, seen, strict=True)):
        found[:, at], there[:, at] = _minute(series, telemetry, np.array([column]), [weight])
    return found, there


def _minute(series: Series, telemetry: Telemetry, here: Index, weight: Seen) -> tuple[Array, Flags]:
    source, sides = series.source, series.sides
    healthy = telemetry.total(sides, HEALTHY, here, weight)
    some = np.where(healthy > 0, healthy, 1.0)
    if source.kind == "per_target":
        return telemetry.total(sides, REQUESTS, here, weight) / some, healthy > 0
    there = healthy + telemetry.total(sides, UNHEALTHY, here, weight) > 0
    if source.field != CPU:
        return source.factor * telemetry.total(sides, source.field, here, weight), there
    busy = np.zeros(telemetry.rows)
    for side in sides:
        rho = telemetry.total((side,), CPU, here, weight)
        busy = busy + rho * telemetry.total((side,), HEALTHY, here, weight)
    return source.factor * np.where(healthy > 0, busy / some, 0.0), there


def _sampled(series: Series, telemetry: Telemetry, columns: Index, seen: Seen) -> Array:
    found, there = _minutes(series, telemetry, columns, seen)
    count = there.sum(axis=1)
    values = {
        "Sum": (found * there).sum(axis=1),
        "Average": (found * there).sum(axis=1) / np.maximum(count, 1),
        "SampleCount": count.astype(float),
        "Minimum": np.where(there, found, np.inf).min(axis=1, initial=np.inf),
        "Maximum": np.where(there, found, -np.inf).max(axis=1, initial=-np.inf),
    }.get(series.statistic)
    if values is None:
        rows = np.where(there, found, -np.inf)  # no sample is infinite
        values = _distinct(rows, lambda row: row[row > -np.inf].tolist(), series.statistic)
    return np.where(count > 0, values, np.nan)


# -- response times --------------------------------------------------------------------


def _parts(series: Series, telemetry: Telemetry, columns: Index, seen: Seen) -> list[Mixed]:
    return [
        (n * weight, rho, f, a)
        for weight, column in zip(seen, columns, strict=True)
        for side, n, rho, f, a in getattr(telemetry.minutes[column], "parts", ())
        if side in series.sides
    ]


def response_time(
    series: Series, parts: Sequence[Mixed], telemetry: Telemetry, minutes: Array
) -> Array:
    """Return a statistic of the response times of `parts`, (rows,); NaN where there are none.

    `minutes` is how many they come from.
    """
    rows, unit_s = len(minutes), series.source.unit_s
    if not parts:
        return np.full(rows, np.nan)
    answered = np.sum([part[0] for part in parts], axis=0)
    some = np.where(answered > 0, answered, 1.0)
    times, noise = telemetry.times, telemetry.noise
    if series.source.kind == "time" and series.statistic == "SampleCount":
        return np.where(answered > 0, answered, np.nan)
    if series.source.kind == "time" and (series.percentile is not None or series.trimmed):
        mixture = Mixtures(times, parts, noise)
        if series.percentile is not None:
            values = mixture.ranked(series.percentile) / unit_s
        else:
            values = mixture.extended(series.statistic, unit_s)
        return np.where(answered > 0, values, np.nan)
    busy = np.sum([n * (f * times.mean_many(rho) + a) for n, rho, f, a in parts], axis=0)
    if series.source.kind == "busy":
        return np.where(answered > 0, busy / (60.0 * np.maximum(minutes, 1)), np.nan)
    values = busy / some
    if noise is not None:
        spread = math.sqrt(math.expm1(times.sigma**2))
        luck = noise.standard_normal(rows)
        values = values * np.maximum(1.0 + spread / np.sqrt(some) * luck, 0.0)
    if series.statistic == "Sum":
        values = values * answered
    return np.where(answered > 0, values / unit_s, np.nan)
