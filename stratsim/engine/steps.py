"""What each kind of step does in the SimPy engine: one generator per kind."""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from stratsim.engine.analyses import climb, gate, next_tick, watch
from stratsim.engine.clock import us
from stratsim.engine.failure import (
    HOOK_FAILED,
    HOOK_TIMED_OUT,
    NO_CODE,
    StepFailedError,
)
from stratsim.engine.hosts import Hosts
from stratsim.engine.launches import Launching
from stratsim.engine.scaling import configure, scale
from stratsim.engine.tasks import Tasks
from stratsim.model.analysis import Gate, Ladder, Tick, Watch
from stratsim.model.plan import (
    READY_WAIT,
    Deregister,
    Hold,
    Launch,
    Lifecycle,
    Replace,
    Retire,
    Roll,
    Shift,
    Step,
)
from stratsim.model.scaling import Configure, Scale

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

Process = Generator[Any, Any, None]


def lifecycle(run: "Deployment", step: Lifecycle) -> Process:
    """Run one lifecycle event of the whole deployment."""
    key: tuple[str | int, ...] = (step.event, *(step.occurrence,) * bool(step.occurrence))
    duration = run.world.value(step.duration, "event", *key)
    run.note("lifecycle", f"{step.event} begins")
    wrong = run.world.chance("event fails", *key) < step.failure
    for fault in run.world.faults:
        if fault.kind == "hook" and fault.spec.event == step.event:
            wrong |= run.world.chance("hook", fault.number) < fault.spec.probability
    late = duration > step.timeout_s
    yield run.wait(us(min(duration, step.timeout_s)))
    if late and step.continues:
        run.note("lifecycle", f"{step.event} timed out and is passed over")
        return
    if wrong or late:
        run.note("lifecycle", f"{step.event} {'timed out' if late else 'failed'}")
        code = HOOK_TIMED_OUT if late else HOOK_FAILED
        raise StepFailedError(code, can_roll_back=step.can_roll_back)
    run.note("lifecycle", f"{step.event} ends")


def launch(run: "Deployment", step: Launch) -> Process:
    """Start a fleet of the new revision and wait for the last to be healthy."""
    yield from Launching(run, step).run()


def shift(run: "Deployment", step: Shift) -> Process:
    """Order a new weight; the last one is waited for."""
    run.order_weight(step.weight, step.event)
    if step.weight >= 1 and run.reroute_us > 0:
        yield run.wait(run.reroute_us)


def hold(run: "Deployment", step: Hold) -> Process:
    """Wait; CodeDeploy calls a deployment Ready while its traffic waits to be rerouted."""
    run.note("lifecycle", f"{step.event} begins")
    if step.event == READY_WAIT:
        run.note("status", "Ready")
    yield run.wait(us(step.duration_s))
    if step.stops:
        raise StepFailedError(NO_CODE, stopped=True, can_roll_back=False)
    if step.event == READY_WAIT:
        run.note("status", "InProgress")


def roll(run: "Deployment", step: Roll) -> Process:
    """Run events on every host of a fleet, a few at a time."""
    pool = [unit for unit in run.hosts() if unit.new is (step.fleet == "new")]
    # A replacement host whose installation failed is not registered.
    units = [u for u in pool if u.healthy] if step.fleet == "new" else pool[: step.count]
    yield from Hosts(run, step, units, pool=pool, new=True).run()


def deregister(run: "Deployment", step: Deregister) -> Process:
    """Take the old fleet out of the load balancer, all at once."""
    units = [unit for unit in run.fleet.of(new=False) if unit.in_service]
    yield from Hosts.together(run, step.event, step.events, units)


def replace(run: "Deployment", step: Replace) -> Process:
    """Replace the old tasks by new ones within the two bounds."""
    yield from Tasks(run, step, new=True).run()


def retire(run: "Deployment", step: Retire) -> Process:
    """Wait, then terminate the old fleet or keep it alive."""
    run.note("lifecycle", f"{step.event} begins")
    if step.wait_s > 0:
        run.watching.on = run.watching.on and run.scenario.control.watch_termination_wait
        yield run.wait(us(step.wait_s))
    if step.action == "TERMINATE":
        run.advance()
        for unit in run.fleet.of(new=False):
            run.fleet.stop(unit)
        run.retired = True
        run.note("lifecycle", f"{step.event} ends: original fleet terminated")


HANDLERS: dict[type[Step], Callable[[Any, Any], Process]] = {
    Lifecycle: lifecycle,
    Launch: launch,
    Shift: shift,
    Hold: hold,
    Roll: roll,
    Deregister: deregister,
    Replace: replace,
    Retire: retire,
    Scale: scale,
    Configure: configure,
    Gate: gate,
    Watch: watch,
    Ladder: climb,
    Tick: next_tick,
}
