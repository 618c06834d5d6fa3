"""What is known of plans in many replications: when everything happens, and how far it goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Changes, Draft, Flags, Times
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.foresight import Foresight
from stratsim.engine.batch.in_flight import Played, ends_late, put, take
from stratsim.engine.batch.placed import Placed
from stratsim.engine.batch.units import Units
from stratsim.model.plan import Plan

SUCCEEDED, FAILED, STOPPED = 1, 2, 3
BY_ROW = (
    *("end", "status", "can_undo", "unwatched", "retired", "healthy", "entered", "left"),
    *("configured", "rolled", "step", "resume", "since"),
)


@dataclass(slots=True)
class Schedule:
    """When everything happens; ``end`` (rows,) and how: ``status``, ``can_undo``.

    ``unwatched`` is when CodeDeploy stops looking at its alarms, ``retired`` when
    the old fleet is gone. ``hosts`` is the pass over the fleet in place. Once a way back
    has been tried they were as ``placed`` says before it, ``hosts`` is what still ran,
    and ``back`` the pass of the way back. ``beside`` are the passes of two fleets;
    ``entered`` (rows, hosts) when each host of the new revision begins to serve,
    ``left`` when each original host is taken out. Where a plan scales fleets its
    ``units`` are known one by one; ``numbered`` says that ``entered`` goes by the
    instances' numbers. ``configured`` instances have the new configuration, and a
    rolling update begins at ``rolled``. The schedule ends at the step number ``step``,
    which begins at ``resume`` (`NEVER` where it reaches the end of the plan) after a wait
    that has begun at ``since``.
    """

    changes: Changes
    end: Times
    status: NDArray[np.int64]
    can_undo: Flags
    unwatched: Times
    retired: Times
    healthy: Flags
    entered: Times
    left: Times
    configured: NDArray[np.int64]
    rolled: Times
    step: NDArray[np.int64]
    resume: Times
    since: Times
    hosts: Played | None = None
    units: Units | None = None
    numbered: bool = False
    placed: Placed | None = None
    back: Played | None = None
    beside: Sequence[Played] = ()

    def take(self, keep: NDArray[np.int64]) -> None:
        """Keep only some rows."""
        self.changes = self.changes.take(keep)
        for name in BY_ROW:
            setattr(self, name, getattr(self, name)[keep])
        if self.hosts is not None:
            self.hosts = take(self.hosts, keep)
        if self.back is not None:
            self.back = take(self.back, keep)
        self.beside = [take(played, keep) for played in self.beside]
        if self.units is not None:
            self.units = self.units.take(keep)
        if self.placed is not None:
            self.placed = self.placed.take(keep)

    def put_hosts(self, rows: NDArray[np.int64], hosts: Played | None) -> None:
        """Replace the pass in place of some rows; the others have not come to theirs."""
        if hosts is not None:
            self.hosts = put(self.hosts, rows, hosts, len(self.end))

    def put_back(self, rows: NDArray[np.int64], back: Played) -> None:
        """Replace the pass back of some rows."""
        self.back = put(self.back, rows, back, len(self.end))


@dataclass(slots=True)
class Clock:
    """The schedule in the making: ``now`` per row, and who has ended already.

    It reaches up to a step that ``looks`` before it goes on.
    """

    draws: Draws
    plan: Plan
    now: Times
    draft: Draft
    end: Times
    status: NDArray[np.int64]
    can_undo: Flags
    unwatched: Times
    retired: Times
    healthy: Flags
    entered: Times
    left: Times
    configured: NDArray[np.int64]
    rolled: Times
    since: Times
    hosts: Played | None = None
    beside: list[Played] = field(default_factory=list)
    units: Units | None = None
    foresight: Foresight | None = None
    pooled: bool = False
    counts_hosts: bool = False
    undoing: bool = False
    numbered: bool = False
    looks: tuple[type, ...] = ()

    @property
    def running(self) -> Flags:
        """Rows whose deployment has not ended."""
        return np.asarray(self.end == NEVER)

    def wait(self, duration: Times | int) -> None:
        """Let some time pass."""
        self.since, self.now = self.now, self.now + duration

    def at(self) -> Times:
        """Now where the deployment still runs, else never."""
        return np.where(self.running, self.now, NEVER)

    def keep(self, played: Played) -> None:
        """Keep a pass beside another fleet, where a stop leaves something of it running."""
        if ends_late(self.draws.scenario):
            self.beside.append(played)

    def finish(
        self, rows: Flags, when: Times, status: int, *, can_undo: bool | Flags = True
    ) -> None:
        """End the deployment of `rows`."""
        rows = rows & self.running
        self.end = np.where(rows, when, self.end)
        self.status = np.where(rows, status, self.status)
        self.can_undo = np.where(rows, can_undo, self.can_undo)
