"""Target tracking in many runs whose two fleets stand behind a router of weights.

See `stratsim.engine.autoscaling`: both fleets are scaled, and so is a shadow of the
old one, the fleet as it would be without the deployment.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.engine.batch.pieces import replan
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.units import Units, policy_of
from stratsim.engine.clock import us
from stratsim.model.quantities import Array
from stratsim.model.service import Autoscaling
from stratsim.model.settings import MINUTE_S
from stratsim.signals import NEW, OLD, REQUESTS

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Counts = NDArray[np.int64]
Read = tuple[Times, Array, Array]
"""A minute that is acted upon later: when, its load [requests/s], the utilisation."""


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
            kept = getattr(self, name)
            now = self.runs.state.now[:, None]
            kept = kept[:, ((kept > now) & (kept < NEVER)).any(axis=0)]
            setattr(self, name, np.concatenate([kept, fresh], axis=1))


class Scaler:
    """The fleets' own scaling; ``size`` is what it wants of each of a run's fleets.

    ``warm`` (rows, numbers) is when an instance that it has launched is warm, `NEVER`
    for the others.
    """

    def __init__(self, runs: "Runs", policy: Autoscaling) -> None:
        rows, draws = len(runs.draws.rows), runs.draws
        self.runs, self.policy = runs, policy
        self.tracker, self.shadow = Tracker(policy, rows), Shadow(runs, policy)
        self.size = np.full(rows, runs.desired)
        self.starts = us_many(draws.values(runs.scenario.service.startup, "startup of a scale-out"))
        self.warm = np.full((rows, 0), NEVER)
        self.lag_us = us(runs.scenario.metrics.delay.mean)
        self.read: list[Read] = []

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        for part in (self.tracker, self.shadow):
            part.take(keep)
        for name in ("size", "starts", "warm"):
            setattr(self, name, getattr(self, name)[keep])
        self.read = [(at[keep], load[keep], level[keep]) for at, load, level in self.read]

    def next(self) -> Times:
        """Return when there is something to do next."""
        at = self.shadow.next()
        for when, _, _ in self.read:
            at = np.minimum(at, when)
        return at

    def look(self) -> None:
        """Read a minute that has ended; it is acted upon once CloudWatch has it."""
        state = self.runs.state
        sums, none = self.runs.minute.sums, np.zeros(len(state.now))
        loads = [sums.get((side, REQUESTS), none) / MINUTE_S for side in (OLD, NEW)]
        at = np.where(state.over, NEVER, state.now + self.lag_us)
        self.read = [read for read in self.read if (read[0] < NEVER).any()]
        self.read.append((at, loads[OLD] + loads[NEW], self._level(loads)))

    def _level(self, loads: list[Array]) -> Array:
        """Return the mean utilisation of all instances that serve and are warm."""
        runs, state = self.runs, self.runs.state
        capacity = runs.scenario.service.capacity
        busy = np.minimum(loads[OLD], state.old * capacity)
        busy = busy + np.minimum(loads[NEW], state.new * capacity)
        units = self._units()
        serving = (units.joined < state.now[:, None]) & (units.out >= state.now[:, None])
        cold = serving & (self.warm >= state.now[:, None]) & (self.warm < NEVER)
        room = (state.old + state.new - cold.sum(axis=1)) * capacity
        return np.where(room > 0, np.minimum(busy / np.where(room > 0, room, 1.0), 1.0), 1.0)

    def _units(self) -> Units:
        """Return the instances; as many columns tell when each is warm."""
        units = self.runs.plan_.units
        assert units is not None
        more = units.numbers - self.warm.shape[1]
        if more > 0:
            self.warm = np.pad(self.warm, [(0, 0), (0, more)], constant_values=NEVER)
        return units

    def act(self, here: Index) -> None:
        """Scale where a minute that has been read is due."""
        self.shadow.join(here)
        for at, load, level in self.read:
            rows = here[(at[here] <= self.runs.state.now[here]) & ~self.runs.state.over[here]]
            if len(rows):
                at[rows] = NEVER
                self._scale(rows, load[rows], level[rows])

    def _scale(self, rows: Index, load: Array, level: Array) -> None:
        self.shadow.look(rows, load, self.starts[rows])
        now, size = self.runs.state.now[rows], self.size[rows]
        sides = self._sides(rows)
        warming = (self.warm[rows] > now[:, None]) & (self.warm[rows] < NEVER)
        count = np.maximum(sides[OLD].astype(int) + sides[NEW], 1)
        wanted = self.tracker.sizes(rows, level, size, warming.sum(axis=1) // count)
        self.size[rows] = wanted
        moved = wanted != size
        if moved.any():
            self.runs.serving.account(rows[moved])
            both = [side[moved] for side in sides]
            self._resize(rows[moved], (wanted - size)[moved], both)

    def _sides(self, rows: Index) -> list[Flags]:
        """Return whether a run has instances of the old and of the new revision."""
        units, now = self._units(), self.runs.state.now[rows][:, None]
        runs = (units.launched[rows] <= now) & (units.gone[rows] > now)
        new = units.new[rows]
        return [np.asarray((runs & side).any(axis=1)) for side in (~new, new)]

    def _resize(self, rows: Index, change: Counts, sides: list[Flags]) -> None:
        """Change the fleets, and plan anew what a launch that is to come will start."""
        plan, state = self.runs.plan_, self.runs.state
        late = (plan.launching[rows] > state.now[rows]) & (state.ended[rows] == NEVER)
        for which in (late, ~late):
            here = rows[which]
            if len(here):
                units = self._units().take(here)
                edge = np.where(late[which], plan.launching[here], NEVER)
                units.forget(edge)
                for new in (False, True):
                    counts = np.where(sides[new][which], change[which], 0)
                    end = np.where(edge < NEVER, NEVER, self._end(here, new=new))
                    self._launch(here, units, np.maximum(counts, 0), end, new=new)
                    self._stop(here, units, np.maximum(-counts, 0), end, new=new)
                replan(self.runs, here, units, edge)

    def _end(self, rows: Index, *, new: bool) -> Times:
        """Return when what is planned ends a revision's fleet."""
        at = self.runs.state.undone[rows] if new else self.runs.plan_.retired[rows]
        open_ = self.runs.state.undoing[rows] if new else self.runs.state.ended[rows] == NEVER
        return np.where(open_ & (at > self.runs.state.now[rows]), at, NEVER)

    def _launch(self, rows: Index, units: Units, counts: Counts, end: Times, *, new: bool) -> None:
        if not counts.any():
            return
        now = self.runs.state.now[rows]
        fresh = units.launch(counts, now, new=new)
        place = np.arange(units.numbers) % self.starts.shape[1]
        ready = now[:, None] + self.starts[rows][:, place]
        units.joined = np.where(fresh, ready, units.joined)
        units.stop(fresh, end, end)
        self.warm = np.pad(
            self.warm,
            [(0, 0), (0, max(units.numbers - self.warm.shape[1], 0))],
            constant_values=NEVER,
        )
        warm = ready + us(self.policy.warmup)
        kept = self.warm[rows]
        kept[:, : units.numbers] = np.where(fresh, warm, kept[:, : units.numbers])
        self.warm[rows] = kept

    def _stop(self, rows: Index, units: Units, counts: Counts, end: Times, *, new: bool) -> None:
        """Take the newest instances out, and stop them when they have drained."""
        if not counts.any():
            return
        now = self.runs.state.now[rows]
        serving = units.serving(now) & (units.new == new)
        rank = serving[:, ::-1].cumsum(axis=1)[:, ::-1]  # 1 is the newest
        total = serving.sum(axis=1)
        count = np.where(counts <= total, counts, np.minimum(counts - total, total))
        gone = serving & (rank <= count[:, None])
        drained = np.minimum(now + us(self.runs.scenario.service.drain), end)
        units.stop(gone, now, drained)
        kept = self.warm[rows]
        kept[:, : units.numbers] = np.where(gone, NEVER, kept[:, : units.numbers])
        self.warm[rows] = kept


def scaler_of(runs: "Runs") -> Scaler | None:
    """Return what scales the fleets of `runs`."""
    policy = policy_of(runs.scenario)
    return None if policy is None else Scaler(runs, policy)
