"""What makes a study the same one: the same identity, the same numbers."""

from collections.abc import Sequence

from stratsim.engine.batch.worlds import BLOCKS
from stratsim.engine.setup import Setup
from stratsim.provenance import scenario_hash, versions
from stratsim.world import block_size


def identity(
    setups: Sequence[Setup],
    engine: str,
    seed: int,
    replications: int,
    *,
    stratify: bool,
) -> dict[str, object]:
    """Return what a study's numbers depend on; workers and executors are no part of it."""
    scenario = setups[0].scenario
    return {
        "scenario_hash": scenario_hash(scenario)[:16],  # people read it
        "strategies": [setup.plan.strategy for setup in setups],
        "seed": seed,
        "engine": engine,
        "replications": replications,
        "stratify": stratify,
        "runs_per_block": block_size(scenario),
        "blocks_per_batch": BLOCKS,
        "versions": deciding_versions(),
    }


def deciding_versions() -> dict[str, str | None]:
    """Return the versions on which numbers depend."""
    return {name: version for name, version in versions().items() if name != "python"}
