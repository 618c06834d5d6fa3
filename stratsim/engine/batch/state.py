"""Where many runs are: arrays of (rows,), a row per run that goes on."""

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags

Index = NDArray[np.int64]
Rows = slice | Index
EVERY = slice(None)


class State:
    """Arrays of (rows,) that change during a run; ``take`` keeps some rows of all."""

    def __init__(self, rows: int, hosts: int) -> None:
        never = np.full(rows, NEVER)
        zero = np.zeros(rows)
        no = np.zeros(rows, dtype=bool)
        self.index = np.arange(rows)
        self.leaving = np.full((rows, hosts), NEVER)
        self.now = np.zeros(rows, dtype=np.int64)
        self.since = np.zeros(rows, dtype=np.int64)
        self.pointer = np.zeros(rows, dtype=np.int64)
        self.coming = np.zeros(rows, dtype=np.int64)
        self.weight, self.running = zero.copy(), zero.copy()
        self.old, self.new = zero.copy(), zero.copy()
        self.lost_old, self.lost_new = zero.copy(), zero.copy()
        self.sick_old, self.sick_new = zero.copy(), zero.copy()
        self.pending, self.launched = zero.copy(), zero.copy()
        self.first, self.ended, self.trigger = never.copy(), never.copy(), never.copy()
        self.restored, self.paged, self.people = never.copy(), never.copy(), never.copy()
        self.detected, self.alarming, self.poll = never.copy(), never.copy(), never.copy()
        self.undone, self.exposed_at = never.copy(), never.copy()
        self.blind, self.look = never.copy(), never.copy()
        self.status = np.zeros(rows, dtype=np.int64)
        self.automatic, self.undoing, self.acted = no.copy(), no.copy(), no.copy()
        self.over, self.cut = no.copy(), no.copy()
        self.failed_fault, self.failed_capacity = zero.copy(), zero.copy()
        self.slow, self.exposed, self.peak = zero.copy(), zero.copy(), zero.copy()
        self.room, self.load = np.full(rows, np.inf), np.full(rows, -np.inf)
        self.extra, self.spared = zero.copy(), zero.copy()

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        for name, values in vars(self).items():
            setattr(self, name, values[keep])

    def flags(self, rows: Index) -> Flags:
        """Return true in `rows` and false elsewhere."""
        flags = np.zeros(len(self.index), dtype=bool)
        flags[rows] = True
        return flags
