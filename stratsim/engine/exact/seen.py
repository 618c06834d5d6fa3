"""What all alarms see of each minute, whatever each of them reads.

Most minutes hold no surprise: an alarm whose code is the same wherever the counts
can lie is certain, and only the others are added up over their counts.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import reduce

import numpy as np

from stratsim.engine.batch.changes import Flags
from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.codes import Judge, Reading
from stratsim.engine.exact.counts import Counts, Side
from stratsim.engine.exact.few import few_together
from stratsim.engine.exact.nodes import TINY
from stratsim.engine.exact.panel import Panel
from stratsim.engine.exact.sides import both_sides
from stratsim.engine.exact.symbols import MEASURES, Shown, never_silent, same_sides
from stratsim.model.quantities import Array
from stratsim.signals import NEW

Sure = dict[Judge, Index]
"""By alarm, (minutes,): the digit that is certain, `OPEN` where none is."""

OPEN = -1
_ERRORS, _SUCCESSES = 12, 6  # places where an alarm is tried within the counts worth while
_ROOM = 1 << 18  # numbers in an array of minutes that are added up together
_SPACE = 1 << 20  # and of settings


def seen(variants: Sequence[Sequence[Judge]], many: Sequence[Counts]) -> list[tuple[Array, Array]]:
    """Return what minutes show to the alarms, in each variant of the alarms.

    Returns
    -------
    list
        Of (p, x) for each of `many`: probabilities (minutes, variants, symbols) and
        moments (minutes, variants, measures, symbols).
    """
    sure = certain(list(dict.fromkeys(judge for judges in variants for judge in judges)), many)
    ends = np.cumsum([counts.size for counts in many])
    return [
        _seen(variants, counts, {j: digits[end - counts.size : end] for j, digits in sure.items()})
        for counts, end in zip(many, ends, strict=True)
    ]


def _seen(variants: Sequence[Sequence[Judge]], counts: Counts, sure: Sure) -> tuple[Array, Array]:
    alarms = len(variants[0])
    digits = np.array([[sure[judge] for judge in row] for row in variants], dtype=np.int64)
    digits = digits.reshape(len(variants), alarms, counts.size)
    p = np.zeros((counts.size, len(variants), 3**alarms))
    x = np.zeros((counts.size, len(variants), MEASURES, 3**alarms))
    for here, most in _alike(counts, sure):
        some = counts.taken(here)
        for settings, places in _alike_open(digits[..., here[0]] == OPEN, most):
            panel = Panel([tuple(variants[row][at] for at in places) for row in settings])
            part = _together(panel, some)
            symbols = _symbols(digits[settings][..., here], places)
            minutes, rows = here[:, None, None], settings[:, None]
            p[minutes, rows, symbols] = part.p
            x[minutes, rows, :, symbols] = np.moveaxis(part.x, 0, -1)
    return p, x


def _alike_open(opened: Flags, most: int) -> Iterator[tuple[Index, list[int]]]:
    """Yield settings, at `most` so many, and which alarms are open (settings, alarms) in them."""
    each, which = np.unique(opened, axis=0, return_inverse=True)
    for number, places in enumerate(each):
        settings = np.nonzero(which.reshape(-1) == number)[0]
        for begin in range(0, len(settings), most):
            yield settings[begin : begin + most], np.nonzero(places)[0].tolist()


def _symbols(digits: Index, places: Sequence[int]) -> Index:
    """Return the symbols that are possible, (minutes, settings, some).

    The digits (settings, alarms, minutes) of alarms in other `places` are certain.
    """
    number, scale = np.arange(3 ** len(places)), 3 ** np.arange(digits.shape[1])
    fixed = np.delete(digits, places, axis=1)
    whole = np.tensordot(fixed, np.delete(scale, places), axes=(1, 0))
    to = sum((number // 3**i % 3 * 3**at for i, at in enumerate(places)), 0 * number)
    return np.asarray(whole.T[..., None] + to)


def _together(panel: Panel, counts: Counts) -> Shown:
    if not panel.alarms:
        return Shown(np.ones((counts.size, 1, 1)), counts.means()[..., None, None])
    sides = panel.alarms[0].sides
    if any(judge.sides != sides for judge in panel.alarms):
        return both_sides(panel, counts)
    few = counts.few(sides).all() and not never_silent(panel, counts)
    found = (few_together if few else same_sides)(panel, counts)
    if NEW not in sides:
        # moments of a revision that is not watched are independent of what is
        found.x = found.x + counts.means()[..., None, None] * found.p
    return found


# -- minutes that are added up together ----------------------------------------------


def _alike(counts: Counts, sure: Sure) -> Iterator[tuple[Index, int]]:
    """Yield minutes of which the same alarms are open, and whose counts are alike.

    And how many settings of these alarms there is room for at once.
    """
    opened = [(digits == OPEN)[:, None] for digits in sure.values()]
    sides = {judge.sides for judge, digits in sure.items() if (digits == OPEN).any()}
    classes = [np.zeros((counts.size, 1)), *opened, *(_classes(counts, side) for side in sides)]
    if len(sides) > 1:
        sides |= {(side,) for both in sides for side in both}
    classes += [_place(counts, side)[:, None] for side in sides]
    _, group = np.unique(np.concatenate(classes, axis=1).astype(int), axis=0, return_inverse=True)
    each, grid = _width(counts, sides)
    width = np.maximum(each, grid)
    for one in range(int(group.max(initial=-1)) + 1):
        here = np.nonzero(group.reshape(-1) == one)[0]
        count = max(int(_ROOM / width[here].max()), 1)
        for begin in range(0, len(here), count):
            some = here[begin : begin + count]
            yield some, max(int(_SPACE / (len(some) * each[some].max())), 1)


def _classes(counts: Counts, side: Side) -> Array:
    """Return what minutes have to agree in to be added up together, (minutes, any)."""
    silent = np.exp(-counts.successes_mean(side).min(axis=1)) >= TINY
    few = counts.few(side)
    number = np.where(few, np.sqrt(counts.number(side)) // 3, 0)
    return np.stack([few, silent, number], axis=1)


def _place(counts: Counts, side: Side) -> Array:
    """Return classes of minutes whose windows of errors are alike in place and width."""
    return np.asarray(np.sqrt(counts.bounds(side)[1] / max(counts.dispersion, 1.0)) // 6)


def _width(counts: Counts, sides: Collection[Side]) -> tuple[Array, Array]:
    """Return how many numbers there are of a setting, and of all of them, (minutes,) each."""
    errors = sum((np.diff(counts.bounds(side), axis=0)[0] for side in sides), np.ones(counts.size))
    if counts.fixed:
        return errors ** len(sides), errors
    grids = [counts.few(side) * errors * counts.successes(side)[1] / 4 for side in sides]
    grid = reduce(np.maximum, grids, errors) if len(sides) == 1 else errors
    return np.asarray(errors * counts.nodes.shape[1]), np.asarray(grid)


# -- alarms that are certain ------------------------------------------------------------


def certain(judges: Sequence[Judge], many: Sequence[Counts]) -> Sure:
    """Return where alarms are certain of what they see, in all minutes of `many`."""
    found: Sure = {}
    values: dict[Reading, Array] = {}
    for judge in judges:
        if judge.reading not in values:
            values[judge.reading] = _tried(judge, many)
        codes = judge.judged(values[judge.reading])
        same = codes.min(axis=1) == codes.max(axis=1)
        found[judge] = np.where(same, codes[:, 0] + 1, OPEN).astype(np.int64)
    return found


def _tried(judge: Judge, many: Sequence[Counts]) -> Array:
    """Return what an alarm reads all over the counts worth while, (minutes, places)."""
    e = _spread([counts.bounds(judge.sides) for counts in many], _ERRORS)[:, :, None]
    s = _spread([counts.successes(judge.sides) for counts in many], _SUCCESSES)[:, None, :]
    found = np.empty((len(e), e.shape[1] * s.shape[2]))
    hosts = np.repeat([counts.hosts for counts in many], [counts.size for counts in many], axis=0)
    for pair in np.unique(hosts, axis=0):
        here = (hosts == pair).all(axis=1)
        read = judge.values(e[here], s[here], (bool(pair[0]), bool(pair[1])))
        found[here] = read.reshape(int(here.sum()), -1)
    return found


def _spread(bounds: Sequence[tuple[Array, Array]], count: int) -> Array:
    """Return whole numbers from the least to the largest, (minutes, count)."""
    low, high = np.concatenate([np.stack(one) for one in bounds], axis=1)[..., None]
    return np.asarray(np.rint(low + (high - low) * np.linspace(0.0, 1.0, count)))
