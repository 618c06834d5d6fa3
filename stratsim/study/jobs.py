"""Jobs: chunks of a study's runs, and how an engine does one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from stratsim.engine import des
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
    """The blocks of worlds of one study; one is kept, which bounds the memory."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._kept: tuple[int, Block] | None = None

    def get(self, scenario: Scenario, index: int) -> Block:
        """Return the block number `index`."""
        if self._kept is None or self._kept[0] != index:
            self._kept = (index, Block(scenario, self.seed, index))
        return self._kept[1]


def make_jobs(
    scenario: Scenario, engines: Sequence[str], cases: Sequence[Case]
) -> Iterator[Job]:
    """Yield the jobs of a study, block by block over all strategies.

    A block of worlds so serves all strategies before the next is drawn. The batch
    engine takes a block whole, as its draws depend on what is drawn together.
    """
    size = block_size(scenario)
    for (block, _), group in groupby(cases, lambda c: (c.replication // size, c.outcome)):
        together = tuple(group)
        for strategy, engine in enumerate(engines):
            step = len(together) if engine == "batch" else CHUNK_RUNS
            for at in range(0, len(together), step):
                yield Job(strategy, engine, block, together[at : at + step])


def work(setup: Setup, job: Job, blocks: Blocks) -> Tally:
    """Return the tally of one job."""
    block = blocks.get(setup.scenario, job.block)
    if job.engine == "batch":
        from stratsim.engine.batch import simulate_many

        rows = [case.replication % block.size for case in job.cases]
        return simulate_many(setup, block, rows, job.cases[0].outcome)
    runs = [
        des.simulate_one(setup, block.row(case.replication, case.outcome)) for case in job.cases
    ]
    return tally(setup.plan, runs)
