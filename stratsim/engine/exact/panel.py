"""Alarms that look at the same minutes, in several settings at once.

Settings differ in what they make of a value, not in what they read: counts are read
once, and what is summed up over them is summed up once for all settings.
"""

from collections.abc import Sequence

import numpy as np

from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.codes import Judge, switches
from stratsim.model.quantities import Array

Row = tuple[Judge, ...]


class Panel:
    """Alarms by place, in each of ``settings``: one where all of them are alike.

    A joint code is a number of base 3 with a digit per place: 0 no datapoint, 1 good,
    2 breaching. Arrays of codes have settings first, one where they do not matter.
    """

    def __init__(self, settings: Sequence[Row]) -> None:
        alike = all(row == settings[0] for row in settings)
        self.settings = list(settings[:1] if alike else settings)
        self.alarms = self.settings[0]

    @property
    def size(self) -> int:
        """The number of joint codes."""
        return int(3 ** len(self.alarms))

    @property
    def errors_only(self) -> bool:
        """Whether requests matter only in that there are any."""
        return all(judge.errors_only for judge in self.alarms)

    def places(self, sides: tuple[int, ...]) -> list[int]:
        """Return the places of alarms on these revisions."""
        return [at for at, judge in enumerate(self.alarms) if judge.sides == sides]

    def on(self, sides: tuple[int, ...]) -> "Panel":
        """Return the alarms on these revisions."""
        places = self.places(sides)
        return Panel([tuple(row[at] for at in places) for row in self.settings])

    def each(self) -> list["Panel"]:
        """Return the settings one by one."""
        return [Panel([row]) for row in self.settings]

    def taken(self, settings: Sequence[int]) -> "Panel":
        """Return some settings."""
        if len(self.settings) == 1:
            return self
        return Panel([self.settings[at] for at in settings])

    def groups(self) -> list[list[int]]:
        """Return which settings are alike."""
        found: dict[Row, list[int]] = {}
        for at, row in enumerate(self.settings):
            found.setdefault(row, []).append(at)
        return list(found.values())

    def codes(self, errors: Array, successes: Array, hosts: tuple[bool, bool]) -> Index:
        """Return the joint codes of counts, (settings or 1, ...)."""
        total = np.zeros((1, *np.broadcast_shapes(errors.shape, successes.shape)), dtype=np.int64)
        for at, place in enumerate(self._columns()):
            judges, rows = _distinct(place)
            values = judges[0].values(errors, successes, hosts)
            own = np.stack([judge.judged(values) for judge in judges])[rows]
            total = total + 3**at * (own.astype(np.int64) + 1)
        return total

    def levels(
        self, errors: Array, successes: Array, hosts: tuple[bool, bool]
    ) -> tuple[Index, Index]:
        """Return a level for each pair of counts (pairs,), and codes (settings or 1, levels).

        Between two neighbouring thresholds all values are alike to all settings.
        """
        pairs = np.broadcast_arrays(errors, successes)
        e, s = (one.ravel() for one in pairs)
        level, first = np.zeros(len(e), dtype=np.int64), np.zeros(1, dtype=np.int64)
        for place in self._columns():
            values = place[0].values(e, s, hosts)
            edges = np.unique([judge.program.alarm.Threshold for judge in place])
            own = np.searchsorted(edges, values) + np.searchsorted(edges, values, side="right")
            level, first = _numbered(level * (2 * len(edges) + 2) + own + np.isnan(values))
        return level, self.codes(e[first], s[first], hosts)

    def switches(
        self, errors: Array, low: float, high: float, hosts: tuple[bool, bool]
    ) -> tuple[Array, Index]:
        """Return where joint codes change with the successes, and the codes between.

        Edges (settings or 1, errors, some) are successes from which the next code holds,
        infinite where there are fewer; codes (settings or 1, errors, some + 1).
        """
        if self.errors_only:
            codes = self.codes(errors[:, None], np.array([[0.0, 1.0]]), hosts)
            return np.ones((1, len(errors), 1)), codes
        found = []
        for place in self._columns():
            judges, rows = _distinct(place)
            edge, own = switches(judges, errors, low, high, hosts)
            found.append((edge[rows], own[rows]))
        count = max(len(edge) for edge, _ in found)
        each = [np.broadcast_to(edge, (count, *edge.shape[1:])) for edge, _ in found]
        edges = np.sort(np.concatenate(each, axis=2), axis=2)
        starts = np.concatenate([np.zeros((*edges.shape[:2], 1)), edges], axis=2)
        total = np.zeros(starts.shape, dtype=np.int64)
        for at, (edge, own) in enumerate(found):
            piece = (edge[..., None, :] <= starts[..., None]).sum(axis=3)
            whole = np.broadcast_to(own, (count, *own.shape[1:]))
            total += 3**at * (np.take_along_axis(whole, piece, axis=2).astype(np.int64) + 1)
        return edges, total

    def _columns(self) -> list[Row]:
        return list(zip(*self.settings, strict=True))


def _distinct(place: Row) -> tuple[list[Judge], list[int]]:
    """Return the different alarms of a place, and which of them is each setting's."""
    alike = {judge: at for at, judge in enumerate(dict.fromkeys(place))}
    return list(alike), [0] if len(alike) == 1 else [alike[judge] for judge in place]


def _numbered(values: Index) -> tuple[Index, Index]:
    """Return small numbers as places among those that there are, and one place of each."""
    first = np.full(int(values.max()) + 1, -1)
    first[values] = np.arange(len(values))
    there = first >= 0
    return (np.cumsum(there) - 1)[values], first[there]


def runs(codes: Index) -> tuple[Index, Index, Index]:
    """Return where the codes (rows, values) of a row stay the same.

    Returns
    -------
    tuple
        Of rows (runs,), the places of the first value and behind the last (runs, 2), and
        codes (runs,).
    """
    fresh = np.ones(codes.shape, dtype=bool)
    np.not_equal(codes[:, 1:], codes[:, :-1], out=fresh[:, 1:])
    row, begin = np.nonzero(fresh)
    last = np.append(row[1:] != row[:-1], True)
    end = np.where(last, codes.shape[1], np.append(begin[1:], codes.shape[1]))
    return row, np.stack([begin, end], axis=1), codes[row, begin]
