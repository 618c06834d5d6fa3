"""The walk of the alarms' chain through the minutes of a deployment, to its ends.

Beside the probability of each state goes the expectation, on that state, of what
faults did so far less its mean: an alarm that fires early has seen more than the
usual failures, and these very failures are counted.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from stratsim.engine.batch.changes import NEVER, Times
from stratsim.engine.exact.minutes import Minutes
from stratsim.engine.exact.pieces import Index
from stratsim.engine.exact.states import Flags, Machine, Rows, Step
from stratsim.engine.exact.symbols import MEASURES
from stratsim.model.quantities import Array

NOT = -1_000_000
"""A minute that has not come."""

_RARE = 1e-13


class Past(NamedTuple):
    """What has happened so far, in minutes.

    ``paged``: the first alarm; ``met``: the first request that met a fault;
    ``detected``: the first alarm of the deployment group then or later. ``blind``
    says that the deployment passes over its alarms.
    """

    paged: int = NOT
    met: int = NOT
    detected: int = NOT
    blind: bool = False


@dataclass(slots=True)
class Limits:
    """Moments that bound the walk; (worlds,) each, in microseconds.

    ``end`` is the plan's, ``unwatched`` when alarms stop to matter, ``calm`` when a
    run is over in which no request has met a fault; ``settled`` says that a run is
    over with its plan in any case, ``follows`` that it may outlast it.
    """

    end: Times
    unwatched: Times
    calm: Times
    settled: Flags
    follow: Times
    respond: int
    notice: int
    poll: int
    refuses: bool
    follows: Flags


@dataclass(slots=True)
class Ends:
    """How deployments end: a list of atoms, to be joined to arrays.

    ``stopped`` is the minute after which an alarm stopped the deployment, `NOT`
    where none did; ``minute`` the last one that was walked.
    """

    world: list[Index] = field(default_factory=list)
    p: list[Array] = field(default_factory=list)
    x: list[Array] = field(default_factory=list)
    past: list[tuple[Past, int, int]] = field(default_factory=list)

    def add(self, past: Past, stopped: int, minute: int, p: Array, x: Array) -> None:
        """Add what has a probability."""
        here = np.nonzero(p > _RARE)[0]
        if len(here):
            self.world.append(here)
            self.p.append(p[here])
            self.x.append(x[:, here])
            self.past.append((past, stopped, minute))


Population = dict[Past, tuple[Array, Array]]


class Walk:
    """The chain over the minutes of all worlds at once."""

    def __init__(self, machine: Machine, minutes: Minutes, limits: Limits) -> None:
        self.machine, self.minutes, self.limits = machine, minutes, limits
        self.worlds = len(limits.end)
        self.ends = Ends()
        self.rows: Rows = machine.start()
        p, x = np.ones((self.worlds, 1)), np.zeros((MEASURES, self.worlds, 1))
        self.classes: Population = {Past(): (p, x)}

    def run(self) -> Ends:
        """Walk to the end; return how deployments end, with probabilities."""
        self._settle()
        last = self.minutes.first + self.minutes.kind.shape[1] - 1
        for minute in range(last + 1):
            self._absorb(minute)
            if not self.classes:
                return self.ends
            self._minute(minute)
        self._absorb(last + 1, everything=True)
        return self.ends

    # -- before the deployment ------------------------------------------------------

    def _settle(self) -> None:
        """Let alarms look at the history; stop what begins in ALARM."""
        judges, first = self.machine.judges, self.minutes.first
        rounds = [3 if j.program.alarm.treatment == "ignore" else 1 for j in judges]
        if first == 0:
            self._advance(None, tuple(True for _ in judges))
        for minute in range(first, 0):
            self._advance(minute, tuple(minute >= -r for r in rounds))
        active = self.machine.active(self.rows)
        if not active.any():
            return
        p, x = self.classes.pop(Past())
        here = p * active
        if self.limits.refuses:
            self.ends.add(Past(), NOT, NOT, here.sum(axis=1), x[:, :, active].sum(axis=2))
        else:
            self.classes[Past(blind=True)] = here, x * active
        self.classes[Past()] = p * ~active, x * ~active

    def _advance(self, minute: int | None, evaluated: tuple[bool, ...]) -> None:
        if minute is None:
            q = np.zeros((self.worlds, 3 ** len(self.machine.judges)))
            q[:, self.machine.never] = 1.0
        else:
            q = self.minutes.table.p[self.minutes.kind[:, minute - self.minutes.first]]
        step = self.machine.step(self.rows, _support(q), evaluated)
        p, x = self.classes[Past()]
        arcs = p[:, step.source] * q[:, step.symbol] * step.p
        self.rows = step.rows
        self.classes = {Past(): (_joined(arcs, step), np.zeros((*x.shape[:2], len(step.rows))))}

    # -- the deployment ---------------------------------------------------------------

    def end_of(self, minute: int) -> Times:
        """Return when a minute ends in each world."""
        return np.asarray(self.minutes.edges[:, minute - self.minutes.first + 1])

    def people(self, past: Past) -> Times:
        """Return when people act."""
        found = np.full(self.worlds, NEVER)
        if past.paged > NOT:
            found = self.end_of(past.paged) + self.limits.respond
        if past.met > NOT:
            met = self.minutes.meets[:, past.met - self.minutes.first].astype(np.int64)
            found = np.minimum(found, met + self.limits.notice)
        return found

    def _absorb(self, minute: int, *, everything: bool = False) -> None:
        """Take out those for whom alarms can change nothing any more."""
        now = self.end_of(minute) if not everything else np.full(self.worlds, NEVER)
        limits, group = self.limits, bool(self.machine.group)
        ended = limits.end < now
        for past, (p, x) in list(self.classes.items()):
            known = past.met > NOT and (past.detected > NOT or not group)
            known &= past.paged > NOT or not self.machine.judges
            over = limits.calm if past.met == NOT else limits.follow
            done = (self.people(past) < now) | (ended & (limits.settled | known))
            done |= (over <= now - 60_000_000) | everything
            if not done.any():
                continue
            self.ends.add(past, NOT, minute - 1, p.sum(axis=1) * done, x.sum(axis=2) * done)
            if done.all():
                del self.classes[past]
            else:
                self.classes[past] = p * ~done[:, None], x * ~done[:, None]

    def _minute(self, minute: int) -> None:
        minutes, place = self.minutes, minute - self.minutes.first
        kind, table = minutes.kind[:, place], minutes.table
        q, x, alone = table.p[kind], table.x[kind], table.alone[kind]
        means = np.stack([minutes.sums["failed"][:, place], minutes.sums["met"][:, place]])
        centred = np.moveaxis(x, 1, 0) - means[:, :, None] * q
        spared = -means[:, :, None] * alone
        meets = bool((q - alone).sum(axis=1).max() > _RARE)
        step = self.machine.step(self.rows, _support(q), tuple(True for _ in self.machine.judges))
        old, self.classes = self.classes, {}
        found: defaultdict[Past, list[tuple[Array, Array]]] = defaultdict(list)
        for past, population in old.items():
            if past.met > NOT or not meets:
                self._move(past, population, (q, centred), step, minute, found)
                continue
            self._move(past, population, (alone, spared), step, minute, found)
            now = past._replace(met=minute)
            self._move(now, population, (q - alone, centred - spared), step, minute, found)
        self.rows = step.rows
        for past, parts in found.items():
            self.classes[past] = sum(p for p, _ in parts), sum(x for _, x in parts)  # type: ignore[assignment]
        self._prune()

    def _move(
        self,
        past: Past,
        population: tuple[Array, Array],
        shown: tuple[Array, Array],
        step: Step,
        minute: int,
        found: defaultdict[Past, list[tuple[Array, Array]]],
    ) -> None:
        """Move one class along the arcs of a minute."""
        (p, x), (q, moment) = population, shown
        chance = q[:, step.symbol] * step.p
        here = p[:, step.source]
        arcs = here * chance
        if arcs.max(initial=0.0) < _RARE:
            return
        moments = x[:, :, step.source] * chance + here * (moment[:, :, step.symbol] * step.p)
        paged = past if past.paged > NOT else past._replace(paged=minute)
        for fires in (False, True) if step.stops.any() else ():
            which = step.stops & (step.fires == fires)
            then = paged if fires else past
            # an alarm that fires in the minute of the first request that met a fault
            # has detected it; one that fires before has not
            told = then._replace(detected=minute if past.met > NOT else NOT)
            stopping = self._stopping(then, minute)[:, None] & which
            self.ends.add(
                told,
                minute,
                minute,
                (arcs * stopping).sum(axis=1),
                (moments * stopping).sum(axis=2),
            )
            arcs, moments = arcs * ~stopping, moments * ~stopping
        for fires in (False, True):
            for active in (False, True):
                mask = (step.fires == fires) & (step.active == active)
                if not mask.any():
                    continue
                to = paged if fires else past
                if active and past.met > NOT and past.detected == NOT:
                    to = to._replace(detected=minute)
                if (arcs * mask).max(initial=0.0) > _RARE:
                    found[to].append((_joined(arcs * mask, step), _joined(moments * mask, step)))

    def _stopping(self, past: Past, minute: int) -> Flags:
        """Return in which worlds an alarm at the end of `minute` stops the deployment."""
        limits, now = self.limits, self.end_of(minute)
        poll = poll_after(now, limits.poll)
        stops = (now <= limits.end) & (poll <= limits.end) & (poll < limits.unwatched)
        return stops & (self.people(past) >= poll) & (not past.blind)

    def _prune(self) -> None:
        """Forget states that are next to impossible."""
        if not self.classes:
            return
        most = np.max([p.max(axis=0) for p, _ in self.classes.values()], axis=0)
        keep = most > _RARE
        if not keep.all():
            self.rows = self.rows[keep]
            self.classes = {
                past: (p[:, keep], x[:, :, keep]) for past, (p, x) in self.classes.items()
            }


def poll_after(at: Times, poll: int) -> Times:
    """Return the first poll at `at` or later."""
    return at if poll == 0 else -(-at // poll) * poll


def _support(q: Array) -> tuple[int, ...]:
    return tuple(np.nonzero(q.max(axis=0) > _RARE)[0].tolist())


def _joined(arcs: Array, step: Step) -> Array:
    """Return the sums over arcs by target, along the last axis."""
    order = np.argsort(step.target, kind="stable")
    target = step.target[order]
    starts = np.nonzero(np.diff(target, prepend=-1))[0]
    return np.add.reduceat(arcs[..., order], starts, axis=-1)
