"""The schedule of a plan, as if nothing stopped it, for many replications at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Changes, Draft, Flags, Times, us_many, when
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.scripts import Pass, Script, run_pass, script
from stratsim.engine.batch.tasks import Patience, Tasks
from stratsim.engine.clock import us
from stratsim.model.plan import (
    Deregister,
    Hold,
    Launch,
    Lifecycle,
    Plan,
    Replace,
    Retire,
    Roll,
    Shift,
)
from stratsim.model.scenario import Scenario

SUCCEEDED, FAILED, STOPPED = 1, 2, 3
BY_ROW = ("end", "status", "can_undo", "unwatched", "retired", "entered", "left")


@dataclass(slots=True)
class Schedule:
    """When everything happens; ``end`` (rows,) and how: ``status``, ``can_undo``.

    ``unwatched`` is when CodeDeploy stops looking at its alarms, ``retired`` when
    the old fleet is gone. ``hosts`` is the pass over the fleet in place;
    ``entered`` (rows, hosts) when each host of the new revision begins to serve,
    ``left`` when each original host is taken out.
    """

    changes: Changes
    end: Times
    status: NDArray[np.int64]
    can_undo: Flags
    unwatched: Times
    retired: Times
    entered: Times
    left: Times
    hosts: tuple[Script, Pass] | None = None

    def take(self, keep: NDArray[np.int64]) -> None:
        """Keep only some rows."""
        self.changes = self.changes.take(keep)
        for name in BY_ROW:
            setattr(self, name, getattr(self, name)[keep])
        if self.hosts is not None:
            play, ran = self.hosts
            self.hosts = play.take(keep), ran.take(keep)


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
    healthy: Flags
    entered: Times
    left: Times
    hosts: tuple[Script, Pass] | None = None
    pooled: bool = False
    counts_hosts: bool = False

    @property
    def running(self) -> Flags:
        """Rows whose deployment has not ended."""
        return np.asarray(self.end == NEVER)

    def at(self) -> Times:
        """Now where the deployment still runs, else never."""
        return np.where(self.running, self.now, NEVER)

    def finish(self, rows: Flags, when: Times, status: int, *, can_undo: bool = True) -> None:
        """End the deployment of `rows`."""
        rows = rows & self.running
        self.end = np.where(rows, when, self.end)
        self.status = np.where(rows, status, self.status)
        self.can_undo = np.where(rows, can_undo, self.can_undo)


def schedule(plan: Plan, draws: Draws, *, counts_hosts: bool = False) -> Schedule:
    """Return the schedule of `plan` in the worlds of `draws`."""
    rows = len(draws.rows)
    never = np.full(rows, NEVER)
    shape = (rows, draws.size)
    clock = Clock(
        draws,
        plan,
        np.zeros(rows, dtype=np.int64),
        Draft(rows),
        never.copy(),
        np.zeros(rows, dtype=np.int64),
        np.ones(rows, dtype=bool),
        never.copy(),
        never.copy(),
        np.ones(shape, dtype=bool),
        np.full(shape, NEVER),
        np.full(shape, NEVER),
        pooled=plan.routing == "pooled",
        counts_hosts=counts_hosts,
    )
    for step in plan.steps:
        HANDLERS[type(step)](clock, step)
    clock.finish(clock.running, clock.now, SUCCEEDED)
    return Schedule(
        clock.draft.sorted(),
        clock.end,
        clock.status,
        clock.can_undo,
        clock.unwatched,
        clock.retired,
        clock.entered,
        clock.left,
        clock.hosts,
    )


def _lifecycle(clock: Clock, step: Lifecycle) -> None:
    draws = clock.draws
    key: tuple[str | int, ...] = (step.event, *(step.occurrence,) * bool(step.occurrence))
    duration = us_many(draws.value(step.duration, "event", *key))
    wrong = np.zeros(len(duration), dtype=bool)
    if step.failure > 0:
        wrong |= draws.chance("event fails", *key) < step.failure
    for number, fault in enumerate(draws.specs):
        if fault.kind == "hook" and fault.event == step.event:
            wrong |= draws.chance("hook", number) < fault.probability
    limit = us(step.timeout_s)
    late = duration > limit
    bad = wrong & ~late if step.continues else wrong | late
    clock.now = clock.now + np.minimum(duration, limit)
    clock.finish(bad, clock.now, FAILED, can_undo=step.can_roll_back)


def _launch(clock: Clock, step: Launch) -> None:
    draws = clock.draws
    clock.draft.put(clock.at(), add={"running": step.count})
    starts = us_many(draws.values(step.startup, "startup"))
    doomed = draws.struck("startup", "") & (not clock.pooled)
    last = np.where(doomed, 0, starts).max(axis=1)
    limit = us(step.timeout_s)
    bad = doomed.any(axis=1) | (last > limit)
    clock.finish(bad, clock.now + limit, FAILED)
    clock.now = clock.now + last
    if clock.pooled:
        return
    if clock.counts_hosts:
        clock.draft.hosts(
            np.where(bad[:, None], NEVER, clock.at()[:, None] - last[:, None] + starts), "new", 1
        )
    else:
        clock.draft.put(clock.at(), add={"new": step.count})


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
    new = step.fleet == "new"
    play = script(draws, step.events, new=True, purpose="deploy", fresh=new)
    wanted = clock.healthy if new else None
    hosts = play.done.shape[1] if wanted is None else wanted.sum(axis=1)
    slots = np.broadcast_to(np.asarray(hosts - step.minimum_healthy), clock.now.shape)
    ran = run_pass(
        play, draws.order(), clock.now, slots, max(step.minimum_healthy, 1), wanted=wanted
    )
    ran.start = np.where(clock.running[:, None], ran.start, NEVER)
    taken = ran.start < NEVER
    if new:
        clock.healthy = clock.healthy & taken & ~play.failed
    else:
        clock.hosts = (play, ran)
        clock.draft.hosts(when(ran.start, play.out, taken), "old", -1)
        clock.draft.hosts(when(ran.start, play.done, taken & play.struck), "lost_old", 1)
    back = when(ran.start, play.back, taken)
    clock.draft.hosts(back, "new", 1)
    clock.entered = np.minimum(clock.entered, back)
    clock.finish(ran.failed, ran.end, FAILED)
    clock.now = np.maximum(clock.now, ran.end)


def _replace(clock: Clock, step: Replace) -> None:
    rows = len(clock.now)
    tasks = Tasks(clock.draws, step, patience(clock.draws.scenario), clock.draft, new=True)
    desired = np.full(rows, clock.draws.scenario.desired)
    rolled = tasks.run(clock.at(), desired, np.zeros(rows, dtype=np.int64), desired * 0)
    clock.entered = np.minimum(clock.entered, rolled.entered)
    clock.finish(
        rolled.failed & rolled.by_breaker, rolled.end, FAILED, can_undo=step.breaker_rolls_back
    )
    clock.finish(rolled.failed, rolled.end, FAILED)
    clock.now = np.where(clock.running, rolled.end, clock.now)


def patience(scenario: Scenario) -> Patience:
    """Return how long a rolling update may stand still."""
    check = scenario.service.health_check
    return Patience(
        us(scenario.control.steady_state_timeout),
        us(check.grace + check.unhealthy * check.interval),
    )


def _deregister(clock: Clock, step: Deregister) -> None:
    play = script(clock.draws, step.events, new=False, purpose=step.event)
    start = np.broadcast_to(clock.now[:, None], play.out.shape)
    running = np.broadcast_to(clock.running[:, None], play.out.shape)
    clock.left = when(start, play.out, running)
    clock.draft.hosts(clock.left, "old", -1)
    end = clock.now + play.done.max(axis=1)
    clock.finish(np.asarray(play.failed.any(axis=1)), end, FAILED)
    clock.now = end


def _retire(clock: Clock, step: Retire) -> None:
    if step.wait_s > 0:
        if not clock.draws.scenario.control.watch_termination_wait:
            clock.unwatched = np.minimum(clock.unwatched, clock.at())
        clock.now = clock.now + us(step.wait_s)
    if step.action == "TERMINATE":
        clock.retired = clock.at()
        here = -clock.draws.scenario.desired
        # behind a load balancer the old hosts have been taken out before
        gone = 0 if clock.pooled else here
        clock.draft.put(clock.at(), add={"old": gone, "running": here})


HANDLERS: dict[type, Callable[[Clock, Any], None]] = {
    Lifecycle: _lifecycle,
    Launch: _launch,
    Shift: _shift,
    Hold: _hold,
    Roll: _roll,
    Replace: _replace,
    Deregister: _deregister,
    Retire: _retire,
}
