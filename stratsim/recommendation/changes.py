"""What would change a choice: another limit, another price."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stratsim.comparison import Key
from stratsim.wording import format_number, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stratsim.comparison import Comparison
    from stratsim.recommendation.choice import Choice, Standing
    from stratsim.recommendation.requirement import Finding


def changes(choice: Choice, comparison: Comparison) -> list[str]:
    """Return, in sentences, what would change the verdict."""
    found = [*_looser_limits(choice), *_tighter_limits(choice)]
    if choice.verdict == "recommended":
        found += _prices(choice, comparison)
    return found


def _looser_limits(choice: Choice) -> Iterator[str]:
    """Limits that, alone, keep out a strategy that would win without them.

    One sentence per requirement: the least change, to the end of the interval that
    the limit has to allow.
    """
    bar = choice.leader.objective.value if choice.leader else math.inf
    nearest: dict[int, tuple[float, Standing, Finding]] = {}
    for standing in choice.standings:
        failing = [i for i, finding in enumerate(standing.findings) if finding.met is not True]
        if (
            len(failing) != 1
            or not standing.deploys
            or not standing.ranked
            or standing.objective.value >= bar
        ):
            continue
        finding = standing.findings[failing[0]]
        limit = finding.requirement.limit
        step = abs(finding.worst - limit)
        if math.isfinite(step) and step < nearest.get(failing[0], (math.inf,))[0]:
            nearest[failing[0]] = (step, standing, finding)
    for _, standing, finding in nearest.values():
        verb = "would win" if choice.leader else "would qualify"
        yield f"With {_limit(finding)}, {standing.strategy} {verb}."


def _limit(finding: Finding) -> str:
    """Return the limit that the finding keeps, rounded to the lax side."""
    requirement, unit = finding.requirement, finding.requirement.key.unit
    text = format_value(_lax(finding.worst, requirement.sense == "<="), unit)
    return f"{requirement.key} {requirement.sense} {text}"


def _lax(value: float, up: bool) -> float:  # noqa: FBT001  (a direction, used here only)
    """Round to three digits, away from what the limit forbids."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return (math.ceil(value / unit - 1e-9) if up else math.floor(value / unit + 1e-9)) * unit


def _tighter_limits(choice: Choice) -> Iterator[str]:
    """Limits under which the recommended strategy would lose to the runner-up."""
    if choice.verdict != "recommended" or choice.leader is None or choice.runner_up is None:
        return
    runner_up = choice.runner_up.standing
    pairs = zip(choice.leader.findings, runner_up.findings, strict=True)
    for ours, theirs in pairs:
        sign = 1 if ours.requirement.sense == "<=" else -1
        if sign * theirs.worst < sign * ours.worst:
            unit, key = ours.requirement.key.unit, ours.requirement.key
            beyond = "below" if sign > 0 else "above"
            yield (
                f"With a limit on {key} {beyond} {format_value(ours.worst, unit)}, "
                f"{runner_up.strategy} would take its place."
            )


def _prices(choice: Choice, comparison: Comparison) -> Iterator[str]:
    """The price of a failed request at which the runner-up costs the same in total."""
    if choice.objective not in (Key("failed_requests"), Key("total_cost_usd")):
        return
    if choice.leader is None or choice.runner_up is None:
        return
    names = (choice.leader.strategy, choice.runner_up.standing.strategy)
    ours, theirs = (_bill(comparison, name) for name in names)
    if ours is None or theirs is None or ours[0] == theirs[0]:
        return
    even = (theirs[1] - ours[1]) / (ours[0] - theirs[0])
    if even <= 0:
        return
    fewer, more = names if ours[0] < theirs[0] else reversed(names)
    price = max(ours[2], theirs[2])
    yield (
        f"In total cost, {fewer} is the cheaper of the two from ${format_number(even)} per failed "
        f"request on, {more} below that; the scenario says ${format_number(price)}."
    )


def _bill(comparison: Comparison, name: str) -> tuple[float, float, float] | None:
    """Return failed requests, the rest of the total cost, and the price of a request."""
    keys = ("failed_requests", "total_cost_usd", "failure_cost_usd")
    sample = comparison.sample(name)
    if any(key not in sample.measures for key in keys):
        return None
    failed, total, failure = (Key(key).estimate(sample).value for key in keys)
    if math.isnan(failed + total + failure):
        return None
    return failed, total - failure, failure / failed if failed else 0.0
