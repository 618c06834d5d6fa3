"""Ratios of one revision beside ratios of both: successes of each matter.

For each number of errors of one revision its alarms' code changes at some numbers of
its successes, and the code of alarms on both at some numbers of all successes. The
chance of both is a sum over the one revision's successes, of Poisson tails of the
other's. It is found up to every number of its successes, once for all thresholds of
the one revision's alarms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stratsim.engine.batch.changes import Flags
from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts
from stratsim.engine.exact.nodes import poisson, product
from stratsim.engine.exact.symbols import MEASURES, Shown, pieces, tallied
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
        edges, codes = pieces(judges, errors, low.min(), high.max(), counts)
        ends = np.zeros((len(errors), 1)), np.full((len(errors), 1), np.inf)
        return cls(np.concatenate([ends[0], edges, ends[1]], axis=1), codes)


@dataclass(slots=True)
class _Node:
    """One node of the gamma factor: own errors, ``p`` and moments ``x``, with its weight.

    ``chance`` and ``counted`` (places, successes + 1) are of fewer own successes than each
    number; ``reached`` (codes, places, own errors) says what of them to add up, and
    ``moved`` likewise for the moments of the other revision's errors.
    """

    p: Array
    x: Array
    chance: Array
    counted: Array
    reached: Array
    moved: Mapping[int, Array]

    def add(self, into: Array, place: Index, share: Array) -> None:
        """Add what is below some places to sums (codes, 1 + measures, places, own errors)."""
        chance = self.chance[:, place].T
        likely = product(chance, self.reached)
        into[:, 0] += self.p * likely
        for at, moment in enumerate(self.x):
            into[:, 1 + at] += moment * likely
            if share[at] > 0:
                counted = product(self.counted[:, place].T, self.reached)
                into[:, 1 + at] += share[at] * self.p * counted
            if at in self.moved:
                into[:, 1 + at] += self.p * product(chance, self.moved[at])


@dataclass(slots=True)
class _Beside:
    """What alarms on both revisions see beside the counts of one in a minute.

    Own successes are fewer than ``low``, ``low`` + 1, ...; ``share`` (measures,) of the
    new revision's are measured. ``upto`` (codes, 1 + measures, successes + 1, own errors)
    keeps the sums that were needed.
    """

    values: Array
    low: int
    nodes: Sequence[_Node]
    share: Array
    used: Index
    upto: Array
    found: Flags

    def below(self, edges: Array) -> Array:
        """Return the sums below `edges` (own errors, any) of own successes."""
        place = np.clip(np.ceil(edges) - self.low, 0, len(self.found) - 1).astype(np.int64)
        fresh = np.unique(place)
        fresh = fresh[~self.found[fresh]]
        if len(fresh):
            self.found[fresh] = True
            sums = np.zeros((len(self.used), 1 + MEASURES, len(fresh), len(self.values)))
            for node in self.nodes:
                node.add(sums, fresh, self.share)
            for code, own in zip(self.used, sums, strict=True):
                self.upto[code][:, fresh] = own
        return np.asarray(self.upto[:, :, place, np.arange(len(place))[:, None]])


def crossed(own: Sequence[Judge], wide: Sequence[Judge], counts: Counts) -> Shown:
    """Return what alarms on one revision and on both see; digits of `own` come first."""
    if "alone" not in counts.tables:
        counts.tables["alone"] = [counts.taken(np.array([at])) for at in range(counts.size)]
    each = counts.tables["alone"]
    key = ("crossed", own[0].sides, *(judge.decides for judge in wide))
    if key not in counts.tables:
        counts.tables[key] = [_beside(own[0].sides[0], wide, one) for one in each]
    found = [_crossed(own, one, given) for one, given in zip(each, counts.tables[key], strict=True)]
    return Shown(np.stack([one[0] for one in found]), np.stack([one[1:] for one in found], axis=1))


def _crossed(own: Sequence[Judge], counts: Counts, given: _Beside) -> Array:
    """Return chances and moments of one minute, (1 + measures, symbols)."""
    narrow, base = _Edges.of(own, given.values, counts, *own[0].sides), 3 ** len(own)
    within = np.moveaxis(np.diff(given.below(narrow.edges), axis=-1), 0, 1)
    found = tallied(narrow.codes.ravel(), within.reshape(*within.shape[:2], -1), base)
    return found.reshape(len(found), -1)


def _beside(side: int, wide: Sequence[Judge], counts: Counts) -> _Beside:
    """Return what `wide` sees beside the counts of one revision in a minute."""
    mine, other = counts.errors((side,)), counts.errors((OLD + NEW - side,))
    every = mine.low + other.low + np.arange(len(mine.values) + len(other.values) - 1.0)
    broad = _Edges.of(wide, every, counts, OLD, NEW)
    sums = _Successes.of(counts, side)
    places, row = np.unique(sums.places(broad.edges[:, 1:]), return_inverse=True)
    used, code = np.unique(broad.codes, return_inverse=True)
    steps = _steps(code.reshape(broad.codes.shape), row.reshape(broad.codes.shape))
    width, nodes = len(mine.values), []

    def reached(errors: Array) -> Array:
        ahead = steps @ _shifted(errors, width)
        return np.asarray(ahead.reshape(len(used), len(places), width))

    for node, weight in enumerate(counts.weights[0]):
        own = weight * mine.p[0, node], weight * mine.x[:, 0, node]
        moments = enumerate(other.x[:, 0, node])
        moved = {at: reached(moment) for at, moment in moments if moment.any()}
        tables = sums.upto(node, places)
        nodes.append(_Node(*own, *tables, reached(other.p[0, node]), moved))
    successes = len(sums.values) + 1
    upto = np.zeros((3 ** len(wide), 1 + MEASURES, successes, width))
    share, found = counts.met_share((NEW,))[:, 0], np.zeros(successes, dtype=bool)
    return _Beside(mine.values, sums.low, nodes, share, used, upto, found)


def _steps(codes: Index, row: Index) -> Any:
    """Return how chances below edges, by `row`, add up to those of codes.

    A sparse matrix (codes x rows, errors): a code holds from one edge to the next.
    """
    from scipy.sparse import coo_array

    rows = int(row.max()) + 1
    errors = np.broadcast_to(np.arange(len(codes))[:, None], codes.shape)
    begin = rows * codes[:, 1:] + row[:, :-1]
    place = np.concatenate([(rows * codes + row).ravel(), begin.ravel()])
    column = np.concatenate([errors.ravel(), errors[:, 1:].ravel()])
    sign = np.repeat([1.0, -1.0], [codes.size, begin.size])
    return coo_array(
        (sign, (place, column)), shape=((int(codes.max()) + 1) * rows, len(codes))
    ).tocsr()


def _shifted(values: Array, rows: int) -> Array:
    """Return `values` moved by one place more in each column, (values + rows - 1, rows)."""
    padded = np.pad(values, rows - 1)
    return np.ascontiguousarray(sliding_window_view(padded, rows)[:, ::-1])


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

    @property
    def values(self) -> Array:
        """The numbers of own successes."""
        return self.low + np.arange(self.p.shape[1], dtype=float)

    def places(self, edges: Array) -> Index:
        """Return how many of the other's successes keep all below `edges`, with the least own."""
        every = np.ceil(np.minimum(edges, 1e15)) - self.other_low - self.low + 1
        places: Index = np.clip(every, 0, self.beyond.shape[1] - self.p.shape[1]).astype(np.int64)
        return places

    def upto(self, node: int, places: Index) -> tuple[Array, Array]:
        """Return chances that all successes lie below edges, and the new revision's then.

        Both are (places, successes + 1): with fewer own successes than each number.
        """
        windows = sliding_window_view(self.beyond[node], self.p.shape[1])[:, ::-1]
        chance = windows[places]
        if self.side == OLD:
            counted = self.rest[node] * windows[np.maximum(places - 1, 0)]
        else:
            counted = chance * self.values
        found = np.zeros((2, len(places), self.p.shape[1] + 1))
        np.cumsum(self.p[node] * chance, axis=1, out=found[0, :, 1:])
        np.cumsum(self.p[node] * counted, axis=1, out=found[1, :, 1:])
        return found[0], found[1]
