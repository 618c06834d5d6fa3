"""What the batch engine cannot do, by name; `docs/explanation.md` lists it."""

from collections.abc import Callable

from stratsim.engine.setup import Setup
from stratsim.model.plan import Deregister, Roll


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that need the SimPy engine."""
    return tuple(name for name, there in LACKS.items() if there(setup))


def _ends_late(setup: Setup) -> bool:
    """Whether a stop leaves lifecycle events of hosts running, which only these steps have."""
    hosts = any(isinstance(step, Roll | Deregister) for step in setup.plan.steps)
    return hosts and setup.scenario.control.stop_in_flight != "at_once"


def _warms(setup: Setup) -> bool:
    return setup.scenario.service.slow_start > 0


def _fails_open(setup: Setup) -> bool:
    return setup.scenario.service.health_check.fail_open > 0


def _autoscales(setup: Setup) -> bool:
    return setup.scenario.service.autoscaling is not None


LACKS: dict[str, Callable[[Setup], bool]] = {
    "autoscaling": _autoscales,
    "events on hosts that end after a stop": _ends_late,
    "slow start": _warms,
    "target groups that fail open": _fails_open,
}
"""Every feature that needs the SimPy engine, and whether a scenario and plan have it."""
