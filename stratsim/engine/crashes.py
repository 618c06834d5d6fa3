"""Instances of the new revision that die and restart, and hosts that die for good."""

import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from stratsim.engine.clock import us
from stratsim.engine.fleet import NEVER, Unit, strikes

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment


class Crashes:
    """Timers of the crash faults: exponential, from an instance's first request.

    ``down`` are the numbers of the instances that have died and are not back.
    """

    def __init__(self, run: "Deployment") -> None:
        self.run = run
        self.faults = run.faults.crashes
        self.size = max(run.scenario.service.instances, 1)
        late = [f for f in run.world.faults if f.kind == "host" and f.after_us]
        late.sort(key=lambda fault: -fault.after_us)
        self.dying = {fault.spec.index: fault.after_us for fault in late}  # the first to come
        self.down: set[int] = set()
        self._armed: Counter[int] = Counter()

    def keeps_out(self, unit: Unit) -> bool:
        """Whether `unit` is out of service because it has died."""
        return unit.struck and unit.number in self.down

    def watch(self) -> None:
        """Arm a timer for every instance that has begun to serve."""
        if not (self.faults or self.dying):
            return
        started = self.run.fleet.started
        for unit in started:
            if unit.first_us != NEVER:
                self._arm(unit)
        started.clear()

    def _arm(self, unit: Unit) -> None:
        begun, place = unit.first_us, unit.number % self.size
        again = self._armed[place]
        self._armed[place] += 1
        if place in self.dying:
            after = self.dying[place]
            self.run.after(after, partial(self._crash, unit, begun, returns=False))
        for fault in self.faults:
            hit = strikes(self.run.world, fault, [unit])[0]
            rate = fault.spec.per_hour * hit
            if rate > 0:
                key = ("crash", fault.number, again)
                luck = self.run.world.passing_chance(self.size, place, *key)
                delay = fault.after_us + us(min(3600 / rate * -math.log1p(-luck), 1e12))
                self.run.after(min(delay, 1 << 60), partial(self._crash, unit, begun))

    def _crash(self, unit: Unit, begun: int, *, returns: bool = True) -> None:
        run = self.run
        if not (unit.new and unit.in_service and unit.first_us == begun):
            return
        run.note("host", f"instance {unit.number} crashed")
        run.take_out(unit, struck=True)
        self.down.add(unit.number)
        if run.replacing is not None:
            run.replacing.lose()
        if returns:
            run.fleet.sick[True] += 1
            restart = run.world.values(run.scenario.service.startup, self.size, "restart")
            run.after(us(restart[unit.number % self.size]), partial(self._back, unit))

    def _back(self, unit: Unit) -> None:
        returns = unit.running and unit.new and unit.struck
        if returns or self.run.flow.fail_open is not None:
            self.run.advance()
        self.run.fleet.sick[True] -= 1
        if returns:
            self.down.discard(unit.number)
            self.run.serve(unit)
            if self.run.replacing is not None:
                self.run.replacing.look()
