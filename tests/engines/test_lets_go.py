"""The array engine keeps nothing of a block whose runs are over."""

import gc
from pathlib import Path

import stratsim
from stratsim.engine.batch.state import State

SCENARIO = Path(__file__).parents[2] / "scenarios" / "lambda-canary-any-error-1of1.yaml"


def test_arrays_go_with_their_block_and_not_with_the_collector() -> None:
    scenario = stratsim.load(SCENARIO)
    gc.collect()
    gc.disable()
    try:
        stratsim.compare(scenario, replications=50, engine="batch", workers=1)
        kept = [one for one in gc.get_objects() if isinstance(one, State)]
    finally:
        gc.enable()

    assert kept == []
