"""Jobs: blocks of a study's runs, their parts, and how an engine does one.

How a study is cut depends on its scenario, replications and engine alone, never on
who does the work: results are the same on any number of workers, and a job that was
kept on disk is the job that another process would do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stratsim.engine.batch.worlds import BLOCKS, Worlds
from stratsim.engine.setup import Setup
from stratsim.engine.tally import Tally, tally
from stratsim.model.scenario import Scenario
from stratsim.study.cases import Cases
from stratsim.world import Block, block_size

CHUNK_RUNS = 128
"""Runs of the SimPy engine handed to a worker at once; results do not depend on it."""


@dataclass(frozen=True, slots=True)
class Job:
    """Some runs of one strategy in one block of worlds, and of one outcome if it is given."""

    strategy: int
    engine: str
    block: int
    outcome: int | None
    replications: Sequence[int]


class Blocks:
    """The worlds of one study; one block is kept, which bounds the memory.

    Threads may share it: each returns what it looked up or drew itself, not what
    another thread has put in its place meanwhile.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._block: Block | None = None
        self._worlds: Worlds | None = None

    def block(self, scenario: Scenario, index: int) -> Block:
        """Return the block number `index`, for the SimPy engine."""
        block = self._block
        if block is None or block.index != index:
            self._block = block = Block(scenario, self.seed, index)
        return block

    def worlds(self, scenario: Scenario, index: int) -> Worlds:
        """Return the batch number `index`, for the batch engine."""
        worlds = self._worlds
        if worlds is None or worlds.index != index:
            self._worlds = worlds = Worlds(scenario, self.seed, index)
        return worlds


def make_jobs(
    scenario: Scenario, engine: str, strategies: Sequence[int], cases: Sequence[Cases]
) -> Iterator[Job]:
    """Yield the jobs of a study, block by block over all strategies.

    The worlds so serve all strategies before the next are drawn. `strategies` are their
    numbers, in the order in which they are to be worked on.
    """
    each = block_size(scenario)
    for some in cases:
        for batch, together in _cut(some.replications, BLOCKS * each):
            for strategy in strategies:
                if engine == "batch":
                    yield Job(strategy, engine, batch, some.outcome, together)
                    continue
                for block, few in _cut(together, each):
                    yield Job(strategy, engine, block, some.outcome, few)


def _cut(replications: range, size: int) -> Iterator[tuple[int, range]]:
    """Yield the replications block by block, with the block's number."""
    for block in range(replications.start // size, -(-replications.stop // size)):
        start = max(replications.start, block * size)
        yield block, range(start, min(replications.stop, (block + 1) * size))


def parts_of(job: Job) -> Iterator[Job]:
    """Yield what of a job can be done by several workers, in order.

    The batch engine takes a block whole, as its draws depend on what is drawn together.
    """
    if job.engine == "batch":
        yield job
        return
    for at in range(0, len(job.replications), CHUNK_RUNS):
        yield replace(job, replications=job.replications[at : at + CHUNK_RUNS])


def work(setup: Setup, job: Job, blocks: Blocks) -> Tally:
    """Return the tally of a job or of a part of one."""
    if job.engine == "batch":
        from stratsim.engine.batch import simulate_many

        worlds = blocks.worlds(setup.scenario, job.block)
        rows = [replication % worlds.size for replication in job.replications]
        return simulate_many(setup, worlds, rows, job.outcome)
    from stratsim.engine.des import simulate_one

    block = blocks.block(setup.scenario, job.block)
    runs = [simulate_one(setup, block.row(r, job.outcome)) for r in job.replications]
    return tally(setup.plan, runs)
