"""Draw what strategies do about regressions of each size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratsim.comparison.text import short_name
from stratsim.plot.numbers_risk import CharacteristicNumbers, characteristic_numbers
from stratsim.plot.style import MARKERS, SERIES, frame_only, measure_axis, new_axes, panel
from stratsim.risk.text import effort
from stratsim.wording import format_number, format_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from stratsim.risk import OperatingCharacteristic

_LABELS = {
    "rollback": ("rolled back", "probability"),
    "failed_requests": ("failed requests", "requests"),
    "time_to_detect_s": ("time to detect", "s"),
}


def plot_characteristic(found: OperatingCharacteristic, ax: Axes | None = None) -> Axes:
    """Draw rollback, blast radius and time to detect against the size, with intervals.

    The three panels lie inside `ax`; without it, inside new axes.
    """
    ax = ax or new_axes(8.0, 7.0)
    numbers = characteristic_numbers(found)
    frame_only(ax)
    alone = len(found.curves) == 1
    whose = f", {short_name(found.curves[0].strategy)}" if alone else ""
    ax.set_title(f"{found.scenario}{whose}: {effort(found)}", loc="left", fontsize=11)
    top = panel(ax, 0.66, 0.31)
    panels = [top, panel(ax, 0.34, 0.27, top), panel(ax, 0.0, 0.29, top)]
    for inside, (key, lines) in zip(panels, numbers.lines.items(), strict=True):
        colours = _colours(len(lines))
        for at, (colour, (name, line)) in enumerate(zip(colours, lines.items(), strict=True)):
            inside.fill_between(line.x, line.low, line.high, color=colour, alpha=0.2, linewidth=0)
            inside.plot(
                line.x, line.value, "-", color=colour, linewidth=1.5, label=name,
                marker=MARKERS[at % len(MARKERS)], markersize=4,
            )  # fmt: skip
        label, unit = _LABELS[key]
        inside.set_ylabel(label)
        _scale(inside, key)
        measure_axis(inside.yaxis, unit)
    _mark_smallest(top, numbers, found.kind, label=alone)
    _size_axis(panels, numbers, found)
    if not alone:
        top.legend(loc="lower right", frameon=False, fontsize=8)
    return ax


def _colours(count: int) -> list[str]:
    return [SERIES[at % len(SERIES)] for at in range(count)]


def _scale(ax: Axes, key: str) -> None:
    if key == "rollback":
        ax.set_ylim(-0.03, 1.05)
    elif key == "failed_requests":
        ax.set_yscale("symlog", linthresh=10)
        ax.set_ylim(bottom=0)
    else:
        ax.set_ylim(bottom=0)


def _mark_smallest(ax: Axes, numbers: CharacteristicNumbers, kind: str, *, label: bool) -> None:
    """Drop a line from where each curve reaches 80 % and 95 %; name it where there is room."""
    names = list(numbers.lines["rollback"])
    for name, wanted, size in numbers.smallest:
        colour = _colours(len(names))[names.index(name)]
        ax.plot([size, size], [0, wanted], color=colour, linestyle=":", linewidth=1)
        if not label:
            continue
        text = f"x{format_number(size)}" if kind == "latency" else format_value(size, "share")
        lower = wanted < 0.9
        ax.annotate(
            f"{100 * wanted:.0f} %: {text}", (size, wanted), fontsize=7, color=colour,
            xytext=(-4, -4) if lower else (-4, 3), textcoords="offset points",
            ha="right", va="top" if lower else "bottom",
        )  # fmt: skip


def _size_axis(
    panels: list[Axes], numbers: CharacteristicNumbers, found: OperatingCharacteristic
) -> None:
    """Name the healthy release beside the sizes, on one logarithmic axis below all."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    bottom = panels[-1]
    bottom.set_xscale("log")
    places = [numbers.healthy_x, *_ticks([p.size for c in found.curves for p in c.points[1:]])]
    for inside in panels:
        inside.xaxis.set_major_locator(FixedLocator(places))
        inside.xaxis.set_minor_locator(NullLocator())
        inside.xaxis.set_minor_formatter(NullFormatter())
        inside.grid(visible=True, axis="x", linewidth=0.4, alpha=0.5)
        inside.tick_params(labelbottom=inside is bottom)

    def name(place: float, _: Any) -> str:
        if place == numbers.healthy_x:
            return "healthy"
        return f"x{place:g}" if found.kind == "latency" else format_value(place, "share")

    bottom.xaxis.set_major_formatter(name)
    bottom.set_xlabel(found.what)


def _ticks(sizes: list[float]) -> list[float]:
    """Return round places on the axis, few enough to read."""
    low, high = min(sizes), max(sizes)
    steps = (1, 2, 5) if high / low <= 200 else (1,)
    rounds = [m * 10.0**e for e in range(-6, 5) for m in steps]
    found = [place for place in rounds if low * 0.999 <= place <= high * 1.001]
    return found if len(found) > 2 else sorted(set(sizes))
