"""The schedule of a plan, as if nothing stopped it, for many replications at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Changes, Draft, Flags, Times, us_many
from stratsim.engine.batch.crashes import Clocks, may_crash
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.fail_open import fails_open, fall_ill
from stratsim.engine.batch.foresight import Foresight
from stratsim.engine.batch.host_pass import HostPass, hosts_before
from stratsim.engine.batch.in_flight import Played, ends_late, put, stop_failed, take
from stratsim.engine.batch.launches import Launching
from stratsim.engine.batch.placed import Placed
from stratsim.engine.batch.scaling import FAILED as GAVE_UP
from stratsim.engine.batch.scaling import Patience, Scaling
from stratsim.engine.batch.scripts import Pass, Script, play_of, run_pass
from stratsim.engine.batch.task_deaths import Deaths
from stratsim.engine.batch.tasks import Tasks
from stratsim.engine.batch.units import Units, policy_of
from stratsim.engine.clock import us
from stratsim.model.analysis import Gate, Ladder, Tick, Watch
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
    Step,
)
from stratsim.model.scaling import Configure, Scale
from stratsim.model.scenario import Scenario

SUCCEEDED, FAILED, STOPPED = 1, 2, 3
BY_ROW = (
    *("end", "status", "can_undo", "unwatched", "retired", "healthy", "entered", "left"),
    *("configured", "rolled", "step", "resume", "since", "launching"),
)
LOOKS = (Gate, Watch, Ladder)
"""Steps that look at telemetry before they go on: a schedule reaches up to them."""


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
    instances' numbers. ``configured`` instances have the new
    configuration, and a rolling update begins at ``rolled``. The schedule ends at the step number ``step``, which begins at
    ``resume`` (`NEVER` where it reaches the end of the plan) after a wait that has
    begun at ``since``. ``launching`` is when a fleet is launched whose size may change
    until then.
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
    launching: Times
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

    ``size`` (rows,) is what Auto Scaling wants of each fleet, None where that is fixed.
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
    size: NDArray[np.int64] | None = None
    launching: Times | None = None

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


def schedule(plan: Plan, draws: Draws, *, counts_hosts: bool = False) -> Schedule:
    """Return the schedule of `plan` in the worlds of `draws`, up to a step that looks."""
    rows = len(draws.rows)
    never = np.full(rows, NEVER)
    shape = (rows, draws.size)
    scales = any(isinstance(step, Scale) for step in (*plan.steps, *plan.restore))
    scaled = policy_of(draws.scenario) is not None
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
        np.zeros(rows, dtype=np.int64),
        never.copy(),
        np.zeros(rows, dtype=np.int64),
        units=Units.fleet(draws) if scales or scaled else None,
        pooled=plan.routing == "pooled",
        counts_hosts=counts_hosts,
        size=np.full(rows, draws.scenario.desired) if scaled else None,
    )
    if scales and may_crash(draws):
        weight = None if clock.pooled else np.zeros(rows)
        clocks = Clocks(draws, draws.size)
        clock.foresight = Foresight(clocks, clock.now, clock.draft, weight)
    before = None if clock.units is None else clock.units.take(np.arange(rows))
    step = play(clock, plan.steps, 0)
    if clock.units is not None and before is not None:
        clock.units.changes(clock.draft, clock.now * 0, before)
    return finished(clock, step)


def play(clock: Clock, steps: Sequence[Step], first: int) -> int:
    """Schedule `steps` from number `first` on; return the number of the first that looks.

    Beside an analysis that may call a person, any step may have to wait.
    """
    for number in range(first, len(steps)):
        if isinstance(steps[number], LOOKS) or (number > first and _paused(steps[:number])):
            return number
        HANDLERS[type(steps[number])](clock, steps[number])
    clock.finish(clock.running, clock.now, SUCCEEDED)
    return len(steps)


def _paused(steps: Sequence[Step]) -> bool:
    """Whether an analysis beside these steps may be unclear, which needs a person."""
    return any(
        isinstance(step, Watch)
        and any((m.success and m.failure) or m.success_limit for m in step.metrics)
        for step in steps
    )


def finished(clock: Clock, step: int) -> Schedule:
    """Return what `clock` has scheduled, up to the step number `step`."""
    return Schedule(
        clock.draft.sorted(),
        clock.end,
        clock.status,
        clock.can_undo,
        clock.unwatched,
        clock.retired,
        clock.healthy,
        clock.entered,
        clock.left,
        clock.configured,
        clock.rolled,
        np.full(len(clock.now), step),
        clock.at(),
        clock.since,
        np.full(len(clock.now), NEVER) if clock.launching is None else clock.launching,
        clock.hosts,
        clock.units,
        clock.numbered or clock.units is not None,
        beside=clock.beside,
    )


def _lifecycle(clock: Clock, step: Lifecycle) -> None:
    draws = clock.draws
    key: tuple[str | int, ...] = (step.event, *(step.occurrence,) * bool(step.occurrence))
    length = draws.value(step.duration, "event", *key)
    duration = us_many(length)
    wrong = np.zeros(len(duration), dtype=bool)
    if step.failure > 0:
        wrong |= draws.chance("event fails", *key) < step.failure
    for number, fault in enumerate(draws.specs):
        if fault.kind == "hook" and fault.event == step.event:
            wrong |= draws.chance("hook", number) < fault.probability
    limit = us(step.timeout_s)
    late = length > step.timeout_s
    bad = wrong & ~late if step.continues else wrong | late
    clock.wait(np.minimum(duration, limit))
    clock.finish(bad, clock.now, FAILED, can_undo=step.can_roll_back)


def _launch(clock: Clock, step: Launch) -> None:
    draws = clock.draws
    if clock.size is not None:
        _launch_scaled(clock, step, clock.size)
        return
    if not clock.pooled and draws.struck("startup", "").any():
        _launch_some(clock, step)
        return
    clock.draft.put(clock.at(), add={"running": step.count})
    starts = us_many(draws.values(step.startup, "startup"))[:, : step.count]
    last, limit = starts.max(axis=1, initial=0), us(step.timeout_s)
    clock.healthy = clock.healthy & (np.arange(draws.size) < step.count)
    bad = last > limit
    clock.finish(bad, clock.now + limit, FAILED)
    clock.wait(last)
    if clock.pooled:
        return
    ready = np.where(bad[:, None], NEVER, clock.at()[:, None] - last[:, None] + starts)
    clock.entered[:, : step.count] = ready
    if clock.counts_hosts:
        clock.draft.hosts(ready, "new", 1)
    else:
        clock.draft.put(clock.at(), add={"new": step.count})


def _launch_scaled(clock: Clock, step: Launch, size: NDArray[np.int64]) -> None:
    """Start a fleet of the size that Auto Scaling wants by then."""
    units, draws = clock.units, clock.draws
    assert units is not None
    clock.launching = clock.at()
    count = np.maximum(step.count + size - draws.scenario.desired, 0)
    fresh = units.launch(np.where(clock.running, count, 0), clock.now, new=True)
    starts = us_many(draws.values(step.startup, "startup"))[:, : step.count]
    start = starts[:, np.arange(units.numbers) % step.count]
    units.joined = np.where(fresh, clock.now[:, None] + start, units.joined)
    last, limit = np.where(fresh, start, 0).max(axis=1), us(step.timeout_s)
    clock.finish(last > limit, clock.now + limit, FAILED)
    clock.wait(last)


def _launch_some(clock: Clock, step: Launch) -> None:
    """Start a fleet of which some instances do not become healthy."""
    unhealthy_us = patience(clock.draws.scenario).unhealthy
    fleet = Launching(clock.draws, step, unhealthy_us, clock.now, clock.running)
    units = fleet.units
    units.changes(clock.draft, clock.now, Units.fleet(clock.draws))
    clock.entered = np.where(units.new, units.entered, NEVER)
    clock.numbered = True
    bad = fleet.ready == NEVER
    clock.finish(bad, fleet.limit, FAILED)
    clock.wait(np.where(bad, fleet.limit, fleet.ready) - clock.now)


def _shift(clock: Clock, step: Shift) -> None:
    reroute = us(clock.plan.reroute_s)
    clock.draft.put(clock.at() + reroute, ordered=clock.at(), weight=step.weight)
    if step.weight >= 1 and reroute > 0:
        clock.wait(reroute)


def _hold(clock: Clock, step: Hold) -> None:
    clock.wait(us(step.duration_s))
    if step.stops:
        clock.finish(clock.running, clock.now, STOPPED, can_undo=False)


def _roll(clock: Clock, step: Roll) -> None:
    draws = clock.draws
    new = step.fleet == "new"
    play = play_of(draws, step)
    ran = _pass(clock, step, play)
    ran.start = np.where(clock.running[:, None], ran.start, NEVER)
    play, ran = stop_failed(draws.scenario, lambda until: play_of(draws, step, until), (play, ran))
    taken, changed = ran.start < NEVER, np.ones_like(clock.running)
    if new:
        clock.healthy = clock.healthy & taken & ~play.failed
        clock.keep((play, ran))
    else:
        clock.hosts = (play, ran if clock.hosts is None else clock.hosts[1].then(ran))
        changed[:] = (clock.hosts[1].start < NEVER).any(axis=1)  # else there is nothing to undo
        clock.draft.hosts(np.where(draws.healthy, ran.at(play.out), NEVER), "old", -1)
    clock.draft.hosts(ran.at(play.lost), "lost_new" if new else "lost_old", 1)
    back = ran.at(play.back)
    if fails_open(draws.scenario):
        fall_ill(clock.draft, play, ran, new=True)
    if clock.units is None:
        clock.draft.hosts(back, "new", 1)
        clock.entered = np.minimum(clock.entered, back)
    else:
        clock.units.turn(draws.healthy, ran.at(play.out), back)
    clock.finish(ran.failed, ran.end, FAILED, can_undo=changed)
    clock.since, clock.now = clock.now, np.maximum(clock.now, ran.end)


def _pass(clock: Clock, step: Roll, play: Script) -> Pass:
    """Go through the fleet that `step` means: what is healthy of a new one, or what is old."""
    draws, shape = clock.draws, play.done.shape
    new = step.fleet == "new"
    plain = not (step.zones or step.barrier or step.strict)
    usual = bool(draws.healthy.all() and (draws.revisions == 2).all())
    if plain and (new or usual):
        if 0 < step.count <= step.minimum_healthy:
            return Pass(np.full(shape, NEVER), clock.now, clock.running, np.full(shape, NEVER))
        wanted = clock.healthy if new else None
        hosts = shape[1] if wanted is None else wanted.sum(axis=1)
        slots = np.broadcast_to(np.asarray(hosts - step.minimum_healthy), clock.now.shape)
        least = max(step.minimum_healthy, 1)
        return run_pass(play, draws.order(), clock.now, slots, least, wanted=wanted)
    pool = np.ones(shape, dtype=bool)
    healthy = clock.healthy if new else np.broadcast_to(draws.healthy, shape)
    if clock.hosts is not None and not new:
        pool = clock.hosts[1].start == NEVER  # those of earlier batches are new ones now
    wanted = pool & healthy if new else pool
    wanted = wanted & (wanted.cumsum(axis=1) <= step.count)
    rank = np.full(shape, 2) if new else np.broadcast_to(draws.revisions, shape)
    hosts_ = hosts_before(draws, step, wanted, pool, healthy, rank)
    return HostPass(play, step, hosts_, clock.now, clock.running).run()


def _replace(clock: Clock, step: Replace) -> None:
    rows = len(clock.now)
    deaths = deaths_of(clock.draws)
    limits = patience(clock.draws.scenario)
    tasks = Tasks(clock.draws, step, limits, clock.draft, new=True, deaths=deaths)
    desired = np.full(rows, clock.draws.scenario.desired)
    clock.rolled = clock.at()
    rolled = tasks.run(clock.at(), desired, np.zeros(rows, dtype=np.int64), desired * 0)
    clock.entered = rolled.entered
    clock.finish(
        rolled.failed & rolled.by_breaker, rolled.end, FAILED, can_undo=step.breaker_rolls_back
    )
    clock.finish(rolled.failed, rolled.end, FAILED)
    clock.now = np.where(clock.running, rolled.end, clock.now)


def deaths_of(draws: Draws) -> Deaths | None:
    """Return the clocks of tasks that have yet to come, where any can die."""
    if not may_crash(draws):
        return None
    return Deaths(Clocks(draws, draws.size), np.zeros(len(draws.rows), dtype=np.int64))


def patience(scenario: Scenario) -> Patience:
    """Return how long a rolling update may stand still."""
    check = scenario.service.health_check
    return Patience(
        us(scenario.control.steady_state_timeout),
        us(check.grace + check.unhealthy * check.interval),
    )


def _deregister(clock: Clock, step: Deregister) -> None:
    play, serving = play_of(clock.draws, step), clock.draws.healthy
    start = np.where(clock.running[:, None] & serving, clock.now[:, None], NEVER)
    end = clock.now + np.where(serving, play.done, 0).max(axis=1)
    failed = np.asarray((play.failed & serving).any(axis=1))
    ran = Pass(start, end, failed, np.full(start.shape, NEVER))
    clock.keep((play, ran))
    clock.left = ran.at(play.out)
    clock.draft.hosts(clock.left, "old", -1)
    clock.finish(failed, end, FAILED)
    clock.since, clock.now = clock.now, end


def _retire(clock: Clock, step: Retire) -> None:
    if step.wait_s > 0:
        if not clock.draws.scenario.control.watch_termination_wait:
            clock.unwatched = np.minimum(clock.unwatched, clock.at())
        clock.wait(us(step.wait_s))
    if step.action == "TERMINATE":
        clock.retired = clock.at()
        if clock.units is not None:
            old = clock.units.staying(clock.now) & ~clock.units.new & clock.running[:, None]
            clock.units.stop(old, clock.now, clock.now)
            return
        here = -clock.draws.scenario.desired
        # behind a load balancer the old hosts have been taken out before
        gone = 0 if clock.pooled else here
        clock.draft.put(clock.at(), add={"old": gone, "running": here})


def _tick(clock: Clock, step: Tick) -> None:
    every = us(step.interval_s)
    clock.wait((clock.now // every + step.count) * every - clock.now)


def _scale(clock: Clock, step: Scale) -> None:
    assert clock.units is not None
    patience_ = patience(clock.draws.scenario)
    scaling = Scaling(
        clock.draws, step, patience_, clock.units, undoing=clock.undoing, foresight=clock.foresight
    )
    scaling.run(clock.now, clock.running)
    clock.since = np.where(scaling.now > clock.now, scaling.since, clock.since)
    clock.now = scaling.now
    clock.finish(scaling.phase == GAVE_UP, clock.now, FAILED, can_undo=step.can_roll_back)


def _configure(clock: Clock, step: Configure) -> None:
    """Give the nearest whole number of instances the configuration, in the worlds' order."""
    reroute = us(clock.plan.reroute_s)
    at, healthy = clock.at(), clock.draws.healthy
    wanted = int(step.share * healthy.sum() + 0.5)
    more = np.where(clock.running, wanted - clock.configured, 0)
    effect = np.where(at < NEVER, at + reroute, NEVER)
    moved = np.where(more != 0, effect, NEVER)
    clock.draft.put(moved, ordered=at, add={"new": more, "old": -more})
    place = np.argsort(clock.draws.order(), axis=1)
    place = np.where(healthy, place, place.shape[1])  # what is out of service has no part in it
    rank = np.argsort(np.argsort(place, axis=1, kind="stable"), axis=1)
    joins = (rank < wanted) & (clock.entered == NEVER)
    clock.entered = np.where(joins, effect[:, None], clock.entered)
    clock.configured = clock.configured + more
    if step.share in (0.0, 1.0):
        clock.wait(reroute)


HANDLERS: dict[type, Callable[[Clock, Any], None]] = {
    Lifecycle: _lifecycle,
    Launch: _launch,
    Shift: _shift,
    Hold: _hold,
    Roll: _roll,
    Replace: _replace,
    Deregister: _deregister,
    Retire: _retire,
    Tick: _tick,
    Scale: _scale,
    Configure: _configure,
}
