"""Worlds under several outcomes of the release at once, as rows of the same arrays.

Outcomes differ in little: faults that requests meet only later leave a schedule as
it is. So all are gone through together: the worlds of the first, then of the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Changes, Flags, Times
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.faults import Drawn, draw_faults
from stratsim.engine.batch.schedule import schedule
from stratsim.engine.effects import SERVED
from stratsim.model.plan import Plan
from stratsim.model.quantities import Array, Distribution

Index = NDArray[np.int64]

_LATE = NEVER // 2
"""Since when a fault is there where an outcome lacks it; sums with `NEVER` stay in range."""


class Outcomes(Draws):
    """The draws of ``each`` outcome, one below the other; what depends on it is left out."""

    def __init__(self, each: Sequence[Draws]) -> None:
        super().__init__(each[0].worlds, np.concatenate([one.rows for one in each]), -1)
        self.each = each
        self.sizes = [len(one.rows) for one in each]

    def value(self, distribution: Distribution, *key: str | int) -> Array:
        """Return one draw per row, (rows,)."""
        return np.concatenate([one.value(distribution, *key) for one in self.each])

    def values(self, distribution: Distribution, *key: str | int) -> Array:
        """Return one draw per row and instance, (rows, instances)."""
        return np.concatenate([one.values(distribution, *key) for one in self.each])

    @property
    def outcomes(self) -> Index:
        """Each row's outcome, (rows,)."""
        return np.repeat([one.outcome for one in self.each], self.sizes)


@dataclass(slots=True)
class Course:
    """What `stratsim.engine.batch.timetable.Schedule` says of fleets that nothing stops."""

    changes: Changes
    end: Times
    status: Index
    can_undo: Flags
    unwatched: Times
    retired: Times


def course(plan: Plan, draws: Outcomes) -> Course:
    """Return the schedule of all rows; outcomes whose faults meet requests alone share it."""
    alone = [one for one in draws.each if any(fault.kind not in SERVED for fault in one.specs)]
    usual = [one for one in draws.each if one not in alone]
    played = [*sorted(usual, key=lambda one: -len(one.rows))[:1], *alone]
    found = [schedule(plan, one) for one in played]
    begin = np.cumsum([0, *(len(one.rows) for one in played)])
    row = np.concatenate(
        [one.rows + (begin[played.index(one)] if one in alone else 0) for one in draws.each]
    )
    names = ("end", "status", "can_undo", "unwatched", "retired")
    columns = (np.concatenate([getattr(one, name) for one in found])[row] for name in names)
    return Course(_stacked([one.changes for one in found]).take(row), *columns)


def _stacked(each: Sequence[Changes]) -> Changes:
    """Return changes one below the other; the last column of a row is `NEVER` anyway."""
    if len(each) == 1:
        return each[0]
    width = max(one.time.shape[1] for one in each)
    kinds = dict.fromkeys(kind for one in each for kind in one.add)

    def below(parts: Sequence[NDArray[Any]], fill: Any) -> NDArray[Any]:
        rest = [[(0, 0), (0, width - part.shape[1])] for part in parts]
        padded = (np.pad(p, r, constant_values=fill) for p, r in zip(parts, rest, strict=True))
        return np.concatenate(list(padded))

    return Changes(
        below([one.time for one in each], NEVER),
        below([one.ordered for one in each], NEVER),
        below([one.weight for one in each], np.nan),
        {k: below([one.add.get(k, 0.0 * one.weight) for one in each], 0.0) for k in kinds},
    )


def all_faults(draws: Outcomes) -> list[Drawn]:
    """Return the faults that requests can meet; those of outcomes that are alike are one."""
    alike: dict[tuple[object, ...], dict[int, Drawn]] = {}
    for number, one in enumerate(draws.each):
        before: list[tuple[object, ...]] = []
        for fault in draw_faults(one):
            kind = fault.spec.kind, fault.spec.above_load, fault.spec.share
            alike.setdefault((*kind, before.count(kind)), {})[number] = fault
            before.append(kind)
    return [_merged(own, draws) for own in alike.values()]


def _merged(own: dict[int, Drawn], draws: Outcomes) -> Drawn:
    """Return one fault of all rows out of those of some outcomes."""
    rows = len(draws.rows)
    begin = np.cumsum([0, *draws.sizes])
    found = Drawn(
        spec=next(iter(own.values())).spec,
        rate=np.zeros(rows),
        factor=np.ones(rows),
        add_s=np.zeros(rows),
        after=np.full(rows, _LATE),
        ramp=np.zeros(rows, dtype=np.int64),
        hits=None,
    )
    if any(fault.hits is not None for fault in own.values()):
        found.hits = np.ones((rows, draws.size))
    for number, fault in own.items():
        here = slice(begin[number], begin[number + 1])
        for name in ("rate", "factor", "add_s", "after", "ramp"):
            getattr(found, name)[here] = getattr(fault, name)
        if found.hits is not None and fault.hits is not None:
            found.hits[here] = fault.hits
    return found


def latest(faults: Sequence[Drawn], rows: int) -> tuple[Flags, Times]:
    """Return which rows have a fault, and after what time of service all theirs are there."""
    there, after = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=np.int64)
    for fault in faults:
        own = fault.after < _LATE
        there |= own
        after = np.maximum(after, np.where(own, fault.after, 0))
    return there, after
