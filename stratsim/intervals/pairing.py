"""Paired differences: two strategies that met the same worlds, run by run."""

from dataclasses import dataclass, field, replace

import numpy as np

from stratsim.intervals.design import NAN, Bools, Design, Estimate
from stratsim.intervals.means import (
    standard_error,
    student,
    weighted_mean,
    wilson,
    world_moves,
)
from stratsim.intervals.quantiles import TAIL, Ordered, influence
from stratsim.model.quantities import Array

_SAME = 1e-9
"""Values that differ by less, relatively, are equal."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A strategy's statistic minus the reference's, over the runs where both have a value.

    ``worse`` and ``equal`` are the shares of these runs in which the strategy is
    worse than, or exactly equal to, the reference. ``variance_ratio`` is the
    variance of the paired difference over that of two independent studies of the
    same size: 0.25 says that pairing is worth four times the replications, 1 that
    it is worth nothing.
    """

    estimate: Estimate = field(default_factory=Estimate)
    worse: float = NAN
    equal: float = NAN
    variance_ratio: float = NAN

    @property
    def identical(self) -> bool:
        """Whether the two were equal in every run."""
        return self.estimate.count > 0 and self.equal >= 1.0


def paired_difference(
    values: Array,
    reference: Array,
    design: Design,
    *,
    statistic: str = "mean",
    higher_is_better: bool = False,
) -> Difference:
    """Return how far `values` differ from `reference` in one statistic.

    ``statistic`` is ``mean``, ``p50``, ``p95``, ``p99`` or ``cvar95``; the largest
    of a sample has no standard error.
    """
    both = design.known(values) & design.known(reference)
    count = int(both.sum())
    if count == 0:
        return Difference()
    theirs = np.where(both, reference, np.nan)
    # A time is a difference of times: two equal ones may differ in the last digit.
    equal = both & np.isclose(values, theirs, rtol=_SAME, atol=0.0)
    ours = np.where(equal, theirs, np.where(both, values, np.nan))
    moves = [
        influence(side, design, statistic, higher_is_better=higher_is_better)
        for side in (ours, theirs)
    ]
    inside = design.where(both)
    value = _statistic(ours[both], inside, statistic, higher_is_better=higher_is_better) - (
        _statistic(theirs[both], inside, statistic, higher_is_better=higher_is_better)
    )
    if bool(equal[both].all()):
        return Difference(_no_difference(design, count), 0.0, 1.0, _ratio(moves, design))
    # A tail mean rests on the tail's runs alone, as in estimate_tail.
    freedom = TAIL * count - 1 if statistic == "cvar95" else None
    estimate = student(value, moves[0] - moves[1], design, count, freedom=freedom)
    worse = ours < theirs if higher_is_better else ours > theirs
    return Difference(
        estimate, _share(worse, inside, both), _share(equal, inside, both), _ratio(moves, design)
    )


def probability_difference(ours: Bools, theirs: Bools, design: Design) -> Difference:
    """Return how much likelier one event is than another of the same runs.

    Newcombe's (1998, Statistics in Medicine 17, 2635, method 10) limits for paired
    proportions: Wilson's, combined with the correlation of the pairs. So runs that
    do not differ are no proof that none would. Strata are combined as in
    `estimate_probability`.
    """
    both = [side.astype(np.float64) for side in (ours, theirs)]
    found = paired_difference(both[0], both[1], design)
    if design.exact or design.world is not None or found.estimate.count < 2:
        return found
    below = above = 0.0
    for stratum in np.unique(design.stratum[design.weight > 0]):
        inside = design.stratum == stratum
        weight = float(design.weight[inside].sum())
        under, over = _newcombe(ours[inside], theirs[inside])
        below, above = below + (weight * under) ** 2, above + (weight * over) ** 2
    value = found.estimate.value
    low, high = max(-1.0, value - below**0.5), min(1.0, value + above**0.5)
    return replace(found, estimate=replace(found.estimate, low=low, high=high))


def _newcombe(ours: Bools, theirs: Bools) -> tuple[float, float]:
    """Return how far below and above the difference of two paired shares its limits lie."""
    count = len(ours)
    both, first = int((ours & theirs).sum()), int((ours & ~theirs).sum())
    second, none = int((~ours & theirs).sum()), int((~ours & ~theirs).sum())
    margins = (both + first) * (second + none) * (both + second) * (first + none)
    together = float(both * none - first * second)
    if together > 0:  # corrected for continuity, as the paper does
        together = max(together - count / 2, 0.0)
    tie = together / margins**0.5 if margins else 0.0
    sides = ((both + first) / count, (both + second) / count)
    (low, high), (their_low, their_high) = (wilson(share, count) for share in sides)
    return (
        _combined(sides[0] - low, their_high - sides[1], tie),
        _combined(high - sides[0], sides[1] - their_low, tie),
    )


def _combined(one: float, other: float, tie: float) -> float:
    return float(max(one**2 - 2 * tie * one * other + other**2, 0.0) ** 0.5)


def difference_by_world(
    ours: tuple[Array, Design],
    theirs: tuple[Array, Design],
    statistic: str,
    *,
    higher_is_better: bool,
) -> Difference:
    """Return the difference of numbers whose rows do not pair, as the exact engine's.

    Where both were conditioned on the same drawn worlds, the worlds pair.
    """
    known = [design.known(values) for values, design in (ours, theirs)]
    count = min(int(there.sum()) for there in known)
    if count == 0:
        return Difference()
    inside = [
        (values[there], design.where(there))
        for (values, design), there in zip((ours, theirs), known, strict=True)
    ]
    own, other = (
        _statistic(*side, statistic, higher_is_better=higher_is_better) for side in inside
    )
    if ours[1].world is None or theirs[1].world is None:
        return Difference(Estimate(own - other, own - other, own - other, 0.0, count))
    moves = [
        world_moves(influence(values, design, statistic, higher_is_better=higher_is_better), design)
        for values, design in (ours, theirs)
    ]
    worlds = max(len(move) for move in moves)
    moves = [np.pad(move, (0, worlds - len(move))) for move in moves]
    alike = Design(np.full(worlds, 1 / worlds), np.zeros(worlds, np.int64))
    found = student(own - other, worlds * (moves[0] - moves[1]), alike, worlds)
    return Difference(replace(found, count=count), variance_ratio=_ratio(moves, alike))


def _no_difference(design: Design, count: int) -> Estimate:
    ends = 0.0 if count > 1 else NAN
    return Estimate(0.0, ends, ends, ends, count)


def _share(where: Bools, inside: Design, both: Bools) -> float:
    chosen = where[both]
    return 1.0 if bool(chosen.all()) else float(inside.weight[chosen].sum())


def _statistic(values: Array, design: Design, name: str, *, higher_is_better: bool) -> float:
    if name == "mean":
        return weighted_mean(values, design.weight)
    if name == "cvar95":
        sign = -1.0 if higher_is_better else 1.0
        return sign * Ordered.of(sign * values, design.weight).tail_mean()
    return Ordered.of(values, design.weight).quantile(int(name[1:]) / 100)


def _ratio(moves: list[Array], design: Design) -> float:
    if design.exact:
        return NAN
    ours, theirs = (standard_error(move, design)[0] ** 2 for move in moves)
    paired = standard_error(moves[0] - moves[1], design)[0] ** 2
    return paired / (ours + theirs) if ours + theirs > 0 else NAN
