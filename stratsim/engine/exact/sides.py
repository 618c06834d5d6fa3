"""What alarms see together that do not read the same requests.

Alarms on one revision divide its counts into cells: a joint code of these alarms,
and whether there is a success at all. Errors of both revisions add up, so an alarm
on both is a function of the sum over each pair of cells.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.exact.beside import beside, suits
from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts, shared
from stratsim.engine.exact.crossed import crossed
from stratsim.engine.exact.nodes import NOTHING, TINY, Mass, added
from stratsim.engine.exact.symbols import MEASURES, Shown, between, gathered, joint, pieces, tallied
from stratsim.errors import UnsupportedError
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD

BOTH = (OLD, NEW)


@dataclass(slots=True)
class Cell:
    """Counts of one revision that its alarms cannot tell apart.

    ``code`` is the alarms' joint code; ``some`` whether there are successes, None
    where that does not matter. ``mass`` holds errors and their probabilities.
    """

    code: int
    some: bool | None
    mass: Mass


def both_sides(judges: Sequence[Judge], counts: Counts) -> Shown:
    """Return what `judges` see together.

    Raises
    ------
    UnsupportedError
        Where alarms on both revisions and on one need the successes of each.
    """
    own = [[j for j in judges if j.sides == (side,)] for side in BOTH]
    wide = [j for j in judges if j.sides == BOTH]
    order = [*own[OLD], *own[NEW], *wide]
    size = 3 ** len(judges)
    shifts = (1, 3 ** len(own[OLD]), 3 ** (len(judges) - len(wide)))
    if counts.fixed:
        found = _fixed(own, wide, counts, shifts, size)
    elif bool(own[OLD]) != bool(own[NEW]) and wide and suits(own[OLD] or own[NEW], counts):
        found = beside(own[OLD] or own[NEW], wide, counts)
    elif all(j.errors_only for j in wide):
        found = _by_cells(own, wide, counts, shifts, (_cells, _sums))
    elif all(j.errors_only for side in own for j in side):
        found = _by_cells(own, wide, counts, shifts, (_masks, _ratios))
    elif not (own[OLD] and own[NEW]):
        found = crossed(own[OLD] or own[NEW], wide, counts)
    else:
        names = " and ".join(repr(judge.program.name) for judge in judges)
        msg = (
            "the exact engine does not know alarms that compare errors with the requests of "
            f"different revisions, on three sets of requests: {names}"
        )
        raise UnsupportedError(msg)
    return _reordered(found, [order.index(judge) for judge in judges])


def _reordered(found: Shown, places: Sequence[int]) -> Shown:
    """Return the codes with the alarms' digits in the order of `places`."""
    number = np.arange(found.p.shape[-1])
    to = sum(number // 3**place % 3 * 3**at for at, place in enumerate(places))
    p, x = np.empty_like(found.p), np.empty_like(found.x)
    p[:, to], x[..., to] = found.p, found.x
    return Shown(p, x)


# -- fixed numbers of requests --------------------------------------------------------


def _fixed(
    own: Sequence[Sequence[Judge]],
    wide: Sequence[Judge],
    counts: Counts,
    shifts: tuple[int, int, int],
    size: int,
) -> Shown:
    """All pairs of errors; the rest of a revision's requests succeed."""
    old, new = counts.errors((OLD,)), counts.errors((NEW,))
    e = (old.values[:, None], new.values[None, :])
    s = tuple(counts.number((side,))[:, None, None] - e[side] for side in BOTH)
    codes = np.zeros(np.broadcast_shapes(s[OLD].shape, s[NEW].shape), dtype=np.int64)
    for side in BOTH:
        codes = codes + shifts[side] * joint(
            [j.codes(e[side], s[side], counts.hosts) for j in own[side]]
        )
    codes = codes + shifts[2] * joint(
        [j.codes(e[OLD] + e[NEW], s[OLD] + s[NEW], counts.hosts) for j in wide]
    )
    # each minute has one node
    old_p, new_p = old.p[:, 0, :, None], new.p[:, 0, None, :]
    share = counts.met_share((NEW,))[..., None, None]
    x = old_p * (new.x[:, :, 0, None] + share * s[NEW] * new_p)
    flat = (counts.size, -1)
    return Shown(
        tallied(codes.reshape(flat), (old_p * new_p).reshape(flat), size),
        tallied(codes.reshape(flat), x.reshape(MEASURES, *flat), size),
    )


# -- cells of both revisions ------------------------------------------------------------

Seen = tuple[NDArray[np.int64], Array, Array]
"""Codes, probabilities and moments."""
Divide = Callable[[Sequence[Judge], Counts, int], Iterator[Cell]]
Read = Callable[[Sequence[Judge], Counts, Cell, Cell], Iterator[Seen]]


def _by_cells(
    own: Sequence[Sequence[Judge]],
    wide: Sequence[Judge],
    counts: Counts,
    shifts: tuple[int, int, int],
    means: tuple[Divide, Read],
) -> Shown:
    """Add up what alarms on both revisions read of each pair of cells."""
    divide, read = means
    size = 3 ** (len(own[OLD]) + len(own[NEW]) + len(wide))
    found = Shown(np.zeros((counts.size, size)), np.zeros((MEASURES, counts.size, size)))
    for old, new in product(*(list(divide(own[side], counts, side)) for side in BOTH)):
        cell = shifts[OLD] * old.code + shifts[NEW] * new.code
        for codes, p, x in read(wide, counts, old, new):
            found.add(gathered(cell + shifts[2] * codes, p, x, counts, size))
    return found


# -- alarms on both revisions that count errors ----------------------------------------


def _sums(wide: Sequence[Judge], counts: Counts, old: Cell, new: Cell) -> Iterator[Seen]:
    mass = added(old.mass, new.mass)
    some = np.full(len(mass.values), float(bool(old.some or new.some)))
    codes = joint([j.codes(mass.values, some, counts.hosts) for j in wide])
    yield np.broadcast_to(codes, mass.values.shape), mass.p, mass.x


def _cells(judges: Sequence[Judge], counts: Counts, side: int) -> Iterator[Cell]:
    """Divide one revision's counts; moments of successes are in."""
    mass, share = counts.errors((side,)), counts.met_share((side,))[..., None, None]
    parts: dict[tuple[int, bool], Mass] = {}
    law = mass.values, counts.given((side,)), mass.p > NOTHING
    for codes, begin, upto, mean in between(judges, counts, (side,), *law):
        p = mass.p * upto
        x = mass.x * upto + share * mass.p * mean
        for code, some in {(int(c), bool(b > 0)) for c, b in zip(codes, begin, strict=True)}:
            here = (codes == code) & ((begin > 0) == some)
            cell = parts.setdefault((code, some), Mass(mass.low, 0 * mass.p, 0 * mass.x))
            cell.p = cell.p + p * here
            cell.x = cell.x + x * here
    for (code, some), cell in parts.items():
        if cell.p.max() > TINY:
            yield Cell(code, some, cell)


# -- alarms on both revisions that read ratios -----------------------------------------


def _ratios(wide: Sequence[Judge], counts: Counts, old: Cell, new: Cell) -> Iterator[Seen]:
    mass, share = added(old.mass, new.mass), counts.met_share((NEW,))[..., None, None]
    low, high = counts.successes(BOTH)
    edges, codes = pieces(wide, mass.values, low.min(), high.max(), counts)
    below: tuple[Array, Array] = (np.zeros(()), np.zeros(()))
    for piece in range(codes.shape[1]):
        last = piece == codes.shape[1] - 1
        edge = np.full(len(mass.values), np.inf) if last else edges[:, piece]
        upto = _successes(counts, (old.some, new.some), edge)
        chance, mean = upto[0] - below[0], upto[1] - below[1]
        yield codes[:, piece], mass.p * chance, mass.x * chance + share * mass.p * mean
        below = upto


def _masks(judges: Sequence[Judge], counts: Counts, side: int) -> Iterator[Cell]:
    """Divide one revision's errors by code; the probability of successes is left out."""
    mass = counts.errors((side,))
    if not judges:
        yield Cell(0, None, mass)
        return
    none, _ = counts.successes_below((side,), np.ones(1))
    for some in (False, True) if none.max() > TINY else (True,):
        codes = joint([j.codes(mass.values, np.array(float(some)), counts.hosts) for j in judges])
        for code in np.unique(codes).tolist():
            here = codes == code
            yield Cell(code, some, Mass(mass.low, mass.p * here, mass.x * here))


def _successes(
    counts: Counts, some: tuple[bool | None, bool | None], edge: Array
) -> tuple[Array, Array]:
    """Return P(s < edge) and E[new revision's; s < edge] for successes s of both revisions.

    On the event that each revision has some, or none, or whatever it has: "some" is
    whatever less none, and a Poisson count is 0 or it is not.
    """
    total, mean = np.zeros(()), np.zeros(())
    share = shared(counts.successes_mean((NEW,)), counts.successes_mean(BOTH))[..., None]
    terms = {None: ((1.0, True),), True: ((1.0, True), (-1.0, False)), False: ((1.0, False),)}
    for (a, old), (b, new) in product(terms[some[OLD]], terms[some[NEW]]):
        sides = tuple(side for side, there in zip(BOTH, (old, new), strict=True) if there)
        none = np.ones((*counts.nodes.shape, 1))
        for side in set(BOTH) - set(sides):
            none = none * counts.successes_below((side,), np.ones(1))[0]
        upto, upto_mean = counts.successes_below(sides, edge)
        total = total + a * b * none * upto
        if new:
            mean = mean + a * b * none * upto_mean * (share if old else 1.0)
    return total, mean
