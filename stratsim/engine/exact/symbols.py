"""What a minute can show to all alarms at once, with probabilities and moments.

A symbol is a number of base 3 with a digit per alarm: 0 no datapoint, 1 good,
2 breaching. Its moments are expectations of requests failed by a fault and of
requests that met one, on the event that the minute shows this symbol.

Given the minute's gamma factor (1 where the traffic is Poisson) errors and
successes of independent Poisson streams are independent Poisson counts
(thinning), so a count alarm's breach is a Poisson tail and a ratio's is a sum
of such tails over the errors.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import Flags
from stratsim.engine.exact.codes import Judge, switches
from stratsim.engine.exact.counts import Counts, Side
from stratsim.engine.exact.nodes import NOTHING, TINY
from stratsim.model.quantities import Array

MEASURES = 2
"""Requests failed by faults, and requests that met one."""


@dataclass(slots=True)
class Shown:
    """Probabilities (minutes, symbols) and moments (measures, minutes, symbols)."""

    p: Array
    x: Array

    def add(self, other: "Shown") -> None:
        """Add what holds on another event."""
        self.p += other.p
        self.x += other.x


def same_sides(judges: Sequence[Judge], counts: Counts) -> Shown:
    """Return what alarms on the same revisions see, unless clumps are few."""
    sides, size = judges[0].sides, 3 ** len(judges)
    mass, share = counts.errors(sides), counts.met_share(sides)[..., None, None]
    if counts.fixed:
        rest = counts.number(sides)[:, None] - mass.values
        codes = joint([j.codes(mass.values, rest, counts.hosts) for j in judges])
        x = mass.x + share * rest[:, None] * mass.p
        return gathered(codes, mass.p, x, counts, size)
    if never_silent(judges, counts):
        return _of_errors(judges, counts, sides, size)
    found = Shown(np.zeros((counts.size, size)), np.zeros((MEASURES, counts.size, size)))
    law = mass.values, counts.given(sides), mass.p > NOTHING
    for codes, _, upto, mean in between(judges, counts, sides, *law):
        x = mass.x * upto + share * mass.p * mean
        found.add(gathered(codes, mass.p * upto, x, counts, size))
    return found


def between(
    judges: Sequence[Judge],
    counts: Counts,
    sides: Side,
    errors: Array,
    given: Array,
    likely: Flags | None = None,
) -> Iterator[tuple[NDArray[np.int64], Array, Array, Array]]:
    """Yield codes, the successes they hold from (errors,), and their chances and moments.

    Which are P(they hold) and E[successes; they hold], (minutes, nodes, errors):
    successes are Poisson counts of means `given` the errors. See
    `Counts.successes_below`.
    """
    low, high = counts.successes(sides)
    edges, codes = pieces(judges, errors, low.min(), high.max(), counts)
    begin, below = np.zeros(len(errors)), (np.zeros(()), np.zeros(()))
    for piece in range(codes.shape[1]):
        last = piece == codes.shape[1] - 1
        edge = np.full(len(errors), np.inf) if last else edges[:, piece]
        upto = counts.successes_below(sides, edge, given, likely)
        yield codes[:, piece], begin, upto[0] - below[0], upto[1] - below[1]
        begin, below = edge, upto


def never_silent(judges: Sequence[Judge], counts: Counts) -> bool:
    """Whether errors alone decide, since some request succeeds for certain."""
    if not all(judge.errors_only for judge in judges):
        return False
    none, _ = counts.successes_below(judges[0].sides, np.ones(1))
    return bool(none.max() < TINY)


def _of_errors(judges: Sequence[Judge], counts: Counts, sides: Side, size: int) -> Shown:
    """Return what alarms see of errors alone."""
    errors, p, x = counts.margin(sides)
    codes = np.broadcast_to(
        joint([judge.judged(read(judge, counts, errors)) for judge in judges]), errors.shape
    )
    return Shown(tallied(codes, p, size), tallied(codes, x, size))


def read(judge: Judge, counts: Counts, errors: Array) -> Array:
    """Return the values that an alarm reads of its errors; alike readings share them."""
    found = counts.values.get(judge.reading)
    if found is None:
        found = counts.values[judge.reading] = judge.values(errors, np.ones(1), counts.hosts)
    return found


def gathered(codes: NDArray[np.int64], p: Array, x: Array, counts: Counts, size: int) -> Shown:
    """Return the sums over nodes and values by code; codes are (values,) or (minutes, values)."""
    p, x = counts.averaged(p), counts.averaged(x)
    return Shown(tallied(codes, p, size), tallied(codes, x, size))


def tallied(codes: NDArray[np.int64], values: Array, size: int) -> Array:
    """Return the sums of `values` (..., minutes, values) by code, (..., minutes, size)."""
    rows = int(np.prod(values.shape[:-1]))
    flat = np.broadcast_to(codes, values.shape).reshape(rows, -1)
    at = flat + size * np.arange(rows)[:, None]
    found = np.bincount(at.ravel(), values.ravel(), minlength=size * rows)
    return found.astype(float).reshape(*values.shape[:-1], size)


def joint(codes: Sequence[NDArray[np.int8]]) -> NDArray[np.int64]:
    """Return several alarms' codes as one number of base 3."""
    total = np.zeros((), dtype=np.int64)
    for at, code in enumerate(codes):
        total = total + (code.astype(np.int64) + 1) * 3**at
    return total


def pieces(
    judges: Sequence[Judge], errors: Array, low: float, high: float, counts: Counts
) -> tuple[Array, NDArray[np.int64]]:
    """Return where some alarm's code changes with the successes, and the codes between."""
    if all(judge.errors_only for judge in judges):
        codes = [j.codes(errors[:, None], np.array([[0.0, 1.0]]), counts.hosts) for j in judges]
        return np.ones((len(errors), 1)), np.broadcast_to(joint(codes), (len(errors), 2))
    found = [_switches(judge, errors, low, high, counts) for judge in judges]
    edges = np.sort(np.concatenate([edge for edge, _ in found], axis=1), axis=1)
    starts = np.concatenate([np.zeros((len(errors), 1)), edges], axis=1)
    each = [
        np.take_along_axis(own, (edge[:, None, :] <= starts[:, :, None]).sum(axis=2), axis=1)
        for edge, own in found
    ]
    return edges, joint(each)


def _switches(
    judge: Judge, errors: Array, low: float, high: float, counts: Counts
) -> tuple[Array, NDArray[np.int8]]:
    """Return where an alarm's code changes; all that read alike are looked into at once."""
    where = low, high, float(errors[0]), len(errors)
    if (judge.decides, *where) not in counts.tables:
        alike = {one.decides: one for one in counts.judges if one.reading == judge.reading}
        alike[judge.decides] = judge
        found = switches(list(alike.values()), errors, low, high, counts.hosts)
        for decides, one in zip(alike, found, strict=True):
            counts.tables[decides, *where] = one
    own: tuple[Array, NDArray[np.int8]] = counts.tables[judge.decides, *where]
    return own
