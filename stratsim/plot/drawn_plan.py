"""Draw a plan: what happens when, if nothing goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratsim.plot.numbers import PlanNumbers, Span, plan_numbers
from stratsim.plot.style import (
    BOTH,
    NEW,
    OLD,
    STATES,
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
_DENSE = 80
"""Spans in a lane from which on they are drawn without seams."""


def plot_plan(result: PlanResult, ax: Axes | None = None) -> Axes:
    """Draw the share of the new revision above one lane per event and per alarm.

    An alarm's bar begins where it could first stop the deployment. Both panels lie
    inside `ax`; without it, inside new axes as high as the lanes need.
    """
    numbers = plan_numbers(result)
    ax = ax or new_axes(9.0, plan_height(result))
    frame_only(ax)
    ax.set_title(f"{result.scenario}: plan of {result.strategy}", loc="left", pad=20)
    lanes = _count_lanes(numbers) * _LANE_INCHES
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
    ax.set_ylim(0.0, 1.08 * max([1.0, *(numbers.in_service or ())]))
    measure_axis(ax.yaxis, "share")
    ax.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, ncols=2,
        fontsize=8, borderaxespad=0.1,
    )  # fmt: skip


def plan_height(result: PlanResult) -> float:
    """Return how high [inches] a figure has to be for the lanes of `result`."""
    return 2.8 + _LANE_INCHES * _count_lanes(plan_numbers(result))


def _count_lanes(numbers: PlanNumbers) -> int:
    return len(numbers.lanes) + len(numbers.alarms)


def _draw_lanes(ax: Axes, numbers: PlanNumbers) -> None:
    for row, spans in enumerate(numbers.lanes.values()):
        # Seams and large marks would hide what lies between, where there are many.
        dense = len(spans) > _DENSE
        bars = [(span.start, span.end - span.start) for span in spans if span.end > span.start]
        moments = [span.start for span in spans if span.end <= span.start]
        ax.broken_barh(
            bars, (row - 0.35, 0.7), facecolor=BOTH, alpha=0.6,
            edgecolor="none" if dense else "white", linewidth=0.0 if dense else 0.5,
        )  # fmt: skip
        ax.plot(
            moments, [row] * len(moments), "|" if dense else "D", color=BOTH,
            markersize=8 if dense else 5,
        )  # fmt: skip
    for row, span in enumerate(numbers.alarms.values(), len(numbers.lanes)):
        _draw_alarm(ax, row, span, numbers.end)
    ax.set_yticks(range(_count_lanes(numbers)), [*numbers.lanes, *numbers.alarms])
    ax.set_ylim(_count_lanes(numbers) - 0.4, -0.6)
    ax.grid(axis="x", linewidth=0.4, alpha=0.5)
    ax.set_axisbelow(True)


def _draw_alarm(ax: Axes, row: int, span: Span | None, end: float) -> None:
    """Draw when an alarm could stop the deployment, with the first such moment in words."""
    if span is None:
        ax.text(0.0, row, "cannot stop it", color=STATES["ALARM"], va="center", fontsize=8)
        return
    ax.broken_barh(
        [(span.start, span.end - span.start)], (row - 0.35, 0.7), facecolor=STATES["ALARM"],
        alpha=0.45, edgecolor="none",
    )  # fmt: skip
    ax.plot([span.start], [row], ">", color=STATES["ALARM"], markersize=7)
    left = span.start < end / 2
    ax.annotate(
        f"could stop it from {span.label}", (span.start, row),
        xytext=(9, 0) if left else (-7, 0), textcoords="offset points",
        ha="left" if left else "right", va="center", fontsize=8,
    )  # fmt: skip
