"""Draw a comparison: harm against time or money."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stratsim.comparison.text import effort
from stratsim.plot.numbers import Point, comparison_points
from stratsim.plot.style import PARETO, PLAIN, measure_axis, new_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from stratsim.comparison import Comparison, Key
    from stratsim.intervals import Estimate

TRADEOFFS = ("deployment_duration_s", "infrastructure_cost_usd")

_WIDE = 50.0  # a ratio of means from which on a linear axis hides the smaller ones
_POINT_PX = 14.0
_MANY = 20
"""Strategies that a picture can number and name; of more, the Pareto set is."""


def plot_comparison(
    comparison: Comparison,
    ax: Axes | None = None,
    x: str = "deployment_duration_s",
    y: str = "failed_requests",
) -> Axes:
    """Draw one measure against another, one numbered point per strategy.

    Points of the Pareto set are filled; bars are 95 % intervals of the means. Of more
    than 20 strategies those outside the set are small dots without number or bars.

    Parameters
    ----------
    comparison
        What to draw.
    ax
        Where; None: new axes, with the legend beside them.
    x, y
        Measures, ``measure.statistic`` or probabilities.
    """
    ax = ax or new_axes(9.0, 4.8)
    across, up = comparison.key(x, "x"), comparison.key(y, "y")
    points = comparison_points(comparison, across, up)
    told = [(n, p) for n, p in enumerate(points, start=1) if len(points) <= _MANY or p.pareto]
    others = [point for point in points if len(points) > _MANY and not point.pareto]
    for _, point in told:
        _draw_point(ax, point)
    ax.plot(
        [p.x.value for p in others], [p.y.value for p in others], "o", markersize=4,
        color=PLAIN, markerfacecolor="white",
    )  # fmt: skip
    ax.margins(0.08)
    _scale(ax, [point.y for point in points])
    measure_axis(ax.xaxis, across.unit)
    measure_axis(ax.yaxis, up.unit)
    ax.set_xlabel(_label(across))
    ax.set_ylabel(_label(up))
    ax.set_title(f"{comparison.scenario}: {effort(comparison)}", loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    _number_points(ax, told)
    _legend(ax, told, len(others))
    return ax


def _legend(ax: Axes, told: list[tuple[int, Point]], others: int) -> None:
    from matplotlib.lines import Line2D

    handles = [_entry(number, point) for number, point in told[:_MANY]]
    if len(told) > _MANY:
        handles.append(Line2D([], [], linestyle=" ", label=f"{len(told) - _MANY} more filled"))
    if others:
        handles.append(
            Line2D(
                [], [], linestyle=" ", marker="o", markersize=4, color=PLAIN,
                markerfacecolor="white", label=f"{others} outside of it",
            )
        )  # fmt: skip
    ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9,
        title="filled: Pareto set", title_fontsize=9, alignment="left", handlelength=1.2,
    )  # fmt: skip


def plot_tradeoffs(comparison: Comparison) -> Figure:
    """Return a figure of failed requests against duration and against cost."""
    figure = new_figure(13.0, 4.8)
    left, right = figure.subplots(1, 2)
    for ax, measure in zip((left, right), TRADEOFFS, strict=True):
        plot_comparison(comparison, ax, measure)
    left.get_legend().remove()
    right.set_title("", loc="left")
    right.set_ylabel("")
    return figure


def _label(key: Key) -> str:
    words = key.name.removesuffix("_s").removesuffix("_usd").replace("_", " ")
    return words if key.statistic == "mean" else f"{words} ({key.statistic})"


def _draw_point(ax: Axes, point: Point) -> None:
    if not _there(point):
        return
    colour = PARETO if point.pareto else PLAIN
    ax.errorbar(
        point.x.value, point.y.value,
        xerr=_reach(point.x), yerr=_reach(point.y),
        fmt="o", markersize=13, color=colour, ecolor=colour, elinewidth=1.2, capsize=3,
        markerfacecolor=colour if point.pareto else "white", zorder=3,
    )  # fmt: skip


def _entry(number: int, point: Point) -> Line2D:
    """Return a line of the legend; a point that is not there keeps it, with the reason."""
    from matplotlib.lines import Line2D

    there = _there(point)
    colour = PARETO if point.pareto else PLAIN
    return Line2D(
        [], [], linestyle=" ", marker="o" if there else " ", markersize=8, color=colour,
        markerfacecolor=colour if point.pareto else "white",
        label=f"{number}  {point.name}" + ("" if there else " (not applicable)"),
    )  # fmt: skip


def _there(point: Point) -> bool:
    return not math.isnan(point.x.value + point.y.value)


def _reach(estimate: Estimate) -> list[list[float]]:
    """Return how far the interval reaches below and above; nothing where not known."""
    ends = (estimate.value - estimate.low, estimate.high - estimate.value)
    return [[0.0 if math.isnan(end) else max(0.0, end)] for end in ends]


def _scale(ax: Axes, estimates: list[Estimate]) -> None:
    """Begin at 0; go by powers of ten, 0 included, where the values span several."""
    if any(e.low < 0 or e.value < 0 for e in estimates):
        return
    values = [e.value for e in estimates if e.value > 0]
    if values and max(values) > _WIDE * min(values):
        smallest = 10.0 ** math.floor(math.log10(min(values)))
        ax.set_yscale("symlog", linthresh=smallest)
        ax.set_ylim(bottom=-0.2 * smallest)
    else:
        # A little below 0, so that a point on it is whole.
        ax.set_ylim(bottom=-0.04 * ax.get_ylim()[1])


def _number_points(ax: Axes, points: list[tuple[int, Point]]) -> None:
    """Write each number into its point, or beside the points that lie in one place."""
    groups: list[tuple[Point, list[int]]] = []
    for number, point in points:
        if not _there(point):
            continue
        crowd = next((members for first, members in groups if _touch(ax, first, point)), None)
        if crowd is None:
            groups.append((point, [number]))
        else:
            crowd.append(number)
    for first, members in groups:
        alone = len(members) == 1
        ax.annotate(
            ", ".join(map(str, members)), (first.x.value, first.y.value),
            xytext=(0 if alone else 11, 0), textcoords="offset points",
            ha="center" if alone else "left", va="center", fontsize=8, zorder=4,
            color="white" if first.pareto and alone else "black",
        )  # fmt: skip


def _touch(ax: Axes, one: Point, other: Point) -> bool:
    places = ax.transData.transform([(p.x.value, p.y.value) for p in (one, other)])
    return math.dist(*places) < _POINT_PX
