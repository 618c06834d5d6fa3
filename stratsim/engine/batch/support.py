"""What the batch engine cannot do, by name; `docs/explanation.md` lists it."""

from collections.abc import Callable

from stratsim.engine.setup import Setup
from stratsim.model.plan import Roll
from stratsim.model.release import Fault
from stratsim.model.scaling import Scale


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that need the SimPy engine."""
    return tuple(name for name, there in LACKS.items() if there(setup))


def _faults(setup: Setup) -> list[Fault]:
    return [fault for outcome in setup.scenario.release.outcomes for fault in outcome.faults]


def _scaled_otherwise(setup: Setup) -> bool:
    kinds = {type(step) for step in (*setup.plan.steps, *setup.plan.restore)}
    return Scale in kinds and Roll in kinds


def _crashes(setup: Setup) -> bool:
    """Whether instances die while a step that counts them scales fleets."""
    kinds = {type(step) for step in (*setup.plan.steps, *setup.plan.restore)}
    dies = any(
        fault.kind == "crash" or (fault.kind == "host" and fault.after.mean > 0)
        for fault in _faults(setup)
    )
    return dies and Scale in kinds


def _ends_late(setup: Setup) -> bool:
    return setup.scenario.control.stop_in_flight != "at_once"


def _warms(setup: Setup) -> bool:
    return setup.scenario.service.slow_start > 0


def _fails_open(setup: Setup) -> bool:
    return setup.scenario.service.health_check.fail_open > 0


def _autoscales(setup: Setup) -> bool:
    return setup.scenario.service.autoscaling is not None


LACKS: dict[str, Callable[[Setup], bool]] = {
    "autoscaling": _autoscales,
    "crashes while fleets are scaled": _crashes,
    "events that end after a stop": _ends_late,
    "fleets that are scaled, and rolled as well": _scaled_otherwise,
    "slow start": _warms,
    "target groups that fail open": _fails_open,
}
"""Every feature that needs the SimPy engine, and whether a scenario and plan have it."""
