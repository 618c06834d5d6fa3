"""Steps that start, replace and end instances in the schedules of many replications."""

import numpy as np

from stratsim.engine.batch.changes import NEVER, us_many
from stratsim.engine.batch.crashes import Clocks, may_crash
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.launches import Launching
from stratsim.engine.batch.scaling import Scaling
from stratsim.engine.batch.task_deaths import Deaths
from stratsim.engine.batch.tasks import Tasks
from stratsim.engine.batch.timetable import FAILED, Clock
from stratsim.engine.batch.units import Units
from stratsim.engine.batch.waves import FAILED as GAVE_UP
from stratsim.engine.batch.waves import Patience
from stratsim.engine.clock import us
from stratsim.model.plan import Launch, Replace, Retire
from stratsim.model.scaling import Configure, Scale
from stratsim.model.scenario import Scenario


def launch(clock: Clock, step: Launch) -> None:
    """Start a fleet of the new revision and wait for the last to be healthy."""
    draws = clock.draws
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


def replace_tasks(clock: Clock, step: Replace) -> None:
    """Replace the old tasks by new ones within the two bounds."""
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


def retire(clock: Clock, step: Retire) -> None:
    """Wait, then terminate the old fleet or keep it alive."""
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


def scale(clock: Clock, step: Scale) -> None:
    """Bring both fleets to their sizes."""
    assert clock.units is not None
    patience_ = patience(clock.draws.scenario)
    scaling = Scaling(
        clock.draws, step, patience_, clock.units, undoing=clock.undoing, foresight=clock.foresight
    )
    scaling.run(clock.now, clock.running)
    clock.since = np.where(scaling.now > clock.now, scaling.since, clock.since)
    clock.now = scaling.now
    clock.finish(scaling.phase == GAVE_UP, clock.now, FAILED, can_undo=step.can_roll_back)


def configure(clock: Clock, step: Configure) -> None:
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
