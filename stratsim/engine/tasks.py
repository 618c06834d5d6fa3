"""ECS rolling update: new tasks start and old ones stop between two bounds.

Source: ECS Developer Guide, "Rolling update" and "How the deployment circuit
breaker detects failures"; API reference, DeploymentConfiguration.
"""

from collections.abc import Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from stratsim.engine.clock import us
from stratsim.engine.failure import ECS_UPDATE_ERROR, TIMEOUT, StepFailedError, never_healthy
from stratsim.engine.fleet import Unit
from stratsim.model.plan import Replace

if TYPE_CHECKING:
    import simpy

    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]


class Tasks:
    """One pass that replaces all tasks of one revision by tasks of the other.

    ``others`` are the tasks to be replaced that do not drain yet, ``mine`` how
    many of the other revision run or start; a draining task is in neither, as
    ECS counts it neither as running nor as pending.
    """

    def __init__(self, run: "Deployment", step: Replace, *, new: bool) -> None:
        self.run_, self.new = run, new
        self.step = self.planned = step
        purpose = "startup" if new else "startup of a rollback"
        self.starts = [us(s) for s in run.world.values(step.startup, step.count, purpose)]
        self.others = {u.number: u for u in run.fleet.of(new=not new) if u.in_service}
        self.mine = sum(u.in_service for u in run.fleet.of(new=new))
        self.draining = self.failures = 0
        self.deadline = 0
        self.wake = run.env.event()
        # Auto Scaling may have changed the count since the plan was made
        if run.autoscaling is not None:
            self.resize(run.fleet.size)

    def resize(self, count: int) -> None:
        """Take over another desired count; the bounds are percentages of it."""
        step = self.planned
        lower, upper = -(-step.lower * count // step.count), step.upper * count // step.count
        self.step = replace(step, count=count, lower=lower, upper=upper)
        self.look()

    def run(self) -> Process:
        """Run the pass; raises `StepFailedError` when the breaker opens or nothing moves."""
        run, step = self.run_, self.step
        run.note("lifecycle", f"{step.event} begins: {step.lower} to {step.upper} tasks")
        run.replacing = self
        try:
            yield from self._replace_all()
        finally:
            run.replacing = None
        self._stop_surplus()
        run.note("lifecycle", f"{step.event} ends")

    def _replace_all(self) -> Process:
        run = self.run_
        self._progress()
        while not self._complete():
            self._stop_some()
            self._start_some()
            if self._complete():
                break
            self.wake = run.env.event()
            yield self.wake | run.wait(self.deadline - run.now)
            self._check()

    def _stop_surplus(self) -> None:
        """Stop what is more than the count, where that was lowered on the way."""
        run = self.run_
        serving = [unit for unit in run.fleet.of(new=self.new) if unit.in_service]
        for unit in serving[self.step.count :]:
            run.take_out(unit)
            run.after(us(self.step.drain_s), partial(run.stop, unit))

    def _check(self) -> None:
        """Fail where the circuit breaker opens, or where nothing has moved for too long."""
        run, step = self.run_, self.step
        if step.breaker is not None and self.failures >= step.breaker:
            run.note("lifecycle", f"circuit breaker: {step.breaker} tasks failed")
            raise StepFailedError(ECS_UPDATE_ERROR, can_roll_back=step.breaker_rolls_back)
        if run.now >= self.deadline:
            run.note("lifecycle", f"{step.event} is stuck")
            raise StepFailedError(TIMEOUT)

    def _progress(self) -> None:
        self.deadline = self.run_.now + min(
            us(min(self.step.timeout_s, 1e9)), self.run_.patience_us
        )

    def _complete(self) -> bool:
        serving = self.run_.fleet.in_service[self.new]
        return serving >= self.step.count and not self.others and not self.draining

    def _stop_some(self) -> None:
        """Stop as many of the other revision as the lower bound allows, unhealthy ones first."""
        fleet, others = self.run_.fleet, self.others
        if fleet.in_service[not self.new] < len(others):
            for unit in [u for u in others.values() if not u.in_service]:
                self._stop(unit)
        while others and sum(fleet.in_service) > self.step.lower:
            self._stop(next(iter(others.values())))

    def _stop(self, unit: Unit) -> None:
        run = self.run_
        del self.others[unit.number]
        self.draining += 1
        run.take_out(unit)
        run.note("target", f"task {unit.number} Draining")
        run.after(us(self.step.drain_s), partial(self._gone, unit))
        self._progress()

    def _gone(self, unit: Unit) -> None:
        self.draining -= 1
        self.run_.stop(unit)
        self.look()

    def _start_some(self) -> None:
        """Start as many as the upper bound allows; draining tasks do not count."""
        step = self.step
        count = min(step.upper - self.mine - len(self.others), step.count - self.mine)
        if count > 0:
            self._start(count)

    def _start(self, count: int) -> None:
        run = self.run_
        run.advance()
        self.mine += count
        units = run.fleet.launch(count, new=self.new)
        doomed = never_healthy(run, units) if self.new else [False] * count
        for unit, bad in zip(units, doomed, strict=True):
            run.note("target", f"task {unit.number} InProgress")
            delay = self.starts[unit.number % len(self.starts)]
            if bad:
                run.fleet.take_out(unit, struck=True)
                run.after(delay + run.unhealthy_us, partial(self._fail, unit))
            else:
                run.after(delay, partial(self._ready, unit))

    def _ready(self, unit: Unit) -> None:
        if not unit.running:
            return
        run = self.run_
        run.serve(unit)
        run.note("target", f"task {unit.number} Succeeded")
        if self.step.breaker_resets:
            self.failures = 0
        self._progress()
        self.look()

    def _fail(self, unit: Unit) -> None:
        """ECS stops a task that does not become healthy and starts another."""
        if not unit.running:
            return
        self.mine -= 1
        self.run_.note("target", f"task {unit.number} Failed")
        self.run_.stop(unit)
        self.lose()

    def lose(self) -> None:
        """Count a task that failed, also one that had been healthy."""
        self.failures += 1
        if self.step.breaker is not None:
            self._progress()  # towards the breaker's verdict
        self.look()

    def look(self) -> None:
        """Look at what may stop and start once all of this instant has happened.

        A task that serves again after a crash is no progress.
        """
        wake = self.wake
        self.run_.after(0, partial(_wake, wake))


def _wake(event: "simpy.Event") -> None:
    if not event.triggered:
        event.succeed()
