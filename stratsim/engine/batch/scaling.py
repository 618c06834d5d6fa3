"""Steps that scale fleets wave by wave, played ahead; see `stratsim.engine.scaling`.

Every turn of the loop takes each replication to its next event: a wave, an
instance that fails, or the end of a wait.
"""

import numpy as np

from stratsim.engine.batch.changes import Flags, Times
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.foresight import Foresight
from stratsim.engine.batch.units import Units
from stratsim.engine.batch.waves import DECIDE, DONE, HEALTH, LATE, Patience, Waves
from stratsim.model.scaling import Scale


class Scaling(Waves):
    """One step of fleets that keep their size but for this."""

    def __init__(
        self,
        draws: Draws,
        step: Scale,
        patience: Patience,
        units: Units,
        *,
        undoing: bool,
        foresight: Foresight | None = None,
    ) -> None:
        super().__init__(draws, step, patience, units, undoing=undoing)
        self.foresight = foresight

    def run(self, begin: Times, active: Flags) -> None:
        """Play the step in the rows `active` from `begin` on."""
        self.now, self.since = begin.copy(), begin.copy()
        self.phase = np.where(active, DECIDE, DONE)
        self.listed = self.units.staying(begin)
        self.place = self._places()
        while (self.phase < DONE).any():
            while (rows := self.phase == DECIDE).any():
                self._decide(rows)
            going = self.phase < DONE
            self._next(going)
            self._replace(going)
            self._after_wait(going)

    def _up(self, rows: Flags) -> Flags:
        """Return which instances are in service now, where `rows` ask."""
        serving = self.units.serving(self.now)
        if self.foresight is None:
            return serving
        return serving & ~self.foresight.down(self.units, self.now, rows)

    def _next(self, going: Flags) -> None:
        """Go to the next moment at which something may happen."""
        waits = going & ((self.phase == HEALTH) | (self.phase == LATE))
        at = np.where(waits, np.minimum(self.until, self._whole()), self.until)
        if self.step.retries:
            at = np.minimum(at, self.failing.min(axis=1))
        self.now = np.where(going, np.maximum(at, self.now), self.now)
