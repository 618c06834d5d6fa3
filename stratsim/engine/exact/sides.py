"""What alarms see together that do not read the same requests.

Alarms on one revision divide its counts into cells: a joint code of these alarms,
and whether there is a success at all. Errors of both revisions add up, so an alarm
on both is a function of the sum over each pair of cells.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.beside import beside
from stratsim.engine.exact.counts import Counts, shared
from stratsim.engine.exact.crossed import crossed
from stratsim.engine.exact.nodes import Mass, added
from stratsim.engine.exact.panel import Panel
from stratsim.engine.exact.summed import Cell, summed
from stratsim.engine.exact.symbols import MEASURES, Shown, gathered, never_silent, tallied
from stratsim.errors import UnsupportedError
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD

BOTH = (OLD, NEW)


def both_sides(panel: Panel, counts: Counts) -> Shown:
    """Return what alarms on different revisions see together.

    Raises
    ------
    UnsupportedError
        Where alarms on both revisions and on one need the successes of each.
    """
    own, wide = [panel.on((side,)) for side in BOTH], panel.on(BOTH)
    order = [at for side in ((OLD,), (NEW,), BOTH) for at in panel.places(side)]
    lone = own[NEW] if not own[OLD].alarms else own[OLD] if not own[NEW].alarms else None
    if counts.fixed:
        found = _fixed(own, wide, counts)
    elif wide.errors_only:
        found = summed(own, wide, counts)
    elif lone is not None and never_silent(lone, counts):
        found = beside(lone, wide, counts)
    elif all(one.errors_only for one in own):
        found = _settings([_by_cells(one, counts) for one in panel.each()])
    elif lone is not None:
        found = crossed(lone, wide, counts)
    else:
        names = " and ".join(repr(judge.program.name) for judge in panel.alarms)
        msg = (
            "the exact engine does not know alarms that compare errors with the requests of "
            f"different revisions, on three sets of requests: {names}"
        )
        raise UnsupportedError(msg)
    return _reordered(found, [order.index(at) for at in range(len(order))])


def _reordered(found: Shown, places: Sequence[int]) -> Shown:
    """Return the codes with the alarms' digits in the order of `places`."""
    number = np.arange(found.p.shape[-1])
    to = sum(number // 3**place % 3 * 3**at for at, place in enumerate(places))
    p, x = np.empty_like(found.p), np.empty_like(found.x)
    p[..., to], x[..., to] = found.p, found.x
    return Shown(p, x)


def _settings(each: Sequence[Shown]) -> Shown:
    """Return what is seen in several settings out of what is seen in each."""
    return Shown(
        np.concatenate([one.p for one in each], axis=1),
        np.concatenate([one.x for one in each], axis=2),
    )


# -- fixed numbers of requests --------------------------------------------------------


def _fixed(own: Sequence[Panel], wide: Panel, counts: Counts) -> Shown:
    """All pairs of errors; the rest of a revision's requests succeed."""
    old, new = counts.errors((OLD,)), counts.errors((NEW,))
    e = (old.values[:, None], new.values[None, :])
    s = tuple(counts.number((side,))[:, None, None] - e[side] for side in BOTH)
    narrow = [
        panel.codes(e[side], s[side], counts.hosts) for side, panel in zip(BOTH, own, strict=True)
    ]
    broad = wide.codes(e[OLD] + e[NEW], s[OLD] + s[NEW], counts.hosts)
    codes = narrow[OLD] + own[OLD].size * (narrow[NEW] + own[NEW].size * broad)
    size = own[OLD].size * own[NEW].size * wide.size
    # each minute has one node
    old_p, new_p = old.p[:, 0, :, None], new.p[:, 0, None, :]
    share = counts.met_share((NEW,))[..., None, None]
    x = old_p * (new.x[:, :, 0, None] + share * s[NEW] * new_p)
    codes = np.swapaxes(codes, 0, 1).reshape(counts.size, len(codes), -1)
    return Shown(
        tallied(codes, (old_p * new_p).reshape(counts.size, 1, -1), size),
        tallied(codes, x.reshape(MEASURES, counts.size, 1, -1), size),
    )


# -- ratios of both revisions beside errors of each -------------------------------------


def _by_cells(panel: Panel, counts: Counts) -> Shown:
    """Add up what alarms of one setting on both revisions read of each pair of cells."""
    own, wide = [panel.on((side,)) for side in BOTH], panel.on(BOTH)
    size = own[OLD].size * own[NEW].size
    found = Shown(np.zeros(()), np.zeros(()))
    for old, new in product(*(list(_masks(own[side], counts, side)) for side in BOTH)):
        cell = old.code + own[OLD].size * new.code
        for codes, p, x in _ratios(wide, counts, old, new):
            found.add(gathered(cell + size * codes, p, x, counts, panel.size))
    return found


def _ratios(
    wide: Panel, counts: Counts, old: Cell, new: Cell
) -> Iterator[tuple[Index, Array, Array]]:
    """Yield codes (1, errors), and chances and moments (..., 1, errors)."""
    mass, share = added(old.mass, new.mass), counts.met_share((NEW,))[..., None, None]
    low, high = counts.successes(BOTH)
    edges, codes = wide.switches(mass.values, low.min(), high.max(), counts.hosts)
    below: tuple[Array, Array] = (np.zeros(()), np.zeros(()))
    for piece in range(codes.shape[2]):
        last = piece == codes.shape[2] - 1
        edge = np.full(len(mass.values), np.inf) if last else edges[0, :, piece]
        upto = _successes(counts, (old.some, new.some), edge)
        chance, mean = upto[0] - below[0], upto[1] - below[1]
        x = mass.x * chance + share * mass.p * mean
        yield codes[..., piece], (mass.p * chance)[..., None, :], x[..., None, :]
        below = upto


def _masks(panel: Panel, counts: Counts, side: int) -> Iterator[Cell]:
    """Divide one revision's errors by code; the probability of successes is left out."""
    mass = counts.errors((side,))
    if not panel.alarms:
        yield Cell(0, None, mass)
        return
    for some in (False, True) if not never_silent(panel, counts) else (True,):
        codes = panel.codes(mass.values, np.full(1, float(some)), counts.hosts)[0]
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
            none = none * counts.silent((side,))[..., None]
        upto, upto_mean = counts.successes_below(sides, edge)
        total = total + a * b * none * upto
        if new:
            mean = mean + a * b * none * upto_mean * (share if old else 1.0)
    return total, mean
