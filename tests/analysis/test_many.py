"""Many analyses at once against one at a time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratsim.analysis.argo import Counts, assess, measure
from stratsim.analysis.many import CODES, CountsOfMany, assess_many, measure_many
from stratsim.model.analysis import Metric, Query

METRIC = Metric(name="success", query=Query(kind="success", window_s=60))
VALUES = [None, float("nan"), 0.2, 0.5, 0.8]
CONDITIONS = ["", "result >= 0.5", "isNaN(result[0]) || result < 0.4", "len(result) == 0"]

metrics = st.builds(
    lambda **changes: replace(METRIC, **changes),
    success=st.sampled_from(CONDITIONS),
    failure=st.sampled_from(CONDITIONS),
    interval_s=st.just(10.0),
    count=st.sampled_from([None, 1, 4]),
    failure_limit=st.integers(-1, 2),
    inconclusive_limit=st.integers(-1, 2),
    error_limit=st.integers(-1, 2),
    success_limit=st.integers(0, 3),
    empty=st.sampled_from(["error", "nan"]),
)


@given(metric=metrics, series=st.lists(st.lists(st.sampled_from(VALUES), min_size=3, max_size=3)))
def test_many_analyses_count_as_one_does(metric: Metric, series: list[list[float | None]]) -> None:
    many, alone = CountsOfMany.none(3), [Counts() for _ in range(3)]
    for values in series:
        lacking = np.array([value is None for value in values])
        numbers = np.array([0.0 if value is None else value for value in values])
        outcomes = measure_many(metric, numbers, lacking)
        many.add(outcomes, np.arange(3))
        one = [measure(metric, value) for value in values]
        assert outcomes.tolist() == [CODES[outcome] for outcome in one]
        alone = [counts.after(outcome) for counts, outcome in zip(alone, one, strict=True)]
        assert assess_many(metric, many).tolist() == [CODES[assess(metric, c)] for c in alone]


def test_only_the_analyses_that_measured_count() -> None:
    counts = CountsOfMany.none(2)

    counts.add(
        measure_many(replace(METRIC, success="result > 1"), np.zeros(1), np.zeros(1, bool)),
        np.array([1]),
    )

    assert counts.failed.tolist() == [0, 1] == counts.taken.tolist()
    assert counts.take(np.array([1])).failed == pytest.approx([1])
