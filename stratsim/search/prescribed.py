"""An alarm that fires when it is told to, beside the scenario's own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.alarms import ALARM, OK, Bank
from stratsim.engine.batch.changes import Flags, Times
from stratsim.engine.batch.telemetry import Telemetry
from stratsim.watch import Program

Index = NDArray[np.int64]
NAME = "the design's alarm"
NEVER_FIRES = 30_000
"""The minute of an alarm that never fires; three weeks."""


class Prescribed(Bank):
    """The alarms that only page people, and one that goes to ALARM in a given minute.

    Minute 0 is the deployment's creation.
    """

    def __init__(
        self, programs: Sequence[Program], offsets: Sequence[Times], minutes: Index
    ) -> None:
        super().__init__(programs, offsets, len(minutes))
        self.minutes = minutes
        self.states[NAME] = np.zeros(len(minutes), dtype=np.int8)

    def take(self, keep: Index) -> None:
        """Keep only some rows."""
        super().take(keep)
        self.minutes = self.minutes[keep]

    def settle(self, telemetry: Telemetry, phase: Index, evaluations: int) -> None:
        """Settle the others; the design's alarm may have fired before the deployment."""
        super().settle(telemetry, phase, evaluations)
        self._follow(0)

    def evaluate(
        self, telemetry: Telemetry, now: Times, active: Flags
    ) -> tuple[Flags, dict[str, Flags]]:
        """Evaluate all; return where people are told, and by name where states changed."""
        told, changed = super().evaluate(telemetry, now, active)
        self._follow(self.minute)
        fires = self.minutes == self.minute
        return told | fires, {**changed, NAME: fires}

    def _follow(self, minute: int) -> None:
        self.states[NAME] = np.where(self.minutes <= minute, ALARM, OK).astype(np.int8)
