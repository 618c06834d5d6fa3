"""Schedules piece by piece: what a plan goes on to do from a moment of its run."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Changes, Draft, T, Times
from stratsim.engine.batch.draws import draws_of
from stratsim.engine.batch.fail_open import recover
from stratsim.engine.batch.foresight import Foresight
from stratsim.engine.batch.schedule import finished, looks_of, play
from stratsim.engine.batch.timetable import BY_ROW, Clock
from stratsim.engine.batch.units import Units

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]
Piece = tuple[Rows, Times, Times]


def schedule_on(runs: "Runs", rows: Rows, number: int) -> Piece:
    """Schedule what follows in `rows` from the step `number` on.

    Returns the step that looks next, when it begins, and since when that is waited for.
    """
    clock = resumed(runs, rows, waiting(runs, rows, runs.state.now[rows] + 1))
    before = None if clock.units is None else clock.units.take(np.arange(len(rows)))
    step = play(clock, runs.plan.steps, number)
    if clock.units is not None and before is not None:
        clock.units.changes(clock.draft, runs.state.now[rows] + 1, before)
    fresh = finished(clock, step)
    take_over(runs, rows, clock.draft, clock.units)
    for name in BY_ROW:
        if name not in ("entered", "left"):
            getattr(runs.plan_, name)[rows] = getattr(fresh, name)
    runs.plan_.put_hosts(rows, fresh.hosts)
    if fresh.units is None:
        runs.plan_.entered[rows], runs.plan_.left[rows] = fresh.entered, fresh.left
    return fresh.step, fresh.resume, fresh.since


def resumed(runs: "Runs", rows: Rows, draft: Draft, *, undoing: bool = False) -> Clock:
    """Return the clock of `rows` as it stands now, with what is to come in `draft`."""
    plan = runs.plan_
    draws = draws_of(runs, rows)
    foresight = None
    if runs.crashes.needed and plan.units is not None:
        weight = None if runs.pooled else runs.state.weight[rows]
        clocks = runs.crashes.clocks.of(rows, draws)
        foresight = Foresight(clocks, runs.state.now[rows], draft, weight)
    return Clock(
        draws,
        runs.plan,
        runs.state.now[rows],
        draft,
        np.full(len(rows), NEVER),
        np.zeros(len(rows), dtype=np.int64),
        np.ones(len(rows), dtype=bool),
        plan.unwatched[rows],
        plan.retired[rows],
        plan.healthy[rows],
        plan.entered[rows],
        plan.left[rows],
        plan.configured[rows],
        plan.rolled[rows],
        runs.state.now[rows],
        hosts=None if plan.hosts is None else (plan.hosts[0].take(rows), plan.hosts[1].take(rows)),
        units=None if plan.units is None else plan.units.take(rows),
        foresight=foresight,
        pooled=runs.pooled,
        counts_hosts=runs.wants.hosts,
        undoing=undoing,
        looks=looks_of(runs.scenario),
    )


def waiting(runs: "Runs", rows: Rows, ordered: Times) -> Draft:
    """Return a draft with what was ordered before `ordered` and is still to come.

    Instances that are known one by one are left out: their times say it.
    """
    draft = _to_come(runs, rows, ordered)
    if runs.plan_.units is None:
        return draft
    draft.columns = [(*column[:3], {}) for column in draft.columns if not np.isnan(column[2]).all()]
    return draft


def _to_come(runs: "Runs", rows: Rows, ordered: Times | np.int64) -> Draft:
    changes = runs.plan_.changes
    draft = Draft(len(rows))
    later = np.arange(changes.time.shape[1]) >= runs.state.pointer[rows][:, None]
    kept = later & (changes.ordered[rows] < np.reshape(ordered, (-1, 1)))
    for column in np.nonzero(kept.any(axis=0))[0]:
        here = kept[:, column]
        draft.put(
            np.where(here, changes.time[rows, column], NEVER),
            ordered=np.where(here, changes.ordered[rows, column], NEVER),
            weight=np.where(here, changes.weight[rows, column], np.nan),
            add={kind: values[rows, column] for kind, values in changes.add.items()},
        )
    return draft


def take_over(runs: "Runs", rows: Rows, draft: Draft, units: Units | None) -> None:
    """Put changes and instances in the place of those of `rows`."""
    fresh = draft.sorted()
    runs.plan_.changes = merge(runs.plan_.changes, rows, fresh)
    runs.state.pointer[rows] = 0
    runs.state.coming[rows] = fresh.time[:, 0]
    if units is not None and runs.plan_.units is not None:
        runs.plan_.units.put(rows, units)
        runs.follow_units()


def go_back(
    runs: "Runs", rows: Rows, draft: Draft, done: Times, units: Units | None = None
) -> None:
    """Put the draft in the place of what `rows` had yet to do."""
    recover(runs, rows, draft)
    take_over(runs, rows, draft, units)
    runs.state.undone[rows] = done


def add_changes(runs: "Runs", rows: Rows, more: Draft) -> None:
    """Add changes to those that `rows` have before them."""
    draft = _to_come(runs, rows, NEVER)
    draft.columns += more.columns
    take_over(runs, rows, draft, None)


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
