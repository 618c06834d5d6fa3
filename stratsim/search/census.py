"""How often designs stop a good release: a share per shape and alarm, with its limits."""

import numpy as np

from stratsim.model.quantities import Array
from stratsim.search.bounds import wilson_limits
from stratsim.search.together import Index

MARGIN = 1.0
"""Standard normal quantile of the margin with which designs are ranked."""


class Census:
    """Shares of false stops over fault-free outcomes, (shapes, alarms) each.

    ``low`` they surely exceed, up to the probability that the quantile ``z`` leaves;
    ``cautious`` adds a small margin to what was seen.
    """

    def __init__(self, shape: tuple[int, ...], z: float) -> None:
        self.z = z
        self.low = np.zeros(shape, dtype=np.float32)
        self.cautious = np.zeros(shape, dtype=np.float32)

    def add(self, shape: int, alarms: Index, share: Array, worlds: int, chance: float) -> None:
        """Add the share of worlds of one outcome in which alarms stop a deployment."""
        self.low[shape, alarms] += chance * wilson_limits(share, worlds, self.z)[0]
        self.cautious[shape, alarms] += chance * wilson_limits(share, worlds, MARGIN)[1]
