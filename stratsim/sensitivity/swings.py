"""A tornado as plain data with thin methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING

from stratsim.comparison import Key
from stratsim.comparison.text import short_name
from stratsim.intervals import Estimate
from stratsim.sensitivity.studies import shown
from stratsim.wording import format_interval, format_value, with_unit

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """One field with one other value.

    ``difference`` is the paired difference from the unchanged scenario; None where
    the change is of what is drawn (outcomes, say), so that runs do not pair.
    """

    path: str
    value: object
    estimate: Estimate
    difference: Estimate | None
    leader: str | None
    verdict: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Tornado:
    """What each field by itself does to one measure of one strategy, and to the advice.

    Parameters
    ----------
    strategy, key
        Whose number, and which.
    base
        That number in the unchanged scenario.
    leader, verdict
        The best strategy there, and whether the runs can tell.
    swings
        One per field and value, in the order in which they were given.
    """

    scenario: str
    strategy: str
    key: Key
    base: Estimate
    leader: str | None
    verdict: str
    swings: tuple[Swing, ...]
    minimize: str
    replications: int
    seed: int
    engine: str
    provenance: Mapping[str, object] = field(default_factory=dict)

    def by_path(self) -> list[tuple[str, list[Swing]]]:
        """Return the swings of each field, the widest field first."""
        groups: dict[str, list[Swing]] = {}
        for swing in self.swings:
            groups.setdefault(swing.path, []).append(swing)
        return sorted(groups.items(), key=lambda item: -self._width(item[1]))

    def _width(self, swings: list[Swing]) -> float:
        values = [self.base.value, *(swing.estimate.value for swing in swings)]
        known = [value for value in values if value == value]  # noqa: PLR0124  (not NaN)
        return max(known) - min(known) if known else 0.0

    def changing(self) -> list[Swing]:
        """Return the swings in which another strategy is the best."""
        return [swing for swing in self.swings if swing.leader != self.leader]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per field and value, the widest field first.

        Columns ``parameter``, ``setting``, ``value`` with ``ci_low`` and ``ci_high``,
        ``difference`` from the unchanged scenario, paired run by run, with
        ``difference_low`` and ``difference_high`` (NaN where runs do not pair),
        ``leader`` (the best strategy), ``verdict``, and ``changes``: whether that
        is another strategy than in the unchanged scenario.
        """
        import pandas as pd

        rows = []
        for path, swings in self.by_path():
            for swing in swings:
                found, moved = swing.estimate, swing.difference or Estimate(nan, nan, nan)
                rows.append(
                    {
                        "parameter": path, "setting": swing.value, "value": found.value,
                        "ci_low": found.low, "ci_high": found.high, "difference": moved.value,
                        "difference_low": moved.low, "difference_high": moved.high,
                        "leader": swing.leader, "verdict": swing.verdict,
                        "changes": swing.leader != self.leader,
                    }
                )  # fmt: skip
        return pd.DataFrame(rows)

    def explain(self) -> str:
        """Return in words what moves the number, and what would change the recommendation."""
        unit, base = self.key.unit, self.base
        lines = [
            f"{self.scenario}: {self.key} of {short_name(self.strategy)} is "
            f"{with_unit(base.value, unit)} {format_interval(base.low, base.high, unit)}".rstrip()
        ]
        for path, swings in self.by_path():
            told = "; ".join(
                f"{shown(s.value)}: {format_value(s.estimate.value, unit)}" for s in swings
            )
            lines.append(f"- {path} = {told}")
        best = "no strategy" if self.leader is None else short_name(self.leader)
        lines.append(f"Least {self.minimize} ({best}) changes with:")
        lines += [
            f"- {swing.path} = {shown(swing.value)}: "
            f"{'no strategy' if swing.leader is None else short_name(swing.leader)}"
            + ("" if swing.verdict == "recommended" else f" ({swing.verdict})")
            for swing in self.changing()
        ] or ["- none of these"]
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw a bar per field, the widest on top; return the axes."""
        from stratsim.plot import plot_tornado

        return plot_tornado(self, ax)

    def __str__(self) -> str:
        return self.explain()

    __repr__ = __str__
