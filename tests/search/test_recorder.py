"""One number for all thresholds, held to one evaluation per threshold."""

import numpy as np
import pytest

from stratsim.cloudwatch.evaluation import State, judge_many
from stratsim.search.recorder import Firsts, Rule, exceeded

EXTRA = 2


@pytest.mark.parametrize("treatment", ["notBreaching", "missing", "ignore", "breaching"])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 3), (2, 3), (3, 3), (3, 5), (5, 5)])
@pytest.mark.parametrize("gaps", [0.0, 0.3, 0.8])
def test_an_alarm_fires_where_the_number_exceeds_its_threshold(
    treatment: str, m: int, n: int, gaps: float
) -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(0, 6, size=(2000, n + EXTRA)).astype(float)
    values[rng.random(values.shape) < gaps] = np.nan
    number = exceeded(values[:, ::-1], [Rule(m, n, treatment)], EXTRA)[0]

    for threshold in (0.0, 1.0, 3.0, 5.0):
        cells = np.where(np.isnan(values), -1, values > threshold).astype(np.int8)
        before = np.full(len(cells), State.OK, dtype=np.int8)
        alarm = judge_many(cells, m, n, treatment, before) == State.ALARM
        np.testing.assert_array_equal(number > threshold, alarm)


def test_only_the_first_time_is_noted() -> None:
    firsts = Firsts(
        (Rule(1, 1, "missing"),), np.array([1.0, 5.0]), np.full((1, 2, 2), 99, np.int16)
    )
    for minute, numbers in enumerate([[0.0, 2.0], [2.0, 0.0], [7.0, 9.0], [9.0, 9.0]]):
        firsts.note(np.array([numbers]), np.arange(2), minute)

    assert firsts.minutes[0].tolist() == [[1, 2], [0, 2]]
