"""ECS rolling updates of many replications at once; see `stratsim.engine.tasks`.

Every turn of the loop takes each replication to its next event: a task becomes
ready or fails, or the last one has drained; then the bounds say what may stop
and start. Arrays are (places, rows), so that a turn's passes run along the rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Amount, Draft, Flags, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.task_deaths import Deaths
from stratsim.engine.batch.waves import Patience
from stratsim.engine.clock import us
from stratsim.model.plan import Replace

Counts = NDArray[np.int64]


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
        self,
        draws: Draws,
        step: Replace,
        patience: Patience,
        draft: Draft,
        *,
        new: bool,
        deaths: Deaths | None = None,
    ) -> None:
        self.step, self.patience, self.draft, self.new = step, patience, draft, new
        purpose = "startup" if new else "startup of a rollback"
        self.starts = np.ascontiguousarray(us_many(draws.values(step.startup, purpose)).T)
        places, rows = self.starts.shape
        self.draws = draws
        self.doomed = {0: draws.struck("startup", "").T} if new else {}
        self.dooms = any(doomed.any() for doomed in self.doomed.values())
        self.rows, self.places = rows, places
        self.here = np.arange(places)[:, None]
        self.ready = np.full((places, rows), NEVER)
        self.fails = self.ready.copy() if self.dooms else self.ready[:1]
        self.drained = np.zeros(rows, dtype=np.int64)
        self.failures = np.zeros(rows, dtype=np.int64)
        self.entered = self.ready.copy()  # by number, which is the place while none fails
        self.number = np.broadcast_to(self.here, self.ready.shape).copy()
        self.left: list[tuple[Times, Counts]] = []
        self.deaths = deaths
        self.dead = np.zeros(rows, dtype=np.int64)
        self.mine_name, self.other_name = ("new", "old") if new else ("old", "new")

    def run(
        self,
        begin: Times,
        others: Counts,
        mine: Counts,
        launched: Counts,
        until: Times | None = None,
        entered: Times | None = None,
    ) -> Rolled:
        """Return how the pass ends that begins at `begin`.

        `others` are in service and to be replaced, `mine` serve already;
        `launched` is how many have been launched before. Nothing is decided at
        `until` or later: what has begun goes on. `entered` (rows, numbers) is when
        the others came, of which some may die.
        """
        self.came = entered
        stop = np.full(self.rows, NEVER) if until is None else until
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
            halted = active & (self._soonest() >= stop)
            failed |= halted
            active &= ~halted
            self._next(active)
            opened = active & self._opened()
            late = active & ~opened & (self.now >= self.deadline)
            breaker |= opened
            failed |= opened | late
            end = np.where(opened | late, self.now, end)
            active &= ~(opened | late)
        self._leftover(failed)
        return Rolled(end, failed, breaker, np.ascontiguousarray(self.entered.T))

    def leaving(self, entered: Times, now: Times) -> Times:
        """Return when each of the tasks that `entered` before is stopped, in their order."""
        if self.deaths is not None:
            return self.deaths.leave
        serving = entered < now[:, None]
        rank = np.where(serving, serving.cumsum(axis=1) - 1, self.places + 1)
        leaving = np.full(entered.shape, NEVER)
        gone = np.zeros(self.rows, dtype=np.int64)
        for at, count in self.left:
            here = (rank >= gone[:, None]) & (rank < (gone + count)[:, None])
            leaving = np.where(here, at[:, None], leaving)
            gone = gone + count
        return leaving

    def _replaced(self) -> Flags:
        """Whether all of one revision serve and all of the other have been told to stop."""
        return np.asarray((self.serving >= self.step.count) & (self.others == 0))

    def _complete(self) -> Flags:
        return self._replaced() & (self.drained <= self.now)

    def _opened(self) -> Flags:
        if self.step.breaker is None:
            return np.zeros(self.rows, dtype=bool)
        return np.asarray(self.failures >= self.step.breaker)

    def _stop_some(self, active: Flags) -> None:
        spare = self.serving + self.others - self.step.lower
        count = np.where(active, np.clip(spare, 0, self.others), 0)
        if not (count.any() or self.dead.any()):
            return
        self.others -= count
        if self.deaths is not None and self.came is not None:
            self.deaths.stop(self.came, count, self.now, active)
            count, self.dead = count + self.dead, self.dead * 0
        some = count > 0
        at = np.where(some, self.now, NEVER)
        self.draft.put(at, add={self.other_name: -count})
        self.left.append((at, count))
        drained = np.where(some, self.now + us(self.step.drain_s), NEVER)
        self.draft.put(drained, ordered=at, add={"running": -count})
        self.drained = np.where(some, drained, self.drained)  # the last to stop is the last gone
        self.deadline = np.where(some, self.now + self.limit, self.deadline)

    def _start_some(self, active: Flags) -> None:
        step = self.step
        room = np.minimum(step.upper - self.mine - self.others, step.count - self.mine)
        count = np.where(active, np.clip(room, 0, None), 0)
        if not count.any():
            return
        first = self.launched % self.places  # places are taken in turn
        last = first + count
        fresh = (self.here >= first) & (self.here < last) | (self.here < last - self.places)
        bad = fresh & self._doomed(first) if self.dooms else fresh[:0]
        if self.dooms:
            turn = (self.here - first) % self.places
            np.add(turn, self.launched, out=self.number, where=fresh)
            late = self.now + self.patience.unhealthy
            np.add(self.starts, late, out=self.fails, where=bad)
            fresh &= ~bad
        np.add(self.starts, self.now, out=self.ready, where=fresh)
        self.mine += count
        self.launched += count
        at = np.where(count > 0, self.now, NEVER)
        add: dict[str, Amount] = {"running": count, "pending": count, "launched": count}
        if self.new:
            add["lost_new"] = _count(bad)
        self.draft.put(at, add=add)

    def _enter(self, come: Flags) -> None:
        """Note when tasks come into service."""
        if not self.dooms:
            np.minimum(self.entered, self.ready, out=self.entered, where=come)
            return
        more = int(self.launched.max()) - len(self.entered)
        if more > 0:
            wide = np.full((more, self.rows), NEVER)
            self.entered = np.concatenate([self.entered, wide])
        place, row = np.nonzero(come)
        self.entered[self.number[place, row], row] = self.ready[place, row]

    def _doomed(self, first: Counts) -> Flags:
        """Return which places' tasks fail; what replaces a failed one meets the chance anew."""
        again = self.launched // self.places + (self.here < first)
        found = np.zeros(again.shape, dtype=bool)
        for time in np.unique(again).tolist():
            if time not in self.doomed:
                self.doomed[time] = self.draws.struck("startup", "", time).T
            found |= (again == time) & self.doomed[time]
        return found

    def _soonest(self) -> Times:
        """Return when the next event comes."""
        soonest = np.where(self._replaced(), self.drained, NEVER)
        soonest = np.minimum(soonest, self.ready.min(axis=0))
        if self.dooms:
            soonest = np.minimum(soonest, self.fails.min(axis=0))
        if self.deaths is not None:
            soonest = np.minimum(soonest, self.deaths.next())
        return np.asarray(np.minimum(soonest, self.deadline))

    def _next(self, active: Flags) -> None:
        """Go to the next event, and let happen what falls into that moment."""
        now = self.now = np.where(active, self._soonest(), self.now)
        come = (self.ready <= now) & active
        self._enter(come)
        np.copyto(self.ready, NEVER, where=come)
        came, failed = _count(come), np.zeros(self.rows, dtype=np.int64)
        if self.dooms:
            lost = (self.fails <= now) & active
            np.copyto(self.fails, NEVER, where=lost)
            failed = _count(lost)
        self._note(now, came, failed)
        self.serving += came
        self.mine -= failed
        if self.step.breaker_resets:
            self.failures = np.where(came > 0, 0, self.failures)
        if self.deaths is not None:
            failed = failed + self._die(self.deaths, active)
        self.failures += failed
        moved = (came > 0) | ((failed > 0) & (self.step.breaker is not None))
        self.deadline = np.where(moved, now + self.limit, self.deadline)

    def _die(self, deaths: Deaths, active: Flags) -> Counts:
        """Let tasks of the new revision die and come back; return how many have died."""
        entered = self.entered.T if self.came is None else self.came
        died, downs = deaths.play(entered, self.now, active)
        if self.came is None:
            self.serving -= downs
        else:
            self.others, self.dead = self.others - died, self.dead + died
        return died

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
        self._enter(failed & (self.ready < NEVER))
        for place in range(self.places):
            ready = np.where(failed, self.ready[place], NEVER)
            if (ready < NEVER).any():
                self.draft.put(ready, add={"pending": -1, self.mine_name: 1})
            fails = np.where(failed, self.fails[place], NEVER) if self.dooms else ready[:0]
            if (fails < NEVER).any():
                self.draft.put(fails, add={"pending": -1, "running": -1, "lost_new": -1})


def _count(flags: Flags) -> Counts:
    """Return how many places are true in each row."""
    return np.asarray(np.add.reduce(flags, axis=0, dtype=np.int64))
