"""What a minute can show to all alarms at once, with probabilities and moments.

A symbol is a number of base 3 with a digit per alarm: 0 no datapoint, 1 good,
2 breaching. Its moments are expectations of requests failed by a fault and of
requests that met one, on the event that the minute shows this symbol.

Given the minute's gamma factor (1 where the traffic is Poisson) errors and
successes of independent Poisson streams are independent Poisson counts
(thinning), so a count alarm's breach is a Poisson tail and a ratio's is a sum
of such tails over the errors.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stratsim.engine.batch.changes import Flags
from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.counts import Counts, Side
from stratsim.engine.exact.nodes import NOTHING, TINY
from stratsim.engine.exact.panel import Panel
from stratsim.model.quantities import Array

MEASURES = 2
"""Requests failed by faults, and requests that met one."""

_SMALL = 1 << 14  # ones and zeros that say whose a value is


@dataclass(slots=True)
class Shown:
    """Probabilities (minutes, settings, symbols); moments (measures, minutes, settings, symbols).

    There is one setting where what is shown does not depend on it.
    """

    p: Array
    x: Array

    def add(self, other: "Shown") -> None:
        """Add what holds on another event."""
        self.p = self.p + other.p
        self.x = self.x + other.x


def same_sides(panel: Panel, counts: Counts) -> Shown:
    """Return what alarms on the same revisions see, unless clumps are few."""
    sides, size = panel.alarms[0].sides, panel.size
    mass, share = counts.errors(sides), counts.met_share(sides)[..., None, None]
    if counts.fixed:
        rest = counts.number(sides)[:, None] - mass.values
        codes = panel.codes(mass.values, rest, counts.hosts)
        x = mass.x + share * rest[:, None] * mass.p
        one = mass.p[:, :, None], x[..., None, :]
        return gathered(np.swapaxes(codes, 0, 1), *one, counts, size)
    if never_silent(panel, counts):
        errors, p, x = counts.margin(sides)
        codes = panel.codes(errors, np.ones(1), counts.hosts)
        return Shown(tallied(codes, p[:, None], size), tallied(codes, x[:, :, None], size))
    low, high = counts.successes(sides)
    edges, codes = panel.switches(mass.values, low.min(), high.max(), counts.hosts)
    law = counts.given(sides)[:, :, None], (mass.p > NOTHING)[:, :, None]
    _, p, x = counts.margin(sides)
    own = counts.weights[..., None] * mass.p, counts.weights[..., None] * mass.x
    found, below = Shown(np.zeros(()), np.zeros(())), Shown(np.zeros(()), np.zeros(()))
    for piece in range(codes.shape[2] - 1):
        chance, mean = counts.successes_below(sides, edges[..., piece], *law)
        moment = np.einsum("kmne,mnse->kmse", own[1], chance)
        if share.any():
            moment += share * np.einsum("mne,mnse->mse", own[0], mean)
        upto = Shown(np.einsum("mne,mnse->mse", own[0], chance), moment)
        found.add(_tallied(codes[..., piece], upto, below, size))
        below = upto
    # behind the last edge is the rest of all, which no setting changes
    found.add(_tallied(codes[..., -1], Shown(p[:, None], x[:, :, None]), below, size))
    return found


def _tallied(codes: Index, upto: Shown, below: Shown, size: int) -> Shown:
    """Return by code what is seen up to one edge and not below another."""
    return Shown(tallied(codes, upto.p - below.p, size), tallied(codes, upto.x - below.x, size))


def between(
    panel: Panel,
    counts: Counts,
    sides: Side,
    errors: Array,
    given: Array,
    likely: Flags | None = None,
) -> Iterator[tuple[Index, Array, Array, Array]]:
    """Yield codes, the successes they hold from (settings, errors), chances and moments.

    Which are P(they hold) and E[successes; they hold], (minutes, nodes, settings, errors):
    successes are Poisson counts of means `given` the errors. See
    `Counts.successes_below`. There is one setting where more do not matter.
    """
    low, high = counts.successes(sides)
    edges, codes = panel.switches(errors, low.min(), high.max(), counts.hosts)
    begin, below = np.zeros(edges.shape[:2]), (np.zeros(()), np.zeros(()))
    law = given[:, :, None], None if likely is None else likely[:, :, None]
    for piece in range(codes.shape[2]):
        last = piece == codes.shape[2] - 1
        edge = np.full(begin.shape, np.inf) if last else edges[..., piece]
        upto = counts.successes_below(sides, edge, *law)
        yield codes[..., piece], begin, upto[0] - below[0], upto[1] - below[1]
        begin, below = edge, upto


def never_silent(panel: Panel, counts: Counts) -> bool:
    """Whether errors alone decide, since some request succeeds for certain."""
    return panel.errors_only and bool(counts.silent(panel.alarms[0].sides).max() < TINY)


def gathered(codes: Index, p: Array, x: Array, counts: Counts, size: int) -> Shown:
    """Return the sums over nodes and values by code.

    Values are (..., minutes, nodes, settings or 1, values), and codes those of each.
    """
    return Shown(
        tallied(codes, counts.averaged(p, 2), size), tallied(codes, counts.averaged(x, 2), size)
    )


def tallied(codes: Index, values: Array, size: int) -> Array:
    """Return the sums of `values` (..., values) by code, (..., size)."""
    if codes.ndim == 1 and len(codes) * size <= _SMALL:
        return np.asarray(values @ (codes[:, None] == np.arange(size)).astype(float))
    if codes.ndim == 1:
        lines = values.reshape(int(np.prod(values.shape[:-1])), len(codes))
        each = [np.bincount(codes, line, minlength=size) for line in lines]
        return np.array(each, dtype=float).reshape(*values.shape[:-1], size)
    shape = np.broadcast_shapes(codes.shape, values.shape)
    rows = int(np.prod(shape[:-1]))
    at = np.broadcast_to(codes, shape).reshape(rows, -1) + size * np.arange(rows)[:, None]
    found = np.bincount(at.ravel(), np.broadcast_to(values, shape).ravel(), minlength=size * rows)
    return found.astype(float).reshape(*shape[:-1], size)
