"""Several blocks of worlds behind each other, so that arrays are long.

Work per replication is the smaller, the more replications go through one call;
the blocks themselves stay as they are for the SimPy engine.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stratsim.model.quantities import Array, Distribution, Fixed
from stratsim.model.scenario import Scenario
from stratsim.world import Block, block_size

BLOCKS = 4
"""Blocks that go together; a part of what decides a batch's draws."""


class Worlds:
    """`BLOCKS` blocks as one; the methods are those of `stratsim.world.Block`."""

    def __init__(self, scenario: Scenario, seed: int, index: int) -> None:
        self.scenario, self.index = scenario, index
        self.each = block_size(scenario)
        self.size = BLOCKS * self.each
        self._blocks = [Block(scenario, seed, BLOCKS * index + b) for b in range(BLOCKS)]
        self.streams, self.expected = self._blocks[0].streams, self._blocks[0].expected

    def uniform(
        self,
        *key: str | int,
        rows: NDArray[np.int64],
        n: int | None = None,
        kept: bool = True,
    ) -> Array:
        """Return uniforms of some rows, (rows,) or (rows, n)."""
        return self._each(rows, lambda block, here: block.uniform(*key, n=n, kept=kept)[here])

    def draw(
        self,
        distribution: Distribution,
        *key: str | int,
        rows: NDArray[np.int64],
        n: int | None = None,
    ) -> Array:
        """Return draws of a distribution of some rows, (rows,) or (rows, n)."""
        return self._each(rows, lambda block, here: block.draw(distribution, *key, n=n)[here])

    def phase_s(self, rows: NDArray[np.int64]) -> Array:
        """Return where in the minute some deployments start [s]."""
        return self._each(rows, lambda block, here: block.phase_s[here])

    def offset_s(self, alarm: int, rows: NDArray[np.int64]) -> Array:
        """Return where in the minute alarm number `alarm` is evaluated [s]."""
        return self._each(rows, lambda block, here: block.offset_s(alarm)[here])

    def unread_poll(self, chance: float, rows: NDArray[np.int64]) -> Array:
        """Return the numbers of the first polls at which alarms cannot be read."""
        return self._each(rows, lambda block, here: block.unread_poll(chance)[here])

    def outcome(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the outcomes of some rows."""
        found = self._each(rows, lambda block, here: block.outcome[here])
        return found.astype(np.int64)

    def traffic_factors(self, minute: int, rows: NDArray[np.int64]) -> Array | float:
        """Return the gamma factors of one minute of some rows."""
        if self.scenario.traffic.dispersion <= 1 or self.expected:
            return 1.0
        return self._each(rows, lambda block, here: block.traffic_factors(minute, here))

    def delays_s(self, minute: int, rows: NDArray[np.int64]) -> Array | float:
        """Return the publication delays of one minute of some rows [s]."""
        delay = self.scenario.metrics.delay
        if self.expected or isinstance(delay, Fixed):
            return delay.mean
        return self._each(rows, lambda block, here: block.delays_s(minute, here))

    def _each(
        self,
        rows: NDArray[np.int64],
        values: Callable[[Block, NDArray[np.int64]], Array | float],
    ) -> Array:
        """Return the values of `rows`, which are in order, block by block."""
        cuts = np.searchsorted(rows, self.each * np.arange(BLOCKS + 1))
        parts = []
        for number, block in enumerate(self._blocks):
            here = rows[cuts[number] : cuts[number + 1]] - number * self.each
            if len(here):
                part = np.asarray(values(block, here))
                parts.append(np.broadcast_to(part, (len(here), *part.shape[1:])))
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.asarray(values(self._blocks[0], rows))
