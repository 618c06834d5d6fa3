"""Draw alarms over a measured series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratsim.model.alarm import CompositeAlarm
from stratsim.plot.numbers import unbroken
from stratsim.plot.style import BOTH, NEW, STATES, frame_only, new_axes, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stratsim.backtest import AlarmReplay, Backtest, Datapoints
    from stratsim.model.scenario import Alarm

SHOWN = 6
"""Alarms that are drawn of many."""

_LABELLED = "#F0E442"
DAY_S = 86_400.0  # matplotlib's dates are days since 1970
_LANE = 0.07  # of a panel, below the series, for the states


def plot_backtest(result: Backtest, ax: Axes | None = None) -> Axes:
    """Draw a panel per alarm: the series, its threshold, its states, labelled windows.

    The panels lie inside `ax`; without it, inside new axes.
    """
    shown = result.replays[:SHOWN]
    ax = ax or new_axes(11.0, 1.2 + 2.2 * len(shown))
    frame_only(ax)
    more = len(result.replays) - len(shown)
    title = result.data.name if not more else f"{result.data.name} ({more} more alarms not drawn)"
    ax.set_title(title, loc="left", pad=22)
    height = 1.0 / len(shown)
    first: Axes | None = None
    for row, replay in enumerate(shown):
        inside = panel(ax, 1.0 - (row + 0.9) * height, 0.76 * height, first)
        first = first or inside
        _draw(inside, replay, result.data)
        inside.tick_params(labelbottom=row == len(shown) - 1)
    assert first is not None
    _legend(ax, shown)
    return ax


def _draw(ax: Axes, replay: AlarmReplay, data: Datapoints) -> None:
    start = data.start.timestamp() / DAY_S

    def day(minute: float) -> float:
        return start + 60 * minute / DAY_S

    for window in replay.windows or ():
        ax.axvspan(day(window.begin), day(window.end), color=_LABELLED, alpha=0.6, linewidth=0)
    for begin, end, state in replay.spans():
        # An evaluation at a minute's end holds for the minute after it.
        ends = (day(begin + 1), day(end + 1))
        ax.axvspan(*ends, ymin=0.0, ymax=_LANE, color=STATES[state], linewidth=0)
        if state == "ALARM":
            ax.axvspan(*ends, ymin=_LANE, color=NEW, alpha=0.25, linewidth=0)
    pieces = unbroken(replay.values, data.step_minutes)
    for piece in pieces:
        days, values = [day(at) for at, _ in piece], [value for _, value in piece]
        alone = "." if len(piece) == 1 else None
        ax.plot(days, values, color=BOTH, linewidth=0.9, marker=alone, markersize=2)
    threshold = getattr(replay.alarm, "Threshold", None)
    if threshold is not None:
        ax.axhline(threshold, color="black", linewidth=0.9, linestyle="--")
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.12 * (high - low), high)
    if not pieces:
        ax.set_yticks([])
    ax.set_ylabel(_watched(replay.alarm), fontsize=8)
    ax.set_xlim(day(0), day(data.minutes))
    count = len(replay.firings)
    ax.set_title(
        f"{replay.name}: fired {count} {'time' if count == 1 else 'times'}",
        loc="left", fontsize=9,
    )  # fmt: skip
    _dates(ax)


def _watched(alarm: Alarm) -> str:
    """Return what the series is: a metric's name and unit, or an expression's label."""
    if isinstance(alarm, CompositeAlarm):
        return ""
    if alarm.MetricName is not None:
        return f"{alarm.MetricName} [{alarm.Unit}]" if alarm.Unit else alarm.MetricName
    query = next((query for query in alarm.Metrics if query.returned), None)
    return (query.Label or query.Id) if query else ""


def _dates(ax: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    # matplotlib.dates has no types
    locator = AutoDateLocator(maxticks=10)  # type: ignore[no-untyped-call]  # matplotlib has none
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]  # matplotlib has none
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(formatter)


def _legend(ax: Axes, shown: tuple[AlarmReplay, ...]) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=colour, label=state) for state, colour in STATES.items()]
    if any(replay.windows for replay in shown):
        patches.append(Patch(color=_LABELLED, label="labelled"))
    ax.legend(
        handles=patches, loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False,
        ncols=len(patches), fontsize=8, borderaxespad=0.1,
    )  # fmt: skip
