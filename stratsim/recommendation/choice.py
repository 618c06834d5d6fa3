"""The decision: limits first, then the objective; "cannot tell" is an answer."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from stratsim.comparison import Comparison, Key, key_of
from stratsim.errors import InputError, Problem, shorten
from stratsim.intervals import Difference, Estimate
from stratsim.measures.sample import REFUSED, Sample
from stratsim.recommendation.requirement import Finding, Requirement

Verdict = Literal["recommended", "none meets", "cannot tell"]
Kind = Literal["strategy", "design", "finalist", "candidate"]

INDIFFERENCE = 0.01
"""A strategy that may be better by at most this share of the objective counts as equal:
being wrong about it costs less than the runs that would settle it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One strategy: its objective and what the runs say about each requirement.

    ``refused`` is the share of its deployments that were over at their creation.
    """

    strategy: str
    objective: Estimate
    duration_s: float
    findings: tuple[Finding, ...]
    refused: float = 0.0

    @property
    def deploys(self) -> bool:
        """Whether its deployments begin, as a rule."""
        return self.refused <= REFUSED

    @property
    def met(self) -> bool | None:
        """True if it deploys and meets every requirement, False if it fails any, else None."""
        if not self.deploys:
            return False
        answers = {finding.met for finding in self.findings}
        return False if False in answers else None if None in answers else True

    @property
    def ranked(self) -> bool:
        """Whether the objective has a value."""
        return not math.isnan(self.objective.value)

    @property
    def order(self) -> tuple[float, float, str]:
        """Less is better: the objective, then the duration, then the name."""
        return (self.objective.value, self.duration_s, self.strategy)

    def failing(self) -> list[Finding]:
        """Return the findings that stand in the way."""
        return [finding for finding in self.findings if finding.met is not True]


@dataclass(frozen=True, slots=True)
class Rival:
    """Another strategy against the leader: the paired difference, rival less leader."""

    standing: Standing
    difference: Difference
    exact: bool = False

    @property
    def regret(self) -> float:
        """How much better than the leader the rival may be, at the interval's end."""
        estimate = self.difference.estimate
        return -(estimate.value if self.exact else estimate.low)

    def may_win(self, scale: float) -> bool:
        """Return whether the runs leave open that the rival is noticeably better."""
        if self.difference.identical or self.regret < 0:
            return False
        return math.isnan(self.regret) or self.regret > INDIFFERENCE * abs(scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The verdict with all that it rests on.

    ``leader`` is the best by the objective among those that surely meet every
    requirement; ``rivals`` are the others that meet, or may meet, them, best
    first; ``open`` those of them that the runs cannot put behind the leader.
    ``kind`` is what was chosen among: strategies, the designs of a search that were run
    to the end, the finalists: those of them that were run again, or the candidates of a
    search that was interrupted.
    """

    verdict: Verdict
    objective: Key
    requirements: tuple[Requirement, ...]
    standings: tuple[Standing, ...]
    leader: Standing | None = None
    rivals: tuple[Rival, ...] = ()
    open: tuple[Rival, ...] = field(default=())
    kind: Kind = "strategy"

    @property
    def strategy(self) -> str | None:
        """The recommended strategy, if there is one."""
        found = self.verdict == "recommended" and self.leader is not None
        return self.leader.strategy if found and self.leader else None

    @property
    def runner_up(self) -> Rival | None:
        """The best of the others that surely meet every requirement."""
        meeting = [rival for rival in self.rivals if rival.standing.met]
        return meeting[0] if meeting else None


def read_objective(text: str, measures: Iterable[str]) -> Key:
    """Return the key to minimize; raises `InputError` for one that cannot be."""
    key = key_of(text, measures, where="minimize")
    if key.statistic == "max":
        rule = "a statistic with an interval: mean, p50, p95, p99 or cvar95"
        raise InputError([Problem("minimize", rule, shorten(text))])
    if key.higher_is_better:
        hint = f"Of {key.name} more is better: set it as a limit, {key.name}>=VALUE."
        rule = "a measure of which less is better"
        raise InputError([Problem("minimize", rule, shorten(text), hint)])
    return key


def decide(
    comparison: Comparison,
    objective: Key,
    requirements: Sequence[Requirement],
    kind: Kind = "strategy",
) -> Choice:
    """Return the choice among the comparison's strategies, or designs.

    Recommended is the strategy with the lowest objective among those that surely
    meet every requirement, unless another one that meets, or may meet, them all may
    be better by more than `INDIFFERENCE`: then the runs cannot tell. Strategies
    that are equal in every run are a tie, which goes to the shorter deployment and
    then to the first name. One whose deployments are over at their creation, as a
    rule, is out: by the measures doing nothing would be best.
    """
    standings = tuple(standing(sample, objective, requirements) for sample in comparison.samples)
    possible = [one for one in standings if one.met is not False]
    meeting = sorted((s for s in possible if s.met and s.ranked), key=lambda s: s.order)
    leader = meeting[0] if meeting else None
    rivals = _rivals(comparison, objective, leader, possible) if leader else ()
    scale = leader.objective.value if leader else 0.0
    still_open = tuple(rival for rival in rivals if rival.may_win(scale))
    verdict: Verdict = "recommended"
    if not possible:
        verdict = "none meets"
    elif leader is None or still_open:
        verdict = "cannot tell"
    return Choice(
        verdict=verdict,
        objective=objective,
        requirements=tuple(requirements),
        standings=standings,
        leader=leader,
        rivals=rivals,
        open=still_open,
        kind=kind,
    )


def standing(sample: Sample, objective: Key, requirements: Sequence[Requirement]) -> Standing:
    """Return how the strategy that `sample` holds the runs of stands."""
    duration = math.nan
    if "deployment_duration_s" in sample.measures:
        duration = Key("deployment_duration_s").estimate(sample).value
    return Standing(
        sample.strategy,
        objective.estimate(sample),
        math.inf if math.isnan(duration) else duration,
        tuple(requirement.judge(sample) for requirement in requirements),
        sample.refused_share,
    )


def _rivals(
    comparison: Comparison, objective: Key, leader: Standing, possible: Sequence[Standing]
) -> tuple[Rival, ...]:
    """Return all others that have an objective; without one, none is comparable."""
    base = comparison.sample(leader.strategy)
    return tuple(
        Rival(
            one,
            objective.difference(comparison.sample(one.strategy), base),
            base.certain,
        )
        for one in sorted(possible, key=lambda s: s.order)
        if one is not leader and one.ranked
    )
