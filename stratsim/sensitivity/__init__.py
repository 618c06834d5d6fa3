"""What changes when a scenario's fields do: sweeps, tornados, Sobol indices."""

from stratsim.sensitivity.grid import sweep_scenario
from stratsim.sensitivity.indices import sobol_indices
from stratsim.sensitivity.one_by_one import vary_one_by_one
from stratsim.sensitivity.ranking import Ranking
from stratsim.sensitivity.swept import Sweep
from stratsim.sensitivity.swings import Tornado

__all__ = [
    "Ranking",
    "Sweep",
    "Tornado",
    "sobol_indices",
    "sweep_scenario",
    "vary_one_by_one",
]
