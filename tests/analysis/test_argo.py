"""Argo's counters: what fails, what is inconclusive, and from which measurement on."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from stratsim.analysis.argo import Counts, Phase, assess, measure
from stratsim.model.analysis import Metric, Query

GOOD, BAD, OPEN, ERROR = Phase.SUCCESSFUL, Phase.FAILED, Phase.INCONCLUSIVE, Phase.ERROR
METRIC = Metric(
    name="success-rate", query=Query(kind="success", window_s=60.0), count=10, interval_s=60.0
)


def phases(metric: Metric, outcomes: Sequence[Phase]) -> list[Phase]:
    """The metric's phase after each measurement, up to the one that ends it."""
    counts, found = Counts(), []
    for outcome in outcomes:
        counts = counts.after(outcome)
        found.append(assess(metric, counts))
        if found[-1] is not Phase.RUNNING:
            break
    return found


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_limit_is_exceeded_by_one_more(limit: int) -> None:
    """failureLimit 3 gives up at the fourth failure, not at the third."""
    found = phases(replace(METRIC, failure_limit=limit), [BAD] * 10)

    assert len(found) == limit + 1
    assert found[-1] is BAD


def test_failures_need_not_be_in_a_row() -> None:
    found = phases(replace(METRIC, failure_limit=1), [BAD, GOOD, GOOD, GOOD, BAD])

    assert found == [Phase.RUNNING] * 4 + [BAD]


def test_failures_within_the_limit_do_no_harm() -> None:
    outcomes = [GOOD, BAD] * 5

    assert phases(replace(METRIC, failure_limit=5), outcomes)[-1] is GOOD
    assert phases(replace(METRIC, failure_limit=4), outcomes)[-1] is BAD
    assert phases(replace(METRIC, failure_limit=-1), [BAD] * 10)[-1] is GOOD


def test_inconclusive_measurements_have_a_limit_of_their_own() -> None:
    metric = replace(METRIC, failure_limit=9, inconclusive_limit=2)

    assert phases(metric, [OPEN] * 10) == [Phase.RUNNING] * 2 + [OPEN]


def test_errors_count_in_a_row_and_are_no_measurements() -> None:
    """The fifth error in a row ends it; ten good ones are needed whatever errs between."""
    assert len(phases(METRIC, [ERROR] * 9)) == 5
    outcomes = [ERROR, ERROR, ERROR, ERROR, GOOD] * 10

    assert len(phases(METRIC, outcomes)) == 50
    assert phases(METRIC, outcomes)[-1] is GOOD


def test_successes_in_a_row_end_it_early() -> None:
    metric = replace(METRIC, success_limit=3, failure_limit=-1)

    assert len(phases(metric, [GOOD, GOOD, BAD, GOOD, GOOD, GOOD, GOOD])) == 6
    assert phases(metric, [GOOD, BAD] * 5)[-1] is OPEN


def test_without_a_count_one_measurement_or_no_end() -> None:
    once = replace(METRIC, count=None, interval_s=None)
    on = replace(METRIC, count=None)

    assert phases(once, [GOOD]) == [GOOD]
    assert phases(on, [GOOD] * 100) == [Phase.RUNNING] * 100
    assert (once.measurements, on.measurements) == (1, None)


@pytest.mark.parametrize(
    ("success", "failure", "value", "outcome"),
    [
        ("result[0] >= 0.95", "", 0.96, GOOD),
        ("result[0] >= 0.95", "", 0.94, BAD),
        ("", "result[0] < 0.9", 0.89, BAD),
        ("", "result[0] < 0.9", 0.9, GOOD),
        ("result[0] >= 0.95", "result[0] < 0.9", 0.92, OPEN),
        ("result[0] >= 0.95", "result[0] < 0.9", 0.89, BAD),
        ("result[0] >= 0.9", "result[0] >= 0.9", 0.95, BAD),
        ("", "", 0.5, GOOD),
        ("result[0] >= 0.95", "", None, ERROR),
        ("len(result) == 0 || result[0] >= 0.95", "", None, GOOD),
    ],
)
def test_a_measurement_s_outcome(
    success: str, failure: str, value: float | None, outcome: Phase
) -> None:
    assert measure(replace(METRIC, success=success, failure=failure), value) is outcome


def test_no_data_may_come_as_nan() -> None:
    """Then a success condition alone is false, and the measurement failed."""
    metric = replace(METRIC, success="result[0] >= 0.95", empty="nan")

    assert measure(metric, None) is BAD
    assert measure(replace(metric, success="isNaN(result) || result > 1"), None) is GOOD


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 540.0),
        ({"initial_delay_s": 120.0}, 660.0),
        ({"count": None}, 0.0),
        ({"success_limit": 4}, 180.0),
    ],
)
def test_how_long_a_metric_takes(changes: dict[str, float], seconds: float) -> None:
    """The first measurement comes after the initial delay, the others at intervals."""
    assert replace(METRIC, **changes).length_s == seconds
