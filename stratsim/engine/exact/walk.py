"""The walk of the alarms' chain through the minutes of a deployment, to its ends.

Beside the probability of each state goes the expectation, on that state, of what
faults did so far less its mean: an alarm that fires early has seen more than the
usual failures, and these very failures are counted.
"""

from collections import defaultdict
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
from stratsim.watch import MINUTE_US

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

    def add(self, rows: Index, past: Past, stopped: int, minute: int, p: Array, x: Array) -> None:
        """Add what has a probability in some `rows`."""
        here = np.nonzero(p > RARE)[0]
        if len(here):
            self.row.append(rows[here])
            self.p.append(p[here])
            self.x.append(x[:, here] if len(x) else np.zeros((MEASURES, len(here))))
            self.past.append((past, stopped, minute))


Population = dict[Past, Array]
"""By past, (states, 1 + measures, rows): probabilities, then the expectations."""


class Walk:
    """The chain over the minutes of some worlds and variants of the alarms at once.

    A row is a world under one variant: those of the first variant, then the next.
    The variants share a ``machine``. What is less probable than ``rare`` is forgotten.
    What is found is added to ``ends``.
    """

    def __init__(
        self,
        machine: Machine,
        minutes: Minutes,
        table: Table,
        limits: Limits,
        variants: Index,
        rare: float,
        worlds: Index,
        ends: Ends,
    ) -> None:
        count = len(limits.end)
        every = np.tile(worlds, len(variants))
        minutes, limits = minutes.taken(every), limits.taken(every)
        self.variant = np.repeat(variants, len(worlds))
        self.machine, self.minutes, self.limits = machine, minutes, limits
        self.table = table
        self.rare = rare
        self.rows = every + count * self.variant
        self.ends = ends
        self.states = machine.start()
        self.counted = bool(minutes.sums["met"].any())
        start = np.zeros((1, 1 + MEASURES * self.counted, len(self.rows)))
        start[:, 0] = 1.0
        self.classes: Population = {Past(): start}
        self._people: dict[Past, Times] = {}
        self._overs: dict[Past, Times] = {}

    def run(self) -> None:
        """Walk to the end; find out how deployments end, with probabilities."""
        self._settle()
        last = self.minutes.first + self.minutes.kind.shape[1] - 1
        for minute in range(last + 1):
            self._absorb(minute)
            if not self.classes:
                return
            self._minute(minute)
        self._absorb(last + 1, everything=True)

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
            self.ends.add(
                self.rows, Past(), NOT, NOT, here[:, 0].sum(axis=0), here[:, 1:].sum(axis=0)
            )
        else:
            self.classes[Past(blind=True)] = here
        self.classes[Past()] = all_ - here

    def _advance(self, minute: int | None, evaluated: tuple[bool, ...]) -> None:
        if minute is None:
            q = np.zeros((len(self.rows), 3 ** len(self.machine.judges)))
            q[:, self.machine.never] = 1.0
        else:
            kind = self.minutes.kind[:, minute - self.minutes.first]
            q = self.table.p[kind, self.variant]
        step = self.machine.step(self.states, self._support(q), evaluated)
        led = step.lead(self.classes[Past()], q.T[list(step.support)])
        self.states, self.classes = step.states, {Past(): led.sum(axis=0)}
        self._prune()

    # -- the deployment ---------------------------------------------------------------

    def end_of(self, minute: int) -> Times:
        """Return when a minute ends in each world."""
        return np.asarray(self.minutes.edges[:, minute - self.minutes.first + 1])

    def people(self, past: Past) -> Times:
        """Return when people act; found out once for each past."""
        if past not in self._people:
            found = np.full(len(self.rows), NEVER)
            if past.paged > NOT:
                found = self.end_of(past.paged) + self.limits.respond
            if past.met > NOT:
                met = self.minutes.meets[:, past.met - self.minutes.first].astype(np.int64)
                found = np.minimum(found, met + self.limits.notice)
            self._people[past] = found
        return self._people[past]

    def _over(self, past: Past) -> Times:
        """Return after when alarms can change nothing any more; found out once as well."""
        if past not in self._overs:
            limits, group = self.limits, bool(self.machine.group)
            known = past.met > NOT and (past.detected > NOT or not group)
            known &= past.paged > NOT or not self.machine.judges
            ended = np.where(limits.settled | known, limits.end, NEVER)
            over = limits.calm if past.met == NOT else limits.follow
            over = np.minimum(over, NEVER - MINUTE_US) + MINUTE_US - 1
            self._overs[past] = np.minimum(np.minimum(self.people(past), ended), over)
        return self._overs[past]

    def _absorb(self, minute: int, *, everything: bool = False) -> None:
        """Take out those for whom alarms can change nothing any more."""
        now = self.end_of(minute) if not everything else np.full(len(self.rows), NEVER + 1)
        for past, here in list(self.classes.items()):
            done = self._over(past) < now
            if not done.any():
                continue
            over = here.sum(axis=0) * done
            self.ends.add(self.rows, past, NOT, minute - 1, over[0], over[1:])
            if done.all():
                del self.classes[past]
            else:
                self.classes[past] = here * ~done

    def _minute(self, minute: int) -> None:
        minutes, place = self.minutes, minute - self.minutes.first
        table, at = self.table, (minutes.kind[:, place], self.variant)
        q, x, alone = table.p[at], table.x[at], table.alone[at]
        means = np.stack([minutes.sums["failed"][:, place], minutes.sums["met"][:, place]], axis=1)
        centred = x - means[:, :, None] * q[:, None]
        every = tuple(True for _ in self.machine.judges)
        step = self.machine.step(self.states, self._support(q), every)
        old, self.classes = self.classes, {}
        moves = _Moves(step, minute, *self._watched(minute))
        met = bool((q - alone).sum(axis=1).max() > self.rare)
        shown = [_shown(step, q, centred)]
        if met:
            spared = -means[:, :, None] * alone[:, None]
            shown += [_shown(step, alone, spared), _shown(step, q - alone, centred - spared)]
        for past, population in old.items():
            if past.met > NOT or not met:
                self._move(past, population, shown[0], moves)
                continue
            self._move(past, population, shown[1], moves)
            self._move(past._replace(met=minute), population, shown[2], moves)
        self.states = step.states
        self.classes = {past: reduce(np.add, parts) for past, parts in moves.found.items()}
        self._prune()

    def _watched(self, minute: int) -> tuple[Times, Flags]:
        """Return when alarms at the end of `minute` are looked at, and where that matters."""
        limits, now = self.limits, self.end_of(minute)
        poll = poll_after(now, limits.poll)
        return poll, (now <= limits.end) & (poll <= limits.end) & (poll < limits.unwatched)

    def _move(self, past: Past, population: Array, shown: "_Seen", moves: "_Moves") -> None:
        """Move one class along the arcs of a minute."""
        if (population[:, 0].max(axis=0) * shown.most).max() < self.rare:
            return
        led = moves.step.lead(population, shown.p, shown.x if self.counted else None)
        minute = moves.minute
        likely = (led[:, :, 0].max(axis=(1, 2)) >= self.rare).tolist()
        paged = past if past.paged > NOT else past._replace(paged=minute)
        for (stops, fires, active), part, some in zip(moves.step.groups, led, likely, strict=True):
            if not some:
                continue
            to = paged if fires else past
            here = self._stopped(to, part, moves) if stops else part
            if active and past.met > NOT and past.detected == NOT:
                to = to._replace(detected=minute)
            moves.found[to].append(here)

    def _stopped(self, past: Past, here: Array, moves: "_Moves") -> Array:
        """Take out those whom an alarm of this minute stops; return the others."""
        if past.blind:
            return here
        stopping = moves.watched & (self.people(past) >= moves.poll)
        # an alarm that fires in the minute of the first request that met a
        # fault has detected it; one that fires before has not
        minute = moves.minute
        told = past._replace(detected=minute if past.met > NOT else NOT)
        ended = here.sum(axis=0) * stopping
        self.ends.add(self.rows, told, minute, minute, ended[0], ended[1:])
        return here * ~stopping

    def _prune(self) -> None:
        """Forget states, pasts and rows that are next to impossible."""
        self.classes = {
            past: here for past, here in self.classes.items() if here[:, 0].max() > self.rare
        }
        if not self.classes:
            return
        likely = reduce(np.maximum, [here[:, 0] for here in self.classes.values()]) > self.rare
        # a few idle states and rows cost less than another step of the chain
        keep, rows = likely.any(axis=1), likely.any(axis=0)
        if keep.mean() < _WORTH:
            self.states = self.states[keep]
            self.classes = {past: here[keep] for past, here in self.classes.items()}
        if rows.mean() < _WORTH:
            self._take(np.nonzero(rows)[0])

    def _take(self, rows: Index) -> None:
        """Go on with some rows: all the others are over."""
        self.rows, self.variant = self.rows[rows], self.variant[rows]
        self.minutes, self.limits = self.minutes.taken(rows), self.limits.taken(rows)
        self.classes = {past: here[..., rows] for past, here in self.classes.items()}
        self._people, self._overs = {}, {}

    def _support(self, q: Array) -> tuple[int, ...]:
        return tuple(np.nonzero(q.max(axis=0) > self.rare)[0].tolist())


@dataclass(slots=True)
class _Seen:
    """What a minute shows: by symbol, world and measure; ``most`` likely, (worlds,)."""

    p: Array
    x: Array
    most: Array


def _shown(step: Step, p: Array, x: Array) -> _Seen:
    support = list(step.support)
    return _Seen(p.T[support], np.transpose(x, (2, 1, 0))[support], p.max(axis=1))


@dataclass(slots=True)
class _Moves:
    """Where a minute leads; alarms are looked at at ``poll``, and ``watched`` where they matter."""

    step: Step
    minute: int
    poll: Times
    watched: Flags
    found: defaultdict[Past, list[Array]] = field(default_factory=lambda: defaultdict(list))


def poll_after(at: Times, poll: int) -> Times:
    """Return the first poll at `at` or later."""
    return at if poll == 0 else -(-at // poll) * poll
