"""The numbers behind heatmaps, tornados and rankings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stratsim.comparison.text import short_name
from stratsim.errors import InputError, Problem
from stratsim.sensitivity.studies import shown
from stratsim.wording import format_interval, format_value

if TYPE_CHECKING:
    from stratsim.comparison import Key
    from stratsim.intervals import Estimate
    from stratsim.sensitivity import Ranking, Sweep, Tornado
    from stratsim.sensitivity.swept import Combination
    from stratsim.sensitivity.swings import Swing

LONGEST = 42


def short_path(path: str) -> str:
    """Return a path that fits beside an axis: its first two parts and its last."""
    parts = path.split(".")
    if len(path) <= LONGEST or len(parts) < 4:
        return path
    return f"{parts[0]}.{parts[1]} .. {parts[-1]}"


@dataclass(frozen=True, slots=True)
class HeatNumbers:
    """A heatmap: rows of values from the top, a text for each, and the best of a column.

    ``best`` holds (row, column) where all rows of a column are strategies.
    """

    title: str
    x_label: str
    x: tuple[str, ...]
    y_label: str
    y: tuple[str, ...]
    cells: tuple[tuple[float, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    best: tuple[tuple[int, int], ...] = ()


def sweep_numbers(sweep: Sweep, measure: str | None, strategy: str | None) -> HeatNumbers:
    """Return the heatmap of a sweep over one or two paths.

    Raises
    ------
    InputError
        For an unknown measure or strategy, or a sweep over more than two paths.
    """
    texts = [str(key) for key in sweep.keys]
    preferred = sweep.minimize if sweep.minimize in texts else texts[0]
    key = sweep.key(preferred if measure is None else measure)
    if strategy is not None and strategy not in sweep.strategies:
        from stratsim.errors import unknown_name

        raise InputError([unknown_name("strategy", strategy, sweep.strategies)])
    if len(sweep.parameters) == 1:
        return _over_one(sweep, key, strategy)
    if len(sweep.parameters) == 2:
        return _over_two(sweep, key, strategy)
    rule = "a sweep over one or two paths"
    hint = "to_frame() holds all of it."
    raise InputError([Problem("plot", rule, f"{len(sweep.parameters)} paths", hint)])


def _over_one(sweep: Sweep, key: Key, strategy: str | None) -> HeatNumbers:
    (path, values) = next(iter(sweep.parameters.items()))
    names = sweep.strategies if strategy is None else (strategy,)
    rows = [[one.estimates[name, key] for one in sweep.combinations] for name in names]
    best = tuple(
        (names.index(combination.leader), column)
        for column, combination in enumerate(sweep.combinations)
        if combination.leader in names
    )
    return HeatNumbers(
        title=f"{sweep.scenario}: {key}\nboxed: the least {sweep.minimize}",
        x_label=short_path(path),
        x=tuple(map(shown, values)),
        y_label="",
        y=tuple(map(short_name, names)),
        cells=tuple(tuple(estimate.value for estimate in row) for row in rows),
        texts=tuple(tuple(_with_interval(estimate, key) for estimate in row) for row in rows),
        best=best,
    )


def _over_two(sweep: Sweep, key: Key, strategy: str | None) -> HeatNumbers:
    (x_path, x), (y_path, y) = sweep.parameters.items()
    cells, texts = [], []
    for row in range(len(y)):
        line = [sweep.combinations[column * len(y) + row] for column in range(len(x))]
        cells.append(tuple(_value(one, key, strategy) for one in line))
        texts.append(tuple(_text(one, key, strategy) for one in line))
    whose = "of the best strategy" if strategy is None else f"of {short_name(strategy)}"
    return HeatNumbers(
        title=f"{sweep.scenario}: {key} {whose}",
        x_label=short_path(x_path),
        x=tuple(map(shown, x)),
        y_label=short_path(y_path),
        y=tuple(map(shown, y)),
        cells=tuple(cells),
        texts=tuple(texts),
    )


def _value(one: Combination, key: Key, strategy: str | None) -> float:
    name = one.leader if strategy is None else strategy
    return math.nan if name is None else one.estimates[name, key].value


def _text(one: Combination, key: Key, strategy: str | None) -> str:
    name = one.leader if strategy is None else strategy
    if name is None:
        return "none"
    text = _with_interval(one.estimates[name, key], key)
    return text if strategy is not None else f"{text}\n{short_name(name)}"


def _with_interval(estimate: Estimate, key: Key) -> str:
    """Return the value and, in a line of its own, its interval where there is one."""
    interval = format_interval(estimate.low, estimate.high, key.unit)
    return format_value(estimate.value, key.unit) + (f"\n{interval}" if interval else "")


@dataclass(frozen=True, slots=True)
class Bar:
    """One field of a tornado: ends of its values, their settings, whether the best changes.

    Where all settings come to the same, ``at_low`` and ``at_high`` are all of them.
    ``low_span`` and ``high_span`` are the ends' intervals.
    """

    label: str
    low: float
    high: float
    at_low: str
    at_high: str
    changes: bool
    low_span: tuple[float, float]
    high_span: tuple[float, float]


def tornado_bars(tornado: Tornado) -> list[Bar]:
    """Return a bar per field, the widest first; fields without a value are left out."""
    bars = []
    for path, swings in tornado.by_path():
        known = [s for s in swings if not math.isnan(s.estimate.value)]
        if not known:
            continue
        everything = ", ".join(shown(swing.value) for swing in known)
        low = min(known, key=lambda swing: swing.estimate.value)
        high = max(known, key=lambda swing: swing.estimate.value)
        bars.append(
            Bar(
                label=short_path(path),
                low=low.estimate.value,
                high=high.estimate.value,
                at_low=everything if low is high else shown(low.value),
                at_high=everything if low is high else shown(high.value),
                changes=any(swing.leader != tornado.leader for swing in swings),
                low_span=_span(low, tornado),
                high_span=_span(high, tornado),
            )
        )
    return bars


def _span(swing: Swing, tornado: Tornado) -> tuple[float, float]:
    """Return the interval of a setting's number, by the same worlds where runs pair.

    A number that cannot be negative, by its own interval, is not drawn so.
    """
    if swing.difference is None:
        return swing.estimate.low, swing.estimate.high
    low = tornado.base.value + swing.difference.low
    high = tornado.base.value + swing.difference.high
    return (max(low, 0.0) if swing.estimate.low >= 0.0 else low), high


def ranking_bars(ranking: Ranking) -> list[tuple[str, float, float, float, float]]:
    """Return label, first order and total with half widths, the largest total first."""
    known = [one for one in ranking.indices if not math.isnan(one.total)]
    return [
        (short_path(one.path), one.first, one.first_half, one.total, one.total_half)
        for one in sorted(known, key=lambda one: -one.total)
    ]
