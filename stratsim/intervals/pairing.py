"""Paired differences: two strategies that met the same worlds, run by run."""

from dataclasses import dataclass, field, replace

import numpy as np

from stratsim.intervals.design import NAN, Bools, Design, Estimate
from stratsim.intervals.means import standard_error, student, weighted_mean, world_moves
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
