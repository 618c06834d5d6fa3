"""Target tracking in many runs: the policy, and the fleets as they would be untouched.

See `stratsim.engine.autoscaling`.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Times
from stratsim.engine.batch.state import Index
from stratsim.engine.clock import us
from stratsim.model.quantities import Array
from stratsim.model.service import Autoscaling

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Counts = NDArray[np.int64]


class Tracker:
    """The two alarms of a target tracking policy; see `stratsim.engine.autoscaling.Tracker`."""

    def __init__(self, policy: Autoscaling, rows: int) -> None:
        self.policy = policy
        self.high, self.low = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.high, self.low = self.high[keep], self.low[keep]

    def sizes(self, rows: Index, level: Array, size: Counts, warming: Counts) -> Counts:
        """Return the sizes wanted in `rows` after a minute at utilisation `level`."""
        policy = self.policy
        target = policy.target_utilization
        high = np.where(level > target, self.high[rows] + 1, 0)
        below = (level < target * policy.scale_in_margin) & (warming == 0)
        low = np.where(below, self.low[rows] + 1, 0)
        wanted = np.ceil(np.round((size - warming) * level / target, 6)).astype(np.int64)
        wanted = np.clip(wanted, policy.min, policy.max)
        grows = high >= policy.scale_out_periods
        shrinks = ~grows & (low >= policy.scale_in_periods)
        self.high[rows], self.low[rows] = high, np.where(shrinks, 0, low)
        wanted = np.where(grows, np.maximum(wanted, size), np.minimum(wanted, size))
        return np.where(grows | shrinks, wanted, size)


class Shadow:
    """The fleets as they would be without the deployments, in numbers only.

    ``size`` would run and ``serving`` serve; ``joins`` and ``warms`` (rows, launches)
    are when instances that were launched begin to serve, and are warm.
    """

    def __init__(self, runs: "Runs", policy: Autoscaling) -> None:
        rows = len(runs.draws.rows)
        self.runs, self.tracker = runs, Tracker(policy, rows)
        self.size = np.full(rows, runs.desired)
        self.serving = runs.state.old.copy()
        self.joins, self.warms = np.full((rows, 0), NEVER), np.full((rows, 0), NEVER)
        self._show()

    def _show(self) -> None:
        """Let those see the sizes, as they change in place, who count requests."""
        flow = self.runs.serving.flow
        flow.usual, flow.untouched = self.size, self.serving

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.tracker.take(keep)
        for name in ("size", "serving", "joins", "warms"):
            setattr(self, name, getattr(self, name)[keep])
        self._show()

    def next(self) -> Times:
        """Return when an instance begins to serve next."""
        return np.asarray(self.joins.min(axis=1, initial=NEVER))

    def join(self, here: Index) -> None:
        """Let those serve whose time has come."""
        due = here[self.next()[here] <= self.runs.state.now[here]]
        if not len(due):
            return
        self.runs.serving.account(due)
        come = self.joins[due] <= self.runs.state.now[due][:, None]
        self.serving[due] += come.sum(axis=1)
        self.joins[due] = np.where(come, NEVER, self.joins[due])

    def look(self, rows: Index, load: Array, starts: Times) -> None:
        """Follow the traffic of a minute; `starts` (rows, hosts) are start-up times."""
        state, capacity = self.runs.state, self.runs.scenario.service.capacity
        now, room = state.now[rows], self.serving[rows] * capacity
        level = np.where(room > 0, np.minimum(load / np.where(room > 0, room, 1.0), 1.0), 1.0)
        warming = (self.warms[rows] > now[:, None]) & (self.warms[rows] < NEVER)
        size = self.size[rows]
        wanted = self.tracker.sizes(rows, level, size, warming.sum(axis=1))
        if not (wanted != size).any():
            return
        self.runs.serving.account(rows[wanted != size])
        self._launch(rows, size, wanted, starts)
        self.serving[rows] -= np.maximum(size - wanted, 0)
        self.size[rows] = wanted

    def _launch(self, rows: Index, size: Counts, wanted: Counts, starts: Times) -> None:
        more = int((wanted - size).max())
        if more <= 0:
            return
        place = size[:, None] + np.arange(more)
        at = np.take_along_axis(starts, place % starts.shape[1], axis=1)
        at = np.where(place < wanted[:, None], self.runs.state.now[rows][:, None] + at, NEVER)
        warm_us = us(self.tracker.policy.warmup)
        for name, times in (("joins", at), ("warms", np.where(at < NEVER, at + warm_us, NEVER))):
            fresh = np.full((len(self.runs.state.now), more), NEVER)
            fresh[rows] = times
            # what is due in this instant may have yet to happen in other rows
            kept = getattr(self, name)
            later = (kept >= self.runs.state.now[:, None]) & (kept < NEVER)
            setattr(self, name, np.concatenate([kept[:, later.any(axis=0)], fresh], axis=1))
