"""What the batch engine cannot do, by name; `docs/explanation.md` lists it."""

from collections.abc import Callable

from stratsim.engine.batch.units import policy_of
from stratsim.engine.setup import Setup
from stratsim.model.scaling import Scale


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that need the SimPy engine."""
    return tuple(name for name, there in LACKS.items() if there(setup))


def _autoscales(setup: Setup) -> bool:
    """Whether fleets are scaled that start and stop in waves."""
    steps = (*setup.plan.steps, *setup.plan.restore)
    waves = any(isinstance(step, Scale) for step in steps)
    return waves and policy_of(setup.scenario) is not None


LACKS: dict[str, Callable[[Setup], bool]] = {
    "autoscaling of fleets that start and stop in waves": _autoscales,
}
"""Every feature that needs the SimPy engine, and whether a scenario and plan have it."""
