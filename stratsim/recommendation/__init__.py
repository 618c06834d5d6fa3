"""Advice: limits first, then the objective, and "cannot tell" where runs cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from stratsim.errors import InputError, Problem, shorten
from stratsim.recommendation.choice import Choice, decide, read_objective
from stratsim.recommendation.requirement import Finding, Require, Requirement, read_requirements
from stratsim.recommendation.result import Recommendation

if TYPE_CHECKING:
    from stratsim.comparison import Comparison, Key
    from stratsim.model.scenario import Scenario

__all__ = [
    "Choice",
    "Finding",
    "Recommendation",
    "Requirement",
    "read_advice",
    "recommend_from",
]


def recommend_from(
    comparison: Comparison,
    *,
    minimize: str = "failed_requests",
    require: Require = None,
    scenario: Scenario | None = None,
) -> Recommendation:
    """Return the advice that the runs of a comparison support.

    Parameters
    ----------
    comparison
        The strategies' runs.
    minimize
        A measure, ``measure.p95`` (p50, p95, p99, cvar95) or a probability.
    require
        Limits: ``{"missed": 0.02}``, where a value is an upper limit (a lower one
        where higher is better), or texts such as ``"failed_requests.p95<=5000"``.
    scenario
        Needed for the recommendation's ``alarms`` and ``export`` only.

    Raises
    ------
    InputError
        An unknown key or a value that is no limit.
    """
    objective, requirements = read_advice(minimize, require, comparison.samples[0].measures)
    return Recommendation(decide(comparison, objective, requirements), comparison, scenario)


def read_advice(
    minimize: str, require: Require, measures: Iterable[str]
) -> tuple[Key, tuple[Requirement, ...]]:
    """Return objective and requirements; all problems of both at once."""
    names = list(measures)
    if not isinstance(require, str | Mapping | Iterable | None):
        raise InputError([Problem("require", "limits by key, or texts", shorten(require))])
    if not isinstance(require, str | Mapping | None):
        require = list(require)
    try:
        objective = read_objective(minimize, names)
    except InputError as error:
        problems = list(error.problems)
        try:
            read_requirements(require, names)
        except InputError as more:
            problems += more.problems
        raise InputError(problems) from None
    return objective, read_requirements(require, names)
