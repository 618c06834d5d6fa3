"""The batch engine against the SimPy engine: one contract, two engines."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import stratsim
from stratsim.engine.batch import simulate_many
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.des import simulate_one
from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally, tally
from stratsim.model.scenario import Scenario
from stratsim.scenario_io.bundled import bundled_names
from stratsim.strategies import build_plan
from stratsim.world import Block

COLUMNS = [name for name in Tally.__dataclass_fields__ if name not in ("plan", "outcome")]
RUNS = int(os.environ.get("STRATSIM_AGREEMENT_RUNS", "300"))
"""Runs of each engine; 2,000 take some minutes."""
FALSE_FAILURE = 1e-3
"""Probability that `test_noisy_runs_have_the_same_distribution` fails of two equal engines."""


def _cases() -> list[tuple[str, str]]:
    return [
        (name, spec.name) for name in bundled_names() for spec in stratsim.load(name).strategies
    ]


CASES = _cases()


def _setup(scenario: Scenario, strategy: str) -> Setup:
    return prepare(scenario, build_plan(scenario, strategy))


@pytest.mark.parametrize(("name", "strategy"), CASES)
def test_without_noise_every_measure_is_equal(name: str, strategy: str) -> None:
    scenario = replace(stratsim.load(name), noise="expected")
    setup = _setup(scenario, strategy)
    block = Block(scenario, 7, 0)
    rows = range(3)  # chances keep their draws
    for outcome in range(len(scenario.release.outcomes)):
        one = tally(setup.plan, [simulate_one(setup, block.row(r, outcome)) for r in rows])
        many = simulate_many(setup, Worlds(scenario, 7, 0), rows, outcome)
        for column in COLUMNS:
            expected = np.asarray(getattr(one, column), dtype=float)
            got = np.asarray(getattr(many, column), dtype=float)
            assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), column


@pytest.mark.slow
@pytest.mark.parametrize(("name", "strategy"), CASES)
def test_noisy_runs_have_the_same_distribution(
    name: str, strategy: str, hold_to_one_law: Any
) -> None:
    """Two-sample tests on every column, Bonferroni over all cases and columns.

    The worlds are different ones, so that the samples are independent.
    """
    scenario = stratsim.load(name)
    setup = _setup(scenario, strategy)
    mine, other = Block(scenario, 7, 0), Worlds(scenario, 1234, 0)
    one = tally(setup.plan, [simulate_one(setup, mine.row(r)) for r in range(RUNS)])
    many = simulate_many(setup, other, range(RUNS))
    level = FALSE_FAILURE / (2 * len(CASES) * len(COLUMNS))
    hold_to_one_law(one, many, COLUMNS, level)
