"""Ratios of one revision beside ratios of both: successes of each matter.

For each number of errors of one revision its alarms' code changes at some numbers of
its successes, and the code of alarms on both at some numbers of all successes. The
chance of both is a sum over the one revision's successes, of Poisson tails of the
other's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts
from stratsim.engine.exact.nodes import Mass, poisson
from stratsim.engine.exact.symbols import MEASURES, Shown, pieces
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD

Index = NDArray[np.int64]


@dataclass(slots=True)
class _Edges:
    """Where codes change with the successes, for each number of errors.

    ``edges`` (errors, pieces + 1) begin with 0 and end infinite; ``codes`` (errors, pieces).
    """

    edges: Array
    codes: Index

    @classmethod
    def of(cls, judges: Sequence[Judge], errors: Array, counts: Counts, *sides: int) -> "_Edges":
        low, high = counts.successes(sides)
        edges, codes = pieces(judges, errors, low.min(), high.max(), counts.hosts)
        ends = np.zeros((len(errors), 1)), np.full((len(errors), 1), np.inf)
        return cls(np.concatenate([ends[0], edges, ends[1]], axis=1), codes)


def crossed(own: Sequence[Judge], wide: Sequence[Judge], counts: Counts) -> Shown:
    """Return what alarms on one revision and on both see; digits of `own` come first."""
    each = [_crossed(own, wide, counts.taken(np.array([at]))) for at in range(counts.size)]
    return Shown(np.stack([p for p, _ in each]), np.stack([x for _, x in each], axis=1))


def _crossed(own: Sequence[Judge], wide: Sequence[Judge], counts: Counts) -> tuple[Array, Array]:
    """Return chances and moments of one minute."""
    side = own[0].sides[0]
    mine, other = counts.errors((side,)), counts.errors((OLD + NEW - side,))
    low = mine.low + other.low
    every = low + np.arange(len(mine.values) + len(other.values) - 1, dtype=float)
    narrow = _Edges.of(own, mine.values, counts, side)
    broad = _Edges.of(wide, every, counts, OLD, NEW)
    below = _below(side, mine, other, counts, narrow, broad)
    # from below both edges to between edges
    within = np.diff(np.diff(below, axis=0, prepend=0.0), axis=1, prepend=0.0)
    size = 3 ** (len(own) + len(wide))
    total = np.arange(len(mine.values))[:, None] + np.arange(len(other.values))[None, :]
    found = np.zeros((1 + MEASURES, size))
    for i in range(narrow.codes.shape[1]):
        for j in range(broad.codes.shape[1]):
            code = narrow.codes[:, i][:, None] + 3 ** len(own) * broad.codes[total, j]
            for at, values in enumerate(within[i, j]):
                found[at] += np.bincount(code.ravel(), values.ravel(), minlength=size)
    return found[0], found[1:]


def _below(
    side: int, mine: Mass, other: Mass, counts: Counts, narrow: _Edges, broad: _Edges
) -> Array:
    """Return probabilities and moments of successes below edges.

    Returns
    -------
    array
        (own pieces, all pieces, 1 + measures, own errors, the other's errors): own
        successes lie below the end of an own piece, all successes below that of a piece.
    """
    shape = narrow.codes.shape[1], broad.codes.shape[1], 1 + MEASURES
    found = np.zeros((*shape, len(mine.values), len(other.values)))
    share = counts.met_share((NEW,))[:, 0]
    for node, weight in enumerate(counts.weights[0]):
        sums = _Sums(counts, node, side)
        p, ahead = weight * mine.p[0, node][:, None], other.p[0, node][None, :]
        pairs = p * ahead
        errors = weight * mine.x[:, 0, node, :, None] * ahead + p * other.x[:, 0, node, None, :]
        for j in range(shape[1]):
            tables = sums.tables(broad.edges[:, j + 1])
            for i in range(shape[0]):
                chance, mean = sums.below(tables, narrow.edges[:, i + 1], len(other.values))
                counted = pairs * mean
                found[i, j, 0] += pairs * chance
                for at in range(MEASURES):
                    found[i, j, 1 + at] += errors[at] * chance + share[at] * counted
    return found


class _Sums:
    """Sums over one revision's successes at one node of the gamma factor."""

    def __init__(self, counts: Counts, node: int, side: int) -> None:
        self.side, none = side, np.zeros((0, 1))
        mass = poisson(counts.successes_mean((side,))[:, [node]], none)
        self.rest = counts.successes_mean((OLD + NEW - side,))[:, [node]]
        others = poisson(self.rest, none)
        self.low, self.other_low, self.p, self.values = (
            mass.low,
            others.low,
            mass.p[0, 0],
            mass.values,
        )
        upto = np.cumsum(others.p[0, 0])
        # where all own successes are too many, and where they are few enough
        count = len(self.p)
        self.upto = np.concatenate([np.zeros(count + 1), upto, np.full(count, upto[-1])])

    def tables(self, edges: Array) -> tuple[Index, list[Array]]:
        """Return sums up to each number of own successes, (rows, successes + 1) each.

        Of the chance that all successes lie below `edges` (errors,), and of the new
        revision's successes on that event; before them each edge's row: all edges beyond
        what is likely share one.
        """
        count = len(self.p)
        last = len(self.upto) - count
        every = np.ceil(np.minimum(edges, 1e15)) - self.other_low - self.low + 1
        at, rows = np.unique(np.clip(every, 0, last), return_inverse=True)
        chance = self._chances(at)
        if self.side == OLD:
            counted = self.rest[0, 0] * self._chances(np.clip(at - 1, 0, last))
        else:
            counted = chance * self.values
        found = np.zeros((2, len(at), count + 1))
        for table, one in zip(found, (chance, counted), strict=True):
            np.cumsum(self.p * one, axis=1, out=table[:, 1:])
        return rows, list(found)

    def _chances(self, at: Array) -> Array:
        """Return P(other's successes < edge - own successes), (errors, own successes)."""
        windows = sliding_window_view(self.upto, len(self.p))[:, ::-1]
        return windows[at.astype(np.int64)]

    def below(self, tables: tuple[Index, list[Array]], edges: Array, width: int) -> list[Array]:
        """Return the tables at own successes below `edges`, (own errors, the other's)."""
        rows, sums = tables
        columns = sums[0].shape[1]
        place = np.clip(np.ceil(edges) - self.low, 0, columns - 1).astype(np.int64)
        flat = sliding_window_view(columns * rows, width) + place[:, None]
        return [table.ravel()[flat] for table in sums]
