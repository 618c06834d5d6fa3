"""Colours (Okabe and Ito's, which colour-blind people can tell apart) and small helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratsim.wording import format_span, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OLD, NEW, BOTH = "#0072B2", "#D55E00", "#555555"
PARETO, PLAIN = "#009E73", "#888888"
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


_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


def measure_axis(axis: Any, unit: str) -> None:
    """Print ticks as people read them: 15m00s, $1,230, 5%; times at round moments."""
    if unit == "s":
        from matplotlib.ticker import MultipleLocator

        low, high = axis.get_view_interval()
        step = next((step for step in _STEPS_S if (high - low) / step <= 7), (high - low) / 7)
        axis.set_major_locator(MultipleLocator(step))
        axis.set_major_formatter(lambda value, _: format_span(value))
    elif unit in ("USD", "share", "probability"):
        axis.set_major_formatter(lambda value, _: format_value(value, unit))
    else:
        axis.set_major_formatter(lambda value, _: format_value(value, ""))
