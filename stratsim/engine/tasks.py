"""ECS rolling update: new tasks start and old ones stop between two bounds.

Source: ECS Developer Guide, "Rolling update" and "How the deployment circuit
breaker detects failures"; API reference, DeploymentConfiguration.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from stratsim.engine.clock import us
from stratsim.engine.failure import ECS_UPDATE_ERROR, TIMEOUT, StepFailedError, never_healthy
from stratsim.engine.fleet import Unit
from stratsim.model.plan import Replace

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]


class Tasks:
    """One pass that replaces all tasks of one revision by tasks of the other."""

    def __init__(self, run: "Deployment", step: Replace, *, new: bool) -> None:
        self.run_, self.step, self.new = run, step, new
        purpose = "startup" if new else "startup of a rollback"
        self.starts = [us(s) for s in run.world.values(step.startup, step.count, purpose)]
        self.pending = 0
        self.failures = 0
        self.wake = run.env.event()

    def run(self) -> Process:
        """Run the pass; raises `StepFailedError` when the breaker opens or nothing moves."""
        run, step = self.run_, self.step
        run.note("lifecycle", f"{step.event} begins: {step.lower} to {step.upper} tasks")
        limit = min(us(step.timeout_s) if step.timeout_s < 1e9 else 1 << 62, run.patience_us)
        while not self._complete():
            self._stop_some()
            self._start_some()
            if self._complete():
                break
            self.wake = run.env.event()
            idle = run.wait(limit)
            yield self.wake | idle
            if not self.wake.triggered:
                run.note("lifecycle", f"{step.event} is stuck")
                raise StepFailedError(TIMEOUT)
            if step.breaker is not None and self.failures >= step.breaker:
                run.note("lifecycle", f"circuit breaker: {self.failures} tasks failed")
                raise StepFailedError(ECS_UPDATE_ERROR, can_roll_back=step.breaker_rolls_back)
        run.note("lifecycle", f"{step.event} ends")

    def _complete(self) -> bool:
        fleet = self.run_.fleet
        # the service is steady when the last old task has drained
        return fleet.in_service[self.new] >= self.step.count and not fleet.of(new=not self.new)

    def _others(self) -> list[Unit]:
        """Return the tasks to be replaced that are still in service or starting."""
        return [u for u in self.run_.fleet.of(new=not self.new) if not self._leaving(u)]

    def _leaving(self, unit: Unit) -> bool:
        return unit.number in self.run_.leaving

    def _stop_some(self) -> None:
        """Stop as many of the other revision as the lower bound allows."""
        fleet = self.run_.fleet
        for unit in sorted(self._others(), key=lambda u: u.in_service):
            if unit.in_service and sum(fleet.in_service) <= self.step.lower:
                return
            self._stop(unit)

    def _stop(self, unit: Unit) -> None:
        run = self.run_
        run.leaving.add(unit.number)
        run.take_out(unit)
        run.note("host", f"task {unit.number} drains")
        run.after(us(self.step.drain_s), lambda: self._stopped(unit))

    def _stopped(self, unit: Unit) -> None:
        self.run_.stop(unit)
        self._wake()

    def _start_some(self) -> None:
        """Start as many as the upper bound allows; stopping tasks do not count."""
        fleet, step = self.run_.fleet, self.step
        mine = sum(1 for u in fleet.of(new=self.new) if not self._leaving(u))
        running = mine + len(self._others())
        count = min(step.upper - running, step.count - mine)
        if count > 0:
            self._start(count)

    def _start(self, count: int) -> None:
        run = self.run_
        run.advance()
        units = run.fleet.launch(count, new=self.new)
        doomed = never_healthy(run, units) if self.new else [False] * count
        for unit, bad in zip(units, doomed, strict=True):
            delay = self.starts[unit.number % len(self.starts)]
            if bad:
                run.fleet.take_out(unit, struck=True)
                run.after(delay + run.unhealthy_us, lambda u=unit: self._fail(u))
            else:
                run.after(delay, lambda u=unit: self._ready(u))

    def _ready(self, unit: Unit) -> None:
        if unit.running and not self._leaving(unit):
            self.run_.serve(unit)
            self.run_.note("host", f"task {unit.number} healthy")
            self._wake()

    def _fail(self, unit: Unit) -> None:
        self.failures += 1
        self.run_.note("host", f"task {unit.number} failed to become healthy")
        self.run_.stop(unit)
        self._wake()

    def _wake(self) -> None:
        if not self.wake.triggered:
            self.wake.succeed()
