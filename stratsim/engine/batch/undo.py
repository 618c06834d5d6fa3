"""How traffic comes back to the old revision, for many replications at once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Changes, Draft, Times, us_many
from stratsim.engine.batch.draws import Draws

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
    draft.put(done, new=-runs.state.new[rows], running=-_new_running(runs, rows))
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
    """Return a draft with the weights that were ordered before now and come later."""
    changes, now = runs.changes, runs.state.now[rows][:, None]
    draft = Draft(len(rows))
    kept = (changes.ordered[rows] < now) & (changes.time[rows] >= now)
    kept &= ~np.isnan(changes.weight[rows])
    later = np.arange(changes.time.shape[1]) >= runs.state.pointer[rows][:, None]
    kept &= later
    for column in np.nonzero(kept.any(axis=0))[0]:
        time = np.where(kept[:, column], changes.time[rows, column], NEVER)
        draft.put(time, weight=changes.weight[rows, column])
    return draft


def _relaunch(runs: "Runs", rows: Rows, draft: Draft, now: Times) -> Times:
    """Start the old revision again where its fleet is gone; return when it serves."""
    gone = runs.plan_.retired[rows] <= now
    if not gone.any():
        return now
    draws = Draws(runs.draws.block, runs.block_rows[rows], runs.draws.outcome)
    starts = us_many(draws.values(runs.scenario.service.startup, "startup of a rollback"))
    ready = now + starts.max(axis=1)
    draft.put(np.where(gone, now, NEVER), running=runs.desired)
    draft.put(np.where(gone, ready, NEVER), old=runs.desired)
    runs.plan_.retired[rows] = NEVER
    return np.where(gone, ready, now)


def _replace(runs: "Runs", rows: Rows, draft: Draft, done: Times) -> None:
    """Put the draft in the place of what `rows` had yet to do."""
    fresh = draft.sorted()
    runs.changes = merge(runs.changes, rows, fresh)
    runs.state.pointer[rows] = 0
    runs.state.undone[rows] = done


def merge(changes: Changes, rows: Rows, fresh: Changes) -> Changes:
    """Return `changes` with `rows` replaced by `fresh`, as wide as the wider of both."""
    width = max(changes.time.shape[1], fresh.time.shape[1])

    def wide(values: NDArray[np.generic], fill: float) -> NDArray[np.generic]:
        more = width - values.shape[1]
        if not more:
            return values.copy()
        return np.pad(values, [(0, 0), (0, more)], constant_values=fill)

    time, ordered = wide(changes.time, NEVER), wide(changes.ordered, NEVER)
    weight = wide(changes.weight, np.nan)
    time[rows], ordered[rows] = wide(fresh.time, NEVER), wide(fresh.ordered, NEVER)
    weight[rows] = wide(fresh.weight, np.nan)
    add = {}
    for kind in {**changes.add, **fresh.add}:
        whole = wide(changes.add[kind], 0.0) if kind in changes.add else np.zeros(time.shape)
        whole[rows] = wide(fresh.add[kind], 0.0) if kind in fresh.add else 0.0
        add[kind] = whole
    return Changes(time, ordered, weight, add)  # type: ignore[arg-type]


UNDO: dict[str, Callable[["Runs", Rows], None]] = {"reroute": reroute, "flip": flip}
