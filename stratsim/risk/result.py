"""Operating characteristics as plain data with thin methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stratsim.comparison import Key
from stratsim.errors import InputError, unknown_name
from stratsim.intervals import Estimate
from stratsim.intervals.summary import finite
from stratsim.risk.smallest import smallest_caught

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1

KEYS = (
    Key("rollback"),
    Key("missed"),
    Key("failed_requests"),
    Key("failed_requests", "p95"),
    Key("time_to_detect_s"),
    Key("time_to_restore_s"),
)
"""What is told of each size."""


@dataclass(frozen=True, slots=True)
class SizedPoint:
    """One size of the regression: its runs and an estimate for each of `KEYS`."""

    size: float
    replications: int
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True)
class Curve:
    """One strategy: points by ascending size, the healthy release first."""

    strategy: str
    points: tuple[SizedPoint, ...]

    @property
    def false_rollback(self) -> Estimate:
        """The probability that a healthy release is rolled back."""
        return self.points[0].estimates["rollback"]

    def smallest(self, wanted: float) -> Estimate:
        """Return the smallest size that is rolled back with probability `wanted`.

        NaN where no size is; see `stratsim.risk.smallest.smallest_caught`.
        """
        sized = self.points[1:]
        caught = [point.estimates["rollback"] for point in sized]
        return smallest_caught([point.size for point in sized], caught, wanted)

    @cached_property
    def smallest_80(self) -> Estimate:
        """The smallest size that is rolled back in 80 % of the runs."""
        return self.smallest(0.80)

    @cached_property
    def smallest_95(self) -> Estimate:
        """The smallest size that is rolled back in 95 % of the runs."""
        return self.smallest(0.95)

    def to_dict(self) -> dict[str, Any]:
        """Return the strategy's part of the JSON document."""
        return {
            "strategy": self.strategy,
            "false_rollback": _ends(self.false_rollback),
            "smallest_80": _ends(self.smallest_80),
            "smallest_95": _ends(self.smallest_95),
            "curve": [
                {"size": point.size, "replications": point.replications}
                | {name: _ends(found) for name, found in point.estimates.items()}
                for point in self.points
            ],
        }


def _ends(found: Estimate) -> dict[str, float | None]:
    numbers = (("value", found.value), ("ci_low", found.low), ("ci_high", found.high))
    return {name: finite(number) for name, number in numbers}


@dataclass(frozen=True, kw_only=True, eq=False)
class OperatingCharacteristic:
    """What strategies with their alarms do about regressions, by size.

    Parameters
    ----------
    scenario
        The scenario's name.
    kind, what
        The kind of fault, and what its size is.
    outcome
        The outcome of the scenario that the fault was taken from, if it was.
    curves
        One per strategy.
    seed, replications, engine
        How the runs were made; replications of each size and strategy, worlds of the
        exact engine, which makes no runs.
    """

    scenario: str
    kind: str
    what: str
    outcome: str | None
    curves: tuple[Curve, ...]
    seed: int
    replications: int
    engine: str
    provenance: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def curve(self, strategy: str | None = None) -> Curve:
        """Return a strategy's curve; the first one where no name is given."""
        if strategy is None:
            return self.curves[0]
        for curve in self.curves:
            if curve.strategy == strategy:
                return curve
        raise InputError([unknown_name("strategy", strategy, [c.strategy for c in self.curves])])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per strategy and size, the healthy release first.

        Columns ``strategy``, ``size``, ``replications``, and for each of
        ``rollback``, ``missed``, ``failed_requests``, ``failed_requests_p95``,
        ``time_to_detect_s`` and ``time_to_restore_s`` the estimate, with the ends of
        its 95 % interval in ``X_low`` and ``X_high``; NaN where not known.
        """
        import pandas as pd

        rows = []
        for curve in self.curves:
            for point in curve.points:
                row: dict[str, object] = {"strategy": curve.strategy, "size": point.size}
                row["replications"] = point.replications
                for name, found in point.estimates.items():
                    key = name.replace(".", "_")
                    row |= {key: found.value, f"{key}_low": found.low, f"{key}_high": found.high}
                rows.append(row)
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the document of ``power --json``; null where something is not known."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario,
            "kind": self.kind,
            "what": self.what,
            "outcome": self.outcome,
            "seed": self.seed,
            "replications": self.replications,
            "engine": self.engine,
            "strategies": [curve.to_dict() for curve in self.curves],
            "provenance": dict(self.provenance),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw rollback, blast radius and time to detect against the size; return the axes."""
        from stratsim.plot import plot_characteristic

        return plot_characteristic(self, ax)

    def __str__(self) -> str:
        from stratsim.risk.text import as_text

        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from stratsim.risk.text import as_html

        return as_html(self)
