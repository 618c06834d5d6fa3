"""Failed requests of a deployment until it is caught, against closed forms."""

from collections.abc import Callable
from typing import Any

import pytest
from scipy import stats

import stratsim

Make = Callable[..., Any]

LINEAR = {
    "type": "TimeBasedLinear",
    "timeBasedLinear": {"linearPercentage": 10, "linearInterval": 1},
}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("CodeDeployDefault.ECSCanary10Percent5Minutes", 14.7),  # 49 a minute x 3 x 0.1
        ("CodeDeployDefault.ECSLinear10PercentEvery1Minutes", 29.4),  # x (0.1 + 0.2 + 0.3)
        ("CodeDeployDefault.ECSAllAtOnce", 147),
    ],
)
def test_blast_radius_of_three_minutes(
    strategy: str, expected: float, scenario_of: Make, alarm_on: Make
) -> None:
    """1,000 requests a minute, 4.9 % more errors, detected after three minutes."""
    scenario = scenario_of(
        strategy,
        faults=[{"kind": "errors", "rate": 0.049}],
        alarms=[alarm_on(above=0, m=3, n=3)],
        wait_min=10,
        traffic={"rate": 1000 / 60},
        noise="expected",
    )

    run = stratsim.simulate(scenario, strategy)

    assert run.outcome["failed_requests"] == pytest.approx(expected, rel=1e-12)
    assert run.outcome["failed_requests_capacity"] == 0
    assert run.outcome["time_to_restore_s"] == 180


def expected_failures(requests: float, p0: float, p1: float, rate: float) -> tuple[float, float]:
    """Return extra failures and the mean detection minute of a linear shift.

    Each minute's breach is independent; a failure counts where the fault made it.
    """
    going, failures, minute = 1.0, 0.0, 0.0
    for step in range(1, 11):
        n = round(requests * step / 10)
        detected = stats.binom.sf(n // 50, n, p1)
        failures += going * n * rate
        minute += step * going * detected
        going *= 1 - detected
    return failures, minute


def test_blast_radius_where_detection_is_a_matter_of_chance(
    scenario_of: Make, percent_alarm: Make, mean_is: Make, compare: Make
) -> None:
    """200 requests a minute, 10 % more each minute, 3 % instead of 0.1 % errors, alarm at 2 %.

    The rate is that of the requests a fault reaches; background failures happen
    among the rest, so it is (p1 - p0) / (1 - p0), and the expected failures are
    1.776706 where p1 - p0 alone would give 1.774929. The mean minute of
    detection is 1.813790. 8,000 deployments, three standard errors.
    """
    p0, p1 = 0.001, 0.03
    rate = (p1 - p0) / (1 - p0)
    scenario = scenario_of(
        {"name": "it", "trafficRoutingConfig": LINEAR},
        faults=[{"kind": "errors", "rate": rate}],
        alarms=[percent_alarm(above=2)],
        wait_min=1,  # the tenth step is watched for a minute too
        traffic={"rate": 200 / 60, "dispersion": 0},
        service={"error_rate": p0},
    )
    assert expected_failures(200, p0, p1, p1 - p0)[0] == pytest.approx(1.774929, abs=1e-6)
    assert expected_failures(200, p0, p1, rate)[0] == pytest.approx(1.776706, abs=1e-6)

    runs = compare(scenario, replications=8000, seed=12).sample("it")

    mean_is(runs.measures["failed_requests"], 1.776706)
    mean_is(runs.measures["deployment_duration_s"] / 60, 1.813790)
    # Of the requests, n a minute for sure, those until detection were exposed.
    exposed = {1: 20, 2: 60, 3: 120, 4: 200}
    for minute, requests in exposed.items():
        caught = runs.measures["deployment_duration_s"] == 60 * minute
        assert set(runs.measures["exposed_requests"][caught]) == {requests}


@pytest.mark.parametrize("weight", [1, 5, 10, 25, 50])
def test_a_detector_that_needs_a_number_of_requests_costs_the_same_at_any_weight(
    weight: float, scenario_of: Make, alarm_on: Make
) -> None:
    """793 canary requests tell 2 % from 1 %: 7.93 extra failures, sooner or later.

    At 793 requests a minute the sample is there after 100 / weight minutes.
    """
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": weight, "pause": "200m"}]},
        faults=[{"kind": "errors", "rate": 0.01}],
        alarms=[alarm_on(above=792.99, metric="RequestCount", period=6000)],
        traffic={"rate": 793 / 60},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert run.outcome["failed_requests"] == pytest.approx(7.93, rel=1e-9)
    assert run.outcome["time_to_restore_s"] == pytest.approx(60 * 100 / weight)


BEND = 793 / (1000 * 3)  # the weight at which three minutes bring 793 requests: 0.264333


@pytest.mark.parametrize(
    ("weight", "failures"),
    [(BEND / 4, 7.93), (BEND / 2, 7.93), (BEND, 7.93), (2 * BEND, 15.86), (3 * BEND, 23.79)],
)
def test_beyond_the_alarm_s_own_delay_harm_grows_with_the_weight(
    weight: float, failures: float, scenario_of: Make, alarm_on: Make
) -> None:
    """The same detector behind an alarm that takes three minutes at least, 1,000 a minute."""
    sample = alarm_on("sample", above=792.99, metric="RequestCount", period=6000)
    slow = alarm_on("slow", above=0, metric="RequestCount", m=3, n=3)
    both = {"AlarmName": "both", "AlarmRule": "ALARM(sample) AND ALARM(slow)"}
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 100 * weight, "pause": "200m"}]},
        faults=[{"kind": "errors", "rate": 0.01}],
        alarms=[sample, slow, both],
        watched=["both"],
        traffic={"rate": 1000 / 60},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert pytest.approx(0.2643333, abs=1e-7) == BEND
    assert run.outcome["failed_requests"] == pytest.approx(failures, rel=1e-9)
