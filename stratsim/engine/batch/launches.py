"""The start of a whole fleet in many runs, of which some have to be started again.

See `stratsim.engine.launches`: what does not become healthy is replaced until time is up.
"""

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.units import Units, never_healthy
from stratsim.engine.clock import us
from stratsim.model.plan import Launch


def hopeless(draws: Draws) -> bool:
    """Whether every replacement fails like the first instance."""
    return any(
        f.kind == "startup" and not f.zones and f.instances >= 1 and f.probability >= 1
        for f in draws.specs
    )


class Launching:
    """A fleet of the new revision that starts at `begin` in the rows `active`.

    ``ready`` is when the last instance is healthy, `NEVER` where some are not by
    ``limit``; ``units`` are all instances, also those that were replaced.
    """

    def __init__(
        self, draws: Draws, step: Launch, unhealthy_us: int, begin: Times, active: Flags
    ) -> None:
        self.draws, self.unhealthy_us = draws, unhealthy_us
        self.starts = us_many(draws.values(step.startup, "startup"))
        self.units = Units.fleet(draws)
        self.failing = np.full(self.units.launched.shape, NEVER)
        self.limit = begin + us(step.timeout_s)
        self._start(np.where(active, step.count, 0), begin)
        self._replace_all(active)
        last = np.where(self.units.new & (self.units.gone == NEVER), self.units.joined, -1)
        self.ready = np.asarray(np.maximum(last.max(axis=1), begin))
        self.ready = np.where(self.ready <= self.limit, self.ready, NEVER)

    def _start(self, counts: Times, now: Times) -> None:
        units = self.units
        fresh = units.launch(counts, now, new=True)
        more = units.numbers - len(self.failing.T)
        self.failing = np.pad(self.failing, [(0, 0), (0, more)], constant_values=NEVER)
        sick = fresh & never_healthy(self.draws, units.numbers)
        place = np.arange(units.numbers) % self.draws.size
        ready = now[:, None] + self.starts[:, place]
        units.sick |= sick
        units.joined = np.where(fresh & ~sick, ready, units.joined)
        self.failing = np.where(sick, ready + self.unhealthy_us, self.failing)

    def _replace_all(self, active: Flags) -> None:
        if hopeless(self.draws):
            return
        while True:
            now = self.failing.min(axis=1)
            rows = active & (now < self.limit)
            if not rows.any():
                return
            failed = (self.failing <= now[:, None]) & rows[:, None]
            self.failing = np.where(failed, NEVER, self.failing)
            self.units.stop(failed, now, now)
            self._start(failed.sum(axis=1), now)
