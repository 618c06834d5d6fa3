"""What a minute can show to all alarms at once, with probabilities and moments.

A symbol is a number of base 3 with a digit per alarm: 0 no datapoint, 1 good,
2 breaching. Its moments are expectations of requests failed by a fault and of
requests that met one, on the event that the minute shows this symbol.

Given the minute's gamma factor (1 where the traffic is Poisson) errors and
successes of independent Poisson streams are independent Poisson counts
(thinning), so a count alarm's breach is a Poisson tail and a ratio's is a sum
of such tails over the errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts
from stratsim.engine.exact.nodes import TINY
from stratsim.model.quantities import Array
from stratsim.signals import NEW

MEASURES = 2
"""Requests failed by faults, and requests that met one."""


@dataclass(slots=True)
class Shown:
    """Probabilities (symbols,) and moments (measures, symbols) of one minute."""

    p: Array
    x: Array


def same_sides(judges: Sequence[Judge], counts: Counts) -> Shown:
    """Return what alarms on the same revisions see."""
    sides = judges[0].sides
    mass = counts.errors(sides)
    size = 3 ** len(judges)
    if counts.fixed:
        rest = counts.number(sides) - mass.values
        codes = joint([j.codes(mass.values, rest, counts.hosts) for j in judges])
        return gathered(
            codes, mass.p, mass.x + counts.met_share(sides) * rest * mass.p, counts, size
        )
    if _never_silent(judges, counts, sides):
        return _of_errors(judges, counts, sides, size)
    if counts.few(sides):
        return _of_both(judges, counts, sides, size)
    low, high = counts.successes(sides)
    edges, codes = pieces(judges, mass.values, low, high, counts.hosts)
    found = Shown(np.zeros(size), np.zeros((MEASURES, size)))
    below, below_mean = np.zeros(mass.p.shape), np.zeros(mass.p.shape)
    for piece in range(codes.shape[1]):
        last = piece == codes.shape[1] - 1
        edge = np.full(len(mass.values), np.inf) if last else edges[:, piece]
        upto, upto_mean = counts.successes_below(sides, edge, counts.given(sides))
        p = mass.p * (upto - below)
        x = mass.x * (upto - below) + counts.met_share(sides) * mass.p * (upto_mean - below_mean)
        part = gathered(codes[:, piece], p, x, counts, size)
        found.p += part.p
        found.x += part.x
        below, below_mean = upto, upto_mean
    found.x += _unread(sides, found.p, counts)
    return found


def _never_silent(judges: Sequence[Judge], counts: Counts, sides: tuple[int, ...]) -> bool:
    """Whether errors alone decide, since some request succeeds for certain."""
    if not all(judge.errors_only for judge in judges):
        return False
    none, _ = counts.successes_below(sides, np.ones(1))
    return bool(none.max() < TINY)


def _of_errors(judges: Sequence[Judge], counts: Counts, sides: tuple[int, ...], size: int) -> Shown:
    """Return what alarms see of errors alone."""
    errors, p, x = counts.margin(sides)
    codes = np.broadcast_to(
        joint([judge.judged(read(judge, counts, errors)) for judge in judges]), errors.shape
    )
    found = Shown(
        np.bincount(codes, p, minlength=size).astype(float),
        np.stack([np.bincount(codes, one, minlength=size) for one in x]),
    )
    found.x += _unread(sides, found.p, counts)
    return found


def _of_both(judges: Sequence[Judge], counts: Counts, sides: tuple[int, ...], size: int) -> Shown:
    """Return what alarms see of few errors and successes, all added up."""
    e, s, p, x = counts.together(sides)
    codes = joint([judge.codes(e, s, counts.hosts) for judge in judges]).reshape(-1)
    flat = p.reshape(len(p), -1)
    found = gathered(codes, flat, x.reshape(MEASURES, *flat.shape), counts, size)
    found.x += _unread(sides, found.p, counts)
    return found


def read(judge: Judge, counts: Counts, errors: Array) -> Array:
    """Return the values that an alarm reads of its errors; alike readings share them."""
    found = counts.values.get(judge.reading)
    if found is None:
        found = counts.values[judge.reading] = judge.values(errors, np.ones(1), counts.hosts)
    return found


def _unread(sides: tuple[int, ...], p: Array, counts: Counts) -> Array:
    """Moments of a revision that is not watched: independent of what is."""
    if NEW in sides:
        return np.zeros((MEASURES, len(p)))
    return np.asarray(counts.means()[:, None] * p)


def gathered(
    codes: NDArray[np.int64] | Array, p: Array, x: Array, counts: Counts, size: int
) -> Shown:
    """Return the sums over nodes and values by code."""
    at = np.broadcast_to(codes.astype(np.int64), p.shape).ravel()
    weight = counts.weights[:, None]
    return Shown(
        np.bincount(at, (weight * p).ravel(), minlength=size).astype(float),
        np.stack([np.bincount(at, (weight * one).ravel(), minlength=size) for one in x]),
    )


def joint(codes: Sequence[NDArray[np.int8]]) -> NDArray[np.int64]:
    """Return several alarms' codes as one number of base 3."""
    total = np.zeros((), dtype=np.int64)
    for at, code in enumerate(codes):
        total = total + (code.astype(np.int64) + 1) * 3**at
    return total


def pieces(
    judges: Sequence[Judge], errors: Array, low: float, high: float, hosts: tuple[bool, bool]
) -> tuple[Array, NDArray[np.int64]]:
    """Return where some alarm's code changes with the successes, and the codes between."""
    if all(judge.errors_only for judge in judges):
        codes = [j.codes(errors[:, None], np.array([[0.0, 1.0]]), hosts) for j in judges]
        return np.ones((len(errors), 1)), np.broadcast_to(joint(codes), (len(errors), 2))
    found = [judge.switches(errors, low, high, hosts) for judge in judges]
    edges = np.sort(np.concatenate([edge for edge, _ in found], axis=1), axis=1)
    starts = np.concatenate([np.zeros((len(errors), 1)), edges], axis=1)
    each = [
        np.take_along_axis(own, (edge[:, None, :] <= starts[:, :, None]).sum(axis=2), axis=1)
        for edge, own in found
    ]
    return edges, joint(each)
