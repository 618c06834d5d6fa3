"""Tasks of the new revision that die while a rolling update counts them."""

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.crashes import Clocks

Counts = NDArray[np.int64]


class Deaths:
    """The clocks of one pass in many replications; arrays are (rows, numbers).

    ``leave`` is when a task is stopped. A pass back begins at ``now``, when those that
    are down are stopped.
    """

    def __init__(self, clocks: Clocks, now: Times) -> None:
        self.clocks, self.next = clocks, clocks.next
        self.leave = np.where(clocks.down, now[:, None], NEVER)

    def play(self, entered: Times, now: Times, active: Flags) -> tuple[Counts, Counts]:
        """Let die and come back who is due; return how many died, and how many more are down."""
        self._widen(entered.shape[1])
        clocks, rows = self.clocks, np.flatnonzero(active)
        at, died = now[rows], np.zeros(len(now), dtype=np.int64)
        serving = (entered[rows] <= at[:, None]) & (self.leave[rows] > at[:, None])
        clocks.forget(rows, serving)
        before = clocks.down.sum(axis=1)
        died[rows] = clocks.strike(rows, at).sum(axis=1)
        clocks.begin(rows, at, serving)
        return died, clocks.down.sum(axis=1) - before

    def stop(self, entered: Times, counts: Counts, now: Times, rows: Flags) -> None:
        """Stop in `rows` those that are down, and the first `counts` of the others."""
        self._widen(entered.shape[1])
        here = (entered < NEVER) & (self.leave == NEVER)
        down = here & self.clocks.down
        alive = here & ~down
        chosen = down | (alive & (alive.cumsum(axis=1) <= counts[:, None]))
        self.leave = np.where(chosen & rows[:, None], now[:, None], self.leave)

    def _widen(self, numbers: int) -> None:
        self.clocks.widen(numbers)
        more = numbers - self.leave.shape[1]
        if more > 0:
            self.leave = np.pad(self.leave, [(0, 0), (0, more)], constant_values=NEVER)
