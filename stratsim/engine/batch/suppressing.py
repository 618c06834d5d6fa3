"""Actions suppressors of composite alarms in many runs.

The rules of `stratsim.cloudwatch.suppression`, on arrays.
"""

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.clock import us
from stratsim.model.alarm import CompositeAlarm

NOTHING, WAIT, EXTENSION, SUPPRESSOR = range(4)


class Suppressions:
    """Whether one composite alarm's actions are held back in each run, and by what."""

    def __init__(self, alarm: CompositeAlarm, in_alarm: Flags) -> None:
        self.wait_us = us(float(alarm.ActionsSuppressorWaitPeriod or 0))
        self.extension_us = us(float(alarm.ActionsSuppressorExtensionPeriod or 0))
        self.by = np.full(len(in_alarm), NOTHING)
        self.until = np.full(len(in_alarm), NEVER)
        self.in_alarm = in_alarm.copy()

    def take(self, keep: NDArray[np.int64]) -> None:
        """Keep only some rows."""
        self.by, self.until = self.by[keep], self.until[keep]
        self.in_alarm = self.in_alarm[keep]

    def step(self, rows: Flags, now: Times, changed: Flags, in_alarm: Flags) -> Flags:
        """Go on in `rows`; return where actions run now."""
        expired = rows & (now >= self.until)
        self._set(expired, NOTHING, np.full_like(now, NEVER))
        turned = rows & (in_alarm != self.in_alarm)
        self.in_alarm = np.where(rows, in_alarm, self.in_alarm)
        held = turned & (self.by != NOTHING)
        self._set(held & in_alarm, SUPPRESSOR, np.full_like(now, NEVER))
        self._set(held & ~in_alarm, EXTENSION, now + self.extension_us)
        changed = rows & changed
        self._set(changed & self.in_alarm, SUPPRESSOR, np.full_like(now, NEVER))
        self._set(changed & ~self.in_alarm, WAIT, now + self.wait_us)
        at_once = rows & (now >= self.until)
        self._set(at_once, NOTHING, np.full_like(now, NEVER))
        return np.asarray(at_once | expired)

    def _set(self, rows: Flags, by: int, until: Times) -> None:
        self.by = np.where(rows, by, self.by)
        self.until = np.where(rows, until, self.until)
