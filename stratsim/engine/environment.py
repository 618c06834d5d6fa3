"""Faults of the environment: they strike both revisions, whatever is deployed."""

from dataclasses import dataclass

from stratsim.engine.clock import us
from stratsim.engine.effects import ramp_mean
from stratsim.model.release import Fault
from stratsim.model.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Means over one stretch: failing share, latency factor and added [s], capacity factor."""

    failing: float = 0.0
    factor: float = 1.0
    add_s: float = 0.0
    capacity: float = 1.0


CALM = Surroundings()


class Environment:
    """The environment faults of a scenario over a run's time.

    ``edges`` are the moments [us] in which one begins, is complete or ends: a stretch
    that reached over one would hide a peak in a mean.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.faults = tuple((f, *_times(f)) for f in scenario.environment)
        self.zones = scenario.service.zones
        edges = {e for f, start, stop, ramp in self.faults for e in (start, start + ramp, stop)}
        self.edges = tuple(sorted(edges))

    def over(self, begin: int, end: int) -> Surroundings:
        """Return the means over [begin, end) microseconds."""
        if not self.faults:
            return CALM
        passing = factor = capacity = 1.0
        add_s = 0.0
        for fault, start, stop, ramp in self.faults:
            low, high = max(begin, start), min(end, stop)
            if high <= low:
                continue
            reach = self.reach(fault) * (high - low) / (end - begin)
            level = ramp_mean(low, high, start, ramp) * reach
            if fault.kind == "errors":
                passing *= 1 - fault.rate.mean * level
            elif fault.kind == "latency":
                scale = 1.0 if fault.factor is None else fault.factor.mean
                factor *= 1 + (scale - 1) * level
                add_s += fault.add.mean * level
            elif fault.kind == "capacity" and fault.factor is not None:
                capacity *= 1 + (fault.factor.mean - 1) * level
        return Surroundings(1 - passing, factor, add_s, capacity)

    def reach(self, fault: Fault) -> float:
        """Return the share of the fleet that `fault` strikes."""
        zones = len(fault.zones) / self.zones if fault.zones else 1.0
        return zones * fault.instances


def _times(fault: Fault) -> tuple[int, int, int]:
    start = us(fault.at_s)
    stop = 1 << 62 if fault.for_s == float("inf") else start + us(fault.for_s)
    return start, stop, us(fault.ramp.mean)
