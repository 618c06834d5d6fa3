"""Runs that once crashed or told a wrong number; each is the smallest scenario that showed it."""

import math
from typing import Any

import numpy as np
import pytest

import stratsim
from stratsim.errors import InputError
from stratsim.intervals import Design, estimate_mean

SERVERLESS: dict[str, Any] = {
    "name": "edge",
    "platform": "lambda",
    "metrics": {"phase": 30},
    "strategies": [{"name": "half", "steps": [{"weight": 50, "pause": "20m"}, {"weight": 100}]}],
}
HEALTHY = {"outcomes": [{"name": "healthy", "probability": 1}]}


def _failing(*faults: dict[str, Any]) -> dict[str, Any]:
    return {"outcomes": [{"name": "bad", "probability": 1, "faults": [*faults]}]}


@pytest.mark.parametrize("release", [HEALTHY, _failing({"kind": "errors", "rate": 1})])
def test_one_sticky_user_is_hit_or_not(release: dict[str, Any]) -> None:
    traffic = {"rate": 5, "users": {"active": 1, "sticky": True}}
    scenario = stratsim.load({**SERVERLESS, "traffic": traffic, "release": release})

    outcome = stratsim.simulate(scenario, "half").outcome

    assert outcome["affected_users"] == (0 if release is HEALTHY else 1)


@pytest.mark.parametrize("statistic", ["Sum", "Average", "Minimum", "Maximum"])
def test_an_alarm_may_average_the_requests_of_a_minute_without_any(statistic: str) -> None:
    alarm = {
        "AlarmName": "quiet", "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount",
        "Statistic": statistic, "Period": 60, "EvaluationPeriods": 1, "Threshold": 0,
        "ComparisonOperator": "LessThanOrEqualToThreshold",
    }  # fmt: skip
    scenario = stratsim.load(
        {"name": "edge", "platform": "ecs", "traffic": {"rate": 0}, "alarms": [alarm]}
    )

    run = stratsim.simulate(scenario, "CodeDeployDefault.ECSAllAtOnce")

    assert run.document["alarms"][0]["to"] == "ALARM"  # a minute without requests reports 0


@pytest.mark.parametrize("dispersion", [0.5, 1, 3, 50])
def test_dispersion_keeps_the_requests_of_a_minute_in_which_traffic_ends(dispersion: float) -> None:
    """The deployment starts half a minute into a minute; that minute's traffic counts."""
    profile = {"kind": "steps", "points": [[0, 1000], [600, 0]]}
    traffic = {"profile": profile, "dispersion": dispersion}
    scenario = stratsim.load({**SERVERLESS, "traffic": traffic, "release": HEALTHY})

    metrics = stratsim.simulate(scenario, "half").metrics

    counts = metrics[(metrics.metric == "Invocations") & (metrics.time_s >= 0)]
    last = counts[counts.time_s == 570].value.sum()
    spread = math.sqrt(max(dispersion, 1) * 30_000)
    assert last == pytest.approx(30_000, abs=5 * spread)


@pytest.mark.parametrize("factor", [0, {"min": 0, "max": 2}])
def test_a_latency_factor_of_zero_is_refused_when_read(factor: object) -> None:
    fault = {"kind": "latency", "factor": factor}
    with pytest.raises(
        InputError, match=r"faults\.0\.factor(\.min)?: must be a number in \[0\.001"
    ):
        stratsim.load({**SERVERLESS, "release": _failing(fault)})


@pytest.mark.parametrize(
    "fault",
    [{"kind": "crash", "per_hour": 1}, {"kind": "errors", "rate": 0.1, "above_load": 3}],
)
def test_what_an_environment_cannot_do_is_refused_when_read(fault: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"environment\.0"):
        stratsim.load({"name": "edge", "platform": "ecs", "environment": [fault]})


@pytest.mark.parametrize("engine", ["des", "batch"])
def test_a_second_fleet_costs_what_it_runs(engine: str) -> None:
    scenario = stratsim.load(
        {
            "name": "edge", "platform": "ecs", "release": HEALTHY, "noise": "expected",
            "service": {"instances": 4, "startup": 60}, "cost": {"instance_hour": 1},
            "strategies": ["CodeDeployDefault.ECSAllAtOnce"],
        }
    )  # fmt: skip

    (sample,) = stratsim.compare(scenario, replications=1, engine=engine).samples

    duration_s = sample.measures["deployment_duration_s"][0]
    assert sample.measures["infrastructure_cost_usd"][0] == pytest.approx(4 * duration_s / 3600)


def test_people_may_stop_a_deployment_while_its_old_hosts_leave() -> None:
    scenario = stratsim.load(
        {
            "name": "edge", "platform": "ec2", "service": {"instances": 3, "drain": 300},
            "release": _failing({"kind": "errors", "rate": 1}),
            "on_call": {"notice": 60},
            "strategies": [
                {
                    "name": "blue/green", "deploymentStyle": "BLUE_GREEN",
                    "deploymentConfigName": "CodeDeployDefault.AllAtOnce",
                }
            ],
        }
    )  # fmt: skip

    run = stratsim.simulate(scenario, "blue/green")

    assert (run.status, run.code) == ("Stopped", "MANUAL_STOP")
    assert run.document["weights"][-1]["new_share"] == 0


def test_a_spread_too_small_to_square_is_still_a_spread() -> None:
    values = np.array([0.0, 1e-90, 0.0, 2e-90])
    design = Design.of(np.array([0.1, 0.1, 0.4, 0.4]), np.array([0, 0, 1, 1]), exact=False)

    found = estimate_mean(values, design)

    scaled = estimate_mean(values * 1e90, design)
    assert found.value == pytest.approx(scaled.value * 1e-90)
    assert found.high == pytest.approx(scaled.high * 1e-90)
