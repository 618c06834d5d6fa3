"""What the exact engine does not know, by name."""

from stratsim.engine.batch import unsupported as unknown_to_batch
from stratsim.engine.exact.codes import Judge, reasons_against
from stratsim.engine.setup import Setup
from stratsim.model.traffic import Constant
from stratsim.watch import CompositeProgram, MetricProgram

MINUTE_S = 60.0


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that have to be simulated."""
    plan = [
        "a fleet that shares its traffic out evenly" if setup.plan.routing == "pooled" else "",
        f"rollback by {setup.plan.undo}" if setup.plan.undo not in ("reroute", "flip") else "",
    ]
    found = [name for name in plan if name] + list(unknown_to_batch(setup))
    found += _traffic(setup)
    for program in setup.programs:
        if isinstance(program, MetricProgram):
            found += reasons_against(Judge(program, setup.times))
    return tuple(dict.fromkeys(found))


def _traffic(setup: Setup) -> list[str]:
    scenario = setup.scenario
    traffic = scenario.traffic
    faults = [fault for outcome in scenario.release.outcomes for fault in outcome.faults]
    steady = isinstance(traffic.profile, Constant)
    return [
        name
        for name, there in {
            "noise that is off: expected (the batch engine has no sampling error then)": scenario.noise
            == "expected",
            "dispersion between 0 and 1": 0 < traffic.dispersion < 1,
            "fixed counts on Lambda, which splits each invocation at random": traffic.dispersion
            == 0
            and scenario.platform == "lambda",
            "fixed counts with background errors in clumps": traffic.dispersion == 0
            and scenario.service.error_dispersion > 1
            and 0 < scenario.service.error_rate < 1,
            "users who are pinned to a revision": traffic.users.sticky,
            "faults above a load while the traffic varies": not steady
            and any(fault.above_load > 0 for fault in faults),
            "polling alarms less often than every minute": scenario.control.alarm_poll > MINUTE_S,
        }.items()
        if there
    ]


def composites(setup: Setup) -> list[CompositeProgram]:
    """Return the composite alarms, children first."""
    return [program for program in setup.programs if isinstance(program, CompositeProgram)]


def judges(setup: Setup) -> list[Judge]:
    """Return the metric alarms as functions of a minute's counts."""
    return [Judge(p, setup.times) for p in setup.programs if isinstance(p, MetricProgram)]
