"""Draw a plan: what happens when, if nothing goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratsim.plot.numbers import PlanNumbers, plan_numbers
from stratsim.plot.style import (
    BOTH,
    NEW,
    OLD,
    frame_only,
    measure_axis,
    minutes_axis,
    new_axes,
    panel,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stratsim.strategies import PlanResult

_LANE_INCHES = 0.28


def plot_plan(result: PlanResult, ax: Axes | None = None) -> Axes:
    """Draw the share of the new revision above one lane per event.

    Both panels lie inside `ax`; without it, inside new axes as high as the lanes need.
    """
    numbers = plan_numbers(result)
    ax = ax or new_axes(9.0, 2.8 + _LANE_INCHES * len(numbers.lanes))
    frame_only(ax)
    ax.set_title(f"{result.scenario}: plan of {result.strategy}", loc="left", pad=20)
    lanes = len(numbers.lanes) * _LANE_INCHES
    low = lanes / (lanes + 1.9)
    top = panel(ax, low + 0.08, 0.92 - low)
    bottom = panel(ax, 0.0, low, top)
    _draw_traffic(top, numbers)
    _draw_lanes(bottom, numbers)
    top.tick_params(labelbottom=False)
    top.set_xlim(-0.01 * numbers.end, max(numbers.end, 1 / 60) * 1.02)
    minutes_axis(bottom)
    return ax


def _draw_traffic(ax: Axes, numbers: PlanNumbers) -> None:
    times = (*numbers.times, numbers.end)
    shares = (*numbers.shares, numbers.shares[-1])
    ax.fill_between(times, shares, step="post", color=NEW, alpha=0.25)
    ax.step(times, shares, where="post", color=NEW, label="traffic on new")
    if numbers.in_service is not None:
        serving = (*numbers.in_service, numbers.in_service[-1])
        ax.step(times, serving, where="post", color=OLD, label="in service, of desired")
    ax.set_ylim(0.0, 1.08 * max(1.0, *(numbers.in_service or ())))
    measure_axis(ax.yaxis, "share")
    ax.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, ncols=2,
        fontsize=8, borderaxespad=0.1,
    )  # fmt: skip


def _draw_lanes(ax: Axes, numbers: PlanNumbers) -> None:
    for row, spans in enumerate(numbers.lanes.values()):
        bars = [(span.start, span.end - span.start) for span in spans if span.end > span.start]
        moments = [span.start for span in spans if span.end <= span.start]
        ax.broken_barh(
            bars, (row - 0.35, 0.7), facecolor=BOTH, alpha=0.6, edgecolor="white", linewidth=0.5
        )
        ax.plot(moments, [row] * len(moments), "D", color=BOTH, markersize=5)
    ax.set_yticks(range(len(numbers.lanes)), list(numbers.lanes))
    ax.set_ylim(len(numbers.lanes) - 0.4, -0.6)
    ax.grid(axis="x", linewidth=0.4, alpha=0.5)
    ax.set_axisbelow(True)
