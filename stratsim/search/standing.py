"""How designs stand by what a round knows: what they miss, and which are promising."""

from collections.abc import Iterable, Sequence

import numpy as np

from stratsim.comparison import Key
from stratsim.model.quantities import Array
from stratsim.recommendation.requirement import Requirement
from stratsim.search.board import Board
from stratsim.search.screen import Flags

FALSE = Key("false_rollback")


def ranked(board: Board, requirements: Sequence[Requirement]) -> list[int]:
    """Return the entries from the most to the least promising by their estimates."""
    value = np.nan_to_num(board.objective.value, nan=np.inf)
    keys = (board.means[:, 1], value, penalty(board, requirements))
    return [int(entry) for entry in np.lexsort(keys)]


def spread(board: Board, order: Iterable[int]) -> list[int]:
    """Return the first of `order`, and after it those that stop fewer good releases."""
    found: list[int] = []
    for entry in order:
        if not found or board.false[entry] < board.false[found[-1]]:
            found.append(entry)
    return found


def penalty(board: Board, requirements: Sequence[Requirement]) -> Array:
    """Return by how much each entry misses its limits by its estimates, summed; 0: by nothing.

    The few worlds of a round show few false alarms: those are counted in more worlds,
    and with a margin.
    """
    found = np.zeros(len(board.shape))
    for requirement, limit in zip(requirements, board.limits, strict=True):
        value = board.false if requirement.key == FALSE else limit.value
        over = np.abs(value - requirement.limit) / max(abs(requirement.limit), 1e-3)
        found += np.where(_allows(requirement, value), 0.0, np.nan_to_num(over, nan=1e6))
    return found


def _allows(requirement: Requirement, values: Array) -> Flags:
    slack = 1e-9 * max(1.0, abs(requirement.limit)) if requirement.limit else 0.0
    low = requirement.sense == "<="
    return np.asarray(
        values <= requirement.limit + slack if low else values >= requirement.limit - slack
    )


def failing(board: Board, requirements: Sequence[Requirement]) -> Flags:
    """Return the entries that surely fail a requirement."""
    failed = np.zeros(len(board.shape), dtype=bool)
    for requirement, limit in zip(requirements, board.limits, strict=True):
        best = limit.low if requirement.sense == "<=" else limit.high
        failed |= ~np.isnan(best) & ~_allows(requirement, best)
    return failed
