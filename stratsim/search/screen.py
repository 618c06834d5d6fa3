"""What every design of a search would measure in some worlds, in two passes.

The first runs each plan with no alarm in the group and notes when every alarm would
first fire. The second runs each plan once for every minute in which some alarm fires
in that world, told so, with rollback, people and costs as in any other run. A design
is then a row of places in the second pass. Its counts are drawn anew, which is no
bias: that an alarm fires depends on the past, so the expected failures up to then
are their rate's integral, as for any stopping time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.results import NUMBERS, Results
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.clock import US, us
from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally
from stratsim.errors import UnsupportedError
from stratsim.model.alarm import CompositeAlarm
from stratsim.model.scenario import Alarm, Scenario
from stratsim.search.prescribed import NAME, NEVER_FIRES, Prescribed
from stratsim.search.recorder import Minutes, Recorder, first_alarms
from stratsim.search.space import Shape, Space, spec_of
from stratsim.search.together import Index, Schedules, Together
from stratsim.strategies import build_plan
from stratsim.watch import MINUTE_US

APART = 1 << 20
"""The batch of worlds that screens, far from those that decide: it shares none of them."""

Flags = NDArray[np.bool_]
_MINUTES, _SHAPES = 1 << 15, 1 << 20  # of a key: places for the minute and for the shape


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """The runs of the second pass in some worlds of one outcome, found by ``keys``.

    ``minutes`` (trajectories, alarms, worlds) is when each alarm first fires; the
    last alarm is none. ``alias`` (shapes, worlds) is until when a shape runs as the
    ``quickest`` of its trajectory does.
    """

    minutes: Minutes
    tally: Tally
    keys: Index
    alias: Minutes
    quickest: Index

    def places(self, shape: int, minutes: Minutes) -> Index:
        """Return the rows of ``tally`` for a shape whose alarms fire so, (alarms, worlds)."""
        keys = _keys(shape, int(self.quickest[shape]), self.alias[shape], minutes)
        return np.searchsorted(self.keys, keys)


def _keys(shape: int, quickest: int, alias: Minutes, minutes: Minutes) -> Index:
    """Number runs by world, shape and minute, worlds first as the engine wants them."""
    which = np.where(minutes < alias, quickest, shape)
    world = np.arange(minutes.shape[-1])
    return (world * _SHAPES + which) * _MINUTES + minutes.astype(np.int64)


class Screen:
    """The runs of a space's shapes under its alarms."""

    def __init__(self, scenario: Scenario, space: Space, seed: int) -> None:
        self.scenario, self.space, self.seed = scenario, space, seed
        self.trajectory, self.longest, self.quickest = _shared(space.shapes)
        probed = _probed(scenario, space)
        others = replace(scenario, alarms=paging_only(scenario))
        self.first = [_prepared(probed, space.shapes[s], frozenset()) for s in self.longest]
        self.second = [_prepared(others, shape, frozenset({NAME})) for shape in space.shapes]
        _refuse(self.first[0].scenario)
        self.worlds = Worlds(scenario, seed, APART)

    # -- the first pass -----------------------------------------------------------

    def fires(self, outcome: int, count: int, shapes: Index) -> Minutes:
        """Return when each alarm first fires, (trajectories, alarms, worlds).

        Only the trajectories of `shapes` are run; the last alarm is none.
        """
        # what is not run is never touched, so it takes no memory
        found = np.empty((len(self.first), self.space.alarms + 1, count), np.int16)
        for lot in _lots(self.first, np.unique(self.trajectory[shapes])):
            found[lot, :-1] = self._record(outcome, count, lot)
            found[lot, -1] = NEVER_FIRES
        return found

    def _record(self, outcome: int, count: int, lot: Sequence[int]) -> Minutes:
        world, which = np.divmod(np.arange(count * len(lot)), len(lot))
        plans = Schedules(self.first, self.worlds, count, outcome, lot)
        probes = self.space.probes
        bars = [np.array(probe.thresholds) for probe in probes]
        firsts = first_alarms([probe.rules for probe in probes], bars, len(world))
        Together(
            *(plans, which, world),
            lambda programs, offsets: Recorder(programs, offsets, firsts, len(world)),
        ).run()
        parts = [
            first.minutes.reshape(len(first.rules), count, len(lot), -1)
            .transpose(2, 0, 3, 1)
            .reshape(len(lot), -1, count)
            for first in firsts
        ]
        return np.concatenate(parts, axis=1)

    # -- the second pass ----------------------------------------------------------

    def last_stops(self, outcome: int, count: int, shapes: Index) -> Minutes:
        """Return up to which minute an alarm stops each shape's deployment, (shapes, worlds)."""
        poll = us(self.scenario.control.alarm_poll)
        phase = np.rint(self.worlds.phase_s(np.arange(count)) * US).astype(np.int64)
        found = np.zeros((len(self.space.shapes), count), dtype=np.int16)
        for lot in _lots(self.second, shapes):
            whole = Schedules(self.second, self.worlds, count, outcome, lot).whole()
            end = np.minimum(whole.end, whole.unwatched).reshape(len(lot), count)
            last = (end - poll - 1 + phase) // MINUTE_US
            found[lot] = np.clip(last, 0, NEVER_FIRES - 1)
        return found

    def screen(self, outcome: int, minutes: Minutes, alive: Flags) -> Screened:
        """Return the runs that the designs which are `alive` need, (shapes, alarms)."""
        count = minutes.shape[-1]
        shapes = np.flatnonzero(alive.any(axis=1))
        needed = np.unique(np.concatenate([shapes, self.quickest[shapes]]))
        alias = self.last_stops(outcome, count, needed)[self.quickest] + 1
        keys = np.unique(
            np.concatenate([self._wanted(s, minutes, alive, alias) for s in shapes.tolist()])
        )
        tally = self._play(outcome, count, keys, needed)
        return Screened(minutes, tally, keys, alias, self.quickest)

    def _wanted(self, shape: int, minutes: Minutes, alive: Flags, alias: Minutes) -> Index:
        some = minutes[self.trajectory[shape], alive[shape]]
        return np.unique(_keys(shape, int(self.quickest[shape]), alias[shape], some))

    def _play(self, outcome: int, count: int, keys: Index, shapes: Index) -> Tally:
        rest, minute = np.divmod(keys, _MINUTES)
        world, shape = np.divmod(rest, _SHAPES)
        numbers = {name: np.full(len(keys), np.nan) for name in NUMBERS}
        flags = {name: np.zeros(len(keys), dtype=bool) for name in ("succeeded", "automatic")}
        for lot in _lots(self.second, shapes):
            here = np.flatnonzero(np.isin(shape, lot))
            plans = Schedules(self.second, self.worlds, count, outcome, lot)
            results = _told(plans, np.searchsorted(lot, shape[here]), world[here], minute[here])
            for name, values in numbers.items():
                values[here] = results.numbers[name]
            for name, truths in flags.items():
                truths[here] = results.flags[name]
        drawn = np.full(len(keys), outcome)
        return Tally(plan=self.second[0].plan, outcome=drawn, **flags, **numbers)


def _told(plans: Schedules, which: Index, world: Index, minute: Index) -> Results:
    runs = Together(
        *(plans, which, world),
        lambda programs, offsets: Prescribed(programs, offsets, minute),
    )
    return runs.run()


def _prepared(scenario: Scenario, shape: Shape, watched: frozenset[str]) -> Setup:
    spec = spec_of(scenario, shape, shape.name, ())
    return replace(prepare(scenario, build_plan(scenario, spec)), group=watched)


def _lots(setups: Sequence[Setup], wanted: Index) -> Iterator[list[int]]:
    """Yield the wanted numbers by family: plans of one family go together."""
    families: dict[str, list[int]] = {}
    for number in wanted.tolist():
        families.setdefault(setups[number].plan.family, []).append(number)
    yield from families.values()


def _refuse(scenario: Scenario) -> None:
    if scenario.metrics.evaluation_offset != 0.0:
        msg = "a search does not know alarms evaluated within the minute"
        raise UnsupportedError(msg)


def _shared(shapes: Sequence[Shape]) -> tuple[Index, list[int], Index]:
    """Return each shape's trajectory, each one's longest shape, each shape's quickest fellow.

    Shapes that differ in their wait alone share a trajectory: the traffic moves alike.
    """
    numbers: dict[str, list[int]] = {}
    for number, shape in enumerate(shapes):
        numbers.setdefault(repr(shape.entry), []).append(number)
    of, quickest = np.zeros(len(shapes), np.int64), np.zeros(len(shapes), np.int64)
    longest = []
    for place, some in enumerate(numbers.values()):
        some.sort(key=lambda n: shapes[n].wait_min or 0)
        of[some], quickest[some] = place, some[0]
        longest.append(some[-1])
    return of, longest, quickest


def paging_only(scenario: Scenario) -> tuple[Alarm, ...]:
    """Return the alarms outside the deployment group that read none inside it.

    They page people whatever the design; those inside are what a search replaces.
    """
    inside = set(scenario.deployment_group.alarm_names)
    kept: list[Alarm] = [a for a in scenario.alarms if a.AlarmName not in inside]
    return tuple(a for a in kept if not (isinstance(a, CompositeAlarm) and _reads(a, inside)))


def _reads(alarm: CompositeAlarm, names: set[str]) -> bool:
    return any(name in alarm.AlarmRule for name in names)


def _probed(scenario: Scenario, space: Space) -> Scenario:
    """Return the scenario with a probe in the place of all alarms on the same metric."""
    probes = []
    for number, probe in enumerate(space.probes):
        longest = max(probe.rules, key=lambda rule: rule.n)
        alarm = probe.alarm(longest, probe.thresholds[0])
        probes.append(replace(alarm, AlarmName=f"probe {number}", ActionsEnabled=False))
    return replace(scenario, alarms=tuple(probes))
