"""The numbers behind the picture of an operating characteristic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stratsim.comparison.text import short_name

if TYPE_CHECKING:
    from stratsim.risk import Curve, OperatingCharacteristic

PANELS = ("rollback", "failed_requests", "time_to_detect_s")


@dataclass(frozen=True, slots=True)
class Line:
    """One strategy in one panel: places on the axis, estimates and interval ends.

    Points without a value are left out. Ends that are not known are the value.
    """

    x: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CharacteristicNumbers:
    """Lines by panel and strategy, and what is marked.

    ``healthy_x`` is the place of the healthy release, which a logarithmic axis has
    none for; ``smallest`` lists (strategy, probability, size).
    """

    lines: Mapping[str, Mapping[str, Line]]
    healthy_x: float
    smallest: tuple[tuple[str, float, float], ...]


def characteristic_numbers(found: OperatingCharacteristic) -> CharacteristicNumbers:
    """Return the numbers of the picture."""
    healthy = found.curves[0].points[0].size
    sizes = [point.size for curve in found.curves for point in curve.points[1:]]
    healthy_x = _before(min(sizes), max(sizes), healthy)
    smallest = tuple(
        (short_name(curve.strategy), wanted, size)
        for curve in found.curves
        for wanted, size in ((0.80, curve.smallest_80.value), (0.95, curve.smallest_95.value))
        if not math.isnan(size)
    )
    lines = {
        key: {short_name(curve.strategy): _line(curve, key, healthy_x) for curve in found.curves}
        for key in PANELS
    }
    return CharacteristicNumbers(lines, healthy_x, smallest)


def _before(smallest: float, largest: float, healthy: float) -> float:
    """Return a place left of the smallest size, apart by a tenth of the axis."""
    if healthy > 0:  # a factor: 1 is a place on the axis
        return healthy
    return smallest / max(2.0, math.pow(largest / smallest, 0.1))


def _line(curve: Curve, key: str, healthy_x: float) -> Line:
    rows = []
    for index, point in enumerate(curve.points):
        found = point.estimates[key]
        if not math.isnan(found.value):
            low = found.value if math.isnan(found.low) else found.low
            high = found.value if math.isnan(found.high) else found.high
            rows.append((healthy_x if index == 0 else point.size, found.value, low, high))
    x, value, low_ends, high_ends = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Line(x, value, low_ends, high_ends)
