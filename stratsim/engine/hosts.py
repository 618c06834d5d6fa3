"""CodeDeploy on hosts: batches under a minimum of healthy hosts.

Source: CodeDeploy User Guide, pages "CodeDeploy instance health" and "Working
with deployment configurations"; API reference, MinimumHealthyHosts.
"""

from collections import Counter, deque
from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import simpy

from stratsim.engine.clock import us
from stratsim.engine.failure import (
    HEALTH_CONSTRAINTS,
    HEALTH_CONSTRAINTS_INVALID,
    NO_INSTANCES,
    StepFailedError,
)
from stratsim.engine.fleet import Unit
from stratsim.engine.scripts import Script
from stratsim.model.plan import HostEvent, Roll, Zone
from stratsim.wording import counted

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]


class Hosts:
    """One pass over a fleet, as many hosts at a time as the minimum allows.

    Healthy (H) is a host whose last deployment worked; those in flight count
    among them until their result is there, but not as available.

    Parameters
    ----------
    run, step
        The deployment and its step.
    units
        The hosts to deploy to.
    pool
        The fleet in which healthy hosts are counted, `units` among them.
    new
        Whether they get the new revision.
    purpose
        Names the draws.
    """

    def __init__(
        self,
        run: "Deployment",
        step: Roll,
        units: Sequence[Unit],
        *,
        pool: Sequence[Unit],
        new: bool,
        purpose: str = "deploy",
    ) -> None:
        self.run_, self.step, self.size = run, step, len(pool)
        self.script = Script(run, step.events, units, new=new, purpose=purpose)
        run.scripts.append(self.script)
        self.waiting = _in_order(run, units)
        # what an earlier deployment left running may make a host healthy meanwhile
        self.well = {unit.number for unit in units if unit.healthy}
        self.total = self.left = len(units)
        self.sick = sum(not unit.healthy for unit in units)
        self.succeeded = 0
        # Hosts that have the revision already are none of this pass, and count for it.
        self.spared = sum(u.healthy for u in pool) - sum(u.healthy for u in units)
        self.healthy = Counter(unit.zone for unit in pool if unit.healthy)
        self.flying: dict[int, tuple[Unit, bool, simpy.Process]] = {}
        self.away: Counter[int] = Counter()
        self.finished: list[tuple[Unit, bool]] = []
        self.wake = run.env.event()

    @staticmethod
    def together(
        run: "Deployment", name: str, events: Sequence[HostEvent], units: Sequence[Unit]
    ) -> Process:
        """Run events on all hosts at once; one failure fails the deployment."""
        run.note("lifecycle", f"{name} begins on {counted(len(units), 'host')}")
        script = Script(run, events, units, new=False, purpose=name)
        run.scripts.append(script)
        playing = [run.env.process(script.play(unit)) for unit in units]
        run.children.update(playing)
        if playing:
            everyone = simpy.AllOf(run.env, playing)
            everyone.defused = True  # hosts that are interrupted fail it when nobody waits any more
            yield everyone
        run.children.clear()
        if not all(process.value for process in playing):
            raise StepFailedError(HEALTH_CONSTRAINTS)
        run.note("lifecycle", f"{name} ends")

    def run(self) -> Process:
        """Run the pass; raises `StepFailedError` by the rules of healthy hosts."""
        step, run = self.step, self.run_
        if step.strict and not self.total:
            return
        self._refuse()
        run.note("lifecycle", f"{step.event} begins: {counted(self.total, 'host')}")
        if step.zones:
            yield from self._zones(step.zones)
        else:
            yield from self._pass(self.waiting, 0, 0)
        # At least one has to succeed, even where no host needs to stay healthy.
        if self.succeeded < 1 or self.succeeded + self.spared < step.minimum_healthy:
            raise self._failure(HEALTH_CONSTRAINTS)
        run.note("lifecycle", f"{step.event} ends: {self.succeeded} of {self.total} succeeded")

    def _failure(self, code: str) -> StepFailedError:
        """Return what ends the pass: in place there is nothing to undo before the first host."""
        changed = self.step.fleet == "new" or any(unit.tried for unit in self.run_.fleet.units)
        return StepFailedError(code, can_roll_back=changed)

    def _refuse(self) -> None:
        """Fail before any host is touched where the minimum can never be kept."""
        step = self.step
        if not self.total:
            raise self._failure(NO_INSTANCES)
        crowded = any(zone.minimum_healthy >= zone.count for zone in step.zones)
        if step.minimum_healthy >= self.size or crowded:
            raise self._failure(HEALTH_CONSTRAINTS_INVALID)

    def _zones(self, zones: Sequence[Zone]) -> Process:
        """Go zone by zone, with a watch after each, the last one where that is asked for."""
        step, run = self.step, self.run_
        count = len(zones)
        order = run.world.order(count) if step.zones_shuffled else range(count)
        for turn, at in enumerate(order):
            queue = deque(unit for unit in self.waiting if unit.zone == at + 1)
            yield from self._pass(queue, at + 1, zones[at].minimum_healthy)
            if turn < count - 1 or step.zone_tail_wait:
                run.note("lifecycle", f"zone {at + 1} done, monitored")
                yield run.wait(us(step.zone_monitor_s if turn else step.first_zone_monitor_s))

    def _pass(self, queue: deque[Unit], zone: int, least: int) -> Process:
        """Work through `queue`; `least` hosts of its zone stay healthy (zone 0: no zones)."""
        while queue or self.flying:
            self._start(queue, zone, least)
            if not self.flying:
                raise self._failure(HEALTH_CONSTRAINTS)
            self.wake = self.run_.env.event()
            yield self.wake
            yield self.run_.wait(0)  # all that end in this instant are looked at together
            self._collect()

    def _start(self, queue: deque[Unit], zone: int, least: int) -> None:
        """Start as many hosts as may be out of service at once."""
        if self.step.barrier and self.flying:
            return
        while queue and self._may_take(queue[0], zone, least):
            self._launch(queue.popleft())

    def _may_take(self, unit: Unit, zone: int, least: int) -> bool:
        """Whether `unit` may go now: a healthy one only while more than the minimum stay."""
        step, away = self.step, self.away.total()
        if step.throttled and len(self.flying) >= step.concurrency:
            return False
        if unit.number not in self.well:
            return True
        # the second bound tells only where instances have joined since the plan was made
        if self.healthy.total() - away <= step.minimum_healthy or away >= step.concurrency:
            return False
        return not zone or self.healthy[zone] - self.away[zone] > least

    def _launch(self, unit: Unit) -> None:
        run = self.run_
        process = run.env.process(self.script.play(unit))
        healthy = unit.number in self.well
        self.flying[unit.number] = (unit, healthy, process)
        self.away[unit.zone] += healthy
        self.left -= 1
        self.sick -= not healthy
        unit.tried = True
        run.note("target", f"{unit.name} InProgress")
        run.children.add(process)
        assert process.callbacks is not None
        process.callbacks.append(partial(self._done, unit))

    def _done(self, unit: Unit, event: simpy.Event) -> None:
        self.finished.append((unit, event.ok and bool(event.value)))
        if not self.wake.triggered:
            self.wake.succeed()

    def _collect(self) -> None:
        """Take note of the hosts that are done and decide whether to go on."""
        failed = False
        for unit, ok in self.finished:
            _, was_healthy, process = self.flying.pop(unit.number)
            self.run_.children.discard(process)
            self.run_.note("target", f"{unit.name} {'Succeeded' if ok else 'Failed'}")
            self.away[unit.zone] -= was_healthy
            self.healthy[unit.zone] += int(ok) - int(was_healthy)
            unit.healthy = ok
            self.succeeded += ok
            failed |= not ok
        self.finished.clear()
        if failed:
            self._check()

    def _check(self) -> None:
        """Fail where hosts wait and the minimum does not let them go.

        The bar is equality: with 10 hosts and a minimum of 9 one failure ends it.
        """
        if self.step.strict:
            raise self._failure(HEALTH_CONSTRAINTS)
        hopeful = self.sick + sum(not healthy for _, healthy, _ in self.flying.values())
        if self.left and self.healthy.total() + hopeful <= self.step.minimum_healthy:
            raise self._failure(HEALTH_CONSTRAINTS)


def _in_order(run: "Deployment", units: Sequence[Unit]) -> deque[Unit]:
    """Return hosts as they are tried: Unhealthy, then of an unknown, an old, the current revision.

    Within a state the choice is random; by index where noise is off.
    """
    place = {at: n for n, at in enumerate(run.world.order(max(len(units), 1)))}
    ranked = sorted(enumerate(units), key=lambda p: (p[1].healthy, p[1].rank, place[p[0]]))
    return deque(unit for _, unit in ranked)
