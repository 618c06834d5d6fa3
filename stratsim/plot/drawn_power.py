"""Draw what an alarm can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratsim.plot.style import BOTH, NEW, OLD, measure_axis, new_axes
from stratsim.wording import format_span, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stratsim.power import AlarmPower

_TIMES = (120.0, 180.0, 300.0)


def plot_power(power: AlarmPower, ax: Axes | None = None) -> Axes:
    """Draw P(ALARM) against the true rate: within the bake, and within other times."""
    ax = ax or new_axes(8.0, 4.8)
    points = power.points[1:]  # at the background's own rate every ALARM is false
    rates = [point.rate for point in points]
    for time_s in _TIMES:
        if time_s in power.times_s and time_s != power.bake_s:
            at = power.times_s.index(time_s)
            row = [chances[at] for chances in power.distributions[1:]]
            if max(row) < 0.01:  # nothing is seen so early
                continue
            ax.plot(rates, row, color=BOTH, linewidth=0.8, alpha=0.6)
            ax.annotate(
                f"in {format_span(time_s)}", (rates[-1], row[-1]), fontsize=7, color=BOTH,
                xytext=(4, 0), textcoords="offset points", ha="left", va="center",
            )  # fmt: skip
    label = f"within the bake of {format_span(power.bake_s)}"
    ax.plot(rates, [p.detected for p in points], ".-", color=NEW, linewidth=2, label=label)
    ax.axhline(
        power.false_alarm, color=OLD, linestyle="--", linewidth=1,
        label=f"false alarm: {format_value(power.false_alarm, 'probability')}",
    )  # fmt: skip
    for wanted, smallest in ((0.8, power.smallest_80), (0.95, power.smallest_95)):
        if smallest is not None:
            ax.plot([smallest, smallest], [0, wanted], color="black", linestyle=":", linewidth=1)
            ax.annotate(
                format_value(smallest, "share"), (smallest, wanted), fontsize=8,
                xytext=(-4, 4), textcoords="offset points", ha="right",
            )  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(-0.03, 1.03)
    measure_axis(ax.xaxis, "share")
    measure_axis(ax.yaxis, "probability")
    ax.set_xlabel(f"{power.what} requests of the new revision")
    ax.set_ylabel("probability of ALARM")
    weight = format_value(power.weight, "share")
    ax.set_title(f"{power.alarm}: {weight} of {power.rate_rps:g} requests/s", loc="left")
    ax.legend(
        loc="upper left", bbox_to_anchor=(0.0, -0.13), ncols=2, frameon=False, fontsize=8,
        borderaxespad=0.0,
    )  # fmt: skip
    ax.spines[["top", "right"]].set_visible(False)
    return ax
