"""What the batch engine cannot do, by name; `docs/explanation.md` lists it."""

from collections.abc import Callable

from stratsim.engine.batch.units import policy_of
from stratsim.engine.setup import Setup
from stratsim.model.analysis import Gate, Ladder, Tick, Watch
from stratsim.model.plan import Hold, Launch, Lifecycle, Retire, Shift

STANDING = {Launch, Lifecycle, Shift, Hold, Retire, Gate, Watch, Ladder, Tick}
"""Steps that leave an instance where it is, once its fleet has been launched."""


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that need the SimPy engine."""
    return tuple(name for name, there in LACKS.items() if there(setup))


def _autoscales(setup: Setup) -> bool:
    """Whether other fleets are scaled than two behind a router of weights."""
    plan = setup.plan
    if policy_of(setup.scenario) is None:
        return False
    kinds = {type(step) for step in plan.steps}
    simple = kinds <= STANDING and sum(isinstance(step, Launch) for step in plan.steps) <= 1
    return plan.routing != "weighted" or plan.undo != "reroute" or not simple


def _autoscales_failing(setup: Setup) -> bool:
    """Whether instances of a scaled fleet may die or not start at all."""
    failing = any(
        fault.kind in ("crash", "host", "startup")
        for outcome in setup.scenario.release.outcomes
        for fault in outcome.faults
    )
    return policy_of(setup.scenario) is not None and failing


LACKS: dict[str, Callable[[Setup], bool]] = {
    "autoscaling of a fleet that shares its traffic out evenly": _autoscales,
    "autoscaling of instances that die or do not start": _autoscales_failing,
}
"""Every feature that needs the SimPy engine, and whether a scenario and plan have it."""
