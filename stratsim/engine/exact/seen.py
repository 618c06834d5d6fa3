"""What all alarms see of one minute, whatever each of them reads."""

from collections.abc import Sequence

import numpy as np

from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts
from stratsim.engine.exact.sides import both_sides
from stratsim.engine.exact.symbols import MEASURES, Shown, same_sides

SURE = 1e-12
"""A code whose complement is less probable than this is certain."""


def shown(judges: Sequence[Judge], counts: Counts) -> Shown:
    """Return what a minute with these `counts` can show to all alarms."""
    digits = [_alone(judge, counts) for judge in judges]
    open_ = [at for at, part in enumerate(digits) if part.p.max() < 1 - SURE]
    symbols = 3 ** len(judges)
    fixed = sum(int(np.argmax(p.p)) * 3**at for at, p in enumerate(digits) if at not in open_)
    found = Shown(np.zeros(symbols), np.zeros((MEASURES, symbols)))
    if not open_:
        found.p[fixed] = 1.0
        found.x[:, fixed] = counts.means()
        return found
    part = digits[open_[0]] if len(open_) == 1 else _together([judges[at] for at in open_], counts)
    for digit in range(len(part.p)):
        place = fixed + sum(digit // 3**i % 3 * 3**at for i, at in enumerate(open_))
        found.p[place] += part.p[digit]
        found.x[:, place] += part.x[:, digit]
    return found


def _alone(judge: Judge, counts: Counts) -> Shown:
    if not judge.sides:
        code = int(judge.codes(np.zeros(1), np.zeros(1), counts.hosts)[0])
        found = Shown(np.zeros(3), np.zeros((MEASURES, 3)))
        found.p[code + 1], found.x[:, code + 1] = 1.0, counts.means()
        return found
    return same_sides([judge], counts)


def _together(judges: Sequence[Judge], counts: Counts) -> Shown:
    if len({judge.sides for judge in judges}) == 1:
        return same_sides(judges, counts)
    return both_sides(judges, counts)
