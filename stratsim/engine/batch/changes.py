"""What a plan will change and when, for many replications at once.

A change is a column: a time per replication and what it adds to the instances
in service, running or struck, or the weight that it sets. Columns are sorted by
time in each row, and those of one instant are one, so the engine walks them with
one pointer per replication.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stratsim.model.quantities import Array

Times = NDArray[np.int64]
Flags = NDArray[np.bool_]
NEVER = np.int64(1 << 62)
T = TypeVar("T", bound=np.generic)
Amount = float | Array | NDArray[np.int64]
NOTHING: Mapping[str, Amount] = MappingProxyType({})
KINDS = (
    *("old", "new", "running", "lost_old", "lost_new", "pending", "launched"),
    *("sick_old", "sick_new"),
)


@dataclass(slots=True)
class Changes:
    """Sorted columns: ``time`` (rows, columns) [us], and what each adds.

    The last column of every row is `NEVER`, so that a pointer always has a place.
    ``weight`` is NaN where the column sets none; ``ordered`` is when it was
    ordered, after which it can no longer be called off.
    """

    time: Times
    ordered: Times
    weight: Array
    add: dict[str, Array]

    def take(self, keep: NDArray[np.int64]) -> "Changes":
        """Return the rows `keep`."""
        return Changes(
            self.time[keep],
            self.ordered[keep],
            self.weight[keep],
            {kind: values[keep] for kind, values in self.add.items()},
        )


@dataclass(slots=True)
class Draft:
    """Columns in the making, in any order."""

    rows: int
    columns: list[tuple[Times, Times, Array, dict[str, Array]]] = field(default_factory=list)

    def put(
        self,
        time: Times,
        *,
        ordered: Times | None = None,
        weight: Amount = np.nan,
        add: Mapping[str, Amount] = NOTHING,
    ) -> None:
        """Add a column; `add` is by `KINDS`, numbers or (rows,) arrays."""
        full = np.broadcast_to(np.asarray(weight, dtype=float), (self.rows,))
        self.columns.append(
            (
                np.broadcast_to(time, (self.rows,)),
                np.broadcast_to(time if ordered is None else ordered, (self.rows,)),
                full,
                {
                    k: np.broadcast_to(np.asarray(v, dtype=float), (self.rows,))
                    for k, v in add.items()
                },
            )
        )

    def hosts(self, time: Times, kind: str, amount: float) -> None:
        """Add a column per host: `time` is (rows, hosts)."""
        for host in range(time.shape[1]):
            self.put(time[:, host], add={kind: amount})

    def sorted(self) -> Changes:
        """Return the columns in the order of their times, those of one instant together."""
        place, width = self._places()
        shape = (self.rows, width)
        time, ordered = np.full(shape, NEVER), np.full(shape, NEVER)
        weight = np.full(shape, np.nan)
        row = np.arange(self.rows)
        sums: dict[str, Array] = {}
        for at, (when_, given, level, add) in zip(place.T, self.columns, strict=True):
            time[row, at], ordered[row, at] = when_, given
            if not np.isnan(level).all():
                sets = ~np.isnan(level)
                weight[row[sets], at[sets]] = level[sets]
            for kind, amount in add.items():
                if kind not in sums:
                    sums[kind] = np.zeros(shape)
                sums[kind][row, at] += amount
        time[:, -1] = ordered[:, -1] = NEVER
        return Changes(time, ordered, weight, sums)

    def _places(self) -> tuple[NDArray[np.int64], int]:
        """Return each column's place in its row, (rows, columns), and the number of places.

        What never happens goes to the last place.
        """
        if not self.columns:
            return np.zeros((self.rows, 0), dtype=np.int64), 1
        time = np.stack([c[0] for c in self.columns], axis=1)
        order = np.argsort(time, axis=1, kind="stable")
        time = np.take_along_axis(time, order, axis=1)
        ordered = np.take_along_axis(np.stack([c[1] for c in self.columns], axis=1), order, axis=1)
        fresh = np.ones(time.shape, dtype=bool)
        fresh[:, 1:] = (time[:, 1:] != time[:, :-1]) | (ordered[:, 1:] != ordered[:, :-1])
        ranks = fresh.cumsum(axis=1) - 1
        ever = time < NEVER
        last = int(np.max(ranks, where=ever, initial=-1)) + 1
        place = np.empty_like(ranks)
        np.put_along_axis(place, order, np.where(ever, ranks, last), axis=1)
        return place, last + 1


def us_many(seconds: Array) -> Times:
    """Return whole microseconds of an array."""
    return np.asarray(np.rint(seconds * 1e6), dtype=np.int64)


def when(start: Times, offset: Times, rows: Flags) -> Times:
    """Return `start` + `offset` where `rows` is true and both are ever, else `NEVER`."""
    ever = rows & (offset < NEVER) & (start < NEVER)
    return np.where(ever, np.where(ever, start, 0) + np.where(ever, offset, 0), NEVER)
