"""What a search found: a recommendation among designs, and how it came to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

from stratsim.comparison import Key
from stratsim.recommendation import Recommendation
from stratsim.search.finals import design_scenario
from stratsim.wording import format_value, with_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from stratsim.comparison import Comparison
    from stratsim.model.scenario import Alarm, Scenario
    from stratsim.recommendation.choice import Verdict
    from stratsim.search.finals import Entry
    from stratsim.search.race import Lap
    from stratsim.search.space import Space


@dataclass(frozen=True, eq=False)
class SearchedDesign:
    """The best design of a search, if there is one; `explain` says why.

    Parameters
    ----------
    recommendation
        The choice among the last designs, and the runs that it rests on.
    base
        The scenario that was searched for.
    space
        All designs.
    finalists
        The runs of all the last designs; the recommendation may rest on more runs of
        those that stayed open.
    entries
        The last designs' shapes and alarms, by name.
    laps
        What became of the others, round by round.
    notes
        What else has to be said, one sentence each.
    interrupted
        Whether the search was cut short, so that this is the best so far.
    """

    recommendation: Recommendation
    base: Scenario
    space: Space
    finalists: Comparison
    entries: Mapping[str, Entry]
    laps: tuple[Lap, ...]
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def verdict(self) -> Verdict:
        """``recommended``, ``none meets`` or ``cannot tell``."""
        return self.recommendation.verdict

    @property
    def strategy(self) -> str | None:
        """The best design's name; None where there is none."""
        return self.recommendation.strategy

    @property
    def runner_up(self) -> str | None:
        """The next best by the objective that surely meets every requirement."""
        return self.recommendation.runner_up

    @property
    def comparison(self) -> Comparison:
        """The runs of the last designs."""
        return self.recommendation.comparison

    @property
    def pareto(self) -> tuple[str, ...]:
        """The last designs that meet the limits and that no other such beats in everything.

        Weighed are failed requests, duration and cost.
        """
        limits = self.recommendation.choice.requirements
        samples = tuple(
            sample
            for sample in self.finalists.samples
            if not any(limit.judge(sample).met is False for limit in limits)
        )
        return replace(self.finalists, samples=samples).pareto if samples else ()

    def scenario_of(self, design: str) -> Scenario:
        """Return the scenario with one of the last designs as its only strategy."""
        self.finalists.sample(design)  # an unknown name is told with the nearest
        return design_scenario(self.base, self.space, self.entries[design])

    @property
    def scenario(self) -> Scenario | None:
        """The scenario with the best design; None where there is none."""
        return self.scenario_of(self.strategy) if self.strategy else None

    @property
    def design(self) -> dict[str, Any] | None:
        """The best design as keys of a scenario file, as AWS has them: alarms, group, strategy."""
        if self.scenario is None:
            return None
        source = self.scenario.source
        return {key: source[key] for key in ("alarms", "deployment_group", "strategies")}

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms that stop a deployment of the best design."""
        return self._exportable().alarms

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of `explain`."""
        found = self.recommendation.reasons
        told = (*found, *self.notes)
        if self.verdict == "none meets":  # what no alarm could see says more than any limit
            told = (found[0], *self.notes, *found[1:])
        return (*told, *self._front(), *self._race())

    def explain(self) -> str:
        """Return why this one, by how much, which limits bind, and what was tried."""
        head = self.strategy or self.verdict.capitalize()
        if self.interrupted:
            head = f"Interrupted; the best so far: {self.strategy or self._promising}"
        return "\n".join([head, *(f"- {reason}" for reason in self.reasons)])

    def export(
        self,
        out_dir: str | Path,
        format: str = "codedeploy",  # noqa: A002  (the word of the command line)
        *,
        force: bool = False,
    ) -> list[Path]:
        """Write the best design in the form of another tool; return the paths."""
        return self._exportable().export(out_dir, format, force=force)

    def to_dict(self, files: Iterable[str | Path] = ()) -> dict[str, Any]:
        """Return the document of ``recommend --search --json``."""
        return {
            **self.recommendation.to_dict(files),
            "reasons": list(self.reasons),
            "interrupted": self.interrupted,
            "designs": self.space.size,
            "rounds": [
                {
                    "worlds": lap.worlds,
                    "designs": lap.designs,
                    "failed": lap.failed,
                    "beaten": lap.beaten,
                    "left_out": lap.left_out,
                }
                for lap in self.laps
            ],
            "pareto": list(self.pareto),
            "design": self.design,
        }

    @property
    def _promising(self) -> str:
        """The design that is nearest to a recommendation."""
        standings = self.recommendation.choice.standings
        best = min(standings, key=lambda s: (s.met is False, s.met is None, s.order))
        return f"{best.strategy}, of which not all is known"

    def _exportable(self) -> Recommendation:
        """Return the recommendation with the scenario that its strategy stands in."""
        return replace(self.recommendation, scenario=self.scenario or self.base)

    def _front(self) -> list[str]:
        if len(self.pareto) < 2:
            return []
        rows = [
            (self._mean(name, "failed_requests"), self._mean(name, "deployment_duration_s"), name)
            for name in self.pareto
        ]
        return [
            f"On the Pareto front: {name}, with {with_unit(failed, 'requests')} failed, "
            f"{format_value(lasts, 's')}, "
            f"{format_value(self._mean(name, 'infrastructure_cost_usd'), 'USD')}."
            for failed, lasts, name in sorted(rows)
        ]

    def _mean(self, name: str, measure: str) -> float:
        return Key(measure).estimate(self.finalists.sample(name)).value

    def _race(self) -> list[str]:
        out = {
            n: sum(getattr(lap, n) for lap in self.laps) for n in ("failed", "beaten", "left_out")
        }
        text = (
            f"Searched {self.space.size:,} designs ({len(self.space.shapes):,} ways to deploy, each "
            f"with {self.space.alarms:,} alarms and with none) in {len(self.laps)} rounds: "
            f"{out['failed']:,} surely failed a requirement, {out['beaten']:,} surely were no "
            f"better than the leader, {out['left_out']:,} promised less and were left out for "
            f"time. Designs run to the end: {len(self.finalists.samples)}."
        )
        return [text]

    def __str__(self) -> str:
        return self.explain()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *reasons = self.explain().split("\n- ")
        items = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
        return f"<p><b>{escape(head)}</b></p><ul>{items}</ul>"
