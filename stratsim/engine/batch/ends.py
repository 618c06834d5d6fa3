"""How deployments end in many runs, and how the old revision gets its traffic back."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.halts import forget_entries, halt
from stratsim.engine.batch.in_flight import stop
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.timetable import FAILED, STOPPED, SUCCEEDED
from stratsim.engine.batch.undo import UNDO
from stratsim.engine.clock import us

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs


class Ends:
    """Ends of deployments, ways back, and when a run is over.

    ``follow_us`` is how long a fault that is served is followed after the end.
    """

    def __init__(self, runs: "Runs") -> None:
        self.runs, self.group = runs, runs.plan.group
        self.follow_us = us(runs.scenario.control.follow_up)

    def end(self, rows: Flags, status: int | NDArray[np.int64]) -> None:
        """End the deployments in `rows` that have not ended."""
        state = self.runs.state
        rows = rows & (state.ended == NEVER)
        state.ended = np.where(rows, state.now, state.ended)
        state.status = np.where(rows, status, state.status)

    def stop(self, rows: Flags, trigger: Times) -> None:
        """Stop the deployment on account of its alarms."""
        if not rows.any():
            return
        self.end(rows, STOPPED)
        if self.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM"):
            self.roll_back(rows, trigger)
        else:
            self._halt(rows)
            self.check_over(rows)

    def _halt(self, rows: Flags) -> None:
        if rows.any():
            halt(self.runs, np.flatnonzero(rows))

    def fail(self, rows: Flags, can_undo: Flags | None = None) -> None:
        """Let the deployment fail in the middle of a step; everywhere it may be undone, or there."""
        plan, now = self.runs.plan_, self.runs.state.now
        plan.end, plan.status = np.where(rows, now, plan.end), np.where(rows, FAILED, plan.status)
        plan.can_undo = np.where(rows, True if can_undo is None else can_undo, plan.can_undo)
        left = rows & ~(plan.can_undo & self.group.rolls_back_on("DEPLOYMENT_FAILURE"))
        if left.any():
            self.end(left, FAILED)
            self._halt(left)
        self.finish_plan(rows)

    def finish_plan(self, rows: Flags) -> None:
        """End the deployments whose plan is at its end, well or not."""
        self.end(rows, self.runs.plan_.status)
        if self.runs.living is not None:
            self.runs.living.steps.follow_on(rows & (self.runs.state.status == SUCCEEDED))
        failed = rows & (self.runs.plan_.status == FAILED) & self.runs.plan_.can_undo
        back = failed & self.group.rolls_back_on("DEPLOYMENT_FAILURE")
        if back.any():
            self.roll_back(back, self.runs.state.now)
        self.check_over(rows & ~back)

    def roll_back(self, rows: Flags, trigger: Times) -> None:
        """Roll back with nobody in the loop; `trigger` is when an alarm began it."""
        state = self.runs.state
        state.automatic |= rows
        state.trigger = np.where(rows, trigger, state.trigger)
        self.undo(rows)

    def undo(self, rows: Flags) -> None:
        """Begin the way back to the old revision."""
        if not rows.any():
            return
        state = self.runs.state
        state.undoing |= rows
        self.check_restored(rows)
        here = np.nonzero(rows)[0]
        if self.runs.living is not None:
            self.runs.living.steps.back.undo(here)
            return
        stop(self.runs, here)
        forget_entries(self.runs, here)
        UNDO[self.runs.plan.undo](self.runs, here)

    def restored(self) -> Flags:
        """Return where all traffic is on the old revision."""
        state = self.runs.state
        if not self.runs.pooled:
            return np.asarray(state.weight == 0)
        return np.asarray((state.new == self.runs.crashes.downs) & (state.old > 0))

    def check_restored(self, rows: Flags) -> None:
        """Note in `rows` that all traffic is back, where it is for the first time."""
        state = self.runs.state
        rows = rows & (state.restored == NEVER) & self.restored()
        state.restored = np.where(rows, state.now, state.restored)

    def check_back(self, rows: Index) -> None:
        """Look whether all traffic is back, where a way back has begun."""
        state = self.runs.state
        back = rows[(state.trigger[rows] < NEVER) | state.acted[rows]]
        if len(back):
            self.check_restored(state.flags(back))

    def end_undone(self, rows: Flags) -> None:
        """End the ways back that are done; people try again where one has failed."""
        self.runs.state.undoing &= ~rows
        self.check_restored(rows)
        self.runs.watching.call_again(rows & ~self.restored())
        self.check_over(rows)

    def check_over(self, rows: Flags) -> None:
        """Let runs be over whose deployment has ended and in which nothing is to come."""
        state = self.runs.state
        rows = rows & (state.ended < NEVER) & ~state.undoing & ~state.over
        if self.runs.living is not None:
            rows &= ~self.runs.living.steps.following
        if not rows.any():
            return
        at = np.flatnonzero(rows)
        over = self.runs.serving.share(at) <= 0
        over |= state.now[at] >= state.ended[at] + self.follow_us
        state.over[at[over]] = True
        open_ = at[~over]
        if len(open_):
            state.over[open_] = ~self.runs.serving.fault_to_come(open_)
