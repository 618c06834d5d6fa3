"""Draw one traced deployment: traffic, errors, alarms over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratsim.comparison.text import short_name
from stratsim.plot.numbers import RunNumbers, run_numbers
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

    from stratsim.traced import Run

_SIDES = {"new": NEW, "old": OLD, "service": BOTH}
_MARKERS = {"new": "o", "old": "s", "service": "^"}
_SHOWN_ALARMS = 12


def plot_run(run: Run, ax: Axes | None = None) -> Axes:
    """Draw the share of the new revision, the error rates and the alarms' states.

    The three panels lie inside `ax`; without it, inside new axes.
    """
    ax = ax or new_axes(9.0, 5.6)
    numbers = run_numbers(run)
    frame_only(ax)
    name = short_name(run.strategy)
    title = f"{run.scenario}: {name}, outcome {run.outcome_name}: {run.status}"
    ax.set_title(title, loc="left", pad=20, fontsize=11)
    top = panel(ax, 0.70, 0.30)
    middle = panel(ax, 0.30, 0.32, top)
    bottom = panel(ax, 0.0, 0.22, top)
    _draw_shares(top, numbers)
    _draw_errors(middle, numbers)
    _draw_alarms(bottom, numbers)
    for inside in (top, middle, bottom):
        for minute, _ in numbers.marks:
            inside.axvline(minute, color="black", linewidth=0.8, linestyle=":")
    _draw_marks(top, numbers)
    for inside in (top, middle):
        inside.tick_params(labelbottom=False)
    top.set_xlim(0.0, numbers.end * 1.02)
    minutes_axis(bottom)
    return ax


def _draw_shares(ax: Axes, numbers: RunNumbers) -> None:
    ax.fill_between(numbers.share_times, numbers.shares, step="post", color=NEW, alpha=0.25)
    ax.step(numbers.share_times, numbers.shares, where="post", color=NEW)
    ax.set_ylim(0.0, 1.05 * max(*numbers.shares, 0.01))
    ax.set_ylabel("traffic on new")
    measure_axis(ax.yaxis, "share")


def _draw_errors(ax: Axes, numbers: RunNumbers) -> None:
    for side, rates in numbers.errors.items():
        minutes, shares = zip(*rates, strict=True)
        ax.plot(
            minutes, shares, "-", color=_SIDES[side], linewidth=1.2, label=side,
            marker=_MARKERS[side], markersize=4,
        )  # fmt: skip
    ax.set_ylabel("failing (5xx)")
    ax.set_ylim(bottom=0.0)
    measure_axis(ax.yaxis, "share")
    if numbers.errors:
        _legend_above(ax)


def _draw_alarms(ax: Axes, numbers: RunNumbers) -> None:
    shown = list(numbers.alarms.items())[:_SHOWN_ALARMS]
    for row, (_, spans) in enumerate(shown):
        for span in spans:
            ax.broken_barh(
                [(span.start, span.end - span.start)], (row - 0.4, 0.8),
                facecolor=STATES.get(span.label, BOTH),
            )  # fmt: skip
    ax.set_yticks(range(len(shown)), [name for name, _ in shown])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    if not shown:
        ax.text(0.5, 0.5, "no alarms", transform=ax.transAxes, ha="center", va="center")
        return
    from matplotlib.patches import Patch

    used = {span.label for _, spans in shown for span in spans}
    patches = [Patch(color=STATES[state], label=state) for state in STATES if state in used]
    _legend_above(ax, handles=patches)


def _legend_above(ax: Axes, **handles: Any) -> None:
    """Put the legend above the panel's right end, where no line can cross it."""
    ax.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, ncols=3, fontsize=8,
        borderaxespad=0.1, **handles,
    )  # fmt: skip


def _draw_marks(ax: Axes, numbers: RunNumbers) -> None:
    """Name the moments above the panel; those too close together share a label."""
    groups: list[tuple[float, list[str]]] = []
    for minute, label in numbers.marks:
        if groups and minute - groups[-1][0] < 0.25 * numbers.end:
            groups[-1][1].append(label)
        else:
            groups.append((minute, [label]))
    for minute, labels in groups:
        side = "right" if minute > 0.5 * numbers.end else "left"
        ax.annotate(
            ", ".join(labels), (minute, 1.0), xycoords=("data", "axes fraction"),
            xytext=(0, 4), textcoords="offset points", ha=side, fontsize=8,
        )  # fmt: skip
