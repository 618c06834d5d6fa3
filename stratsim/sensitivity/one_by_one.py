"""One field at a time: how far each moves a measure, and the recommendation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from stratsim.comparison import key_of
from stratsim.measures import MEASURES
from stratsim.model.scenario import Scenario, check_scenario
from stratsim.sensitivity.studies import Asked, Progress, Studies, choose, leader, read_lists
from stratsim.sensitivity.swings import Swing, Tornado

if TYPE_CHECKING:
    from stratsim.recommendation.requirement import Require


def vary_one_by_one(  # noqa: PLR0913  (what a study can be asked)
    scenario: Scenario,
    parameters: Mapping[str, Iterable[object]],
    *,
    measure: str = "failed_requests",
    strategy: str | None = None,
    strategies: Sequence[str] | None = None,
    minimize: str = "failed_requests",
    require: Require = None,
    replications: int | None = None,
    seed: int | None = None,
    engine: str = "auto",
    workers: int | None = None,
    stratify: bool = False,
    progress: Progress | None = None,
) -> Tornado:
    """Return what each field by itself does to a measure and to the recommendation.

    Parameters
    ----------
    scenario
        The scenario as it is; it needs to come from `stratsim.load`.
    parameters
        Values by path, usually a low and a high one; all other fields stay as they are.
    measure
        A measure, ``measure.p95`` (p50, p95, p99, cvar95) or a probability.
    strategy
        Whose; the best one of the unchanged scenario where not given.
    strategies, minimize, require, replications, seed, engine, workers, stratify, progress
        As of `stratsim.sweep`.

    Raises
    ------
    InputError
        For a path or a value that cannot be, before anything is run.
    """
    check_scenario(scenario)
    values = read_lists(parameters)
    key = key_of(measure, MEASURES, where="measure")
    changes = [(path, value) for path, some in values.items() for value in some]
    changed = [scenario.with_values({path: value}) for path, value in changes]
    asked = Asked(
        minimize=minimize, require=require, replications=replications, seed=seed, engine=engine,
        workers=workers, stratify=stratify, strategies=strategies,
    )  # fmt: skip
    studies = Studies(scenario, asked)
    base = studies.recommend(scenario)
    whose = choose(scenario, strategy, leader(base))
    reference = base.comparison.sample(whose)
    swings = []
    for number, ((path, value), one) in enumerate(zip(changes, changed, strict=True), start=1):
        advice = studies.recommend(one)
        sample = advice.comparison.sample(whose)
        paired = (sample.exact and reference.exact) or np.array_equal(
            sample.weight, reference.weight
        )
        swings.append(
            Swing(
                path=path,
                value=value,
                estimate=key.estimate(sample),
                difference=key.difference(sample, reference).estimate if paired else None,
                leader=leader(advice),
                verdict=advice.verdict,
            )
        )
        if progress is not None:
            progress(number, len(changes))
    return Tornado(
        scenario=scenario.name,
        strategy=whose,
        key=key,
        base=key.estimate(reference),
        leader=leader(base),
        verdict=base.verdict,
        swings=tuple(swings),
        minimize=str(base.choice.objective),
        replications=base.comparison.replications,
        seed=base.comparison.seed,
        engine=base.comparison.engine,
        provenance=dict(base.comparison.provenance) | {"command": "tornado"},
    )
