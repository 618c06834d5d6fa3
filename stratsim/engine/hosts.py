"""CodeDeploy on hosts: batches under a minimum of healthy hosts.

Source: CodeDeploy User Guide, pages "CodeDeploy instance health" and "Working
with deployment configurations"; API reference, MinimumHealthyHosts.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import simpy

from stratsim.engine.clock import us
from stratsim.engine.failure import StepFailedError, failing_hook, never_healthy
from stratsim.engine.fleet import Unit
from stratsim.model.plan import HostEvent, Roll

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, Any]


class Script:
    """What happens on each host: durations and failures of every event, drawn.

    Host i of the fleet has the same draws whatever the strategy.
    """

    def __init__(
        self,
        run: "Deployment",
        events: Sequence[HostEvent],
        units: Sequence[Unit],
        *,
        new: bool,
        purpose: str,
    ) -> None:
        self.run, self.events, self.new = run, events, new
        size = max(run.scenario.service.instances, 1)
        world = run.world
        self.place = {unit.number: unit.number % size for unit in units}
        self.durations = [
            [us(d) for d in world.values(e.duration, size, "host", purpose, e.event)]
            for e in events
        ]
        self.chances = [
            world.chances(size, "host fails", purpose, e.event) if e.failure > 0 else None
            for e in events
        ]
        self.doomed: dict[int, str] = {}
        if new:
            self._doom(units)

    def _doom(self, units: Sequence[Unit]) -> None:
        """Note at which event the release's faults fail a host."""
        names = [event.event for event in self.events]
        for event in names:
            for unit, struck in zip(units, failing_hook(self.run, units, event), strict=True):
                if struck:
                    self.doomed.setdefault(unit.number, event)
        verdict = "ValidateService" if "ValidateService" in names else names[-1]
        for fault in self.run.world.faults:
            if fault.kind == "host":
                for unit in units:
                    if self.place[unit.number] == fault.spec.index:
                        self.doomed.setdefault(unit.number, verdict)
        if any(e.effect == "allow" for e in self.events):
            for unit, sick in zip(units, never_healthy(self.run, units), strict=True):
                if sick:
                    self.doomed.setdefault(unit.number, _NEVER)

    def play(self, unit: Unit) -> Process:
        """Run the events on `unit`; return whether all succeeded."""
        run, place = self.run, self.place[unit.number]
        for at, event in enumerate(self.events):
            chances = self.chances[at]
            sick = event.effect == "allow" and self.doomed.get(unit.number) == _NEVER
            failing = sick or self.doomed.get(unit.number) == event.event
            failing |= chances is not None and chances[place] < event.failure
            duration, limit = self.durations[at][place], us(event.timeout_s)
            if event.effect == "block":
                run.take_out(unit)
            late = sick or duration > limit
            spent = limit if late else duration
            if spent:
                yield run.wait(spent)
            if failing or late:
                run.note("host", f"{_name(unit)} {event.event} {'timed out' if late else 'failed'}")
                run.take_out(unit, struck=failing and self.new)
                return False
            if run.traced:
                run.note("host", f"{_name(unit)} {event.event}")
            if event.effect == "allow":
                run.convert(unit, new=self.new)
        return True


_NEVER = "never healthy"


def _name(unit: Unit) -> str:
    return f"host {unit.number}"


class Hosts:
    """One pass over a fleet, as many hosts at a time as the minimum allows."""

    def __init__(
        self,
        run: "Deployment",
        step: Roll,
        units: Sequence[Unit],
        *,
        new: bool,
        purpose: str = "deploy",
    ) -> None:
        self.run_, self.step = run, step
        self.script = Script(run, step.events, units, new=new, purpose=purpose)
        order = {place: at for at, place in enumerate(run.world.order(max(len(units), 1)))}
        ranked = sorted(enumerate(units), key=lambda pair: order[pair[0]])
        # Unhealthy hosts are tried first (page "CodeDeploy instance health").
        self.waiting = sorted((unit for _, unit in ranked), key=lambda unit: unit.healthy)
        self.total = len(units)
        self.succeeded = 0
        self.forced = purpose == "rollback"
        pool = run.fleet.of(new=True) if step.fleet == "new" else run.hosts()
        self.healthy = Counter(unit.zone for unit in pool if unit.healthy)
        self.flying_healthy: Counter[int] = Counter()
        self.flying: dict[int, tuple[Unit, bool, simpy.Process]] = {}
        self.finished: list[tuple[Unit, bool]] = []
        self.wake = run.env.event()

    @staticmethod
    def together(
        run: "Deployment", name: str, events: Sequence[HostEvent], units: Sequence[Unit]
    ) -> Process:
        """Run events on all hosts at once; one failure fails the deployment."""
        run.note("lifecycle", f"{name} begins on {len(units)} hosts")
        script = Script(run, events, units, new=False, purpose=name)
        playing = [run.env.process(script.play(unit)) for unit in units]
        run.children.update(playing)
        if playing:
            yield simpy.AllOf(run.env, playing)
        run.children.clear()
        if not all(process.value for process in playing):
            raise StepFailedError("HEALTH_CONSTRAINTS")
        run.note("lifecycle", f"{name} ends")

    def run(self) -> Process:
        """Run the pass; raises `StepFailedError` by the rules of healthy hosts."""
        step, run = self.step, self.run_
        known = step.single_must_succeed or self.forced
        if not known and 0 < self.total <= step.minimum_healthy:
            raise StepFailedError("HEALTH_CONSTRAINTS_INVALID")
        run.note("lifecycle", f"{step.event} begins: {self.total} hosts")
        if step.zones > 1:
            yield from self._zones()
        else:
            yield from self._pass(None)
        least = 1 if known else max(step.minimum_healthy, 1)
        if self.total and self.succeeded < least:
            raise StepFailedError("HEALTH_CONSTRAINTS")
        run.note("lifecycle", f"{step.event} ends: {self.succeeded} of {self.total} succeeded")

    def _zones(self) -> Process:
        step, run = self.step, self.run_
        zones = sorted({unit.zone for unit in self.waiting})
        for at, zone in enumerate(zones):
            yield from self._pass(zone)
            if at < len(zones) - 1:
                pause = step.first_zone_monitor_s if at == 0 else step.zone_monitor_s
                run.note("lifecycle", f"zone {zone} done, monitored")
                yield run.wait(us(pause))

    def _pass(self, zone: int | None) -> Process:
        queue = [u for u in self.waiting if zone is None or u.zone == zone]
        while queue or self.flying:
            self._start(queue, zone)
            if not self.flying:
                raise StepFailedError("HEALTH_CONSTRAINTS")
            self.wake = self.run_.env.event()
            if not self.finished:
                yield self.wake
            self._collect(queue)

    def _start(self, queue: list[Unit], zone: int | None) -> None:
        """Start as many hosts as may be out of service at once."""
        if self.step.barrier and self.flying:
            return
        while queue and (not queue[0].healthy or self._may_take(zone)):
            self._launch(queue.pop(0))

    def _may_take(self, zone: int | None) -> bool:
        """Whether one more healthy host may leave; those in flight count as away."""
        step, away = self.step, self.flying_healthy.total()
        if self.healthy.total() - away <= step.minimum_healthy or away >= step.concurrency:
            return False
        if zone is None:
            return True
        return self.healthy[zone] - self.flying_healthy[zone] > step.zone_minimum_healthy

    def _launch(self, unit: Unit) -> None:
        run = self.run_
        process = run.env.process(self.script.play(unit))
        self.flying[unit.number] = (unit, unit.healthy, process)
        self.flying_healthy[unit.zone] += unit.healthy
        run.children.add(process)
        process.callbacks.append(lambda event, unit=unit: self._done(unit, event))

    def _done(self, unit: Unit, event: simpy.Event) -> None:
        self.finished.append((unit, event.ok and bool(event.value)))
        if not self.wake.triggered:
            self.wake.succeed()

    def _collect(self, queue: list[Unit]) -> None:
        """Take note of the hosts that are done and decide whether to go on."""
        failed = False
        for unit, ok in self.finished:
            _, was_healthy, process = self.flying.pop(unit.number)
            self.run_.children.discard(process)
            self.flying_healthy[unit.zone] -= was_healthy
            self.healthy[unit.zone] += int(ok) - int(was_healthy)
            unit.healthy = ok
            self.succeeded += ok
            failed |= not ok
        self.finished.clear()
        if failed and queue and not self.forced:
            self._check(queue)

    def _check(self, queue: list[Unit]) -> None:
        """Fail where the minimum of healthy hosts no longer allows to go on."""
        hopeful = sum(1 for _, was_healthy, _ in self.flying.values() if not was_healthy)
        # The bar is equality: at the minimum no further healthy host may be taken.
        short = self.healthy.total() + hopeful <= self.step.minimum_healthy
        if self.step.single_must_succeed or (queue[0].healthy and short):
            raise StepFailedError("HEALTH_CONSTRAINTS")
