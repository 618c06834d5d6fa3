"""Many plans in one batch of runs, each run told when its alarm fires.

The batch engine spends most of its time on a call, not on a row of an array, so the
runs of all plans of a search go through it together. Which plan a run belongs to
matters in two places only: its schedule, and the way back.
"""

from collections.abc import Callable, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.alarms import Bank
from stratsim.engine.batch.changes import NEVER, Changes, Flags, T, Times
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.ends import Ends
from stratsim.engine.batch.in_flight import Played, put
from stratsim.engine.batch.run import Runs
from stratsim.engine.batch.schedule import schedule
from stratsim.engine.batch.timetable import BY_ROW, Schedule
from stratsim.engine.batch.watching import Watching
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.setup import Setup
from stratsim.model.plan import Plan
from stratsim.watch import Program

Index = NDArray[np.int64]


class Schedules:
    """The schedules of several plans of one scenario in the first worlds of an outcome."""

    def __init__(
        self,
        setups: Sequence[Setup],
        worlds: Worlds,
        count: int,
        outcome: int,
        wanted: Sequence[int],
    ) -> None:
        self.setups = [setups[number] for number in wanted]
        self.worlds, self.count, self.outcome = worlds, count, outcome
        self._places = {number: place for place, number in enumerate(wanted)}
        self._kept: dict[bool, Schedule] = {}

    def place(self, number: int) -> int:
        """Return where plan number `number` stands among the wanted ones; 0 if it is none."""
        return self._places.get(number, 0)

    def of(self, which: Index, world: Index, *, counts_hosts: bool = False) -> Schedule:
        """Return the schedule of each run, given its plan's place and its world."""
        whole = self.whole(counts_hosts=counts_hosts)
        found = copy(whole)
        found.take(which * self.count + world)
        return found

    def whole(self, *, counts_hosts: bool = False) -> Schedule:
        """Return the schedules of all plans in all worlds, plan by plan."""
        if counts_hosts not in self._kept:
            draws = Draws(self.worlds, np.arange(self.count), self.outcome)
            parts = [schedule(s.plan, draws, counts_hosts=counts_hosts) for s in self.setups]
            self._kept[counts_hosts] = joined(parts)
        return self._kept[counts_hosts]


class Together(Runs):
    """Runs of several plans of one scenario in the worlds of one outcome.

    Parameters
    ----------
    plans
        The plans; they share the scenario, the group and the alarms.
    which, world
        The plan's place and the world of each run, worlds ascending.
    bank
        Makes the alarms, given their programs and when in the minute each is evaluated.
    """

    def __init__(
        self,
        plans: Schedules,
        which: Index,
        world: Index,
        bank: Callable[[Sequence[Program], Sequence[Times]], Bank],
    ) -> None:
        super().__init__(plans.setups[0], Draws(plans.worlds, world, plans.outcome))
        self.plan_ = plans.of(which, world, counts_hosts=self.wants.hosts)
        self.state.coming[:] = self.plan_.changes.time[:, 0]
        self.follow_units()
        # plans that differ in their steps alone are undone alike
        ways: dict[object, tuple[int, Plan]] = {}
        for setup in plans.setups:
            ways.setdefault((setup.plan.undo, setup.plan.redeploy), (len(ways), setup.plan))
        self.ways = [plan for _, plan in ways.values()]
        numbers = [ways[s.plan.undo, s.plan.redeploy][0] for s in plans.setups]
        self.way = np.array(numbers)[which]
        self.ends = _OwnEnds(self)
        self.watching = _Told(self, bank(self.setup.programs, self.offsets()))


class _OwnEnds(Ends):
    """Ends of runs of which each is undone as its own plan says."""

    def __init__(self, runs: Together) -> None:
        super().__init__(runs)
        self.together = runs

    def undo(self, rows: Flags) -> None:
        """Begin each way back."""
        runs = self.together
        mine = runs.way[runs.state.index]
        for number, plan in enumerate(runs.ways):
            runs.plan = plan
            super().undo(rows & (mine == number))


class _Told(Watching):
    """Runs that are told when their alarm fires."""

    def alarm(self, rows: Flags) -> None:
        """Pass over an alarm after people have restored: what it saw would be gone."""
        state = self.runs.state
        super().alarm(rows & ~(state.acted & (state.restored <= state.now)))


def joined(parts: Sequence[Schedule]) -> Schedule:
    """Return schedules behind each other."""
    found, at = copy(parts[0]), 0
    found.changes, found.hosts = _joined_changes([part.changes for part in parts]), None
    for name in BY_ROW:
        setattr(found, name, np.concatenate([getattr(part, name) for part in parts]))
    beside: list[Played | None] = [None] * len(found.beside)
    for part in parts:
        rows = np.arange(at, at + len(part.end))
        found.put_hosts(rows, part.hosts)
        both = zip(beside, part.beside, strict=True)
        beside = [put(whole, rows, played, len(found.end)) for whole, played in both]
        at += len(part.end)
    found.beside = [played for played in beside if played is not None]
    return found


def _joined_changes(parts: Sequence[Changes]) -> Changes:
    width = max(part.time.shape[1] for part in parts)

    def column(values: Sequence[NDArray[T]], fill: float | np.int64) -> NDArray[T]:
        wide = [np.pad(v, [(0, 0), (0, width - v.shape[1])], constant_values=fill) for v in values]
        return np.concatenate(wide)

    kinds = dict.fromkeys(kind for part in parts for kind in part.add)
    return Changes(
        column([p.time for p in parts], NEVER),
        column([p.ordered for p in parts], NEVER),
        column([p.weight for p in parts], np.nan),
        {
            kind: column([p.add.get(kind, np.zeros(p.time.shape)) for p in parts], 0.0)
            for kind in kinds
        },
    )
