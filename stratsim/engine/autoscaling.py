"""Target tracking while a deployment runs, beside what the untouched fleet would do.

Source: EC2 Auto Scaling User Guide, "Target tracking scaling policies" and "Set the
default instance warmup"; CodeDeploy User Guide, "Integrating CodeDeploy with Amazon
EC2 Auto Scaling"; ECS Developer Guide, "CodeDeploy blue/green deployments".
"""

import math
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from stratsim.engine.clock import SCALE, us
from stratsim.engine.failure import StepFailedError, never_healthy
from stratsim.engine.fleet import Unit
from stratsim.engine.hosts import Hosts
from stratsim.engine.scripts import Script
from stratsim.model.plan import HostEvent, Plan, Roll
from stratsim.model.scaling import Scale
from stratsim.model.service import Autoscaling
from stratsim.signals import NEW, OLD, REQUESTS, WIDTH, Row

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]

MINUTE_S = 60.0


class Tracker:
    """The two alarms of one target tracking policy, and the size it asks for."""

    def __init__(self, policy: Autoscaling) -> None:
        self.policy = policy
        self.high = self.low = 0

    def size(self, level: float, size: int, warming: int) -> int:
        """Return the size wanted after a minute at utilisation `level`.

        Warming instances are no part of the metric, count as capacity that has been
        added already, and hold back every scale-in.
        """
        policy = self.policy
        self.high = self.high + 1 if level > policy.target_utilization else 0
        below = level < policy.target_utilization * policy.scale_in_margin
        self.low = self.low + 1 if below and not warming else 0
        # rounding keeps a fleet that is exactly on its target from growing by one
        wanted = math.ceil(round((size - warming) * level / policy.target_utilization, 6))
        wanted = min(max(wanted, policy.min), policy.max)
        if self.high >= policy.scale_out_periods:
            return max(wanted, size)
        if self.low >= policy.scale_in_periods:
            self.low = 0
            return min(wanted, size)
        return size


class Shadow:
    """The fleet as it would be without the deployment, in numbers only."""

    def __init__(self, run: "Deployment", policy: Autoscaling) -> None:
        self.run, self.tracker = run, Tracker(policy)
        self.size = run.fleet.desired
        self.warming = 0

    def look(self, load_rps: float, starts: list[int]) -> None:
        """Follow the traffic of a minute; `starts` are start-up times [us]."""
        serving, capacity = self.run.fleet.untouched, self.run.scenario.service.capacity
        level = min(load_rps / (serving * capacity), 1.0) if serving else 1.0
        wanted = self.tracker.size(level, self.size, self.warming)
        if wanted != self.size:
            self.run.advance()
        for place in range(self.size, wanted):
            self.warming += 1
            self.run.after(starts[place % len(starts)], self._serve)
        if wanted < self.size:
            self.run.fleet.untouched -= self.size - wanted
        self.size = self.run.fleet.usual = wanted

    def _serve(self) -> None:
        self.run.advance()
        self.run.fleet.untouched += 1
        self.run.after(us(self.tracker.policy.warmup), self._warm)

    def _warm(self) -> None:
        self.warming -= 1


class Scaler:
    """The fleet's own scaling: whom it adds with which revision, and whom it takes away."""

    def __init__(self, run: "Deployment", policy: Autoscaling) -> None:
        self.run, self.policy = run, policy
        self.tracker, self.shadow = Tracker(policy), Shadow(run, policy)
        self.size = run.fleet.desired
        self.warming: set[int] = set()
        size = run.fleet.desired
        draws = run.world.values(run.scenario.service.startup, size, "startup of a scale-out")
        self.starts = [us(s) for s in draws]
        self.lag_us = us(run.scenario.metrics.delay.mean)
        self.shared = shares(run.plan)

    def look(self, row: Row) -> None:
        """Read a minute that has ended, once CloudWatch has it."""
        loads = tuple(row[side * WIDTH + REQUESTS] / MINUTE_S for side in (OLD, NEW))
        level = self._level(loads)
        self.run.after(self.lag_us, partial(self._act, loads, level), SCALE)

    def _level(self, loads: tuple[float, ...]) -> float:
        """Return the mean utilisation of all instances that run and are warm.

        Hosts out of service idle along in it, and blue counts beside green: a fleet
        of twice the size looks half as busy.
        """
        run, fleet = self.run, self.run.fleet
        capacity = run.scenario.service.capacity
        busy = sum(min(loads[s], fleet.in_service[s] * capacity) for s in (OLD, NEW))
        warming = [fleet.units[number] for number in self.warming]
        warm = sum(fleet.in_service) - sum(unit.in_service for unit in warming)
        if fleet.weight is None and run.plan.undo == "redeploy":
            warm = fleet.running - sum(unit.running for unit in warming)
        return min(busy / (warm * capacity), 1.0) if warm > 0 else 1.0

    def _act(self, loads: tuple[float, ...], level: float) -> None:
        self.shadow.look(sum(loads), self.starts)
        wanted = self.tracker.size(level, self.size, self._warming())
        if wanted == self.size:
            return
        if self._suspended(shrinks=wanted < self.size):
            self.tracker.low = self.policy.scale_in_periods - 1  # it asks again next minute
            return
        self.run.note("scaling", f"from {self.size} to {wanted} instances")
        before, self.size = self.size, wanted
        self.run.fleet.size = wanted
        if self.run.replacing is not None:
            self.run.replacing.resize(wanted)
            return
        scaling, sides = self.run.scaling, self._sides()
        in_waves = {} if scaling is None else scaling.resize(wanted)
        changes = {new: self._change(before, new=new) for new in sides} | in_waves
        for new, change in sorted(changes.items()):
            if change > 0:
                self._add(change, new=new)
            else:
                self._remove(-change, new=new)

    def _change(self, before: int, *, new: bool) -> int:
        """Return by how much a fleet changes, of a service that had `before` instances."""
        if not self.shared:
            return self.size - before
        count = sum(not unit.leaving for unit in self.run.fleet.of(new=new))
        return -(-count * self.size // before) - count

    def _suspended(self, *, shrinks: bool) -> bool:
        """Whether the step suspends scaling, or CodeDeploy the group's Terminate process."""
        run = self.run
        if run.scaling is not None and run.scaling.step.suspends:
            return True
        options = run.plan.group.raw.get("ec2DeploymentOptions")
        in_place = run.plan.undo == "redeploy" and not run.over
        if not (shrinks and in_place and isinstance(options, Mapping)):
            return False
        return "Terminate" in (options.get("autoScalingGroupProcessesToSuspend") or ())

    def _warming(self) -> int:
        units = self.run.fleet.units
        warming = sum(units[number].running for number in self.warming)
        return warming // max(len(self._sides()), 1)

    def _sides(self) -> list[bool]:
        """Return the revisions that are scaled: both task sets, or one group of instances.

        An instance that joins an EC2 group gets the revision deployed last, which is
        the previous one until the deployment has succeeded.
        """
        run, fleet = self.run, self.run.fleet
        if fleet.weight is not None:
            return [new for new in (False, True) if fleet.of(new=new)]
        if run.plan.undo == "redeploy":
            return [run.status == "Succeeded" and not run.undoing]
        return [fleet.in_service[NEW] > fleet.in_service[OLD]]

    def _add(self, count: int, *, new: bool) -> None:
        run, hook = self.run, self.run.plan.launch_hook
        run.advance()
        units = run.fleet.launch(count, new=new)
        doomed = never_healthy(run, units) if new and not hook else [False] * count
        for unit, bad in zip(units, doomed, strict=True):
            unit.starting = True
            self.warming.add(unit.number)
            start = self.starts[unit.number % len(self.starts)]
            if bad:
                run.fleet.take_out(unit, struck=True)
                run.after(start + run.unhealthy_us, partial(self._replace, unit))
            elif hook:
                run.after(start, partial(self._started, unit, hook))
            else:
                run.after(start, partial(self._serve, unit))

    def _started(self, unit: Unit, hook: Sequence[HostEvent]) -> None:
        """Install the revision, as CodeDeploy's launch hook does."""
        script = Script(self.run, hook, [unit], new=unit.new, purpose="scale-out")
        self.run.env.process(self._install(script, unit))

    def _install(self, script: Script, unit: Unit) -> Process:
        worked = yield from script.play(unit)
        if worked:
            self._serve(unit)
        else:
            self._replace(unit)

    def _replace(self, unit: Unit) -> None:
        """Terminate an instance that did not become healthy, and launch another."""
        self.warming.discard(unit.number)
        unit.starting = False
        if unit.running and not unit.leaving:
            self.run.stop(unit)
            self._add(1, new=unit.new)

    def forget(self, unit: Unit) -> None:
        """Let an instance go that a wave stops."""
        self.warming.discard(unit.number)

    def _serve(self, unit: Unit) -> None:
        unit.starting = False
        # its hook may have registered it before, or a wave has stopped it
        if unit.number not in self.run.crashes.down and not unit.leaving:
            self.run.serve(unit)
        self.run.after(us(self.policy.warmup), partial(self.warming.discard, unit.number))

    def _remove(self, count: int, *, new: bool) -> None:
        """Take the newest instances out, and stop them when they have drained."""
        run = self.run
        serving = [unit for unit in run.fleet.of(new=new) if unit.in_service]
        for unit in serving[max(len(serving) - count, 0) :]:
            unit.leaving = True
            self.warming.discard(unit.number)
            run.take_out(unit)
            run.after(us(run.scenario.service.drain), partial(run.stop, unit))


def scaler_of(run: "Deployment") -> Scaler | None:
    """Return what scales the fleet of `run`; none where it is fixed, or a function."""
    policy = run.scenario.service.autoscaling
    return None if policy is None or run.fleet.serverless else Scaler(run, policy)


def shares(plan: Plan) -> bool:
    """Whether both revisions' fleets have a share each of the instances of one service.

    Then a router's two fleets are resized by it, and not each like a whole service.
    """
    return plan.routing == "weighted" and any(isinstance(step, Scale) for step in plan.steps)


def follow_on(run: "Deployment") -> Process:
    """Bring instances that joined in the meantime to the new revision.

    CodeDeploy starts this deployment by itself unless the group says
    ``outdatedInstancesStrategy: IGNORE``.
    """
    step, group = run.plan.redeploy, run.plan.group.raw
    if not (isinstance(step, Roll) and run.plan.launch_hook) or run.autoscaling is None:
        return
    outdated = [unit for unit in run.hosts() if unit.in_service and not unit.new]
    if not outdated or group.get("outdatedInstancesStrategy") == "IGNORE":
        return
    run.note("follow-on", f"CodeDeployAutoUpdate: {len(outdated)} outdated instances")
    run.following = True
    try:
        pool = run.hosts()
        yield from Hosts(run, step, outdated, pool=pool, new=True, purpose="follow-on").run()
    except StepFailedError as failure:
        run.leave_hosts()
        run.note("follow-on", f"failed: {failure.code}")
    finally:
        run.following = False
