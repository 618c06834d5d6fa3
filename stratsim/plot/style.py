"""Colours (Okabe and Ito's, which colour-blind people can tell apart) and small helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratsim.wording import format_span, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OLD, NEW, BOTH = "#0072B2", "#D55E00", "#555555"
PARETO, PLAIN = "#009E73", "#888888"
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of lines side by side, in the order in which they are taken."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Their markers, which tell them apart in grey; one more, so that pairs differ for long."""
STATES = {"OK": "#CFE8DC", "ALARM": "#D55E00", "INSUFFICIENT_DATA": "#DDDDDD"}


def new_axes(width: float, height: float) -> Axes:
    """Return axes of a new figure that notebooks show."""
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax


def new_figure(width: float, height: float) -> Figure:
    """Return a figure that nobody shows, to be saved."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panel(ax: Axes, bottom: float, height: float, share: Axes | None = None) -> Axes:
    """Return axes inside `ax`, over its whole width."""
    inside: Axes = ax.inset_axes((0.0, bottom, 1.0, height), sharex=share)
    inside.spines[["top", "right"]].set_visible(False)
    return inside


def frame_only(ax: Axes) -> None:
    """Leave nothing of `ax` but its place and its title."""
    ax.set_axis_off()


def minutes_axis(ax: Axes) -> None:
    """Put the ticks of an axis in minutes at round moments, and name it.

    Where seconds, hours or days tell more, the ticks say so.
    """
    _round_moments(ax.xaxis, 60.0)
    low, high = ax.get_xlim()
    if not _SHORT_MIN <= high - low <= _LONG_MIN:
        ax.xaxis.set_major_formatter(lambda value, _: _tick(60.0 * value))
        ax.set_xlabel("time since the deployment was created")
    else:
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.set_xlabel("minutes since the deployment was created")


_SHORT_MIN, _LONG_MIN = 3.0, 200.0
"""Minutes below which people count in seconds, and above which in hours."""
_DAY_S = 86400
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200),
    *(days * _DAY_S for days in (1, 2, 5, 10, 20, 50)),
)


def measure_axis(axis: Any, unit: str) -> None:
    """Print ticks as people read them: 15m, $1,230, 5%; times at round moments."""
    from matplotlib.ticker import MaxNLocator

    if unit == "s":
        _round_moments(axis, 1.0)
        axis.set_major_formatter(lambda value, _: _tick(value))
    elif unit in ("USD", "share", "probability"):
        axis.set_major_formatter(lambda value, _: format_value(value, unit))
        if axis.axis_name == "x" and axis.get_scale() == "linear":
            axis.set_major_locator(MaxNLocator(5))  # small amounts have long labels
    else:
        axis.set_major_formatter(lambda value, _: format_value(value, ""))


def _round_moments(axis: Any, second_per_unit: float) -> None:
    from matplotlib.ticker import MultipleLocator

    low, high = axis.get_view_interval()
    span_s = (high - low) * second_per_unit
    step = next((step for step in _STEPS_S if span_s / step <= 8), span_s / 8)
    axis.set_major_locator(MultipleLocator(step / second_per_unit))


def _tick(seconds: float) -> str:
    """Return 0, 45s, 15m, 1h30m, 5d: what a tick needs, and no more."""
    text = "0" if seconds == 0 else format_span(seconds)
    for unit, nothing in (("d", "00h"), ("h", "00m"), ("m", "00s")):
        if unit in text:
            return text.removesuffix(nothing)
    return text
