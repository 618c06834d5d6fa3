"""Faults of the environment over one stretch, for many replications at once."""

from dataclasses import dataclass

import numpy as np

from stratsim.engine.batch.changes import Times
from stratsim.engine.environment import Environment
from stratsim.model.quantities import Array


@dataclass(frozen=True, slots=True)
class Around:
    """Failing share, latency factor and added [s], capacity factor: (rows,) or one number."""

    failing: Array | float = 0.0
    factor: Array | float = 1.0
    add_s: Array | float = 0.0
    capacity: Array | float = 1.0
    calm: bool = True


CALM = Around()


def surroundings(environment: Environment, begin: Times, end: Times) -> Around:
    """Return the means over [begin, end) microseconds."""
    if not environment.faults:
        return CALM
    span = np.maximum(end - begin, 1).astype(float)
    passing = factor = capacity = np.ones(len(begin))
    add_s = np.zeros(len(begin))
    for fault, start, stop, ramp in environment.faults:
        low, high = np.maximum(begin, start), np.minimum(end, stop)
        length = np.clip(high - low, 0, None).astype(float)
        # divided before anything else, so that a whole stretch is 1 and not a little less
        part = (_area(high, start, ramp) - _area(low, start, ramp)) / span
        level = np.where(length > 0, part * environment.reach(fault), 0.0)
        if fault.kind == "errors":
            passing = passing * (1 - fault.rate.mean * level)
        elif fault.kind == "latency":
            scale = 1.0 if fault.factor is None else fault.factor.mean
            factor = factor * (1 + (scale - 1) * level)
            add_s = add_s + fault.add.mean * level
        elif fault.kind == "capacity" and fault.factor is not None:
            capacity = capacity * (1 + (fault.factor.mean - 1) * level)
    return Around(1 - passing, factor, add_s, capacity, calm=False)


def _area(at: Times, onset: int, ramp: int) -> Array:
    run = np.maximum(at - onset, 0).astype(float)
    if ramp == 0:
        return run
    return np.asarray(np.where(run < ramp, run * run / (2 * ramp), run - ramp / 2))
