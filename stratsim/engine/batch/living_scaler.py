"""Target tracking of the fleets of many runs.

See `stratsim.engine.autoscaling`: whom a fleet gets with which revision, and whom it loses.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.autoscaling import shares
from stratsim.engine.batch.autoscaling import Shadow, Tracker
from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.engine.batch.living import Living
from stratsim.engine.batch.living_hosts import LivePass, Together
from stratsim.engine.batch.living_tasks import LiveTasks
from stratsim.engine.batch.living_units import ByNumber, shifted
from stratsim.engine.batch.living_waves import LiveWaves
from stratsim.engine.batch.scripts import script
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.timetable import SUCCEEDED
from stratsim.engine.batch.units import LONG_AGO, never_healthy, policy_of
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
PENDING = NEVER - 1
"""When an instance is warm that will be given up."""


class Scaler:
    """The fleets' own scaling; ``size`` is what it wants of each of a run's fleets."""

    def __init__(self, runs: "Runs", policy: Autoscaling, living: Living) -> None:
        self.runs, self.policy, self.living = runs, policy, living
        rows = len(runs.draws.rows)
        self.tracker, self.shadow = Tracker(policy, rows), Shadow(runs, policy)
        self.size = np.full(rows, runs.desired)
        startup = runs.scenario.service.startup
        self.starts = us_many(runs.draws.values(startup, "startup of a scale-out"))
        self.lag_us = us(runs.scenario.metrics.delay.mean)
        self.read: list[Read] = []
        self.hook, self.shared = runs.plan.launch_hook, shares(runs.plan)
        self.counts_idle = runs.pooled and runs.plan.undo == "redeploy"
        self.warmup_us = us(policy.warmup)
        self.suspends = _suspends(runs) and self.counts_idle

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        for part in (self.tracker, self.shadow):
            part.take(keep)
        self.size, self.starts = self.size[keep], self.starts[keep]
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
        """Return the mean utilisation of all instances that are warm.

        What falls into this instant has yet to happen.
        """
        runs, state, units = self.runs, self.runs.state, self.living.units
        capacity = runs.scenario.service.capacity
        downs, now = runs.crashes.downs, state.now[:, None]
        busy = np.minimum(loads[OLD], state.old * capacity)
        busy = busy + np.minimum(loads[NEW], (state.new - downs) * capacity)
        cold = (units.warm >= now) & (units.warm < NEVER)
        if self.counts_idle:
            cold &= (units.launched < now) & (units.gone >= now)
            count = state.running
        else:
            cold &= self.living.up_before()
            count = state.old + state.new - downs
        room = (count - cold.sum(axis=1)) * capacity
        return np.where(room > 0, np.minimum(busy / np.where(room > 0, room, 1.0), 1.0), 1.0)

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
        size, state = self.size[rows], self.runs.state
        sides = self._sides()
        count = np.maximum(sides[OLD].astype(int) + sides[NEW], 1)[rows]
        wanted = self.tracker.sizes(rows, level, size, self._warming(rows) // count)
        held = (wanted < size) & (state.ended[rows] == NEVER) & self.suspends
        held |= (wanted != size) & self._suspended()[rows]
        self.tracker.low[rows[held]] = self.policy.scale_in_periods - 1  # it asks again
        wanted = np.where(held, size, wanted)
        self.size[rows] = wanted
        change = np.zeros(len(state.now), dtype=np.int64)
        change[rows] = wanted - size
        for each in self.living.passes.values():
            if isinstance(each, LiveTasks):
                here = each.active & (change != 0)
                each.resize(np.flatnonzero(here))
                change = np.where(here, 0, change)
        self._resize([np.where(side, change, 0) for side in sides], rows, size)

    def _suspended(self) -> Flags:
        """Return where a step suspends scaling."""
        held = np.zeros(len(self.size), dtype=bool)
        for each in self.living.passes.values():
            if isinstance(each, LiveWaves) and each.step.suspends:
                held |= each.active
        return held

    def _resize(self, changes: list[Counts], rows: Index, before: Counts) -> None:
        """Resize fleets of `rows`, of services that had `before` instances."""
        some = np.flatnonzero(changes[OLD] | changes[NEW])
        if self.shared:
            changes = self._shares(changes, rows, before)
        for each in self.living.passes.values():
            if isinstance(each, LiveWaves):
                here = np.intersect1d(rows[self.size[rows] != before], np.flatnonzero(each.active))
                for new, more in enumerate(each.resize(here)):
                    if more is not None:
                        changes[new][here] = more[here]
                some = np.union1d(some, here)
        self._change(changes, some)

    def _shares(self, changes: list[Counts], rows: Index, before: Counts) -> list[Counts]:
        """Return by how much two fleets change that keep their shares of one service."""
        units = self.living.units
        staying = units.running(self.runs.state.now) & ~units.leaving
        shares = [change.copy() for change in changes]
        for new, change in enumerate(changes):
            count = (staying & (units.new == new)).sum(axis=1)[rows]
            more = -(-count * self.size[rows] // before) - count
            shares[new][rows] = np.where(change[rows] != 0, more, 0)
        return shares

    def _warming(self, rows: Index) -> Counts:
        """Return how many instances run and are not warm yet."""
        units, now = self.living.units, self.runs.state.now[rows][:, None]
        warm = units.warm[rows]
        cold = (warm > now) & (warm < NEVER) & (units.gone[rows] > now)
        return np.asarray(cold.sum(axis=1))

    def _change(self, changes: list[Counts], rows: Index) -> None:
        if not len(rows):
            return
        for new in (False, True):
            self._add(np.maximum(changes[new], 0), new=new)
            self._remove(np.maximum(-changes[new], 0), new=new)
        self.living.settle(rows)

    def _sides(self) -> list[Flags]:
        """Return where the old and where the new revision is scaled.

        Behind a router both task sets are; an EC2 group is one, and what joins it gets
        the revision deployed last.
        """
        state, units = self.runs.state, self.living.units
        if not self.runs.pooled:
            running = units.running(state.now)
            return [np.asarray((running & s).any(axis=1)) for s in (~units.new, units.new)]
        if self.counts_idle:
            new = (state.status == SUCCEEDED) & ~state.undoing
        else:
            new = state.new - self.runs.crashes.downs > state.old
        return [~new, new]

    def _add(self, counts: Counts, *, new: bool) -> None:
        if not counts.any():
            return
        living = self.living
        living.touch(counts > 0)
        fresh = living.launch(counts, new=new)
        units = living.units
        place = np.arange(units.numbers) % self.starts.shape[1]
        ready = living.now[:, None] + self.starts[:, place]
        if self.hook:
            self._install(fresh, ready, new=new)
            return
        bad = np.zeros_like(fresh)
        if new:
            bad = fresh & never_healthy(self.runs.draws, units.numbers)
        living.start(fresh, ready, bad)
        self._wait(fresh, ready, bad)

    def _wait(self, fresh: Flags, ready: Times, bad: Flags) -> None:
        """Let instances start until they are `ready`, and be warm some time later."""
        units = self.living.units
        units.starting = np.where(fresh, np.where(bad, PENDING, ready), units.starting)
        warm = np.where(bad, PENDING, ready + self.warmup_us)
        units.warm = np.where(fresh, warm, units.warm)

    def _install(self, fresh: Flags, ready: Times, *, new: bool) -> None:
        """Install the revision, as CodeDeploy's launch hook does."""
        living, units = self.living, self.living.units
        rows = np.flatnonzero(fresh.any(axis=1))
        draws = ByNumber(living.draws(rows), units.rank[rows], np.zeros_like(fresh[rows]))
        play = script(draws, self.hook, new=new, purpose="scale-out")
        at = shifted(play, ready[rows], fresh[rows])
        wide = {name: np.full(fresh.shape, NEVER) for name in at}
        for name, times in at.items():
            wide[name][rows] = times
        bad = np.zeros_like(fresh)
        bad[rows] = fresh[rows] & play.failed
        living.order(wide, fresh, new=new)
        units.fails = np.where(bad, wide["done"], units.fails)
        units.turns = np.where(fresh & ~bad, np.minimum(wide["back"], wide["done"]), units.turns)
        self._wait(fresh, wide["done"], bad)

    def give_up(self, failed: Flags, running: Flags) -> list[Counts]:
        """Return how many, old and new, are to replace what has `failed` and still ran."""
        units = self.living.units
        mine = failed & (units.warm == PENDING)
        units.warm = np.where(mine, NEVER, units.warm)
        units.starting = np.where(mine, LONG_AGO, units.starting)
        return [(mine & running & side).sum(axis=1) for side in (~units.new, units.new)]

    def replace(self, counts: list[Counts]) -> None:
        """Launch others in the place of instances that have been given up."""
        for new in (False, True):
            self._add(counts[new], new=new)

    def _remove(self, counts: Counts, *, new: bool) -> None:
        """Take the newest instances out, and stop them when they have drained."""
        if not counts.any():
            return
        living, units = self.living, self.living.units
        serving = living.up() & (units.new == new)
        rank = serving[:, ::-1].cumsum(axis=1)[:, ::-1]  # 1 is the newest
        which = serving & (rank <= counts[:, None])
        living.touch(which.any(axis=1))
        units.leaving |= which
        units.turns = np.where(which, NEVER, units.turns)  # an event that still runs is in vain
        units.warm = np.where(which, NEVER, units.warm)
        living.retire(which, living.now + us(self.runs.scenario.service.drain))
        for each in living.passes.values():
            if isinstance(each, LivePass | Together):
                each.widen(units.numbers)
                each.leave(which)


def scaler_of(runs: "Runs") -> Scaler | None:
    """Return what scales the fleets of `runs`."""
    policy = policy_of(runs.scenario)
    if policy is None or runs.living is None:
        return None
    return Scaler(runs, policy, runs.living)


def _suspends(runs: "Runs") -> bool:
    options = runs.plan.group.raw.get("ec2DeploymentOptions")
    if not isinstance(options, Mapping):
        return False
    return "Terminate" in (options.get("autoScalingGroupProcessesToSuspend") or ())
