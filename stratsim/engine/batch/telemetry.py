"""What CloudWatch could know of many runs, minute by minute."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.dice import Minute
from stratsim.model.quantities import Array
from stratsim.queueing import ResponseTimes
from stratsim.watch import MINUTE_US

Index = NDArray[np.int64]


class Telemetry:
    """Minutes of many runs; column m is minute ``first + m``, arrays of (rows,) each.

    ``phase`` is where in the minute each deployment starts [us]. Minutes that no alarm can see any more are forgotten.
    """

    def __init__(self, phase: Index, first: int, times: ResponseTimes, memory: int) -> None:
        self.rows, self.phase = len(phase), phase
        self.first, self.times, self.memory = first, times, memory
        self.minutes: list[Minute | None] = []
        self.published: list[Index] = []
        self.noise: np.random.Generator | None = None
        self.certain = 0

    def ends(self, minute: int) -> Index:
        """Return when minute number `minute` begins, and so the one before it ends [us]."""
        return minute * MINUTE_US - self.phase

    @property
    def count(self) -> int:
        """Number of minutes that have ended."""
        return len(self.minutes)

    def close(self, minute: Minute, published: Index) -> None:
        """Add the minute that has just ended."""
        self.minutes.append(minute)
        self.published.append(published)
        if len(self.minutes) > self.memory:
            self.minutes[-self.memory - 1] = None

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        self.rows, self.phase = len(keep), self.phase[keep]
        self.published = [p[keep] for p in self.published]
        self.minutes = [None if m is None else m.take(keep) for m in self.minutes]

    def seen(self, columns: Index, now: Index | None) -> list[Array | float]:
        """Return for each column whether it is published by `now`, as 1 or 0."""
        if now is None:
            return [1.0] * len(columns)
        return [(self.published[c] <= now).astype(float) for c in columns]

    def total(
        self, sides: Sequence[int], field: int, columns: Index, seen: Sequence[Array | float]
    ) -> Array:
        """Return the sum of a field over columns, where they are `seen`."""
        found: Array | None = None
        for column, weight in zip(columns, seen, strict=True):
            minute = self.minutes[column]
            for side in sides:
                if minute is not None and (side, field) in minute.sums:
                    part = minute.sums[side, field]
                    if isinstance(weight, np.ndarray):
                        part = part * weight
                    found = part if found is None else found + part
        return np.zeros(self.rows) if found is None else found

    def seen_by(self, column: int, now: Index) -> NDArray[np.bool_] | bool:
        """Return in which rows a column is published by `now`; one answer where all agree.

        Time goes on, so what everybody has seen stays seen: ``certain`` counts it.
        """
        if column < self.certain:
            return True
        seen = self.published[column] <= now
        if not seen.any():
            return False
        if not seen.all():
            return seen
        self.certain += column == self.certain
        return True
