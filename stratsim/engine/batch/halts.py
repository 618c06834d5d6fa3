"""What a stop without a way back calls off, for many replications at once."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Draft, Times
from stratsim.engine.batch.draws import draws_of
from stratsim.engine.batch.fail_open import recover
from stratsim.engine.batch.fleet_steps import deaths_of, patience
from stratsim.engine.batch.in_flight import (
    Running,
    edge_of,
    ends_late,
    stop,
    take,
)
from stratsim.engine.batch.pieces import take_over, waiting
from stratsim.engine.batch.tasks import Tasks
from stratsim.engine.batch.units import Units
from stratsim.model.plan import Replace

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]


def halt(runs: "Runs", rows: Rows) -> None:
    """Call off what a deployment that has ended had yet to do; what has begun goes on."""
    if runs.living is not None:
        runs.living.halt(rows)
        return
    plan, edge = runs.plan_, edge_of(runs, rows)
    stop(runs, rows)
    running = Running(runs, rows)
    draft = waiting(runs, rows, edge)
    units = None if plan.units is None else plan.units.take(rows)
    if units is not None:
        turn(runs, rows, units)
        before = units.take(np.arange(len(rows)))
        units.forget(edge)
        units.changes(draft, np.minimum(edge, running.since), before)
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


def turn(runs: "Runs", rows: Rows, units: Units) -> None:
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
    draws, limits = draws_of(runs, rows), patience(runs.scenario)
    tasks = Tasks(draws, step, limits, again, new=True, deaths=deaths_of(draws))
    desired = np.full(len(rows), runs.desired)
    nought = np.zeros(len(rows), dtype=np.int64)
    begin = runs.plan_.rolled[rows]
    rolled = tasks.run(np.where(begin < edge, begin, NEVER), desired, nought, nought, edge)
    runs.plan_.entered[rows, : rolled.entered.shape[1]] = rolled.entered
    for time, ordered, weight, add in again.columns:
        if "pending" in add and "launched" not in add:
            draft.columns.append((np.where(time >= edge, time, NEVER), ordered, weight, add))
