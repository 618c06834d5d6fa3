"""The exact engine: probabilities and means without sampling, where they can be computed."""

from stratsim.engine.exact.solve import WORLDS, Solution, solve, solve_many
from stratsim.engine.exact.support import unsupported

__all__ = ["WORLDS", "Solution", "solve", "solve_many", "unsupported"]
