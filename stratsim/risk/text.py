"""Operating characteristics for people: a few sentences and a table per strategy."""

from __future__ import annotations

from html import escape
from math import isnan
from typing import TYPE_CHECKING

from stratsim.comparison.text import short_name
from stratsim.risk.regression import SCALES
from stratsim.risk.result import KEYS
from stratsim.wording import counted, format_interval, format_number, format_value

if TYPE_CHECKING:
    from stratsim.intervals import Estimate
    from stratsim.risk.result import Curve, OperatingCharacteristic

APART = 1.5
"""Sizes whose ratio is larger say little about the curve between them."""

HEADS = {
    "rollback": "rollback",
    "missed": "missed",
    "failed_requests": "failed requests",
    "failed_requests.p95": "its 95th percentile",
    "time_to_detect_s": "time to detect",
    "time_to_restore_s": "time to restore",
}


def size_text(kind: str, size: float) -> str:
    """Return a size as people read it: 2%, x1.5, healthy."""
    scale = SCALES[kind]
    if size == scale.nothing:
        return "healthy"
    return f"x{format_number(size)}" if kind == "latency" else format_value(size, "share")


def title(found: OperatingCharacteristic) -> str:
    """Return the line above the tables."""
    like = f", like outcome {found.outcome!r}" if found.outcome else ""
    return f"{found.scenario}: {found.what}{like}; {effort(found)}, seed {found.seed}"


def effort(found: OperatingCharacteristic) -> str:
    """Return how the numbers were made."""
    if found.engine == "exact":
        return "computed by the exact engine; intervals show random times and severities alone"
    return f"{counted(found.replications, 'run')} of each size, engine {found.engine}"


def sentences(found: OperatingCharacteristic, curve: Curve) -> list[str]:
    """Return what the curve comes to: false rollbacks, the smallest sizes caught."""
    false = curve.false_rollback
    ends = format_interval(false.low, false.high, "probability")
    lines = [
        f"{short_name(curve.strategy)}: a healthy release is rolled back in "
        f"{format_value(false.value, 'probability')} {ends}".rstrip()
    ]
    for wanted, smallest in (("80%", curve.smallest_80), ("95%", curve.smallest_95)):
        lines.append(f"  rolled back in {wanted} or more: {_smallest(found, curve, smallest)}")
    return lines


def _smallest(found: OperatingCharacteristic, curve: Curve, smallest: Estimate) -> str:
    if isnan(smallest.value):
        largest = size_text(found.kind, curve.points[-1].size)
        return f"no size up to {largest}"
    if smallest.value == curve.points[1].size:
        return f"from {size_text(found.kind, smallest.value)} or less on"
    low, high = (
        "?" if isnan(end) else size_text(found.kind, end) for end in (smallest.low, smallest.high)
    )
    text = f"from {size_text(found.kind, smallest.value)} on [{low}, {high}]"
    return f"{text}{_guessed(found, curve, smallest.value)}"


def _guessed(found: OperatingCharacteristic, curve: Curve, value: float) -> str:
    """Say where the two sizes beside a value are so far apart that it is a guess."""
    sizes = [point.size for point in curve.points[1:]]
    below = max((size for size in sizes if size < value), default=value)
    above = min((size for size in sizes if size >= value), default=value)
    if above <= APART * below:
        return ""
    ends = f"{size_text(found.kind, below)} and {size_text(found.kind, above)}"
    return f", a guess between {ends}: sizes between them would tell"


def rows(found: OperatingCharacteristic, curve: Curve) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return a row per size: its text, and (value, interval) for each of `KEYS`."""
    return [
        (
            size_text(found.kind, point.size),
            [
                (
                    format_value(point.estimates[str(key)].value, key.unit),
                    format_interval(
                        point.estimates[str(key)].low, point.estimates[str(key)].high, key.unit
                    ),
                )
                for key in KEYS
            ],
        )
        for point in curve.points
    ]


def as_text(found: OperatingCharacteristic) -> str:
    """Return all as plain text."""
    lines = [title(found)]
    for curve in found.curves:
        grid = [["", *HEADS.values()]]
        for size, cells in rows(found, curve):
            grid.append([size, *(f"{value} {interval}".rstrip() for value, interval in cells)])
        widths = [max(len(row[at]) for row in grid) for at in range(len(grid[0]))]
        lines += ["", *sentences(found, curve), ""]
        lines += [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in grid
        ]
    return "\n".join(lines)


def as_html(found: OperatingCharacteristic) -> str:
    """Return the same as HTML for a notebook."""
    parts = [f"<p><b>{escape(title(found))}</b></p>"]
    for curve in found.curves:
        heads = "".join(f"<th>{escape(head)}</th>" for head in ["size", *HEADS.values()])
        body = "".join(_html_row(size, cells) for size, cells in rows(found, curve))
        parts += [f"<p>{escape(line)}</p>" for line in sentences(found, curve)]
        parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>")
    return "\n".join(parts)


def _html_row(size: str, cells: list[tuple[str, str]]) -> str:
    inner = "".join(
        f"<td>{escape(value)}<br><small>{escape(interval)}</small></td>"
        for value, interval in cells
    )
    return f"<tr><th style='text-align:left'>{escape(size)}</th>{inner}</tr>"
