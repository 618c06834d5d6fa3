"""The runs that a study makes: drawn, or enumerated by outcome where noise is off."""

from dataclasses import dataclass

from stratsim.model.release import Outcome
from stratsim.model.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Case:
    """One run to make: a replication of the worlds, and an outcome if it is given."""

    replication: int
    outcome: int | None
    weight: float


def enumerate_cases(scenario: Scenario, replications: int) -> list[Case]:
    """Return the runs to make: drawn, or enumerated by outcome where noise is off."""
    if scenario.noise == "sampled":
        return [Case(r, None, 1 / replications) for r in range(replications)]
    chancy = _has_chances(scenario)
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


def _has_chances(scenario: Scenario) -> bool:
    """Whether something besides the faults stays a matter of chance with noise off.

    It is asked of the scenario and not of its plans, so that a strategy's company
    does not change the runs that are made of it.
    """
    events = scenario.lifecycle.values()
    return _open(scenario.control.alarm_poll_failure) or any(_open(e.failure) for e in events)
