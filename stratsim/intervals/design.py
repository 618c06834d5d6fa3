"""How runs were drawn, and what an estimate is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.model.quantities import Array

LEVEL = 0.95
"""Confidence level of every interval."""
Z = 1.959963984540054
"""Standard normal quantile of (1 + LEVEL) / 2."""
NAN = float("nan")
ROUNDING = 1e-9
"""Cumulative weights are sums of floats; so small a difference is not a step."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its standard error and its interval; `count` runs carry it."""

    value: float = NAN
    low: float = NAN
    high: float = NAN
    error: float = NAN
    count: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """How runs were drawn; arrays of shape (runs,).

    ``weight`` sums to 1 over the runs. ``stratum`` numbers the groups within which
    runs were drawn alike: all zero for a simple random sample. ``exact`` says that
    the runs are all that can happen, so that nothing has a sampling error. Where
    ``world`` numbers worlds that were drawn, all rows of one were drawn together.
    """

    weight: Array
    stratum: NDArray[np.int64]
    exact: bool = False
    world: NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        weight: Array,
        outcome: NDArray[np.int64],
        *,
        exact: bool,
        world: NDArray[np.int64] | None = None,
    ) -> "Design":
        """Return the design of runs with these weights and release outcomes.

        Equal weights mean that outcomes were drawn with the rest. Unequal ones
        mean that outcomes were enumerated: then each outcome is a stratum.
        """
        drawn = len(weight) == 0 or bool(np.ptp(weight) <= ROUNDING * weight[0])
        stratum = np.zeros(len(weight), np.int64) if drawn else outcome
        return cls(weight, stratum, exact, world)

    @property
    def simple(self) -> bool:
        """Whether all runs were drawn by themselves, and from one stratum."""
        if self.world is not None:
            return False
        return len(self.stratum) == 0 or bool((self.stratum == self.stratum[0]).all())

    def known(self, values: Array) -> Bools:
        """Return which runs have a value and can happen."""
        return np.isfinite(values) & (self.weight > 0)

    def where(self, keep: Bools) -> "Design":
        """Return the design of the kept runs alone, weights rescaled to sum to 1."""
        weight = self.weight[keep]
        total = weight.sum()
        weight = weight / total if total > 0 else np.full(len(weight), 1 / max(1, len(weight)))
        world = None if self.world is None else self.world[keep]
        return Design(weight, self.stratum[keep], self.exact, world)
