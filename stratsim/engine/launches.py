"""The start of a whole fleet of the new revision.

Source: ECS Developer Guide, "Amazon ECS services": a service replaces the tasks that
fail; CodeDeploy User Guide: the replacement task set has an hour to become steady.
"""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from stratsim.engine.clock import us
from stratsim.engine.failure import TIMEOUT, StepFailedError, never_healthy
from stratsim.engine.fleet import Unit
from stratsim.model.plan import Launch

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]


class Launching:
    """One fleet that starts; what does not become healthy is replaced until time is up.

    On EC2 the revision comes to the instances later, so they start in any case.
    """

    def __init__(self, run: "Deployment", step: Launch) -> None:
        self.run_, self.step = run, step
        self.starts = [us(s) for s in run.world.values(step.startup, max(step.count, 1), "startup")]
        # Auto Scaling may have changed the fleet's size since the plan was made
        self.missing = max(step.count + run.fleet.size - run.fleet.desired, 0)
        self.behind_router = run.fleet.weight is not None
        # Where every replacement must fail like the first there is nothing to play.
        self.hopeless = any(
            fault.kind == "startup" and fault.everywhere and fault.spec.probability >= 1
            for fault in run.world.faults
        )
        self.done = run.env.event()

    def run(self) -> Process:
        """Start the fleet; raises `StepFailedError` where it is not healthy in time."""
        run, step = self.run_, self.step
        run.note("lifecycle", f"{step.event} begins: {self.missing} launched")
        self._start(self.missing)
        if self.missing:
            yield self.done | run.wait(us(step.timeout_s))
        if self.missing:
            run.note("lifecycle", f"{step.event} timed out: {self.missing} are not healthy")
            raise StepFailedError(TIMEOUT)
        run.note("lifecycle", f"{step.event} ends")

    def _start(self, count: int) -> None:
        run = self.run_
        run.advance()
        units = run.fleet.launch(count, new=True)
        for unit, bad in zip(units, self._doomed(units), strict=True):
            unit.rank = 2 if self.behind_router else 0  # a bare host has no revision yet
            start = self.starts[unit.number % len(self.starts)]
            if not bad:
                self._later(start, partial(self._ready, unit))
                continue
            run.fleet.take_out(unit, struck=True)
            if not self.hopeless:
                self._later(start + run.unhealthy_us, partial(self._replace, unit))

    def _doomed(self, units: Sequence[Unit]) -> list[bool]:
        return never_healthy(self.run_, units) if self.behind_router else [False] * len(units)

    def _later(self, delay_us: int, act: Callable[[], None]) -> None:
        if delay_us:
            self.run_.after(delay_us, act)
        else:
            act()

    def _ready(self, unit: Unit) -> None:
        if not unit.running:
            return
        if self.behind_router:
            self.run_.serve(unit)
        self.missing -= 1
        if not self.missing and not self.done.triggered:
            self.done.succeed()

    def _replace(self, unit: Unit) -> None:
        """Stop a task that failed and start another, while the deployment goes on."""
        run = self.run_
        if not unit.running or run.over:
            return
        run.note("target", f"task {unit.number} Failed")
        run.stop(unit)
        self._start(1)
