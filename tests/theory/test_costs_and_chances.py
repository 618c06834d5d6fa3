"""Money and probabilities, each on a case small enough for paper.

Noise is off and prices are round numbers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stratsim

Make = Callable[..., Any]

ALL, CANARY5 = "CodeDeployDefault.ECSAllAtOnce", "CodeDeployDefault.ECSCanary10Percent5Minutes"
BAD = {"kind": "errors", "rate": 0.1}
MONTH_H = 730


def outcome_of(scenario_of: Make, strategy: Any, *faults: dict[str, Any], **more: Any) -> Any:
    scenario = scenario_of(strategy, faults=faults, noise="expected", **more)
    return stratsim.simulate(scenario, scenario.strategies[0].name).outcome


def test_failed_requests_have_a_price(scenario_of: Make, alarm_on: Make) -> None:
    """60 failures in the first minute of all at once."""
    found = outcome_of(
        scenario_of,
        ALL,
        BAD,
        alarms=[alarm_on(above=0)],
        wait_min=30,
        cost={"failed_request": 0.5},
    )

    assert found["failure_cost_usd"] == pytest.approx(30)


def test_green_is_paid_until_the_rollback_ends_it(scenario_of: Make, alarm_on: Make) -> None:
    """Ten tasks for 50 s of starting, 60 s of traffic and 10 s of rerouting either way."""
    found = outcome_of(
        scenario_of,
        ALL,
        BAD,
        alarms=[alarm_on(above=0)],
        wait_min=30,
        service={"startup": 50},
        control={"reroute": 10},
        cost={"instance_hour": 36, "alarm_metric_month": 0},
    )

    assert found["deployment_duration_s"] == 120
    assert found["infrastructure_cost_usd"] == pytest.approx(10 * 130 * 0.01)


def test_alarms_cost_by_the_metric_and_the_hour(scenario_of: Make, percent_alarm: Make) -> None:
    """Two metrics at $73 a month each, for the two hours of a canary: 0.1 $ an hour each."""
    rule = {"canaryPercentage": 10, "canaryInterval": 120}
    canary = {
        "name": "it",
        "trafficRoutingConfig": {"type": "TimeBasedCanary", "timeBasedCanary": rule},
    }

    found = outcome_of(
        scenario_of,
        canary,
        alarms=[percent_alarm(above=50)],
        cost={"alarm_metric_month": 73, "instance_hour": 0},
    )

    assert found["infrastructure_cost_usd"] == pytest.approx(2 * 73 * 2 / MONTH_H)


def test_a_deployment_is_attended_in_part(scenario_of: Make) -> None:
    """Five minutes and a wait of fifteen, a quarter of them attended, at $120 an hour."""
    found = outcome_of(
        scenario_of,
        CANARY5,
        wait_min=15,
        cost={"engineer_hour": 120, "attended": 0.25, "instance_hour": 0},
    )

    assert found["delay_cost_usd"] == pytest.approx(120 * 0.25 / 3)
    assert found["total_cost_usd"] == pytest.approx(found["delay_cost_usd"])


def test_an_incident_is_attended_from_the_page_to_the_end(
    scenario_of: Make, alarm_on: Make
) -> None:
    """Paged at 60 s, there at 660 s, all traffic back at 720 s: 11 minutes at $60 an hour."""
    found = outcome_of(
        scenario_of,
        ALL,
        BAD,
        alarms=[alarm_on(above=0)],
        watched=[],
        on_call={"respond": "10m"},
        control={"reroute": 60, "follow_up": "1h"},
        wait_min=60,
        metrics={"phase": 0},
        cost={"engineer_hour": 60, "attended": 0, "failed_request": 0.01, "instance_hour": 0},
    )

    assert found["time_to_restore_s"] == 120 + 600  # exposed from 60 s, ALARM at 120 s
    assert found["delay_cost_usd"] == pytest.approx(60 * (600 + 60) / 3600)
    assert found["failure_cost_usd"] == pytest.approx(0.01 * 720)
    parts = ("infrastructure_cost_usd", "failure_cost_usd", "delay_cost_usd")
    assert found["total_cost_usd"] == pytest.approx(sum(found[part] for part in parts))


def test_a_function_pays_for_warm_copies_of_both_versions(scenario_of: Make) -> None:
    """100 of 512 MB for the 5 minutes of a canary at $0.01 a GB-second."""
    name = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    found = outcome_of(
        scenario_of,
        name,
        platform="lambda",
        service={"provisioned_concurrency": 100, "memory": 512},
        cost={"provisioned_gb_second": 0.01},
    )

    assert found["infrastructure_cost_usd"] == pytest.approx(100 * 0.5 * 300 * 0.01)
    assert found["min_capacity"] is None
    assert found["peak_utilization"] is None


# -- probabilities ------------------------------------------------------------------------

MIX = [
    {"name": "healthy", "probability": 0.7, "faults": []},
    {"name": "loud", "probability": 0.2, "faults": [{"kind": "errors", "rate": 0.5}]},
    {"name": "quiet", "probability": 0.1, "faults": [{"kind": "errors", "rate": 0.01}]},
]


def test_with_noise_off_outcomes_are_enumerated(
    scenario_of: Make, alarm_on: Make, compare: Make
) -> None:
    """An alarm above 10 of 60 errors a minute rolls back the loud and misses the quiet ones.

    Loud: 30 failures in the canary's first minute. Quiet: 3 in its five minutes.
    """
    scenario = scenario_of(
        CANARY5, alarms=[alarm_on(above=10)], release={"outcomes": MIX}, noise="expected"
    )

    comparison = compare(scenario)
    entry = comparison.to_dict()["strategies"][0]

    assert comparison.replications == 3
    chances = {name: found["mean"] for name, found in entry["probabilities"].items()}
    assert chances == pytest.approx({"rollback": 0.2, "false_rollback": 0, "missed": 0.1})
    assert entry["measures"]["failed_requests"]["mean"] == pytest.approx(0.2 * 30 + 0.1 * 3)
    inside = {name: found["measures"] for name, found in entry["by_outcome"].items()}
    failed = {name: found["failed_requests"]["mean"] for name, found in inside.items()}
    assert failed == pytest.approx({"healthy": 0, "loud": 30, "quiet": 3})
    detected = {name: found["time_to_detect_s"] for name, found in inside.items()}
    assert detected["loud"]["mean"] == 60
    assert (detected["quiet"]["mean"], detected["quiet"]["count"]) == (None, 0)


def test_outcomes_are_drawn_with_their_probabilities(
    scenario_of: Make, share_is: Make, compare: Make
) -> None:
    scenario = scenario_of(ALL, release={"outcomes": MIX})

    outcome = compare(scenario, replications=5000, seed=3).samples[0].outcome

    for index, entry in enumerate(MIX):
        share_is((outcome == index).sum(), 5000, entry["probability"])


def test_a_hook_fails_as_often_as_it_says(scenario_of: Make, share_is: Make, compare: Make) -> None:
    """Chances keep their draw with noise off; a failed hook is neither false nor missed."""
    hook = {"AfterAllowTraffic": {"duration": 30, "failure": 0.3}}
    scenario = scenario_of(ALL, lifecycle=hook, noise="expected")

    runs = compare(scenario, replications=3000, seed=5).samples[0]

    share_is(runs.events["rollback"].sum(), 3000, 0.3)
    assert (runs.events["false_rollback"] == runs.events["rollback"]).all()
    assert set(runs.measures["deployment_duration_s"]) == {30}


def test_strategies_meet_the_same_worlds(scenario_of: Make, alarm_on: Make, compare: Make) -> None:
    """Severity, onset, start-up and phase belong to the replication, not to the strategy."""
    fault = {"kind": "errors", "rate": {"min": 0.1, "max": 1}, "after": {"median": 300, "p95": 900}}
    scenario = scenario_of(
        [
            {"name": "a", "steps": [{"weight": 10, "pause": "2h"}]},
            {"name": "b", "steps": [{"weight": 50, "pause": "2h"}]},
        ],
        faults=[fault],
        alarms=[alarm_on(above=10**7)],
        traffic={"rate": 1000, "dispersion": 0},
        service={"startup": {"median": 60, "p95": 120}, "capacity": 10**4},
        metrics={"phase": "random"},
    )

    a, b = compare(scenario, replications=100, seed=9).samples

    severity = [s.measures["failed_requests"] / s.measures["exposed_requests"] for s in (a, b)]
    np.testing.assert_allclose(severity[0], severity[1], rtol=0.02)
    onset = [
        7200 - s.measures["exposed_requests"] / (share * 1000) for s, share in ((a, 0.1), (b, 0.5))
    ]
    # requests of the minute in which it begins are exposed at random: within seconds
    np.testing.assert_allclose(onset[0], onset[1], atol=3)
    assert np.ptp(onset[0]) > 300
    np.testing.assert_array_equal(
        a.measures["deployment_duration_s"], b.measures["deployment_duration_s"]
    )
    assert len(set(a.measures["deployment_duration_s"])) == 100
