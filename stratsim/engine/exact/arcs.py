"""The arcs of the alarms' chain: where states lead to, found out once."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import Flags
from stratsim.model.quantities import Array

Index = NDArray[np.int64]


def _none() -> Index:
    return np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class Arcs:
    """Where pairs of a state and a symbol lead to; each pair is looked into once.

    ``pairs`` are sorted; the arcs of each are ``count`` from ``begin`` on.
    """

    pairs: Index = field(default_factory=_none)
    begin: Index = field(default_factory=_none)
    count: Index = field(default_factory=_none)
    target: Index = field(default_factory=_none)
    p: Array = field(default_factory=lambda: np.zeros(0))
    group: Index = field(default_factory=_none)

    def known(self, pairs: Index) -> Flags:
        """Return which pairs have been looked into."""
        place = np.searchsorted(self.pairs, pairs)
        found = place < len(self.pairs)
        found[found] = self.pairs[place[found]] == pairs[found]
        return found

    def add(self, pairs: Index, source: Index, target: Index, p: Array, group: Index) -> None:
        """Add pairs with their arcs, whose `source` says which pair's they are."""
        order = np.argsort(source, kind="stable")
        count = np.bincount(source, minlength=len(pairs))
        begin = len(self.p) + np.cumsum(count) - count
        self.target = np.concatenate([self.target, target[order]])
        self.p = np.concatenate([self.p, p[order]])
        self.group = np.concatenate([self.group, group[order]])
        every = np.concatenate([self.pairs, pairs])
        place = np.argsort(every, kind="stable")
        self.pairs = every[place]
        self.begin = np.concatenate([self.begin, begin])[place]
        self.count = np.concatenate([self.count, count])[place]

    def of(self, pairs: Index) -> tuple[Index, Index, Array, Index]:
        """Return the arcs of some pairs: which pair's, targets, chances and groups."""
        place = np.searchsorted(self.pairs, pairs)
        count = self.count[place]
        source = np.repeat(np.arange(len(pairs)), count)
        ahead = np.cumsum(count) - count
        at = self.begin[place][source] + np.arange(len(source)) - ahead[source]
        return source, self.target[at], self.p[at], self.group[at]


def distinct(rows: Index) -> tuple[Index, Index]:
    """Return the different rows, and which of them each row is."""
    radix = rows.max(axis=0).astype(object) + 1
    if np.prod(radix) >= 2**62:
        fresh, place = np.unique(rows, axis=0, return_inverse=True)
        return fresh, place.reshape(-1)
    scale = np.concatenate([[1], np.cumprod(radix[:0:-1])])[::-1].astype(np.int64)
    _, first, place = np.unique(rows @ scale, return_index=True, return_inverse=True)
    return rows[first], place.reshape(-1)
