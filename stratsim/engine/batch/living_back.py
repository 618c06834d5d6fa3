"""Ways back of fleets that are scaled meanwhile; see `stratsim.engine.undo`."""

from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.batch.changes import NEVER, Draft, Flags, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.pieces import add_changes
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.timetable import SUCCEEDED
from stratsim.engine.clock import us
from stratsim.engine.undo import allow_events, relaunch_events
from stratsim.model.plan import Hold, Replace, Roll, Shift, Step
from stratsim.model.scaling import Configure, Scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from stratsim.engine.batch.living_steps import Steps

BEGUN, STEP, RELAUNCHED, ROUTED = range(10, 14)
"""What a wait is for."""


class Back:
    """The ways back of many runs."""

    def __init__(self, steps: "Steps") -> None:
        self.steps, self.living, self.runs, self.plan = steps, steps.living, steps.runs, steps.plan
        self.stages = {
            BEGUN: self._begin,
            STEP: self._step,
            RELAUNCHED: self._relaunched,
            ROUTED: self._routed,
        }

    def undo(self, rows: Index) -> None:
        """Begin the way back, once all of this instant has happened."""
        state = self.runs.state
        ends = (state.ended[rows] == state.now[rows]) & (state.status[rows] != SUCCEEDED)
        live = rows[ends | self.steps.following[rows]]
        if len(live):
            self.living.halt(live)
        state.undone[rows] = NEVER
        self.steps.wait(rows, state.now[rows], BEGUN)

    def _begin(self, rows: Index) -> None:
        step = self.plan.redeploy
        if self.plan.undo == "steps":
            self._by_steps(rows)
        elif isinstance(step, Roll):
            self._redeploy(step, rows)
        elif isinstance(step, Replace):
            living = self.living
            off = living.units.running(living.now) & living.units.new & ~living.up()
            off &= living.flags(rows)[:, None]
            living.touch(np.asarray(off.any(axis=1)))
            living.retire(off, living.now)
            self.steps.tasks("back", step, self._undone, new=False).begin(rows)
        else:
            self._relaunch(rows)

    def _undone(self, over: Flags, *_: Flags) -> None:
        state = self.runs.state
        state.undone = np.where(over, state.now, state.undone)

    def _by_steps(self, rows: Index) -> None:
        """Take the steps that the plan has for this, once no event runs on a host any more."""
        units, now = self.living.units, self.living.now
        busy = np.where(units.open(now), units.busy, now[:, None]).max(axis=1)
        self.steps.number[rows] = len(self.plan.steps)
        self.steps.wait(rows, np.maximum(busy, now)[rows], STEP)

    def _step(self, rows: Index) -> None:
        """Take the next step, where there is one."""
        numbers = self.steps.number[rows]  # as they are now: a step moves some of them on
        for number in np.unique(numbers).tolist():
            here, at = rows[numbers == number], number - len(self.plan.steps)
            if at == len(self.plan.restore):
                self._undone(self.living.flags(here))
            else:
                self._take(number, self.plan.restore[at], here)

    def _take(self, number: int, step: Step, rows: Index) -> None:
        now = self.living.now[rows]
        self.steps.number[rows] = number + 1
        if isinstance(step, Configure):
            self.steps.configure(number, step).begin(rows)
        elif isinstance(step, Scale):
            self.steps.waves(number, step).begin(rows)
        elif isinstance(step, Shift):
            self._order(step.weight, rows)
            self.steps.wait(rows, now, STEP)
        elif isinstance(step, Hold):
            self.steps.wait(rows, now + us(step.duration_s), STEP)

    def over(self, number: int) -> "Callable[..., None]":
        """Return what comes after a pass of the way back; the first that fails is the last."""

        def then(over: Flags, failed: Flags) -> None:
            self.steps.number[over] = number + 1
            self._undone(failed)
            rows = np.flatnonzero(over & ~failed)
            self.steps.wait(rows, self.living.now[rows], STEP)

        return then

    def _order(self, weight: float, rows: Index) -> None:
        """Order a weight."""
        now = self.living.now[rows]
        draft = Draft(len(rows))
        draft.put(now + self.runs.reroute_us, ordered=now, weight=weight)
        add_changes(self.runs, rows, draft)

    def _redeploy(self, step: Roll, rows: Index) -> None:
        living = self.living
        units, pool = living.units, living.units.open(living.now)
        wanted = pool
        if self.runs.scenario.control.rollback_hosts == "touched_only":
            wanted = pool & units.tried & (units.new | ~living.up() | ~units.healthy)
        some = rows[wanted[rows].any(axis=1)]
        self._undone(living.flags(rows) & ~living.flags(some))
        if len(some):
            found = self.steps.hosts("rollback", step, "rollback", self._redeployed, new=False)
            found.begin(some, wanted[some], pool[some])

    def _redeployed(self, over: Flags, failed: Flags) -> None:
        self.steps.leave("rollback", failed)
        self._undone(over)

    def _relaunch(self, rows: Index) -> None:
        """Start the old fleet again where it is gone, then send all traffic to it."""
        living = self.living
        gone = rows[self.steps.retired[rows]]
        self._return(rows[~self.steps.retired[rows]])
        if not len(gone):
            return
        count = np.zeros(len(living.soon), dtype=np.int64)
        count[gone] = living.size(gone)
        living.touch(living.flags(gone))
        fresh = living.launch(count, new=False)
        living.units.rank = np.where(fresh, 0, living.units.rank)
        last = last_start(living.draws(gone), count[gone])
        self.steps.wait(gone, living.now[gone] + last, RELAUNCHED)

    def _relaunched(self, rows: Index) -> None:
        events = relaunch_events(self.plan.steps)
        living, units = self.living, self.living.units
        which = units.running(living.now) & ~units.new & (units.rank == 0) & (units.launched >= 0)
        if not self.runs.pooled:
            which &= living.flags(rows)[:, None]
            living.touch(which.any(axis=1))
            units.joined = np.where(which, living.now[:, None], units.joined)
            self._registered(living.flags(rows))
            return
        self.steps.together("relaunch", events, "relaunch", self._registered).begin(
            rows, which[rows]
        )

    def _registered(self, over: Flags, *_: Flags) -> None:
        self.steps.retired &= ~over
        if self.runs.pooled:  # what was launched now and failed is no older host to register
            self._route(np.flatnonzero(over))
        else:
            self._return(np.flatnonzero(over))

    def _return(self, rows: Index) -> None:
        """Send all traffic back to the old fleet."""
        if self.runs.pooled:
            self._register(rows)
            return
        self._order(0.0, rows)
        self._route(rows)

    def _register(self, rows: Index) -> None:
        living = self.living
        outside = living.units.open(living.now) & ~living.units.new & ~living.up()
        some = rows[outside[rows].any(axis=1)]
        self._route(np.setdiff1d(rows, some))
        if len(some):
            events = allow_events(self.plan.steps)
            found = self.steps.together("reregister", events, "reregister", self._to_route)
            found.begin(some, outside[some])

    def _to_route(self, over: Flags, _: Flags) -> None:
        self._route(np.flatnonzero(over))

    def _route(self, rows: Index) -> None:
        self.steps.wait(rows, self.living.now[rows] + self.runs.reroute_us, ROUTED)

    def _routed(self, rows: Index) -> None:
        """Terminate the new fleet when traffic has left it."""
        living = self.living
        flags = living.flags(rows)
        living.touch(flags)
        new = living.units.running(living.now) & living.units.new & flags[:, None]
        living.retire(new, living.now)
        self._undone(flags)


def last_start(draws: Draws, counts: Index) -> Times:
    """Return how long the slowest of so many old instances takes to start again [us]."""
    startup, last = draws.scenario.service.startup, np.zeros(len(counts), dtype=np.int64)
    for count in np.unique(counts).tolist():
        starts = draws.worlds.draw(startup, "startup of a rollback", rows=draws.rows, n=count)
        last = np.where(counts == count, us_many(np.asarray(starts)).max(axis=1), last)
    return last
