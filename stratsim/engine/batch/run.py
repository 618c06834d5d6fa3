"""Many runs at once, minute by minute, in lock step.

Between two ends of a minute every replication walks its own changes. Work stops
for a replication once its deployment is settled: it is dropped from the arrays.
"""

import numpy as np

from stratsim.engine.batch.alarms import Bank
from stratsim.engine.batch.changes import NEVER, Times
from stratsim.engine.batch.crashes import Crashes
from stratsim.engine.batch.dice import Minute
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.ends import Ends
from stratsim.engine.batch.living import living_of
from stratsim.engine.batch.living_scaler import Scaler, scaler_of
from stratsim.engine.batch.pilot import Pilot
from stratsim.engine.batch.results import Results
from stratsim.engine.batch.schedule import looks_of, schedule
from stratsim.engine.batch.scrapes import Scrapes
from stratsim.engine.batch.serving import Serving
from stratsim.engine.batch.state import Index, State
from stratsim.engine.batch.telemetry import Telemetry
from stratsim.engine.batch.timetable import STOPPED
from stratsim.engine.batch.wants import wants_of
from stratsim.engine.batch.watching import Watching
from stratsim.engine.clock import US, us
from stratsim.engine.failure import trace_too_short
from stratsim.engine.setup import Setup
from stratsim.signals import HEALTHY, NEW, OLD, UNHEALTHY
from stratsim.watch import MINUTE_US


class Runs:
    """The runs of one plan in the worlds of one block and outcome.

    What they are made of: ``state``, the arrays that change; ``plan_``, the schedule
    of what is to come; ``serving``, ``crashes`` and ``telemetry``, what requests do;
    ``watching`` and ``pilot``, who decides; ``ends``, what follows from it.
    """

    def __init__(self, setup: Setup, draws: Draws) -> None:
        self.setup, self.draws, self.block_rows = setup, draws, draws.rows
        scenario, plan = setup.scenario, setup.plan
        self.scenario, self.plan, self.group = scenario, plan, plan.group
        rows = len(draws.rows)
        self.pooled = plan.routing == "pooled"
        self.desired = scenario.desired
        self.phase = np.rint(draws.worlds.phase_s(draws.rows) * US).astype(np.int64)
        self.state = State(rows, draws.size)
        self.state.old[:] = draws.healthy.sum() if scenario.hosts else self.desired
        self.state.running[:] = self.desired
        self.wants = wants_of(setup)
        self.telemetry = Telemetry(self.phase, -setup.history, setup.times, self.wants.minutes)
        self.minute = Minute(rows)
        self.serving = Serving(self, self.wants)
        self.plan_ = schedule(plan, draws, counts_hosts=self.wants.hosts)
        self.state.coming[:] = self.plan_.changes.time[:, 0]
        self.reroute_us = us(plan.reroute_s)
        self.living = living_of(self)
        self.scaler = scaler_of(self)
        pauses = looks_of(scenario)
        self.pilot = Pilot(self) if any(isinstance(s, pauses) for s in plan.steps) else None
        self.follow_units()
        self.crashes = Crashes(self)
        self.watching = Watching(self, Bank(setup.programs, self.offsets(), rows))
        self.ends, self.results = Ends(self), Results(rows)
        notice_us = self.watching.notice_us
        looks = notice_us < MINUTE_US and self.serving.faults
        self.look_us = max(notice_us, US) if looks else 0
        self.deadline = us(min(plan.deadline_s, NEVER / US))
        self.ending = scenario.traffic.profile.end_s * US

    def offsets(self) -> list[Times]:
        """Return when in the minute each alarm is evaluated."""
        worlds, rows = self.draws.worlds, self.block_rows
        count = range(len(self.setup.programs))
        return [np.rint(worlds.offset_s(i, rows) * US).astype(np.int64) for i in count]

    # -- the run ------------------------------------------------------------------

    def run(self) -> Results:
        """Run all to their ends, and return how it went; nothing else is kept.

        A run and its parts know each other: left alone, a block's arrays would stay until
        the collector of cycles comes by, some dozens of blocks later.
        """
        self._run()
        results = self.results
        vars(self).clear()
        return results

    def _run(self) -> None:
        self._past()
        state = self.state
        alarming = self.watching.group_alarm()
        if self.plan.controller == "ECS":
            # ECS passes over its alarms where one is in ALARM when it starts
            self.plan_.unwatched = np.where(alarming, 0, self.plan_.unwatched)
        else:
            self.ends.end(alarming, STOPPED)
            state.over |= alarming
            self._drop(force=True)
        # a plan has begun before anybody looks at it
        if len(state.index):
            self._apply(np.flatnonzero(state.coming <= 0))
            if self.pilot is not None:
                self.pilot.act(~state.over)
            self.ends.finish_plan((self.plan_.end <= 0) & (state.ended == NEVER))
        minute = 0
        while len(self.state.index):
            self._walk((minute + 1) * MINUTE_US - self.phase)
            self._tick(minute)
            minute += 1
        if self.scenario.traffic.users.sticky:
            self.results.numbers["affected_users"] = self.serving.sticky_users()

    def _past(self) -> None:
        """Let the old revision run alone up to the deployment."""
        first, state = -self.setup.history, self.state
        start = first * MINUTE_US if self.setup.history or self.setup.programs else None
        state.since = state.now * 0 if start is None else start - self.phase
        for minute in range(first, 0):
            self._open(minute)
            state.now = (minute + 1) * MINUTE_US - self.phase
            self.serving.account(np.arange(len(state.now)), past=True)
            self._close(minute)
        self._open(0)
        state.now = np.zeros_like(state.now)
        self.serving.account(np.arange(len(state.now)), past=True)
        state.since = np.zeros_like(state.now)
        self.watching.bank.settle(self.telemetry, self.phase, evaluations=3)

    def _open(self, minute: int) -> None:
        flow = self.serving.flow
        flow.dice.wind(minute)
        if not flow.dice.expected:
            flow.factor = self.draws.worlds.traffic_factors(minute, self.block_rows)
            self.telemetry.noise = flow.dice.rngs["times"]
        self.minute = Minute(len(self.phase))

    def _close(self, minute: int) -> None:
        if self.pilot is not None:
            self.pilot.scrapes.close()
        delay = np.asarray(self.draws.worlds.delays_s(minute, self.block_rows))
        end = (minute + 1) * MINUTE_US - self.phase
        if self.wants.levels:
            state, sums = self.state, self.minute.sums
            downs = self.crashes.downs
            sums[OLD, HEALTHY], sums[NEW, HEALTHY] = state.old.copy(), state.new - downs
            sums[OLD, UNHEALTHY], sums[NEW, UNHEALTHY] = (
                state.lost_old.copy(),
                state.lost_new + downs,
            )
        self.telemetry.close(self.minute, end + np.rint(delay * US).astype(np.int64))

    def _walk(self, end: Times) -> None:
        """Take every replication through its changes up to the end of the minute."""
        state = self.state
        here = np.flatnonzero(~state.over)
        while len(here):
            self._due(here)
            here = here[~state.over[here]]
            stop, last = self._next_stop(here), end[here]
            state.now[here] = np.minimum(stop, last)
            here = here[stop < last]

    def _next_stop(self, here: Index) -> Times:
        """Return when something happens next to some rows."""
        stop = self._next_event(here)
        return stop if self.scaler is None else np.minimum(stop, self.scaler.next()[here])

    def _next_event(self, here: Index) -> Times:
        """Return when something but scaling happens next."""
        state = self.state
        stop = np.minimum(state.coming[here], state.poll[here])
        stop = np.minimum(stop, np.minimum(state.people[here], state.look[here]))
        end = np.minimum(np.minimum(self.plan_.end[here], self.deadline), state.blind[here])
        stop = np.minimum(stop, np.where(state.ended[here] == NEVER, end, NEVER))
        stop = np.minimum(stop, np.where(state.undoing[here], state.undone[here], NEVER))
        evaluation = self.watching.bank.next()
        if evaluation is not None:
            stop = np.minimum(stop, evaluation[here])
        if self.crashes.needed:
            stop = np.minimum(stop, self.crashes.next()[here])
        if self.living is not None:
            stop = np.minimum(stop, self.living.next()[here])
        if self.pilot is None:
            return stop
        return np.minimum(stop, np.minimum(self.pilot.next(), self.pilot.scrapes.next())[here])

    def _due(self, here: Index) -> None:
        """Do what is due now, in the order of one instant: poll, people, changes, ends."""
        if self.pilot is not None:
            self._scrape(self.pilot.scrapes, here)
        self.watching.hear(here)
        state = self.state
        now = state.now[here]
        self._apply(here[(state.coming[here] <= now) & ~state.over[here]])
        looks = here[(state.look[here] <= now) & ~state.over[here]]
        if len(looks):
            self._look(looks)
        if self.crashes.needed:
            self._crash(here)
        if self.living is not None:
            self.living.act(here)
        late = here[(self.deadline <= now) & (state.ended[here] == NEVER) & ~state.over[here]]
        if len(late):
            self.ends.fail(state.flags(late))
        if self.pilot is not None:
            self.pilot.act(state.flags(here[~state.over[here]]))
        # what changes in this instant comes before the end
        ends = (state.ended[here] == NEVER) & (self.plan_.end[here] <= now)
        ends &= state.coming[here] > now
        if ends.any():
            self.ends.finish_plan(state.flags(here[ends & ~state.over[here]]))
        # what the way back changes in this instant comes before its end
        undone = state.undoing[here] & (state.undone[here] <= now) & (state.coming[here] > now)
        undone &= ~state.over[here]
        if undone.any():
            self.ends.end_undone(state.flags(here[undone]))
        if self.scaler is not None:
            self._scale(self.scaler, here)

    def _scale(self, scaler: Scaler, here: Index) -> None:
        """Resize fleets once all else of this instant has happened."""
        now = self.state.now
        due = here[(scaler.next()[here] <= now[here]) & ~self.state.over[here]]
        if len(due):
            scaler.act(due[self._next_event(due) > now[due]])

    def _scrape(self, scrapes: Scrapes, here: Index) -> None:
        due = here[scrapes.next()[here] <= self.state.now[here]]
        if len(due):
            self.serving.account(due)
            scrapes.scrape(due)

    def follow_units(self) -> None:
        """Note when each instance of the new revision serves, where they are known."""
        units = self.plan_.units
        if units is None:
            self.state.leaving = np.full(self.plan_.entered.shape, NEVER)
        else:
            self.plan_.entered = np.where(units.new, units.entered, NEVER)
            self.state.leaving = np.where(units.new, units.out, NEVER)

    def _apply(self, due: Index) -> None:
        """Apply the changes that are due, after accounting for the time before them."""
        if not len(due):
            return
        state, changes = self.state, self.plan_.changes
        self.serving.account(due if self.pooled else self._telling(due))
        width = changes.time.shape[1]
        rows = due
        while len(rows):
            at = rows * width + state.pointer[rows]
            for kind, values in changes.add.items():
                getattr(state, kind)[rows] += values.ravel()[at]
            if not self.pooled:
                weight = changes.weight.ravel()[at]
                state.weight[rows] = np.where(np.isnan(weight), state.weight[rows], weight)
            state.pointer[rows] += 1
            state.coming[rows] = changes.time.ravel()[at + 1]
            rows = rows[state.coming[rows] <= state.now[rows]]
        self.changed(due)

    def changed(self, due: Index) -> None:
        """Look at what a change of the fleets or the weights means."""
        state = self.state
        begun = due[(self.serving.share(due) > 0) & (state.first[due] == NEVER)]
        state.first[begun] = state.now[begun]
        if self.look_us:
            self._look_later(due)
        if self.crashes.needed:
            self.crashes.watch(due)
        self.ends.check_back(due)

    def _telling(self, due: Index) -> Index:
        """Return where something changes for requests: instances without any do not tell.

        A column that adds nothing is a change all the same: one leaves, another comes.
        """
        changes, state = self.plan_.changes, self.state
        at = due * changes.time.shape[1] + state.pointer[due]
        quiet = (state.weight[due] == 0) & np.isnan(changes.weight.ravel()[at])
        for kind, values in changes.add.items():
            quiet &= (values.ravel()[at] != 0) == (kind == "new")
        return np.asarray(due[~quiet])

    def _crash(self, here: Index) -> None:
        """Let instances die and come back, after accounting for the time before."""
        due = here[(self.crashes.next()[here] <= self.state.now[here]) & ~self.state.over[here]]
        if len(due):
            self.serving.account(due)
            deaths = self.crashes.act(due)
            self.ends.check_back(due)
            if self.living is not None:
                self.living.crashed(due, deaths)

    def _look_later(self, rows: Index) -> None:
        """Look soon for the first exposed request; see `stratsim.engine.lookout`."""
        state = self.state
        unseen = (state.exposed_at[rows] == NEVER) & (state.look[rows] == NEVER)
        rows = rows[unseen & (self.serving.share(rows) > 0)]
        state.look[rows] = state.now[rows] + self.look_us

    def _look(self, rows: Index) -> None:
        self.serving.account(rows)
        self.state.look[rows] = NEVER
        self._look_later(rows)

    def _tick(self, minute: int) -> None:
        """Close the minute, let the alarms look at it, and drop who has settled."""
        state = self.state
        alive = ~state.over
        self.serving.account(np.flatnonzero(alive))
        if self.scaler is not None:
            self.scaler.look()
        self._close(minute)
        self._open(minute + 1)
        if (alive & (state.now > self.ending)).any():
            raise trace_too_short(self.scenario, self.plan.strategy)
        self.ends.check_over(alive)
        self.watching.bank.begin(minute + 1, state.now)
        self.watching.evaluate(~state.over)
        self._drop()

    def _drop(self, *, force: bool = False) -> None:
        """Write down who has settled, and take them off the arrays when they are many."""
        state = self.state
        share = state.over.mean() if len(state.index) else 0.0
        if not (share == 1.0 or share > 0.4 or (force and share > 0)):
            return
        self.serving.account(np.flatnonzero(state.over))
        self.serving.observe()
        self.results.write(self, np.nonzero(state.over)[0])
        keep = np.nonzero(~state.over)[0]
        state.take(keep)
        if not len(keep):
            return
        self.phase, self.block_rows = self.phase[keep], self.block_rows[keep]
        self.draws = Draws(self.draws.worlds, self.block_rows, self.draws.outcome)
        self.plan_.take(keep)
        self.crashes.take(keep)
        if self.pilot is not None:
            self.pilot.take(keep)
        if self.scaler is not None:
            self.scaler.take(keep)
        if self.living is not None:
            self.living.take(keep)
        self.telemetry.take(keep)
        self.watching.bank.take(keep)
        self.minute = self.minute.take(keep)  # it may have begun before the deployment
        self.serving.take(keep)
