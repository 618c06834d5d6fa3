"""How traffic comes back to the old revision, for many replications at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Changes, Draft, Flags, T, Times, us_many, when
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.schedule import patience
from stratsim.engine.batch.scripts import Script, run_pass, script
from stratsim.engine.batch.tasks import Tasks
from stratsim.engine.undo import allow_events, relaunch_events
from stratsim.model.plan import HostEvent, Replace, Roll

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]


def reroute(runs: "Runs", rows: Rows) -> None:
    """Send all traffic back in one step, and terminate the new fleet."""
    now = runs.state.now[rows]
    draft = _kept(runs, rows)
    ready = _relaunch(runs, rows, draft, now)
    done = ready + runs.reroute_us
    draft.put(done, ordered=ready, weight=0.0)
    # the new fleet is whatever runs beside the desired one when traffic has left it
    draft.put(done, add={"new": -runs.state.new[rows], "running": -_new_running(runs, rows)})
    _replace(runs, rows, draft, done)


def flip(runs: "Runs", rows: Rows) -> None:
    """Point the alias back at the old version."""
    now = runs.state.now[rows]
    draft = _kept(runs, rows)
    done = now + runs.reroute_us
    draft.put(done, ordered=now, weight=0.0)
    _replace(runs, rows, draft, done)


def _new_running(runs: "Runs", rows: Rows) -> NDArray[np.float64]:
    gone = runs.plan_.retired[rows] <= runs.state.now[rows]
    old = np.where(gone, 0, runs.desired)
    return np.asarray(runs.state.running[rows] - old)


def _kept(runs: "Runs", rows: Rows) -> Draft:
    """Return a draft with what was ordered before now and comes later."""
    changes, now = runs.plan_.changes, runs.state.now[rows][:, None]
    draft = Draft(len(rows))
    kept = (changes.ordered[rows] < now) & (changes.time[rows] >= now)
    later = np.arange(changes.time.shape[1]) >= runs.state.pointer[rows][:, None]
    kept &= later
    for column in np.nonzero(kept.any(axis=0))[0]:
        time = np.where(kept[:, column], changes.time[rows, column], NEVER)
        add = {kind: values[rows, column] for kind, values in changes.add.items()}
        draft.put(time, weight=changes.weight[rows, column], add=add)
    return draft


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
        play = script(draws, events, new=False, purpose="relaunch")
        back = gone[:, None] & (play.back < NEVER)
        draft.hosts(np.where(back, ready[:, None] + np.where(back, play.back, 0), NEVER), "old", 1)
        ready = ready + play.done.max(axis=1)
    else:
        draft.put(np.where(gone, ready, NEVER), add={"old": runs.desired})
    runs.plan_.retired[rows] = NEVER
    return np.where(gone, ready, now)


def _replace(runs: "Runs", rows: Rows, draft: Draft, done: Times) -> None:
    """Put the draft in the place of what `rows` had yet to do."""
    fresh = draft.sorted()
    runs.plan_.changes = merge(runs.plan_.changes, rows, fresh)
    runs.state.pointer[rows] = 0
    runs.state.coming[rows] = fresh.time[:, 0]
    runs.state.undone[rows] = done


def merge(changes: Changes, rows: Rows, fresh: Changes) -> Changes:
    """Return `changes` with `rows` replaced by `fresh`, as wide as the wider of both."""
    width = max(changes.time.shape[1], fresh.time.shape[1])

    def put(whole: NDArray[T], values: NDArray[T] | float, fill: float | np.int64) -> NDArray[T]:
        more = width - whole.shape[1]
        if more:
            whole = np.pad(whole, [(0, 0), (0, more)], constant_values=fill)
        whole[rows] = fill
        if isinstance(values, np.ndarray):
            whole[rows, : values.shape[1]] = values
        return whole

    zeros = np.zeros(changes.time.shape)
    return Changes(
        put(changes.time, fresh.time, NEVER),
        put(changes.ordered, fresh.ordered, NEVER),
        put(changes.weight, fresh.weight, np.nan),
        {
            kind: put(
                changes.add[kind] if kind in changes.add else zeros.copy(),
                fresh.add.get(kind, 0.0),
                0.0,
            )
            for kind in {**changes.add, **fresh.add}
        },
    )


def reregister(runs: "Runs", rows: Rows) -> None:
    """Register the original hosts again, then take the replacement hosts out."""
    state = runs.state
    now = state.now[rows]
    draft = Draft(len(rows))
    draws = _draws(runs, rows)
    gone = runs.plan_.retired[rows] <= now
    outside = (runs.plan_.left[rows] < now[:, None]) & ~gone[:, None]
    ready = _relaunch(runs, rows, draft, now, relaunch_events(runs.plan.steps))
    if outside.any():
        play = script(draws, allow_events(runs.plan.steps), new=False, purpose="reregister")
        back = outside & (play.back < NEVER)
        draft.hosts(np.where(back, now[:, None] + np.where(back, play.back, 0), NEVER), "old", 1)
        last = np.where(outside, play.done, 0).max(axis=1)
        ready = np.where(outside.any(axis=1), now + last, ready)
    done = ready + runs.reroute_us
    draft.put(done, add={"new": -state.new[rows], "running": -_new_running(runs, rows)})
    state.leaving[rows] = np.minimum(state.leaving[rows], done[:, None])
    _replace(runs, rows, draft, done)


def redeploy(runs: "Runs", rows: Rows) -> None:
    """Deploy the old revision again on the hosts that were touched.

    Hosts that failed or were in flight are unhealthy and go first.
    """
    step = runs.plan.redeploy
    state = runs.state
    assert isinstance(step, Roll)
    now = state.now[rows]
    if runs.plan_.hosts is None:  # refused before any host was touched
        _replace(runs, rows, Draft(len(rows)), now)
        return
    forward, ran = runs.plan_.hosts[0].take(rows), runs.plan_.hosts[1].take(rows)
    at = _where_hosts_are(forward, ran.start, now, state.ended[rows] == runs.plan_.end[rows])
    play = script(_draws(runs, rows), step.events, new=False, purpose="rollback")
    slots = np.full(len(rows), step.count - step.minimum_healthy)
    back = run_pass(
        play, _draws(runs, rows).order(), now, slots, 0, wanted=at.touched, first=at.sick
    )
    taken = back.start < NEVER
    leave = when(back.start, play.out, taken)
    draft = Draft(len(rows))
    draft.hosts(np.where(at.serves_new, leave, NEVER), "new", -1)
    draft.hosts(np.where(at.serves_old, leave, NEVER), "old", -1)
    draft.hosts(np.where(at.struck, leave, NEVER), "lost_old", -1)
    draft.hosts(when(back.start, play.back, taken), "old", 1)
    state.leaving[rows] = np.where(at.serves_new, leave, state.leaving[rows])
    _replace(runs, rows, draft, np.where(taken.any(axis=1), back.end, now))


def roll_back_tasks(runs: "Runs", rows: Rows) -> None:
    """Replace the new tasks by old ones under the same bounds."""
    step, state = runs.plan.redeploy, runs.state
    assert isinstance(step, Replace)
    now = state.now[rows]
    draft = _kept(runs, rows)
    starting = state.pending[rows]
    gone = {"running": -starting, "pending": -starting, "lost_new": -state.lost_new[rows]}
    draft.put(now, add=gone)
    tasks = Tasks(
        _draws(runs, rows), replace(step, breaker=None), patience(runs.scenario), draft, new=False
    )
    new, old = state.new[rows].astype(np.int64), state.old[rows].astype(np.int64)
    rolled = tasks.run(now, new, old, state.launched[rows].astype(np.int64))
    if runs.by_instance:
        state.leaving[rows] = tasks.leaving(runs.plan_.entered[rows], now)
    _replace(runs, rows, draft, rolled.end)


@dataclass(slots=True)
class _Hosts:
    """Where the hosts are when a deployment in place ends; (rows, hosts) each."""

    touched: Flags
    sick: Flags
    serves_new: Flags
    serves_old: Flags
    struck: Flags


def _where_hosts_are(play: Script, start: Times, now: Times, itself: Flags) -> _Hosts:
    """Return the hosts' places; `itself` says that the deployment ended by itself.

    What falls into the instant of a stop from outside has not happened: polls
    and people come before changes.
    """
    edge = now[:, None] + itself[:, None].astype(np.int64)
    tried = start < edge
    out = when(start, play.out, tried) < edge
    back = when(start, play.back, tried) < edge
    over = when(start, play.done, tried) < edge
    failed = over & play.failed
    sick = failed | (tried & ~over & out & ~back)
    touched = back | (out & ~back) | failed
    old = tried & ~out & ~back
    struck = failed & play.struck
    return _Hosts(touched, sick & touched, back, old & touched, struck)


def _draws(runs: "Runs", rows: Rows) -> Draws:
    return Draws(runs.draws.worlds, runs.block_rows[rows], runs.draws.outcome)


UNDO: dict[str, Callable[["Runs", Rows], None]] = {
    "reroute": reroute,
    "flip": flip,
    "reregister": reregister,
    "redeploy": redeploy,
    "replace": roll_back_tasks,
}
