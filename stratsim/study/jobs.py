"""Jobs: chunks of a study's runs, and how an engine does one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from stratsim.engine import des
from stratsim.engine.batch.worlds import BLOCKS, Worlds
from stratsim.engine.setup import Setup
from stratsim.engine.tally import Tally, tally
from stratsim.model.scenario import Scenario
from stratsim.study.cases import Case
from stratsim.world import Block, block_size

CHUNK_RUNS = 128
"""Runs of the SimPy engine handed to a worker at once; results do not depend on it."""


@dataclass(frozen=True, slots=True)
class Job:
    """Some runs of one strategy: all of one block of worlds."""

    strategy: int
    engine: str
    block: int
    cases: tuple[Case, ...]


class Blocks:
    """The worlds of one study; one block is kept for each engine, which bounds the memory."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._block: Block | None = None
        self._worlds: Worlds | None = None

    def block(self, scenario: Scenario, index: int) -> Block:
        """Return the block number `index`, for the SimPy engine."""
        if self._block is None or self._block.index != index:
            self._block = Block(scenario, self.seed, index)
        return self._block

    def worlds(self, scenario: Scenario, index: int) -> Worlds:
        """Return the batch number `index`, for the batch engine."""
        if self._worlds is None or self._worlds.index != index:
            self._worlds = Worlds(scenario, self.seed, index)
        return self._worlds


def make_jobs(scenario: Scenario, engines: Sequence[str], cases: Sequence[Case]) -> Iterator[Job]:
    """Yield the jobs of a study, block by block over all strategies.

    The worlds so serve all strategies before the next are drawn. The batch engine
    takes a batch whole, as its draws depend on what is drawn together.
    """
    each = block_size(scenario)
    for (batch, _), group in groupby(
        cases, lambda c: (c.replication // (BLOCKS * each), c.outcome)
    ):
        together = tuple(group)
        for strategy, engine in enumerate(engines):
            if engine == "batch":
                yield Job(strategy, engine, batch, together)
                continue
            for block, some in groupby(together, lambda c: c.replication // each):
                few = tuple(some)
                for at in range(0, len(few), CHUNK_RUNS):
                    yield Job(strategy, engine, block, few[at : at + CHUNK_RUNS])


def work(setup: Setup, job: Job, blocks: Blocks) -> Tally:
    """Return the tally of one job."""
    if job.engine == "batch":
        from stratsim.engine.batch import simulate_many

        worlds = blocks.worlds(setup.scenario, job.block)
        rows = [case.replication % worlds.size for case in job.cases]
        return simulate_many(setup, worlds, rows, job.cases[0].outcome)
    block = blocks.block(setup.scenario, job.block)
    runs = [
        des.simulate_one(setup, block.row(case.replication, case.outcome)) for case in job.cases
    ]
    return tally(setup.plan, runs)
