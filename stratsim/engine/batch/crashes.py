"""Instances of the new revision that die in many runs; see `stratsim.engine.crashes`.

A schedule counts an instance that is down as one in service: ``downs`` is how many
of them are not. Steps that look at who serves play the clocks for themselves: they
tell the same, since the draws are the same.
"""

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.fail_open import fails_open
from stratsim.model.quantities import Array

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]

_KEPT = 16
"""Returns of an instance whose draws are kept at hand."""
_BY_NUMBER: dict[str, Any] = {
    "begun": NEVER,
    "at": NEVER,
    "back": NEVER,
    "down": False,
    "stays": False,
}


def may_crash(draws: Draws) -> bool:
    """Whether any instance can die."""
    return any(
        f.kind == "crash" or (f.kind == "host" and f.after.mean > 0 and f.index < draws.size)
        for f in draws.specs
    )


class Clocks:
    """The clocks of crash faults, and of hosts that die for good, in many replications.

    ``begun`` (rows, numbers) is when an instance got its first request since it
    began to serve, `NEVER` where it gets none; ``at`` when it dies next, ``back``
    when it serves again, and ``down`` that it has died.
    """

    def __init__(self, draws: Draws, numbers: int) -> None:
        self.draws, self.size = draws, draws.size
        self.faults = [
            (number, fault, us_many(draws.drawn(number, "after", fault.after)), draws.hits(number))
            for number, fault in enumerate(draws.specs)
            if fault.kind == "crash"
        ]
        self.dying = [
            (fault.index, us_many(draws.drawn(number, "after", fault.after)))
            for number, fault in enumerate(draws.specs)
            if fault.kind == "host" and fault.after.mean > 0 and fault.index < self.size
        ]
        service = draws.scenario.service
        self.restart = us_many(draws.values(service.startup, "restart"))
        shape = (len(draws.rows), numbers)
        self.begun, self.at, self.back = (np.full(shape, NEVER) for _ in range(3))
        self.down, self.stays = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.armed = np.zeros((shape[0], self.size), dtype=np.int64)
        self._luck: dict[tuple[int, int], Array] = {}

    def take(self, keep: Rows, draws: Draws) -> None:
        """Keep only some rows, whose draws are `draws`."""
        self.draws = draws
        for name in ("restart", "armed", *_BY_NUMBER):
            setattr(self, name, getattr(self, name)[keep])
        self.faults = [(n, f, after[keep], hits[keep]) for n, f, after, hits in self.faults]
        self.dying = [(index, after[keep]) for index, after in self.dying]
        self._luck = {}

    def of(self, rows: Rows, draws: Draws) -> "Clocks":
        """Return the clocks of some rows as they stand, to be played on their own."""
        other = copy(self)
        other.take(rows, draws)
        return other

    def widen(self, numbers: int) -> None:
        """Make columns for so many numbers."""
        more = numbers - self.begun.shape[1]
        if more > 0:
            for name, fill in _BY_NUMBER.items():
                wide = np.pad(getattr(self, name), [(0, 0), (0, more)], constant_values=fill)
                setattr(self, name, wide)

    def next(self) -> Times:
        """Return when an instance dies or comes back next."""
        return np.asarray(np.minimum(self.at, self.back).min(axis=1))

    def strike(self, rows: Rows, now: Times) -> Flags:
        """Let die and come back who is due in `rows` at `now`; return who has died."""
        now = now[:, None]
        dies = (self.at[rows] <= now) & (self.begun[rows] < NEVER)
        returns = self.back[rows] <= now
        restart = now + self.restart[rows][:, np.arange(dies.shape[1]) % self.size]
        back = np.where(returns, NEVER, self.back[rows])
        self.back[rows] = np.where(dies & ~self.stays[rows], restart, back)
        self.down[rows] = self.down[rows] & ~returns | dies
        self.begun[rows] = np.where(dies, NEVER, self.begun[rows])
        self.at[rows] = np.where(self.at[rows] <= now, NEVER, self.at[rows])
        return np.asarray(dies)

    def forget(self, rows: Rows, serving: Flags) -> None:
        """Forget the instances that no longer are the schedule's: all but `serving`."""
        self.down[rows] &= serving
        self.back[rows] = np.where(serving, self.back[rows], NEVER)
        kept = serving & ~self.down[rows]
        self.begun[rows] = np.where(kept, self.begun[rows], NEVER)
        self.at[rows] = np.where(kept, self.at[rows], NEVER)  # a clock that was left tells nothing

    def begin(self, rows: Rows, now: Times, serving: Flags) -> None:
        """Set the clock of every instance of `serving` that has begun to serve."""
        fresh = serving & ~self.down[rows] & (self.begun[rows] == NEVER)
        if fresh.any():
            self._arm(rows, now[:, None], fresh)

    def _arm(self, rows: Rows, now: Times, fresh: Flags) -> None:
        places = np.arange(fresh.shape[1]) % self.size
        again = self.armed[rows][:, places] + _earlier(fresh, self.size)
        at = np.full(fresh.shape, NEVER)
        for number, fault, after, hits in self.faults:
            rate = fault.per_hour * hits[rows][:, places]
            luck = self._chances(number, rows, again, places, fresh)
            wait = 3600 / np.where(rate > 0, rate, 1.0) * -np.log1p(-luck)
            dies = now + np.minimum(after[rows][:, None] + us_many(np.minimum(wait, 1e12)), 1 << 60)
            at = np.where(fresh & (rate > 0), np.minimum(at, dies), at)
        stays = np.zeros_like(fresh)
        for index, after in self.dying:
            later = after[rows][:, None]  # at once is no death: it never works, see `scripts`
            dies = np.where(fresh & (places == index) & (later > 0), now + later, NEVER)
            stays |= fresh & (dies <= at) & (dies < NEVER)
            at = np.minimum(at, dies)
        self.at[rows] = np.where(fresh, at, self.at[rows])
        self.stays[rows] = np.where(fresh, stays, self.stays[rows])
        self.begun[rows] = np.where(fresh, now, self.begun[rows])
        for place in range(fresh.shape[1]):
            self.armed[rows, place % self.size] += fresh[:, place]

    def _chances(self, number: int, rows: Rows, again: Rows, places: Rows, fresh: Flags) -> Array:
        """Return one uniform per instance: that of its place, and of how often it has begun."""
        found = np.zeros(again.shape)
        for time in np.unique(again[fresh]).tolist():
            key = (number, time)
            if key not in self._luck:
                self._luck = dict(list(self._luck.items())[-_KEPT:])
                self._luck[key] = self.draws.chances("crash", number, time, kept=False)
            found = np.where(again == time, self._luck[key][rows][:, places], found)
        return found


def _earlier(fresh: Flags, size: int) -> Rows:
    """Return how many of `fresh` have the same place in a fleet of `size` and a lower number."""
    found = np.zeros(fresh.shape, dtype=np.int64)
    for number in range(size, fresh.shape[1]):
        found[:, number] = found[:, number - size] + fresh[:, number - size]
    return found


class Crashes:
    """The clocks of the runs, which follow their schedules.

    ``downs`` is how many instances that a schedule counts as in service are not.
    Where unhealthy targets may get requests ``sick`` is how many are restarting, each
    ``until`` its time (rows, numbers) and whatever becomes of it meanwhile.
    """

    def __init__(self, runs: "Runs") -> None:
        self.runs, self.needed = runs, may_crash(runs.draws)
        self.clocks = Clocks(runs.draws, runs.plan_.entered.shape[1])
        self.downs = np.zeros(len(self.clocks.begun))
        self.counts_sick = fails_open(runs.scenario)
        self.until, self.sick = np.full(self.clocks.begun.shape, NEVER), self.downs.copy()

    def take(self, keep: Rows) -> None:
        """Keep only some rows."""
        self.downs, self.sick, self.until = self.downs[keep], self.sick[keep], self.until[keep]
        self.clocks.take(keep, self.runs.draws)

    def next(self) -> Times:
        """Return when an instance dies or comes back next."""
        at = self.clocks.next()
        return np.minimum(at, self.until.min(axis=1)) if self.counts_sick else at

    def act(self, here: Rows) -> Rows:
        """Let die and come back who is due in the rows `here`; return how many have died."""
        dies = self.clocks.strike(here, self.runs.state.now[here])
        if self.counts_sick:
            self._restart(here, dies)
        self.watch(here)
        return np.asarray(dies.sum(axis=1))

    def _restart(self, here: Rows, dies: Flags) -> None:
        """Count who is restarting."""
        more = dies.shape[1] - self.until.shape[1]
        self.until = np.pad(self.until, [(0, 0), (0, more)], constant_values=NEVER)
        clocks, now = self.clocks, self.runs.state.now[here][:, None]
        until = np.where(self.until[here] <= now, NEVER, self.until[here])
        until = np.where(dies & ~clocks.stays[here], clocks.back[here], until)
        self.until[here] = until
        self.sick[here] = (until < NEVER).sum(axis=1)

    def watch(self, rows: Rows) -> None:
        """Set the clock of every instance that has begun to serve, and forget who has left."""
        state, plan, clocks = self.runs.state, self.runs.plan_, self.clocks
        clocks.widen(plan.entered.shape[1])
        now = state.now[rows]
        serving = (plan.entered[rows] <= now[:, None]) & (state.leaving[rows] > now[:, None])
        clocks.forget(rows, serving)
        self.downs[rows] = clocks.down[rows].sum(axis=1)
        used = self.runs.serving.share(rows)[:, None] > 0
        clocks.begin(rows, now, serving & used)
