"""The measures of many runs of one strategy, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stratsim.model.quantities import Array

PROBABILITIES = ("rollback", "false_rollback", "missed")
REFUSED = 0.5
"""A strategy of which more than this share of deployments is over at its creation deploys
nothing as a rule: it is neither recommended nor in the Pareto set, however little it damages."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Runs of one strategy; every array has shape (runs,).

    ``outcome`` indexes the scenario's outcomes. ``weight`` sums to 1: equal where
    outcomes were drawn, the outcomes' probabilities (shared by their runs) where
    they were enumerated; ``exact`` says that nothing but the outcome is random,
    so a mean carries no sampling error. ``measures`` holds NaN where a measure
    does not apply, ``events`` booleans for each of `PROBABILITIES`. ``world``
    numbers the worlds that the exact engine drew and conditioned on: its rows are
    no runs, and what it does not know is how other worlds would differ. ``refused``
    says where the deployment was over at its creation; None where it is not known.
    """

    strategy: str
    outcome: NDArray[np.int64]
    weight: Array
    exact: bool
    measures: Mapping[str, Array]
    events: Mapping[str, NDArray[np.bool_]]
    world: NDArray[np.int64] | None = None
    refused: NDArray[np.bool_] | None = None

    @property
    def certain(self) -> bool:
        """Whether nothing was drawn, so that no number has a sampling error."""
        return self.exact and self.world is None

    @property
    def refused_share(self) -> float:
        """Share of the deployments that were over at their creation, as far as it is known."""
        return 0.0 if self.refused is None else float(self.weight[self.refused].sum())

    @property
    def deploys(self) -> bool:
        """Whether its deployments begin, as a rule."""
        return self.refused_share <= REFUSED

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.outcome)

    def given(self, outcome: int) -> "Sample":
        """Return the runs of one outcome, which has some, with weights that sum to 1."""
        inside = self.outcome == outcome
        weight = self.weight[inside]
        return replace(
            self,
            outcome=self.outcome[inside],
            weight=weight / weight.sum(),
            measures={name: values[inside] for name, values in self.measures.items()},
            events={name: values[inside] for name, values in self.events.items()},
            world=None if self.world is None else self.world[inside],
            refused=None if self.refused is None else self.refused[inside],
        )
