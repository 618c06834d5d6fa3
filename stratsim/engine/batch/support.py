"""What the batch engine cannot do, by name; `docs/explanation.md` lists it."""

from collections.abc import Callable

from stratsim.engine.setup import Setup
from stratsim.model.plan import Roll
from stratsim.model.scaling import Scale


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that need the SimPy engine."""
    return tuple(name for name, there in LACKS.items() if there(setup))


def _scaled_otherwise(setup: Setup) -> bool:
    kinds = {type(step) for step in (*setup.plan.steps, *setup.plan.restore)}
    return Scale in kinds and Roll in kinds


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
    "events that end after a stop": _ends_late,
    "fleets that are scaled, and rolled as well": _scaled_otherwise,
    "slow start": _warms,
    "target groups that fail open": _fails_open,
}
"""Every feature that needs the SimPy engine, and whether a scenario and plan have it."""
