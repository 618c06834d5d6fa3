"""Alarms as a finite chain: which datapoints an evaluation range can hold.

A state is a row: the symbols of the last minutes, oldest first (twice the symbol,
plus one while it is not yet published), then each metric alarm's state. A minute
is published so many minutes after its end, by chance where the delay is random.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.evaluation import STATES, judge_many
from stratsim.engine.batch.changes import Flags
from stratsim.engine.exact.arcs import Arcs, Index, distinct
from stratsim.engine.exact.codes import Judge
from stratsim.errors import UnsupportedError
from stratsim.model.quantities import Array, Distribution, Fixed, LogNormal, Mixture, Uniform
from stratsim.watch import CompositeProgram, MetricProgram

Rows = NDArray[np.int64]

MOST = 60_000
"""Most states of the chain; a scenario that needs more is refused by name."""

_KEPT = 16  # machines
_OK, _ALARM, _INSUFFICIENT = 0, 1, 2
_RARE = 1e-13


@dataclass(slots=True)
class Step:
    """One minute in structure: how states lead to states.

    ``matrix`` (arcs, states) holds the chances of what is published; an arc is a symbol
    of the support and a place where it leads, of several ones from ``begin`` on.
    ``states`` are the targets. A group is what its arcs have in common: whether an alarm
    of the deployment group changes to ALARM, whether any alarm does that people hear of,
    and whether one of the group is in ALARM afterwards.
    """

    support: tuple[int, ...]
    matrix: Any
    symbol: Index
    place: Index
    begin: Index
    groups: tuple[tuple[bool, bool, bool], ...]
    states: Index

    def lead(self, population: Array, p: Array, x: Array | None = None) -> Array:
        """Return (groups, targets, 1 + measures, rows) of what a population leads to.

        Which is (states, 1 + measures, rows). A minute shows the symbols with chances `p`
        (symbols, rows), and moments `x` (symbols, measures, rows) if they are counted.
        """
        rest = population.shape[1:]
        ahead = (self.matrix @ population.reshape(len(population), -1)).reshape(-1, *rest)
        arcs = ahead * p[self.symbol][:, None]
        if x is not None:
            arcs[:, 1:] += ahead[:, :1] * x[self.symbol]
        found = np.zeros((len(self.groups) * len(self.states), *rest))
        alone = len(self.begin) == len(arcs)
        found[self.place] = arcs if alone else np.add.reduceat(arcs, self.begin)
        return found.reshape(len(self.groups), len(self.states), *rest)


class _Made(local):
    """The machines of this thread, which other solutions go on with."""

    def __init__(self) -> None:
        self.machines: dict[Hashable, Machine] = {}


class Machine:
    """All alarms of a scenario as one chain, whose states are numbered as they are found.

    What a step leads to is in the order of the states' rows: so it does not depend on
    what has been found before.
    """

    @classmethod
    def of(
        cls,
        judges: Sequence[Judge],
        composites: Sequence[CompositeProgram],
        group: frozenset[str],
        delay: Distribution,
    ) -> "Machine":
        """Return the machine of alarms; those that are evaluated alike share one."""
        own = tuple((j.program.name, j.program.size, j.program.acts, *j.evaluates) for j in judges)
        rules = tuple((p.name, p.alarm.AlarmRule, p.acts) for p in composites)
        key = own, rules, group, delay
        made = _MADE.machines
        if key not in made:
            if len(made) >= _KEPT:
                made.pop(next(iter(made)))
            made[key] = cls(judges, composites, group, delay)
        return made[key]

    def __init__(
        self,
        judges: Sequence[Judge],
        composites: Sequence[CompositeProgram],
        group: frozenset[str],
        delay: Distribution,
    ) -> None:
        self.judges, self.composites, self.group = judges, composites, group
        programs: list[MetricProgram | CompositeProgram] = [j.program for j in judges]
        self.acting = {p.name for p in (*programs, *composites) if p.acts}
        self.range = max((judge.program.size for judge in judges), default=1)
        seen = [chance_within(delay, 60.0 * age) for age in range(self.range)]
        before = [0.0, *seen[:-1]]
        self.hazards = [
            (now - was) / (1 - was) if was < 1 - _RARE else 1.0
            for now, was in zip(seen, before, strict=True)
        ]
        start = np.full((1, self.range + len(judges)), 2 * self.never, dtype=np.int64)
        start[:, self.range :] = _INSUFFICIENT
        self._rows, self._numbers = start, {start.tobytes(): 0}
        self._arcs: dict[tuple[bool, ...], Arcs] = {}
        self._steps: dict[tuple[bytes, tuple[int, ...], tuple[bool, ...]], Step] = {}

    def start(self) -> Index:
        """Return the state of alarms that have never seen anything."""
        return np.zeros(1, dtype=np.int64)

    @property
    def never(self) -> int:
        """The symbol of a minute of which there are no data at all."""
        return sum((judge.unseen + 1) * 3**at for at, judge in enumerate(self.judges))

    def step(self, states: Index, support: tuple[int, ...], evaluated: tuple[bool, ...]) -> Step:
        """Return the arcs of a minute that may show the symbols of `support`.

        Alarms that are not ``evaluated`` keep their states.
        """
        key = (states.tobytes(), support, evaluated)
        found = self._steps.get(key)
        if found is None:
            if len(self._steps) > 512:
                self._steps.clear()
            found = self._steps[key] = self._step(states, support, evaluated)
        return found

    def _step(self, states: Index, support: tuple[int, ...], evaluated: tuple[bool, ...]) -> Step:
        from scipy.sparse import coo_array

        arcs = self._arcs.setdefault(evaluated, Arcs())
        symbols, before = 3 ** len(self.judges), len(states)
        pairs = (np.array(support)[:, None] + symbols * states).reshape(-1)
        fresh = pairs[~arcs.known(pairs)]
        if len(fresh):
            arcs.add(fresh, *self._led(fresh // symbols, fresh % symbols, evaluated))
        source, target, p, group = arcs.of(pairs)
        there = np.zeros(len(self._rows), dtype=bool)
        there[target] = True
        if (count := int(there.sum())) > MOST:
            msg = (
                "the exact engine does not know alarms with too many states: at most "
                f"{MOST} are followed, and these have {count} or more"
            )
            raise UnsupportedError(msg)
        used, part = np.unique(group, return_inverse=True)
        states = np.nonzero(there)[0]
        states = states[np.lexsort(self._rows[states].T)]
        order = np.empty(len(there), dtype=np.int64)
        order[states] = np.arange(count)
        # of each place that is led to, by symbol
        arc = (part * count + order[target]) * len(support) + source // before
        each, row = np.unique(arc, return_inverse=True)
        matrix = coo_array((p, (row, source % before)), shape=(len(each), before))
        place, begin = np.unique(each // len(support), return_index=True)
        groups = tuple((bool(g & 4), bool(g & 2), bool(g & 1)) for g in used.tolist())
        symbol = each % len(support)
        return Step(support, matrix.tocsr(), symbol, place, begin, groups, states)

    def _led(
        self, states: Index, symbol: Index, evaluated: tuple[bool, ...]
    ) -> tuple[Index, Index, Array, Index]:
        """Return where each state goes that sees a symbol: pair, target, chance and group."""
        rows, size = self._rows[states], self.range
        cells = np.concatenate([rows[:, 1:size], (2 * symbol + 1)[:, None]], axis=1)
        cells, source, p = self._publish(cells)
        before = rows[source, size:]
        after = self._evaluate(cells, before, evaluated)
        fired, stops = self._changes(before, after)
        whole = np.concatenate([self._forget(cells), self._merged(after)], axis=1)
        fresh, target = distinct(whole)
        group = 4 * stops + 2 * fired + self._active(after)
        return source, self._number(fresh)[target], p, group

    def _number(self, rows: Rows) -> Index:
        """Return the states' numbers, of new ones as well."""
        old = len(self._numbers)
        each = [self._numbers.setdefault(row.tobytes(), len(self._numbers)) for row in rows]
        found = np.array(each, dtype=np.int64)
        self._rows = np.concatenate([self._rows, rows[found >= old]])
        return found

    def _publish(self, cells: Rows) -> tuple[Rows, Index, Array]:
        """Let each minute that is not published be published, or not: cells, origin, chance."""
        source, p = np.arange(len(cells)), np.ones(len(cells))
        for age, hazard in enumerate(self.hazards):
            at = self.range - 1 - age
            pending = cells[:, at] % 2 == 1
            if hazard <= 0 or not pending.any():
                continue
            seen = cells.copy()
            seen[:, at] -= pending
            if hazard >= 1:
                cells = seen
                continue
            stay = np.nonzero(pending)[0]
            p_seen = np.where(pending, p * hazard, p)
            cells = np.concatenate([seen, cells[stay]])
            source = np.concatenate([source, source[stay]])
            p = np.concatenate([p_seen, p[stay] * (1 - hazard)])
            keep = p > _RARE
            cells, source, p = cells[keep], source[keep], p[keep]
        return cells, source, p

    def _codes(self, cells: Rows, alarm: int) -> NDArray[np.int8]:
        """Return one alarm's datapoints as it sees them, (rows, its range)."""
        judge = self.judges[alarm]
        own = cells[:, self.range - judge.program.size :]
        codes = own // 2 // 3**alarm % 3 - 1
        return np.where(own % 2 == 1, judge.unseen, codes).astype(np.int8)

    def _evaluate(self, cells: Rows, before: Rows, evaluated: tuple[bool, ...]) -> Rows:
        after = before.copy()
        for number, judge in enumerate(self.judges):
            if evaluated[number]:
                alarm = judge.program.alarm
                codes, old = self._codes(cells, number), before[:, number].astype(np.int8)
                after[:, number] = judge_many(codes, alarm.m, alarm.n, alarm.treatment, old)
        return after

    def _all_states(self, states: Rows) -> Mapping[str, Rows]:
        """Return every alarm's states by name, composites included."""
        found = {j.program.name: states[:, at] for at, j in enumerate(self.judges)}
        for program in self.composites:
            children = np.stack([found[name] for name in program.children], axis=1)
            distinct, place = np.unique(children, axis=0, return_inverse=True)
            verdicts = np.array(
                [
                    int(
                        program.evaluate(
                            {n: STATES[s] for n, s in zip(program.children, row, strict=True)}
                        )
                    )
                    for row in distinct
                ]
            )
            found[program.name] = verdicts[place.reshape(-1)]
        return found

    def _changes(self, before: Rows, after: Rows) -> tuple[Flags, Flags]:
        fires, stops = np.zeros(len(before), bool), np.zeros(len(before), bool)
        was, now = self._all_states(before), self._all_states(after)
        for name, states in now.items():
            changed = (states == _ALARM) & (was[name] != _ALARM)
            if name in self.acting:
                fires |= changed
            if name in self.group:
                stops |= changed
        return fires, stops

    def _active(self, states: Rows) -> Flags:
        active = np.zeros(len(states), bool)
        for name, found in self._all_states(states).items():
            if name in self.group:
                active |= found == _ALARM
        return active

    def active(self, states: Index) -> Flags:
        """Return where an alarm of the deployment group is in ALARM."""
        return self._active(self._rows[states, self.range :])

    def _merged(self, states: Rows) -> Rows:
        """Drop what nothing can tell apart any more: OK and INSUFFICIENT_DATA."""
        if self.composites:
            return states
        return np.where(states == _INSUFFICIENT, _OK, states)

    def _forget(self, cells: Rows) -> Rows:
        """Drop datapoints that lie behind EvaluationPeriods newer ones, for good."""
        size, found = self.range, np.zeros_like(cells)
        pending = cells % 2
        for number, judge in enumerate(self.judges):
            digit = cells // 2 // 3**number % 3
            n = judge.program.alarm.n
            real = (digit > 0) & (pending == 0)
            newer = np.cumsum(real[:, ::-1], axis=1)[:, ::-1] - real
            out_of_range = np.arange(size) < size - judge.program.size
            keep = (newer < n) & ~out_of_range
            if judge.unseen != -1:
                keep = keep | (pending == 1)
            found += np.where(keep, digit, 0) * 3**number
        # the oldest place is about to leave: nothing of it matters
        found, pending = found.copy(), pending.copy()
        found[:, 0], pending[:, 0] = 0, 0
        return 2 * found + pending * (found > 0) if self._plain else 2 * found + pending

    @property
    def _plain(self) -> bool:
        """Whether what is not published is without a datapoint for every alarm."""
        return all(judge.unseen == -1 for judge in self.judges)


_MADE = _Made()


def chance_within(delay: Distribution, age_s: float) -> float:
    """Return P(delay <= `age_s`), delays in whole microseconds."""
    from scipy.special import ndtr

    if isinstance(delay, Mixture):
        parts = zip(delay.weights, delay.parts, strict=True)
        return float(sum(w * chance_within(part, age_s) for w, part in parts))
    if isinstance(delay, Uniform) and delay.high > delay.low:
        return float(np.clip((age_s - delay.low) / (delay.high - delay.low), 0.0, 1.0))
    if isinstance(delay, LogNormal) and delay.sigma > 0 and delay.median > 0:
        return float(ndtr(np.log(age_s / delay.median) / delay.sigma)) if age_s > 0 else 0.0
    fixed = delay.value if isinstance(delay, Fixed) else delay.mean
    return float(round(fixed * 1e6) <= age_s * 1e6)
