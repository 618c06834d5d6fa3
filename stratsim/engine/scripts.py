"""What CodeDeploy's agent does on one host: lifecycle events, one after another."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from stratsim.engine.clock import us
from stratsim.engine.failure import failing_hook, never_healthy
from stratsim.engine.fleet import Unit
from stratsim.model.plan import HostEvent

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, bool]

VERDICT = "ValidateService"
"""The event at which a host with a `host` fault fails, where it runs."""

_NEVER = "never healthy"


class Script:
    """The events of one pass: durations and failures on every host, drawn.

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
        self.stopped = False
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
            self._mark(event, units, failing_hook(self.run, units, event))
        verdict = VERDICT if VERDICT in names else names[-1]
        for fault in self.run.world.faults:
            if fault.kind == "host" and not fault.after_us:
                index = fault.spec.index
                self._mark(verdict, units, [self.place[u.number] == index for u in units])
        if any(_registers(event) for event in self.events):
            self._mark(_NEVER, units, never_healthy(self.run, units))

    def _mark(self, event: str, units: Sequence[Unit], struck: Sequence[bool]) -> None:
        for unit, hit in zip(units, struck, strict=True):
            if hit:
                self.doomed.setdefault(unit.number, event)

    def stop(self) -> None:
        """Let no further event begin; those that run come to their end."""
        self.stopped = True

    def play(self, unit: Unit) -> Process:
        """Run the events on `unit`, once its agent is free; return whether all succeeded."""
        run = self.run
        if unit.busy is not None and unit.busy.is_alive:
            yield unit.busy
        if self.stopped:
            return False
        unit.busy = run.env.active_process
        for at, event in enumerate(self.events):
            if event.effect == "block":
                run.take_out(unit)
            spent, trouble = self._fate(at, event, unit)
            if spent:
                yield from self._spend(at, unit, spent, sick=_registers(event) and bool(trouble))
            if not self._ended(event, unit, trouble):
                return False
        return True

    def _ended(self, event: HostEvent, unit: Unit, trouble: str) -> bool:
        """Take note of the end of an event; return whether the next one may begin."""
        run = self.run
        if unit.leaving or not unit.running:
            return False  # Auto Scaling terminates it
        if run.traced:
            run.note("host", f"{unit.name} {event.event} {trouble}".rstrip())
        if trouble and not event.forgiven:
            # one that has died is out for that, and comes back by itself
            if not (unit.in_service or run.crashes.keeps_out(unit)):
                run.take_out(unit, struck=unit.number in self.doomed)
            return False
        if _registers(event):
            run.convert(unit, new=self.new)
        return not self.stopped

    def _spend(
        self, at: int, unit: Unit, spent_us: int, *, sick: bool
    ) -> Generator[Any, Any, None]:
        """Wait; a host that is registered and not healthy counts as such meanwhile."""
        run = self.run
        if not sick or run.flow.fail_open is None:
            yield from self._wait(at, unit, spent_us)
            return
        run.advance()
        run.fleet.sick[self.new] += 1
        try:
            yield from self._wait(at, unit, spent_us)
        finally:
            run.advance()
            run.fleet.sick[self.new] -= 1

    def _wait(self, at: int, unit: Unit, spent_us: int) -> Generator[Any, Any, None]:
        """Wait; a host that never becomes healthy is the fault's loss for a part of it.

        Until a good host would have been healthy, this one is out of service for the
        deployment's sake; from then on the fault keeps it out, though the event waits on.
        """
        run = self.run
        if _registers(self.events[at]) and self.doomed.get(unit.number) == _NEVER:
            good_us = min(self.durations[at][self.place[unit.number]], spent_us)
            if good_us:
                yield run.wait(good_us)
            if unit.running and not unit.in_service:
                run.take_out(unit, struck=True)
            spent_us -= good_us
        if spent_us:
            yield run.wait(spent_us)

    def _fate(self, at: int, event: HostEvent, unit: Unit) -> tuple[int, str]:
        """Return how long the event takes on `unit` [us] and what goes wrong, if anything."""
        doomed = self.doomed.get(unit.number)
        place, limit = self.place[unit.number], us(event.timeout_s)
        duration = self.durations[at][place]
        if duration > limit or (doomed == _NEVER and _registers(event)):
            return limit, "timed out"
        chances = self.chances[at]
        wrong = chances is not None and chances[place] < event.failure
        if event.previous and unit.rank == 0:
            wrong = False  # there is no earlier revision whose script could fail
        return duration, "failed" if wrong or doomed == event.event else ""


def _registers(event: HostEvent) -> bool:
    """Whether a host is put into service when `event` has succeeded."""
    return event.effect == "allow"
