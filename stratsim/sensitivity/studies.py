"""Studies of one scenario with changed fields, all in the same worlds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stratsim.comparison import Key, key_of
from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.measures import MEASURES
from stratsim.measures.sample import PROBABILITIES
from stratsim.provenance import scenario_hash
from stratsim.recommendation import recommend_from
from stratsim.study import compare_strategies

if TYPE_CHECKING:
    from stratsim.comparison import Comparison
    from stratsim.measures import Sample
    from stratsim.model.scenario import Scenario
    from stratsim.recommendation import Recommendation
    from stratsim.recommendation.requirement import Require

Values = Mapping[str, object]
KEPT = 256
"""Samples that are kept for studies with the same strategy in the same surroundings."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How every study of a sweep is made and judged."""

    minimize: str = "failed_requests"
    require: Require = None
    replications: int | None = None
    seed: int | None = None
    engine: str = "auto"
    workers: int | None = None
    stratify: bool = False
    strategies: Sequence[str] | None = None


@dataclass
class Studies:
    """Makes studies; a strategy that a change does not touch is not run again.

    All studies have one seed and as many runs, so run k of each meets the same
    draws: two studies are compared run by run.
    """

    scenario: Scenario
    asked: Asked
    _kept: dict[tuple[str, str], Sample] = field(default_factory=dict)
    _frame: dict[str, Comparison] = field(default_factory=dict)

    def recommend(self, changed: Scenario) -> Recommendation:
        """Return the study of a changed scenario, with the advice that it supports."""
        comparison = self.compare(changed)
        return recommend_from(comparison, minimize=self.asked.minimize, require=self.asked.require)

    def compare(self, changed: Scenario) -> Comparison:
        """Return the study of a changed scenario."""
        around, entries = _parts(changed)
        names = self.asked.strategies or [spec.name for spec in changed.strategies]
        keys = {name: (around, entries.get(name, name)) for name in names}
        missing = [name for name, key in keys.items() if key not in self._kept]
        if missing:
            self._frame = {around: self._made(changed, missing)}
            for sample in self._frame[around].samples:
                self._kept[keys[sample.strategy]] = sample
        samples = tuple(self._kept[key] for key in keys.values())
        while len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)))
        if around not in self._frame:  # all are known, of a study of long ago
            self._frame = {around: self._made(changed, [names[0]])}
        frame = self._frame[around]
        made_by = {**frame.provenance, "scenario_hash": scenario_hash(changed)}
        return replace(frame, samples=samples, provenance=made_by)

    def _made(self, changed: Scenario, names: Sequence[str]) -> Comparison:
        asked = self.asked
        return compare_strategies(
            changed,
            asked.replications,
            asked.seed,
            asked.engine,
            asked.workers,
            strategies=names,
            stratify=asked.stratify,
        )


def _parts(scenario: Scenario) -> tuple[str, dict[str, str]]:
    """Return all but the strategies, and each strategy, as texts that tell them apart."""
    around = {key: value for key, value in scenario.source.items() if key != "strategies"}
    entries = scenario.source.get("strategies")
    found = entries if isinstance(entries, list) else []
    by_name = {
        str(entry["name"]) if isinstance(entry, Mapping) else str(entry): _text(entry)
        for entry in found
    }
    return _text(around), by_name


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def read_keys(measures: Iterable[str] | str | None, where: str = "measures") -> list[Key]:
    """Return the keys that are told of each study; the means of all where not given."""
    if measures is None:
        return [Key(name) for name in (*MEASURES, *PROBABILITIES)]
    texts = [measures] if isinstance(measures, str) else list(measures)
    return [key_of(text, MEASURES, where=where) for text in texts]


def read_lists(parameters: object, least: int = 1) -> dict[str, tuple[object, ...]]:
    """Return the values of each path.

    Raises
    ------
    InputError
        Where it is no mapping from paths to lists of at least `least` values.
    """
    rule = f"a mapping from paths to lists of at least {least} value{'s' if least > 1 else ''}"
    if not isinstance(parameters, Mapping) or not parameters:
        raise InputError([Problem("parameters", rule, shorten(parameters))])
    found = {}
    for path, values in parameters.items():
        if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
            raise InputError([Problem(f"parameters: {path}", "a list", shorten(values))])
        found[str(path)] = tuple(values)
        if len(found[str(path)]) < least:
            raise InputError([Problem(f"parameters: {path}", rule, shorten(list(values)))])
    return found


def choose(scenario: Scenario, strategy: str | None, leader: str | None) -> str:
    """Return the strategy to tell of: the one asked for, else the leader, else the first."""
    names = [spec.name for spec in scenario.strategies]
    if strategy is None:
        return leader or names[0]
    if strategy not in names:
        raise InputError([unknown_name("strategy", strategy, names)])
    return strategy


def leader(advice: Recommendation) -> str | None:
    """Return the best strategy that surely meets the requirements, by the estimates."""
    return None if advice.choice.leader is None else advice.choice.leader.strategy


def shown(value: object) -> str:
    """Return a value of a field as it stands in a file."""
    if isinstance(value, Mapping | list):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


Progress = Callable[[int, int], None]
