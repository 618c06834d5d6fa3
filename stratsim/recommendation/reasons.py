"""Why this one: a choice in plain sentences, with numbers and units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stratsim.recommendation.changes import changes
from stratsim.recommendation.effort import runs_to_bound, to_decide, to_separate
from stratsim.wording import counted, format_interval, format_value, with_unit

if TYPE_CHECKING:
    from stratsim.comparison import Comparison
    from stratsim.recommendation.choice import Choice, Rival, Standing
    from stratsim.recommendation.requirement import Finding

_SHOWN = 2  # strategies told by name where there may be many
_PLURAL = {
    "strategy": "strategies",
    "design": "designs",
    "finalist": "finalists",
    "candidate": "candidates",
}


def reasons(choice: Choice, comparison: Comparison) -> tuple[str, ...]:
    """Return the sentences of `choice`, the most important first."""
    if choice.verdict == "recommended":
        found = _why_recommended(choice, comparison)
    elif choice.verdict == "none meets":
        found = _why_none(choice)
    else:
        found = _why_open(choice, comparison)
    doubts = _doubts(choice, comparison)
    return (*found, *_refused(choice), *changes(choice, comparison), *doubts)


def _why_recommended(choice: Choice, comparison: Comparison) -> list[str]:
    leader = choice.leader
    assert leader is not None
    best = f"{leader.strategy} has the lowest {choice.objective} {_among(choice)}"
    if len(choice.standings) == 1:
        best = f"{leader.strategy} is the only {_kind(choice)}"
    lines = [f"{best}: {_objective(choice, leader)}."]
    runner_up = choice.runner_up
    if runner_up is not None:
        lines.append(_margin(choice, runner_up, comparison))
    lines += [_near_tie(choice, rival) for rival in _near_ties(choice)]
    lines += [
        f"It meets {finding.requirement.words}: {finding.words}." for finding in leader.findings
    ]
    return lines + _ruled_out(choice)


def _among(choice: Choice) -> str:
    everyone, meeting = len(choice.standings), sum(s.met is True for s in choice.standings)
    some, limits = f"{everyone} {_kind(choice, many=everyone != 1)}", _all_limits(choice)
    one, many = f"surely meets {limits}", f"surely meet {limits}"
    if not choice.requirements:
        one, many = "deploys anything", "deploy anything"
    elif everyone == 1:
        return f"of the one {_kind(choice)}, which {one}"
    if meeting == everyone:
        return f"of {some}, all of which {many}" if choice.requirements else f"of the {some}"
    if meeting == 1:
        return f"as the only one of {some} that {one}"
    return f"among the {meeting} of {some} that {many}"


def _kind(choice: Choice, *, many: bool = False) -> str:
    """Return what was chosen among; of a search's designs few are run to the end."""
    if choice.kind == "design":
        return f"{_PLURAL['design'] if many else 'design'} run to the end"
    return _PLURAL[choice.kind] if many else choice.kind


def _all_limits(choice: Choice) -> str:
    count = len(choice.requirements)
    few = {1: "the requirement", 2: "both requirements"}
    return few.get(count, f"all {count} requirements")


def _objective(choice: Choice, standing: Standing) -> str:
    unit, found = choice.objective.unit, standing.objective
    return f"{with_unit(found.value, unit)} {format_interval(found.low, found.high, unit)}".strip()


def _margin(choice: Choice, rival: Rival, comparison: Comparison) -> str:
    """Say by how much the runner-up is behind."""
    assert choice.leader is not None
    name, leader = rival.standing.strategy, choice.leader
    if rival.difference.identical:
        return (
            f"The runner-up, {name}, has exactly the same {choice.objective} in every run; "
            f"{_tie_break(leader, rival.standing)}."
        )
    found, unit = rival.difference.estimate, choice.objective.unit
    text = f"The runner-up, {name}, has {with_unit(rival.standing.objective.value, unit)}: "
    text += f"{format_value(found.value, unit)} more, "
    sample = comparison.sample(name)
    if sample.certain:
        return f"{text}without sampling error."
    text += f"95% interval {format_interval(found.low, found.high, unit)}, paired over "
    if sample.world is not None:
        one, many = "world that was drawn", "worlds that were drawn"
        return f"{text}the {counted(comparison.replications, one, many)}."
    return (
        f"{text}{counted(found.count, 'run')} "
        f"(worse in {format_value(rival.difference.worse, 'share')} of them, "
        f"equal in {format_value(rival.difference.equal, 'share')})."
    )


def _tie_break(leader: Standing, other: Standing) -> str:
    ours, theirs = format_value(leader.duration_s, "s"), format_value(other.duration_s, "s")
    if leader.duration_s < other.duration_s and ours != theirs:
        return f"{leader.strategy} takes less time ({ours} against {theirs})"
    return f"both take {ours}, so the first name decides"


def _near_ties(choice: Choice) -> list[Rival]:
    return [
        rival
        for rival in choice.rivals
        if rival not in choice.open and not rival.difference.identical and rival.regret > 0
    ]


def _near_tie(choice: Choice, rival: Rival) -> str:
    regret = format_value(rival.regret, choice.objective.unit)
    return (
        f"{rival.standing.strategy} may be better by at most {regret}: "
        "less than 1%, which counts as equal."
    )


def _ruled_out(choice: Choice) -> list[str]:
    """Say which limits bind: those that keep out strategies with a better objective."""
    assert choice.leader is not None
    bar = choice.leader.objective.value
    better = [
        standing
        for standing in sorted(choice.standings, key=lambda s: s.order)
        if standing.met is not True
        and standing.deploys
        and standing.ranked
        and standing.objective.value < bar
    ]
    lines = []
    for standing in better[:_SHOWN]:
        has = _objective(choice, standing)
        lines.append(f"{standing.strategy} would have less, {has}, but {_shortfalls(standing)}.")
    if len(better) > _SHOWN:
        rest = len(better) - _SHOWN
        kind = choice.kind if rest == 1 else _PLURAL[choice.kind]
        lines.append(f"The limits keep out {rest:,} more {kind} with less.")
    return lines


def _refused(choice: Choice) -> list[str]:
    """Say which strategies deploy nothing."""
    found = [standing for standing in choice.standings if not standing.deploys]
    lines = [
        f"{standing.strategy} deploys nothing: {format_value(standing.refused, 'probability')} of "
        "its deployments are over at their creation, as where an alarm that stops them is in "
        "ALARM already."
        for standing in found[:_SHOWN]
    ]
    if len(found) > _SHOWN:
        rest = len(found) - _SHOWN
        kind = choice.kind if rest == 1 else _PLURAL[choice.kind]
        lines.append(f"So {'does' if rest == 1 else 'do'} {rest:,} more {kind}.")
    return lines


def _shortfalls(standing: Standing) -> str:
    """Say which limits a strategy fails, and apart from these which ones the runs leave open."""
    parts = []
    for met, verb in ((False, "fails"), (None, "may not meet")):
        limits = " and ".join(
            f"{finding.requirement.words} (it has {finding.words})"
            for finding in standing.findings
            if finding.met is met
        )
        if limits:
            parts.append(f"{verb} {limits}")
    return " and ".join(parts)


def _why_none(choice: Choice) -> list[str]:
    none = f"None of the {len(choice.standings)} {_kind(choice, many=True)}"
    if len(choice.standings) == 1:
        none = f"No {_kind(choice)}"
    able = [standing for standing in choice.standings if standing.deploys]
    if not able:
        return [f"{none} deploys anything."]
    lines = [f"{none} meets {_all_limits(choice)}."]
    for index, requirement in enumerate(choice.requirements):
        findings = [standing.findings[index] for standing in able]
        if any(finding.met is not False for finding in findings):
            continue
        sign = 1 if requirement.sense == "<=" else -1
        nearest = min(findings, key=lambda finding: sign * finding.estimate.value)
        nobody = (
            f"No {choice.kind}"
            if choice.kind == "strategy"
            else f"None of these {_PLURAL[choice.kind]}"
        )
        lines.append(
            f"{nobody} meets {requirement.words}: the nearest, {nearest.strategy}, "
            f"has {nearest.words}."
        )
    if len(lines) == 1:
        some, none = f"some {choice.kind}", f"no {choice.kind}"
        if choice.kind != "strategy":  # of the others nobody knows
            some, none = "some of them", "none"
        lines.append(f"Each requirement is met by {some}, but {none} meets them together.")
    return lines


def _why_open(choice: Choice, comparison: Comparison) -> list[str]:
    if choice.leader is None:
        return _why_nothing_is_sure(choice, comparison)
    leader = choice.leader
    open_question = f"which {choice.kind} has the lowest {choice.objective} {_among(choice)}"
    return [
        f"The runs cannot tell {open_question}.",
        f"{leader.strategy} leads with {_objective(choice, leader)}.",
        *(_open_rival(choice, rival, comparison) for rival in choice.open),
    ]


def _open_rival(choice: Choice, rival: Rival, comparison: Comparison) -> str:
    name, found, unit = rival.standing.strategy, rival.difference.estimate, choice.objective.unit
    if math.isnan(found.value):
        return f"{name} and the leader have no run in common in which {choice.objective} applies."
    side = "less" if found.value < 0 else "more"
    text = f"{name} has {format_value(abs(found.value), unit)} {side} than the leader"
    interval = format_interval(found.low, found.high, unit)
    text += f", 95% interval of the difference {interval}" if interval else ""
    if rival.standing.met is None:
        texts = [_undecided(finding, comparison) for finding in rival.standing.failing()]
        return f"{text}; {' and '.join(texts)}."
    if math.isnan(found.low):
        return f"{text}, without an interval: it takes more runs to know one."
    more = to_separate(found.low - found.value, found.value, comparison.replications)
    if more is None:
        return f"{text}: no feasible number of replications would separate them."
    return f"{text}; about {more:,} replications would separate them, if it stays so."


def _undecided(finding: Finding, comparison: Comparison) -> str:
    """Say that a requirement is open, and what would decide it."""
    text = f"whether it meets {finding.requirement.words} is open ({finding.words or 'no value'}"
    if finding.estimate.count == 0:
        return f"{text}: {finding.requirement.key.name} applies in none of its runs)"
    if finding.requirement.key.statistic == "max":
        return f"{text}: the largest of a sample can break a limit, never keep it)"
    bound = runs_to_bound(finding)
    if bound is not None:
        return f"{text}: it takes {bound:,} runs or more to bound it)"
    more = to_decide(finding, comparison.replications)
    if more is None:
        return f"{text}: too close to the limit for any feasible number of replications)"
    return f"{text}: about {more:,} replications would tell)"


def _why_nothing_is_sure(choice: Choice, comparison: Comparison) -> list[str]:
    lines = []
    if any(standing.met for standing in choice.standings):
        lines.append(
            f"{choice.objective} applies in no run of the {_PLURAL[choice.kind]} that qualify."
        )
    else:
        lines.append(f"No {_kind(choice)} surely meets {_all_limits(choice)}, and not all fail.")
    possible = [standing for standing in choice.standings if standing.met is None]
    for standing in sorted(possible, key=lambda s: s.order):
        texts = [_undecided(finding, comparison) for finding in standing.failing()]
        lines.append(
            f"{standing.strategy} has {_objective(choice, standing)}; {' and '.join(texts)}."
        )
    return lines


def _doubts(choice: Choice, comparison: Comparison) -> list[str]:
    """Say when not to trust the strategies that the verdict rests on."""
    names = [choice.leader.strategy] if choice.leader else []
    names += [choice.runner_up.standing.strategy] if choice.runner_up else []
    asked = {choice.objective.name, *(limit.key.name for limit in choice.requirements)}
    found: dict[str, list[str]] = {}
    for name in names:
        for doubt in comparison.diagnosis(name):
            # A measure that nobody asked for is no reason to doubt the answer.
            if "applies in fewer" not in doubt or doubt.partition(" ")[0] in asked:
                found.setdefault(doubt, []).append(name)
    return [f"Look out: {' and '.join(whom)}: {doubt}." for doubt, whom in found.items()]
