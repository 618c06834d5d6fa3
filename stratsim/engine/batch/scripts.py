"""Lifecycle events on hosts, and hosts in batches, for many replications at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many, when
from stratsim.engine.batch.draws import Draws
from stratsim.engine.clock import us
from stratsim.model.plan import Deregister, HostEvent, Roll


@dataclass(slots=True)
class Script:
    """What happens on each host, from when it is taken; arrays (rows, hosts) in us.

    ``out`` is when it leaves service and ``back`` when it is in service with the
    other revision (`NEVER` where it does neither); ``done`` when it has ended,
    well or not (``failed``). From ``lost`` on a fault of the release keeps it out of
    service (`NEVER` where none does), and from ``ill`` to ``well`` it is registered
    and not healthy. It comes back ``new`` or old, and is ``free`` for another deployment
    when its last event is over: a script that was stopped is never ``done``.
    """

    out: Times
    back: Times
    done: Times
    lost: Times
    ill: Times
    well: Times
    failed: Flags
    new: Flags
    free: Times

    def take(self, keep: NDArray[np.int64]) -> "Script":
        """Return the rows `keep`."""
        return Script(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    def blank(self, size: int) -> "Script":
        """Return scripts of so many replications that do nothing."""
        shape = (size, self.done.shape[1])
        out, back, done, lost, unwell, well, free = (np.full(shape, NEVER) for _ in range(7))
        failed, new = (np.zeros(shape, dtype=bool) for _ in range(2))
        return Script(out, back, done, lost, unwell, well, failed, new, free)


def script(
    draws: Draws,
    events: Sequence[HostEvent],
    *,
    new: bool,
    purpose: str,
    fresh: bool = False,
    until: Times | None = None,
) -> Script:
    """Return the script of `events`; see `stratsim.engine.scripts.Script`.

    `fresh` hosts have no earlier revision whose scripts could fail, nor have those
    of an unknown one. From `until` on, (rows, hosts), no event begins.
    """
    shape = (len(draws.rows), draws.size)
    clock = np.zeros(shape, dtype=np.int64)
    out, back, lost, unwell, well = (np.full(shape, NEVER) for _ in range(5))
    failed = np.zeros(shape, dtype=bool)
    doomed, sick = _doomed(draws, events) if new else ({}, np.zeros(shape, dtype=bool))
    stop = np.full(shape, NEVER) if until is None else until
    for event in events:
        duration = us_many(draws.values(event.duration, "host", purpose, event.event))
        limit = us(event.timeout_s)
        ill = sick & (event.effect == "allow")
        wrong = ill | doomed.get(event.event, False)
        if event.failure > 0 and not (event.previous and fresh):
            fails = draws.chances("host fails", purpose, event.event) < event.failure
            wrong = wrong | (fails & (draws.revisions > 0) if event.previous else fails)
        begins = ~failed & (clock < stop)
        if event.effect == "block":
            out = np.where(begins, np.minimum(out, clock), out)
        late = ill | (duration > limit)
        spent = np.where(late, limit, duration)
        asks = begins & (wrong | late) & (event.effect == "allow") & (spent > 0)
        unwell = np.where(asks, clock, unwell)
        # when a good host would have been healthy: what comes later is the fault's doing
        good = clock + np.minimum(duration, limit)
        clock = np.where(begins, clock + spent, clock)
        now = begins & (wrong | late) & (not event.forgiven)
        # a host that is still, or again, in service stays there
        outside = (out < NEVER) | (fresh or ~draws.healthy)
        struck = now & outside & (back == NEVER) & _any(doomed, sick)
        lost = np.where(struck, np.where(ill, good, clock), lost)
        failed |= now
        well = np.where(asks, clock, well)
        if event.effect == "allow":
            back = np.where(begins & ~now, clock, back)
    done = np.where(clock < stop, clock, NEVER)
    return Script(out, back, done, lost, unwell, well, failed, np.full(shape, new), clock)


def play_of(draws: Draws, step: Roll | Deregister, until: Times | None = None) -> Script:
    """Return the script of a step; see `script`."""
    if isinstance(step, Deregister):
        return script(draws, step.events, new=False, purpose=step.event, until=until)
    fresh = step.fleet == "new"
    return script(draws, step.events, new=True, purpose="deploy", fresh=fresh, until=until)


def _any(doomed: dict[str, Flags], sick: Flags) -> Flags:
    """Return the hosts that the release's faults fail."""
    found = sick.copy()
    for hosts in doomed.values():
        found |= hosts
    return found


def _doomed(draws: Draws, events: Sequence[HostEvent]) -> tuple[dict[str, Flags], Flags]:
    """Return by event the hosts that the release's faults fail there, and the sick ones."""
    names = [event.event for event in events]
    shape = (len(draws.rows), draws.size)
    taken = np.zeros(shape, dtype=bool)
    doomed: dict[str, Flags] = {}
    for name in names:
        struck = draws.struck("hook", name) & ~taken
        doomed[name] = struck
        taken |= struck
    verdict = "ValidateService" if "ValidateService" in names else names[-1]
    for number, fault in enumerate(draws.specs):
        if fault.kind == "host" and fault.index < draws.size:
            at_once = us_many(draws.drawn(number, "after", fault.after)) == 0
            here = np.zeros(shape, dtype=bool)
            here[:, draws.places_of(fault.index)] = at_once[:, None]
            doomed[verdict] = doomed.get(verdict, here) | (here & ~taken)
            taken |= here
    sick = np.zeros(shape, dtype=bool)
    if any(event.effect == "allow" for event in events):
        sick = draws.struck("startup", "") & ~taken
    return doomed, sick


@dataclass(slots=True)
class Pass:
    """Hosts taken a few at a time; ``start`` (rows, hosts), `NEVER` where never taken.

    ``end`` (rows,) is when the pass ended, ``failed`` whether by the rules of
    healthy hosts; from ``cut`` (rows, hosts) on nothing more happens on a host.
    """

    start: Times
    end: Times
    failed: Flags
    cut: Times

    def take(self, keep: NDArray[np.int64]) -> "Pass":
        """Return the rows `keep`."""
        return Pass(self.start[keep], self.end[keep], self.failed[keep], self.cut[keep])

    def blank(self, size: int) -> "Pass":
        """Return passes of so many replications that take nobody."""
        start, cut = (np.full((size, self.start.shape[1]), NEVER) for _ in range(2))
        return Pass(start, np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool), cut)

    def then(self, later: "Pass") -> "Pass":
        """Return this pass and a later one over other hosts as one."""
        start, cut = np.minimum(self.start, later.start), np.minimum(self.cut, later.cut)
        return Pass(start, later.end, later.failed, cut)

    def at(self, offset: Times) -> Times:
        """Return when hosts come to an `offset` of their script; `NEVER` where they do not."""
        at = when(self.start, offset, self.start < NEVER)
        return np.where(at < self.cut, at, NEVER)


def run_pass(
    play: Script,
    order: NDArray[np.int64],
    begin: Times,
    slots: NDArray[np.int64],
    least: int,
    *,
    wanted: Flags | None = None,
) -> Pass:
    """Take healthy hosts in `order` while slots are free; a host that fails keeps its slot.

    With n healthy hosts and a minimum of M there are `slots` = n - M of them: a failed
    host lowers the number of healthy hosts and so the slots by one, and when none is
    left while hosts wait the healthy hosts have come down to the minimum. `wanted`
    limits the pass to some hosts; `least` must succeed. What other rules ask for is
    `stratsim.engine.batch.host_pass`.
    """
    rows, hosts = play.done.shape
    every = np.arange(rows)
    start = np.full((rows, hosts), NEVER)
    width = max(int(slots.max(initial=0)), 1)
    free = np.where(np.arange(width) < slots[:, None], begin[:, None], NEVER)
    for place in range(hosts):
        host = order[:, place]
        take = np.ones(rows, dtype=bool) if wanted is None else wanted[every, host]
        slot = free.argmin(axis=1)
        at = free[every, slot]
        go = take & (at < NEVER)
        start[every, host] = np.where(go, at, start[every, host])
        until = np.where(play.failed[every, host], NEVER, at + play.done[every, host])
        free[every, slot] = np.where(go, until, free[every, slot])
    taken = start < NEVER
    end = np.where(taken, start + play.done, begin[:, None]).max(axis=1)
    asked = np.ones_like(taken) if wanted is None else wanted
    good = (taken & ~play.failed & asked).sum(axis=1)
    failed = (asked & ~taken).any(axis=1) | (good < least)
    return Pass(start, end, failed, np.full(start.shape, NEVER))
