"""Instances of the new revision that die and restart."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.clock import us
from stratsim.engine.fleet import NEVER, Unit, strikes

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment


class Crashes:
    """Timers of the crash faults: exponential, from an instance's first request."""

    def __init__(self, run: "Deployment") -> None:
        self.run = run
        self.faults = run.faults.crashes
        self._armed: set[tuple[int, int]] = set()
        self._rng: np.random.Generator | None = None

    def watch(self) -> None:
        """Arm a timer for every instance that has begun to serve."""
        if not self.faults:
            return
        for unit in self.run.fleet.serving():
            if unit.first_us != NEVER and (unit.number, unit.first_us) not in self._armed:
                self._armed.add((unit.number, unit.first_us))
                self._arm(unit)

    def _arm(self, unit: Unit) -> None:
        if self._rng is None:
            self._rng = self.run.world.rng("crash")
        rng, begun = self._rng, unit.first_us
        for fault in self.faults:
            hit = strikes(self.run.world, fault, [unit])[0]
            rate = fault.spec.per_hour * hit
            if rate > 0:
                delay = fault.after_us + us(3600 / rate * rng.standard_exponential())
                self.run.after(min(delay, 1 << 60), partial(self._crash, unit, begun))

    def _crash(self, unit: Unit, begun: int) -> None:
        run = self.run
        if not (unit.new and unit.in_service and unit.first_us == begun):
            return
        run.note("host", f"instance {unit.number} crashed")
        run.take_out(unit, struck=True)
        if run.replacing is not None:
            run.replacing.lose()
        size = max(run.scenario.service.instances, 1)
        restart = run.world.values(run.scenario.service.startup, size, "restart")
        run.after(us(restart[unit.number % size]), lambda: self._back(unit))

    def _back(self, unit: Unit) -> None:
        if unit.running and unit.new and unit.struck:
            self.run.serve(unit)
