"""The schedule of a plan, as if nothing stopped it, for many replications at once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stratsim.engine.batch.changes import NEVER, Draft, us_many
from stratsim.engine.batch.crashes import Clocks, may_crash
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.fleet_steps import configure, launch, replace_tasks, retire, scale
from stratsim.engine.batch.foresight import Foresight
from stratsim.engine.batch.host_steps import deregister, roll
from stratsim.engine.batch.timetable import FAILED, STOPPED, SUCCEEDED, Clock, Schedule
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

LOOKS = (Gate, Watch, Ladder)
"""Steps that look at telemetry before they go on: a schedule reaches up to them."""
LIVE = (Roll, Replace, Deregister, Launch, Retire, Scale, Configure)
"""Steps that look at a fleet, whose size may change meanwhile where it is scaled."""


def schedule(plan: Plan, draws: Draws, *, counts_hosts: bool = False) -> Schedule:
    """Return the schedule of `plan` in the worlds of `draws`, up to a step that looks."""
    rows = len(draws.rows)
    never = np.full(rows, NEVER)
    shape = (rows, draws.size)
    scales = any(isinstance(step, Scale) for step in (*plan.steps, *plan.restore))
    scales &= policy_of(draws.scenario) is None  # instances of scaled fleets are known elsewhere
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
        units=Units.fleet(draws) if scales else None,
        pooled=plan.routing == "pooled",
        counts_hosts=counts_hosts,
        looks=looks_of(draws.scenario),
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


def looks_of(scenario: Scenario) -> tuple[type, ...]:
    """Return the steps that a schedule only reaches up to."""
    return LOOKS if policy_of(scenario) is None else LOOKS + LIVE


def play(clock: Clock, steps: Sequence[Step], first: int) -> int:
    """Schedule `steps` from number `first` on; return the number of the first that looks.

    Beside an analysis that may call a person, any step may have to wait.
    """
    for number in range(first, len(steps)):
        if isinstance(steps[number], clock.looks) or (number > first and _paused(steps[:number])):
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


def _shift(clock: Clock, step: Shift) -> None:
    reroute = us(clock.plan.reroute_s)
    clock.draft.put(clock.at() + reroute, ordered=clock.at(), weight=step.weight)
    if step.weight >= 1 and reroute > 0:
        clock.wait(reroute)


def _hold(clock: Clock, step: Hold) -> None:
    clock.wait(us(step.duration_s))
    if step.stops:
        clock.finish(clock.running, clock.now, STOPPED, can_undo=False)


def _tick(clock: Clock, step: Tick) -> None:
    every = us(step.interval_s)
    clock.wait((clock.now // every + step.count) * every - clock.now)


HANDLERS: dict[type, Callable[[Clock, Any], None]] = {
    Lifecycle: _lifecycle,
    Launch: launch,
    Shift: _shift,
    Hold: _hold,
    Roll: roll,
    Replace: replace_tasks,
    Deregister: deregister,
    Retire: retire,
    Tick: _tick,
    Scale: scale,
    Configure: configure,
}
