"""The worlds of many replications of one outcome, as arrays."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.effects import SERVED
from stratsim.model.quantities import Array, Distribution
from stratsim.model.release import Fault
from stratsim.model.scenario import Scenario

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]


class Draws:
    """Rows of some worlds that share an outcome.

    The keys are those of `stratsim.world.World`: both engines meet the same worlds.
    """

    def __init__(self, worlds: Worlds, rows: Rows, outcome: int) -> None:
        self.worlds, self.rows, self.outcome = worlds, rows, outcome
        self.scenario: Scenario = worlds.scenario
        self.size = max(self.scenario.service.instances, 1)
        self.specs: Sequence[Fault] = self.scenario.faults(outcome)

    def value(self, distribution: Distribution, *key: str | int) -> Array:
        """Return one draw per row, (rows,)."""
        return np.asarray(self.worlds.draw(distribution, *key, rows=self.rows))

    def values(self, distribution: Distribution, *key: str | int) -> Array:
        """Return one draw per row and instance, (rows, instances)."""
        return np.asarray(self.worlds.draw(distribution, *key, rows=self.rows, n=self.size))

    def chance(self, *key: str | int) -> Array:
        """Return one uniform per row, (rows,)."""
        return self.worlds.uniform(*key, rows=self.rows)

    def chances(self, *key: str | int, kept: bool = True) -> Array:
        """Return one uniform per row and instance, (rows, instances)."""
        return self.worlds.uniform(*key, rows=self.rows, n=self.size, kept=kept)

    def order(self, count: int | None = None) -> NDArray[np.int64]:
        """Return the order in which `count` things, or hosts, are taken, (rows, count)."""
        size = self.size if count is None else count
        if self.worlds.expected:
            return np.broadcast_to(np.arange(size), (len(self.rows), size))
        return np.argsort(self.worlds.uniform("order", rows=self.rows, n=size), axis=1)

    @property
    def healthy(self) -> NDArray[np.bool_]:
        """Which of the first hosts are healthy when the deployment begins, (instances,)."""
        healthy = np.ones(self.size, dtype=bool)
        for host in self.scenario.hosts:
            healthy[host.index] = host.healthy
        return healthy

    @property
    def revisions(self) -> NDArray[np.int64]:
        """Each first host's revision health: 0 unknown, 1 old, 2 current, (instances,)."""
        rank = np.full(self.size, 2)
        for host in self.scenario.hosts:
            rank[host.index] = ("unknown", "old", "current").index(host.revision)
        return rank

    def places_of(self, index: int) -> NDArray[np.bool_]:
        """Return which stand in the place of the first fleet's instance `index`."""
        return np.asarray(np.arange(self.size) == index)

    def zones(self) -> NDArray[np.int64]:
        """Return each place's zone, (instances,)."""
        return np.arange(self.size) % self.scenario.service.zones + 1

    def hits(self, number: int) -> Array:
        """Return how much fault `number` strikes each instance, (rows, instances)."""
        fault = self.specs[number]
        hit = np.ones((len(self.rows), self.size))
        if fault.instances < 1:
            if self.worlds.expected:
                hit *= fault.instances
            else:
                hit = (self.chances("hit", self.outcome, number) < fault.instances).astype(float)
        if fault.zones:
            hit = hit * np.isin(self.zones(), fault.zones)
        return hit

    def drawn(self, number: int, name: str, distribution: Distribution) -> Array:
        """Return a fault's drawn quantity, (rows,)."""
        return self.value(distribution, "fault", self.outcome, number, name)

    def struck(self, kind: str, event: str, again: int = 0) -> NDArray[np.bool_]:
        """Return on which instances the faults of a kind strike, (rows, instances).

        What replaces a failed instance meets the chance anew, `again`.
        """
        struck = np.zeros((len(self.rows), self.size), dtype=bool)
        for number, fault in enumerate(self.specs):
            if fault.kind == kind and fault.event == event:
                key: tuple[str | int, ...] = (f"{kind} fault", number, *(again,) * bool(again))
                chance = self.chances(*key)
                struck |= chance < fault.probability * self.hits(number)
        return struck

    @property
    def served(self) -> list[int]:
        """Numbers of the faults that requests can meet."""
        return [n for n, fault in enumerate(self.specs) if fault.kind in SERVED]


def draws_of(runs: "Runs", rows: Rows) -> Draws:
    """Return the draws of some rows of `runs`."""
    return Draws(runs.draws.worlds, runs.block_rows[rows], runs.draws.outcome)
