"""Sweeps: every combination of some fields' values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from stratsim.errors import InputError, Problem
from stratsim.model.scenario import Scenario, check_scenario
from stratsim.provenance import provenance
from stratsim.sensitivity.studies import (
    Asked,
    Progress,
    Studies,
    leader,
    read_keys,
    read_lists,
)
from stratsim.sensitivity.swept import Combination, Sweep

if TYPE_CHECKING:
    from stratsim.recommendation.requirement import Require

MOST = 10_000
"""Combinations of one sweep."""


def sweep_scenario(  # noqa: PLR0913  (what a study can be asked)
    scenario: Scenario,
    parameters: Mapping[str, Iterable[object]],
    *,
    measures: Iterable[str] | str | None = None,
    strategies: Sequence[str] | None = None,
    minimize: str = "failed_requests",
    require: Require = None,
    replications: int | None = None,
    seed: int | None = None,
    engine: str = "auto",
    workers: int | None = None,
    stratify: bool = False,
    progress: Progress | None = None,
) -> Sweep:
    """Return the comparison of the strategies for every combination of values.

    All combinations meet the same worlds (common random numbers), and a strategy
    that a combination leaves as it was is not run again.

    Parameters
    ----------
    scenario
        The scenario; it needs to come from `stratsim.load`.
    parameters
        Values by path, such as ``{"alarms.0.Threshold": [20, 50, 100]}``;
        `Scenario.with_values` says what a path is.
    measures
        What to tell: measures, ``measure.statistic`` or probabilities; the means of
        all where not given.
    strategies
        Names to compare; all of the scenario's where not given.
    minimize, require
        What the recommendation of each combination goes by.
    replications, seed, engine, workers, stratify
        As of `stratsim.compare`, for each combination.
    progress
        Called with combinations done and combinations in all.

    Raises
    ------
    InputError
        For a path, a value or a combination of values that cannot be, with the
        nearest known key, before anything is run.
    """
    check_scenario(scenario)
    values = read_lists(parameters)
    keys = read_keys(measures)
    count = prod(len(some) for some in values.values())
    if count > MOST:
        rule = f"at most {MOST:,} combinations"
        raise InputError([Problem("parameters", rule, f"{count:,}")])
    combinations = list(product(*values.values()))
    changed = [scenario.with_values(dict(zip(values, c, strict=True))) for c in combinations]
    asked = Asked(
        minimize=minimize, require=require, replications=replications, seed=seed, engine=engine,
        workers=workers, stratify=stratify, strategies=strategies,
    )  # fmt: skip
    studies = Studies(scenario, asked)
    found, warnings = [], dict[str, None]()
    for number, (combination, one) in enumerate(zip(combinations, changed, strict=True), start=1):
        advice = studies.recommend(one)
        warnings |= dict.fromkeys(advice.comparison.warnings)
        estimates = {
            (sample.strategy, key): key.estimate(sample)
            for sample in advice.comparison.samples
            for key in keys
        }
        found.append(
            Combination(
                *(combination, estimates, leader(advice), advice.strategy, advice.verdict),
                advice.comparison.replications,
            )
        )
        if progress is not None:
            progress(number, len(combinations))
    study = advice.comparison
    return Sweep(
        scenario=scenario.name,
        parameters=values,
        keys=tuple(keys),
        combinations=tuple(found),
        minimize=str(advice.choice.objective),
        replications=study.replications,
        seed=study.seed,
        engine=study.engine,
        provenance=provenance(
            scenario, engine=study.engine, replications=study.replications, seed=study.seed,
            command="sweep",
        ),
        warnings=tuple(warnings),
    )  # fmt: skip
