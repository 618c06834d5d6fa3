"""Alarms that count the errors of both revisions, beside whatever watches one of them.

Given errors of one revision, what those on both see changes at a few numbers of the
other's errors: sums up to each of these are enough for every setting.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.counts import Counts
from stratsim.engine.exact.nodes import NOTHING, TINY, Mass
from stratsim.engine.exact.panel import Panel, runs
from stratsim.engine.exact.symbols import MEASURES, Shown, between, tallied
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD

_ROOM = 1 << 18  # pairs of errors of minutes


@dataclass(slots=True)
class Cell:
    """Counts of one revision that its alarms cannot tell apart.

    ``code`` is the alarms' joint code; ``some`` whether there are successes, None
    where that does not matter. ``mass`` holds errors and their probabilities.
    """

    code: int
    some: bool | None
    mass: Mass


@dataclass(slots=True)
class _Part:
    """Errors of one revision with or without ``some`` success, and what its alarms see.

    ``codes`` are (settings or 1, errors), and chances and moments of the errors, from
    ``low`` on, (minutes, nodes, settings or 1, errors).
    """

    some: bool
    low: int
    codes: Index
    p: Array
    x: Array


def summed(own: Sequence[Panel], wide: Panel, counts: Counts) -> Shown:
    """Return what alarms on each revision and on both see; digits of the old one's come first."""
    # what varies is gone through in arrays, the other revision cell by cell
    first = OLD if len(own[OLD].settings) > len(own[NEW].settings) else NEW
    second = OLD + NEW - first
    settings = max(len(panel.settings) for panel in (*own, wide))
    alike = own[second].groups() if len(own[second].settings) > 1 else [list(range(settings))]
    found = np.zeros(
        (settings, wide.size, own[second].size, 1 + MEASURES, counts.size, own[first].size)
    )
    for some in alike:
        narrow, broad = own[first].taken(some), wide.taken(some)
        cells = list(_cells(own[second].taken(some[:1]), counts, second))
        for part in _parts(narrow, counts, first):
            for cell in cells:
                _add(found, part, cell, broad, np.array(some), counts)
    digits = (3, 4, 0, 1, 5, 2) if first == NEW else (3, 4, 0, 1, 2, 5)
    each = np.transpose(found, digits).reshape(1 + MEASURES, counts.size, settings, -1)
    return Shown(each[0], each[1:])


def _add(
    found: Array, part: _Part, cell: Cell, wide: Panel, settings: Index, counts: Counts
) -> None:
    """Add to `settings` what alarms see where one revision is in `part`, the other in `cell`.

    ``found`` is by setting, codes of `wide` and of the cell, chance or moment, minute, and
    codes of the part.
    """
    width, most = part.p.shape[-1], cell.mass.p.shape[-1]
    every = part.low + cell.mass.low + np.arange(width + most - 1.0)
    seen = wide.codes(every, np.full(1, float(part.some or bool(cell.some))), counts.hosts)
    row, edges, code = runs(seen)
    # by edge and own errors: so many of the other's are below
    edge, which = np.unique(edges, return_inverse=True)
    place = np.clip(edge[:, None] - np.arange(width), 0, most)
    begin, end = which.reshape(edges.shape).T
    sums = np.cumsum(np.concatenate([cell.mass.p[None], cell.mass.x]), axis=-1)
    sums = np.pad(sums, [(0, 0), (0, 0), (0, 0), (1, 0)])
    for own in range(part.p.shape[2]):
        # by run and setting: a run is that of its setting where `wide` has several
        some, at = slice(None), np.arange(len(settings))[None]
        if len(seen) > 1:
            some = row == own if part.p.shape[2] > 1 else some
            at = row[some, None]
        elif part.p.shape[2] > 1:
            at = np.full((1, 1), own)
        law = np.concatenate([part.p[None, :, :, own], part.x[:, :, :, own]])
        below = _below(law * counts.weights[..., None], sums, place)
        values = below[:, :, end[some]] - below[:, :, begin[some]]
        codes = part.codes[at] if len(part.codes) > 1 else part.codes[0]
        shown = tallied(codes, values[..., None, :], found.shape[-1])
        where = settings[at], code[some, None], np.full((1, 1), cell.code)
        np.add.at(found, where, np.moveaxis(shown, (2, 3), (0, 1)))


def _below(law: Array, sums: Array, place: Index) -> Array:
    """Return sums over nodes, and over the other's errors up to some places.

    ``law`` (1 + measures, minutes, nodes, errors) are weights, ``sums`` (1 + measures,
    minutes, nodes, places) those up to each place, and ``place`` (edges, errors). The
    sums are (1 + measures, minutes, edges, errors).
    """
    own, width = np.swapaxes(law, -1, -2), law.shape[-1]
    found = np.empty((*law.shape[:2], *place.shape))
    step = max(_ROOM // (law.shape[1] * sums.shape[-1]), 1)
    for begin in range(0, width, step):
        some = slice(begin, begin + step)
        # by own errors and place
        table = own[..., some, :] @ sums[:1]
        for at in range(1, len(own)):
            if sums[at].any():
                table[at] += own[0, ..., some, :] @ sums[at]
        found[..., some] = table[..., np.arange(table.shape[-2]), place[:, some]]
    return found


def _parts(panel: Panel, counts: Counts, side: int) -> Iterator[_Part]:
    """Divide one revision's counts; moments of successes are in."""
    if panel.errors_only and counts.silent((side,)).max() < TINY:
        mass = counts.whatever((side,))
        codes = panel.codes(mass.values, np.ones(1), counts.hosts)
        one = mass.p[:, :, None], mass.x[..., None, :]
        yield _Part(some=True, low=mass.low, codes=codes, p=one[0], x=one[1])
        return
    mass, share = counts.errors((side,)), counts.met_share((side,))[..., None, None, None]
    law = mass.values, counts.given((side,)), mass.p > NOTHING
    for codes, begin, upto, mean in between(panel, counts, (side,), *law):
        p = mass.p[:, :, None] * upto
        x = mass.x[..., None, :] * upto + share * mass.p[:, :, None] * mean
        for some in (False, True):
            here = (begin > 0) == some
            if (p * here).max() > TINY:
                yield _Part(some, mass.low, codes, p * here, x * here)


def _cells(panel: Panel, counts: Counts, side: int) -> Iterator[Cell]:
    """Divide one revision's counts by the codes of its alarms, of which there is one setting."""
    found: dict[tuple[int, bool], Mass] = {}
    for part in _parts(panel, counts, side):
        for code in np.unique(part.codes).tolist():
            here = part.codes[0] == code
            p, x = (one[..., 0, :] * here for one in (part.p, part.x))
            cell = found.setdefault((code, part.some), Mass(part.low, 0 * p, 0 * x))
            cell.p, cell.x = cell.p + p, cell.x + x
    for (code, some), cell in found.items():
        if cell.p.max() > TINY:
            yield Cell(code, some, cell)
