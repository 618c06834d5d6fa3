"""A sweep as plain data with thin methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stratsim.comparison import Key
from stratsim.comparison.text import short_name
from stratsim.errors import InputError, unknown_name
from stratsim.intervals import Estimate
from stratsim.intervals.summary import finite
from stratsim.sensitivity.studies import shown
from stratsim.wording import counted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Combination:
    """One combination of values: the estimates, and what is recommended.

    ``leader`` is the best by the estimates among the strategies that surely meet
    the requirements, ``recommended`` the same where the runs can tell, else None.
    ``replications`` differ where they, or ``noise``, are what is varied.
    """

    settings: tuple[object, ...]
    estimates: Mapping[tuple[str, Key], Estimate]
    leader: str | None
    recommended: str | None
    verdict: str
    replications: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """The strategies' numbers for every combination of some fields' values.

    Parameters
    ----------
    scenario
        The scenario's name.
    parameters
        The values of each path.
    keys
        What is told of each strategy.
    combinations
        In the order in which the last path's values change first.
    minimize
        The objective of the recommendations.
    replications, seed, engine
        How the runs were made, the last combination's where that is what is varied.
    """

    scenario: str
    parameters: Mapping[str, tuple[object, ...]]
    keys: tuple[Key, ...]
    combinations: tuple[Combination, ...]
    minimize: str
    replications: int
    seed: int
    engine: str
    provenance: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def strategies(self) -> tuple[str, ...]:
        """Names of the strategies."""
        return tuple(dict.fromkeys(name for name, _ in self.combinations[0].estimates))

    def key(self, text: str) -> Key:
        """Return the key that `text` names among those of the sweep."""
        for key in self.keys:
            if str(key) == text:
                return key
        raise InputError([unknown_name("measure", text, [str(key) for key in self.keys])])

    def to_frame(self) -> pd.DataFrame:
        """Return one row per combination, strategy and measure.

        A column per path with its value, then ``strategy``, ``measure``, ``unit``,
        ``value``, ``ci_low``, ``ci_high``, ``count``, and ``recommended``: whether
        the strategy is the recommended one of its combination.
        """
        import pandas as pd

        columns = ("strategy", "measure", "unit", "value", "ci_low", "ci_high", "count")
        rows = [
            (
                *combination.settings,
                *(strategy, str(key), key.unit, found.value, found.low, found.high, found.count),
                strategy == combination.recommended,
            )
            for combination in self.combinations
            for (strategy, key), found in combination.estimates.items()
        ]
        return pd.DataFrame(rows, columns=[*self.parameters, *columns, "recommended"])

    def recommendations(self) -> pd.DataFrame:
        """Return one row per combination: its values, verdict, recommended strategy, leader."""
        import pandas as pd

        rows = [(*c.settings, c.verdict, c.recommended, c.leader) for c in self.combinations]
        return pd.DataFrame(rows, columns=[*self.parameters, "verdict", "recommended", "leader"])

    def explain(self) -> str:
        """Return in words for which values which strategy is the best."""
        head = (
            f"{self.scenario}: least {self.minimize} over "
            f"{counted(len(self.combinations), 'combination')}, "
            f"{self._runs} each"
        )
        lines = [head]
        groups: dict[str | None, list[Combination]] = {}
        for combination in self.combinations:
            groups.setdefault(combination.leader, []).append(combination)
        for name, inside in groups.items():
            unsure = sum(combination.recommended is None for combination in inside)
            doubt = f" ({unsure} of them not for sure)" if unsure and name else ""
            who = "no strategy surely meets the requirements" if name is None else short_name(name)
            lines.append(f"- {who}: {self._where(inside)}{doubt}")
        return "\n".join(lines)

    @property
    def _runs(self) -> str:
        runs = [combination.replications for combination in self.combinations]
        fewest = "" if min(runs) == max(runs) else f"{min(runs):,} to "
        return fewest + counted(max(runs), "replication")

    def _where(self, inside: list[Combination]) -> str:
        if len(inside) == len(self.combinations):
            return "everywhere"
        if len(self.parameters) == 1:
            path = next(iter(self.parameters))
            return f"{path} = {', '.join(shown(c.settings[0]) for c in inside)}"
        count = f"{len(inside)} of {len(self.combinations)} combinations"
        always = [
            f"{path} = {shown(values[0])}"
            for path, values in zip(
                self.parameters, zip(*(c.settings for c in inside), strict=True), strict=True
            )
            if all(value == values[0] for value in values)
        ]
        return f"{count}, all with {' and '.join(always)}" if always else count

    def to_dict(self) -> dict[str, Any]:
        """Return the document of ``sweep --json``; null where something is not known."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario,
            "parameters": {path: list(values) for path, values in self.parameters.items()},
            "minimize": self.minimize,
            "seed": self.seed,
            "replications": self.replications,
            "engine": self.engine,
            "combinations": [self._entry(combination) for combination in self.combinations],
            "provenance": dict(self.provenance),
        }

    def _entry(self, combination: Combination) -> dict[str, Any]:
        strategies: dict[str, dict[str, Any]] = {name: {} for name in self.strategies}
        for (name, key), found in combination.estimates.items():
            ends = (("value", found.value), ("ci_low", found.low), ("ci_high", found.high))
            strategies[name][str(key)] = {end: finite(number) for end, number in ends}
        return {
            "values": dict(zip(self.parameters, combination.settings, strict=True)),
            "replications": combination.replications,
            "verdict": combination.verdict,
            "recommended": combination.recommended,
            "leader": combination.leader,
            "strategies": strategies,
        }

    def plot(
        self, measure: str | None = None, strategy: str | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw a heatmap of a measure over one or two paths; return the axes.

        Parameters
        ----------
        measure
            One of the sweep's keys; its objective, or its first, where not given.
        strategy
            Whose numbers to draw over two paths; where not given, those of the best
            strategy of each combination, which is named. Over one path all strategies
            are drawn.
        ax
            Where to draw; new axes where not given.
        """
        from stratsim.plot import plot_sweep

        return plot_sweep(self, measure, strategy, ax)

    def __str__(self) -> str:
        return self.explain()

    __repr__ = __str__
