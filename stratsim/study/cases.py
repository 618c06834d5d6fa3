"""The runs that a study makes: drawn, or enumerated by outcome where noise is off."""

from collections.abc import Sequence
from dataclasses import dataclass

from stratsim.errors import InputError, Problem
from stratsim.model.release import Outcome
from stratsim.model.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Cases:
    """Runs to make that weigh alike: replications of the worlds, an outcome if it is given."""

    replications: range
    outcome: int | None
    weight: float


def enumerate_cases(
    scenario: Scenario, replications: int, *, stratify: bool = False
) -> list[Cases]:
    """Return the runs to make: drawn, or enumerated by outcome where noise is off.

    Stratified, every outcome that can happen has runs of its own, in worlds of
    their own.
    """
    if scenario.noise == "sampled" and stratify:
        return _stratified(scenario, replications)
    if scenario.noise == "sampled":
        return [Cases(range(replications), None, 1 / replications)]
    chancy = _has_chances(scenario)
    cases = []
    for index, outcome in enumerate(scenario.release.outcomes):
        if outcome.probability <= 0:
            continue
        runs = 1
        if chancy or _chance_fault(outcome):
            runs = max(2, round(replications * outcome.probability))
        cases.append(Cases(range(runs), index, outcome.probability / runs))
    return cases


def _stratified(scenario: Scenario, replications: int) -> list[Cases]:
    """Return the runs of a stratified study: half by probability, half alike.

    The first half keeps every variance within twice that of runs shared out by
    probability alone; the second gives rare outcomes the runs that show what they
    do (a defensive mixture, T. Hesterberg, Technometrics 37, 1995).

    Raises
    ------
    InputError
        Where there are fewer than two runs for each outcome.
    """
    possible = [i for i, o in enumerate(scenario.release.outcomes) if o.probability > 0]
    least = 2 * len(possible)
    if replications < least:
        rule = f"at least {least} where {len(possible)} outcomes are stratified"
        raise InputError([Problem("replications", rule, str(replications))])
    cases: list[Cases] = []
    at = 0
    chances = [scenario.release.outcomes[index].probability for index in possible]
    for index, runs in zip(possible, allocate(chances, replications), strict=True):
        weight = scenario.release.outcomes[index].probability / runs
        cases.append(Cases(range(at, at + runs), index, weight))
        at += runs
    return cases


def allocate(chances: Sequence[float], replications: int) -> list[int]:
    """Return the runs of each outcome: two each, the rest half by chance and half alike."""
    spare = replications - 2 * len(chances)
    shares = [spare * (chance / sum(chances) + 1 / len(chances)) / 2 for chance in chances]
    runs = [2 + int(share) for share in shares]
    # what rounding left over goes to the largest remainders
    order = sorted(range(len(runs)), key=lambda i: int(shares[i]) - shares[i])
    for index in order[: replications - sum(runs)]:
        runs[index] += 1
    return runs


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
