"""Inverse design: the best way to deploy, with its alarm, among all that AWS allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratsim.errors import InputError, Problem
from stratsim.measures import MEASURES
from stratsim.model.scenario import Scenario, check_scenario
from stratsim.recommendation import Recommendation, read_advice, recommend_from
from stratsim.study import compare_strategies

if TYPE_CHECKING:
    from collections.abc import Callable

    from stratsim.recommendation.requirement import Require

__all__ = ["recommend_design"]


def recommend_design(  # noqa: PLR0913  (what can be asked of advice)
    scenario: Scenario,
    *,
    minimize: str = "failed_requests",
    require: Require = None,
    replications: int | None = None,
    seed: int | None = None,
    engine: str = "auto",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    search: bool = False,
) -> Recommendation:
    """Return the advice on how to deploy: among the scenario's strategies, or a new design.

    Parameters
    ----------
    scenario
        The service, its release, its alarms and its strategies.
    minimize
        A measure, ``measure.p95`` (p50, p95, p99, cvar95) or a probability.
    require
        Limits: ``{"missed": 0.02}``, where a value is an upper limit (a lower one
        where higher is better), or texts such as ``"failed_requests.p95<=5000"``.
    replications, seed
        The scenario's own where not given; a search runs its last designs
        at least 4,000 times unless told otherwise.
    engine
        Of the comparison; a search runs on the batch engine.
    workers
        How many share the runs; see `stratsim.compare`.
    progress
        Called with what is done and what there is to do.
    search
        Look for the best of new designs instead: canary and linear shifts or minimum
        healthy hosts, termination waits, and an alarm's metric, threshold, period,
        M of N and treatment of missing data. Where no limit on ``false_rollback`` is
        given, 1 % is taken: else the best design would let nothing through.

    Returns
    -------
    Recommendation
        With ``strategy``, ``alarms``, ``explain()`` and ``export()``; of a search a
        `SearchedDesign`, which also knows what was tried.

    Raises
    ------
    InputError
        An unknown key, or a value that is no limit.
    UnsupportedError
        A search in a scenario with something that the batch engine does not know.
    """
    check_scenario(scenario)
    if not search:
        read_advice(minimize, require, MEASURES)  # before the work, not after it
        comparison = compare_strategies(
            scenario, replications, seed, engine, workers, progress=progress
        )
        return recommend_from(comparison, minimize=minimize, require=require, scenario=scenario)
    from stratsim.search.searching import search_designs

    if engine not in ("auto", "batch"):
        rule = "auto or batch in a search, which runs thousands of deployments at once"
        raise InputError([Problem("engine", rule, repr(engine))])
    return search_designs(scenario, minimize, require, replications, seed, workers, progress)
