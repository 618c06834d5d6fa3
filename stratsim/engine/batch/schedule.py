"""The schedule of a plan, as if nothing stopped it, for many replications at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Changes, Draft, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.scripts import Pass, Script, run_pass, script
from stratsim.engine.clock import us
from stratsim.model.plan import (
    Deregister,
    Hold,
    Launch,
    Lifecycle,
    Plan,
    Retire,
    Roll,
    Shift,
    Step,
)

Flags = NDArray[np.bool_]
SUCCEEDED, FAILED, STOPPED = 1, 2, 3


@dataclass(slots=True)
class Schedule:
    """When everything happens; ``end`` (rows,) and how: ``status``, ``can_undo``.

    ``unwatched`` is when CodeDeploy stops looking at its alarms, ``retired`` when
    the old fleet is gone. ``hosts`` is the pass over the fleet in place.
    """

    changes: Changes
    end: Times
    status: NDArray[np.int64]
    can_undo: Flags
    unwatched: Times
    retired: Times
    hosts: tuple[Script, Pass] | None = None


@dataclass(slots=True)
class Clock:
    """The schedule in the making: ``now`` per row, and who has ended already."""

    draws: Draws
    plan: Plan
    now: Times
    draft: Draft
    end: Times
    status: NDArray[np.int64]
    can_undo: Flags
    unwatched: Times
    retired: Times
    hosts: tuple[Script, Pass] | None = None
    pooled: bool = False
    next_step: Step | None = None
    fleet: list[Any] = field(default_factory=list)

    @property
    def running(self) -> Flags:
        """Rows whose deployment has not ended."""
        return self.end == NEVER

    def at(self) -> Times:
        """Now where the deployment still runs, else never."""
        return np.where(self.running, self.now, NEVER)

    def finish(self, rows: Flags, when: Times, status: int, *, can_undo: bool = True) -> None:
        """End the deployment of `rows`."""
        rows = rows & self.running
        self.end = np.where(rows, when, self.end)
        self.status = np.where(rows, status, self.status)
        self.can_undo = np.where(rows, can_undo, self.can_undo)


def schedule(plan: Plan, draws: Draws) -> Schedule:
    """Return the schedule of `plan` in the worlds of `draws`."""
    rows = len(draws.rows)
    never = np.full(rows, NEVER)
    clock = Clock(
        draws, plan, np.zeros(rows, dtype=np.int64), Draft(rows), never.copy(),
        np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=bool), never.copy(), never.copy(),
        pooled=plan.routing == "pooled",
    )
    for step in plan.steps:
        HANDLERS[type(step)](clock, step)
    clock.finish(clock.running, clock.now, SUCCEEDED)
    return Schedule(
        clock.draft.sorted(), clock.end, clock.status, clock.can_undo,
        clock.unwatched, clock.retired, clock.hosts,
    )


def _lifecycle(clock: Clock, step: Lifecycle) -> None:
    draws = clock.draws
    duration = us_many(draws.value(step.duration, "event", step.event))
    wrong = np.zeros(len(duration), dtype=bool)
    if step.failure > 0:
        wrong |= draws.chance("event fails", step.event) < step.failure
    for number, fault in enumerate(draws.specs):
        if fault.kind == "hook" and fault.event == step.event:
            wrong |= draws.chance("hook", number) < fault.probability
    limit = us(step.timeout_s)
    late = duration > limit
    clock.now = clock.now + np.minimum(duration, limit)
    clock.finish(wrong | late, clock.now, FAILED, can_undo=step.can_roll_back)


def _launch(clock: Clock, step: Launch) -> None:
    draws = clock.draws
    clock.draft.put(clock.at(), running=step.count)
    starts = us_many(draws.values(step.startup, "startup"))
    doomed = draws.struck("startup", "")
    last = np.where(doomed, 0, starts).max(axis=1)
    limit = us(step.timeout_s)
    bad = doomed.any(axis=1) | (last > limit)
    clock.finish(bad, clock.now + limit, FAILED)
    clock.now = clock.now + last
    if not clock.pooled:
        clock.draft.put(clock.at(), new=step.count)


def _shift(clock: Clock, step: Shift) -> None:
    reroute = us(clock.plan.reroute_s)
    clock.draft.put(clock.at() + reroute, ordered=clock.at(), weight=step.weight)
    if step.weight >= 1:
        clock.now = clock.now + reroute


def _hold(clock: Clock, step: Hold) -> None:
    clock.now = clock.now + us(step.duration_s)
    if step.stops:
        clock.finish(clock.running, clock.now, STOPPED, can_undo=False)


def _roll(clock: Clock, step: Roll) -> None:
    draws = clock.draws
    if 0 < step.count <= step.minimum_healthy:
        clock.finish(clock.running, clock.now, FAILED)
        return
    play = script(draws, step.events, new=True, purpose="deploy")
    slots = min(step.concurrency, step.count)
    least = max(step.minimum_healthy, 1)
    ran = run_pass(play, draws.order(), clock.now, slots, least)
    ran.start = np.where(clock.running[:, None], ran.start, NEVER)
    taken = ran.start < NEVER
    if step.fleet == "old":
        clock.hosts = (play, ran)
        out = _when(ran.start, play.out, taken)
        clock.draft.hosts(out, old=-1)
        clock.draft.hosts(
            _when(ran.start, play.done, taken & play.failed & play.struck), lost_old=1
        )
    clock.draft.hosts(_when(ran.start, play.back, taken), new=1)
    clock.finish(ran.failed, ran.end, FAILED)
    clock.now = np.maximum(clock.now, ran.end)


def _when(start: Times, offset: Times, rows: Flags) -> Times:
    return np.where(rows & (offset < NEVER), start + np.minimum(offset, NEVER - start), NEVER)


def _deregister(clock: Clock, step: Deregister) -> None:
    play = script(clock.draws, step.events, new=False, purpose=step.event)
    start = np.broadcast_to(clock.now[:, None], play.out.shape)
    running = np.broadcast_to(clock.running[:, None], play.out.shape)
    clock.draft.hosts(_when(start, play.out, running), old=-1)
    end = clock.now + play.done.max(axis=1)
    clock.finish(play.failed.any(axis=1), end, FAILED)
    clock.now = end


def _retire(clock: Clock, step: Retire) -> None:
    if step.wait_s > 0:
        if not clock.draws.scenario.control.watch_termination_wait:
            clock.unwatched = np.minimum(clock.unwatched, clock.at())
        clock.now = clock.now + us(step.wait_s)
    if step.action == "TERMINATE":
        clock.retired = clock.at()
        here = -clock.draws.scenario.desired
        gone = here if clock.plan.routing == "weighted" else 0
        clock.draft.put(clock.at(), old=gone, running=here)


HANDLERS: dict[type, Callable[[Clock, Any], None]] = {
    Lifecycle: _lifecycle,
    Launch: _launch,
    Shift: _shift,
    Hold: _hold,
    Roll: _roll,
    Deregister: _deregister,
    Retire: _retire,
}
