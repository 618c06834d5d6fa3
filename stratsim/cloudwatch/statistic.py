"""Statistics of samples, as CloudWatch aggregates them into one datapoint.

Source: user guide, page Statistics-definitions. How CloudWatch interpolates a
percentile is not published; the nearest rank is taken here, and percent bounds
of the other statistics cut at the same rank.
"""

from collections.abc import Callable, Sequence
from math import ceil

from stratsim.cloudwatch.limits import EXTENDED_STATISTIC
from stratsim.errors import InputError, Problem, shorten

_PLAIN: dict[str, Callable[[Sequence[float]], float]] = {
    "SampleCount": len,
    "Sum": sum,
    "Average": lambda samples: sum(samples) / len(samples),
    "Minimum": min,
    "Maximum": max,
}
_RANGES = {"tm": "TM", "tc": "TC", "ts": "TS", "wm": "WM"}


def aggregate(samples: Sequence[float], statistic: str) -> float | None:
    """Return the statistic of `samples`; ``None`` where nothing is left of them."""
    if not samples:
        return None
    plain = _PLAIN.get(statistic)
    if plain is not None:
        return float(plain(samples))
    return _extended(sorted(samples), statistic)


def percentile_of(statistic: str | None) -> float | None:
    """Return p as a fraction for a pNN statistic, else ``None``."""
    found = EXTENDED_STATISTIC.fullmatch(statistic or "")
    return float(found["percent"]) / 100 if found and found["short"] == "p" else None


def _extended(samples: list[float], statistic: str) -> float | None:
    found = EXTENDED_STATISTIC.fullmatch(statistic)
    if found is None:
        raise InputError([Problem("statistic", "one that CloudWatch has", shorten(statistic))])
    if statistic == "IQM":
        return _of_range("TM", samples, "25%", "75%")
    if found["short"] == "p":
        return samples[max(_cut(samples, found["percent"]) - 1, 0)]
    if found["short"]:
        return _of_range(_RANGES[found["short"]], samples, None, found["percent"] + "%")
    if found["range"]:
        return _of_range(found["range"], samples, found["low"], found["high"])
    first, last = _bounds(samples, found["from"], found["to"])
    return 100 * (last - first) / len(samples)


def _of_range(kind: str, samples: list[float], low: str | None, high: str | None) -> float | None:
    first, last = _bounds(samples, low, high)
    kept = samples[first:last]
    if kind == "TC":
        return float(len(kept))
    if kind == "TS":
        return float(sum(kept))
    if not kept:
        return None
    if kind == "WM":  # winsorized: what lies outside moves to the nearest kept value
        kept = kept[:1] * first + kept + kept[-1:] * (len(samples) - last)
    return sum(kept) / len(kept)


def _bounds(samples: list[float], low: str | None, high: str | None) -> tuple[int, int]:
    """Return the slice between two bounds: above the lower, up to the upper."""
    first = 0 if low is None else _place(samples, low)
    last = len(samples) if high is None else _place(samples, high)
    return first, max(first, last)


def _place(samples: list[float], bound: str) -> int:
    if bound.endswith("%"):
        return _cut(samples, bound[:-1])
    return sum(sample <= float(bound) for sample in samples)


def _cut(samples: list[float], percent: str) -> int:
    # Rounded, since 29 % of 100 samples are 29 although 0.29 * 100 is 28.999...
    return ceil(round(float(percent) * len(samples) / 100, 9))
