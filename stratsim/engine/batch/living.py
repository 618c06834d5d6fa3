"""Fleets that are scaled while traffic is split evenly over them, in many runs.

What a pass over such a fleet does next hangs on the size it has by then, so that no
schedule can tell it ahead: here steps and ways back are played as the runs go on, beside
the requests. See `stratsim.engine.steps` and `stratsim.engine.undo`.
"""

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.draws import Draws, draws_of
from stratsim.engine.batch.fail_open import fails_open
from stratsim.engine.batch.living_configure import LiveConfigure
from stratsim.engine.batch.living_hosts import LivePass, Together
from stratsim.engine.batch.living_launch import LiveLaunch
from stratsim.engine.batch.living_steps import Steps
from stratsim.engine.batch.living_tasks import LiveTasks
from stratsim.engine.batch.living_units import Instances
from stratsim.engine.batch.living_waves import LiveWaves
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.units import LONG_AGO, policy_of

if TYPE_CHECKING:
    from stratsim.engine.batch.living_scaler import Scaler
    from stratsim.engine.batch.run import Runs

Counts = NDArray[np.int64]
Pass = LivePass | Together | LiveTasks | LiveLaunch | LiveConfigure | LiveWaves


class Living:
    """The fleets of many runs, instance by instance, and the passes over them.

    ``soon`` is when something happens to an instance next, ``acting`` where passes go on:
    runs that have come to a minute's end wait there for the others.
    """

    def __init__(self, runs: "Runs") -> None:
        self.runs = runs
        self.units = Instances.first(runs.draws)
        self.soon = np.full(len(runs.draws.rows), NEVER)
        self.acting = np.zeros(len(runs.draws.rows), dtype=bool)
        self.at_once = runs.scenario.control.stop_in_flight == "at_once"
        self.counts_sick = fails_open(runs.scenario)
        self.passes: dict[object, Pass] = {}
        self.steps = Steps(self)
        runs.plan_.numbered = True

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.units, self.soon = self.units.take(keep), self.soon[keep]
        for each in self.passes.values():
            each.take(keep)
        self.steps.take(keep)

    # -- what the runs are ----------------------------------------------------------

    @property
    def now(self) -> Times:
        """Where each run has come."""
        return self.runs.state.now

    @property
    def scaler(self) -> "Scaler":
        """What scales the fleets."""
        return cast("Scaler", self.runs.scaler)

    def size(self, rows: Index) -> Counts:
        """Return what Auto Scaling wants of the fleets of `rows`."""
        return np.asarray(self.scaler.size[rows])

    def draws(self, rows: Index) -> Draws:
        """Return the draws of some rows."""
        return draws_of(self.runs, rows)

    def flags(self, rows: Index) -> Flags:
        """Return true in `rows` and false elsewhere."""
        return self.runs.state.flags(rows)

    def up(self) -> Flags:
        """Return which instances serve: those that have died do not."""
        up = self.units.serving(self.now)
        if self.runs.crashes.needed:
            clocks = self.runs.crashes.clocks
            clocks.widen(self.units.numbers)
            up &= ~clocks.down[:, : self.units.numbers]
        return up

    def up_before(self) -> Flags:
        """Return which instances have served up to this instant."""
        units, now = self.units, self.now[:, None]
        up = (units.joined < now) & (units.out >= now)
        if self.runs.crashes.needed:
            clocks = self.runs.crashes.clocks
            clocks.widen(units.numbers)
            up &= ~clocks.down[:, : units.numbers]
        return up

    def touch(self, rows: Flags) -> None:
        """Account for the requests of `rows` before something changes."""
        self.runs.serving.account(np.flatnonzero(rows))

    # -- what is done to instances ---------------------------------------------------

    def launch(self, counts: Counts, *, new: bool) -> Flags:
        """Launch so many per row; return which they are."""
        return self.units.launch(counts, self.now, new=new)

    def start(self, which: Flags, ready: Times, bad: Flags) -> None:
        """Let instances serve once they are `ready`, all but the `bad` ones."""
        units = self.units
        unhealthy = self.steps.unhealthy_us
        units.sick |= bad
        units.joined = np.where(which & ~bad, ready, units.joined)
        units.fails = np.where(bad, ready + unhealthy, units.fails)

    def retire(self, which: Flags, gone: Times) -> None:
        """Take instances out now, and terminate them at `gone` (rows,)."""
        units = self.units
        units.out = np.where(which & (units.out == NEVER), self.now[:, None], units.out)
        units.gone = np.where(which, np.minimum(units.gone, gone[:, None]), units.gone)
        units.sick &= ~which

    def order(self, at: dict[str, Times], which: Flags, *, new: bool) -> None:
        """Note what an agent will do on hosts, by a script's times."""
        units = self.units
        units.to_new = np.where(which, new, units.to_new)
        for name, when in (
            *(("takes", "out"), ("turns", "back"), ("loses", "lost"), ("busy", "done")),
            *((("ill", "ill"), ("well", "well")) if self.counts_sick else ()),
        ):
            setattr(units, name, np.where(which, at[when], getattr(units, name)))

    def free(self, which: Flags) -> None:
        """Let agents leave at once what they do."""
        ill = which & (self.units.ill <= self.now[:, None]) & (self.units.ill < NEVER)
        self.touch(np.asarray(ill.any(axis=1)))
        self.units.drop(which)
        self.units.busy = np.where(which, LONG_AGO, self.units.busy)

    def cut(self, which: Flags, until: Times, *, turns: bool) -> None:
        """Let no further event begin on hosts; those that run end at `until`.

        `turns` says that a host is still put into service by the one that runs.
        """
        units = self.units
        units.takes = np.where(which, NEVER, units.takes)
        late = which & (units.loses > until) if turns else which & (units.loses >= until)
        units.loses = np.where(late, NEVER, units.loses)
        kept = ~which | (turns & (units.turns <= until))
        units.turns = np.where(kept, units.turns, NEVER)
        units.ill = np.where(which & (units.ill >= until), NEVER, units.ill)
        units.well = np.where(
            which & (units.ill < NEVER), np.minimum(units.well, until), units.well
        )
        units.busy = np.where(which, until, units.busy)

    # -- the run -----------------------------------------------------------------------

    def next(self) -> Times:
        """Return when something happens next."""
        at = np.minimum(self.soon, self.steps.timer)
        for each in self.passes.values():
            at = np.minimum(at, each.next())
        return at

    def act(self, here: Index) -> None:
        """Do what is due in the rows `here`."""
        rows = here[(self.next()[here] <= self.now[here]) & ~self.runs.state.over[here]]
        if not len(rows):
            return
        self.acting = due = self.flags(rows)
        self._happen(due)
        if self.runs.crashes.needed:
            self.settle(rows)  # who comes and goes in one instant has had a clock set
        for each in list(self.passes.values()):
            if each.active.any():
                each.widen(self.units.numbers)
                each.act()
        self.steps.act(due)
        self._happen(due)
        self.settle(rows)

    def _happen(self, due: Flags) -> None:
        """Let happen to instances what has been begun before."""
        units, now = self.units, self.now[:, None]
        rows = due[:, None]
        takes, turns, loses, fails = (
            (at <= now) & rows for at in (units.takes, units.turns, units.loses, units.fails)
        )
        came, gone = units.news(self.now, due)
        running = units.gone > now
        leaves = takes & (units.serving(self.now) | units.sick)
        heard = came & units.serving(self.now) & self._heard()  # not who has been stopped since
        loses &= ~(units.serving(self.now) & ~takes)  # who has died is out for that
        moves = ((leaves | turns | (loses & ~units.sick) | fails | heard) & running) | gone
        falls = ((units.ill == now) | (units.well == now)) & rows
        self.touch((moves | falls).any(axis=1))
        for name, which in (
            ("takes", takes), ("turns", turns), ("loses", loses), ("fails", fails)
        ):  # fmt: skip
            setattr(units, name, np.where(which, NEVER, getattr(units, name)))
        units.out = np.where(takes & units.serving(self.now), now, units.out)
        units.sick &= ~takes
        units.sick |= loses & running
        self.turn(turns & running)
        self.retire(fails & running, self.now)
        again = self.scaler.give_up(fails, running)
        self._tell(came & units.serving(self.now), gone, fails & running)
        self.scaler.replace(again)

    def _heard(self) -> Flags:
        """Return whose coming tells: not that of new instances which get no traffic yet."""
        if self.runs.pooled:
            return np.ones_like(self.units.new)
        return np.asarray(~self.units.new | (self.runs.state.weight != 0)[:, None])

    def turn(self, which: Flags) -> None:
        """Put hosts into service with a revision."""
        units = self.units
        same = units.serving(self.now) & (units.new == units.to_new)
        units.joined = np.where(which & ~same, self.now[:, None], units.joined)
        units.out = np.where(which, NEVER, units.out)
        units.new = np.where(which, units.to_new, units.new)
        units.sick &= ~which
        units.healthy |= which & ~same

    def _tell(self, came: Flags, gone: Flags, failed: Flags) -> None:
        for each in self.passes.values():
            if isinstance(each, LiveTasks | LiveLaunch | LiveWaves):
                each.note(came, gone, failed)

    def settle(self, rows: Index) -> None:
        """Count the instances of `rows` anew, and look at what that means."""
        runs, state = self.runs, self.runs.state
        self._widen()
        units = self.units.take(rows)
        now = state.now[rows]
        serving, running, new = units.serving(now), units.running(now), units.new
        sick = units.sick & running
        state.old[rows], state.new[rows] = (serving & ~new).sum(axis=1), (serving & new).sum(axis=1)
        state.running[rows] = running.sum(axis=1)
        state.lost_old[rows], state.lost_new[rows] = (
            (sick & side).sum(axis=1) for side in (~new, new)
        )
        if self.counts_sick:
            ill = (units.ill <= now[:, None]) & (units.well > now[:, None])
            state.sick_old[rows] = (ill & ~units.to_new).sum(axis=1)
            state.sick_new[rows] = (ill & units.to_new).sum(axis=1)
        runs.plan_.entered[rows] = np.where(new, units.entered, NEVER)
        state.leaving[rows] = np.where(new, units.out, NEVER)
        self.soon[rows] = units.ahead(now)
        runs.changed(rows)

    def _widen(self) -> None:
        """Let those follow who keep arrays by number."""
        runs = self.runs
        more = self.units.numbers - runs.plan_.entered.shape[1]
        if more > 0:
            wide = [(0, 0), (0, more)]
            runs.plan_.entered = np.pad(runs.plan_.entered, wide, constant_values=NEVER)
            runs.state.leaving = np.pad(runs.state.leaving, wide, constant_values=NEVER)

    def crashed(self, rows: Index, deaths: Counts) -> None:
        """Take note of how many instances have died in `rows`, or that some serve again."""
        counts = np.zeros(len(self.soon), dtype=np.int64)
        counts[rows] = deaths
        for each in self.passes.values():
            if isinstance(each, LiveTasks):
                each.lose(counts)
                each.look(rows)

    def halt(self, rows: Index) -> None:
        """End what a deployment has going; what has begun goes on as far as it may."""
        flags, units = self.flags(rows), self.units
        for each in self.passes.values():
            each.widen(units.numbers)
            if isinstance(each, LivePass | Together):
                each.halt(flags, at_once=self.at_once)
            else:
                each.halt(flags)
        self.mark(flags)
        self.steps.halt(rows)
        self.soon[rows] = units.take(rows).ahead(self.now[rows])

    def mark(self, rows: Flags) -> None:
        """Call hosts out of service unhealthy: a deployment to them has been left."""
        marked = rows[:, None] & self.units.open(self.now)
        # dying of a release is no failure of a deployment
        self.units.healthy &= self.units.serving(self.now) | ~marked


def living_of(runs: "Runs") -> Living | None:
    """Return the fleets of `runs` where they are played as they go."""
    return None if policy_of(runs.scenario) is None else Living(runs)
