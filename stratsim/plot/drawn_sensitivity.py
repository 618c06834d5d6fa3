"""Draw sweeps, tornados and rankings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stratsim.comparison.text import short_name
from stratsim.plot.numbers_sensitivity import (
    Bar,
    HeatNumbers,
    ranking_bars,
    sweep_numbers,
    tornado_bars,
)
from stratsim.plot.style import NEW, OLD, PLAIN, measure_axis, new_axes
from stratsim.wording import format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stratsim.sensitivity import Ranking, Sweep, Tornado

_DARK = 0.55
"""From this share of the colour scale on, cells are dark and take white text."""


def plot_sweep(
    sweep: Sweep, measure: str | None = None, strategy: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a heatmap over one or two paths; every cell tells its number."""
    numbers = sweep_numbers(sweep, measure, strategy)
    ax = ax or new_axes(*sweep_size(numbers))
    cells = np.array(numbers.cells)
    norm = _norm(cells)
    ax.imshow(np.ma.masked_invalid(cells), cmap="Blues", norm=norm, aspect="auto")
    for row, texts in enumerate(numbers.texts):
        for column, text in enumerate(texts):
            value = cells[row, column]
            dark = np.isfinite(value) and float(norm(value)) > _DARK
            ax.text(
                column, row, text, ha="center", va="center", fontsize=8,
                color="white" if dark else "black",
            )  # fmt: skip
    _box(ax, numbers)
    ax.set_xticks(range(len(numbers.x)), numbers.x)
    ax.set_yticks(range(len(numbers.y)), numbers.y)
    ax.set_xlabel(numbers.x_label)
    ax.set_ylabel(_two_lines(numbers.y_label))
    ax.set_title(numbers.title, loc="left", fontsize=11)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def sweep_size(numbers: HeatNumbers) -> tuple[float, float]:
    """Return width and height [inches] in which the cells' texts have room."""
    longest = max(len(line) for row in numbers.texts for t in row for line in t.split("\n"))
    width = len(numbers.x) * max(0.7, 0.085 * longest)
    lines = max(t.count("\n") for row in numbers.texts for t in row)
    height = len(numbers.y) * (0.4 + 0.16 * lines)
    names = 0.075 * max(map(len, numbers.y))
    label = 0.09 * max(map(len, _two_lines(numbers.y_label).split("\n")))
    return max(6.0, 0.8 + names + width), 1.0 + max(1.2, height, label)


def _two_lines(label: str) -> str:
    """Return a path that was shortened, broken where it was."""
    return label.replace(" .. ", " ..\n")


def _norm(cells: Any) -> Any:
    """Return a scale for colours, logarithmic where values lie far apart."""
    from matplotlib.colors import LogNorm, Normalize

    known = cells[np.isfinite(cells)]
    if not len(known):
        return Normalize(0.0, 1.0)
    low, high = float(known.min()), float(known.max())
    if low > 0 and high > 30 * low:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1.0)


def _box(ax: Axes, numbers: HeatNumbers) -> None:
    from matplotlib.patches import Rectangle

    for row, column in numbers.best:
        ax.add_patch(
            Rectangle(
                (column - 0.48, row - 0.46), 0.96, 0.92, fill=False, edgecolor=NEW, linewidth=2
            )
        )


def plot_tornado(tornado: Tornado, ax: Axes | None = None) -> Axes:
    """Draw a bar per field from its lowest to its highest value, the widest on top."""
    bars = tornado_bars(tornado)
    ax = ax or new_axes(8.5, 1.6 + 0.42 * max(1, len(bars)))
    base, unit = tornado.base.value, tornado.key.unit
    ends = [end for b in bars for end in (b.low, b.high, *b.low_span, *b.high_span)]
    room = _room([base, *ends])
    for row, bar in enumerate(bars):
        _draw_bar(ax, row, bar, base)
    ax.axvline(base, color="black", linewidth=1)
    ax.set_yticks(range(len(bars)), [bar.label for bar in bars])
    ax.set_ylim(len(bars) - 0.5, -0.5)
    ax.set_xlim(*room)
    measure_axis(ax.xaxis, unit)
    ax.set_xlabel(f"{tornado.key} of {short_name(tornado.strategy)}")
    best = f"\norange, hatched: another strategy has the least {tornado.minimize}"
    changes = best if any(bar.changes for bar in bars) else ""
    title = f"{tornado.scenario}: {format_value(base, unit)} as it is{changes}"
    ax.set_title(title, loc="left", fontsize=11)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax


def _draw_bar(ax: Axes, row: int, bar: Bar, base: float) -> None:
    """Draw a bar through the unchanged number, its ends' intervals, and their settings."""
    low, high = min(bar.low, base), max(bar.high, base)
    ax.barh(
        row, high - low, left=low, height=0.6, alpha=0.8, edgecolor="white",
        color=NEW if bar.changes else OLD, hatch="///" if bar.changes else None,
    )  # fmt: skip
    for end, span, offset in ((bar.low, bar.low_span, -0.12), (bar.high, bar.high_span, 0.12)):
        if np.isfinite(span).all() and bar.low != bar.high:
            ax.plot(
                span, [row + offset] * 2, color="black", linewidth=0.9, marker="|", markersize=4
            )
            ax.plot(end, row + offset, color="black", marker=".", markersize=4)
    left = np.nanmin([low, *bar.low_span, *bar.high_span])
    right = np.nanmax([high, *bar.low_span, *bar.high_span])
    for place, text, side in ((left, bar.at_low, "right"), (right, bar.at_high, "left")):
        if bar.low == bar.high and side == "right":
            continue
        ax.annotate(
            text, (place, row), xytext=(-5 if side == "right" else 5, 0),
            textcoords="offset points", ha=side, va="center", fontsize=8,
        )  # fmt: skip


def _room(values: list[float]) -> tuple[float, float]:
    """Return limits with room for the texts beside the bars."""
    known = [value for value in values if np.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    margin = 0.14 * ((high - low) or 1.0)
    return low - margin, high + margin


def plot_ranking(ranking: Ranking, ax: Axes | None = None) -> Axes:
    """Draw first-order and total indices with their intervals, the largest on top."""
    bars = ranking_bars(ranking)
    ax = ax or new_axes(8.0, 1.6 + 0.5 * max(1, len(bars)))
    for row, (_, first, first_half, total, total_half) in enumerate(bars):
        for offset, value, half, colour, label in (
            (-0.17, total, total_half, OLD, "with interactions"),
            (0.17, first, first_half, PLAIN, "by itself"),
        ):
            ax.barh(
                row + offset, value, xerr=half, height=0.32, color=colour, ecolor="black",
                error_kw={"linewidth": 0.8, "capsize": 2}, label=label if row == 0 else None,
            )  # fmt: skip
    ax.set_yticks(range(len(bars)), [label for label, *_ in bars])
    ax.set_ylim(max(1, len(bars)) - 0.5, -0.5)
    ax.axvline(0.0, color="black", linewidth=0.8)
    ax.set_xlabel(f"share of the variance of {ranking.key} of {short_name(ranking.strategy)}")
    ax.set_title(f"{ranking.scenario}: Sobol indices", loc="left", fontsize=11)
    if bars:
        ax.legend(loc="lower right", frameon=False, fontsize=8)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax
