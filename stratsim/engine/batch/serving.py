"""The requests of many runs: who serves them, and what they meet.

Requests are accounted for stretch by stretch: a run's stretch reaches from its last
change to the next, and lies within one minute.
"""

from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.cold_starts import ColdStarts
from stratsim.engine.batch.dice import Dice
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.fail_open import FailOpen, fails_open
from stratsim.engine.batch.faults import Effects, draw_faults, effects, needs_instances, warmth
from stratsim.engine.batch.flow import Flow, Outcome, Stretch, of_rows
from stratsim.engine.batch.slow_start import SlowStart, starts_slowly
from stratsim.engine.batch.state import EVERY, Index, Rows
from stratsim.engine.batch.surroundings import surroundings
from stratsim.engine.batch.units import policy_of
from stratsim.engine.batch.wants import Wants
from stratsim.engine.clock import US
from stratsim.engine.setup import Setup
from stratsim.engine.users import touched_sticky_many
from stratsim.model.quantities import Array
from stratsim.model.scaling import Scale
from stratsim.model.traffic import Constant

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Started = tuple[Times, Flags]
PURPOSES = ("old", "new", "first", "slow", "blame", "times")


class Serving:
    """The fleets' requests, and the faults that they meet.

    ``leaving`` of the state and ``entered`` of the schedule say which instances of
    the new revision serve, where faults tell one from another.
    """

    def __init__(self, runs: "Runs", wants: Wants) -> None:
        setup, draws = runs.setup, runs.draws
        scenario, plan = setup.scenario, setup.plan
        self.runs, self.scenario, self.pooled = runs, scenario, runs.pooled
        self.desired, self.rows = scenario.desired, len(draws.rows)
        self.faults = draw_faults(draws)
        scales = any(isinstance(step, Scale) for step in (*plan.steps, *plan.restore))
        scales |= policy_of(scenario) is not None
        self.by_instance = needs_instances(self.faults, pooled=self.pooled or scales)
        self.serverless = scenario.platform == "lambda"
        self.warms = scenario.service.warm_up.factor > 1 and not self.serverless
        self.by_instance |= self.warms and (self.pooled or scales)
        self.steady = isinstance(scenario.traffic.profile, Constant)
        self.bands: list[tuple[Array, Array, Array, Index]] = []
        self.flow = _flow(setup, draws, wants)
        self.flow.untouched = int(runs.state.old[0])
        slows = self.pooled and starts_slowly(scenario)
        self.by_instance |= slows
        self.slow_start = SlowStart(runs) if slows else None
        self.fail_open = FailOpen(runs) if fails_open(scenario) else None

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.faults = [fault.take(keep) for fault in self.faults]
        self.flow.take(keep)
        if self.slow_start is not None:
            self.slow_start.take(keep)

    def share(self, at: Rows = EVERY) -> Array:
        """Return the new revision's share of the traffic."""
        state = self.runs.state
        if not self.pooled:
            return state.weight[at]
        old, new = state.old[at], state.new[at] - self.runs.crashes.downs[at]
        total = old + new
        return new / np.where(total > 0, total, 1.0)

    def account(self, rows: Index, *, past: bool = False) -> None:
        """Account for the requests of `rows` from ``since`` until now."""
        state = self.runs.state
        for edge in self.flow.environment.edges:
            across = rows[(state.since[rows] < edge) & (edge < state.now[rows])]
            self._account(across, np.full(len(state.now), edge), past=past)
        self._account(rows, state.now, past=past)

    def _account(self, rows: Index, until: Times, *, past: bool) -> None:
        state = self.runs.state
        here = rows[until[rows] > state.since[rows]]
        if not len(here):
            return
        # a view of all costs nothing
        at = EVERY if len(here) == len(state.index) else here
        begin, end, share = state.since[at], until[at], self.share(at)
        started = None if past else self._started(at, begin, share)
        effect = warm = None
        if started is not None:
            if self.slow_start is not None:
                share = self.slow_start.share(at, begin, end, share, started)
            effect = self._effects(at, begin, end, share, started)
            warm = warmth(self.scenario.service, begin, end, *started) if self.warms else None
        stretch = Stretch(
            begin,
            end,
            share,
            state.old[at],
            state.new[at] - self.runs.crashes.downs[at],
            state.lost_old[at],
            state.lost_new[at] + self.runs.crashes.downs[at],
            self.pooled,
            effect,
            at,
            warm,
        )
        if self.fail_open is not None:
            stretch = self.fail_open.open(stretch)
        out = self.flow.serve(stretch, self.runs.minute)
        if not past:
            self._sum(out, at, (end - begin) / US, stretch.share)
        state.since[at] = end  # last: `begin` may be a view of it

    def _started(self, at: Rows, begin: Times, share: Array) -> Started | None:
        """Return when each instance of the new revision got its first request, and which did.

        One stands for all where they are alike; None where the new revision gets nothing.
        """
        runs, state = self.runs, self.runs.state
        first = state.first[at]
        begun = ((first < NEVER) & (share > 0))[:, None]
        if not begun.any():
            return None
        if runs.crashes.needed:
            starts = runs.crashes.clocks.begun[at]
            return starts, starts < NEVER
        if not self.by_instance:
            return first[:, None], begun
        if not (self.pooled or runs.plan_.numbered):
            shape = (len(begin), runs.draws.size)
            return np.broadcast_to(first[:, None], shape), np.broadcast_to(begun, shape)
        starts = runs.plan_.entered[at]
        serving = (starts <= begin[:, None]) & (state.leaving[at] > begin[:, None])
        if self.pooled:
            return starts, serving
        return np.maximum(starts, first[:, None]), serving & begun

    def _effects(
        self, at: Rows, begin: Times, end: Times, share: Array, started: Started
    ) -> Effects | None:
        if not self.faults:
            return None
        serving = self.runs.state.new[at] - self.runs.crashes.downs[at]
        span = (end - begin) / US
        load = self.flow.arrivals(begin, end) * share / span / np.maximum(serving, 1)
        faults = self.faults if isinstance(at, slice) else [f.take(at) for f in self.faults]
        return effects(faults, begin, end, load, *started)

    def fault_to_come(self, rows: Index) -> Flags:
        """Return where requests are expected to meet a fault before the run is given up."""
        if not (self.faults and self.steady):
            return np.full(len(rows), bool(self.faults))
        state = self.runs.state
        begin, share = state.now[rows], self.share(rows)
        end = state.ended[rows] + self.runs.ends.follow_us
        started = self._started(rows, begin, share)
        effect = None if started is None else self._effects(rows, begin, end, share, started)
        if effect is None:
            return np.zeros(len(rows), dtype=bool)
        met = state.exposed_at[rows] < NEVER
        return np.asarray(met | (self.flow.arrivals(begin, end) * effect.exposed > 0))

    def _sum(self, out: Outcome, at: Rows, span: Array, share: Array) -> None:
        runs, state = self.runs, self.runs.state
        state.extra[at] += np.maximum(state.running[at] - of_rows(self.flow.usual, at), 0.0) * span
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
            runs.watching.detect(fresh)
            runs.watching.call(fresh, state.exposed_at + runs.watching.notice_us)

    def _users(self, out: Outcome, at: Rows, share: Array) -> None:
        if not self.scenario.traffic.users.sticky:
            for failed in (out.user_fault, out.user_new, out.user_old):
                if failed is not None:
                    self.runs.state.spared[at] += failed
            return
        low, high, index = np.zeros_like(share), np.ones_like(share), self.runs.state.index[at]
        for failed, left, right in (
            (out.user_fault, low, share),
            (out.user_new, low, share),
            (out.user_old, share, high),
        ):
            if failed is not None:
                self.bands.append((left.copy(), right.copy(), failed, index))

    def observe(self) -> None:
        """Note the capacity and the load of one moment, for runs that last no longer."""
        state = self.runs.state
        brief = state.over & (state.now == 0)
        if self.serverless or not brief.any():
            return
        zero = np.zeros_like(state.now)
        around = surroundings(self.flow.environment, zero, zero + 1)
        cap = self.flow.capacity * around.capacity
        rate = self.flow.arrivals(zero, zero + US)
        fresh = brief & np.isinf(state.room) & (cap > 0)
        serving = state.old + (state.new if self.pooled else 0)
        state.room = np.where(fresh, serving / self.desired, state.room)
        busy = fresh & (rate > 0) & (serving * cap > 0)
        load = rate / np.where(serving * cap > 0, serving * cap, 1.0)
        state.load = np.where(busy, load, state.load)

    def sticky_users(self) -> Array:
        """Return the users touched by run, where each is pinned to a revision."""
        return touched_sticky_many(self.scenario.traffic.users.active, self.rows, self.bands)


def _flow(setup: Setup, draws: Draws, wants: Wants) -> Flow:
    scenario, worlds, rows = setup.scenario, draws.worlds, len(draws.rows)
    key = ("batch", worlds.index, draws.outcome)
    streams = {name: worlds.streams.counts(*key, name) for name in PURPOSES}
    dice = Dice(streams, expected=worlds.expected)
    flow = Flow(scenario, setup.times, dice, watches_old=wants.old)
    flow.due = [np.zeros(rows), np.zeros(rows)]
    flow.sent = [np.zeros(rows), np.zeros(rows)]
    flow.keeps_times, flow.keeps_load = wants.times, wants.load
    if scenario.platform == "lambda" and scenario.service.cold_starts:
        flow.cold = ColdStarts(draws, setup.times)
    return flow
