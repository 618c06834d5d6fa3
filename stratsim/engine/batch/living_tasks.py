"""ECS rolling updates of services whose count changes meanwhile; see `stratsim.engine.tasks`.

A pass has come as far as its runs have, and goes on when something has happened.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.engine.batch.living_hosts import widen
from stratsim.engine.batch.units import never_healthy
from stratsim.engine.clock import us
from stratsim.model.plan import Replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from stratsim.engine.batch.living import Living

    Ended = Callable[[Flags, Flags, Flags], None]
    """What comes after a pass: it has ended, failed, and failed by its circuit breaker."""

Counts = NDArray[np.int64]

_ROWS = ("active", "count", "lower", "upper", "mine", "failures", "deadline", "wake", "starts")
_NUMBERED: dict[str, Any] = {"others": False, "stopped": False, "started": False}


class LiveTasks:
    """One pass that replaces all tasks of one revision; see `stratsim.engine.tasks.Tasks`.

    ``others`` are to be replaced, ``stopped`` and ``started`` are what the pass has
    stopped and started, (rows, numbers).
    """

    def __init__(self, living: "Living", step: Replace, *, new: bool, then: "Ended") -> None:
        self.living, self.step, self.new, self.then = living, step, new, then
        runs = living.runs
        purpose = "startup" if new else "startup of a rollback"
        self.starts = us_many(runs.draws.values(step.startup, purpose))
        rows = len(living.soon)
        shape = (rows, living.units.numbers)
        self.active = np.zeros(rows, dtype=bool)
        self.count, self.lower, self.upper, self.mine, self.failures = (
            np.zeros(rows, dtype=np.int64) for _ in range(5)
        )
        self.deadline, self.wake = (np.full(rows, NEVER) for _ in range(2))
        self.others, self.stopped, self.started = (np.zeros(shape, dtype=bool) for _ in range(3))
        idle = us(runs.scenario.control.steady_state_timeout)
        self.limit = min(us(min(step.timeout_s, 1e9)), idle)

    def take(self, keep: Counts) -> None:
        """Keep only some rows."""
        for name in (*_ROWS, *_NUMBERED):
            setattr(self, name, getattr(self, name)[keep])

    def widen(self, numbers: int) -> None:
        """Make columns for so many numbers."""
        more = numbers - self.others.shape[1]
        if more > 0:
            widen(self, _NUMBERED, more)

    def next(self) -> Times:
        """Return when something is to be decided next."""
        return np.where(self.active, np.minimum(self.wake, self.deadline), NEVER)

    def begin(self, rows: Counts) -> None:
        """Begin the pass."""
        living = self.living
        self.widen(living.units.numbers)
        up, new = living.up()[rows], living.units.new[rows]
        self.others[rows] = up & (new != self.new)
        self.mine[rows] = (up & (new == self.new)).sum(axis=1)
        self.stopped[rows] = self.started[rows] = False
        self.failures[rows], self.active[rows] = 0, True
        self.resize(rows)
        flags = living.flags(rows)
        self._progress(flags)
        self._go_on(flags)

    def resize(self, rows: Counts) -> None:
        """Take over the count that Auto Scaling wants; the bounds are percentages of it."""
        step, size = self.step, self.living.size(rows)
        self.count[rows] = size
        self.lower[rows] = -(-step.lower * size // step.count)
        self.upper[rows] = step.upper * size // step.count
        self.wake[rows] = self.living.now[rows]

    def halt(self, rows: Flags) -> None:
        """End the pass from outside; tasks that start go on."""
        self.active &= ~rows

    def note(self, came: Flags, gone: Flags, failed: Flags) -> None:
        """Take note of tasks that have come, gone, or failed to start, (rows, numbers)."""
        self.widen(came.shape[1])
        comes = np.asarray((came & self.started).any(axis=1))
        goes = np.asarray((gone & self.stopped).any(axis=1))
        lost = (failed & self.started).sum(axis=1)
        self.started &= ~failed
        self.mine -= lost
        if self.step.breaker_resets:
            self.failures = np.where(comes, 0, self.failures)
        self._progress(comes)
        self.lose(lost)
        self._look(comes | goes)

    def lose(self, counts: Counts) -> None:
        """Count tasks that failed, also some that had been healthy."""
        self.failures += counts
        if self.step.breaker is not None:
            self._progress(counts > 0)
        self._look(counts > 0)

    def look(self, rows: Counts) -> None:
        """Look at what may stop and start in `rows`."""
        self.wake[rows] = self.living.now[rows]

    def _look(self, rows: Flags) -> None:
        self.wake = np.where(rows, self.living.now, self.wake)

    def _progress(self, rows: Flags) -> None:
        self.deadline = np.where(rows, self.living.now + self.limit, self.deadline)

    def act(self) -> None:
        """Decide where something has happened."""
        now = self.living.now
        rows = self.active & (np.minimum(self.wake, self.deadline) <= now) & self.living.acting
        if not rows.any():
            return
        self.widen(self.living.units.numbers)
        opened = rows & (self.failures >= (self.step.breaker or 1 << 40))
        late = rows & ~opened & (now >= self.deadline)
        failed = opened | late
        self._go_on(rows & ~failed)
        if failed.any():
            self.active &= ~failed
            self.then(failed, failed, opened)

    def _go_on(self, rows: Flags) -> None:
        """Stop and start what may stop and start, or come to the end."""
        self.wake = np.where(rows, NEVER, self.wake)
        rows = self._finish(rows)
        self._stop_some(rows)
        self._start_some(rows)
        self._finish(rows)

    def _up(self) -> list[Flags]:
        """Return who serves: of the other revision, and of the pass's own."""
        up, new = self.living.up(), self.living.units.new
        return [up & (new != self.new), up & (new == self.new)]

    def _finish(self, rows: Flags) -> Flags:
        """End the pass where it is complete; return the other rows."""
        living, units = self.living, self.living.units
        mine = self._up()[True]
        draining = self.stopped & (units.gone > living.now[:, None])
        done = rows & (mine.sum(axis=1) >= self.count) & ~(self.others | draining).any(axis=1)
        if done.any():
            self.active &= ~done
            self._stop(mine & (mine.cumsum(axis=1) > self.count[:, None]) & done[:, None])
            self.then(done, done & False, done & False)
        return np.asarray(rows & ~done)

    def _stop_some(self, rows: Flags) -> None:
        """Stop as many as the lower bound allows, unhealthy ones first."""
        theirs, mine = self._up()
        dead = self.others & ~theirs & rows[:, None]
        dead &= (theirs.sum(axis=1) < self.others.sum(axis=1))[:, None]
        alive = self.others & ~dead
        spare = theirs.sum(axis=1) + mine.sum(axis=1) - self.lower
        some = dead | (alive & (alive.cumsum(axis=1) <= spare[:, None]) & rows[:, None])
        if not some.any():
            return
        self._stop(some)
        self.others &= ~some
        self.stopped |= some
        self._progress(some.any(axis=1))

    def _stop(self, which: Flags) -> None:
        living = self.living
        living.touch(np.asarray(which.any(axis=1)))
        living.retire(which, living.now + us(self.step.drain_s))

    def _start_some(self, rows: Flags) -> None:
        """Start as many as the upper bound allows; draining tasks do not count."""
        room = self.upper - self.mine - self.others.sum(axis=1)
        counts = np.where(rows, np.maximum(np.minimum(room, self.count - self.mine), 0), 0)
        if not counts.any():
            return
        living = self.living
        living.touch(counts > 0)
        fresh = living.launch(counts, new=self.new)
        self.widen(living.units.numbers)
        self.mine += counts
        self.started |= fresh
        units = living.units
        bad = np.zeros_like(fresh)
        if self.new:
            bad = fresh & never_healthy(living.runs.draws, units.numbers)
        place = np.arange(units.numbers) % self.step.count
        living.start(fresh, living.now[:, None] + self.starts[:, place], bad)
