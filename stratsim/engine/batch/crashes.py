"""Instances of the new revision that die in many runs; see `stratsim.engine.crashes`.

A schedule counts an instance that is down as one in service: ``downs`` is how many
of them are not.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.model.quantities import Array

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]

_KEPT = 16
"""Returns of an instance whose draws are kept at hand."""


class Crashes:
    """The clocks of crash faults, and of hosts that die for good, in many runs.

    ``begun`` (rows, numbers) is when an instance got its first request since it
    began to serve, `NEVER` where it gets none.
    """

    def __init__(self, runs: "Runs") -> None:
        draws = runs.draws
        self.runs, self.size = runs, draws.size
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
        shape = runs.plan_.entered.shape
        self.begun, self.at, self.back = (np.full(shape, NEVER) for _ in range(3))
        self.down, self.stays = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.armed = np.zeros((shape[0], self.size), dtype=np.int64)
        self.downs = np.zeros(shape[0])
        self._luck: dict[tuple[int, int], Array] = {}

    @property
    def needed(self) -> bool:
        """Whether any instance can die."""
        return bool(self.faults or self.dying)

    def take(self, keep: Rows) -> None:
        """Keep only some rows."""
        for name in ("restart", "begun", "at", "back", "down", "stays", "armed", "downs"):
            setattr(self, name, getattr(self, name)[keep])
        self.faults = [(n, f, after[keep], hits[keep]) for n, f, after, hits in self.faults]
        self.dying = [(index, after[keep]) for index, after in self.dying]
        self._luck.clear()

    def next(self) -> Times:
        """Return when an instance dies or comes back next."""
        return np.asarray(np.minimum(self.at, self.back).min(axis=1))

    def act(self, here: Rows) -> Rows:
        """Let die and come back who is due in the rows `here`; return where anything changed."""
        rows = here[self.next()[here] <= self.runs.state.now[here]]
        if not len(rows):
            return rows
        now = self.runs.state.now[rows][:, None]
        dies = (self.at[rows] <= now) & (self.begun[rows] < NEVER)
        returns = self.back[rows] <= now
        restart = now + self.restart[rows][:, np.arange(dies.shape[1]) % self.size]
        back = np.where(returns, NEVER, self.back[rows])
        self.back[rows] = np.where(dies & ~self.stays[rows], restart, back)
        self.down[rows] = self.down[rows] & ~returns | dies
        self.begun[rows] = np.where(dies, NEVER, self.begun[rows])
        self.at[rows] = np.where(self.at[rows] <= now, NEVER, self.at[rows])
        self.watch(rows)
        return rows

    def watch(self, rows: Rows) -> None:
        """Set the clock of every instance that has begun to serve, and forget who has left."""
        if not len(rows):
            return
        state, plan = self.runs.state, self.runs.plan_
        now = state.now[rows][:, None]
        serving = (plan.entered[rows] <= now) & (state.leaving[rows] > now)
        self.down[rows] &= serving
        self.back[rows] = np.where(serving, self.back[rows], NEVER)
        self.downs[rows] = self.down[rows].sum(axis=1)
        self.begun[rows] = np.where(serving & ~self.down[rows], self.begun[rows], NEVER)
        used = self.runs.serving.share(rows)[:, None] > 0
        fresh = serving & ~self.down[rows] & (self.begun[rows] == NEVER) & used
        if fresh.any():
            self._arm(rows, fresh)

    def _arm(self, rows: Rows, fresh: Flags) -> None:
        now = self.runs.state.now[rows][:, None]
        places = np.arange(fresh.shape[1]) % self.size
        again = self.armed[rows][:, places]
        at = np.full(fresh.shape, NEVER)
        for number, fault, after, hits in self.faults:
            rate = fault.per_hour * hits[rows][:, places]
            luck = self._chances(number, rows, again, places, fresh)
            wait = 3600 / np.where(rate > 0, rate, 1.0) * -np.log1p(-luck)
            dies = now + np.minimum(after[rows][:, None] + us_many(np.minimum(wait, 1e12)), 1 << 60)
            at = np.where(fresh & (rate > 0), np.minimum(at, dies), at)
        stays = np.zeros_like(fresh)
        for index, after in self.dying:
            dies = np.where(fresh & (places == index), now + after[rows][:, None], NEVER)
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
                draws = self.runs.draws
                self._luck = dict(list(self._luck.items())[-_KEPT:])
                self._luck[key] = draws.chances("crash", number, time, kept=False)
            found = np.where(again == time, self._luck[key][rows][:, places], found)
        return found
