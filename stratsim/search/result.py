"""What a search found: a recommendation among designs, and how it came to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stratsim.comparison import Key
from stratsim.comparison.pareto import PARETO_MEASURES, pareto_front
from stratsim.intervals.summary import finite
from stratsim.recommendation import Recommendation
from stratsim.recommendation.choice import standing
from stratsim.recommendation.reasons import reasons
from stratsim.search.finals import design_scenario
from stratsim.wording import counted, format_interval, with_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from stratsim.comparison import Comparison
    from stratsim.intervals import Estimate
    from stratsim.measures import Sample
    from stratsim.model.scenario import Scenario
    from stratsim.search.finals import Entry
    from stratsim.search.race import Lap
    from stratsim.search.space import Space


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SearchedDesign(Recommendation):
    """The best design of a search, if there is one; `explain` says why.

    ``comparison`` holds the runs of those of the last designs that stayed open,
    ``scenario`` the scenario with the best design; None where there is none.

    Parameters
    ----------
    base
        The scenario that was searched for.
    space
        All designs.
    finalists
        The runs of all the last designs; the comparison may have more runs of some.
    entries
        The last designs' shapes and alarms, by name.
    laps
        What became of the others, round by round.
    notes
        What else has to be said, one sentence each.
    interrupted
        Whether the search was cut short, so that this is the best so far.
    """

    base: Scenario
    space: Space
    finalists: Comparison
    entries: Mapping[str, Entry]
    laps: tuple[Lap, ...]
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    @cached_property
    def pareto(self) -> tuple[str, ...]:
        """The last designs that meet the limits and that no other such beats in everything.

        Weighed are failed requests, duration and cost, in the same worlds for all; and as
        they are told, for a finalist has more runs by which another may beat it after all.
        """
        key, limits = self.choice.objective, self.choice.requirements
        samples = tuple(
            sample
            for sample in self.finalists.samples
            if standing(self.sample(sample.strategy), key, limits).met is not False
        )
        if not samples:
            return ()
        front = replace(self.finalists, samples=samples).pareto
        points = {name: [e.value for e in self._estimates(name).values()] for name in front}
        told = {*pareto_front(points), self.strategy}
        return tuple(name for name in front if name in told)

    def sample(self, design: str) -> Sample:
        """Return the most runs that there are of one of the last designs."""
        known = design in self.comparison.strategies
        return (self.comparison if known else self.finalists).sample(design)

    def scenario_of(self, design: str) -> Scenario:
        """Return the scenario with one of the last designs as its only strategy."""
        self.finalists.sample(design)  # an unknown name is told with the nearest
        return design_scenario(self.base, self.space, self.entries[design])

    @property
    def design(self) -> dict[str, Any] | None:
        """The best design as keys of a scenario file, as AWS has them: alarms, group, strategy."""
        if self.scenario is None:
            return None
        source = self.scenario.source
        return {key: source[key] for key in ("alarms", "deployment_group", "strategies")}

    @property
    def head(self) -> str:
        """The best design or the verdict; where the search was cut short, the best so far."""
        if self.interrupted:
            return f"Interrupted; the best so far: {self.strategy or self._promising}"
        return super().head

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of `explain`."""
        found = reasons(self.choice, self.comparison)
        told = (*found, *self.notes)
        if self.verdict == "none meets":  # what no alarm could see says more than any limit
            told = (found[0], *self.notes, *found[1:])
        return (*told, *self._front(), *self._race())

    def to_dict(self, files: Iterable[str | Path] = ()) -> dict[str, Any]:
        """Return the document of ``recommend --search --json``."""
        return {
            **super().to_dict(files),
            "interrupted": self.interrupted,
            "designs": self.space.size,
            "rounds": [
                {
                    "worlds": lap.worlds,
                    "designs": lap.designs,
                    "failed": lap.failed,
                    "beaten": lap.beaten,
                    "left_out": lap.left_out,
                    "promise": finite(lap.promise),
                }
                for lap in self.laps
            ],
            "pareto": list(self.pareto),
            "front": [self._point(name) for name in self.pareto],
            "design": self.design,
        }

    @property
    def _promising(self) -> str:
        """The design that is nearest to a recommendation."""
        standings = self.choice.standings
        best = min(standings, key=lambda s: (s.met is False, s.met is None, s.order))
        return f"{best.strategy}, of which not all is known"

    def _estimates(self, name: str) -> dict[Key, Estimate]:
        """Return the estimates by which the Pareto front is drawn, of one design."""
        sample = self.sample(name)
        return {key: key.estimate(sample) for key in map(Key, PARETO_MEASURES)}

    def _front(self) -> list[str]:
        """Say what each design of the front has, from as many runs as there are of it."""
        if len(self.pareto) < 2:
            return []
        found = {name: self._estimates(name) for name in self.pareto}
        order = sorted(found, key=lambda name: [one.value for one in found[name].values()])
        return [
            f"On the Pareto front: {name}, with {self._has(name, found[name])}." for name in order
        ]

    def _has(self, name: str, estimates: Mapping[Key, Estimate]) -> str:
        failed, *others = (
            f"{with_unit(one.value, key.unit)} {format_interval(one.low, one.high, key.unit)}".strip()
            for key, one in estimates.items()
        )
        text = ", ".join([f"{failed} failed", *others])
        runs = self.sample(name).runs
        return text if runs == self.comparison.replications else f"{text}, in {runs:,} runs"

    def _point(self, name: str) -> dict[str, Any]:
        """Return the row of the JSON document for a design of the front."""
        measures = {
            str(key): {
                "mean": finite(one.value),
                "ci_low": finite(one.low),
                "ci_high": finite(one.high),
            }
            for key, one in self._estimates(name).items()
        }
        return {"strategy": name, "replications": self.sample(name).runs, "measures": measures}

    def _race(self) -> list[str]:
        out = {
            n: sum(getattr(lap, n) for lap in self.laps) for n in ("failed", "beaten", "left_out")
        }
        left = self.space.size - sum(out.values())
        text = (
            f"Searched {self.space.size:,} designs ({len(self.space.shapes):,} ways to deploy, each "
            f"with {self.space.alarms:,} alarms and with none) in {counted(len(self.laps), 'round')}: "
            f"{out['failed']:,} surely failed a requirement, {out['beaten']:,} surely were no "
            f"better than the leader, {out['left_out']:,} promised less and were left out for "
            f"time, {left:,} stayed in the race. {self._compared('most promising' if left else 'nearest')}"
        )
        return [text, *self._left_out()]

    def _compared(self, which: str) -> str:
        count = len(self.finalists.samples)
        if self.interrupted:
            return f"Designs compared: {count}, the {which}, in the few runs that there are."
        return f"Designs run to the end: {count}, the {which}."

    def _left_out(self) -> list[str]:
        """Say what the designs that were left out for time promised: no bound holds for them."""
        if not any(lap.left_out for lap in self.laps):
            return []
        promises = [lap.promise for lap in self.laps if not math.isnan(lap.promise)]
        said = "none of them kept every limit"
        if promises:
            best = with_unit(min(promises), self.choice.objective.unit)
            said = f"the best of them that kept every limit had {best}"
        runs = f"{max(lap.worlds for lap in self.laps if lap.left_out)} runs of each outcome"
        text = (
            "No bound holds for the designs left out for time; by their estimates, from at most "
            f"{runs}, {said}."
        )
        return [text]
