"""Instances that have just joined: slow start of the load balancer, and slow first answers.

Source: ELB User Guide for Application Load Balancers, "Edit target group attributes":
slow start is a linear ramp of a target's share, for a target that joins others that
are not in slow start themselves. That the first answers of a process are slow was
measured for virtual machines that compile as they go; the exponential is a choice.
"""

import numpy as np

from stratsim.engine.clock import us
from stratsim.engine.effects import ramp_mean
from stratsim.engine.fleet import NEW, Fleet
from stratsim.model.service import Service

Mixture = tuple[tuple[float, float, float], ...]


class Warming:
    """What the age of instances does to the split of the traffic and to answers."""

    def __init__(self, service: Service, fleet: Fleet) -> None:
        self.fleet = fleet
        self.slow_us = us(service.slow_start) if fleet.weight is None else 0
        self.extra, self.time_us = service.warm_up.factor - 1.0, us(service.warm_up.time)

    def share(self, begin: int, end: int) -> float:
        """Return the new revision's mean share of the traffic over [begin, end)."""
        if not self.slow_us or not self.fleet.in_service[NEW]:
            return self.fleet.share
        pulls = [0.0, 0.0]
        settled = False
        for unit in self.fleet.units:
            if unit.in_service:
                old = unit.joined_us + self.slow_us <= begin
                settled |= old
                level = 1.0 if old else ramp_mean(begin, end, unit.joined_us, self.slow_us)
                pulls[unit.new] += level
        total = sum(pulls)
        return pulls[NEW] / total if settled and total > 0 else self.fleet.share

    def warmed(self, parts: Mixture, begin: int, end: int) -> Mixture:
        """Return the new revision's response times with the slowness of its first ones."""
        starts = self.fleet.starts[np.isfinite(self.fleet.starts)]
        if self.extra <= 0 or not self.time_us or not starts.size:
            return parts
        ages = (np.maximum(begin - starts, 0.0), np.maximum(end - starts, 0.0))
        faded = [np.exp(-age / self.time_us) for age in ages]
        cold = float(np.mean((faded[0] - faded[1]) * self.time_us / (end - begin)))
        return tuple((w, factor * (1 + self.extra * cold), add) for w, factor, add in parts)


def warming_of(service: Service, fleet: Fleet) -> Warming | None:
    """Return what the age of instances does; none where it does nothing."""
    idle = service.slow_start == 0 and service.warm_up.factor <= 1
    return None if idle or fleet.serverless else Warming(service, fleet)
