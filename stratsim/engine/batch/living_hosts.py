"""Deployments to hosts of fleets whose size changes meanwhile; see `stratsim.engine.hosts`.

A pass has come as far as its runs have, and goes on when something is due.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.host_pass import HostPass, Hosts, hosts_before
from stratsim.engine.batch.living_units import ByNumber, shifted
from stratsim.engine.batch.scripts import Script, script
from stratsim.model.plan import HostEvent, Roll

if TYPE_CHECKING:
    from stratsim.engine.batch.living import Living

Rows = NDArray[np.int64]
Ended = Callable[[Flags, Flags], None]
"""What comes after a pass: it has ended in these rows, and failed in those."""

_NUMBERED: dict[str, Any] = {"start": NEVER, "ends": NEVER, "later": False}


class LiveScript:
    """Events that run on hosts, each from its own moment on, (rows, numbers).

    ``start`` is when an agent begins, ``ends`` when it is done, while it runs; it begins
    ``later`` where it is still busy.
    """

    play: Script
    start: Times
    ends: Times
    active: Flags
    later: Flags

    def __init__(
        self,
        living: "Living",
        events: Sequence[HostEvent],
        *,
        new: bool,
        purpose: str,
        then: Ended,
    ) -> None:
        self.living, self.events, self.new, self.purpose = living, events, new, purpose
        self.then = then
        shape = (len(living.soon), living.units.numbers)
        self.start, self.ends = (np.full(shape, NEVER) for _ in range(2))
        self.later = np.zeros(shape, dtype=bool)
        self.play = _blank(shape)
        self.active = np.zeros(shape[0], dtype=bool)

    def take(self, keep: Rows) -> None:
        """Keep only some rows."""
        for name in (*_NUMBERED, "active"):
            setattr(self, name, getattr(self, name)[keep])
        self.play = self.play.take(keep)

    def widen(self, numbers: int) -> None:
        """Make columns for so many numbers."""
        more = numbers - self.start.shape[1]
        if more > 0:
            widen(self, _NUMBERED, more)
            widen(self.play, _BLANK, more)

    def next(self) -> Times:
        """Return when a host is done next."""
        return np.where(self.active, self.soonest(), NEVER)

    def draws(self, rows: Rows) -> ByNumber:
        """Return the draws of the instances of `rows` as they stand."""
        living = self.living
        up = living.up()[rows]
        return ByNumber(living.draws(rows), living.units.rank[rows], up)

    def write(self, rows: Rows) -> None:
        """Write the scripts of `rows`."""
        draws = self.draws(rows)
        fresh = script(draws, self.events, new=self.new, purpose=self.purpose)
        for field in fields(Script):
            getattr(self.play, field.name)[rows] = getattr(fresh, field.name)
        self.start[rows] = self.ends[rows] = NEVER

    def launch(self, which: Flags) -> None:
        """Let the agents of some hosts begin, as soon as each is free."""
        if not which.any():
            return
        units = self.living.units
        start = np.where(which, np.maximum(units.busy, self.living.now[:, None]), NEVER)
        at = shifted(self.play, start, which)
        self.start = np.where(which, start, self.start)
        self.ends = np.where(which, at["done"], self.ends)
        self.later |= which & (start > self.living.now[:, None])
        self.living.order(at, which & ~self.later, new=self.new)
        self.leave(which & units.leaving, self.events[:1])

    def _begin_late(self) -> None:
        """Let agents begin that were busy until now."""
        due = self.later & (self.start <= self.living.now[:, None]) & self.living.acting[:, None]
        if due.any():
            self.later &= ~due
            start = np.where(due, self.start, NEVER)
            self.living.order(shifted(self.play, start, due), due, new=self.new)
            self.leave(due & self.living.units.leaving, self.events[:1])

    def soonest(self) -> Times:
        """Return when a host is done, or an agent begins that is busy, next."""
        at = np.minimum(self.ends, np.where(self.later, self.start, NEVER))
        return np.asarray(at.min(axis=1))

    def leave(self, which: Flags, events: Sequence[HostEvent] | None = None) -> None:
        """Let nothing more be done on hosts that Auto Scaling terminates: they fail.

        On one that leaves already no more `events` are tried than the first.
        """
        here = which & (self.ends < NEVER)
        rows = np.flatnonzero(here.any(axis=1))
        if not len(rows):
            return
        end = self._running(rows, 1, events)
        self.ends[rows] = np.where(here[rows], end, self.ends[rows])
        self.play.failed |= here
        self.living.cut(here, self.ends, turns=False)

    def halt(self, rows: Flags, *, at_once: bool) -> None:
        """End the pass from outside; events that run are left at once or come to their end."""
        here = rows[:, None] & (self.ends < NEVER)
        at = np.flatnonzero(here.any(axis=1))
        self.active &= ~rows
        if not len(at):
            return
        begun = here & (self.start < self.living.now[:, None]) & (not at_once)
        self.living.free(here & ~begun & ~self.later)
        until = np.full(here.shape, NEVER)
        until[at] = self._running(at, 0)
        self.living.cut(begun, until, turns=True)
        self.ends = np.where(here, NEVER, self.ends)
        self.later &= ~here

    def _running(self, rows: Rows, least: int, events: Sequence[HostEvent] | None = None) -> Times:
        """Return when the events end that run now, of those that began `least` us after the start."""
        known = self.start[rows]
        start = np.where(known < NEVER, known, 0)
        until = np.maximum(self.living.now[rows][:, None] - start, least)
        draws = self.draws(rows)
        chosen = self.events if events is None else events
        cut = script(draws, chosen, new=self.new, purpose=self.purpose, until=until)
        return start + cut.free


class Together(LiveScript):
    """Events on many hosts at once; one failure fails it."""

    def __init__(self, *args: Any, **keys: Any) -> None:
        super().__init__(*args, **keys)
        self.bad = np.zeros(len(self.active), dtype=bool)

    def begin(self, rows: Rows, which: Flags) -> None:
        """Begin on the hosts `which`, (rows here, numbers)."""
        self.widen(self.living.units.numbers)
        self.write(rows)
        every = np.zeros(self.start.shape, dtype=bool)
        every[rows] = which
        self.active[rows], self.bad[rows] = True, False
        self.launch(every)

    def take(self, keep: Rows) -> None:
        """Keep only some rows."""
        super().take(keep)
        self.bad = self.bad[keep]

    def next(self) -> Times:
        """Return when a host is done next; where there is none it is over at once."""
        soonest = self.soonest()
        return np.where(self.active, np.where(soonest < NEVER, soonest, 0), NEVER)

    def act(self) -> None:
        """Take note of hosts that are done, and go on when all are."""
        self._begin_late()
        active = self.active & self.living.acting
        done = (self.ends <= self.living.now[:, None]) & active[:, None]
        self.bad |= (done & self.play.failed).any(axis=1)
        self.ends = np.where(done, NEVER, self.ends)
        over = active & ~(self.ends < NEVER).any(axis=1)
        if over.any():
            self.active &= ~over
            self.then(over, self.bad & over)


_PASS: dict[str, Any] = {"waiting": False, "healthy": False, "was_healthy": False}


class LivePass(LiveScript, HostPass):
    """One pass over hosts, a few at a time."""

    def __init__(
        self, living: "Living", step: Roll, *, new: bool, purpose: str, then: Ended
    ) -> None:
        LiveScript.__init__(self, living, step.events, new=new, purpose=purpose, then=then)
        no = np.zeros(self.start.shape, dtype=bool)
        zones = np.zeros((len(no), max(len(step.zones), 1)), dtype=np.int64)
        order = np.zeros(no.shape, dtype=np.int64)
        hosts = Hosts(no, no.copy(), no.copy(), order, self._zones(), zones)
        HostPass.__init__(self, self.play, step, hosts, living.now, self.active)

    def _zones(self) -> Rows:
        scenario = self.living.runs.scenario
        numbers = np.arange(self.start.shape[1])
        return numbers % self.living.runs.draws.size % scenario.service.zones + 1

    def take(self, keep: Rows) -> None:
        """Keep only some rows."""
        LiveScript.take(self, keep)
        for name in (*_PASS, "now", "zone", "until", "succeeded", "failed", "spared"):
            setattr(self, name, getattr(self, name)[keep])
        for name in ("wanted", "pool", "healthy", "order", "zones"):
            setattr(self.hosts, name, getattr(self.hosts, name)[keep])
        self.rows = np.arange(len(keep))

    def widen(self, numbers: int) -> None:
        """Make columns for so many numbers."""
        more = numbers - self.start.shape[1]
        if more > 0:
            LiveScript.widen(self, numbers)
            widen(self, _PASS, more)
            kinds = {"wanted": False, "pool": False, "healthy": False, "order": 0}
            widen(self.hosts, kinds, more)
            self.hosts.zone = self._zones()

    def next(self) -> Times:
        """Return when a host is done, or a zone has been watched, next."""
        return np.where(self.active, np.minimum(self.soonest(), self.until), NEVER)

    def begin(self, rows: Rows, wanted: Flags, pool: Flags) -> None:
        """Begin a pass over the hosts `wanted` of `pool`, (rows here, numbers)."""
        units = self.living.units
        self.widen(units.numbers)
        self.write(rows)
        healthy = units.healthy[rows] & pool
        before = hosts_before(self.draws(rows), self.step, wanted, pool, healthy, units.rank[rows])
        for name in ("wanted", "pool", "healthy", "order", "zones"):
            getattr(self.hosts, name)[rows] = getattr(before, name)
        self.waiting[rows], self.healthy[rows] = wanted, healthy
        self.spared[rows] = (healthy & ~wanted).sum(axis=1)
        self.zone[rows] = self.succeeded[rows] = 0
        self.until[rows], self.failed[rows], self.active[rows] = NEVER, False, True
        self._go(self.living.flags(rows), self.active.copy())

    def act(self) -> None:
        """Take note of what is done, and go on."""
        self._begin_late()
        now = self.living.now
        while True:
            was = self.active.copy()
            active = self.active & self.living.acting
            watched = active & (self.until <= now)
            self.until = np.where(watched, NEVER, self.until)
            due = active & (self.until == NEVER) & (self.ends.min(axis=1) <= now)
            if due.any():
                ends = self.ends
                self.ends = ends.copy()
                self._collect(due)
                done = (ends < NEVER) & (self.ends == NEVER)
                units = self.living.units
                units.healthy = np.where(done, ~self.play.failed, units.healthy)
            if not (watched | due).any():
                return
            self._go(watched | due, was)

    def _go(self, rows: Flags, was: Flags) -> None:
        """Start what may start in `rows`, and end the pass where it `was` going on and is over."""
        self.now = np.where(rows, self.living.now, self.now)
        self._refuse()
        before = self.start
        self.start = before.copy()
        self._launch(rows & self.active & (self.until == NEVER))
        fresh, self.start = self.start != before, before
        self.living.units.tried |= fresh
        self.launch(fresh)
        idle = rows & self.active & (self.until == NEVER) & ~self._flying.any(axis=1)
        self._fail(idle & self._queue.any(axis=1))
        self._next_zone(idle & self.active)
        over = was & ~self.active
        if over.any():
            self.then(over, over & self.failed)


_BLANK: dict[str, Any] = {
    field.name: False if field.name in ("failed", "new") else NEVER for field in fields(Script)
}


def _blank(shape: tuple[int, ...]) -> Script:
    return Script(**{name: np.full(shape, fill) for name, fill in _BLANK.items()})


def widen(what: Any, fills: dict[str, Any], more: int) -> None:
    """Give some arrays of `what` so many columns more."""
    for name, fill in fills.items():
        wide = np.pad(getattr(what, name), [(0, 0), (0, more)], constant_values=fill)
        setattr(what, name, wide)
