"""Fleets that start and stop in waves while Auto Scaling is at work, in many runs.

See `stratsim.engine.scaling`: sizes and bounds follow the fleet's size.
"""

from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.fleet_steps import patience
from stratsim.engine.batch.living_hosts import Ended
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.waves import (
    DECIDE,
    DONE,
    FAILED,
    HEALTH,
    LATE,
    STUCK,
    Counts,
    Waves,
)
from stratsim.model.scaling import Scale
from stratsim.strategies.waves import resized

if TYPE_CHECKING:
    from stratsim.engine.batch.living import Living

_BY_ROW = (
    *("forgiven", "missing", "listed", "place", "failing", "failures", "drained"),
    *("until", "wave", "phase", "since", "starts"),
)
_AIMS = ("old", "new", "lower", "upper")


class LiveWaves(Waves):
    """One step that has come as far as its runs have, and goes on when something is due."""

    def __init__(self, living: "Living", step: Scale, then: Ended, *, undoing: bool) -> None:
        runs = living.runs
        limits = patience(runs.scenario)
        super().__init__(runs.draws, step, limits, living.units, undoing=undoing)
        self.living, self.then, self.now = living, then, living.now
        for name in _AIMS:
            if getattr(step, name) is not None:
                setattr(self.aims, name, np.full(len(self.now), getattr(step, name)))

    @property
    def active(self) -> Flags:
        """Where the step is going on."""
        return np.asarray(self.phase < DONE)

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        for name in _BY_ROW:
            setattr(self, name, getattr(self, name)[keep])
        for name in _AIMS:
            if getattr(self.aims, name) is not None:
                setattr(self.aims, name, getattr(self.aims, name)[keep])
        self.draws, self.units, self.now = (
            self.living.runs.draws,
            self.living.units,
            self.living.now,
        )

    def widen(self, _: int) -> None:
        """Make columns for all instances."""
        self._widen()

    def next(self) -> Times:
        """Return when something is to be done next."""
        self.widen(self.units.numbers)
        waits = (self.phase == HEALTH) | (self.phase == LATE)
        at = np.where(waits, np.minimum(self.until, self._whole()), self.until)
        if self.step.retries:
            at = np.minimum(at, self.failing.min(axis=1))
        at = np.where(self.phase == DECIDE, self.living.now, at)
        return np.where(self.active, at, NEVER)

    def begin(self, rows: Index) -> None:
        """Begin the step."""
        self.now = self.living.now
        self.widen(self.units.numbers)
        self.phase[rows], self.listed[rows] = DECIDE, self._staying()[rows]
        self.place[rows] = self._places()[rows]
        self.missing[rows] = self.forgiven[rows] = False
        self.failing[rows], self.until[rows] = NEVER, NEVER
        self.failures[rows] = self.drained[rows] = 0
        self._aim(rows)
        self._decide_all(self.living.flags(rows))

    def halt(self, rows: Flags) -> None:
        """End the step from outside; instances that start or drain go on."""
        self.phase = np.where(rows, DONE, self.phase)

    def note(self, *_: Flags) -> None:
        """Replace what has failed, before Auto Scaling replaces what it has launched."""
        self.now = self.living.now
        self.widen(self.units.numbers)
        self._replace(self.active & self.living.acting)

    def act(self) -> None:
        """Go on where something is due."""
        self.now = self.living.now
        rows = self.active & self.living.acting & (self.next() <= self.now)
        if rows.any():
            self._after_wait(rows)
            self._decide_all(rows)

    def _decide_all(self, rows: Flags) -> None:
        """Play waves until each has to wait, and end the step where it is over."""
        while (here := rows & (self.phase == DECIDE)).any():
            self._decide(here)
        over = rows & ~self.active
        if over.any():
            self.then(over, over & (self.phase == FAILED))

    # -- the size of the moment --------------------------------------------------------

    def resize(self, rows: Index) -> list[Counts | None]:
        """Take over other sizes of the fleets, to which the next wave goes.

        Returns how many more old and new instances are launched at once, None where the
        step brings that revision to no size; what is too much is left to the waves.
        """
        self.widen(self.units.numbers)
        before = [None if aim is None else np.array(aim) for aim in (self.aims.old, self.aims.new)]
        self._aim(rows)
        self.phase[rows] = np.where(self.phase[rows] == STUCK, DECIDE, self.phase[rows])
        staying, new = self._staying(), self.units.new
        found: list[Counts | None] = []
        for was, aim, side in zip(before, (self.aims.old, self.aims.new), (~new, new), strict=True):
            if was is None or aim is None:
                found.append(None)
            else:
                there = (staying & side).sum(axis=1)
                found.append(np.maximum(np.minimum(aim - was, aim - there), 0))
        return found

    def _aim(self, rows: Index) -> None:
        """Aim at what the plan wants of fleets of the sizes of the moment."""
        sizes = self.living.size(rows)
        for size in np.unique(sizes).tolist():
            step = resized(self.step, size, self.living.runs.desired)
            for name in _AIMS:
                if getattr(step, name) is not None:
                    getattr(self.aims, name)[rows[sizes == size]] = getattr(step, name)

    # -- instances -----------------------------------------------------------------------

    def _staying(self) -> Flags:
        """Return which run and do not drain."""
        units = self.living.units
        return units.running(self.living.now) & ~units.leaving

    def _up(self, rows: Flags) -> Flags:
        return self.living.up()

    def _list(self, rows: Flags) -> None:
        self.listed = np.where(rows[:, None], self._staying(), self.listed)

    def _take_out(self, which: Flags, gone: Times) -> None:
        """Take instances out, and let nothing more be done on those that start."""
        living, units = self.living, self.living.units
        living.touch(np.asarray(which.any(axis=1)))
        units.leaving |= which
        units.drop(which)
        for name in ("fails", "warm"):
            setattr(units, name, np.where(which, NEVER, getattr(units, name)))
        living.retire(which, gone)

    def _launch(self, counts: Counts, *, new: bool) -> Flags:
        self.living.touch(counts > 0)
        return self.living.launch(counts, new=new)
