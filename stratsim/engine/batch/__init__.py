"""The batch engine: the runs of many replications as arrays."""

from stratsim.engine.batch.simulate import simulate_many

__all__ = ["simulate_many"]
