"""Many runs at once, minute by minute, in lock step.

Between two ends of a minute every replication walks its own changes. Work stops
for a replication once its deployment is settled: it is dropped from the arrays.
"""

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.evaluation import State as AlarmState
from stratsim.engine.batch.alarms import Bank
from stratsim.engine.batch.changes import NEVER, Times
from stratsim.engine.batch.cold_starts import ColdStarts
from stratsim.engine.batch.crashes import Crashes
from stratsim.engine.batch.dice import Dice, Minute
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.faults import Effects, draw_faults, effects, needs_instances, warmth
from stratsim.engine.batch.flow import Flow, Outcome, Stretch
from stratsim.engine.batch.pilot import Pilot
from stratsim.engine.batch.schedule import FAILED, LOOKS, STOPPED, SUCCEEDED, schedule
from stratsim.engine.batch.scrapes import Scrapes
from stratsim.engine.batch.surroundings import surroundings
from stratsim.engine.batch.telemetry import Telemetry
from stratsim.engine.batch.undo import UNDO, forget_entries, halt
from stratsim.engine.clock import US, us
from stratsim.engine.failure import trace_too_short
from stratsim.engine.setup import Setup
from stratsim.engine.users import touched_many, touched_sticky
from stratsim.model.analysis import longest_window_s
from stratsim.model.quantities import Array
from stratsim.model.scaling import Scale
from stratsim.model.settings import MINUTE_S
from stratsim.model.traffic import Constant
from stratsim.signals import CPU, HEALTHY, NEW, OLD, UNHEALTHY, Series
from stratsim.watch import MINUTE_US, MetricProgram

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]
Rows = slice | NDArray[np.int64]
Started = tuple[Times, Flags]
EVERY = slice(None)
PURPOSES = ("old", "new", "first", "slow", "blame", "times")
NUMBERS = (
    "failed_fault",
    "failed_capacity",
    "slow",
    "exposed",
    "affected_users",
    "peak_exposure",
    "min_capacity",
    "peak_utilization",
    "extra_instance_s",
    "duration_s",
    "first_exposed_s",
    "detected_s",
    "trigger_s",
    "restored_s",
    "paged_s",
)


class State:
    """Arrays of (rows,) that change during a run; ``take`` keeps some rows of all."""

    def __init__(self, rows: int, hosts: int) -> None:
        never = np.full(rows, NEVER)
        zero = np.zeros(rows)
        no = np.zeros(rows, dtype=bool)
        self.index = np.arange(rows)
        self.leaving = np.full((rows, hosts), NEVER)
        self.now = np.zeros(rows, dtype=np.int64)
        self.since = np.zeros(rows, dtype=np.int64)
        self.pointer = np.zeros(rows, dtype=np.int64)
        self.coming = np.zeros(rows, dtype=np.int64)
        self.weight, self.running = zero.copy(), zero.copy()
        self.old, self.new = zero.copy(), zero.copy()
        self.lost_old, self.lost_new = zero.copy(), zero.copy()
        self.pending, self.launched = zero.copy(), zero.copy()
        self.first, self.ended, self.trigger = never.copy(), never.copy(), never.copy()
        self.restored, self.paged, self.people = never.copy(), never.copy(), never.copy()
        self.detected, self.alarming, self.poll = never.copy(), never.copy(), never.copy()
        self.undone, self.exposed_at = never.copy(), never.copy()
        self.blind, self.look = never.copy(), never.copy()
        self.status = np.zeros(rows, dtype=np.int64)
        self.automatic, self.undoing, self.acted = no.copy(), no.copy(), no.copy()
        self.over = no.copy()
        self.failed_fault, self.failed_capacity = zero.copy(), zero.copy()
        self.slow, self.exposed, self.peak = zero.copy(), zero.copy(), zero.copy()
        self.room, self.load = np.full(rows, np.inf), np.full(rows, -np.inf)
        self.extra, self.spared = zero.copy(), zero.copy()

    def take(self, keep: NDArray[np.int64]) -> None:
        """Keep only some rows."""
        for name, values in vars(self).items():
            setattr(self, name, values[keep])


class Runs:
    """The runs of one plan in the worlds of one block and outcome."""

    def __init__(self, setup: Setup, draws: Draws) -> None:
        self.setup, self.draws = setup, draws
        scenario, plan = setup.scenario, setup.plan
        self.scenario, self.plan, self.group = scenario, plan, plan.group
        rows = len(draws.rows)
        self.serverless = scenario.platform == "lambda"
        self.pooled = plan.routing == "pooled"
        self.desired = scenario.desired
        self.phase = np.rint(draws.worlds.phase_s(draws.rows) * US).astype(np.int64)
        self.block_rows = draws.rows
        self.faults = draw_faults(draws)
        scales = any(isinstance(step, Scale) for step in (*plan.steps, *plan.restore))
        self.by_instance = needs_instances(self.faults, pooled=self.pooled or scales)
        self.warms = scenario.service.warm_up.factor > 1 and not self.serverless
        self.by_instance |= self.warms and (self.pooled or scales)
        self.state = State(rows, draws.size)
        self.state.old[:] = draws.healthy.sum() if scenario.hosts else self.desired
        self.state.running[:] = self.desired
        self._prepare_flow(rows)
        self.plan_ = schedule(plan, draws, counts_hosts=self.reads_hosts)
        self.state.coming[:] = self.plan_.changes.time[:, 0]
        self.pilot = Pilot(self) if any(isinstance(s, LOOKS) for s in plan.steps) else None
        self.follow_units()
        self.crashes = Crashes(self)
        self.bank = Bank(setup.programs, self._offsets(), rows)
        self.results = {name: np.full(rows, np.nan) for name in NUMBERS}
        self.flags = {name: np.zeros(rows, dtype=bool) for name in ("succeeded", "automatic")}
        self.stopping_states = [AlarmState[name].value for name in plan.alarm_states]
        self.bands: list[tuple[Array, Array, Array, NDArray[np.int64]]] = []
        control = scenario.control
        self.poll_us, self.reroute_us = us(control.alarm_poll), us(plan.reroute_s)
        self.respond, self.notice = us(scenario.on_call.respond), us(scenario.on_call.notice)
        self.follow = us(control.follow_up)
        self.look_us = max(self.notice, US) if self.notice < MINUTE_US and self.faults else 0
        self.deadline = us(min(plan.deadline_s, NEVER / US))
        if setup.may_be_blind:
            polls = draws.worlds.unread_poll(control.alarm_poll_failure, self.block_rows)
            self.state.blind = np.minimum(polls, 1e9).astype(np.int64) * self.poll_us
        self.steady = isinstance(scenario.traffic.profile, Constant)
        self.ending = scenario.traffic.profile.end_s * US

    def _offsets(self) -> list[Times]:
        worlds, rows = self.draws.worlds, self.block_rows
        count = range(len(self.setup.programs))
        return [np.rint(worlds.offset_s(i, rows) * US).astype(np.int64) for i in count]

    def _prepare_flow(self, rows: int) -> None:
        setup, block = self.setup, self.draws.worlds
        readers = [
            reader
            for p in setup.programs
            if isinstance(p, MetricProgram)
            for _, reader in p.readers
            if reader is not None
        ]
        key = ("batch", block.index, self.draws.outcome)
        streams = {name: block.streams.counts(*key, name) for name in PURPOSES}
        self.dice = Dice(streams, expected=block.expected)
        watches_old = any(OLD in reader.sides for reader in readers)
        self.flow = Flow(self.scenario, setup.times, self.dice, watches_old=watches_old)
        self.flow.untouched = int(self.state.old[0]) if rows else self.desired
        self.flow.due = [np.zeros(rows), np.zeros(rows)]
        self.flow.sent = [np.zeros(rows), np.zeros(rows)]
        if self.serverless and self.scenario.service.cold_starts:
            self.flow.cold = ColdStarts(self.draws, setup.times)
        asked = [m.query for s in self.plan.steps for m in getattr(s, "metrics", ())]
        asked += [c.query for s in self.plan.steps for c in getattr(s, "checks", ())]
        self.flow.keeps_times = any(r.source.kind in ("time", "busy") for r in readers)
        self.flow.keeps_times |= any(query.kind == "latency" for query in asked)
        self.flow.keeps_load = any(r.source.field == CPU for r in readers)
        self.reads_hosts = any(r.source.kind in ("level", "per_target") for r in readers) or any(
            isinstance(p, MetricProgram) and _minds_zeros(p) for p in setup.programs
        )
        self.counts_hosts = self.reads_hosts or any(_zero_counts(r) for r in readers)
        longest = max(
            (p.minutes for p in setup.programs if isinstance(p, MetricProgram)), default=1
        )
        window_s = longest_window_s(self.plan.steps)
        memory = max(setup.history + 2 * longest, int(window_s // MINUTE_S)) + 4
        self.telemetry = Telemetry(self.phase, -setup.history, setup.times, memory)
        self.minute = Minute(len(self.phase))

    # -- the run ------------------------------------------------------------------

    def run(self) -> None:
        """Run all to their ends; the results are in ``results`` and ``flags``."""
        self._past()
        state = self.state
        alarming = self._group_alarm()
        if self.plan.controller == "ECS":
            # ECS passes over its alarms where one is in ALARM when it starts
            self.plan_.unwatched = np.where(alarming, 0, self.plan_.unwatched)
        else:
            self._end(alarming, STOPPED)
            state.over |= alarming
            self._drop(force=True)
        # a plan has begun before anybody looks at it
        if len(state.index):
            self._apply(np.flatnonzero(state.coming <= 0))
            self._finish_plan((self.plan_.end <= 0) & (state.ended == NEVER))
        minute = 0
        while len(self.state.index):
            self._walk((minute + 1) * MINUTE_US - self.phase)
            self._tick(minute)
            minute += 1

    def _past(self) -> None:
        """Let the old revision run alone up to the deployment."""
        first, state = -self.setup.history, self.state
        start = first * MINUTE_US if self.setup.history or self.setup.programs else None
        state.since = state.now * 0 if start is None else start - self.phase
        for minute in range(first, 0):
            self._open(minute)
            state.now = (minute + 1) * MINUTE_US - self.phase
            self._flow(np.arange(len(state.now)), past=True)
            self._close(minute)
        self._open(0)
        state.now = np.zeros_like(state.now)
        self._flow(np.arange(len(state.now)), past=True)
        state.since = np.zeros_like(state.now)
        self.bank.settle(self.telemetry, self.phase, evaluations=3)

    def _open(self, minute: int) -> None:
        self.dice.wind(minute)
        if not self.dice.expected:
            self.flow.factor = self.draws.worlds.traffic_factors(minute, self.block_rows)
            self.telemetry.noise = self.dice.rngs["times"]
        self.minute = Minute(len(self.phase))

    def _close(self, minute: int) -> None:
        if self.pilot is not None:
            self.pilot.scrapes.close()
        delay = np.asarray(self.draws.worlds.delays_s(minute, self.block_rows))
        end = (minute + 1) * MINUTE_US - self.phase
        if self.counts_hosts:
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
        state = self.state
        stop = np.minimum(state.coming[here], state.poll[here])
        stop = np.minimum(stop, np.minimum(state.people[here], state.look[here]))
        end = np.minimum(np.minimum(self.plan_.end[here], self.deadline), state.blind[here])
        stop = np.minimum(stop, np.where(state.ended[here] == NEVER, end, NEVER))
        stop = np.minimum(stop, np.where(state.undoing[here], state.undone[here], NEVER))
        evaluation = self.bank.next()
        if evaluation is not None:
            stop = np.minimum(stop, evaluation[here])
        if self.crashes.needed:
            stop = np.minimum(stop, self.crashes.next()[here])
        if self.pilot is None:
            return stop
        return np.minimum(stop, np.minimum(self.pilot.next(), self.pilot.scrapes.next())[here])

    def _due(self, here: Index) -> None:
        """Do what is due now, in the order of one instant: poll, people, changes, ends."""
        self._hear(here)
        state = self.state
        now = state.now[here]
        self._apply(here[(state.coming[here] <= now) & ~state.over[here]])
        looks = here[(state.look[here] <= now) & ~state.over[here]]
        if len(looks):
            self._look(looks)
        if self.crashes.needed:
            self._crash(here)
        late = here[(self.deadline <= now) & (state.ended[here] == NEVER) & ~state.over[here]]
        if len(late):
            self.fail(self._flags(late))
        if self.pilot is not None:
            self.pilot.act(self._flags(here[~state.over[here]]))
        # what changes in this instant comes before the end
        ends = (state.ended[here] == NEVER) & (self.plan_.end[here] <= now)
        ends &= state.coming[here] > now
        if ends.any():
            self._finish_plan(self._flags(here[ends & ~state.over[here]]))
        # what the way back changes in this instant comes before its end
        undone = state.undoing[here] & (state.undone[here] <= now) & (state.coming[here] > now)
        undone &= ~state.over[here]
        if undone.any():
            rows = self._flags(here[undone])
            state.undoing &= ~rows
            self._check_restored(rows)
            self._call_again(rows & ~self._restored())
            self._check_over(rows)

    def _hear(self, here: Index) -> None:
        """Let those look who decide from outside: scrapes, alarms, CodeDeploy, people."""
        state = self.state
        now = state.now[here]
        if self.pilot is not None:
            self._scrape(self.pilot.scrapes, here)
        evaluation = self.bank.next()
        if evaluation is not None and (evaluation[here] <= now).any():
            self._evaluate(self._flags(here))
        blind = here[(state.blind[here] <= now) & ~state.over[here]]
        if len(blind):
            self._blind(self._flags(blind))
        polls = here[state.poll[here] <= now]
        if len(polls):
            self._poll(self._flags(polls))
        people = here[(state.people[here] <= now) & ~state.over[here]]
        if len(people):
            self._people(self._flags(people))

    def _scrape(self, scrapes: Scrapes, here: Index) -> None:
        due = here[scrapes.next()[here] <= self.state.now[here]]
        if len(due):
            self._flow(due)
            scrapes.scrape(due)

    def follow_units(self) -> None:
        """Note when each instance of the new revision serves, where they are known."""
        units = self.plan_.units
        if units is None:
            self.state.leaving = np.full(self.plan_.entered.shape, NEVER)
        else:
            self.plan_.entered = np.where(units.new, units.entered, NEVER)
            self.state.leaving = np.where(units.new, units.out, NEVER)

    def _flags(self, rows: Index) -> Flags:
        flags = np.zeros(len(self.state.index), dtype=bool)
        flags[rows] = True
        return flags

    def _apply(self, due: Index) -> None:
        """Apply the changes that are due, after accounting for the time before them."""
        if not len(due):
            return
        state, changes = self.state, self.plan_.changes
        self._flow(due if self.pooled else self._telling(due))
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
        begun = due[(self.share(due) > 0) & (state.first[due] == NEVER)]
        state.first[begun] = state.now[begun]
        if self.look_us:
            self._look_later(due)
        if self.crashes.needed:
            self.crashes.watch(due)
        self._check_back(due)

    def _telling(self, due: Index) -> Index:
        """Return where something changes for requests: instances without any do not tell."""
        changes, state = self.plan_.changes, self.state
        at = due * changes.time.shape[1] + state.pointer[due]
        quiet = (state.weight[due] == 0) & np.isnan(changes.weight.ravel()[at])
        for kind, values in changes.add.items():
            if kind != "new":
                quiet &= values.ravel()[at] == 0
        return np.asarray(due[~quiet])

    def _crash(self, here: Index) -> None:
        """Let instances die and come back, after accounting for the time before."""
        due = here[(self.crashes.next()[here] <= self.state.now[here]) & ~self.state.over[here]]
        if len(due):
            self._flow(due)
            self.crashes.act(due)
            self._check_back(due)

    def _check_back(self, rows: Index) -> None:
        """Look whether all traffic is back, where a way back has begun."""
        back = rows[(self.state.trigger[rows] < NEVER) | self.state.acted[rows]]
        if len(back):
            self._check_restored(self._flags(back))

    def _look_later(self, rows: Index) -> None:
        """Look soon for the first exposed request; see `stratsim.engine.lookout`."""
        state = self.state
        unseen = (state.exposed_at[rows] == NEVER) & (state.look[rows] == NEVER)
        rows = rows[unseen & (self.share(rows) > 0)]
        state.look[rows] = state.now[rows] + self.look_us

    def _look(self, rows: Index) -> None:
        self._flow(rows)
        self.state.look[rows] = NEVER
        self._look_later(rows)

    def share(self, at: Rows = EVERY) -> Array:
        """Return the new revision's share of the traffic."""
        state = self.state
        if not self.pooled:
            return state.weight[at]
        old, new = state.old[at], state.new[at] - self.crashes.downs[at]
        total = old + new
        return new / np.where(total > 0, total, 1.0)

    def _flow(self, rows: Index, *, past: bool = False) -> None:
        """Account for the requests of `rows` from ``since`` until now."""
        state = self.state
        here = rows[state.now[rows] > state.since[rows]]
        if not len(here):
            return
        # a view of all costs nothing
        at = EVERY if len(here) == len(state.index) else here
        begin, end, share = state.since[at], state.now[at], self.share(at)
        started = None if past else self._started(at, begin, share)
        effect = warm = None
        if started is not None:
            effect = self._effects(at, begin, end, share, started)
            warm = warmth(self.scenario.service, begin, end, *started) if self.warms else None
        stretch = Stretch(
            begin,
            end,
            share,
            state.old[at],
            state.new[at] - self.crashes.downs[at],
            state.lost_old[at],
            state.lost_new[at] + self.crashes.downs[at],
            self.pooled,
            effect,
            at,
            warm,
        )
        out = self.flow.serve(stretch, self.minute)
        if not past:
            self._sum(out, at, (end - begin) / US, share)
        state.since[at] = end  # last: `begin` may be a view of it

    def _started(self, at: Rows, begin: Times, share: Array) -> Started | None:
        """Return when each instance of the new revision got its first request, and which did.

        One stands for all where they are alike; None where the new revision gets nothing.
        """
        state, first = self.state, self.state.first[at]
        begun = ((first < NEVER) & (share > 0))[:, None]
        if not begun.any():
            return None
        if self.crashes.needed:
            starts = self.crashes.begun[at]
            return starts, starts < NEVER
        if not self.by_instance:
            return first[:, None], begun
        if not (self.pooled or self.plan_.numbered):
            shape = (len(begin), self.draws.size)
            return np.broadcast_to(first[:, None], shape), np.broadcast_to(begun, shape)
        starts = self.plan_.entered[at]
        serving = (starts <= begin[:, None]) & (state.leaving[at] > begin[:, None])
        if self.pooled:
            return starts, serving
        return np.maximum(starts, first[:, None]), serving & begun

    def _effects(
        self, at: Rows, begin: Times, end: Times, share: Array, started: Started
    ) -> Effects | None:
        if not self.faults:
            return None
        serving = self.state.new[at] - self.crashes.downs[at]
        span = (end - begin) / US
        load = self.flow.arrivals(begin, end) * share / span / np.maximum(serving, 1)
        faults = self.faults if isinstance(at, slice) else [f.take(at) for f in self.faults]
        return effects(faults, begin, end, load, *started)

    def _sum(self, out: Outcome, at: Rows, span: Array, share: Array) -> None:
        state = self.state
        state.extra[at] += np.maximum(state.running[at] - self.desired, 0.0) * span
        state.peak[at] = np.maximum(state.peak[at], share)
        for name in ("failed_fault", "failed_capacity", "slow", "exposed"):
            value = getattr(out, name)
            if isinstance(value, np.ndarray):
                getattr(state, name)[at] += value
        if out.room is not None and out.load is not None:
            state.room[at] = np.minimum(state.room[at], out.room)
            state.load[at] = np.maximum(state.load[at], out.load)
        self._users(out, at, share)
        if out.first is None:
            return
        known = state.exposed_at[at]
        fresh = np.zeros(len(state.index), dtype=bool)
        fresh[at] = (known == NEVER) & (out.first < NEVER)
        if fresh.any():
            state.exposed_at[at] = np.where(known == NEVER, out.first, known)
            self._detect(fresh)
            self._call(fresh, state.exposed_at + self.notice)

    def _users(self, out: Outcome, at: Rows, share: Array) -> None:
        if not self.scenario.traffic.users.sticky:
            for failed in (out.user_fault, out.user_new, out.user_old):
                if failed is not None:
                    self.state.spared[at] += failed
            return
        low, high, index = np.zeros_like(share), np.ones_like(share), self.state.index[at]
        for failed, left, right in (
            (out.user_fault, low, share),
            (out.user_new, low, share),
            (out.user_old, share, high),
        ):
            if failed is not None:
                self.bands.append((left.copy(), right.copy(), failed, index))

    # -- alarms, polls, people ------------------------------------------------------

    def _tick(self, minute: int) -> None:
        """Close the minute, let the alarms look at it, and drop who has settled."""
        state = self.state
        alive = ~state.over
        self._flow(np.flatnonzero(alive))
        self._close(minute)
        self._open(minute + 1)
        if (alive & (state.now > self.ending)).any():
            self._refuse()
        self._check_over(alive)
        self.bank.begin(minute + 1, state.now)
        self._evaluate(~state.over)
        self._drop()

    def _evaluate(self, active: Flags) -> None:
        """Let the alarms look whose time has come."""
        state = self.state
        told, changed = self.bank.evaluate(self.telemetry, state.now, active)
        self._page_people(told & ~state.over)
        for name in self.setup.group:
            stops = np.isin(self.bank.states[name], self.stopping_states)
            self._alarm(changed[name] & stops & ~state.over)
        if self.setup.group:
            state.alarming = np.where(self._group_alarm(), state.alarming, NEVER)

    def _refuse(self) -> None:
        raise trace_too_short(self.plan.strategy, int(self.ending))

    def _page_people(self, rows: Flags) -> None:
        state = self.state
        first = rows & (state.paged == NEVER)
        if first.any():
            state.paged = np.where(first, state.now, state.paged)
            self._call(first, state.now + self.respond)

    def _alarm(self, rows: Flags) -> None:
        """Note that an alarm of the group is in a state that stops the deployment."""
        state = self.state
        if rows.any():
            state.alarming = np.where(rows & (state.alarming == NEVER), state.now, state.alarming)
            self._detect(rows)
            self._poll_later(rows)

    def _detect(self, rows: Flags) -> None:
        state = self.state
        told = rows & (state.exposed_at < NEVER) & (state.alarming < NEVER)
        told &= state.detected == NEVER
        latest = np.maximum(state.alarming, state.exposed_at)
        state.detected = np.where(told, latest, state.detected)

    def _poll_later(self, rows: Flags) -> None:
        state = self.state
        at = state.now
        if self.poll_us:
            at = -(-state.now // self.poll_us) * self.poll_us
        state.poll = np.where(rows & (state.ended == NEVER), at, state.poll)

    def _group_alarm(self) -> Flags:
        active = np.zeros(len(self.state.index), dtype=bool)
        for name in self.setup.group:
            active |= np.isin(self.bank.states[name], self.stopping_states)
        return active

    def _poll(self, rows: Flags) -> None:
        state = self.state
        state.poll = np.where(rows, NEVER, state.poll)
        rows = rows & (state.ended == NEVER) & (state.now < self.plan_.unwatched)
        rows &= self._group_alarm()
        self._stop(rows, state.alarming)

    def _blind(self, rows: Flags) -> None:
        """CodeDeploy cannot read its alarms, which ends the deployment."""
        state = self.state
        state.blind = np.where(rows, NEVER, state.blind)
        rows = rows & (state.ended == NEVER) & (state.now < self.plan_.unwatched)
        self._stop(rows, state.now)

    def _stop(self, rows: Flags, trigger: Times) -> None:
        """Stop the deployment on account of its alarms."""
        if not rows.any():
            return
        self._end(rows, STOPPED)
        if self.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM"):
            self._roll_back(rows, trigger)
        else:
            self._halt(rows)
            self._check_over(rows)

    def _call(self, rows: Flags, at: Times) -> None:
        state = self.state
        sooner = rows & (at < state.people) & ~state.acted
        state.people = np.where(sooner, np.maximum(at, state.now), state.people)

    def _call_again(self, rows: Flags) -> None:
        """A rollback has failed: people try once more, as late as they answer any alarm."""
        state = self.state
        state.acted &= ~rows
        state.people = np.where(rows, state.now + self.respond, state.people)

    def _people(self, rows: Flags) -> None:
        state = self.state
        state.people = np.where(rows, NEVER, state.people)
        rows = rows & ~state.acted & ~state.undoing & ~state.automatic
        rows &= ~((state.ended < NEVER) & self._restored())
        state.acted |= rows
        open_ = rows & (state.ended == NEVER)
        self._end(open_, STOPPED)
        if self.group.rolls_back_on("DEPLOYMENT_STOP_ON_REQUEST"):
            self._roll_back(open_, state.now)
            rows = rows & ~open_
        self._undo(rows)

    # -- ends -----------------------------------------------------------------------

    def _end(self, rows: Flags, status: int | NDArray[np.int64]) -> None:
        state = self.state
        rows = rows & (state.ended == NEVER)
        state.ended = np.where(rows, state.now, state.ended)
        state.status = np.where(rows, status, state.status)

    def _halt(self, rows: Flags) -> None:
        if rows.any():
            halt(self, np.flatnonzero(rows))

    def fail(self, rows: Flags) -> None:
        """Let the deployment fail in the middle of a step."""
        plan, now = self.plan_, self.state.now
        plan.end, plan.status = np.where(rows, now, plan.end), np.where(rows, FAILED, plan.status)
        plan.can_undo |= rows
        if not self.group.rolls_back_on("DEPLOYMENT_FAILURE"):
            self._end(rows, FAILED)
            self._halt(rows)
        self._finish_plan(rows)

    def _finish_plan(self, rows: Flags) -> None:
        self._end(rows, self.plan_.status)
        failed = rows & (self.plan_.status == FAILED) & self.plan_.can_undo
        back = failed & self.group.rolls_back_on("DEPLOYMENT_FAILURE")
        if back.any():
            self._roll_back(back, self.state.now)
        self._check_over(rows & ~back)

    def _roll_back(self, rows: Flags, trigger: Times) -> None:
        state = self.state
        state.automatic |= rows
        state.trigger = np.where(rows, trigger, state.trigger)
        self._undo(rows)

    def _undo(self, rows: Flags) -> None:
        if not rows.any():
            return
        state = self.state
        state.undoing |= rows
        self._check_restored(rows)
        here = np.nonzero(rows)[0]
        forget_entries(self, here)
        UNDO[self.plan.undo](self, here)

    def _restored(self) -> Flags:
        state = self.state
        if not self.pooled:
            return np.asarray(state.weight == 0)
        return np.asarray((state.new == self.crashes.downs) & (state.old > 0))

    def _check_restored(self, rows: Flags) -> None:
        state = self.state
        rows = rows & (state.restored == NEVER) & self._restored()
        state.restored = np.where(rows, state.now, state.restored)

    def _check_over(self, rows: Flags) -> None:
        state = self.state
        rows = rows & (state.ended < NEVER) & ~state.undoing & ~state.over
        if not rows.any():
            return
        over = (self.share() <= 0) | (state.now >= state.ended + self.follow)
        over |= ~self._fault_to_come()
        state.over |= rows & over

    def _fault_to_come(self) -> Flags:
        state = self.state
        if not self.faults:
            return np.zeros(len(state.index), dtype=bool)
        after = np.max([fault.after for fault in self.faults], axis=0)
        waiting = (state.first == NEVER) | (state.now < state.first + after + MINUTE_US)
        return np.asarray((state.exposed_at < NEVER) | waiting | (not self.steady))

    def _drop(self, *, force: bool = False) -> None:
        """Write down who has settled, and take them off the arrays when they are many."""
        state = self.state
        share = state.over.mean() if len(state.index) else 0.0
        if not (share == 1.0 or share > 0.4 or (force and share > 0)):
            return
        self._flow(np.flatnonzero(state.over))
        self._observe()
        self._write(np.nonzero(state.over)[0])
        keep = np.nonzero(~state.over)[0]
        state.take(keep)
        if not len(keep):
            return
        self.phase, self.block_rows = self.phase[keep], self.block_rows[keep]
        self.faults = [fault.take(keep) for fault in self.faults]
        self.draws = Draws(self.draws.worlds, self.block_rows, self.draws.outcome)
        self.plan_.take(keep)
        self.crashes.take(keep)
        if self.pilot is not None:
            self.pilot.take(keep)
        self.telemetry.take(keep)
        self.bank.take(keep)
        self.minute = self.minute.take(keep)  # it may have begun before the deployment
        self.flow.take(keep)

    def _observe(self) -> None:
        """Note the capacity and the load of one moment, for runs that last no longer."""
        state = self.state
        brief = state.over & (state.now == 0)
        if self.serverless or not brief.any():
            return
        zero = np.zeros_like(state.now)
        around = surroundings(self.flow.environment, zero, zero + 1)
        cap = self.flow.capacity * around.capacity
        rate = self.flow.arrivals(zero, zero + US)
        fresh = brief & np.isinf(state.room) & (cap > 0)
        state.room = np.where(fresh, state.old / self.desired, state.room)
        busy = fresh & (rate > 0) & (state.old * cap > 0)
        load = rate / np.where(state.old * cap > 0, state.old * cap, 1.0)
        state.load = np.where(busy, load, state.load)

    def _write(self, rows: NDArray[np.int64]) -> None:
        state = self.state
        at = state.index[rows]
        active = self.scenario.traffic.users.active
        values = {
            "failed_fault": state.failed_fault,
            "failed_capacity": state.failed_capacity,
            "slow": state.slow,
            "exposed": state.exposed,
            "affected_users": touched_many(active, state.spared),
            "peak_exposure": np.maximum(state.peak, self.share()),
            "min_capacity": np.where(np.isfinite(state.room), state.room, np.nan),
            "peak_utilization": np.where(np.isfinite(state.load), state.load, np.nan),
            "extra_instance_s": state.extra,
            "duration_s": _seconds(state.ended),
            "first_exposed_s": _seconds(state.exposed_at),
            "detected_s": _seconds(state.detected),
            "trigger_s": _seconds(state.trigger),
            "restored_s": _seconds(state.restored),
            "paged_s": _seconds(self._page()),
        }
        for name, column in values.items():
            self.results[name][at] = column[rows]
        self.flags["succeeded"][at] = state.status[rows] == SUCCEEDED
        self.flags["automatic"][at] = state.automatic[rows]

    def _page(self) -> Times:
        state = self.state
        noticed = np.where(state.exposed_at < NEVER, state.exposed_at + self.notice, NEVER)
        noticed = np.where(noticed > state.now, NEVER, noticed)
        return np.minimum(state.paged, noticed)

    def sticky_users(self) -> None:
        """Fill in the users touched where each is pinned to a revision."""
        active = self.scenario.traffic.users.active
        rows = len(self.results["affected_users"])
        bands: list[list[tuple[float, float, float]]] = [[] for _ in range(rows)]
        for low, high, failed, index in self.bands:
            for at in np.nonzero(failed > 0)[0]:
                band = (float(low[at]), float(high[at]), float(failed[at]))
                bands[index[at]].append(band)
        self.results["affected_users"] = np.array([touched_sticky(active, b) for b in bands])


def _minds_zeros(program: MetricProgram) -> bool:
    """Whether a count of 0 while new instances still idle makes a datapoint for the alarm."""
    zeros = [
        reader is not None and _zero_counts(reader) and NEW in reader.sides
        for _, reader in program.readers
    ]
    if program.expression is None or not any(zeros):
        return any(zeros)
    idle = {
        name: np.array([0.0 if zero else np.nan])
        for (name, _), zero in zip(program.readers, zeros, strict=True)
    }
    return bool(np.isfinite(program.expression.evaluate(idle, 60.0)).any())


def _zero_counts(reader: Series) -> bool:
    return reader.source.kind == "count" and reader.source.when_zero


def _seconds(at: Times) -> Array:
    return np.where(at < NEVER, at / US, np.nan)
