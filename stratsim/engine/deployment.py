"""One deployment in SimPy: fleet, router, telemetry, alarms, CodeDeploy, people."""

import math
from collections.abc import Callable, Generator
from typing import Any

import simpy
from simpy.events import EventPriority

from stratsim.engine.analyses import scrapes_of
from stratsim.engine.autoscaling import follow_on, scaler_of
from stratsim.engine.clock import PUBLISH, SHIFT, US, At, us
from stratsim.engine.crashes import Crashes
from stratsim.engine.effects import Faults
from stratsim.engine.failure import (
    ALARM_ACTIVE,
    TIMEOUT,
    StepFailedError,
    trace_too_short,
)
from stratsim.engine.fleet import NEVER, Fleet, Unit
from stratsim.engine.flow import Flow, Truth
from stratsim.engine.lookout import Lookout
from stratsim.engine.scaling import Scaling
from stratsim.engine.scripts import Script
from stratsim.engine.setup import Setup
from stratsim.engine.steps import HANDLERS
from stratsim.engine.tasks import Tasks
from stratsim.engine.trace import Record, Result
from stratsim.engine.undo import UNDO
from stratsim.engine.users import touched, touched_sticky
from stratsim.engine.watching import Watching
from stratsim.signals import Telemetry
from stratsim.watch import MINUTE_US
from stratsim.world import CHUNK, World

Process = Generator[Any, Any, None]


class Deployment:
    """One run of one plan in one world.

    Parameters
    ----------
    setup
        What all runs of the plan share.
    world
        What the strategy cannot influence.
    traced
        Whether to keep a record of everything that happens.
    """

    def __init__(self, setup: Setup, world: World, *, traced: bool = False) -> None:
        scenario, plan = setup.scenario, setup.plan
        self.setup, self.scenario, self.plan, self.world = setup, scenario, plan, world
        self.traced = traced
        self.record = Record()
        self.env = simpy.Environment(initial_time=0)
        kind = {"weighted": plan.routing == "weighted", "serverless": scenario.platform == "lambda"}
        self.fleet = Fleet(scenario.service, scenario.desired, **kind)
        self._mark_hosts()
        self.faults = Faults(world, self.fleet)
        self.crashes = Crashes(self)
        self.phase_us = us(world.phase_s)
        self.flow = Flow(scenario, self.fleet, self.faults, setup.times, 1.0)
        self.lookout = Lookout(self)
        self.telemetry = Telemetry(scenario, setup.times, setup.history)
        self.counts = world.counts()
        self.watching = Watching(self)
        control = scenario.control
        self.reroute_us = us(plan.reroute_s)
        self.patience_us = us(control.steady_state_timeout)
        check = scenario.service.health_check
        self.unhealthy_us = us(check.grace + check.unhealthy * check.interval)
        self.status, self.code = "Created", ""
        self.ended_us = self.trigger_us = self.restored_us = NEVER
        self.automatic = self.undoing = False
        self.retired = self.following = False
        self.children: set[simpy.Process] = set()
        self.scripts: list[Script] = []
        self.watchers: list[simpy.Process] = []
        self.paused: simpy.Event | None = None
        self.scrapes = scrapes_of(self, plan)
        self.replacing: Tasks | None = None
        self.scaling: Scaling | None = None
        self.autoscaling = scaler_of(self)
        self.ending_us = scenario.traffic.profile.end_s * US
        self._factors: tuple[int, list[float]] = (1 << 40, [])
        self._delays: tuple[int, list[float]] = (1 << 40, [])
        self.process: simpy.Process | None = None
        self.done = self.env.event()

    # -- small services for steps -------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether the deployment has ended, whatever comes after it."""
        return self.ended_us != NEVER

    @property
    def now(self) -> int:
        """Microseconds since the deployment was created."""
        return int(self.env.now)

    def wait(self, delay_us: int) -> At:
        """Return an event `delay_us` from now."""
        return At(self.env, delay_us)

    def after(
        self, delay_us: int, act: Callable[[], None], priority: EventPriority = SHIFT
    ) -> None:
        """Call `act` in `delay_us`."""
        event = At(self.env, delay_us, priority)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: act())

    def note(self, kind: str, detail: str) -> None:
        """Keep a line of the record, if there is one."""
        if self.traced:
            self.record.events.append((self.now, kind, detail))

    def advance(self) -> None:
        """Account for all requests until now; called before anything changes."""
        self.flow.advance(self.now)
        self.watching.exposed()

    def hosts(self) -> list[Unit]:
        """Return the instances to which something can be deployed: not those that come or go."""
        return [u for u in self.fleet.units if u.running and not (u.leaving or u.starting)]

    def serve(self, unit: Unit) -> None:
        """Put a healthy instance into service."""
        if unit.in_service or not unit.running:
            return
        if self.fleet.weight != 0.0 or not unit.new:
            self.advance()
        self.fleet.put_in_service(unit, self.now)
        self.changed()

    def take_out(self, unit: Unit, *, struck: bool = False) -> None:
        """Take an instance out of service."""
        if unit.in_service or unit.struck is not struck:
            self.advance()
        self.fleet.take_out(unit, struck=struck)
        self.changed()

    def convert(self, unit: Unit, *, new: bool) -> None:
        """Put a host back into service with a revision."""
        self.advance()
        if unit.in_service and unit.new is not new:
            self.fleet.take_out(unit)
        self.fleet.convert(unit, new=new)
        unit.healthy = unit.healthy or not unit.in_service
        self.fleet.put_in_service(unit, self.now)
        self.changed()

    def stop(self, unit: Unit) -> None:
        """Terminate an instance."""
        if unit.running:
            self.advance()
            self.fleet.stop(unit)
            self.changed()

    def order_weight(self, weight: float, event: str) -> None:
        """Order a weight; it takes effect `reroute` later."""
        self.note("shift", f"{event}: {100 * weight:g} % ordered")
        if self.reroute_us == 0:
            self._set_weight(weight)
        else:
            self.after(self.reroute_us, lambda: self._set_weight(weight))

    def _set_weight(self, weight: float) -> None:
        self.advance()
        self.fleet.set_weight(weight, self.now)
        self.changed()

    def changed(self) -> None:
        """Look at what a change of the fleet or the weights means."""
        if self.traced:
            share = self.flow.share_at(self.now)
            weights = self.record.weights
            if len(weights) > 1 and weights[-1][0] == self.now:
                weights.pop()  # of changes in one instant the last one holds; the first is 0
            if not weights or weights[-1][1] != share:
                weights.append((self.now, share))
        self.crashes.watch()
        self.lookout.watch()
        if self.trigger_us != NEVER or self.watching.acted:
            self._check_restored()

    # -- the run ------------------------------------------------------------------

    def run(self) -> Result:
        """Run to the end and return what happened."""
        self._past()
        self.changed()
        if self.watching.group_alarm() and self.plan.controller != "ECS":
            self._end("Stopped", ALARM_ACTIVE)
        else:
            self._begin()
            self.env.run(until=self.done)
            self.flow.advance(self.now)
        if not self.now:
            self.flow.observe()
        return self._result()

    def _begin(self) -> None:
        self.status = "InProgress"
        self.note("status", "InProgress")
        self._tick_later()
        if self.scrapes is not None:
            self.scrapes.take()
        self.process = self.env.process(self._deploy())
        if self.plan.deadline_s < math.inf:
            self.after(us(self.plan.deadline_s), lambda: self.abort(StepFailedError(TIMEOUT)))
        self.watching.begin()

    def _deploy(self) -> Process:
        try:
            for step in self.plan.steps:
                if self.paused is not None:
                    yield self.paused
                yield from HANDLERS[type(step)](self, step)
            self._interrupt_watchers()
            self._end("Succeeded", "")
            yield from follow_on(self)
            self._check_over()
        except StepFailedError as failure:
            self._interrupt_children()
            if failure.stopped:
                self._end("Stopped", failure.code)
                self._check_over()
            else:
                self._fail(failure)
        except simpy.Interrupt as interrupt:
            self._interrupt_children()
            if isinstance(interrupt.cause, StepFailedError):
                self._fail(interrupt.cause)

    def abort(self, failure: StepFailedError) -> None:
        """Let the deployment fail in the middle of a step."""
        if not self.over and self.process is not None and self.process.is_alive:
            self.process.interrupt(failure)

    def _interrupt_watchers(self) -> None:
        for watcher in self.watchers:
            if watcher.is_alive:
                watcher.interrupt()
        self.watchers.clear()

    def _interrupt_children(self) -> None:
        self._interrupt_watchers()
        self.leave_hosts()

    def leave_hosts(self) -> None:
        """Deploy to no further host; what runs on one is left at once or comes to its end."""
        at_once = self.scenario.control.stop_in_flight == "at_once"
        for script in self.scripts:
            script.stop()
        for child in list(self.children):
            if child.is_alive and at_once:
                child.defused = True
                child.interrupt()
        for unit in self.hosts():
            # dying of a release is no failure of a deployment
            unit.healthy &= unit.in_service or self.crashes.keeps_out(unit)
        self.children.clear()

    def _fail(self, failure: StepFailedError) -> None:
        self._end("Failed", failure.code)
        if failure.can_roll_back and self.plan.group.rolls_back_on("DEPLOYMENT_FAILURE"):
            self._roll_back(self.now)
        else:
            self._check_over()

    def _end(self, status: str, code: str) -> None:
        self.status, self.code, self.ended_us = status, code, self.now
        self.note("status", f"{status} {code}".rstrip())

    def stop_on_alarm(self, status: str, code: str, trigger_us: int) -> None:
        """Stop the deployment on account of its alarms."""
        self._halt(status, code)
        if self.plan.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM"):
            self._roll_back(trigger_us)
        else:
            self._check_over()

    def stop_on_request(self, code: str) -> bool:
        """Stop the deployment for a person; return whether it rolls back by itself."""
        self._halt("Stopped", code)
        rolls = self.plan.group.rolls_back_on("DEPLOYMENT_STOP_ON_REQUEST")
        if rolls:
            self._roll_back(self.now)
        return rolls

    def _halt(self, status: str, code: str) -> None:
        if self.process is not None and self.process.is_alive:
            self.process.interrupt()
        self._end(status, code)

    def _roll_back(self, trigger_us: int) -> None:
        self.automatic = True
        self.trigger_us = trigger_us
        self.note("rollback", f"automatic: {self.plan.undo}")
        self.undo()

    def undo(self) -> None:
        """Begin the way back to the old revision."""
        if self.following and self.process is not None:
            self.process.interrupt()
        self.undoing = True
        self._check_restored()
        self.env.process(self._undo_process())

    def _undo_process(self) -> Process:
        # the stopped deployment's own processes end in this instant, before the first move
        yield self.wait(0)
        yield from UNDO[self.plan.undo](self)
        self.undoing = False
        self._check_restored()
        self.note("rollback", "done" if self.fleet.restored else "left the new revision serving")
        if not self.fleet.restored:
            self.watching.call_again()
        self._check_over()

    def _check_restored(self) -> None:
        if self.restored_us == NEVER and self.fleet.restored:
            self.restored_us = self.now
            self.note("rollback", "all traffic on the old revision")

    # -- telemetry --------------------------------------------------------------------

    def _past(self) -> None:
        """Let the old revision run alone up to the deployment, so that alarms have settled."""
        first = -self.setup.history
        self.flow.since = first * MINUTE_US - self.phase_us
        if not self.setup.history:
            self.flow.since = -self.phase_us if self.setup.programs else 0
        for minute in range(first, 0):
            self._open_minute(minute)
            self.flow.advance((minute + 1) * MINUTE_US - self.phase_us)
            self._close_minute(minute)
        self._open_minute(0)
        self.flow.advance(0)
        self.flow.since = 0
        self.flow.truth = Truth()
        self.watching.bank.settle(self.telemetry, self.phase_us, evaluations=3)
        if self.traced:
            for name, state in self.watching.bank.states.items():
                self.record.alarms.append((0, name, "", state.name))

    def _open_minute(self, minute: int) -> None:
        chunk, place = divmod(minute, CHUNK)
        block, row = self.world.block, self.world.row
        if self._factors[0] != chunk:
            self._factors = (chunk, block.traffic_factor(chunk, row).tolist())
        self.flow.factor = self._factors[1][place]
        dice = self.flow.dice
        if not dice.expected:
            dice.rng = self.counts.wind(minute)
            self.telemetry.noise = dice.rng

    def _close_minute(self, minute: int) -> None:
        chunk, place = divmod(minute, CHUNK)
        if self._delays[0] != chunk:
            row = self.world.row
            self._delays = (chunk, self.world.block.delay_s(chunk, row).tolist())
        end = (minute + 1) * MINUTE_US - self.phase_us
        row_, parts = self.flow.close_minute()
        self.telemetry.close(row_, parts, end + us(self._delays[1][place]))

    def _tick_later(self) -> None:
        minute = self.telemetry.next_minute if self.telemetry.rows else 0
        end = (minute + 1) * MINUTE_US - self.phase_us
        event = At(self.env, end - self.now, PUBLISH)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self._tick(minute))

    def _tick(self, minute: int) -> None:
        """Close a minute, let the alarms look at it, and open the next."""
        self.advance()
        self._close_minute(minute)
        if self.autoscaling is not None:
            self.autoscaling.look(self.telemetry.rows[-1])
        if self.flow.warming is not None:
            self.changed()
        self._open_minute(minute + 1)
        self.watching.look_ahead(minute + 1)
        self._tick_later()
        if self.now > self.ending_us:
            raise trace_too_short(self.scenario, self.plan.strategy)
        self._check_over()

    # -- the end --------------------------------------------------------------------

    def _check_over(self) -> None:
        if self.ended_us == NEVER or self.undoing or self.following or self.done.triggered:
            return
        follow = self.ended_us + us(self.scenario.control.follow_up)
        if self.fleet.share <= 0 or self.now >= follow or not self._fault_to_come(follow):
            self.done.succeed()

    def _fault_to_come(self, follow_us: int) -> bool:
        """Whether requests are expected to meet a fault before the run is given up."""
        if self.flow.truth.first_exposed_us != NEVER:
            return True
        if not self.flow.steady:
            return self.faults.any_served
        return self.flow.meets_fault(self.now, follow_us)

    def _mark_hosts(self) -> None:
        """Give hosts the health and the group that the scenario tells."""
        for host in self.scenario.hosts:
            unit = self.fleet.units[host.index]
            unit.rank, unit.group = ("unknown", "old", "current").index(host.revision), host.group
            if not host.healthy:
                unit.healthy = False
                self.fleet.take_out(unit)
        self.fleet.untouched = self.fleet.in_service[0]

    def _result(self) -> Result:
        truth = self.flow.truth
        users = self.scenario.traffic.users
        if users.sticky:
            affected = touched_sticky(users.active, truth.bands)
        else:
            affected = touched(users.active, truth.log_spared)
        return Result(
            outcome=self.world.outcome,
            status=self.status,
            code=self.code,
            failed_fault=truth.failed_fault,
            failed_capacity=truth.failed_capacity,
            slow=truth.slow,
            exposed=truth.exposed,
            affected_users=affected,
            # the last share holds on after the run, however short it was seen
            peak_exposure=max(truth.peak_exposure, self.fleet.share),
            min_capacity=truth.min_capacity,
            peak_utilization=truth.peak_utilization,
            extra_instance_s=truth.extra_instance_s,
            duration_s=self.ended_us / US,
            first_exposed_s=_seconds(truth.first_exposed_us),
            detected_s=_seconds(self.watching.detected_us),
            trigger_s=_seconds(self.trigger_us),
            restored_s=_seconds(self.restored_us),
            paged_s=_seconds(self.watching.page_us()),
            automatic=self.automatic,
            requests=truth.requests,
            new_requests=truth.new_requests,
            rejected=truth.rejected,
            end_s=self.now / US,
        )


def _seconds(at_us: int) -> float:
    return math.nan if at_us == NEVER else at_us / US
