"""Hosts in batches under every rule there is, for many replications at once.

See `stratsim.engine.hosts`. Every turn of the loop takes each replication to its
next event: hosts that are done, or the end of a zone's watch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.scripts import Pass, Script
from stratsim.engine.clock import us
from stratsim.model.plan import Roll

Index = NDArray[np.int64]
LAST = 1 << 40


@dataclass(slots=True)
class Hosts:
    """Hosts before a pass, (rows, hosts): whom it is to take, who counts, who is healthy.

    ``order`` is each host's place in the order in which they are tried; ``zone``
    (hosts,) its zone from 1 on, and ``zones`` (rows, zones) the order of the zones.
    ``free`` is when another deployment is no longer busy on a host.
    """

    wanted: Flags
    pool: Flags
    healthy: Flags
    order: Index
    zone: Index
    zones: Index
    free: Times | None = None


def hosts_before(
    draws: Draws,
    step: Roll,
    wanted: Flags,
    pool: Flags,
    healthy: Flags,
    rank: Index,
    free: Times | None = None,
) -> Hosts:
    """Return the hosts before a pass.

    They are tried in the order: Unhealthy, then by revision (`rank`), then as drawn.
    """
    place = np.argsort(draws.order(), axis=1)
    key = (healthy * 3 + rank) * (1 << 20) + place
    order = np.argsort(np.argsort(key, axis=1, kind="stable"), axis=1, kind="stable")
    count = max(len(step.zones), 1)
    in_turn = np.broadcast_to(np.arange(count), (len(draws.rows), count))
    zones = draws.order(count) if step.zones_shuffled else in_turn
    return Hosts(wanted, pool, healthy, order, draws.zones(), zones + 1, free)


class HostPass:
    """One pass in many replications that begins at `begin` in the rows `active`."""

    def __init__(self, play: Script, step: Roll, hosts: Hosts, begin: Times, active: Flags) -> None:
        self.play, self.step, self.hosts = play, step, hosts
        self.now, self.active = begin.copy(), active.copy()
        rows = len(hosts.wanted)
        self.rows = np.arange(rows)
        self.waiting, self.healthy = hosts.wanted.copy(), hosts.healthy & hosts.pool
        self.spared = (self.healthy & ~hosts.wanted).sum(axis=1)
        self.start = np.full(hosts.wanted.shape, NEVER)
        self.ends = self.start.copy()
        self.was_healthy = np.zeros(hosts.wanted.shape, dtype=bool)
        self.zone = np.zeros(rows, dtype=np.int64)
        self.until = np.full(rows, NEVER)
        self.succeeded = np.zeros(rows, dtype=np.int64)
        self.failed = np.zeros(rows, dtype=bool)

    def run(self) -> Pass:
        """Return when each host was taken, and how the pass ended."""
        self._refuse()
        while self.active.any():
            self._launch(self.active & (self.until == NEVER))
            idle = self.active & (self.until == NEVER) & ~self._flying.any(axis=1)
            self._fail(idle & self._queue.any(axis=1))
            self._next_zone(idle & self.active)
            self._collect(self.active & (self.until == NEVER))
            watched = self.active & (self.until < NEVER)
            self.now = np.where(watched, self.until, self.now)
            self.until = np.where(watched, NEVER, self.until)
        # who still waited for another deployment has not begun
        waits = self._flying & self.failed[:, None] & (self.start > self.now[:, None])
        self.start = np.where(waits, NEVER, self.start)
        # what falls into the instant of the failure has happened
        cut = np.where(self._flying & self.failed[:, None], self.now[:, None] + 1, NEVER)
        return Pass(self.start, self.now, self.failed, cut)

    @property
    def _flying(self) -> Flags:
        return np.asarray(self.ends < NEVER)

    @property
    def _queue(self) -> Flags:
        """Return who waits in the zone that has come to its turn."""
        if not self.step.zones:
            return self.waiting
        here = np.minimum(self.zone, len(self.step.zones) - 1)
        zone = self.hosts.zones[self.rows, here]
        return np.asarray(self.waiting & (self.hosts.zone == zone[:, None]))

    def _refuse(self) -> None:
        """Fail before any host is touched where the minimum can never be kept."""
        step = self.step
        crowded = any(zone.minimum_healthy >= zone.count for zone in step.zones)
        low = step.minimum_healthy >= self.hosts.pool.sum(axis=1)
        none = ~self.hosts.wanted.any(axis=1)
        self._fail(self.active & (low | crowded | none) & ~(none & step.strict))

    def _fail(self, rows: Flags) -> None:
        self.failed |= rows
        self.active &= ~rows

    def _launch(self, rows: Flags) -> None:
        """Start as many hosts as may be out of service at once."""
        if self.step.barrier:
            rows = rows & ~self._flying.any(axis=1)
        while rows.any():
            queue = self._queue
            host = np.where(queue, self.hosts.order, LAST).argmin(axis=1)
            rows = rows & queue.any(axis=1) & self._may_take(host)
            at = np.nonzero(rows)[0]
            taken = (at, host[at])
            free = self.now[at] if self.hosts.free is None else self.hosts.free[taken]
            self.start[taken] = np.maximum(self.now[at], free)
            self.ends[taken] = self.start[taken] + self.play.done[taken]
            self.was_healthy[taken] = self.healthy[taken]
            self.waiting[taken] = False

    def _may_take(self, host: Index) -> Flags:
        """Whether a host may go now: a healthy one only while more than the minimum stay."""
        step = self.step
        flying = self._flying
        away = flying & self.was_healthy
        gone = away.sum(axis=1)
        may = (self.healthy.sum(axis=1) - gone > step.minimum_healthy) & (gone < step.concurrency)
        if step.zones:
            zone = self.hosts.zone[host]
            mine = self.hosts.zone == zone[:, None]
            least = np.array([z.minimum_healthy for z in step.zones])[zone - 1]
            may &= (self.healthy & mine).sum(axis=1) - (away & mine).sum(axis=1) > least
        may |= ~self.healthy[self.rows, host]
        if step.throttled:
            may &= flying.sum(axis=1) < step.concurrency
        return np.asarray(may)

    def _next_zone(self, rows: Flags) -> None:
        """Go on to the next zone after a watch, or come to the end."""
        count = max(len(self.step.zones), 1)
        step = self.step
        last = self.zone >= count - 1
        length = np.where(self.zone > 0, us(step.zone_monitor_s), us(step.first_zone_monitor_s))
        watched = rows & (~last | (step.zone_tail_wait & (self.zone < count) & bool(step.zones)))
        self.until = np.where(watched, self.now + length, self.until)
        self.zone = np.where(watched, self.zone + 1, self.zone)
        done = rows & ~watched
        short = self.succeeded + self.spared < step.minimum_healthy
        short |= (self.succeeded < 1) & self.hosts.wanted.any(axis=1)
        self._fail(done & short)
        self.active &= ~done

    def _collect(self, rows: Flags) -> None:
        """Take note of the hosts that are done first, and decide whether to go on."""
        soonest = self.ends.min(axis=1)
        rows = rows & (soonest < NEVER)
        done = rows[:, None] & (self.ends == soonest[:, None])
        ok = done & ~self.play.failed
        self.now = np.where(rows, soonest, self.now)
        self.ends = np.where(done, NEVER, self.ends)
        self.healthy = np.where(done, ok, self.healthy)
        self.succeeded += ok.sum(axis=1)
        self._check((done & ~ok).any(axis=1))

    def _check(self, rows: Flags) -> None:
        """Fail where hosts wait and the minimum does not let them go."""
        if self.step.strict:
            self._fail(rows)
            return
        hopeful = (self.waiting & ~self.healthy) | (self._flying & ~self.was_healthy)
        left = self.waiting.any(axis=1)
        total = self.healthy.sum(axis=1) + hopeful.sum(axis=1)
        self._fail(rows & left & (total <= self.step.minimum_healthy))
