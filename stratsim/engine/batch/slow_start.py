"""Slow start of the load balancer in many runs; see `stratsim.engine.warming`.

An instance that has just joined others pulls less than its share of the traffic.
"""

from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.faults import areas
from stratsim.engine.batch.state import Index, Rows
from stratsim.engine.clock import us
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs


def starts_slowly(scenario: Scenario) -> bool:
    """Whether a target's share of the traffic ramps up."""
    return scenario.service.slow_start > 0 and scenario.platform != "lambda"


class SlowStart:
    """The pull of instances by their age, where traffic is split evenly over them.

    ``rejoined`` (rows, hosts) is when instances of the old revision have come back,
    where they are not known one by one; the others have been there long since.
    """

    def __init__(self, runs: "Runs") -> None:
        self.runs, self.ramp_us = runs, us(runs.scenario.service.slow_start)
        self.rejoined = np.full((len(runs.draws.rows), runs.draws.size), NEVER)

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.rejoined = self.rejoined[keep]

    def share(
        self, at: Rows, begin: Times, end: Times, usual: Array, started: tuple[Times, Flags]
    ) -> Array:
        """Return the new revision's mean share of the traffic over [begin, end).

        `usual` is its share of the instances in service; `started` says when each of
        its instances has joined, and which serve.
        """
        new, settled = self._pull(begin, end, *started)
        joined, serving = self._old(at, begin)
        old, more = self._pull(begin, end, joined, serving)
        rest = self.runs.state.old[at] - serving.sum(axis=1)
        settled |= more | (rest > 0)
        total = old + rest + new
        ramps = settled & started[1].any(axis=1) & (total > 0)
        return np.where(ramps, new / np.where(ramps, total, 1.0), usual)

    def _old(self, at: Rows, begin: Times) -> tuple[Times, Flags]:
        living = self.runs.living
        units = self.runs.plan_.units if living is None else living.units
        if units is None:
            joined = self.rejoined[at]
            return joined, joined <= begin[:, None]
        joined = units.joined[at]
        serving = (joined <= begin[:, None]) & (units.out[at] > begin[:, None])
        return joined, serving & ~units.new[at]

    def _pull(self, begin: Times, end: Times, joined: Times, serving: Flags) -> tuple[Array, Flags]:
        """Return how many settled instances they are worth, and whether one has settled."""
        # one that is not there would make its age overflow
        since = np.where(serving, joined, end[:, None])
        done = serving & (since <= (begin - self.ramp_us)[:, None])
        ramp = np.full(len(begin), self.ramp_us)
        level = areas(begin, end, since, ramp) / (end - begin)[:, None]
        pull = np.where(done, 1.0, np.where(serving, level, 0.0)).sum(axis=1)
        return pull, np.asarray(done.any(axis=1))


def rejoin(runs: "Runs", rows: Index, at: Times, which: Flags) -> None:
    """Note when instances of the old revision, `at` (rows, hosts), come back; of `which` hosts."""
    slow = runs.serving.slow_start
    if slow is not None:
        width = at.shape[1]
        known = slow.rejoined[rows]
        known[:, :width] = np.where(which, at, known[:, :width])
        slow.rejoined[rows] = known
