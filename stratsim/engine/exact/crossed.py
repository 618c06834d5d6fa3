"""Ratios of one revision beside ratios of both: successes of each matter.

For each number of errors of one revision its alarms' code changes at some numbers of
its successes, and the code of alarms on both at some numbers of all successes. The
chance of both is a sum over the one revision's successes, of Poisson tails of the
other's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts
from stratsim.engine.exact.nodes import poisson
from stratsim.engine.exact.symbols import MEASURES, Shown, gathered, pieces
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
        edges, codes = pieces(judges, errors, low, high, counts.hosts)
        ends = np.zeros((len(errors), 1)), np.full((len(errors), 1), np.inf)
        return cls(np.concatenate([ends[0], edges, ends[1]], axis=1), codes)


def crossed(own: Sequence[Judge], wide: Sequence[Judge], counts: Counts) -> Shown:
    """Return what alarms on one revision and on both see; digits of `own` come first."""
    side = own[0].sides[0]
    mine, other = counts.errors((side,)), counts.errors((OLD + NEW - side,))
    low = mine.low + other.low
    every = low + np.arange(len(mine.values) + len(other.values) - 1, dtype=float)
    narrow = _Edges.of(own, mine.values, counts, side)
    broad = _Edges.of(wide, every, counts, OLD, NEW)
    total = np.arange(len(mine.values))[:, None] + np.arange(len(other.values))[None, :]
    sums = [_Sums(counts, node, side, broad) for node in range(len(counts.nodes))]
    size = 3 ** (len(own) + len(wide))
    found = Shown(np.zeros(size), np.zeros((MEASURES, size)))
    pairs = mine.p[:, :, None] * other.p[:, None, :]
    errors = mine.x[..., None] * other.p[:, None, :] + mine.p[..., None] * other.x[:, :, None, :]
    share = counts.met_share((NEW,))[..., None]
    for i in range(narrow.codes.shape[1]):
        ends = narrow.edges[:, i], narrow.edges[:, i + 1]
        for j in range(broad.codes.shape[1]):
            both = [one.between(ends, j, total) for one in sums]
            chance, mean = (np.stack(of_kind) for of_kind in zip(*both, strict=True))
            code = narrow.codes[:, i][:, None] + 3 ** len(own) * broad.codes[total, j]
            x = errors * chance + share * (pairs * mean)
            p = (pairs * chance).reshape(len(sums), -1)
            part = gathered(code.reshape(-1), p, x.reshape(MEASURES, *p.shape), counts, size)
            found.p += part.p
            found.x += part.x
    return found


class _Sums:
    """Sums over one revision's successes at one node of the gamma factor.

    ``tables`` (kind, pieces + 1, errors, successes + 1) run over the successes: of the
    chance that all successes lie below an edge, and of the new revision's successes.
    """

    def __init__(self, counts: Counts, node: int, side: int, broad: _Edges) -> None:
        at = np.array([node])
        mean = counts.successes_mean((side,))[at]
        mass = poisson(mean, np.zeros(0))
        rest = counts.successes_mean((OLD + NEW - side,))[at]
        others = poisson(rest, np.zeros(0))
        self.low, values, p = mass.low, mass.values, mass.p[0]
        below = np.concatenate([[0.0], np.cumsum(others.p[0])])
        self.tables = np.zeros((2, broad.edges.shape[1], len(broad.edges), len(values) + 1))
        for j in range(broad.edges.shape[1]):
            edge = np.minimum(np.ceil(broad.edges[:, j]), 1e15)
            upto = edge[:, None] - values - others.low
            chance = below[np.clip(upto, 0, len(below) - 1).astype(np.int64)]
            counted = chance * values
            if side == OLD:
                counted = rest[0] * below[np.clip(upto - 1, 0, len(below) - 1).astype(np.int64)]
            for kind, one in enumerate((chance, counted)):
                np.cumsum(p * one, axis=1, out=self.tables[kind, j, :, 1:])

    def between(self, ends: tuple[Array, Array], piece: int, total: Index) -> tuple[Array, Array]:
        """Return P and E[new successes] of own successes in `ends`, all in a piece.

        Arrays of (own errors, the other's errors); `total` is their sum's place.
        """
        table = self.tables[:, piece + 1] - self.tables[:, piece]
        top = table.shape[2] - 1
        places = [
            np.clip(np.ceil(end) - self.low, 0, top).astype(np.int64)[:, None] for end in ends
        ]
        chance, counted = table[:, total, places[1]] - table[:, total, places[0]]
        return chance, counted
