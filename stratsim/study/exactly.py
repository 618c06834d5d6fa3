"""A comparison by the exact engine: every way to end instead of drawn runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stratsim.errors import UnsupportedError
from stratsim.measures import MEASURES, Sample, events, refused
from stratsim.study.pools import shared_out

if TYPE_CHECKING:
    from stratsim.engine.exact import Solution
    from stratsim.engine.setup import Setup

Progress = Callable[[int, int], None]

QUANTILES = (
    "exact: a row is a way to end with its mean values, so quantiles, cvar95 and max are those "
    "of means; they lack the noise of the counts"
)
WORLDS = (
    "times and severities that are random were conditioned on {} worlds, whose differences "
    "the intervals show"
)


def solve_all(
    setups: Sequence[Setup], seed: int, workers: int = 1, progress: Progress | None = None
) -> tuple[tuple[Sample, ...], int, tuple[str, ...]]:
    """Return a sample of weighted atoms per strategy, the most worlds used, and notes.

    Raises
    ------
    UnsupportedError
        Naming what the exact engine does not know.
    """
    if lack := lacking(setups):
        raise UnsupportedError(lack)
    samples, most = [], 1
    for sample, worlds in shared_out(lambda setup: _solved(setup, seed), setups, workers):
        samples.append(sample)
        most = max(most, worlds)
        if progress is not None:
            progress(len(samples), len(setups))
    notes = (QUANTILES,) if most == 1 else (QUANTILES, f"exact: {WORLDS.format(most)}")
    return tuple(samples), most, notes


def _solved(setup: Setup, seed: int) -> tuple[Sample, int]:
    from stratsim.engine.exact import solve

    try:
        found = solve(setup, seed)
    except UnsupportedError as error:
        msg = f"{setup.plan.strategy}: {error}. Use --engine auto."
        raise UnsupportedError(msg) from None
    return exact_sample(setup, found), found.worlds


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
        world=solution.world if solution.worlds > 1 else None,
        measures={name: m.compute(solution.tally, setup.scenario) for name, m in MEASURES.items()},
        events=events(solution.tally, setup.scenario),
        refused=refused(solution.tally),
    )
