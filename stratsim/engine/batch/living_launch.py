"""Whole fleets of the new revision that start while Auto Scaling is at work, in many runs.

See `stratsim.engine.launches`: what does not become healthy is replaced until time is up.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.engine.batch.launches import hopeless
from stratsim.engine.batch.living_hosts import Ended, widen
from stratsim.engine.batch.units import never_healthy
from stratsim.engine.clock import us
from stratsim.model.plan import Launch

if TYPE_CHECKING:
    from stratsim.engine.batch.living import Living

Counts = NDArray[np.int64]

_NUMBERED: dict[str, Any] = {"started": False}


class LiveLaunch:
    """One fleet that starts behind a router; ``missing`` are not healthy yet.

    ``started`` are those it has started, (rows, numbers); time is up at ``limit``.
    """

    def __init__(self, living: "Living", step: Launch, then: Ended) -> None:
        self.living, self.step, self.then = living, step, then
        rows = len(living.soon)
        self.starts = us_many(living.runs.draws.values(step.startup, "startup"))
        self.active = np.zeros(rows, dtype=bool)
        self.limit, self.wake = (np.full(rows, NEVER) for _ in range(2))
        self.missing = np.zeros(rows, dtype=np.int64)
        self.started = np.zeros((rows, living.units.numbers), dtype=bool)
        self.hopeless = hopeless(living.runs.draws)

    def take(self, keep: Counts) -> None:
        """Keep only some rows."""
        for name in ("starts", "active", "limit", "wake", "missing", "started"):
            setattr(self, name, getattr(self, name)[keep])

    def widen(self, numbers: int) -> None:
        """Make columns for so many numbers."""
        more = numbers - self.started.shape[1]
        if more > 0:
            widen(self, _NUMBERED, more)

    def next(self) -> Times:
        """Return when the fleet is there, or time is up."""
        return np.where(self.active, np.minimum(self.wake, self.limit), NEVER)

    def begin(self, rows: Counts) -> None:
        """Start the fleets of `rows`, as large as Auto Scaling wants them by now."""
        living = self.living
        counts = np.zeros(len(self.active), dtype=np.int64)
        more = self.step.count - living.runs.scenario.desired
        counts[rows] = np.maximum(living.size(rows) + more, 0)
        self.missing[rows], self.active[rows] = counts[rows], True
        self.limit[rows] = living.now[rows] + us(self.step.timeout_s)
        self.wake[rows] = np.where(counts[rows] > 0, NEVER, living.now[rows])
        self._start(counts)

    def halt(self, rows: Flags) -> None:
        """End the launch from outside; what starts goes on, and nothing is replaced."""
        self.active &= ~rows
        self._leave(rows)

    def _leave(self, rows: Flags) -> None:
        """Let what does not become healthy run on."""
        units = self.living.units
        self.widen(units.numbers)
        units.fails = np.where(self.started & rows[:, None], NEVER, units.fails)

    def _start(self, counts: Counts) -> None:
        living = self.living
        living.touch(counts > 0)
        fresh = living.launch(counts, new=True)
        units = living.units
        self.widen(units.numbers)
        self.started |= fresh
        place = np.arange(units.numbers) % max(self.step.count, 1)
        bad = fresh & never_healthy(living.runs.draws, units.numbers)
        living.start(fresh, living.now[:, None] + self.starts[:, place], bad)
        if self.hopeless:  # every other one would fail alike
            units.fails = np.where(bad, NEVER, units.fails)

    def note(self, came: Flags, _: Flags, failed: Flags) -> None:
        """Take note of instances that have come, or failed to start, (rows, numbers)."""
        self.widen(came.shape[1])
        self.missing -= (came & self.started).sum(axis=1)
        there = self.active & (self.missing <= 0)
        self.wake = np.where(there, self.living.now, self.wake)
        again = np.where(self.active, (failed & self.started).sum(axis=1), 0)
        if again.any():
            self._start(again)

    def act(self) -> None:
        """Go on where the fleet is there, or time is up."""
        now = self.living.now
        over = self.active & (np.minimum(self.wake, self.limit) <= now) & self.living.acting
        if over.any():
            self.active &= ~over
            self.wake = np.where(over, NEVER, self.wake)
            late = over & (self.missing > 0)
            self._leave(late)
            self.then(over, late)
