"""Faults and outcomes: which keys each kind takes, and where it can strike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stratsim.errors import shorten
from stratsim.model.markers import DurationMarker
from stratsim.model.quantities import DistributionMarker
from stratsim.model.release import Fault, Outcome, Release
from stratsim.model.service import Platform
from stratsim.scenario_io.checking import Problems, joined, keys_of
from stratsim.scenario_io.shapes import FaultShape, OutcomeShape, ReleaseShape

MAX_OUTCOMES = 100
MAX_FAULTS = 20
SUM_TOLERANCE = 1e-9
_FLEET: tuple[Platform, ...] = ("ec2", "ecs")
_ALL: tuple[Platform, ...] = ("ec2", "ecs", "lambda")
WHEN = {"at": ("at_s", DurationMarker()), "for": ("for_s", DurationMarker())}
"""When a fault of the environment strikes: key, the model's field, what it takes."""
_TIMES = ("after", "ramp")
_PLACES = ("zones", "instances", "above_load")
OF_RELEASES = ("after", "above_load")
"""What a fault of the environment does not take: it begins at `at`, under any load."""
_LATENCY_FACTOR = DistributionMarker(duration=False, low=1e-3, high=1e6)
"""Of 0 there is no answer that takes time, and no time to divide by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKindRules:
    """What one kind of fault takes: its own keys, and the common ones that make sense.

    One of ``own`` is needed (all of them with ``every``); ``environment`` says
    whether it may hit both revisions.
    """

    own: tuple[str, ...]
    common: tuple[str, ...]
    platforms: tuple[Platform, ...] = _ALL
    every: bool = True
    environment: bool = False


KINDS: dict[str, FaultKindRules] = {
    "errors": FaultKindRules(own=("rate",), common=_TIMES + _PLACES, environment=True),
    "latency": FaultKindRules(
        own=("factor", "add"), common=_TIMES + _PLACES, every=False, environment=True
    ),
    "crash": FaultKindRules(own=("per_hour",), common=_TIMES + _PLACES, platforms=_FLEET),
    "startup": FaultKindRules(own=("probability",), common=("zones", "instances")),
    "hook": FaultKindRules(own=("event", "probability"), common=("zones", "instances")),
    "capacity": FaultKindRules(
        own=("factor",), common=_TIMES + _PLACES, platforms=_FLEET, environment=True
    ),
    "cold_start": FaultKindRules(
        own=("latency", "share"), common=_TIMES, platforms=("lambda",), every=False
    ),
    "host": FaultKindRules(own=("index",), common=("after",), platforms=("ec2",)),
}
"""The kinds of contract section 2."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What faults are checked against; ``None`` where it is not known."""

    platform: Platform
    zones: int | None
    instances: int | None
    hooks: tuple[str, ...]


class FaultReader:
    """Reads the faults of releases and of the environment."""

    def __init__(self, fleet: Fleet, problems: Problems) -> None:
        self.fleet = fleet
        self.problems = problems

    def release(self, value: object) -> Release | None:
        """Return ``release:``, or ``None`` with its problems noted."""
        before = len(self.problems.found)
        shape = self.problems.check("release", ReleaseShape, value)
        if shape is None:
            return None
        if shape.outcomes is None:
            return Release()
        path = "release.outcomes"
        if not 1 <= len(shape.outcomes) <= MAX_OUTCOMES:
            rule = f"a list of 1 to {MAX_OUTCOMES} outcomes"
            self.problems.add(path, rule, f"{len(shape.outcomes)} of them")
            return None
        self._check_outcomes(shape.outcomes, path)
        outcomes = tuple(
            Outcome(
                name=outcome.name,
                probability=outcome.probability,
                faults=self._faults(outcome.faults, joined(path, index, "faults")),
            )
            for index, outcome in enumerate(shape.outcomes)
        )
        return Release(outcomes=outcomes) if len(self.problems.found) == before else None

    def environment(self, value: object) -> tuple[Fault, ...] | None:
        """Return ``environment:``, or ``None`` with its problems noted."""
        if not isinstance(value, list) or len(value) > MAX_FAULTS:
            rule = f"a list of at most {MAX_FAULTS} faults"
            self.problems.add("environment", rule, shorten(value))
            return None
        return self._faults(tuple(value), "environment", environment=True)

    def _check_outcomes(self, outcomes: tuple[OutcomeShape, ...], path: str) -> None:
        total = sum(outcome.probability for outcome in outcomes)
        if abs(total - 1) > SUM_TOLERANCE:
            got = f"a sum of {total:.10g}"
            self.problems.add(path, "outcomes whose probabilities sum to 1", got)
        names = [outcome.name for outcome in outcomes]
        for index, name in enumerate(names):
            if name in names[:index]:
                where = joined(path, index, "name")
                self.problems.add(where, "a name that no other outcome has", repr(name))

    def _faults(
        self, values: tuple[Any, ...], path: str, *, environment: bool = False
    ) -> tuple[Fault, ...]:
        if len(values) > MAX_FAULTS:
            rule = f"a list of at most {MAX_FAULTS} faults"
            self.problems.add(path, rule, f"{len(values)} of them")
            return ()
        found = (
            self._fault(value, joined(path, index), environment=environment)
            for index, value in enumerate(values)
        )
        return tuple(fault for fault in found if fault is not None)

    def _fault(self, value: Any, path: str, *, environment: bool) -> Fault | None:
        times: dict[str, Any] = {}
        if isinstance(value, dict) and environment:
            times = {
                name: self.problems.parse(joined(path, key), marker, value[key])
                for key, (name, marker) in WHEN.items()
                if key in value
            }
            value = {key: inner for key, inner in value.items() if key not in WHEN}
        elif isinstance(value, dict):
            value = self._without_times(value, path)
        shape = self.problems.check(path, FaultShape, value)
        if shape is None or None in times.values():
            return None
        given = {
            key: inner for key in keys_of(FaultShape) if (inner := getattr(shape, key)) is not None
        }
        self._check_kind(shape.kind, value, path, environment=environment)
        self._check_place(given, path)
        return Fault(**given, **times)

    def _without_times(self, value: dict[str, Any], path: str) -> dict[str, Any]:
        for key in WHEN:
            if key in value:
                hint = "A fault of the release begins after an instance's first request: use after."
                rule = "absent outside environment"
                self.problems.add(joined(path, key), rule, shorten(value[key]), hint)
        return {key: inner for key, inner in value.items() if key not in WHEN}

    def _check_kind(
        self, kind: str, given: Mapping[str, Any], path: str, *, environment: bool
    ) -> None:
        rules = KINDS[kind]
        if environment and not rules.environment:
            names = ", ".join(name for name, rule in KINDS.items() if rule.environment)
            self.problems.add(joined(path, "kind"), f"one of {names} in environment", repr(kind))
            return
        if self.fleet.platform not in rules.platforms:
            names = ", ".join(n for n, r in KINDS.items() if self.fleet.platform in r.platforms)
            rule = f"a kind of fault that platform {self.fleet.platform} has ({names})"
            self.problems.add(joined(path, "kind"), rule, repr(kind))
            return
        taken = self._taken(kind, environment=environment)
        for key in given:
            if key != "kind" and key not in taken:
                hint = "It begins at `at`." if environment and key == "after" else ""
                rule = f"absent on a fault of kind {kind} (it takes {', '.join(taken)})"
                self.problems.add(joined(path, key), rule, shorten(given[key]), hint)
        if kind == "latency" and "factor" in given:
            self.problems.parse(joined(path, "factor"), _LATENCY_FACTOR, given["factor"])
        self._check_needed(kind, rules, given, path)

    def _taken(self, kind: str, *, environment: bool) -> list[str]:
        rules, platform = KINDS[kind], self.fleet.platform
        # the hooks of ECS and Lambda run once for all, and Lambda has no instances
        placeless = platform == "lambda" or (platform == "ecs" and kind == "hook")
        common = [
            key
            for key in rules.common
            if not (environment and key in OF_RELEASES) and not (placeless and key in _PLACES)
        ]
        return [*rules.own, *common, *(WHEN if environment else ())]

    def _check_needed(
        self, kind: str, rules: FaultKindRules, given: Mapping[str, Any], path: str
    ) -> None:
        if rules.every:
            for key in rules.own:
                if key not in given:
                    self.problems.add(joined(path, key), f"given for kind {kind}", "nothing")
        elif not any(key in given for key in rules.own):
            names = " or ".join(rules.own)
            self.problems.add(path, f"a fault of kind {kind} with {names}", "neither")

    def _check_place(self, given: Mapping[str, Any], path: str) -> None:
        zones = given.get("zones", ())
        for number, zone in enumerate(zones):
            if self.fleet.zones is not None and zone > self.fleet.zones:
                rule = f"a zone from 1 to {self.fleet.zones} (service.zones)"
                self.problems.add(joined(path, "zones", number), rule, zone)
        if "zones" in given and not zones:
            self.problems.add(joined(path, "zones"), "a list of at least one zone", "[]")
        host = given.get("index", 0)
        if self.fleet.instances is not None and host >= self.fleet.instances:
            rule = f"a host from 0 to {self.fleet.instances - 1} (service.instances)"
            self.problems.add(joined(path, "index"), rule, host)
        event = given.get("event")
        if event is not None and event not in self.fleet.hooks:
            self.problems.choice(joined(path, "event"), event, self.fleet.hooks)
