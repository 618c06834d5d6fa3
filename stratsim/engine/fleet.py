"""Instances of both revisions in one run, and how traffic is split over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stratsim.model.service import Service
from stratsim.world import DrawnFault, World

NEVER = -1
OLD, NEW = 0, 1


@dataclass(slots=True)
class Unit:
    """One instance or task.

    ``joined_us`` is when it was put into service, long ago for the first ones.
    ``first_us`` is when it got its first request with the new revision, `NEVER`
    before that; ``struck`` says that a fault of the release took it out.
    ``healthy`` is CodeDeploy's instance health: whether the last deployment to it
    worked; ``rank`` its revision health (0 unknown, 1 old, 2 current); ``tried``
    says that a deployment of this run has come to it, ``leaving`` that it drains
    and will be terminated, ``starting`` that Auto Scaling has launched it and it has
    yet to join. ``busy`` is the process that deploys to it.
    """

    number: int
    zone: int
    new: bool
    in_service: bool
    running: bool
    healthy: bool = True
    struck: bool = False
    first_us: int = NEVER
    joined_us: int = -(1 << 60)
    rank: int = 2
    tried: bool = False
    busy: Any = None
    leaving: bool = False
    starting: bool = False
    group: str = ""

    @property
    def name(self) -> str:
        """What the record calls it."""
        return f"host {self.number} of {self.group}" if self.group else f"host {self.number}"


class Fleet:
    """The instances of one run.

    ``weight`` is the router's share for the new revision where routing is
    weighted, None where traffic is split evenly over the instances in service.
    On Lambda there are no instances and capacity has no bound. ``size`` is
    what Auto Scaling wants now. Had nothing been deployed, ``usual`` instances would
    run and ``untouched`` serve. ``sick`` are
    registered with the load balancer, old and new, and unhealthy. ``started`` are
    the instances that have got a first request with the new revision.
    """

    __slots__ = (
        "desired",
        "first_us",
        "in_service",
        "lost",
        "next_number",
        "running",
        "serverless",
        "sick",
        "size",
        "started",
        "starts",
        "units",
        "untouched",
        "usual",
        "version",
        "weight",
        "zones",
    )

    def __init__(self, service: Service, desired: int, *, weighted: bool, serverless: bool) -> None:
        self.desired = self.size = self.untouched = self.usual = desired
        self.serverless = serverless
        self.zones = service.zones
        self.weight: float | None = 0.0 if weighted else None
        self.units: list[Unit] = [
            Unit(i, self._zone(i), new=False, in_service=True, running=True) for i in range(desired)
        ]
        self.next_number = desired
        self.in_service = [desired, 0]
        self.lost = [0, 0]
        self.sick = [0, 0]
        self.running = desired
        self.first_us = NEVER
        self.version = 0
        # by number of the instance: first requests, infinite for those that get none
        self.starts = np.full(2 * desired, np.inf)
        self.started: list[Unit] = []

    def _zone(self, number: int) -> int:
        """Return the zone of an instance: they are dealt in turn, each new fleet like the first."""
        return number % max(self.desired, 1) % self.zones + 1

    def launch(self, count: int, *, new: bool) -> list[Unit]:
        """Add `count` running instances that are not in service yet."""
        first = self.next_number
        units = [
            Unit(i, self._zone(i), new=new, in_service=False, running=True)
            for i in range(first, first + count)
        ]
        self.next_number += count
        if self.next_number > self.starts.size:
            more = np.full(self.next_number, np.inf)
            self.starts = np.concatenate([self.starts, more])
        self.units.extend(units)
        self.running += count
        return units

    def put_in_service(self, unit: Unit, now_us: int) -> None:
        """Let `unit` take requests from now on."""
        if unit.in_service:
            return
        unit.in_service = True
        unit.joined_us = now_us
        self._strike(unit, struck=False)
        self.in_service[unit.new] += 1
        self.version += 1
        if unit.new and self.share > 0:
            self._start(unit, now_us)

    def take_out(self, unit: Unit, *, struck: bool = False) -> None:
        """Let `unit` take no more requests; `struck` where a fault is to blame."""
        if unit.in_service:
            unit.in_service = False
            self.in_service[unit.new] -= 1
            self.version += 1
        if unit.first_us != NEVER:
            unit.first_us = NEVER
            self.starts[unit.number] = np.inf
        self._strike(unit, struck=struck)

    def _strike(self, unit: Unit, *, struck: bool) -> None:
        if unit.struck != struck:
            self.lost[unit.new] += 1 if struck else -1
            unit.struck = struck
            self.version += 1

    def convert(self, unit: Unit, *, new: bool) -> None:
        """Make `unit`, which is out of service, an instance of the other revision."""
        self._strike(unit, struck=False)
        unit.new = new

    def stop(self, unit: Unit) -> None:
        """Terminate `unit`."""
        self.take_out(unit)
        if unit.running:
            unit.running = False
            self.running -= 1

    def set_weight(self, weight: float, now_us: int) -> None:
        """Send the share `weight` of the traffic to the new revision from now on."""
        self.weight = weight
        self.version += 1
        if weight > 0 and self.first_us == NEVER:
            self.first_us = now_us
        if weight > 0:
            for unit in self.units:
                if unit.new and unit.in_service and unit.first_us == NEVER:
                    self._start(unit, now_us)

    def _start(self, unit: Unit, now_us: int) -> None:
        unit.first_us = now_us
        self.starts[unit.number] = now_us
        self.started.append(unit)
        if self.first_us == NEVER:
            self.first_us = now_us

    @property
    def share(self) -> float:
        """Share of the traffic that goes to the new revision."""
        if self.weight is not None:
            return self.weight
        old, new = self.in_service
        return new / (old + new) if old + new else 0.0

    @property
    def restored(self) -> bool:
        """Whether all traffic goes to instances of the old revision."""
        if self.weight is not None:
            return self.weight == 0
        return self.in_service[1] == 0 and self.in_service[0] > 0

    def of(self, *, new: bool) -> list[Unit]:
        """Return the running instances of one revision."""
        return [unit for unit in self.units if unit.new is new and unit.running]

    def units_from(self, number: int) -> list[Unit]:
        """Return the instances from `number` on, also those that have stopped."""
        return self.units[number:]


def strikes(world: World, fault: DrawnFault, units: Sequence[Unit]) -> list[float]:
    """Return how much `fault` strikes each of `units`: 0, 1, or a share of it."""
    # numbers grow when instances are launched again; the draw is by place in the fleet
    size = world.block.scenario.service.instances
    hits = world.hits(fault, max(size, 1)) if fault.instances < 1 else None
    return [
        0.0
        if fault.zones and unit.zone not in fault.zones
        else (1.0 if hits is None else hits[unit.number % len(hits)])
        for unit in units
    ]
