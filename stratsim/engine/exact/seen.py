"""What all alarms see of each minute, whatever each of them reads.

Most minutes hold no surprise: an alarm whose code is the same wherever the counts
can lie is certain, and only the others are added up over their counts.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.exact.codes import Judge, Reading
from stratsim.engine.exact.counts import Counts
from stratsim.engine.exact.sides import both_sides
from stratsim.engine.exact.symbols import MEASURES, Shown, same_sides
from stratsim.model.quantities import Array

Sure = dict[Judge, NDArray[np.int64]]
"""By alarm, (minutes,): the digit that is certain, `OPEN` where none is."""

OPEN = -1
_ERRORS, _SUCCESSES = 12, 6  # places where an alarm is tried within the counts worth while


def seen(variants: Sequence[Sequence[Judge]], many: Sequence[Counts]) -> tuple[Array, Array]:
    """Return what minutes show to the alarms, in each variant of the alarms.

    Returns
    -------
    p, x
        Probabilities (minutes, variants, symbols) and moments
        (minutes, variants, measures, symbols).
    """
    symbols = 3 ** len(variants[0])
    sure = certain({judge for judges in variants for judge in judges}, many)
    p = np.zeros((len(many), len(variants), symbols))
    x = np.zeros((len(many), len(variants), MEASURES, symbols))
    for at, counts in enumerate(many):
        known: dict[tuple[Judge, ...], Shown] = {}
        for number, judges in enumerate(variants):
            digits = [int(sure[judge][at]) for judge in judges]
            places, part = _open(judges, digits, counts, known)
            p[at, number, places], x[at, number, :, places] = part.p, part.x.T
    return p, x


def _open(
    judges: Sequence[Judge],
    digits: Sequence[int],
    counts: Counts,
    known: dict[tuple[Judge, ...], Shown],
) -> tuple[NDArray[np.int64], Shown]:
    """Return the symbols that are possible, and what is known of them."""
    fixed = sum(digit * 3**at for at, digit in enumerate(digits) if digit != OPEN)
    places = [at for at, digit in enumerate(digits) if digit == OPEN]
    those = tuple(judges[at] for at in places)
    if those not in known:
        known[those] = _together(those, counts)
    number = np.arange(3 ** len(places))
    to = fixed + sum((number // 3**i % 3 * 3**at for i, at in enumerate(places)), 0 * number)
    return to, known[those]


def _together(judges: Sequence[Judge], counts: Counts) -> Shown:
    if not judges:
        return Shown(np.ones(1), counts.means()[:, None])
    if len({judge.sides for judge in judges}) == 1:
        return same_sides(judges, counts)
    return both_sides(judges, counts)


def certain(judges: set[Judge], many: Sequence[Counts]) -> Sure:
    """Return where alarms are certain of what they see."""
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
    if not judge.sides:
        e = s = np.zeros((len(many), 1, 1))
    else:
        e = _spread([counts.bounds(judge.sides) for counts in many], _ERRORS)[:, :, None]
        s = _spread([counts.successes(judge.sides) for counts in many], _SUCCESSES)[:, None, :]
    found = np.empty((len(many), e.shape[1] * s.shape[2]))
    hosts = np.array([counts.hosts for counts in many])
    for pair in np.unique(hosts, axis=0):
        here = (hosts == pair).all(axis=1)
        read = judge.values(e[here], s[here], (bool(pair[0]), bool(pair[1])))
        found[here] = read.reshape(int(here.sum()), -1)
    return found


def _spread(bounds: Sequence[tuple[float, float]], count: int) -> Array:
    """Return whole numbers from the least to the largest, (minutes, count)."""
    low, high = np.array(bounds, dtype=float).T[:, :, None]
    return np.asarray(np.rint(low + (high - low) * np.linspace(0.0, 1.0, count)))
