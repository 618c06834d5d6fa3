"""How traffic comes back to the old revision, for many replications at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Draft
from stratsim.engine.batch.draws import draws_of
from stratsim.engine.batch.fleet_steps import patience
from stratsim.engine.batch.halts import turn
from stratsim.engine.batch.in_flight import (
    Running,
    edge_of,
)
from stratsim.engine.batch.pieces import go_back, resumed, waiting
from stratsim.engine.batch.schedule import HANDLERS
from stratsim.engine.batch.slow_start import rejoin
from stratsim.engine.batch.task_deaths import Deaths
from stratsim.engine.batch.tasks import Tasks
from stratsim.engine.batch.undo_hosts import redeploy, relaunch, reregister, terminate_new
from stratsim.model.plan import Replace

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]


def reroute(runs: "Runs", rows: Rows) -> None:
    """Send all traffic back in one step, and terminate the new fleet."""
    now = runs.state.now[rows]
    draft = waiting(runs, rows, runs.state.now[rows])
    ready = relaunch(runs, rows, draft, now)
    done = ready + runs.reroute_us
    draft.put(done, ordered=ready, weight=0.0)
    # the new fleet is whatever runs beside the desired one when traffic has left it
    terminate_new(runs, rows, draft, done)
    go_back(runs, rows, draft, done)


def flip(runs: "Runs", rows: Rows) -> None:
    """Point the alias back at the old version."""
    now = runs.state.now[rows]
    draft = waiting(runs, rows, runs.state.now[rows])
    done = now + runs.reroute_us
    draft.put(done, ordered=now, weight=0.0)
    go_back(runs, rows, draft, done)


def roll_back_tasks(runs: "Runs", rows: Rows) -> None:
    """Replace the new tasks by old ones under the same bounds."""
    step, state = runs.plan.redeploy, runs.state
    assert isinstance(step, Replace)
    now = state.now[rows]
    draft = waiting(runs, rows, runs.state.now[rows])
    starting, downs = state.pending[rows], runs.crashes.downs[rows]
    gone = {"running": -starting - downs, "pending": -starting, "new": -downs}
    draft.put(now, add={**gone, "lost_new": -state.lost_new[rows]})
    draws, entered, deaths = draws_of(runs, rows), runs.plan_.entered[rows], None
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
    go_back(runs, rows, draft, rolled.end)


def by_steps(runs: "Runs", rows: Rows) -> None:
    """Take the steps that the plan has for this; the first that fails is the last."""
    state, running = runs.state, Running(runs, rows)
    edge = edge_of(runs, rows)
    edge = np.where(state.ended[rows] < running.now, running.since, edge)
    clock = resumed(runs, rows, waiting(runs, rows, edge), undoing=True)
    clock.now = running.last
    running.go_on(clock.draft, moves=False)
    if clock.units is not None:
        turn(runs, rows, clock.units)
    before = None if clock.units is None else clock.units.take(np.arange(len(rows)))
    if clock.units is not None:
        clock.units.forget(edge)
    clock.configured = _configured(state.new[rows], clock.draft)
    for step in runs.plan.restore:
        HANDLERS[type(step)](clock, step)
    if clock.units is not None and before is not None:
        clock.units.changes(clock.draft, np.minimum(edge, running.since), before)
    done = np.where(clock.running, clock.now, clock.end)
    if clock.units is None:
        state.leaving[rows] = np.minimum(state.leaving[rows], done[:, None])
    go_back(runs, rows, clock.draft, done, clock.units)


def _configured(new: NDArray[np.float64], draft: Draft) -> Rows:
    """Return how many instances have the new configuration when what was ordered is done."""
    for time, _, _, add in draft.columns:
        new = new + np.where(time < NEVER, add.get("new", 0.0), 0.0)
    return new.astype(np.int64)


UNDO: dict[str, Callable[["Runs", Rows], None]] = {
    "reroute": reroute,
    "flip": flip,
    "reregister": reregister,
    "redeploy": redeploy,
    "replace": roll_back_tasks,
    "steps": by_steps,
}
