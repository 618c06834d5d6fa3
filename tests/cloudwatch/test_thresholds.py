"""Values against thresholds and bands."""

import numpy as np
import pytest

from stratsim.cloudwatch.thresholds import breaches
from stratsim.model.alarm import MetricAlarm


def alarm(operator: str) -> MetricAlarm:
    if operator.endswith(("ThanThreshold", "EqualToThreshold")):
        return MetricAlarm(
            AlarmName="a", EvaluationPeriods=1, Threshold=5.0, ComparisonOperator=operator
        )
    return MetricAlarm(
        AlarmName="a", EvaluationPeriods=1, ThresholdMetricId="b", ComparisonOperator=operator
    )


@pytest.mark.parametrize(
    ("operator", "below", "at", "above"),
    [
        ("GreaterThanThreshold", 0, 0, 1),
        ("GreaterThanOrEqualToThreshold", 0, 1, 1),
        ("LessThanThreshold", 1, 0, 0),
        ("LessThanOrEqualToThreshold", 1, 1, 0),
    ],
)
def test_operators_differ_on_the_threshold_itself(
    operator: str, below: int, at: int, above: int
) -> None:
    expected = [below, at, above, -1]

    assert [breaches(alarm(operator), value) for value in (4.9, 5.0, 5.1, None)] == expected
    assert breaches(alarm(operator), [4.9, 5.0, 5.1, None]).tolist() == expected
    assert breaches(alarm(operator), np.array([[4.9, 5.0, 5.1, np.nan]])).tolist() == [expected]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("LessThanLowerOrGreaterThanUpperThreshold", [1, 0, 0, 0, 1]),
        ("LessThanLowerThreshold", [1, 0, 0, 0, 0]),
        ("GreaterThanUpperThreshold", [0, 0, 0, 0, 1]),
    ],
)
def test_the_edge_of_a_band_does_not_breach(operator: str, expected: list[int]) -> None:
    values = [1.9, 2.0, 3.0, 4.0, 4.1]

    assert [breaches(alarm(operator), value, (2.0, 4.0)) for value in values] == expected
    assert breaches(alarm(operator), values, [(2.0, 4.0)] * 5).tolist() == expected


def test_a_value_without_a_band_is_missing() -> None:
    """The band may have no datapoint where the metric has one."""
    banded = alarm("GreaterThanUpperThreshold")

    assert breaches(banded, 9.0, None) == -1
    assert breaches(banded, [9.0, 9.0], [None, (0.0, 1.0)]).tolist() == [-1, 1]
    assert breaches(banded, np.array([9.0]), np.array([[0.0, np.nan]])).tolist() == [-1]
    assert breaches(banded, np.array([9.0]), np.array([[np.nan, 1.0]])).tolist() == [-1]
    assert breaches(banded, np.array([np.nan, 9.0]), np.array([[0.0, 1.0]] * 2)).tolist() == [-1, 1]


def test_zero_is_a_datapoint_like_any_other() -> None:
    assert breaches(alarm("LessThanThreshold"), 0) == 1
    assert breaches(alarm("GreaterThanThreshold"), np.float64(0)) == 0
