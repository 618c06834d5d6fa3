"""Shares of a fleet that get a configuration while Auto Scaling is at work, in many runs.

See `stratsim.engine.scaling.configure`.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.living_hosts import Ended
from stratsim.model.scaling import Configure

if TYPE_CHECKING:
    from stratsim.engine.batch.living import Living

Counts = NDArray[np.int64]


class LiveConfigure:
    """One share of the instances that is ordered, and has effect ``at`` some time later.

    The first and the last share are waited for (``awaited``); what was ordered has its
    effect also where the deployment has ended since.
    """

    def __init__(self, living: "Living", step: Configure, then: Ended) -> None:
        self.living, self.step, self.then = living, step, then
        self.at = np.full(len(living.soon), NEVER)
        self.awaited = np.zeros(len(living.soon), dtype=bool)

    @property
    def active(self) -> Flags:
        """Where a share was ordered and has no effect yet."""
        return self.at < NEVER

    def take(self, keep: Counts) -> None:
        """Keep only some rows."""
        self.at, self.awaited = self.at[keep], self.awaited[keep]

    def widen(self, numbers: int) -> None:
        """Make columns for so many numbers: it has none."""

    def next(self) -> Times:
        """Return when the share has its effect."""
        return self.at

    def begin(self, rows: Counts) -> None:
        """Order the share."""
        living = self.living
        self.at[rows] = living.now[rows] + living.runs.reroute_us
        if self.step.share in (0.0, 1.0):
            self.awaited[rows] = True
            return
        flags = living.flags(rows)
        self.then(flags, flags & False)

    def halt(self, rows: Flags) -> None:
        """Let nobody wait any more."""
        self.awaited &= ~rows

    def act(self) -> None:
        """Convert instances where it is time, and go on where that was waited for."""
        due = (self.at <= self.living.now) & self.living.acting
        if not due.any():
            return
        self.at = np.where(due, NEVER, self.at)
        self._convert(np.flatnonzero(due))
        over = due & self.awaited
        if over.any():
            self.awaited &= ~over
            self.then(over, over & False)

    def _convert(self, rows: Counts) -> None:
        """Convert the nearest whole number of instances, in the order of each world.

        One that has died of its configuration gets another as well, and serves with it.
        """
        living, units = self.living, self.living.units
        # those that have died count, those launched since and about to serve do not
        ordered = living.now[:, None] - living.runs.reroute_us
        late = (units.starting == living.now[:, None]) & (units.launched >= ordered)
        hosts = (units.open(living.now) & units.serving(living.now) & ~late)[rows]
        new = _first(living, rows, hosts, self.step.share)
        which = np.zeros(units.new.shape, dtype=bool)
        which[rows] = hosts & (units.new[rows] != new)
        living.touch(np.asarray(which.any(axis=1)))
        units.to_new = np.where(which, ~units.new, units.to_new)
        living.turn(which)


def _first(living: "Living", rows: Counts, hosts: Flags, share: float) -> Flags:
    """Return which of the `hosts` come first in the order, as many as have the share."""
    counts, place = hosts.sum(axis=1), np.maximum(hosts.cumsum(axis=1) - 1, 0)
    new = np.zeros(hosts.shape, dtype=bool)
    for count in np.unique(counts[counts > 0]).tolist():
        here = counts == count
        order = np.argsort(living.draws(rows[here]).order(count), axis=1)
        found = np.take_along_axis(order, np.minimum(place[here], count - 1), axis=1)
        new[here] = hosts[here] & (found < int(share * count + 0.5))
    return new
