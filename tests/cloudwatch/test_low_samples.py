"""Percentile alarms that keep their state for want of samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratsim.cloudwatch import (
    State,
    evaluate_alarm,
    judge_over_time,
    lacks_samples,
    lacks_samples_over_time,
    replay_alarm,
)
from stratsim.cloudwatch.low_samples import low_sample_limit
from stratsim.model.alarm import MetricAlarm


@pytest.mark.parametrize(
    ("statistic", "limit"),
    [
        ("p99", 1000),
        ("p95", 200),
        ("p90", 100),
        ("p50", 20),
        ("p10", 100),
        ("p100", None),
        ("p0", None),
        ("tm99", None),
        ("Sum", None),
        (None, None),
    ],
)
def test_how_many_samples_a_percentile_wants(statistic: str | None, limit: float | None) -> None:
    """The figures of the user guide."""
    assert low_sample_limit(statistic) == limit


def p90(treatment: str | None = "ignore", m: int = 1, n: int = 2) -> MetricAlarm:
    return MetricAlarm(
        AlarmName="slow",
        ExtendedStatistic="p90",
        EvaluateLowSampleCountPercentile=treatment,
        Period=60,
        EvaluationPeriods=n,
        DatapointsToAlarm=m,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )


@pytest.mark.parametrize(
    ("counts", "held"),
    [
        ([100, 100], False),
        ([100, 99], True),
        ([99, 100, 100], False),  # older than the two that are judged
        ([99, 100, 0], True),  # no sample: no datapoint, so the older one is judged
        ([0, 0], False),  # nothing is judged at all
        ([None, 99], True),
    ],
)
def test_one_judged_period_with_too_few_is_enough(counts: list[float], held: bool) -> None:
    assert lacks_samples(p90(), counts) is held
    assert not lacks_samples(p90("evaluate"), counts)
    assert not lacks_samples(p90(None), counts)


def test_the_state_is_kept_while_samples_are_few() -> None:
    slow = [5.0, 5.0, 5.0, 0.1, 0.1]
    counts = [100, 99, 100, 100, 100]

    minding = replay_alarm(p90(), slow, initial_state="OK", sample_counts=counts)
    careless = replay_alarm(p90("evaluate"), slow, initial_state="OK", sample_counts=counts)

    # Minute 1 is too thin for evaluations 1 and 2, of which it is judged.
    assert minding == ["ALARM", "ALARM", "ALARM", "ALARM", "OK"]
    assert careless == ["ALARM", "ALARM", "ALARM", "ALARM", "OK"]
    thin = replay_alarm(p90(), slow, initial_state="OK", sample_counts=[99, 99, 100, 100, 100])
    assert thin == ["OK", "OK", "OK", "ALARM", "OK"]


def test_one_evaluation() -> None:
    assert evaluate_alarm(p90(), [5.0], "OK", sample_counts=[99]) == "OK"
    assert evaluate_alarm(p90(), [5.0], "OK", sample_counts=[100]) == "ALARM"


@given(
    counts=st.lists(st.sampled_from((0, 1, 100, 150)), min_size=1, max_size=12),
    n=st.integers(1, 4),
    extra=st.integers(0, 2),
)
def test_time_runs_like_single_evaluations(counts: list[int], n: int, extra: int) -> None:
    alarm, size = p90(n=n), n + extra

    held = lacks_samples_over_time(alarm, np.array([counts], float), size)

    assert held.shape == (1, len(counts))
    assert held[0].tolist() == [
        lacks_samples(alarm, counts[max(end - size, 0) : end]) for end in range(1, len(counts) + 1)
    ]


def test_held_evaluations_keep_the_state() -> None:
    cells = np.array([[1, 1, 0, 0]], np.int8)
    hold = np.array([[True, False, True, False]])

    states = judge_over_time(cells, 1, 1, "missing", 1, State.OK, hold)

    assert states[0].tolist() == [State.OK, State.ALARM, State.ALARM, State.OK]
