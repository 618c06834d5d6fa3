"""A comparison by the exact engine: every way to end instead of drawn runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from stratsim.errors import UnsupportedError
from stratsim.measures import MEASURES, Sample, events

if TYPE_CHECKING:
    from stratsim.engine.exact import Solution
    from stratsim.engine.setup import Setup

Progress = Callable[[int, int], None]

QUANTILES = (
    "exact: a row is a way to end with its mean values, so quantiles, cvar95 and max are those "
    "of means; they lack the noise of the counts"
)


def solve_all(
    setups: Sequence[Setup], seed: int, progress: Progress | None = None
) -> tuple[tuple[Sample, ...], int, tuple[str, ...]]:
    """Return a sample of weighted atoms per strategy, the most worlds used, and notes.

    Raises
    ------
    UnsupportedError
        Naming what the exact engine does not know.
    """
    from stratsim.engine.exact import solve

    if lack := lacking(setups):
        raise UnsupportedError(lack)
    samples, notes, most = [], [QUANTILES], 1
    for done, setup in enumerate(setups, start=1):
        try:
            found = solve(setup, seed)
        except UnsupportedError as error:
            msg = f"{setup.plan.strategy}: {error}. Use --engine auto."
            raise UnsupportedError(msg) from None
        samples.append(exact_sample(setup, found))
        most = max(most, found.worlds)
        if found.worlds > 1:
            notes.append(_note(samples[-1], found))
        if progress is not None:
            progress(done, len(setups))
    return tuple(samples), most, tuple(notes)


def lacking(setups: Sequence[Setup]) -> str:
    """Return what the exact engine does not know of some strategies; empty: nothing."""
    from stratsim.engine.exact import unsupported

    lacks = [(setup.plan.strategy, unsupported(setup)) for setup in setups]
    named = [
        f"{name}: the exact engine does not know {', '.join(lack)}" for name, lack in lacks if lack
    ]
    return "; ".join(named) + ". Use --engine auto." if named else ""


def exact_sample(setup: Setup, solution: Solution) -> Sample:
    """Return a solution as a sample: a row per atom, weighted by its probability."""
    return Sample(
        strategy=setup.plan.strategy,
        outcome=solution.tally.outcome,
        weight=solution.weight,
        exact=True,
        measures={name: m.compute(solution.tally, setup.scenario) for name, m in MEASURES.items()},
        events=events(solution.tally, setup.scenario),
    )


def _note(sample: Sample, solution: Solution) -> str:
    failed = sample.measures["failed_requests"]
    error = world_error(failed, solution)
    return (
        f"{sample.strategy}: times and severities that are random were conditioned on "
        f"{solution.worlds} worlds; failed_requests is known to about +-{2 * error:.2g} "
        "(two standard errors), which no interval shows"
    )


def world_error(values: np.ndarray[tuple[int], np.dtype[np.float64]], solution: Solution) -> float:
    """Return the standard error of a mean over the worlds that were conditioned on.

    Phases are spread evenly over the minute, so it is rather too large.
    """
    there = np.isfinite(values) & (solution.weight > 0)
    if solution.worlds < 2 or not there.any():
        return 0.0
    weight, world = solution.weight[there], solution.world[there]
    mean = float(np.average(values[there], weights=weight))
    count = solution.worlds
    drawn = np.bincount(world, minlength=count) > 0
    parts = np.bincount(world, weight * (values[there] - mean), minlength=count)
    own = count * parts[drawn] / weight.sum()
    return float(own.std(ddof=1) / np.sqrt(drawn.sum())) if drawn.sum() > 1 else 0.0
