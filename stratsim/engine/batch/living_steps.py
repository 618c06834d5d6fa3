"""Steps and ways back of fleets that are scaled meanwhile; see `stratsim.engine.batch.living`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stratsim.engine.batch.changes import NEVER, Draft, Flags, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.fleet_steps import patience
from stratsim.engine.batch.in_flight import edge_of
from stratsim.engine.batch.living_hosts import LivePass, Together
from stratsim.engine.batch.living_launch import LiveLaunch
from stratsim.engine.batch.living_tasks import LiveTasks
from stratsim.engine.batch.pieces import add_changes, take_over, waiting
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.timetable import SUCCEEDED
from stratsim.engine.clock import us
from stratsim.engine.undo import allow_events, relaunch_events
from stratsim.model.plan import Deregister, HostEvent, Launch, Replace, Retire, Roll

if TYPE_CHECKING:
    from collections.abc import Callable

    from stratsim.engine.batch.living import Living

LAUNCHED, LATE, RETIRED, BACK, RELAUNCHED, ROUTED = range(1, 7)
"""What a wait is for, by ``stage``."""


class Steps:
    """The steps of many runs that look at their fleets, and the ways back.

    ``timer`` is when a wait is over, `NEVER` where none is; ``number`` is the step it
    belongs to. ``retired`` says that the old fleet is gone, ``following`` that what has
    joined since gets a deployment of its own.
    """

    def __init__(self, living: "Living") -> None:
        self.living, self.runs, self.plan = living, living.runs, living.runs.plan
        rows = len(living.soon)
        self.timer = np.full(rows, NEVER)
        self.stage, self.number = (np.zeros(rows, dtype=np.int64) for _ in range(2))
        self.retired, self.following = (np.zeros(rows, dtype=bool) for _ in range(2))
        self.unhealthy_us = patience(self.runs.scenario).unhealthy

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        for name in ("timer", "stage", "number", "retired", "following"):
            setattr(self, name, getattr(self, name)[keep])

    def halt(self, rows: Index) -> None:
        """End the waits of a deployment, and call off the weights that it had yet to order."""
        self.timer[rows], self.following[rows] = NEVER, False
        if not self.runs.pooled:
            draft = waiting(self.runs, rows, edge_of(self.runs, rows))
            take_over(self.runs, rows, draft, None)

    def act(self, due: Flags) -> None:
        """Go on where a wait is over."""
        rows = due & (self.timer <= self.living.now)
        if not rows.any():
            return
        self.timer = np.where(rows, NEVER, self.timer)
        stages = self.stage.copy()  # a wait may follow a wait
        for stage in np.unique(stages[rows]).tolist():
            self._after(stage)(np.flatnonzero(rows & (stages == stage)))

    def _after(self, stage: int) -> "Callable[[Index], None]":
        """Return what comes after a wait."""
        return {
            LAUNCHED: self._on,
            LATE: self._late,
            RETIRED: self._retired,
            BACK: self._back,
            RELAUNCHED: self._relaunched,
            ROUTED: self._routed,
        }[stage]

    def _wait(self, rows: Index, until: Times, stage: int) -> None:
        self.timer[rows], self.stage[rows] = until, stage

    # -- forward -----------------------------------------------------------------------

    def begin(self, number: int, rows: Index) -> None:
        """Begin a step of the plan."""
        step = self.plan.steps[number]
        self.number[rows] = number
        if isinstance(step, Roll):
            self._roll(number, step, rows)
        elif isinstance(step, Replace):
            self._tasks(number, step, new=True).begin(rows)
        elif isinstance(step, Deregister):
            which = self.living.up() & ~self.living.units.new
            self._together(number, step.events, step.event).begin(rows, which[rows])
        elif isinstance(step, Launch) and self.runs.pooled:
            self._launch(step, rows)
        elif isinstance(step, Launch):
            self._fleet(number, step).begin(rows)
        elif isinstance(step, Retire):
            self._retire(step, rows)
        self.living.settle(rows)

    def _over(self, number: int) -> "Callable[..., None]":
        """Return what comes after a pass of the plan: the next step, or failure."""

        def then(over: Flags, failed: Flags, by_breaker: Flags | None = None) -> None:
            undone: Flags = np.ones(len(over), dtype=bool)
            step = self.plan.steps[number]
            if by_breaker is not None and isinstance(step, Replace):
                undone = ~by_breaker | step.breaker_rolls_back
            elif isinstance(step, Roll) and step.fleet == "old":
                undone = np.asarray(self.living.units.tried.any(axis=1))
            self._go_on(number, over & ~failed)
            if failed.any():
                self.runs.ends.fail(failed, undone)

        return then

    def _go_on(self, number: int, rows: Flags) -> None:
        if rows.any() and self.runs.pilot is not None:
            self.runs.pilot.proceed(np.flatnonzero(rows), number + 1)

    def _hosts(
        self, key: object, step: Roll, purpose: str, then: "Callable[..., None]", *, new: bool
    ) -> LivePass:
        passes = self.living.passes
        if key not in passes:
            passes[key] = LivePass(self.living, step, new=new, purpose=purpose, then=then)
        found = passes[key]
        assert isinstance(found, LivePass)
        return found

    def _together(
        self, key: object, events: Sequence[HostEvent], purpose: str, then: Any = None
    ) -> Together:
        passes = self.living.passes
        if key not in passes:
            then = self._over(key) if then is None and isinstance(key, int) else then
            passes[key] = Together(self.living, events, new=False, purpose=purpose, then=then)
        found = passes[key]
        assert isinstance(found, Together)
        return found

    def _tasks(self, key: object, step: Replace, *, new: bool) -> LiveTasks:
        passes = self.living.passes
        if key not in passes:
            then = self._over(key) if isinstance(key, int) else self._undone
            passes[key] = LiveTasks(self.living, step, new=new, then=then)
        found = passes[key]
        assert isinstance(found, LiveTasks)
        return found

    def _fleet(self, number: int, step: Launch) -> LiveLaunch:
        passes = self.living.passes
        if number not in passes:
            passes[number] = LiveLaunch(self.living, step, self._over(number))
        found = passes[number]
        assert isinstance(found, LiveLaunch)
        return found

    def _roll(self, number: int, step: Roll, rows: Index) -> None:
        living = self.living
        units, new = living.units, step.fleet == "new"
        pool = (units.open(living.now) & (units.new == new))[rows]
        # a replacement host whose installation failed is not registered
        wanted = pool & units.healthy[rows] if new else pool & (pool.cumsum(axis=1) <= step.count)
        found = self._hosts(number, step, "deploy", self._over(number), new=True)
        found.begin(rows, wanted, pool)

    def _launch(self, step: Launch, rows: Index) -> None:
        """Start a fleet of hosts that get their revision later."""
        living, now = self.living, self.living.now
        count = np.zeros(len(now), dtype=np.int64)
        desired = self.runs.scenario.desired
        count[rows] = np.maximum(step.count + living.size(rows) - desired, 0)
        living.touch(living.flags(rows))
        fresh = living.launch(count, new=True)
        living.units.rank = np.where(fresh, 0, living.units.rank)
        starts = us_many(self.runs.draws.values(step.startup, "startup"))
        start = starts[:, np.arange(fresh.shape[1]) % max(step.count, 1)]
        last, limit = np.where(fresh, start, 0).max(axis=1)[rows], us(step.timeout_s)
        late = last > limit
        self._wait(rows[~late], (now[rows] + last)[~late], LAUNCHED)
        self._wait(rows[late], (now[rows] + limit)[late], LATE)

    def _retire(self, step: Retire, rows: Index) -> None:
        now, plan = self.living.now[rows], self.runs.plan_
        if step.wait_s > 0 and not self.runs.scenario.control.watch_termination_wait:
            plan.unwatched[rows] = np.minimum(plan.unwatched[rows], now)
        self._wait(rows, now + us(step.wait_s), RETIRED)

    def _late(self, rows: Index) -> None:
        self.runs.ends.fail(self.living.flags(rows))

    def _retired(self, rows: Index) -> None:
        step = self.plan.steps[int(self.number[rows[0]])]
        if isinstance(step, Retire) and step.action == "TERMINATE":
            living = self.living
            flags = living.flags(rows)
            old = living.units.running(living.now) & ~living.units.new & flags[:, None]
            living.touch(flags)
            living.retire(old, living.now)
            self.retired |= flags
        self._on(rows)

    def _on(self, rows: Index) -> None:
        for number in np.unique(self.number[rows]).tolist():
            here = rows[self.number[rows] == number]
            self._go_on(number, self.living.flags(here))

    # -- afterwards ----------------------------------------------------------------------

    def follow_on(self, rows: Flags) -> None:
        """Deploy to what has joined in the meantime; see `stratsim.engine.autoscaling`."""
        step, living = self.plan.redeploy, self.living
        ignored = self.plan.group.raw.get("outdatedInstancesStrategy") == "IGNORE"
        if not (isinstance(step, Roll) and self.plan.launch_hook) or ignored:
            return
        pool = living.units.open(living.now)
        outdated = pool & living.up() & ~living.units.new & rows[:, None]
        here = np.flatnonzero(outdated.any(axis=1))
        if len(here):
            self.following[here] = True
            found = self._hosts("follow-on", step, "follow-on", self._followed, new=True)
            found.begin(here, outdated[here], pool[here])
            living.settle(here)

    def _followed(self, over: Flags, failed: Flags) -> None:
        self._leave("follow-on", failed)
        self.following &= ~over
        self.runs.ends.check_over(over)

    def _leave(self, key: str, failed: Flags) -> None:
        """Leave hosts of a pass that has failed."""
        found = self.living.passes[key]
        if isinstance(found, LivePass) and failed.any():
            found.halt(failed, at_once=self.living.at_once)
            self.living.mark(failed)

    # -- back ------------------------------------------------------------------------------

    def undo(self, rows: Index) -> None:
        """Begin the way back, once all of this instant has happened."""
        state = self.runs.state
        ends = (state.ended[rows] == state.now[rows]) & (state.status[rows] != SUCCEEDED)
        live = rows[ends | self.following[rows]]
        if len(live):
            self.living.halt(live)
        state.undone[rows] = NEVER
        self._wait(rows, state.now[rows], BACK)

    def _back(self, rows: Index) -> None:
        step = self.plan.redeploy
        if isinstance(step, Roll):
            self._redeploy(step, rows)
        elif isinstance(step, Replace):
            living = self.living
            off = living.units.running(living.now) & living.units.new & ~living.up()
            off &= living.flags(rows)[:, None]
            living.touch(np.asarray(off.any(axis=1)))
            living.retire(off, living.now)
            self._tasks("back", step, new=False).begin(rows)
        else:
            self._relaunch(rows)

    def _undone(self, over: Flags, *_: Flags) -> None:
        state = self.runs.state
        state.undone = np.where(over, state.now, state.undone)

    def _redeploy(self, step: Roll, rows: Index) -> None:
        living = self.living
        units, pool = living.units, living.units.open(living.now)
        wanted = pool
        if self.runs.scenario.control.rollback_hosts == "touched_only":
            wanted = pool & units.tried & (units.new | ~living.up() | ~units.healthy)
        some = rows[wanted[rows].any(axis=1)]
        self._undone(living.flags(rows) & ~living.flags(some))
        if len(some):
            found = self._hosts("rollback", step, "rollback", self._redeployed, new=False)
            found.begin(some, wanted[some], pool[some])

    def _redeployed(self, over: Flags, failed: Flags) -> None:
        self._leave("rollback", failed)
        self._undone(over)

    def _relaunch(self, rows: Index) -> None:
        """Start the old fleet again where it is gone, then send all traffic to it."""
        living = self.living
        gone = rows[self.retired[rows]]
        self._return(rows[~self.retired[rows]])
        if not len(gone):
            return
        count = np.zeros(len(living.soon), dtype=np.int64)
        count[gone] = living.size(gone)
        living.touch(living.flags(gone))
        fresh = living.launch(count, new=False)
        living.units.rank = np.where(fresh, 0, living.units.rank)
        last = last_start(living.draws(gone), count[gone])
        self._wait(gone, living.now[gone] + last, RELAUNCHED)

    def _relaunched(self, rows: Index) -> None:
        events = relaunch_events(self.plan.steps)
        living, units = self.living, self.living.units
        which = units.running(living.now) & ~units.new & (units.rank == 0) & (units.launched >= 0)
        if not self.runs.pooled:
            which &= living.flags(rows)[:, None]
            living.touch(which.any(axis=1))
            units.joined = np.where(which, living.now[:, None], units.joined)
            self._registered(living.flags(rows))
            return
        self._together("relaunch", events, "relaunch", self._registered).begin(rows, which[rows])

    def _registered(self, over: Flags, *_: Flags) -> None:
        self.retired &= ~over
        if self.runs.pooled:  # what was launched now and failed is no older host to register
            self._route(np.flatnonzero(over))
        else:
            self._return(np.flatnonzero(over))

    def _return(self, rows: Index) -> None:
        """Send all traffic back to the old fleet."""
        if self.runs.pooled:
            self._register(rows)
            return
        now = self.living.now[rows]
        draft = Draft(len(rows))
        draft.put(now + self.runs.reroute_us, ordered=now, weight=0.0)
        add_changes(self.runs, rows, draft)
        self._route(rows)

    def _register(self, rows: Index) -> None:
        living = self.living
        outside = living.units.open(living.now) & ~living.units.new & ~living.up()
        some = rows[outside[rows].any(axis=1)]
        self._route(np.setdiff1d(rows, some))
        if len(some):
            events = allow_events(self.plan.steps)
            found = self._together("reregister", events, "reregister", self._to_route)
            found.begin(some, outside[some])

    def _to_route(self, over: Flags, _: Flags) -> None:
        self._route(np.flatnonzero(over))

    def _route(self, rows: Index) -> None:
        self._wait(rows, self.living.now[rows] + self.runs.reroute_us, ROUTED)

    def _routed(self, rows: Index) -> None:
        """Terminate the new fleet when traffic has left it."""
        living = self.living
        flags = living.flags(rows)
        living.touch(flags)
        new = living.units.running(living.now) & living.units.new & flags[:, None]
        living.retire(new, living.now)
        self._undone(flags)


def last_start(draws: Draws, counts: Index) -> Times:
    """Return how long the slowest of so many old instances takes to start again [us]."""
    startup, last = draws.scenario.service.startup, np.zeros(len(counts), dtype=np.int64)
    for count in np.unique(counts).tolist():
        starts = draws.worlds.draw(startup, "startup of a rollback", rows=draws.rows, n=count)
        last = np.where(counts == count, us_many(np.asarray(starts)).max(axis=1), last)
    return last
