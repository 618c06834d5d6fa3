"""Why no design meets a limit on missed releases: what any alarm could see at most."""

from collections.abc import Sequence

from stratsim.model.release import Outcome
from stratsim.model.scenario import Scenario
from stratsim.power.needed import requests_to_tell
from stratsim.recommendation.requirement import Requirement
from stratsim.search.space import Space, spec_of
from stratsim.strategies import PlanResult, build_plan
from stratsim.wording import format_number, format_value

MOST_S = 7 * 86400.0


def blind_spots(scenario: Scenario, space: Space, requirements: Sequence[Requirement]) -> list[str]:
    """Return, in sentences, which bad releases no alarm can tell in the time there is.

    Only what holds for every alarm on errors is said: the best test on all requests
    that the new revision could serve in the window would still miss too many.
    """
    missed = _limit(requirements, "missed")
    if missed is None:
        return []
    window_s = _window_s(scenario, space, requirements)
    found = []
    for outcome in scenario.release.outcomes:
        if outcome.probability > missed and _errors(outcome) > 0:
            found += _blind(scenario, outcome, missed, window_s, requirements)
    return found


def _blind(
    scenario: Scenario,
    outcome: Outcome,
    missed: float,
    window_s: float,
    requirements: Sequence[Requirement],
) -> list[str]:
    rate = scenario.traffic.profile.mean_rps
    good = scenario.service.error_rate
    bad = good + (1 - good) * _errors(outcome)
    clean = sum(o.probability for o in scenario.release.outcomes if not o.faults)
    limit = _limit(requirements, "false_rollback")
    false = min(1.0, (1.0 if limit is None else limit) / clean) if clean > 0 else 1.0
    part = missed / outcome.probability
    needed = requests_to_tell(good, bad, false, part)
    if needed <= rate * window_s:
        return []
    told = (
        f"At {format_number(rate)} requests/s no alarm can tell {_percent(good)} from "
        f"{_percent(bad)} ({outcome.name}) in {format_value(window_s, 's')}: to stop all but "
        f"{_percent(part)} of such releases and no more than {_percent(false)} of the good ones "
        f"takes {needed:,.0f} requests of the new revision, and it serves "
        f"{rate * window_s:,.0f} at most."
    )
    if rate <= 0:
        return [f"{told} You would need traffic."]
    longer = needed / rate
    wait = f" or {format_value(longer, 's')} on the new revision" if longer < MOST_S else ""
    return [f"{told} You would need {format_number(needed / window_s)} requests/s{wait}."]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _errors(outcome: Outcome) -> float:
    """Return the largest share that faults of this outcome fail at once."""
    if any(fault.kind != "errors" for fault in outcome.faults):
        return 0.0  # other signs may give it away
    return max((fault.rate.mean for fault in outcome.faults), default=0.0)


def _limit(requirements: Sequence[Requirement], name: str) -> float | None:
    limits = [
        r.limit
        for r in requirements
        if r.key.name == name and str(r.key) == name and r.sense == "<="
    ]
    return min(limits, default=None)


def _window_s(scenario: Scenario, space: Space, requirements: Sequence[Requirement]) -> float:
    """Return how long alarms have at most: the limit on the duration, or the longest shape."""
    limit = _limit(requirements, "deployment_duration_s")
    lengths = [
        PlanResult.of(
            scenario.name, build_plan(scenario, spec_of(scenario, s, s.name, ()))
        ).duration_s
        for s in space.shapes
    ]
    longest = max((length for length in lengths if length is not None), default=0.0)
    return min(limit if limit is not None else float("inf"), longest)
