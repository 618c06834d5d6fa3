"""When an alarm first fires: a Markov chain over what it has last seen.

The state of the chain is the evaluation range but for its oldest period, each
period good, breaching or missing; the next period moves it on, and the evaluator
of `stratsim.cloudwatch` says which ranges are in ALARM. With two kinds of period
and no gap this is the absorbing chain of runs and M of N.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.evaluation import State, judge_many
from stratsim.model.alarm import MetricAlarm
from stratsim.model.quantities import Array

LARGEST = 13  # periods
Chances = tuple[float, float]
"""Probabilities that a period breaches and that it is missing."""

_GOOD, _BREACHING, _MISSING = 0, 1, 2  # digits of a state; a cell of 2 is -1


def fits(size: int) -> bool:
    """Whether a chain over an evaluation range of `size` periods is small enough."""
    return size <= LARGEST


@lru_cache(maxsize=32)
def _alarms(m: int, n: int, treatment: str, size: int, late: int) -> NDArray[np.bool_]:
    """Return which ranges are in ALARM, (oldest, states between, newest that is seen)."""
    kept = max(size - late, 2)
    codes = np.arange(3**kept)
    powers = 3 ** np.arange(kept - 1, -1, -1)
    digits = (codes[:, None] // powers % 3).astype(np.int8)
    cells = np.where(digits == _MISSING, np.int8(-1), digits)
    unseen = np.full((len(codes), late), -1, np.int8)
    cells = np.concatenate([cells, unseen], axis=1)[:, kept + late - size :][:, :size]
    before = np.full(len(codes), State.OK, np.int8)  # the alarm has not fired yet
    alarm: NDArray[np.bool_] = judge_many(cells, m, n, treatment, before) == State.ALARM
    return alarm.reshape(3, 3 ** (kept - 2), 3)


class Chain:
    """The chain of one alarm.

    Parameters
    ----------
    alarm
        Its M, N and treatment of missing data count.
    size
        The evaluation range in periods.
    late
        How many of the newest periods no evaluation sees yet; the periods of the
        chain are those that are seen.
    """

    def __init__(self, alarm: MetricAlarm, size: int, late: int = 0) -> None:
        self.size = max(size - late, 2)
        self.silent = ~_alarms(alarm.m, alarm.n, alarm.treatment, size, late)

    def empty(self) -> Array:
        """Return the state of an alarm that has seen nothing."""
        state = np.zeros((3, 3 ** (self.size - 2)))
        state[-1, -1] = 1.0
        return state

    def settled(self, chances: Chances) -> Array:
        """Return the state after long of the same, given that it is not in ALARM."""
        one = np.array(_three(chances))
        state: Array = np.ones(1)
        for _ in range(self.size - 1):
            state = np.multiply.outer(state, one).reshape(-1)
        after, fired = self.step(state.reshape(3, -1), chances)
        return after / (1 - fired) if fired < 1 else self.empty()

    def step(self, state: Array, chances: Chances) -> tuple[Array, float]:
        """Return the state after one more period, and the probability of ALARM in it."""
        moved = state[:, :, np.newaxis] * np.array(_three(chances))
        quiet = moved * self.silent
        fired = float(moved.sum() - quiet.sum())
        return quiet.sum(axis=0).reshape(3, -1), max(fired, 0.0)

    def first_alarm(self, state: Array, periods: Iterable[Chances]) -> Array:
        """Return the probability that the first ALARM comes with each of `periods`."""
        fired = []
        for chances in periods:
            state, now = self.step(state, chances)
            fired.append(now)
        return np.array(fired)

    def mean_periods(self, chances: Chances) -> float:
        """Return the expected periods until ALARM, beginning with good ones only."""
        state = np.zeros((3, 3 ** (self.size - 2)))
        state[0, 0] = 1.0
        mean, left, at = 0.0, 1.0, 0
        while left > 1e-12 and at < 1_000_000:
            mean += left
            state, fired = self.step(state, chances)
            left -= fired
            at += 1
        return mean


def _three(chances: Chances) -> Sequence[float]:
    breach, missing = chances
    return (max(1.0 - breach - missing, 0.0), breach, missing)
