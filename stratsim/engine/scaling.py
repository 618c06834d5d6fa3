"""Instances that start and stop in waves: Auto Scaling, Elastic Beanstalk, Kubernetes."""

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from stratsim.engine.clock import us
from stratsim.engine.failure import TIMEOUT, StepFailedError, never_healthy
from stratsim.engine.fleet import Unit
from stratsim.model.scaling import Configure, Scale
from stratsim.strategies.waves import Sizes, Wave, next_wave, reached, resized

if TYPE_CHECKING:
    import simpy

    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]


class Scaling:
    """One step that brings both fleets to their sizes.

    Parameters
    ----------
    run, step
        The deployment and its step.
    """

    def __init__(self, run: "Deployment", step: Scale) -> None:
        self.run_, self.planned, self.step = run, step, step
        size = max(run.scenario.service.instances, 1)
        purpose = "startup of a rollback" if run.undoing else "startup"
        self.starts = [us(s) for s in run.world.values(step.startup, size, purpose)]
        self.units = {new: self._staying(new=new) for new in (False, True)}
        self.missing: set[int] = set()
        self.failures = self.drained_us = 0
        self.wake: simpy.Event = run.env.event()
        self.room: simpy.Event = run.env.event()
        self.ended = False
        # Auto Scaling may have changed the fleet's size since the plan was made
        if run.autoscaling is not None:
            self.resize(run.fleet.size)

    def _staying(self, *, new: bool) -> list[Unit]:
        """Return the instances that do not drain, those that are up last."""
        units = [unit for unit in self.run_.fleet.of(new=new) if not unit.leaving]
        return sorted(units, key=lambda unit: unit.in_service)

    def resize(self, size: int) -> dict[bool, int]:
        """Take over another size of the fleet, to which the next wave goes.

        Returns how many instances more of each revision are launched at once, where the
        step brings it to a size; what is too much is left to the waves.
        """
        before = self.step
        self.step = step = resized(self.planned, size, self.run_.fleet.desired)
        if not self.room.triggered:
            self.room.succeed()
        self._follow()
        aims = {False: (before.old, step.old), True: (before.new, step.new)}
        return {
            new: max(min(aim - was, aim - len(self.units[new])), 0)
            for new, (was, aim) in aims.items()
            if was is not None and aim is not None
        }

    def play(self) -> Process:
        """Run the step; raises `StepFailedError` where instances fail or nothing can move."""
        run, event = self.run_, self.step.event
        run.note("lifecycle", f"{event} begins")
        run.scaling = self
        try:
            while not reached(self.step, self._sizes()):
                wave = next_wave(self.step, self._sizes())
                if wave:
                    yield from self._play(wave)
                else:
                    yield from self._await_room()
                if run.autoscaling is not None:
                    yield run.wait(0)  # whom it has launched may come in this instant
            yield from self._finish()
        finally:
            self.ended, run.scaling = True, None
        run.note("lifecycle", f"{event} ends")

    def _await_room(self) -> Process:
        """Wait until Auto Scaling makes room, as long as the step allows."""
        self.room = self.run_.env.event()
        yield self.room | self.run_.wait(self._patience())
        if not self.room.triggered:
            self._fail("is stuck: no instance can start or stop")

    def _follow(self) -> None:
        """Take note of what Auto Scaling has launched and stopped."""
        for new, units in self.units.items():
            known = {unit.number for unit in units}
            there = [unit for unit in self.run_.fleet.of(new=new) if not unit.leaving]
            left = known - {unit.number for unit in there}
            units[:] = [unit for unit in units if unit.number not in left]
            units += [unit for unit in there if unit.number not in known]

    def _sizes(self) -> Sizes:
        """Count what runs and what is up; unwatched, all that run pass for being up."""
        if self.run_.autoscaling is not None:
            self._follow()
        old, new = len(self.units[False]), len(self.units[True])
        if not self.step.watched:
            return Sizes(old, new, old, new)
        up = [sum(1 for u in self.units[kind] if self._passes(u)) for kind in (False, True)]
        return Sizes(old, new, *up)

    def _passes(self, unit: Unit) -> bool:
        """Whether `unit` counts as up: it serves, or its failure was forgiven."""
        return unit.in_service or unit.number in self.missing

    def _patience(self) -> int:
        return min(us(min(self.step.timeout_s, 1e9)), self.run_.patience_us)

    def _fail(self, why: str) -> NoReturn:
        self.run_.note("lifecycle", f"{self.step.event} {why}")
        raise StepFailedError(TIMEOUT, can_roll_back=self.step.can_roll_back)

    def _play(self, wave: Wave) -> Process:
        run, step = self.run_, self.step
        begun = run.now
        for new, count in ((False, wave.stop_old), (True, wave.stop_new)):
            self._stop(new=new, count=count)
        forgiven, self.missing = self.missing, set()
        for new, count in ((False, wave.start_old), (True, wave.start_new)):
            self._start(new=new, count=count)
        if wave.starts and step.watched:
            yield from self._await_health()
        self.missing |= forgiven
        rest = begun + us(step.settle_s) - run.now
        if wave.starts and rest > 0:
            yield run.wait(rest)

    def _stop(self, *, new: bool, count: int) -> None:
        """Take `count` instances out: of the new ones the youngest first."""
        run, units = self.run_, self.units[new]
        chosen = units[-count:] if new and count else units[:count]
        for unit in chosen:
            units.remove(unit)
            unit.leaving = True
            if run.autoscaling is not None:
                run.autoscaling.forget(unit)
            run.take_out(unit)
            run.note("target", f"{unit.name} Draining")
            run.after(us(self.step.drain_s), partial(run.stop, unit))
        if count:
            self.drained_us = run.now + us(self.step.drain_s)

    def _start(self, *, new: bool, count: int) -> None:
        run = self.run_
        if not count:
            return
        run.advance()
        units = run.fleet.launch(count, new=new)
        self.units[new] += units
        sick = never_healthy(run, units) if new else [False] * count
        for unit, bad in zip(units, sick, strict=True):
            delay = self.starts[unit.number % len(self.starts)]
            self.missing.add(unit.number)
            run.note("target", f"{unit.name} InProgress")
            if bad:
                run.fleet.take_out(unit, struck=True)
                delay += run.unhealthy_us
            act = self._sick if bad else self._healthy
            run.after(delay, partial(act, unit))

    def _healthy(self, unit: Unit) -> None:
        if not unit.running or unit.leaving:
            return
        self.run_.serve(unit)
        self.run_.note("target", f"{unit.name} Succeeded")
        self._arrived(unit)

    def _arrived(self, unit: Unit) -> None:
        self.missing.discard(unit.number)
        if not self.missing and not self.wake.triggered:
            self.wake.succeed()

    def _sick(self, unit: Unit) -> None:
        """Note that `unit` did not become healthy; launch another one in its place."""
        if self.ended or not unit.running:
            return
        self.run_.note("target", f"{unit.name} Failed")
        if self.step.retries:
            self.missing.discard(unit.number)
            self.units[unit.new].remove(unit)
            self.run_.stop(unit)
            self._start(new=unit.new, count=1)

    def _await_health(self) -> Process:
        """Wait until all that started are up, as long as the step allows."""
        run, step = self.run_, self.step
        self.wake = run.env.event()
        if self.missing:
            yield self.wake | run.wait(self._patience())
        if not self.missing:
            return
        self.failures += len(self.missing)
        if self.failures > step.forgiven:
            self._fail(f"gives up: {self.failures} instances are not healthy")
        run.note("lifecycle", f"{step.event} goes on without {len(self.missing)} instances")

    def _finish(self) -> Process:
        """Wait until the last instances have drained; unwatched ones also until they serve."""
        run = self.run_
        last = self.drained_us
        if not self.step.watched:
            late = [u for kind in self.units.values() for u in kind if u.number in self.missing]
            self.wake = run.env.event()
            if any(not unit.struck for unit in late):
                yield self.wake | run.wait(max(self.starts))
        if self.step.awaits_drain and last > run.now:
            yield run.wait(last - run.now)


def scale(run: "Deployment", step: Scale) -> Process:
    """Bring both fleets to their sizes."""
    if run.autoscaling is not None:
        yield run.wait(0)  # whom it has launched may come in this instant
    yield from Scaling(run, step).play()


def configure(run: "Deployment", step: Configure) -> Process:
    """Give a share of the instances the configuration; the last share is waited for."""
    run.note("shift", f"{step.event}: {100 * step.share:g} % of the instances ordered")
    run.after(run.reroute_us, lambda: _convert(run, step.share))
    if step.share in (0.0, 1.0):
        yield run.wait(run.reroute_us)


def _convert(run: "Deployment", share: float) -> None:
    """Convert the nearest whole number of instances, in the order of this world.

    One that has died of its configuration gets another as well, and serves with it.
    """
    down = run.crashes.down
    units = [unit for unit in run.hosts() if unit.in_service or unit.number in down]
    place = {at: n for n, at in enumerate(run.world.order(max(len(units), 1)))}
    wanted = int(share * len(units) + 0.5)
    for at, unit in enumerate(units):
        new = place[at] < wanted
        if unit.new is not new:
            run.convert(unit, new=new)
