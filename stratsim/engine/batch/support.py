"""What the batch engine cannot do, by name; `docs/explanation.md` lists it."""

from collections.abc import Callable

from stratsim.engine.batch.units import policy_of
from stratsim.engine.setup import Setup
from stratsim.model.plan import Roll
from stratsim.model.scaling import Scale


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that need the SimPy engine."""
    return tuple(name for name, there in LACKS.items() if there(setup))


def _autoscales(setup: Setup) -> bool:
    """Whether fleets are scaled that get an additional batch before their hosts are updated."""
    steps = setup.plan.steps
    both = all(any(isinstance(step, kind) for step in steps) for kind in (Scale, Roll))
    return both and policy_of(setup.scenario) is not None


LACKS: dict[str, Callable[[Setup], bool]] = {
    "autoscaling of Elastic Beanstalk environments that roll with an additional batch": _autoscales,
}
"""Every feature that needs the SimPy engine, and whether a scenario and plan have it."""
