"""What the batch engine cannot do yet, by name."""

from stratsim.engine.setup import Setup
from stratsim.model.plan import Roll
from stratsim.model.scaling import Scale


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that need the SimPy engine."""
    return tuple(dict.fromkeys((*_plan(setup), *_scenario(setup))))


def _plan(setup: Setup) -> list[str]:
    found: list[str] = []
    kinds = {type(step) for step in (*setup.plan.steps, *setup.plan.restore)}
    if Scale in kinds and (setup.plan.undo != "steps" or Roll in kinds):
        found.append("fleets that are scaled, and rolled or rerouted as well")
    for step in setup.plan.steps:
        if isinstance(step, Roll):
            found += _roll(step)
    return found


def _roll(step: Roll) -> list[str]:
    return [
        name
        for name, wanted in {
            "zone by zone": bool(step.zones),
            "batches with a barrier": step.barrier,
            "a roll that ends with its first failure": step.strict,
            "hosts that begin Unhealthy": step.unhealthy > 0,
            "ignoreApplicationStopFailures": any(event.forgiven for event in step.events),
        }.items()
        if wanted
    ]


def _scenario(setup: Setup) -> list[str]:
    scenario = setup.scenario
    found = _control(setup)
    kinds = {fault.kind for outcome in scenario.release.outcomes for fault in outcome.faults}
    if "crash" in kinds:
        found.append("crash faults")
    if any(not host.healthy for host in scenario.hosts):
        found.append("hosts that begin Unhealthy")
    if setup.plan.undo == "redeploy" and scenario.control.rollback_hosts == "whole_group":
        found.append("a rollback of the whole group")
    if scenario.service.slow_start or scenario.service.warm_up.factor > 1:
        found.append("slow start and warm-up")
    if scenario.service.health_check.fail_open:
        found.append("target groups that fail open")
    if scenario.service.autoscaling is not None:
        found.append("autoscaling")
    return found


def _control(setup: Setup) -> list[str]:
    """Return what only the SimPy engine knows of the control plane's habits."""
    control = setup.scenario.control
    late = [f for o in setup.scenario.release.outcomes for f in o.faults if f.kind == "host"]
    return [
        name
        for name, there in {
            "events that end after a stop": control.stop_in_flight != "at_once",
            "hosts that die later": any(fault.after.mean > 0 for fault in late),
        }.items()
        if there
    ]
