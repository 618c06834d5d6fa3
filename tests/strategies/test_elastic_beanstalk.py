"""Elastic Beanstalk: its policies, their batches, their health."""

import re
from collections.abc import Callable
from typing import Any

import pytest

import stratsim
from stratsim.model.analysis import Gate
from stratsim.model.plan import Roll
from stratsim.model.scaling import Scale
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult
from stratsim.traced import Run

Planned = Callable[..., PlanResult]
Refusal = Callable[..., str]
COMMAND = "aws:elasticbeanstalk:command"
HEALTH = "aws:elasticbeanstalk:healthreporting:system"
UPDATES = "aws:autoscaling:updatepolicy:rollingupdate"


def beanstalk(policy: str, *, enhanced: bool = False, **command: Any) -> dict[str, Any]:
    settings = {COMMAND: {"DeploymentPolicy": policy, **command}}
    if enhanced:
        settings[HEALTH] = {"SystemType": "enhanced"}
    return {"elasticBeanstalk": settings}


def sizes(result: PlanResult) -> list[int]:
    return [step.count for step in result.plan.steps if isinstance(step, Roll)]


def deploy(entry: dict[str, Any], *faults: dict[str, Any], respond: str = "6h") -> Run:
    """A run on ten instances that start in a minute, with noise off."""
    scenario = stratsim.load(
        {
            "name": "shop",
            "platform": "ec2",
            "traffic": {"rate": 100},
            "service": {"instances": 10, "zones": 1, "capacity": 50, "startup": "60s", "drain": 0},
            "metrics": {"phase": "0s", "delay": "30s"},
            "on_call": {"notice": respond},
            "release": {"outcomes": [{"name": "it", "probability": 1, "faults": list(faults)}]},
            "control": {"reroute": "0s", "follow_up": "1h"},
            "noise": "expected",
            "strategies": [{"name": "it", **entry}],
        }
    )
    return stratsim.simulate(scenario, "it")


@pytest.mark.parametrize(
    ("command", "assumed", "expected"),
    [
        ({"BatchSize": 30}, {}, [3, 3, 3, 1]),
        ({"BatchSize": 25}, {}, [3, 3, 3, 1]),
        ({"BatchSize": 25}, {"batch_rounding": "down"}, [2, 2, 2, 2, 2]),
        ({"BatchSize": 24}, {"batch_rounding": "nearest"}, [2, 2, 2, 2, 2]),
        ({"BatchSize": 4, "BatchSizeType": "Fixed"}, {}, [4, 4, 2]),
        ({"BatchSize": 1}, {"batch_rounding": "down"}, [1] * 10),
        ({}, {}, [10]),
    ],
)
def test_batches(
    planned: Planned, command: dict[str, Any], assumed: dict[str, Any], expected: list[int]
) -> None:
    """How a percentage is rounded is not documented, so it is assumed."""
    assert sizes(planned("ec2", {**beanstalk("Rolling", **command), "assume": assumed})) == expected


def test_all_at_once_is_an_outage(planned: Planned) -> None:
    rows = planned("ec2", {"elasticBeanstalk": {}}, durations_s={"Install": 60.0}).rows

    assert [row.in_service for row in rows] == [10, 0, 0, 10, 10]


def test_an_additional_batch_keeps_the_capacity(planned: Planned) -> None:
    result = planned("ec2", beanstalk("RollingWithAdditionalBatch", BatchSize=20), startup_s=60.0)

    assert min(row.in_service for row in result.rows) == 10
    assert max(row.instances for row in result.rows) == 12
    assert result.rows[-1].instances == 10


def test_immutable_tries_one_instance_first(planned: Planned) -> None:
    result = planned("ec2", beanstalk("Immutable"), startup_s=60.0)

    running = [(row.time_s, row.instances) for row in result.rows if row.event == "Immutable"]
    assert running == [(0, 11), (60, 20), (120, 10)]


def test_enhanced_health_waits_for_twelve_checks(planned: Planned) -> None:
    plain = planned("ec2", beanstalk("Rolling", BatchSize=50), startup_s=60.0)
    health = planned("ec2", beanstalk("Rolling", BatchSize=50, enhanced=True), startup_s=60.0)
    ignored = planned(
        "ec2", beanstalk("Rolling", BatchSize=50, enhanced=True, IgnoreHealthCheck=True)
    )

    assert health.duration_s - plain.duration_s == 2 * 120
    assert not any(isinstance(step, Gate) for step in ignored.plan.steps)


@pytest.mark.parametrize("policy", ["Rolling", "RollingWithAdditionalBatch"])
def test_a_failed_rolling_deployment_leaves_both_versions(policy: str) -> None:
    """The batch that fails is out, those before it keep the new version, nobody rolls back."""
    entry = beanstalk(policy, BatchSize=20)
    run = deploy(entry, {"kind": "host", "index": 4})

    assert run.status == "Failed"
    assert run.document["weights"][-1]["new_share"] > 0
    assert run.outcome["rollback_latency_s"] is None


def test_a_batch_that_is_not_ok_in_time_ends_the_deployment() -> None:
    """Half of its requests fail: after 14 minutes the batch has failed, others never begin."""
    entry = beanstalk("Rolling", BatchSize=20, enhanced=True)
    run = deploy(entry, {"kind": "errors", "rate": 0.5})

    assert run.status == "Failed"
    assert run.outcome["deployment_duration_s"] == pytest.approx(60 + 840, abs=120)
    assert run.document["weights"][-1]["new_share"] == pytest.approx(0.2)
    assert run.outcome["rollback_latency_s"] is None


@pytest.mark.parametrize("policy", ["Immutable", "TrafficSplitting"])
@pytest.mark.parametrize(
    "fault", [{"kind": "startup", "probability": 1}, {"kind": "errors", "rate": 0.5}]
)
def test_new_instances_that_are_not_healthy_are_terminated(
    policy: str, fault: dict[str, Any]
) -> None:
    run = deploy(beanstalk(policy, enhanced=True), fault)

    assert run.status == "Failed"
    assert run.outcome["rollback_latency_s"] is not None
    assert run.outcome["min_capacity"] == 1


def test_bad_answers_pass_for_basic_health() -> None:
    run = deploy(beanstalk("TrafficSplitting"), {"kind": "errors", "rate": 0.5})

    assert run.status == "Succeeded"


def test_a_failed_configuration_update_is_rolled_back() -> None:
    settings = {UPDATES: {"RollingUpdateEnabled": True, "RollingUpdateType": "Health"}}
    run = deploy(
        {"elasticBeanstalk": settings, "update": "configuration"},
        {"kind": "startup", "probability": 1},
    )

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Failed", 1800)
    assert run.outcome["rollback_latency_s"] is not None


def test_options_as_aws_lists_them(planned: Planned) -> None:
    """describe-configuration-settings prints a list, and every value as a text."""
    listed = [
        {"Namespace": COMMAND, "OptionName": "DeploymentPolicy", "Value": "Rolling"},
        {"Namespace": COMMAND, "OptionName": "BatchSize", "Value": "50"},
        {"Namespace": "aws:elasticbeanstalk:environment", "OptionName": "X", "Value": "y"},
    ]

    assert sizes(planned("ec2", {"elasticBeanstalk": listed})) == [5, 5]


def test_a_time_based_update_only_waits(planned: Planned) -> None:
    settings = {UPDATES: {"RollingUpdateEnabled": True, "PauseTime": "PT2M", "MaxBatchSize": 5}}
    entry = {"elasticBeanstalk": settings, "update": "configuration"}
    step = planned("ec2", entry).plan.steps[0]
    assumed = planned(
        "ec2",
        {
            "elasticBeanstalk": {UPDATES: {"RollingUpdateEnabled": True}},
            "update": "configuration",
            "assume": {"time_based_pause": 90},
        },
    ).plan.steps[0]

    assert isinstance(step, Scale)
    assert isinstance(assumed, Scale)
    assert (step.watched, step.settle_s) == (False, 120.0)
    assert assumed.settle_s == 90.0


def test_no_alarm_is_looked_at(planned: Planned) -> None:
    group = DeploymentGroup(alarm_names=("errors",))
    plan = planned("ec2", beanstalk("Immutable"), group=group).plan

    assert plan.group.alarm_names == ()
    assert any("page people only" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (beanstalk("Roling"), "Did you mean 'Rolling'"),
        (beanstalk("Rolling", BatchSize=101), "at most 100 where BatchSizeType is Percentage"),
        (beanstalk("Rolling", Timeout=3601), r"an integer in \[1, 3600\]"),
        ({"elasticBeanstalk": {"aws:elasticbeanstalk:comand": {}}}, "Did you mean 'aws:elastic"),
        ({"elasticBeanstalk": {"command": {}}}, "must be one of aws:elasticbeanstalk:command"),
        ({"elasticBeanstalk": "Rolling"}, "options by namespace"),
        ({"elasticBeanstalk": {}, "update": "platform"}, "one of application, configuration"),
        (
            {"elasticBeanstalk": {"aws:elasticbeanstalk:trafficsplitting": {"EvaluationTime": 2}}},
            r"an integer in \[3, 600\]",
        ),
    ],
)
def test_options_that_are_refused(refusal: Refusal, entry: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal("ec2", entry))
