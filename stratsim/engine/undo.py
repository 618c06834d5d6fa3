"""How traffic comes back to the old revision: one generator per way."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stratsim.engine.clock import us
from stratsim.engine.failure import StepFailedError
from stratsim.engine.fleet import Unit
from stratsim.engine.hosts import Hosts
from stratsim.engine.scripts import Script
from stratsim.engine.steps import HANDLERS
from stratsim.engine.tasks import Tasks
from stratsim.model.plan import HostEvent, Replace, Roll, Step

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]


def reroute(run: "Deployment") -> Process:
    """Send all traffic back to the original fleet in one step."""
    yield from _relaunch(run)
    run.order_weight(0.0, "reroute")
    yield run.wait(run.reroute_us)
    _terminate_new(run)


def flip(run: "Deployment") -> Process:
    """Point the alias back at the old version."""
    run.order_weight(0.0, "alias back to the old version")
    yield run.wait(run.reroute_us)


def _relaunch(run: "Deployment", events: Sequence[HostEvent] = ()) -> Process:
    """Start the old revision again where its fleet has been terminated.

    Instances that start without a revision have `events` to go through.
    """
    if not run.retired:
        return
    count = run.fleet.size
    run.advance()
    units = run.fleet.launch(count, new=False)
    for unit in units:
        unit.rank = 0 if events else 2
    starts = run.world.values(run.scenario.service.startup, count, "startup of a rollback")
    yield run.wait(us(max(starts)))
    if events:
        yield from _play(run, events, units, "relaunch")
    else:
        for unit in units:
            run.serve(unit)
    run.retired = False


def _play(
    run: "Deployment", events: Sequence[HostEvent], units: Sequence[Unit], purpose: str
) -> Process:
    script = Script(run, events, units, new=False, purpose=purpose)
    yield run.env.all_of([run.env.process(script.play(unit)) for unit in units])


def _terminate_new(run: "Deployment") -> None:
    run.advance()
    for unit in run.fleet.of(new=True):
        run.fleet.stop(unit)
    run.changed()


def reregister(run: "Deployment") -> Process:
    """Register the original hosts again, then take the replacement hosts out."""
    steps = run.plan.steps
    # a host that is launched now and fails is no older one to register again
    outside = [unit for unit in run.hosts() if not (unit.new or unit.in_service)]
    yield from _relaunch(run, relaunch_events(steps))
    if outside:
        yield from _play(run, allow_events(steps), outside, "reregister")
    yield run.wait(run.reroute_us)
    _terminate_new(run)


def allow_events(steps: Sequence[Step]) -> tuple[HostEvent, ...]:
    """Return the events of a plan that put a host behind the load balancer."""
    for step in steps:
        if isinstance(step, Roll) and any(e.effect == "allow" for e in step.events):
            return tuple(e for e in step.events if "AllowTraffic" in e.event)
    return ()


def relaunch_events(steps: Sequence[Step]) -> tuple[HostEvent, ...]:
    """Return the events of a plan that bring a revision to a new host and register it."""
    return tuple(event for step in steps if isinstance(step, Roll) for event in step.events)


def redeploy(run: "Deployment") -> Process:
    """Deploy the old revision again on the hosts that were touched."""
    step = run.plan.redeploy
    if not isinstance(step, Roll):
        return
    pool = hosts = run.hosts()
    if run.scenario.control.rollback_hosts == "touched_only":
        changed = (u for u in pool if u.tried)
        hosts = [u for u in changed if u.new or not u.in_service or not u.healthy]
    if not hosts:
        return
    try:
        yield from Hosts(run, step, hosts, pool=pool, new=False, purpose="rollback").run()
    except StepFailedError as failure:
        run.leave_hosts()
        run.note("rollback", f"failed: {failure.code}")


def roll_back_tasks(run: "Deployment") -> Process:
    """Replace the new tasks by old ones under the same bounds."""
    step = run.plan.redeploy
    if not isinstance(step, Replace):
        return
    for unit in run.fleet.of(new=True):
        if not unit.in_service:
            run.stop(unit)
    try:
        yield from Tasks(run, replace(step, breaker=None), new=False).run()
    except StepFailedError as failure:
        run.note("rollback", f"failed: {failure.code}")


def by_steps(run: "Deployment") -> Process:
    """Take the steps that the plan has for this, once no event runs on a host any more."""
    busy = [unit.busy for unit in run.hosts() if unit.busy is not None and unit.busy.is_alive]
    if busy:
        yield run.env.all_of(busy)
    for step in run.plan.restore:
        try:
            yield from HANDLERS[type(step)](run, step)
        except StepFailedError as failure:
            run.note("rollback", f"failed: {failure.code}")
            return


UNDO: dict[str, Callable[["Deployment"], Process]] = {
    "reroute": reroute,
    "flip": flip,
    "reregister": reregister,
    "redeploy": redeploy,
    "replace": roll_back_tasks,
    "steps": by_steps,
}
