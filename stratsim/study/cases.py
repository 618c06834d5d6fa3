"""The runs that a study makes: drawn, or enumerated by outcome where noise is off."""

from collections.abc import Sequence
from dataclasses import dataclass

from stratsim.model.plan import HostEvent, Lifecycle, Plan
from stratsim.model.release import Outcome
from stratsim.model.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Case:
    """One run to make: a replication of the worlds, and an outcome if it is given."""

    replication: int
    outcome: int | None
    weight: float


def enumerate_cases(scenario: Scenario, plans: Sequence[Plan], replications: int) -> list[Case]:
    """Return the runs to make: drawn, or enumerated by outcome where noise is off."""
    if scenario.noise == "sampled":
        return [Case(r, None, 1 / replications) for r in range(replications)]
    chancy = any(_has_chances(plan) for plan in plans)
    cases = []
    for index, outcome in enumerate(scenario.release.outcomes):
        if outcome.probability <= 0:
            continue
        runs = 1
        if chancy or _chance_fault(outcome):
            runs = max(2, round(replications * outcome.probability))
        cases += [Case(r, index, outcome.probability / runs) for r in range(runs)]
    return cases


def _chance_fault(outcome: Outcome) -> bool:
    """Whether something of the outcome stays a matter of chance with noise off."""
    return any(
        fault.kind == "crash" or (fault.kind in ("startup", "hook") and _open(fault.probability))
        for fault in outcome.faults
    )


def _open(probability: float) -> bool:
    return 0 < probability < 1


def _has_chances(plan: Plan) -> bool:
    """Whether a lifecycle event of the plan may fail by itself."""
    for step in plan.steps:
        events: tuple[Lifecycle | HostEvent, ...] = getattr(step, "events", ())
        if isinstance(step, Lifecycle):
            events = (step,)
        if any(_open(event.failure) for event in events):
            return True
    return False
