"""Ratios of one revision beside ratios of both: successes of each matter.

For each number of errors of one revision its alarms' code changes at some numbers of
its successes, and the code of alarms on both at some numbers of all successes. The
chance of both is a sum over the one revision's successes, of Poisson tails of the
other's: a table by both edges, of which each setting reads its own places.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.counts import Counts, Side
from stratsim.engine.exact.nodes import NOTHING, Mass, likely, poisson, product
from stratsim.engine.exact.panel import Panel
from stratsim.engine.exact.symbols import MEASURES, Shown, tallied
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD

_ROOM = 1 << 16  # numbers in an array of pairs of errors, or of successes
_FEW = 16  # columns of which products are faster than running sums


def crossed(own: Panel, wide: Panel, counts: Counts) -> Shown:
    """Return what ratios of one revision and of both see; digits of `own` come first.

    Minutes are gone through one by one: their windows of successes lie apart.
    """
    each = [_Minute.of(own, wide, counts.taken(np.array([at]))) for at in range(counts.size)]
    found = [one.seen() for one in each]
    return Shown(np.stack([one[0] for one in found]), np.stack([one[1:] for one in found], axis=1))


@dataclass(slots=True)
class _Edges:
    """Where codes change with the successes, (settings or 1, errors, pieces) each.

    ``place`` is a piece's end in what is found up to each number of successes. Sums up
    to there make those of codes by ``signs`` (codes, settings, errors, pieces).
    """

    codes: Index
    place: Index
    signs: Array

    @classmethod
    def of(
        cls, panel: Panel, errors: Array, counts: Counts, sides: Side, to: Callable[[Array], Index]
    ) -> "_Edges":
        """Return the edges of some alarms, `to` what turns successes to places."""
        low, high = counts.successes(sides)
        edges, codes = panel.switches(errors, low.min(), high.max(), counts.hosts)
        last = np.full((*edges.shape[:2], 1), np.inf)
        signs = (codes == np.arange(panel.size)[:, None, None, None]).astype(float)
        signs[..., :-1] -= signs[..., 1:]
        return cls(codes, to(np.concatenate([edges, last], axis=2)), signs)


@dataclass(slots=True)
class _Terms:
    """Products of what is summed over own and the other's errors, (terms, errors) each.

    They belong to rows of ``measure`` (1 + measures, terms): the chance, and the moments.
    """

    mine: Array
    other: Array
    measure: Array


@dataclass(slots=True)
class _Minute:
    """A minute, and where the codes of alarms on one revision and on both change in it."""

    counts: Counts
    mine: Mass
    other: Mass
    law: "_Successes"
    narrow: _Edges
    broad: _Edges

    @classmethod
    def of(cls, own: Panel, wide: Panel, counts: Counts) -> "_Minute":
        """Return a minute as alarms see it."""
        side = own.alarms[0].sides[0]
        mine, other = counts.errors((side,)), counts.errors((OLD + NEW - side,))
        every = mine.low + other.low + np.arange(len(mine.values) + len(other.values) - 1.0)
        law = _Successes.of(counts, side)
        narrow = _Edges.of(own, mine.values, counts, (side,), law.mine)
        broad = _Edges.of(wide, every, counts, (OLD, NEW), law.every)
        return cls(counts, mine, other, law, narrow, broad)

    def seen(self) -> Array:
        """Return chances and moments (1 + measures, settings, symbols)."""
        rows, row = np.unique(self.broad.place, return_inverse=True)
        columns, column = np.unique(self.narrow.place, return_inverse=True)
        row, column = row.reshape(self.broad.place.shape), column.reshape(self.narrow.place.shape)
        found = np.zeros(())
        for node in range(self.counts.nodes.shape[1]):
            terms = self._terms(node)
            tables = self.law.upto(node, rows, columns, counted=len(terms) > 1)
            for table, some in zip(tables, terms, strict=True):
                found = found + self._whole(table[:, -1], row, some)
                found = found + self._pairs(table, row, column, some)
        # by measure, setting, code of the alarms on both, and of those on one
        return found.reshape(*found.shape[:2], -1)

    def _terms(self, node: int) -> list[_Terms]:
        """Return what is summed of chances, and of successes where they count."""
        weight, share = self.counts.weights[0, node], self.counts.met_share((NEW,))[:, 0]
        p, x = weight * self.mine.p[0, node], weight * self.mine.x[:, 0, node]
        q, y = self.other.p[0, node], self.other.x[:, 0, node]
        terms = [(0, p, q)]
        terms += [(1 + at, one, q) for at, one in enumerate(x) if one.any()]
        terms += [(1 + at, p, one) for at, one in enumerate(y) if one.any()]
        counted = [(1 + at, one * p, q) for at, one in enumerate(share) if one > 0]
        return [
            _Terms(
                np.stack([mine for _, mine, _ in some]),
                np.stack([other for _, _, other in some]),
                np.eye(1 + MEASURES)[:, [at for at, _, _ in some]],
            )
            for some in (terms, counted)
            if some
        ]

    def _whole(self, below: Array, row: Index, terms: _Terms) -> Array:
        """Return sums of pieces that end behind all own successes.

        ``below`` (rows,) says how likely all successes are so few. Sums are (1 + measures,
        settings, codes on both, own codes).
        """
        broad = (below[row] * self.broad.signs).sum(axis=-1)
        last = self.narrow.place == self.law.p.shape[1]
        narrow = (self.narrow.signs * last).sum(axis=-1) * terms.mine[:, None, None]
        count, own, settings, width = narrow.shape
        padded = np.pad(terms.other, [(0, 0), (width - 1, width - 1)])
        moved = sliding_window_view(padded, broad.shape[-1], axis=1)[:, ::-1]
        if len(row) == 1:
            ahead = moved @ broad[:, 0].T
            found = np.moveaxis(narrow @ ahead[:, None], 1, 3)
        else:
            sums = (narrow.reshape(count, -1, width) @ moved).reshape(count, own, settings, -1)
            found = np.einsum("tkse,cse->tsck", sums, broad)
        return np.tensordot(terms.measure, found, axes=1)

    def _pairs(self, table: Array, row: Index, column: Index, terms: _Terms) -> Array:
        """Return sums of pieces that end among the own successes, likewise.

        There are few of them: each is gone through with all of the other's errors.
        """
        setting, own, errors, piece = self._inside(terms)
        wide = setting if len(row) > 1 else 0 * setting
        here = likely(np.abs(terms.other))
        others, other = np.arange(here.start, here.stop), terms.other[:, here].T
        places = column[own, errors, piece]
        sums = np.zeros((other.shape[1], len(self.broad.signs), len(setting)))
        step = max(_ROOM // len(others), 1)
        for begin in range(0, len(setting), step):
            some = slice(begin, begin + step)
            at = wide[some, None], errors[some, None] + others
            for end in range(row.shape[2]):
                chance = table[row[(*at, end)], places[some, None]]
                for code, signs in enumerate(self.broad.signs):
                    sign = signs[(*at, end)]
                    if sign.any():
                        sums[:, code, some] += ((chance * sign) @ other).T
        values = np.tensordot(terms.measure, sums * terms.mine[:, None, errors], axes=1)
        count, size = max(len(row), len(column)), len(self.narrow.signs)
        each = (self.narrow.codes[own, errors, at] for at in (piece, piece + 1))
        before, after = (tallied(size * setting + code, values, size * count) for code in each)
        return np.swapaxes((before - after).reshape(*before.shape[:2], count, size), 1, 2)

    def _inside(self, terms: _Terms) -> tuple[Index, Index, Index, Index]:
        """Return pieces that end among the own successes: settings, own ones, errors, and which."""
        place = self.narrow.place
        inside = (place > 0) & (place < self.law.p.shape[1])
        inside &= (np.abs(terms.mine).max(axis=0) > NOTHING)[:, None]
        own, errors, piece = np.nonzero(inside)
        if len(place) > 1:
            return own, own, errors, piece
        settings = len(self.broad.place)
        setting = np.repeat(np.arange(settings), len(own))
        return setting, np.tile(own, settings), np.tile(errors, settings), np.tile(piece, settings)


@dataclass(slots=True)
class _Successes:
    """Successes of one revision (nodes, values), and the other's up to each number.

    ``rest`` (nodes,) are the other's on average. Before ``beyond`` (nodes, any), and
    behind, there is room for all own successes being too many, or few enough.
    """

    side: int
    low: int
    other_low: int
    p: Array
    rest: Array
    beyond: Array

    @classmethod
    def of(cls, counts: Counts, side: int) -> "_Successes":
        none, others = np.zeros((0, 1)), counts.successes_mean((OLD + NEW - side,))
        mine, other = poisson(counts.successes_mean((side,)), none), poisson(others, none)
        upto, count = np.cumsum(other.p[0], axis=1), mine.p.shape[-1]
        beyond = np.pad(upto, [(0, 0), (count + 1, 0)])
        beyond = np.pad(beyond, [(0, 0), (0, count)], mode="edge")
        return cls(side, mine.low, other.low, mine.p[0], others[0], beyond)

    def mine(self, edges: Array) -> Index:
        """Return how many of the own successes' numbers are below `edges`."""
        places = np.clip(np.ceil(np.minimum(edges, 1e15)) - self.low, 0, self.p.shape[1])
        return np.asarray(places, dtype=np.int64)

    def every(self, edges: Array) -> Index:
        """Return how many of the other's successes keep all below `edges`, with the least own."""
        every = np.ceil(np.minimum(edges, 1e15)) - self.other_low - self.low + 1
        places = np.clip(every, 0, self.beyond.shape[1] - self.p.shape[1])
        return np.asarray(places, dtype=np.int64)

    def upto(self, node: int, rows: Index, columns: Index, *, counted: bool) -> list[Array]:
        """Return chances of few successes, and beside them the new revision's if `counted`.

        Which are (rows, columns): all are below the edges of `rows`, which are places of
        `every`, and fewer than each of `columns` own numbers come.
        """
        p = self.p[node]
        found = [self._sums(node, rows, columns, p)]
        if counted and self.side == OLD:
            below = self._sums(node, np.maximum(rows - 1, 0), columns, p)
            found.append(self.rest[node] * below)
        elif counted:
            values = self.low + np.arange(len(p))
            found.append(self._sums(node, rows, columns, values * p))
        return found

    def _sums(self, node: int, rows: Index, columns: Index, weights: Array) -> Array:
        """Return sums over own successes fewer than each of `columns`, (rows, columns)."""
        windows = sliding_window_view(self.beyond[node], len(weights))[:, ::-1]
        few = np.where(np.arange(len(weights))[:, None] < columns, weights[:, None], 0.0)
        found = np.empty((len(rows), len(columns)))
        step = max(_ROOM // len(weights), 1)
        for begin in range(0, len(rows), step):
            some = windows[rows[begin : begin + step]]
            if len(columns) <= _FEW:
                found[begin : begin + step] = product(some, few)
            else:
                upto = np.cumsum(some * weights, axis=1)
                found[begin : begin + step] = np.pad(upto, [(0, 0), (1, 0)])[:, columns]
        return found
