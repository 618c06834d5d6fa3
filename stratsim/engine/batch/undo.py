"""How traffic comes back to the old revision, for many replications at once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Draft, Times, us_many, when
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.fail_open import fails_open, fall_ill, fall_ill_at, recover
from stratsim.engine.batch.fleet_steps import deaths_of, patience
from stratsim.engine.batch.host_pass import HostPass, hosts_before
from stratsim.engine.batch.in_flight import (
    Played,
    Running,
    edge_of,
    ends_late,
    stop,
    stop_failed,
    take,
    terminate,
)
from stratsim.engine.batch.pieces import resumed, take_over, waiting
from stratsim.engine.batch.placed import Placed
from stratsim.engine.batch.schedule import HANDLERS
from stratsim.engine.batch.scripts import Script, script
from stratsim.engine.batch.slow_start import rejoin
from stratsim.engine.batch.task_deaths import Deaths
from stratsim.engine.batch.tasks import Tasks
from stratsim.engine.batch.timetable import SUCCEEDED
from stratsim.engine.batch.units import Units
from stratsim.engine.undo import allow_events, relaunch_events
from stratsim.model.plan import HostEvent, Replace, Roll

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]


def reroute(runs: "Runs", rows: Rows) -> None:
    """Send all traffic back in one step, and terminate the new fleet."""
    if runs.plan_.units is not None:
        _reroute_units(runs, rows)
        return
    now = runs.state.now[rows]
    draft = waiting(runs, rows, runs.state.now[rows])
    ready = _relaunch(runs, rows, draft, now)
    done = ready + runs.reroute_us
    draft.put(done, ordered=ready, weight=0.0)
    # the new fleet is whatever runs beside the desired one when traffic has left it
    _terminate_new(runs, rows, draft, done)
    _replace(runs, rows, draft, done)


def _reroute_units(runs: "Runs", rows: Rows) -> None:
    """Send all traffic back where instances are known one by one."""
    now, edge = runs.state.now[rows], edge_of(runs, rows)
    edge = np.where(runs.state.ended[rows] < now, now + 1, edge)  # the rest has been called off
    clock = resumed(runs, rows, waiting(runs, rows, edge))
    units = clock.units
    assert units is not None
    before = units.take(np.arange(len(rows)))
    units.forget(edge)
    gone = runs.plan_.retired[rows] <= now
    size = np.full(len(rows), runs.desired) if clock.size is None else clock.size
    ready = np.where(gone, now + _last_start(clock.draws, size), now)
    back = units.launch(np.where(gone, size, 0), now, new=False)
    units.joined = np.where(back, ready[:, None], units.joined)
    runs.plan_.retired[rows] = NEVER
    done = ready + runs.reroute_us
    clock.draft.put(done, ordered=ready, weight=0.0)
    running = units.new & (units.launched <= done[:, None]) & (units.gone > done[:, None])
    units.stop(running, np.minimum(units.out, done[:, None]), done)
    units.changes(clock.draft, edge, before)
    _replace(runs, rows, clock.draft, done, units)


def _last_start(draws: Draws, counts: NDArray[np.int64]) -> Times:
    """Return how long the slowest of so many old instances takes to start again [us]."""
    startup, last = draws.scenario.service.startup, np.zeros(len(counts), dtype=np.int64)
    for count in np.unique(counts).tolist():
        starts = draws.worlds.draw(startup, "startup of a rollback", rows=draws.rows, n=count)
        last = np.where(counts == count, us_many(np.asarray(starts)).max(axis=1), last)
    return last


def flip(runs: "Runs", rows: Rows) -> None:
    """Point the alias back at the old version."""
    now = runs.state.now[rows]
    draft = waiting(runs, rows, runs.state.now[rows])
    done = now + runs.reroute_us
    draft.put(done, ordered=now, weight=0.0)
    _replace(runs, rows, draft, done)


def _terminate_new(runs: "Runs", rows: Rows, draft: Draft, done: Times) -> None:
    state = runs.state
    gone = {
        "new": -state.new[rows],
        "running": -_new_running(runs, rows),
        "lost_new": -state.lost_new[rows],
    }
    state.leaving[rows] = np.minimum(state.leaving[rows], done[:, None])
    draft.put(done, add=gone)


def _new_running(runs: "Runs", rows: Rows) -> NDArray[np.float64]:
    gone = runs.plan_.retired[rows] <= runs.state.now[rows]
    old = np.where(gone, 0, runs.desired)
    return np.asarray(runs.state.running[rows] - old)


def _relaunch(
    runs: "Runs",
    rows: Rows,
    draft: Draft,
    now: Times,
    events: Sequence[HostEvent] = (),
) -> Times:
    """Start the old revision again where its fleet is gone; return when it serves.

    Hosts that start without a revision have `events` to go through.
    """
    gone = runs.plan_.retired[rows] <= now
    if not gone.any():
        return now
    draws = _draws(runs, rows)
    starts = us_many(draws.values(runs.scenario.service.startup, "startup of a rollback"))
    ready = now + starts.max(axis=1)
    draft.put(np.where(gone, now, NEVER), add={"running": runs.desired})
    if events:
        play = script(draws, events, new=False, purpose="relaunch", fresh=True)
        back = gone[:, None] & (play.back < NEVER)
        serve = np.where(back, ready[:, None] + np.where(back, play.back, 0), NEVER)
        draft.hosts(serve, "old", 1)
        if fails_open(runs.scenario):
            fall_ill_at(draft, play, np.where(gone, ready, NEVER)[:, None])
        ready = ready + play.done.max(axis=1)
    else:
        serve = np.broadcast_to(ready[:, None], starts.shape)
        draft.put(np.where(gone, ready, NEVER), add={"old": runs.desired})
    rejoin(runs, rows, serve, gone[:, None])
    runs.plan_.retired[rows] = NEVER
    return np.where(gone, ready, now)


def _replace(
    runs: "Runs", rows: Rows, draft: Draft, done: Times, units: Units | None = None
) -> None:
    """Put the draft in the place of what `rows` had yet to do."""
    recover(runs, rows, draft)
    take_over(runs, rows, draft, units)
    runs.state.undone[rows] = done


def reregister(runs: "Runs", rows: Rows) -> None:
    """Register the original hosts again, then take the replacement hosts out."""
    state = runs.state
    now = state.now[rows]
    draft = Draft(len(rows))
    draws = _draws(runs, rows)
    gone = runs.plan_.retired[rows] <= now
    running = Running(runs, rows)
    left = runs.plan_.left[rows] < running.since[:, None]
    outside = (left | ~draws.healthy) & ~gone[:, None]
    ready = _relaunch(runs, rows, draft, now, relaunch_events(runs.plan.steps))
    if outside.any():
        play = script(draws, allow_events(runs.plan.steps), new=False, purpose="reregister")
        start = np.where(outside, running.free(draws.size), NEVER)
        serve = when(start, play.back, outside)
        draft.hosts(serve, "old", 1)
        rejoin(runs, rows, serve, outside)
        if fails_open(runs.scenario):
            fall_ill_at(draft, play, start)
        last = np.where(outside, start + play.done, 0).max(axis=1)
        ready = np.where(outside.any(axis=1), last, ready)
    done = ready + runs.reroute_us
    _terminate_new(runs, rows, draft, done)
    running.go_on(draft, until=done)
    terminate(runs, rows, done)
    _replace(runs, rows, draft, done)


def redeploy(runs: "Runs", rows: Rows) -> None:
    """Deploy the old revision again on the hosts that were touched.

    Hosts that failed or were in flight are unhealthy and go first.
    """
    step = runs.plan.redeploy
    state = runs.state
    assert isinstance(step, Roll)
    now = state.now[rows]
    draws = _draws(runs, rows)
    at, running = _where_hosts_are(runs, rows, draws), Running(runs, rows)
    # a stop makes hosts that have died Unhealthy, and so does a way back that has failed
    stopped = (state.status[rows] != SUCCEEDED) | (state.undone[rows] < NEVER)
    died = runs.crashes.clocks.down[rows] & stopped[:, None]
    healthy = at.healthy & ~died
    wanted = at.touched
    if runs.scenario.control.rollback_hosts == "whole_group":
        wanted = np.ones_like(wanted)
    rank = np.broadcast_to(draws.revisions, wanted.shape)
    every, free = np.ones_like(wanted), running.free(draws.size)
    hosts = hosts_before(draws, step, wanted, every, healthy, rank, free)

    def again(until: Times | None = None) -> Script:
        return script(draws, step.events, new=False, purpose="rollback", until=until)

    play = again()
    ran = HostPass(play, step, hosts, now, np.asarray(wanted.any(axis=1))).run()
    play, ran = stop_failed(runs.scenario, again, (play, ran))
    draft = Draft(len(rows))
    running.go_on(draft)
    _take_again(runs, rows, draft, running.after(at), (play, ran))
    _place(runs, rows, at, running)
    runs.plan_.put_back(rows, (play, ran))
    _replace(runs, rows, draft, ran.end)


def _place(runs: "Runs", rows: Rows, at: Placed, running: Running) -> None:
    """Remember where hosts are before a way back and what runs on them, should it fail."""
    plan = runs.plan_
    assert plan.placed is not None
    plan.placed.put(rows, at)
    if plan.hosts is not None:
        plan.hosts[1].start[rows] = NEVER  # the way there is in `placed`
    plan.put_hosts(rows, running.left())


def _take_again(runs: "Runs", rows: Rows, draft: Draft, at: Placed, back: Played) -> None:
    """Put into `draft` what a pass back does to hosts that are `at` their places before it."""
    play, ran = back
    leave, state = ran.at(play.out), runs.state
    draft.hosts(np.where(at.serves_new, leave, NEVER), "new", -1)
    draft.hosts(np.where(at.serves_old, leave, NEVER), "old", -1)
    # a host that is taken again and goes on, or fails once more, is nobody's loss by then
    ends = np.minimum(play.back, np.where(play.failed, play.free, NEVER))
    mended = np.where(leave < NEVER, leave, ran.at(ends))
    draft.hosts(np.where(at.struck, mended, NEVER), "lost_old", -1)
    draft.hosts(ran.at(play.back), "old", 1)
    rejoin(runs, rows, ran.at(play.back), ran.start < NEVER)
    if fails_open(runs.scenario):
        fall_ill(draft, play, ran, new=False)
    state.leaving[rows] = np.where(at.serves_new, leave, state.leaving[rows])


def roll_back_tasks(runs: "Runs", rows: Rows) -> None:
    """Replace the new tasks by old ones under the same bounds."""
    step, state = runs.plan.redeploy, runs.state
    assert isinstance(step, Replace)
    now = state.now[rows]
    draft = waiting(runs, rows, runs.state.now[rows])
    starting, downs = state.pending[rows], runs.crashes.downs[rows]
    gone = {"running": -starting - downs, "pending": -starting, "new": -downs}
    draft.put(now, add={**gone, "lost_new": -state.lost_new[rows]})
    draws, entered, deaths = _draws(runs, rows), runs.plan_.entered[rows], None
    if runs.crashes.needed:
        deaths = Deaths(runs.crashes.clocks.of(rows, draws), now)
    back, limits = replace(step, breaker=None), patience(runs.scenario)
    tasks = Tasks(draws, back, limits, draft, new=False, deaths=deaths)
    new, old = (state.new[rows] - downs).astype(np.int64), state.old[rows].astype(np.int64)
    launched = state.launched[rows].astype(np.int64)
    rolled = tasks.run(now, new, old, launched, entered=entered)
    if runs.serving.by_instance or deaths is not None:
        state.leaving[rows] = tasks.leaving(entered, now)
    ready = np.minimum(tasks.entered, tasks.ready).T
    rejoin(runs, rows, ready, ready < NEVER)
    _replace(runs, rows, draft, rolled.end)


def _where_hosts_are(runs: "Runs", rows: Rows, draws: Draws) -> Placed:
    """Return the hosts' places at the end of what was last deployed to them."""
    plan = runs.plan_
    if plan.placed is None:
        plan.placed = Placed.before(draws.healthy, len(plan.end))
    at, now = plan.placed.take(rows), runs.state.now[rows]
    edge = now + 1 if ends_late(runs.scenario) else edge_of(runs, rows)
    if plan.hosts is not None:
        at = at.then(*take(plan.hosts, rows), edge)
    if plan.back is not None:
        at = at.then(*take(plan.back, rows), now + 1)
    return at


def halt(runs: "Runs", rows: Rows) -> None:
    """Call off what a deployment that has ended had yet to do; what has begun goes on."""
    plan, edge = runs.plan_, edge_of(runs, rows)
    stop(runs, rows)
    running = Running(runs, rows)
    draft = waiting(runs, rows, edge)
    units = None if plan.units is None else plan.units.take(rows)
    if units is not None:
        _turn(runs, rows, units)
        before = units.take(np.arange(len(rows)))
        units.forget(edge)
        units.changes(draft, edge, before)
    forget_entries(runs, rows)
    for step in runs.plan.steps:
        if isinstance(step, Replace):
            _leave_tasks(runs, rows, step, draft, edge)
    running.go_on(draft, moves=units is None)
    for times in (plan.retired, plan.left):
        wide = edge if times.ndim == 1 else edge[:, None]
        times[rows] = np.where(times[rows] < wide, times[rows], NEVER)
    recover(runs, rows, draft)
    take_over(runs, rows, draft, units)


def _turn(runs: "Runs", rows: Rows, units: Units) -> None:
    """Let no further host get the new revision in place than those that do after a stop."""
    if runs.plan_.hosts is not None:
        play, ran = take(runs.plan_.hosts, rows)
        edge = edge_of(runs, rows)
        until = np.full_like(edge, NEVER) if ends_late(runs.scenario) else edge
        units.turn(runs.draws.healthy, ran.at(play.out), ran.at(play.back), until)


def forget_entries(runs: "Runs", rows: Rows) -> None:
    """Forget which instances were to serve later, where their times are not known one by one."""
    if runs.plan_.units is None:
        # what was left to go on when the deployment ended has come since
        here, edge = runs.plan_.entered[rows], np.maximum(edge_of(runs, rows), runs.state.now[rows])
        here = np.where(here < edge[:, None], here, NEVER)
        late = Running(runs, rows).entries()
        if late is not None:
            here = np.where(late < NEVER, late, here)
        runs.plan_.entered[rows] = here


def _leave_tasks(runs: "Runs", rows: Rows, step: Replace, draft: Draft, edge: Times) -> None:
    """Let tasks that were starting at `edge` go on: they are found by playing the roll again."""
    again = Draft(len(rows))
    draws, limits = _draws(runs, rows), patience(runs.scenario)
    tasks = Tasks(draws, step, limits, again, new=True, deaths=deaths_of(draws))
    desired = np.full(len(rows), runs.desired)
    nought = np.zeros(len(rows), dtype=np.int64)
    begin = runs.plan_.rolled[rows]
    rolled = tasks.run(np.where(begin < edge, begin, NEVER), desired, nought, nought, edge)
    runs.plan_.entered[rows, : rolled.entered.shape[1]] = rolled.entered
    for time, ordered, weight, add in again.columns:
        if "pending" in add and "launched" not in add:
            draft.columns.append((np.where(time >= edge, time, NEVER), ordered, weight, add))


def by_steps(runs: "Runs", rows: Rows) -> None:
    """Take the steps that the plan has for this; the first that fails is the last."""
    state, running = runs.state, Running(runs, rows)
    edge = edge_of(runs, rows)
    edge = np.where(state.ended[rows] < running.now, running.since, edge)
    clock = resumed(runs, rows, waiting(runs, rows, edge), undoing=True)
    clock.now = running.last
    running.go_on(clock.draft, moves=False)
    if clock.units is not None:
        _turn(runs, rows, clock.units)
    before = None if clock.units is None else clock.units.take(np.arange(len(rows)))
    if clock.units is not None:
        clock.units.forget(edge)
    clock.configured = _configured(state.new[rows], clock.draft)
    for step in runs.plan.restore:
        HANDLERS[type(step)](clock, step)
    if clock.units is not None and before is not None:
        clock.units.changes(clock.draft, edge, before)
    done = np.where(clock.running, clock.now, clock.end)
    if clock.units is None:
        state.leaving[rows] = np.minimum(state.leaving[rows], done[:, None])
    _replace(runs, rows, clock.draft, done, clock.units)


def _configured(new: NDArray[np.float64], draft: Draft) -> Rows:
    """Return how many instances have the new configuration when what was ordered is done."""
    for time, _, _, add in draft.columns:
        new = new + np.where(time < NEVER, add.get("new", 0.0), 0.0)
    return new.astype(np.int64)


def _draws(runs: "Runs", rows: Rows) -> Draws:
    return Draws(runs.draws.worlds, runs.block_rows[rows], runs.draws.outcome)


UNDO: dict[str, Callable[["Runs", Rows], None]] = {
    "reroute": reroute,
    "flip": flip,
    "reregister": reregister,
    "redeploy": redeploy,
    "replace": roll_back_tasks,
    "steps": by_steps,
}
