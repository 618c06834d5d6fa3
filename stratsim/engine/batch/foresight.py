"""Who of the new revision will be down, for a schedule that depends on it."""

import numpy as np

from stratsim.engine.batch.changes import NEVER, Draft, Flags, Times
from stratsim.engine.batch.crashes import Clocks, Rows
from stratsim.engine.batch.units import Units
from stratsim.model.quantities import Array


class Foresight:
    """The clocks of crashes, played ahead of the runs while their schedule is made.

    They have come to ``now``; ``weight`` is the new revision's share then, None where
    traffic is split evenly, and ``draft`` tells how it goes on.
    """

    def __init__(self, clocks: Clocks, now: Times, draft: Draft, weight: Array | None) -> None:
        self.clocks, self.now, self.draft, self.weight = clocks, now.copy(), draft, weight

    def down(self, units: Units, until: Times, active: Flags) -> Flags:
        """Return which instances have died by `until` in the rows `active`, and are not back."""
        clocks = self.clocks
        clocks.widen(units.numbers)
        while True:
            soonest = np.minimum(self._joins(units), clocks.next())
            if self.weight is not None:
                soonest = np.minimum(soonest, self._shifts())
            rows = np.flatnonzero(active & (soonest <= until))
            if not len(rows):
                return clocks.down[:, : units.numbers]
            self.now[rows] = soonest[rows]
            self._play(rows, units)

    def _play(self, rows: Rows, units: Units) -> None:
        now = self.now[rows]
        at = now[:, None]
        serving = units.new[rows] & (units.joined[rows] <= at) & (units.out[rows] > at)
        self.clocks.forget(rows, serving)
        self.clocks.strike(rows, now)
        self.clocks.begin(rows, now, serving & self._used(rows)[:, None])

    def _joins(self, units: Units) -> Times:
        later = units.new & (units.joined > self.now[:, None])
        return np.asarray(np.where(later, units.joined, NEVER).min(axis=1))

    def _shifts(self) -> Times:
        """Return when the weight changes next."""
        soonest = np.full(len(self.now), NEVER)
        for time, _, weight, _ in self.draft.columns:
            later = ~np.isnan(weight) & (time > self.now)
            soonest = np.minimum(soonest, np.where(later, time, NEVER))
        return soonest

    def _used(self, rows: Rows) -> Flags:
        """Return where the new revision has a share of the traffic."""
        if self.weight is None:
            return np.ones(len(rows), dtype=bool)
        share = self.weight[rows]
        for time, _, weight, _ in self.draft.columns:
            here = ~np.isnan(weight[rows]) & (time[rows] <= self.now[rows])
            share = np.where(here, weight[rows], share)
        return np.asarray(share > 0)
