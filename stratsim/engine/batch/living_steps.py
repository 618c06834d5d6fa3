"""Steps and ways back of fleets that are scaled meanwhile; see `stratsim.engine.batch.living`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.engine.batch.fleet_steps import patience
from stratsim.engine.batch.in_flight import edge_of
from stratsim.engine.batch.living_back import Back
from stratsim.engine.batch.living_configure import LiveConfigure
from stratsim.engine.batch.living_hosts import LivePass, Together
from stratsim.engine.batch.living_launch import LiveLaunch
from stratsim.engine.batch.living_tasks import LiveTasks
from stratsim.engine.batch.living_waves import LiveWaves
from stratsim.engine.batch.pieces import take_over, waiting
from stratsim.engine.batch.state import Index
from stratsim.engine.clock import us
from stratsim.model.plan import Deregister, HostEvent, Launch, Replace, Retire, Roll
from stratsim.model.scaling import Configure, Scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from stratsim.engine.batch.living import Living, Pass

    P = TypeVar("P", bound=Pass)

LAUNCHED, LATE, RETIRED = range(1, 4)
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
        self.back = Back(self)

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
            **self.back.stages,
        }[stage]

    def wait(self, rows: Index, until: Times, stage: int) -> None:
        """Let `rows` wait; what comes after it is told by `stage`."""
        self.timer[rows], self.stage[rows] = until, stage

    # -- forward -----------------------------------------------------------------------

    def begin(self, number: int, rows: Index) -> None:
        """Begin a step of the plan."""
        step = self.plan.steps[number]
        self.number[rows] = number
        if isinstance(step, Roll):
            self._roll(number, step, rows)
        elif isinstance(step, Replace):
            self.tasks(number, step, self._over(number), new=True).begin(rows)
        elif isinstance(step, Deregister):
            which = self.living.up() & ~self.living.units.new
            self.together(number, step.events, step.event).begin(rows, which[rows])
        elif isinstance(step, Launch) and self.runs.pooled:
            self._launch(step, rows)
        elif isinstance(step, Launch):
            self._fleet(number, step).begin(rows)
        elif isinstance(step, Retire):
            self._retire(step, rows)
        elif isinstance(step, Configure):
            self.configure(number, step).begin(rows)
        elif isinstance(step, Scale):
            self.waves(number, step).begin(rows)
        self.living.settle(rows)

    def _over(self, number: int) -> "Callable[..., None]":
        """Return what comes after a pass of the plan: the next step, or failure."""
        if number >= len(self.plan.steps):
            return self.back.over(number)

        def then(over: Flags, failed: Flags, by_breaker: Flags | None = None) -> None:
            undone: Flags = np.ones(len(over), dtype=bool)
            step = self.plan.steps[number]
            if by_breaker is not None and isinstance(step, Replace):
                undone = ~by_breaker | step.breaker_rolls_back
            elif isinstance(step, Roll) and step.fleet == "old":
                undone = np.asarray(self.living.units.tried.any(axis=1))
            elif isinstance(step, Scale):
                undone &= step.can_roll_back
            self.go_on(number, over & ~failed)
            if failed.any():
                self.runs.ends.fail(failed, undone)

        return then

    def go_on(self, number: int, rows: Flags) -> None:
        """Go on with the step after `number`."""
        if rows.any() and self.runs.pilot is not None:
            self.runs.pilot.proceed(np.flatnonzero(rows), number + 1)

    def _known(self, key: object, make: "Callable[[], P]") -> "P":
        """Return the pass of that key, which is made when it begins for the first time."""
        passes = self.living.passes
        if key not in passes:
            passes[key] = make()
        return cast("P", passes[key])

    def hosts(
        self, key: object, step: Roll, purpose: str, then: "Callable[..., None]", *, new: bool
    ) -> LivePass:
        """Return a deployment to hosts."""
        keys: Any = {"new": new, "purpose": purpose, "then": then}
        return self._known(key, lambda: LivePass(self.living, step, **keys))

    def together(
        self, key: object, events: Sequence[HostEvent], purpose: str, then: Any = None
    ) -> Together:
        """Return events on many hosts at once."""
        if then is None and isinstance(key, int):
            then = self._over(key)
        keys: Any = {"new": False, "purpose": purpose, "then": then}
        return self._known(key, lambda: Together(self.living, events, **keys))

    def tasks(
        self, key: object, step: Replace, then: "Callable[..., None]", *, new: bool
    ) -> LiveTasks:
        """Return a replacement of tasks."""
        return self._known(key, lambda: LiveTasks(self.living, step, new=new, then=then))

    def configure(self, number: int, step: Configure) -> LiveConfigure:
        """Return a change of the configuration, in the plan or on the way back."""
        return self._known(number, lambda: LiveConfigure(self.living, step, self._over(number)))

    def waves(self, number: int, step: Scale) -> LiveWaves:
        """Return fleets that start and stop in waves, in the plan or on the way back."""
        undoing = number >= len(self.plan.steps)
        then = self._over(number)
        return self._known(number, lambda: LiveWaves(self.living, step, then, undoing=undoing))

    def _fleet(self, number: int, step: Launch) -> LiveLaunch:
        return self._known(number, lambda: LiveLaunch(self.living, step, self._over(number)))

    def _roll(self, number: int, step: Roll, rows: Index) -> None:
        living = self.living
        units, new = living.units, step.fleet == "new"
        pool = (units.open(living.now) & (units.new == new))[rows]
        # a replacement host whose installation failed is not registered
        wanted = pool & units.healthy[rows] if new else pool & (pool.cumsum(axis=1) <= step.count)
        found = self.hosts(number, step, "deploy", self._over(number), new=True)
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
        self.wait(rows[~late], (now[rows] + last)[~late], LAUNCHED)
        self.wait(rows[late], (now[rows] + limit)[late], LATE)

    def _retire(self, step: Retire, rows: Index) -> None:
        now, plan = self.living.now[rows], self.runs.plan_
        if step.wait_s > 0 and not self.runs.scenario.control.watch_termination_wait:
            plan.unwatched[rows] = np.minimum(plan.unwatched[rows], now)
        self.wait(rows, now + us(step.wait_s), RETIRED)

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
            self.go_on(number, self.living.flags(here))

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
            found = self.hosts("follow-on", step, "follow-on", self._followed, new=True)
            found.begin(here, outdated[here], pool[here])
            living.settle(here)

    def _followed(self, over: Flags, failed: Flags) -> None:
        self.leave("follow-on", failed)
        self.following &= ~over
        self.runs.ends.check_over(over)

    def leave(self, key: str, failed: Flags) -> None:
        """Leave hosts of a pass that has failed."""
        found = self.living.passes[key]
        if isinstance(found, LivePass) and failed.any():
            found.halt(failed, at_once=self.living.at_once)
            self.living.mark(failed)
