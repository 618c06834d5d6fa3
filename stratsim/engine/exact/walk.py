"""The walk of the alarms' chain through the minutes of a deployment, to its ends.

Beside the probability of each state goes the expectation, on that state, of what
faults did so far less its mean: an alarm that fires early has seen more than the
usual failures, and these very failures are counted.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import NamedTuple

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.exact.kinds import Table
from stratsim.engine.exact.limits import RARE, Limits
from stratsim.engine.exact.minutes import Minutes
from stratsim.engine.exact.pieces import Index
from stratsim.engine.exact.states import Machine, Step
from stratsim.engine.exact.symbols import MEASURES
from stratsim.model.quantities import Array

NOT = -1_000_000
"""A minute that has not come."""

_WORTH = 0.75


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
class Ends:
    """How deployments end: a list of atoms, to be joined to arrays.

    ``stopped`` is the minute after which an alarm stopped the deployment, `NOT`
    where none did; ``minute`` the last one that was walked.
    """

    row: list[Index] = field(default_factory=list)
    p: list[Array] = field(default_factory=list)
    x: list[Array] = field(default_factory=list)
    past: list[tuple[Past, int, int]] = field(default_factory=list)

    def add(self, past: Past, stopped: int, minute: int, p: Array, x: Array) -> None:
        """Add what has a probability."""
        here = np.nonzero(p > RARE)[0]
        if len(here):
            self.row.append(here)
            self.p.append(p[here])
            self.x.append(x[:, here] if len(x) else np.zeros((MEASURES, len(here))))
            self.past.append((past, stopped, minute))


Population = dict[Past, Array]
"""By past, (states, 1 + measures, rows): probabilities, then the expectations."""


class Walk:
    """The chain over the minutes of all worlds and variants of the alarms at once.

    A row is a world under one variant: those of the first variant, then the next.
    The variants share a ``machine``. What is less probable than ``rare`` is forgotten.
    """

    def __init__(
        self,
        machine: Machine,
        minutes: Minutes,
        table: Table,
        limits: Limits,
        variants: Sequence[int] = (0,),
        rare: float = RARE,
    ) -> None:
        worlds = len(limits.end)
        minutes, limits = minutes.repeated(len(variants)), limits.repeated(len(variants))
        self.variant = np.repeat(np.array(variants, dtype=np.int64), worlds)
        self.machine, self.minutes, self.limits = machine, minutes, limits
        self.table = table
        self.rare = rare
        self.worlds = len(limits.end)
        self.ends = Ends()
        self.states = machine.start()
        self.counted = bool(minutes.sums["met"].any())
        start = np.zeros((1, 1 + MEASURES * self.counted, self.worlds))
        start[:, 0] = 1.0
        self.classes: Population = {Past(): start}

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
        active = self.machine.active(self.states)
        if not active.any():
            return
        all_ = self.classes.pop(Past())
        here = all_ * active[:, None, None]
        if self.limits.refuses:
            self.ends.add(Past(), NOT, NOT, here[:, 0].sum(axis=0), here[:, 1:].sum(axis=0))
        else:
            self.classes[Past(blind=True)] = here
        self.classes[Past()] = all_ - here

    def _advance(self, minute: int | None, evaluated: tuple[bool, ...]) -> None:
        if minute is None:
            q = np.zeros((self.worlds, 3 ** len(self.machine.judges)))
            q[:, self.machine.never] = 1.0
        else:
            kind = self.minutes.kind[:, minute - self.minutes.first]
            q = self.table.p[kind, self.variant]
        step = self.machine.step(self.states, self._support(q), evaluated)
        here = self.classes[Past()] * q.T[list(step.support), None, None, :]
        self.states, self.classes = step.states, {Past(): step.lead(here).sum(axis=0)}
        self._prune()

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
        for past, here in list(self.classes.items()):
            known = past.met > NOT and (past.detected > NOT or not group)
            known &= past.paged > NOT or not self.machine.judges
            over = limits.calm if past.met == NOT else limits.follow
            done = (self.people(past) < now) | (ended & (limits.settled | known))
            done |= (over <= now - 60_000_000) | everything
            if not done.any():
                continue
            over_ = here.sum(axis=0) * done
            self.ends.add(past, NOT, minute - 1, over_[0], over_[1:])
            if done.all():
                del self.classes[past]
            else:
                self.classes[past] = here * ~done

    def _minute(self, minute: int) -> None:
        minutes, place = self.minutes, minute - self.minutes.first
        table, at = self.table, (minutes.kind[:, place], self.variant)
        q, x, alone = table.p[at], table.x[at], table.alone[at]
        means = np.stack([minutes.sums["failed"][:, place], minutes.sums["met"][:, place]])
        centred = np.moveaxis(x, 1, 0) - means[:, :, None] * q
        spared = -means[:, :, None] * alone
        meets = bool((q - alone).sum(axis=1).max() > self.rare)
        every = tuple(True for _ in self.machine.judges)
        step = self.machine.step(self.states, self._support(q), every)
        old, self.classes = self.classes, {}
        found: defaultdict[Past, list[Array]] = defaultdict(list)
        for past, population in old.items():
            if past.met > NOT or not meets:
                self._move(past, population, (q, centred), step, minute, found)
                continue
            self._move(past, population, (alone, spared), step, minute, found)
            now = past._replace(met=minute)
            self._move(now, population, (q - alone, centred - spared), step, minute, found)
        self.states = step.states
        self.classes = {past: reduce(np.add, parts) for past, parts in found.items()}
        self._prune()

    def _move(
        self,
        past: Past,
        population: Array,
        shown: tuple[Array, Array],
        step: Step,
        minute: int,
        found: defaultdict[Past, list[Array]],
    ) -> None:
        """Move one class along the arcs of a minute."""
        support = list(step.support)
        q, moment = shown[0].T[support], shown[1].transpose(2, 0, 1)[support]
        # by symbol, state, and world: probabilities and expectations
        arcs = population * q[:, None, None, :]
        if arcs[:, :, 0].max(initial=0.0) < self.rare:
            return
        if self.counted:
            arcs[:, :, 1:] += population[None, :, :1] * moment[:, None]
        paged = past if past.paged > NOT else past._replace(paged=minute)
        for (stops, fires, active), part in zip(step.groups, step.lead(arcs), strict=True):
            if part[:, 0].max() < self.rare:
                continue
            to = paged if fires else past
            here = part
            if stops:
                # an alarm that fires in the minute of the first request that met a
                # fault has detected it; one that fires before has not
                told = to._replace(detected=minute if past.met > NOT else NOT)
                stopping = self._stopping(to, minute)
                ended = part.sum(axis=0) * stopping
                self.ends.add(told, minute, minute, ended[0], ended[1:])
                here = part * ~stopping
            if active and past.met > NOT and past.detected == NOT:
                to = to._replace(detected=minute)
            found[to].append(here)

    def _stopping(self, past: Past, minute: int) -> Flags:
        """Return in which worlds an alarm at the end of `minute` stops the deployment."""
        limits, now = self.limits, self.end_of(minute)
        poll = poll_after(now, limits.poll)
        stops = (now <= limits.end) & (poll <= limits.end) & (poll < limits.unwatched)
        return np.asarray(stops & (self.people(past) >= poll) & (not past.blind))

    def _prune(self) -> None:
        """Forget states, and pasts, that are next to impossible."""
        most = {past: here[:, 0].max(axis=1) for past, here in self.classes.items()}
        likely = [past for past, each in most.items() if each.max() > self.rare]
        keep = np.max([most[past] for past in likely], axis=0) > self.rare if likely else None
        self.classes = {past: self.classes[past] for past in likely}
        # a few idle states cost less than another step of the chain
        if keep is not None and keep.mean() < _WORTH:
            self.states = self.states[keep]
            self.classes = {past: here[keep] for past, here in self.classes.items()}

    def _support(self, q: Array) -> tuple[int, ...]:
        return tuple(np.nonzero(q.max(axis=0) > self.rare)[0].tolist())


def poll_after(at: Times, poll: int) -> Times:
    """Return the first poll at `at` or later."""
    return at if poll == 0 else -(-at // poll) * poll
