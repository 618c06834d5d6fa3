"""What a round of the race knows of every design that is still in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.comparison import Key
from stratsim.comparison.pareto import PARETO_MEASURES
from stratsim.engine.tally import Tally, joined
from stratsim.measures import MEASURES, Sample, events, refused
from stratsim.model.quantities import Array
from stratsim.model.scenario import Alarm, Scenario
from stratsim.search.bounds import Bounds, Strata, bounds
from stratsim.search.recorder import Minutes
from stratsim.search.screen import Flags, Screen, Screened
from stratsim.search.space import Space
from stratsim.search.together import Index
from stratsim.streams import Streams


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """The runs of one round: by outcome, and the outcomes' probabilities."""

    screened: tuple[Screened, ...]
    strata: Strata


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """Designs that behaved alike in all runs are one entry: a shape and one of its alarms.

    ``size`` counts the designs of each, ``runs`` (entries, runs) holds the objective,
    ``limits`` the bounds of each requirement's key, ``means`` those of the Pareto set,
    ``false`` the share of false rollbacks.
    """

    shape: Index
    alarm: Index
    size: Index
    objective: Bounds
    limits: tuple[Bounds, ...]
    means: Array
    false: Array
    runs: NDArray[np.float32]

    def take(self, keep: Index) -> "Board":
        """Return some entries."""
        return Board(
            self.shape[keep],
            self.alarm[keep],
            self.size[keep],
            self.objective.take(keep),
            tuple(limit.take(keep) for limit in self.limits),
            self.means[keep],
            self.false[keep],
            self.runs[keep],
        )


class Reader:
    """Reads what designs measured from the runs of a round."""

    def __init__(self, scenario: Scenario, space: Space, round_: Round) -> None:
        self.scenario, self.space, self.round = scenario, space, round_
        self.kinds = alarm_kinds(space)
        self._columns: dict[str, list[Array]] = {}

    def values(self, name: str, shape: int, alarms: Index, trajectory: int) -> Array:
        """Return a measure or an event, (alarms, runs), outcome by outcome."""
        if name not in self._columns:
            self._columns[name] = [self._column(name, one.tally) for one in self.round.screened]
        parts = []
        for one, columns in zip(self.round.screened, self._columns[name], strict=True):
            places = one.places(shape, one.minutes[trajectory, alarms])
            parts.append(columns[self.kinds[alarms][:, None], places])
        return np.concatenate(parts, axis=1)

    def _column(self, name: str, tally: Tally) -> Array:
        """Return one value per run and kind of alarm: some cost more than others."""
        return np.stack([self._of_kind(name, tally, kind) for kind in range(self.kinds.max() + 1)])

    def _of_kind(self, name: str, tally: Tally, kind: int) -> Array:
        scenario, tally = priced(self.scenario, self.space, tally, kind, self.kinds)
        if name in MEASURES:
            return MEASURES.get(name).compute(tally, scenario)
        return events(tally, scenario)[name].astype(float)

    def sample(self, name: str, shape: int, alarm: int, trajectory: int) -> Sample:
        """Return all that one design measured."""
        parts = []
        for one in self.round.screened:
            minutes = one.minutes[trajectory, [alarm]]
            parts.append(_rows(one.tally, one.places(shape, minutes)[0]))
        kind = int(self.kinds[alarm])
        scenario, tally = priced(self.scenario, self.space, joined(parts), kind, self.kinds)
        return Sample(
            strategy=name,
            outcome=tally.outcome,
            weight=self.round.strata.weight,
            exact=False,
            measures={name: m.compute(tally, scenario) for name, m in MEASURES.items()},
            events=events(tally, scenario),
            refused=refused(tally),
        )


def _rows(tally: Tally, rows: Index) -> Tally:
    names = [name for name in Tally.__dataclass_fields__ if name != "plan"]
    return replace(tally, **{name: getattr(tally, name)[rows] for name in names})


def alarm_kinds(space: Space) -> Index:
    """Return the probe of each alarm, 1 and up; 0 is no alarm, the last one."""
    counts = [len(probe.rules) * len(probe.thresholds) for probe in space.probes]
    return np.append(np.repeat(np.arange(1, len(counts) + 1), counts), 0)


def priced(
    scenario: Scenario, space: Space, tally: Tally, kind: int, kinds: Index
) -> tuple[Scenario, Tally]:
    """Return scenario and tally as of a group with an alarm of a kind, for its price."""
    alarms: tuple[Alarm, ...] = ()
    if kind:
        alarms = (space.alarm(int(np.argmax(kinds == kind))),)
    names = tuple(alarm.AlarmName for alarm in alarms)
    group = replace(tally.plan.group, alarms_enabled=bool(names), alarm_names=names)
    return (
        replace(scenario, alarms=alarms),
        replace(tally, plan=replace(tally.plan, group=group)),
    )


def make_board(
    screen: Screen,
    round_: Round,
    alive: Flags,
    objective: Key,
    keys: Sequence[Key],
) -> tuple[Board, Mapping[tuple[int, int], Index]]:
    """Return the entries of a round, and the alarms of each, by shape and first alarm."""
    reader = Reader(screen.scenario, screen.space, round_)
    prints = _Fingerprints([one.minutes for one in round_.screened], reader.kinds)
    parts, members = [], {}
    for shape in np.flatnonzero(alive.any(axis=1)).tolist():
        trajectory = int(screen.trajectory[shape])
        alarms = np.flatnonzero(alive[shape])
        numbers = prints.of(trajectory, alarms)
        _, first, which = np.unique(numbers, return_index=True, return_inverse=True)
        size = np.bincount(which)
        chosen = alarms[first]
        groups = np.split(alarms[np.argsort(which, kind="stable")], np.cumsum(size)[:-1])
        members.update({(shape, int(a)): group for a, group in zip(chosen, groups, strict=True)})
        parts.append(_entries(reader, shape, trajectory, chosen, size, objective, keys))
    return _stacked(parts), members


def _entries(
    reader: Reader,
    shape: int,
    trajectory: int,
    alarms: Index,
    size: Index,
    objective: Key,
    keys: Sequence[Key],
) -> Board:
    names = {objective.name, *(key.name for key in keys), *PARETO_MEASURES, "false_rollback"}
    found = {name: reader.values(name, shape, alarms, trajectory) for name in names}
    strata = reader.round.strata
    means = [found[name] @ strata.weight for name in PARETO_MEASURES]
    return Board(
        np.full(len(alarms), shape),
        alarms,
        size,
        bounds(objective, found[objective.name], strata),
        tuple(bounds(key, found[key.name], strata) for key in keys),
        np.stack(means, axis=1),
        found["false_rollback"] @ strata.weight,
        found[objective.name].astype(np.float32),
    )


def _stacked(parts: Sequence[Board]) -> Board:
    def column(pick: str) -> Any:
        return np.concatenate([getattr(part, pick) for part in parts])

    def bound(some: Sequence[Bounds]) -> Bounds:
        ends = ("value", "low", "high")
        return Bounds(*(np.concatenate([getattr(one, end) for one in some]) for end in ends))

    return Board(
        shape=column("shape"),
        alarm=column("alarm"),
        size=column("size"),
        objective=bound([part.objective for part in parts]),
        limits=tuple(bound(some) for some in zip(*(part.limits for part in parts), strict=True)),
        means=column("means"),
        false=column("false"),
        runs=column("runs"),
    )


class _Fingerprints:
    """A number for each alarm of a trajectory, equal where alarms fire and cost alike."""

    def __init__(self, minutes: Sequence[Minutes], kinds: Index) -> None:
        rng, largest = Streams(0).rng("search", "fingerprints"), np.iinfo(np.int64).max
        self.minutes = minutes
        self.kinds = rng.integers(largest, size=int(kinds.max()) + 1)[kinds]
        self.factors = [rng.integers(largest, size=some.shape[-1]) for some in minutes]

    def of(self, trajectory: int, alarms: Index) -> Index:
        """Return the numbers of some alarms."""
        found = self.kinds[alarms]
        for some, factors in zip(self.minutes, self.factors, strict=True):
            found = found + some[trajectory, alarms].astype(np.int64) @ factors
        return found
