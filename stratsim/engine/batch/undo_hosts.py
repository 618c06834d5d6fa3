"""How hosts get the old revision again, for many replications at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Draft, Times, us_many, when
from stratsim.engine.batch.draws import Draws, draws_of
from stratsim.engine.batch.fail_open import fails_open, fall_ill, fall_ill_at
from stratsim.engine.batch.host_pass import HostPass, hosts_before
from stratsim.engine.batch.in_flight import (
    Played,
    Running,
    edge_of,
    ends_late,
    stop_failed,
    take,
    terminate,
)
from stratsim.engine.batch.pieces import go_back
from stratsim.engine.batch.placed import Placed
from stratsim.engine.batch.scripts import Script, script
from stratsim.engine.batch.slow_start import rejoin
from stratsim.engine.undo import allow_events, relaunch_events
from stratsim.model.plan import HostEvent, Roll

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]


def reregister(runs: "Runs", rows: Rows) -> None:
    """Register the original hosts again, then take the replacement hosts out."""
    state = runs.state
    now = state.now[rows]
    draft = Draft(len(rows))
    draws = draws_of(runs, rows)
    gone = runs.plan_.retired[rows] <= now
    running = Running(runs, rows)
    left = runs.plan_.left[rows] < running.since[:, None]
    outside = (left | ~draws.healthy) & ~gone[:, None]
    ready = relaunch(runs, rows, draft, now, relaunch_events(runs.plan.steps))
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
    terminate_new(runs, rows, draft, done)
    running.go_on(draft, until=done)
    terminate(runs, rows, done)
    go_back(runs, rows, draft, done)


def redeploy(runs: "Runs", rows: Rows) -> None:
    """Deploy the old revision again on the hosts that were touched.

    Hosts that failed or were in flight are unhealthy and go first.
    """
    step = runs.plan.redeploy
    state = runs.state
    assert isinstance(step, Roll)
    now = state.now[rows]
    draws = draws_of(runs, rows)
    at, running = _where_hosts_are(runs, rows, draws), Running(runs, rows)
    wanted = at.touched
    if runs.scenario.control.rollback_hosts == "whole_group":
        wanted = np.ones_like(wanted)
    rank = np.broadcast_to(draws.revisions, wanted.shape)
    every, free = np.ones_like(wanted), running.free(draws.size)
    hosts = hosts_before(draws, step, wanted, every, at.healthy, rank, free)

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
    go_back(runs, rows, draft, ran.end)


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


def _place(runs: "Runs", rows: Rows, at: Placed, running: Running) -> None:
    """Remember where hosts are before a way back and what runs on them, should it fail."""
    plan = runs.plan_
    assert plan.placed is not None
    plan.placed.put(rows, at)
    if plan.hosts is not None:
        plan.hosts[1].start[rows] = NEVER  # the way there is in `placed`
    plan.put_hosts(rows, running.left())


def relaunch(
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
    draws = draws_of(runs, rows)
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


def terminate_new(runs: "Runs", rows: Rows, draft: Draft, done: Times) -> None:
    """Terminate the new fleet: whatever runs beside the desired one when it is `done`."""
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
