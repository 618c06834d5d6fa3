"""ECS rolling updates of many replications at once; see `stratsim.engine.tasks`.

Every turn of the loop takes each replication to its next event: a task becomes
ready, fails, or has drained; then the bounds say what may stop and start.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Amount, Draft, Flags, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.clock import us
from stratsim.model.plan import Replace

Counts = NDArray[np.int64]


@dataclass(slots=True)
class Patience:
    """How long nothing may move, and how long an unhealthy task is waited for [us]."""

    idle: int
    unhealthy: int


@dataclass(slots=True)
class Rolled:
    """How a pass ended: when, whether it failed, whether that may be undone."""

    end: Times
    failed: Flags
    by_breaker: Flags
    entered: Times


class Tasks:
    """One pass in many replications; `new` says which revision comes."""

    def __init__(
        self, draws: Draws, step: Replace, patience: Patience, draft: Draft, *, new: bool
    ) -> None:
        self.step, self.patience, self.draft, self.new = step, patience, draft, new
        purpose = "startup" if new else "startup of a rollback"
        self.starts = us_many(draws.values(step.startup, purpose))
        rows, places = self.starts.shape
        self.doomed = draws.struck("startup", "") if new else np.zeros((rows, places), dtype=bool)
        self.rows, self.places = rows, places
        self.here = np.arange(places)
        self.ready = np.full((rows, places), NEVER)
        self.fails = np.full((rows, places), NEVER)
        self.gone = np.full((rows, 2 * places), NEVER)
        self.gones = np.zeros(rows, dtype=np.int64)
        self.failures = np.zeros(rows, dtype=np.int64)
        self.entered = np.full((rows, places), NEVER)
        self.left: list[tuple[Times, Counts]] = []
        self.mine_name, self.other_name = ("new", "old") if new else ("old", "new")

    def run(self, begin: Times, others: Counts, mine: Counts, launched: Counts) -> Rolled:
        """Return how the pass ends that begins at `begin`.

        `others` are in service and to be replaced, `mine` serve already;
        `launched` is how many have been launched before.
        """
        self.now, self.others = begin.copy(), others.copy()
        self.mine, self.serving, self.launched = mine.copy(), mine.copy(), launched.copy()
        self.limit = min(us(min(self.step.timeout_s, 1e9)), self.patience.idle)
        self.deadline = self.now + self.limit
        end = np.where(begin < NEVER, NEVER, 0)
        failed = np.zeros(self.rows, dtype=bool)
        breaker = failed.copy()
        active = begin < NEVER
        while active.any():
            self._stop_some(active)
            self._start_some(active)
            done = active & self._complete()
            end = np.where(done, self.now, end)
            active &= ~done
            self._next(active)
            opened = active & self._opened()
            late = active & ~opened & (self.now >= self.deadline)
            breaker |= opened
            failed |= opened | late
            end = np.where(opened | late, self.now, end)
            active &= ~(opened | late)
        self._leftover(failed)
        return Rolled(end, failed, breaker, self.entered)

    def leaving(self, entered: Times, now: Times) -> Times:
        """Return when each of the tasks that `entered` before is stopped, in their order."""
        serving = entered < now[:, None]
        rank = np.where(serving, serving.cumsum(axis=1) - 1, self.places + 1)
        leaving = np.full(entered.shape, NEVER)
        gone = np.zeros(self.rows, dtype=np.int64)
        for at, count in self.left:
            here = (rank >= gone[:, None]) & (rank < (gone + count)[:, None])
            leaving = np.where(here, at[:, None], leaving)
            gone = gone + count
        return leaving

    def _complete(self) -> Flags:
        drained = (self.gone == NEVER).all(axis=1)
        return np.asarray((self.serving >= self.step.count) & (self.others == 0) & drained)

    def _opened(self) -> Flags:
        if self.step.breaker is None:
            return np.zeros(self.rows, dtype=bool)
        return np.asarray(self.failures >= self.step.breaker)

    def _stop_some(self, active: Flags) -> None:
        spare = self.serving + self.others - self.step.lower
        count = np.where(active, np.clip(spare, 0, self.others), 0)
        if not count.any():
            return
        some = count > 0
        self.others -= count
        at = np.where(some, self.now, NEVER)
        self.draft.put(at, add={self.other_name: -count})
        self.left.append((at, count))
        drained = np.where(some, self.now + us(self.step.drain_s), NEVER)
        self.draft.put(drained, ordered=at, add={"running": -count})
        place = np.arange(self.gone.shape[1])
        free = (self.gone == NEVER).cumsum(axis=1) * (self.gone == NEVER)
        slot = some[:, None] & (free == 1) & (place < self.gone.shape[1])
        self.gone = np.where(slot, drained[:, None], self.gone)
        self.deadline = np.where(some, self.now + self.limit, self.deadline)

    def _start_some(self, active: Flags) -> None:
        step = self.step
        room = np.minimum(step.upper - self.mine - self.others, step.count - self.mine)
        count = np.where(active, np.clip(room, 0, None), 0)
        if not count.any():
            return
        offset = (self.here - self.launched[:, None]) % self.places
        fresh = offset < count[:, None]
        bad = fresh & self.doomed
        soon = self.now[:, None] + self.starts
        self.ready = np.where(fresh & ~bad, soon, self.ready)
        self.fails = np.where(bad, soon + self.patience.unhealthy, self.fails)
        self.mine += count
        self.launched += count
        at = np.where(count > 0, self.now, NEVER)
        add: dict[str, Amount] = {"running": count, "pending": count, "launched": count}
        if self.new:
            add["lost_new"] = bad.sum(axis=1)
        self.draft.put(at, add=add)

    def _next(self, active: Flags) -> None:
        """Go to the next event, and let happen what falls into that moment."""
        soonest = np.minimum(self.ready.min(axis=1), self.fails.min(axis=1))
        soonest = np.minimum(soonest, self.gone.min(axis=1))
        now = np.where(active, np.minimum(soonest, self.deadline), self.now)
        self.now = now
        at = now[:, None]
        come = (self.ready <= at) & active[:, None]
        lost = (self.fails <= at) & active[:, None]
        self.entered = np.where(come, np.minimum(self.entered, self.ready), self.entered)
        self.ready = np.where(come, NEVER, self.ready)
        self.fails = np.where(lost, NEVER, self.fails)
        self.gone = np.where((self.gone <= at) & active[:, None], NEVER, self.gone)
        came, failed = come.sum(axis=1), lost.sum(axis=1)
        self._note(now, came, failed)
        self.serving += came
        self.mine -= failed
        if self.step.breaker_resets:
            self.failures = np.where(came > 0, 0, self.failures)
        self.failures += failed
        moved = (came > 0) | ((failed > 0) & (self.step.breaker is not None))
        self.deadline = np.where(moved, now + self.limit, self.deadline)

    def _note(self, now: Times, came: Counts, failed: Counts) -> None:
        if came.any():
            at = np.where(came > 0, now, NEVER)
            self.draft.put(at, add={"pending": -came, self.mine_name: came})
        if failed.any():
            at = np.where(failed > 0, now, NEVER)
            add = {"pending": -failed, "running": -failed, "lost_new": -failed}
            self.draft.put(at, add=add)

    def _leftover(self, failed: Flags) -> None:
        """Tasks that were starting when the pass failed go on where nobody stops them."""
        if not failed.any():
            return
        for place in range(self.places):
            ready = np.where(failed, self.ready[:, place], NEVER)
            if (ready < NEVER).any():
                self.draft.put(ready, add={"pending": -1, self.mine_name: 1})
            fails = np.where(failed, self.fails[:, place], NEVER)
            if (fails < NEVER).any():
                self.draft.put(fails, add={"pending": -1, "running": -1, "lost_new": -1})
