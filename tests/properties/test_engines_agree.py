"""Whatever lawful scenario is run: both engines tell the same, where both know it.

Bundled scenarios are held to each other in `tests/engines`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

import stratsim
from stratsim.engine.batch import simulate_many, unsupported
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.des import simulate_one
from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally, tally
from stratsim.strategies import build_plan
from stratsim.world import Block

Lawful = Callable[..., SearchStrategy[dict[str, Any]]]

COLUMNS = [name for name in Tally.__dataclass_fields__ if name not in ("plan", "outcome")]
ROWS = range(2)
"""Replications of each outcome: chances keep their draws where noise is off."""


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_without_noise_every_measure_is_equal(lawful: Lawful, data: DataObject) -> None:
    scenario = replace(stratsim.load(data.draw(lawful())), noise="expected")

    for spec in scenario.strategies:
        setup = prepare(scenario, build_plan(scenario, spec.name))
        if not unsupported(setup):
            for outcome in range(len(scenario.release.outcomes)):
                _check(setup, outcome)


def _check(setup: Setup, outcome: int) -> None:
    block = Block(setup.scenario, 7, 0)
    one = tally(setup.plan, [simulate_one(setup, block.row(row, outcome)) for row in ROWS])
    many = simulate_many(setup, Worlds(setup.scenario, 7, 0), ROWS, outcome)
    for column in COLUMNS:
        expected = np.asarray(getattr(one, column), dtype=float)
        got = np.asarray(getattr(many, column), dtype=float)
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), column
