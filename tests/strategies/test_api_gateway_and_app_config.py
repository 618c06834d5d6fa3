"""API Gateway's canary, which people promote, and AppConfig's growth."""

import re
from collections.abc import Callable
from typing import Any

import pytest

import stratsim
from stratsim.model.scenario import Scenario
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult
from stratsim.strategies.app_config import Growth
from stratsim.traced import Run

Planned = Callable[..., PlanResult]
Refusal = Callable[..., str]


def scenario_of(platform: str, entry: dict[str, Any], **sections: Any) -> Scenario:
    """Noise off; the new version fails a tenth, and an alarm that reads it is published at once."""
    alarm = {
        "AlarmName": "errors", "Namespace": "AWS/Lambda", "MetricName": "Errors",
        "Dimensions": [{"Name": "ExecutedVersion", "Value": "new"}], "Statistic": "Sum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 0, "TreatMissingData": "notBreaching",
        "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    faults = [{"kind": "errors", "rate": 0.1}]
    base = {
        "name": "api",
        "platform": platform,
        "traffic": {"rate": 100},
        "release": {"outcomes": [{"name": "bad", "probability": 1, "faults": faults}]},
        "service": {"error_rate": 0},
        "alarms": [alarm],
        "deployment_group": {"alarmConfiguration": {"alarms": [{"name": "errors"}]}},
        "metrics": {"phase": "0s", "delay": "0s"},
        "control": {"reroute": "0s", "alarm_poll": "0s"},
        "on_call": {"respond": "5m"},
        "noise": "expected",
        "strategies": [{"name": "it", **entry}],
    }
    return stratsim.load(base | sections)


def run_of(platform: str, entry: dict[str, Any], **sections: Any) -> Run:
    return stratsim.simulate(scenario_of(platform, entry, **sections), "it")


def weights(run: Run) -> list[tuple[float, float]]:
    return [(r["time_s"] / 60, 100 * r["new_share"]) for r in run.document["weights"]]


# -- API Gateway -----------------------------------------------------------------------------


def test_a_canary_has_no_clock_of_its_own(planned: Planned) -> None:
    entry = {"canarySettings": {"percentTraffic": 12.5}, "promoteAfter": "20m"}
    rows = planned("lambda", entry).rows
    shifts = [(row.time_s, row.new_share) for row in rows if row.event == "update-stage"]

    assert shifts == [(0, 0.125), (1200, 1)]


def test_the_default_time_is_told(planned: Planned) -> None:
    plan = planned("lambda", {"canarySettings": {"percentTraffic": 10}})

    assert plan.duration_s == 1800
    assert any("taken to promote the canary after 30 min" in w for w in plan.plan.warnings)


def test_only_people_undo_a_canary() -> None:
    """The alarm is there after a minute and pages; they flip the stage back five later."""
    entry = {"canarySettings": {"percentTraffic": 10}, "promoteAfter": "20m"}
    run = run_of("lambda", entry)

    assert weights(run) == [(0, 0), (0, 10), (6, 0)]
    assert run.status == "Stopped"
    assert run.outcome["rollback_latency_s"] is None
    assert run.outcome["time_to_restore_s"] == 360


@pytest.mark.parametrize("platform", ["ecs", "ec2"])
def test_behind_the_stage_two_fleets_stand(planned: Planned, platform: str) -> None:
    entry = {"canarySettings": {"percentTraffic": 10}, "promoteAfter": "10m"}
    result = planned(platform, entry, startup_s=60.0)

    assert max(row.instances for row in result.rows) == 20
    assert result.rows[-1].instances == 10


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"canarySettings": {"percentTraffic": 101}}, r"a number in \[0, 100\], but got 101"),
        ({"canarySettings": {"percentTrafic": 10}}, "Did you mean 'percentTraffic'"),
        ({"canarySettings": {}, "promoteAfter": "soon"}, "a duration such as 30s"),
        ({"canarySettings": []}, "a mapping with keys among"),
    ],
)
def test_a_canary_that_is_refused(refusal: Refusal, entry: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal("lambda", entry))


# -- AppConfig -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "exponential", "percents"),
    [
        (20, False, [20, 40, 60, 80, 100]),
        (30, False, [30, 60, 90, 100]),
        (100, False, [100]),
        (12.5, False, [12.5 * k for k in range(1, 9)]),
        (10, True, [10, 20, 40, 80, 100]),
        (50, True, [50, 100]),
        (3, True, [3, 6, 12, 24, 48, 96, 100]),
    ],
)
def test_growth(factor: float, exponential: bool, percents: list[float]) -> None:
    growth = Growth(600.0, factor, exponential, 0.0)

    assert [100 * share for share in growth.shares] == pytest.approx(percents)


def test_when_an_exponential_growth_begins_is_assumed(planned: Planned) -> None:
    entry = {"appConfig": "AppConfig.Canary10Percent20Minutes"}
    at_once = {**entry, "assume": {"first_exponential": "at_once"}}

    def minutes(entry: dict[str, Any]) -> list[float]:
        rows = planned("lambda", entry).rows
        return [row.time_s / 60 for row in rows if row.event == "PERCENTAGE_UPDATED"]

    assert minutes(entry) == [4, 8, 12, 16, 20]
    assert minutes(at_once) == [0, 5, 10, 15, 20]


def test_a_configuration_reaches_whole_instances(planned: Planned) -> None:
    """Of six instances 20 % are one, 50 % three; nobody leaves service."""
    entry = {"appConfig": {"DeploymentDurationInMinutes": 10, "GrowthFactor": 20}}
    rows = planned("ecs", entry, n=6).rows

    shares = [6 * row.new_share for row in rows if row.event == "PERCENTAGE_UPDATED"]
    assert shares == pytest.approx([1, 2, 4, 5, 6])
    assert {(row.in_service, row.instances) for row in rows} == {(6, 6)}


def test_all_at_once_still_bakes(planned: Planned) -> None:
    result = planned("lambda", {"appConfig": "AppConfig.AllAtOnce"})

    assert [(r.time_s, r.event) for r in result.rows] == [
        (0, "Created"),
        (0, "PERCENTAGE_UPDATED"),
        (0, "BAKING"),
        (600, "Succeeded"),
    ]


HALF = {"appConfig": "AppConfig.Linear50PercentEvery30Seconds"}


def test_an_alarm_rolls_back_during_the_bake() -> None:
    """Half at 0:30, all at 1:00; the alarm on that minute is judged at 1:00, and polled."""
    run = run_of("lambda", HALF)

    assert weights(run) == [(0, 0), (0.5, 50), (1, 0)]
    assert (run.status, run.document["error_code"]) == ("Stopped", "ALARM_ACTIVE")
    late = run_of("lambda", HALF, metrics={"phase": "0s", "delay": "20s"})
    assert weights(late)[-2:] == [(1, 100), (2, 0)]


def test_an_alarm_without_data_rolls_back_too() -> None:
    """Unless it is assumed to pass; CodeDeploy would look at ALARM alone."""
    scenario = scenario_of("lambda", HALF)
    silent = scenario.alarms[0].to_aws() | {"TreatMissingData": "missing"}
    more = {"alarms": [silent]}
    passes = {**HALF, "assume": {"insufficient_data": "passes"}}

    stopped = run_of("lambda", HALF, **more)
    assert (stopped.status, stopped.outcome["deployment_duration_s"]) == ("Stopped", 0)
    assert weights(run_of("lambda", passes, **more))[1] == (0.5, 50)


@pytest.mark.parametrize("platform", ["ecs", "ec2"])
def test_a_configuration_is_taken_back_in_place(platform: str) -> None:
    alarm = {
        "AlarmName": "errors", "Namespace": "AWS/ApplicationELB", "Statistic": "Sum",
        "MetricName": "HTTPCode_Target_5XX_Count", "Period": 60, "EvaluationPeriods": 1,
        "Threshold": 100, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }  # fmt: skip
    entry = {"appConfig": {"DeploymentDurationInMinutes": 10, "GrowthFactor": 50}}
    service = {"instances": 10, "capacity": 20, "error_rate": 0}
    run = run_of(platform, entry, alarms=[alarm], service=service)

    assert weights(run) == [(0, 0), (5, 50), (6, 0)]
    assert run.outcome["rollback_latency_s"] == 0
    assert run.outcome["min_capacity"] == 1


def test_monitors_name_the_alarms(planned: Planned) -> None:
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"
    scenario = scenario_of("lambda", {**HALF, "Monitors": [{"AlarmArn": arn}]})
    plan = stratsim.plan(scenario, "it").plan
    group = DeploymentGroup(alarm_names=("errors",))

    assert plan.group.alarm_names == ("errors",)
    assert plan.warnings == ()
    borrowed = planned("lambda", HALF, group=group).plan
    assert any(w.startswith("Monitors is not given") for w in borrowed.warnings)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("AppConfig.Linear", "must be one of AppConfig.AllAtOnce"),
        ({"GrowthFactor": 20}, "DeploymentDurationInMinutes: must be given, but got nothing"),
        (
            {"DeploymentDurationInMinutes": 10, "GrowthFactor": 0.5},
            r"a number in \[1, 100\], but got 0.5",
        ),
        (
            {"DeploymentDurationInMinutes": 1441, "GrowthFactor": 5},
            r"an integer in \[0, 1440\]",
        ),
        (
            {"DeploymentDurationInMinutes": 5, "GrowthFactor": 5, "GrowthType": "LOG"},
            "one of LINEAR, EXPONENTIAL",
        ),
    ],
)
def test_a_growth_that_is_refused(refusal: Refusal, value: Any, message: str) -> None:
    assert re.search(message, refusal("lambda", {"appConfig": value}))
