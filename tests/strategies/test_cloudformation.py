"""CloudFormation's rolling update and its blue/green hook."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from stratsim.errors import InputError
from stratsim.model.plan import Hold, Retire
from stratsim.model.scaling import Scale
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult
from stratsim.strategies.cloudformation_rolling import needed

Planned = Callable[..., PlanResult]
Refusal = Callable[..., str]
KEY, HOOK = "AutoScalingRollingUpdate", "AWS::CodeDeploy::BlueGreen"


def rolling(**policy: Any) -> dict[str, Any]:
    return {KEY: policy}


def waves(result: PlanResult) -> list[tuple[float, str]]:
    return [(row.time_s, row.note) for row in result.rows if row.event == KEY]


@pytest.mark.parametrize(
    ("n", "percent", "signals"), [(5, 50, 3), (10, 100, 10), (10, 0, 0), (3, 33.3, 1), (3, 33.4, 2)]
)
def test_signals_that_have_to_come(n: int, percent: float, signals: int) -> None:
    """Percentages count to a tenth; a part of an instance is a whole one."""
    assert needed(n, percent) == signals


def test_one_at_a_time_by_default(planned: Planned) -> None:
    result = planned("ec2", rolling(PauseTime="PT1M"), n=3)

    assert waves(result) == [(0, _ONE), (60, _ONE), (120, _ONE)]
    assert result.duration_s == 180


_ONE = "1 new start, 1 old stop"


def test_the_minimum_in_service_cuts_a_batch(planned: Planned) -> None:
    """Four of five have to stay: a batch of three finds room for one."""
    entry = rolling(MaxBatchSize=3, MinInstancesInService=4, WaitOnResourceSignals=True)
    result = planned("ec2", entry, n=5, startup_s=60.0)

    assert waves(result)[0] == (0, _ONE)
    assert min(row.in_service for row in result.rows) == 4


def test_capacity_is_raised_where_the_group_may_grow(planned: Planned) -> None:
    """With all five in service two more are launched first, up to MaxSize."""
    policy = rolling(MaxBatchSize=2, MinInstancesInService=5, WaitOnResourceSignals=True)
    result = planned("ec2", {**policy, "MaxSize": 7}, n=5, startup_s=60.0)

    assert waves(result) == [
        (0, "2 new start"),
        (60, "2 new start, 2 old stop"),
        (120, "1 new start, 2 old stop"),
        (180, "1 old stop"),
    ]
    assert max(row.instances for row in result.rows) == 7
    assert min(row.in_service for row in result.rows) == 5


def test_without_signals_nobody_looks_at_health(planned: Planned) -> None:
    """The trap: the next batch goes before the last one serves."""
    result = planned("ec2", rolling(MaxBatchSize=2, MinInstancesInService=2), n=4, startup_s=60.0)

    assert min(row.in_service for row in result.rows) == 0
    assert any("fewer serve than MinInstancesInService says" in w for w in result.plan.warnings)


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        ({"WaitOnResourceSignals": True}, 300.0),
        ({"WaitOnResourceSignals": True, "PauseTime": "PT1H"}, 3600.0),
        ({"WaitOnResourceSignals": "true", "PauseTime": "PT12M5S"}, 725.0),
    ],
)
def test_how_long_signals_are_waited_for(
    planned: Planned, policy: dict[str, Any], seconds: float
) -> None:
    step = planned("ec2", rolling(**policy)).plan.steps[0]

    assert isinstance(step, Scale)
    assert (step.timeout_s, step.settle_s) == (seconds, 0)


def test_a_stack_rolls_back_batch_by_batch(planned: Planned) -> None:
    plan = planned("ec2", rolling(MaxBatchSize=2, MinInstancesInService=8)).plan
    (back,) = plan.restore

    assert isinstance(back, Scale)
    assert (back.old, back.new, back.batch, back.lower) == (10, 0, 2, 8)
    assert plan.group.rolls_back_on("DEPLOYMENT_FAILURE")
    assert plan.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM")


def test_triggers_name_alarms_and_a_watch(planned: Planned) -> None:
    """An alarm that the scenario lacks is told; the watch follows the update."""
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"
    trigger = {"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}
    stack = {"RollbackConfiguration": {"MonitoringTimeInMinutes": 30, "RollbackTriggers": []}}
    result = planned("ec2", {**rolling(), **stack})
    assert result.plan.steps[-1] == Hold(duration_s=1800.0, event="MonitoringTime")
    assert result.plan.group.alarm_names == ()

    stack["RollbackConfiguration"]["RollbackTriggers"] = [trigger]
    with pytest.raises(
        InputError,
        match=r"RollbackTriggers: must be an alarm under alarms .which has none.*'errors'",
    ):
        planned("ec2", {**rolling(), **stack})


def test_the_group_s_alarms_stand_in_for_triggers(planned: Planned) -> None:
    group = DeploymentGroup(alarm_names=("errors",), termination_wait_s=0.0)
    plan = planned("ec2", rolling(), group=group).plan

    assert plan.group.alarm_names == ("errors",)
    assert any(w.startswith("RollbackConfiguration is not given") for w in plan.warnings)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"MaxBatchSize": 0}, r"MaxBatchSize: must be an integer in \[1, 100\], but got 0"),
        ({"MaxBatchSize": 101}, r"an integer in \[1, 100\]"),
        ({"PauseTime": "5m"}, "an ISO 8601 duration such as PT5M .* of at most 1 h"),
        ({"PauseTime": "PT61M"}, "of at most 1 h, but got 'PT61M'"),
        ({"MinSuccessfulInstancesPercent": 50}, "WaitOnResourceSignals: must be true beside"),
        ({"SuspendProcesses": ["AZRebalanc"]}, "Did you mean 'AZRebalance'"),
        ({"MaxBatchsize": 2}, "Did you mean 'MaxBatchSize'"),
        ({"MinInstancesInService": 10}, "less than the group's MaxSize 10, but got 10"),
    ],
)
def test_a_policy_that_cloudformation_refuses(
    refusal: Refusal, policy: dict[str, Any], message: str
) -> None:
    assert re.search(message, refusal("ec2", rolling(**policy)))


# -- the hook --------------------------------------------------------------------------------


def hook(kind: str, **branch: int) -> dict[str, Any]:
    return {HOOK: {"TrafficRoutingConfig": {"Type": kind, kind: branch}}}


@pytest.mark.parametrize(
    ("entry", "shifts"),
    [
        (hook("TimeBasedLinear"), [15, 30, 45, 60, 75, 90, 100]),
        (hook("TimeBasedLinear", StepPercentage=40, BakeTimeMins=3), [40, 80, 100]),
        ({HOOK: {"TrafficRoutingConfig": {"Type": "AllAtOnce"}}}, [100]),
    ],
)
def test_the_hook_s_routing(planned: Planned, entry: dict[str, Any], shifts: list[int]) -> None:
    rows = planned("ecs", entry).rows

    assert [round(100 * r.new_share) for r in rows if r.event == "AllowTraffic"] == shifts


def test_nothing_but_the_wait_comes_from_outside(planned: Planned) -> None:
    """The group that CloudFormation makes cannot be set, so the scenario's does not count."""
    group = DeploymentGroup(
        ready_action="STOP_DEPLOYMENT", ready_wait_s=60.0, terminate_action="KEEP_ALIVE"
    )
    options = {"AdditionalOptions": {"TerminationWaitTimeInMinutes": 20}}
    steps = planned("ecs", {HOOK: options}, group=group).plan.steps

    assert steps[-1] == Retire(event="TERMINATION_WAIT", wait_s=1200.0, action="TERMINATE")
    assert not any(isinstance(step, Hold) and step.stops for step in steps)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (hook("TimeBasedCanary", StepPercentage=100), r"\[14, 99\], but got 100"),
        (hook("TimeBasedCanary", BakeTimeMins=2881), "at most 2880 minutes in all shifts"),
        (
            {HOOK: {"AdditionalOptions": {"TerminationWaitTimeInMinutes": 2881}}},
            "at most 2880 minutes",
        ),
        ({HOOK: {"LifecycleEventHooks": {"BeforeInstal": "f"}}}, "Did you mean 'BeforeInstall'"),
        ({HOOK: {"TrafficRoutingConfig": {"Type": "Canary"}}}, "one of AllAtOnce, TimeBased"),
    ],
)
def test_a_hook_that_is_refused(refusal: Refusal, entry: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal("ecs", entry))
