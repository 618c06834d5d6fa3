"""Strategies side by side: estimates, paired differences, the Pareto set."""

from stratsim.comparison.keys import Key, key_of
from stratsim.comparison.pareto import PARETO_MEASURES, pareto_front
from stratsim.comparison.precision import Precision
from stratsim.comparison.result import Comparison

__all__ = ["PARETO_MEASURES", "Comparison", "Key", "Precision", "key_of", "pareto_front"]
