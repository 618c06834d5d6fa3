"""A recommendation: the verdict, what it rests on, and what to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from stratsim.comparison.result import SCHEMA_VERSION
from stratsim.errors import InputError, Problem
from stratsim.recommendation.reasons import reasons

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stratsim.comparison import Comparison
    from stratsim.model.scenario import Alarm, Scenario
    from stratsim.recommendation.choice import Choice, Verdict


@dataclass(frozen=True, eq=False, repr=False)
class Recommendation:
    """What to deploy with, if the runs can tell; `explain` says why.

    Parameters
    ----------
    choice
        The verdict and its grounds.
    comparison
        The runs that it rests on.
    scenario
        The scenario, which `alarms` and `export` need.
    """

    choice: Choice
    comparison: Comparison
    scenario: Scenario | None = None

    @property
    def interrupted(self) -> bool:
        """Whether this is the best so far; never without a search."""
        return False

    @property
    def verdict(self) -> Verdict:
        """``recommended``, ``none meets`` or ``cannot tell``."""
        return self.choice.verdict

    @property
    def strategy(self) -> str | None:
        """The recommended strategy; None where there is none."""
        return self.choice.strategy

    @property
    def runner_up(self) -> str | None:
        """The next best by the objective that surely meets every requirement."""
        found = self.choice.runner_up
        return found.standing.strategy if found else None

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of `explain`."""
        return reasons(self.choice, self.comparison)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms that stop a deployment with the recommended strategy."""
        scenario, strategy = self._recommended()
        from stratsim.strategies import find_spec

        group = find_spec(scenario, strategy).group
        names = group.alarm_names if group.alarms_enabled else ()
        return tuple(scenario.alarm(name) for name in names)

    @property
    def head(self) -> str:
        """The recommended strategy, or the verdict."""
        return self.strategy or self.verdict.capitalize()

    def explain(self) -> str:
        """Return why this one, by how much, which limits bind, and what would change it."""
        return "\n".join([self.head, *(f"- {reason}" for reason in self.reasons)])

    def export(
        self,
        out_dir: str | Path,
        format: str = "codedeploy",  # noqa: A002  (the word of the command line)
        *,
        force: bool = False,
    ) -> list[Path]:
        """Write the recommended strategy in the form of another tool; return the paths."""
        scenario, strategy = self._recommended()
        from stratsim.export import export_strategy, write_export

        return write_export(export_strategy(scenario, strategy, format), out_dir, force=force)

    def to_dict(self, files: Iterable[str | Path] = ()) -> dict[str, Any]:
        """Return the document of ``recommend --json``.

        ``requirements`` holds the findings on the recommended strategy, or, without
        one, on all strategies.
        """
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.comparison.scenario,
            "minimize": str(self.choice.objective),
            "strategy": self.strategy,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "requirements": [
                finding.to_dict()
                for standing in self.choice.standings
                if self.strategy in (None, standing.strategy)
                for finding in standing.findings
            ],
            "runner_up": self.runner_up,
            "files": [str(file) for file in files],
            "provenance": dict(self.comparison.provenance),
        }

    def _recommended(self) -> tuple[Scenario, str]:
        if self.strategy is None:
            raise InputError([Problem("strategy", "recommended", repr(self.verdict))])
        if self.scenario is None:
            rule = "given to recommend_from, to know the alarms and to export"
            raise InputError([Problem("scenario", rule, "None")])
        return self.scenario, self.strategy

    def __str__(self) -> str:
        return self.explain()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(reason)}</li>" for reason in self.reasons)
        return f"<p><b>{escape(self.head)}</b></p><ul>{items}</ul>"
