"""The deployment group in AWS's keys, and strategies that override it."""

from collections.abc import Callable
from typing import Any

import pytest

from stratsim.model.scenario import Scenario

Told = Callable[..., list[str]]
Build = Callable[..., Scenario]
Alarms = Callable[..., dict[str, Any]]

BLUE = "terminateBlueInstancesOnDeploymentSuccess"
EVENTS = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]


def watched(*names: str) -> dict[str, Any]:
    return {"enabled": True, "alarms": [{"name": name} for name in names]}


class TestGroup:
    def test_an_empty_group_rolls_back_and_says_so(self, build: Build) -> None:
        scenario = build(deployment_group={})

        assert scenario.deployment_group.rolls_back_on("DEPLOYMENT_FAILURE")
        assert any("AWS's own default is none" in text for text in scenario.warnings)

    def test_no_alarms_is_told(self, build: Build) -> None:
        assert any("alarms: none are defined" in text for text in build().warnings)

    def test_alarms_that_only_page_are_told(self, build: Build, alarms: Alarms) -> None:
        warnings = build(alarms=[alarms()]).warnings

        assert any("those under alarms page people only" in text for text in warnings)

    def test_switched_off_is_off(self, build: Build, alarms: Alarms) -> None:
        group = build(
            alarms=[alarms()],
            deployment_group={
                "alarmConfiguration": {**watched("a"), "enabled": False},
                "autoRollbackConfiguration": {"enabled": False},
            },
        ).deployment_group

        assert (group.alarms_enabled, group.rollback_enabled) == (False, False)

    def test_a_list_of_alarms_without_a_switch_is_taken_as_on(
        self, build: Build, alarms: Alarms
    ) -> None:
        listed = {"alarms": [{"name": "a"}]}
        scenario = build(alarms=[alarms()], deployment_group={"alarmConfiguration": listed})

        assert scenario.deployment_group.alarms_enabled
        assert scenario.deployment_group.raw["alarmConfiguration"] == {**listed, "enabled": True}
        assert any("taken as true" in text for text in scenario.warnings)

    def test_waits_are_minutes(self, build: Build) -> None:
        ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 30}
        blue = {"action": "KEEP_ALIVE", "terminationWaitTimeInMinutes": 0}
        config = {"deploymentReadyOption": ready, BLUE: blue}

        group = build(
            deployment_group={"blueGreenDeploymentConfiguration": config}
        ).deployment_group

        assert (group.ready_action, group.ready_wait_s) == ("STOP_DEPLOYMENT", 1800.0)
        assert (group.terminate_action, group.termination_wait_s) == ("KEEP_ALIVE", 0.0)

    def test_every_member_is_carried(self, build: Build) -> None:
        written = {
            "applicationName": "shop",
            "deploymentGroupName": "shop-prod",
            "serviceRoleArn": "arn:aws:iam::123456789012:role/x",
            "autoScalingGroups": ["web"],
            "loadBalancerInfo": {"targetGroupInfoList": [{"name": "web"}]},
            "ec2TagFilters": [{"Key": "a", "Value": "b", "Type": "KEY_AND_VALUE"}],
            "triggerConfigurations": [{"triggerName": "t", "triggerEvents": ["DeploymentStop"]}],
            "outdatedInstancesStrategy": "IGNORE",
            "terminationHookEnabled": True,
            "tags": [{"Key": "a", "Value": "b"}],
            "ec2DeploymentOptions": {"autoScalingGroupProcessesToSuspend": ["AZRebalance"]},
        }

        assert build("ec2", deployment_group=written).deployment_group.raw == written

    def test_what_get_deployment_group_prints_is_taken(self, build: Build) -> None:
        printed = {
            "deploymentGroupInfo": {
                "deploymentGroupId": "1",
                "deploymentGroupName": "g",
                "computePlatform": "Server",
                "autoScalingGroups": [{"name": "web", "hook": "CodeDeploy-1"}],
                "lastSuccessfulDeployment": {"deploymentId": "d-1"},
            }
        }

        assert build("ec2", deployment_group=printed).deployment_group.raw == {
            "deploymentGroupName": "g",
            "autoScalingGroups": ["web"],
        }

    @pytest.mark.parametrize(
        ("group", "message"),
        [
            ({"alarmConfiguration": watched("b")}, "deployment_group.alarmConfiguration.alarms.0.name: must be an alarm under alarms (a), but got 'b'."),
            ({"alarmConfiguration": watched("a", "a")}, "deployment_group.alarmConfiguration.alarms.1.name: must be an alarm that is not named before, but got 'a'."),
            ({"alarmConfiguration": watched()}, "deployment_group.alarmConfiguration.alarms: must be a list of at least one alarm when enabled, but got []."),
            ({"alarmConfiguration": watched(*["a"] * 11)}, "deployment_group.alarmConfiguration.alarms: must be at most 10 alarms, but got 11. AWS's limit"),
            ({"alarmConfiguration": {"alarms": ["a"]}}, "deployment_group.alarmConfiguration.alarms.0: must be a mapping with keys among name, but got 'a'."),
            ({"autoRollbackConfiguration": {"enabled": True, "events": []}}, "deployment_group.autoRollbackConfiguration.events: must be a list of at least one event when enabled, but got []."),
            ({"autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILED"]}}, "deployment_group.autoRollbackConfiguration.events.0: must be one of DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM, DEPLOYMENT_STOP_ON_REQUEST, but got 'DEPLOYMENT_FAILED'. Did you mean 'DEPLOYMENT_FAILURE'?"),
            ({"deploymentStyle": "BLUEGREEN"}, "deployment_group.deploymentStyle: must be IN_PLACE, BLUE_GREEN or a mapping of"),
            ({"deploymentStyle": {}}, "deployment_group.deploymentStyle: must be IN_PLACE, BLUE_GREEN or a mapping of"),
            ({"deploymentStyle": "IN_PLACE"}, "deployment_group.deploymentStyle: must be BLUE_GREEN, the only deployment type on platform ecs, but got IN_PLACE."),
            ({"alarmConfig": {}}, "deployment_group.alarmConfig: must be a known key, but got 'alarmConfig'. Did you mean 'alarmConfiguration'?"),
            ({"autoScalingGroups": ["a"]}, "deployment_group.autoScalingGroups: must be absent on platform ecs, but got ['a']."),
            ({"applicationName": "a b"}, "deployment_group.applicationName: must be a CodeDeploy name of 1 to 100 characters that matches"),
            ({"blueGreenDeploymentConfiguration": {BLUE: {"terminationWaitTimeInMinutes": 2881}}}, f"deployment_group.blueGreenDeploymentConfiguration.{BLUE}.terminationWaitTimeInMinutes: must be at most 2880 minutes, but got 2881 minutes."),
            ({"blueGreenDeploymentConfiguration": {BLUE: {"terminationWaitTimeInMinutes": -1}}}, f"deployment_group.blueGreenDeploymentConfiguration.{BLUE}.terminationWaitTimeInMinutes: must be a whole number in [0, 1000000], but got -1."),
            ({"blueGreenDeploymentConfiguration": {BLUE: {"terminationWaitTimeInMinutes": 1e300}}}, f"deployment_group.blueGreenDeploymentConfiguration.{BLUE}.terminationWaitTimeInMinutes: must be a whole number in [0, 1000000], but got 1e+300."),
            (["a"], "deployment_group: must be a mapping with keys among applicationName,"),
        ],
        ids=lambda v: str(v)[:50],
    )  # fmt: skip
    def test_each_message(self, told: Told, alarms: Alarms, group: Any, message: str) -> None:
        lines = told(alarms=[alarms("a")], deployment_group=group)

        assert any(line.startswith(message) for line in lines), lines
        assert len([line for line in lines if line.startswith("strategies")]) == 0

    def test_an_alarm_when_none_is_defined(self, told: Told) -> None:
        assert told(deployment_group={"alarmConfiguration": watched("b")}) == [
            (
                "deployment_group.alarmConfiguration.alarms.0.name: must be an alarm under alarms "
                "(which has none), but got 'b'."
            )
        ]

    def test_a_raised_quota_is_honoured(self, build: Build) -> None:
        config = {BLUE: {"action": "TERMINATE", "terminationWaitTimeInMinutes": 4000}}
        scenario = build(
            quotas={"termination_wait_minutes": 5000},
            deployment_group={"blueGreenDeploymentConfiguration": config},
        )

        assert scenario.deployment_group.termination_wait_s == 240_000.0

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"ec2TagFilters": []}, {"ec2TagSet": {}}),
            ({"onPremisesInstanceTagFilters": []}, {"onPremisesTagSet": {}}),
        ],
    )
    def test_two_ways_to_name_hosts_exclude_each_other(
        self, told: Told, one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        lines = told("ec2", deployment_group=one | other)

        assert lines == [
            (
                f"deployment_group.{next(iter(other))}: must be absent where {next(iter(one))} is "
                "given, but got both."
            )
        ]


class TestAlarms:
    def test_what_describe_alarms_prints_is_taken(self, build: Build, alarms: Alarms) -> None:
        composite = {"AlarmName": "c", "AlarmRule": "ALARM(a)"}
        printed = {"MetricAlarms": [alarms("a")], "CompositeAlarms": [composite]}

        assert [found.AlarmName for found in build(alarms=printed).alarms] == ["a", "c"]

    @pytest.mark.parametrize(
        ("written", "key", "got"),
        [
            ({"MetricAlarms": 5}, "alarms.MetricAlarms", "5"),
            ({"CompositeAlarms": {}}, "alarms.CompositeAlarms", "{}"),
            ({}, "alarms", "{}"),
        ],
    )
    def test_alarms_are_a_list(self, told: Told, written: object, key: str, got: str) -> None:
        assert told(alarms=written) == [f"{key}: must be a list of alarms, but got {got}."]

    def test_names_are_unique(self, told: Told, alarms: Alarms) -> None:
        assert told(alarms=[alarms("a"), alarms("a")]) == [
            "alarms.1.AlarmName: must be a name that no other alarm has, but got 'a'."
        ]

    @pytest.mark.parametrize("name", ["TargetGroup", "ExecutedVersion"])
    def test_a_revision_is_new_or_old(self, told: Told, alarms: Alarms, name: str) -> None:
        dimensions = [{"Name": name, "Value": "targetgroup/blue/6d0e"}]

        assert told(alarms=[alarms("a", Dimensions=dimensions)]) == [
            (
                "alarms.0.Dimensions.0.Value: must be new or old, but got 'targetgroup/blue/6d0e'. "
                "Leave the dimension out for both revisions."
            )
        ]

    def test_a_revision_inside_metric_math(self, told: Told) -> None:
        metric = {
            "Namespace": "AWS/Lambda",
            "MetricName": "Errors",
            "Dimensions": [{"Name": "ExecutedVersion", "Value": "5"}],
        }
        query = {"Id": "e", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
        written = {
            "AlarmName": "a", "Metrics": [query], "EvaluationPeriods": 1, "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        }  # fmt: skip

        path = "alarms.0.Metrics.0.MetricStat.Metric.Dimensions.0.Value"
        assert told(alarms=[written])[0].startswith(f"{path}: must be new or old, but got '5'.")

    def test_a_composite_names_alarms_that_exist(self, told: Told, alarms: Alarms) -> None:
        composite = {"AlarmName": "c", "AlarmRule": "ALARM(aa)"}

        message = told(alarms=[alarms("a1"), composite])[0]

        assert message.startswith("alarms.1.AlarmRule: must be one of a1, c, but got 'aa'.")

    def test_the_limits_of_the_api_hold(self, told: Told, alarms: Alarms) -> None:
        lines = told(alarms=[alarms("a", Period=7, DatapointsToAlarm=2)])

        assert [line.split(":")[0] for line in lines] == [
            "alarms.0.Period",
            "alarms.0.DatapointsToAlarm",
        ]

    def test_too_many(self, told: Told, alarms: Alarms) -> None:
        assert told(alarms=[alarms(f"a{i}") for i in range(201)]) == [
            "alarms: must be a list of at most 200 alarms, but got 201 of them."
        ]


class TestStrategies:
    @pytest.mark.parametrize(("platform", "count"), [("ec2", 3), ("ecs", 5), ("lambda", 9)])
    def test_left_out_they_are_all_of_aws_s_own(
        self, build: Build, platform: str, count: int
    ) -> None:
        assert len(build(platform).strategies) == count

    def test_an_override_replaces_the_whole_member(self, build: Build, alarms: Alarms) -> None:
        entry = {
            "name": "x",
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
            "alarmConfiguration": watched("b"),
        }
        scenario = build(
            alarms=[alarms("a"), alarms("b")],
            deployment_group={
                "alarmConfiguration": watched("a"),
                "autoRollbackConfiguration": {"enabled": True, "events": EVENTS[:1]},
            },
            strategies=["CodeDeployDefault.ECSAllAtOnce", entry],
        )

        assert scenario.strategies[0].group.alarm_names == ("a",)
        assert scenario.strategies[1].group.alarm_names == ("b",)
        assert scenario.strategies[1].group.rollback_events == ("DEPLOYMENT_FAILURE",)

    def test_blue_green_stands_beside_in_place(self, build: Build) -> None:
        style = {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}
        entry = {"name": "x", "deploymentConfigName": "CodeDeployDefault.HalfAtATime"}
        scenario = build(
            "ec2",
            deployment_group={"deploymentStyle": style},
            strategies=[entry, {**entry, "name": "y", "deploymentStyle": "BLUE_GREEN"}],
        )

        found = [(s.group.deployment_type, s.group.traffic_control) for s in scenario.strategies]
        assert found == [("IN_PLACE", False), ("BLUE_GREEN", False)]

    def test_a_wrong_override_is_told_where_it_stands(self, told: Told, alarms: Alarms) -> None:
        entry = {
            "name": "x",
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
            "alarmConfiguration": watched("c"),
            "autoRollbackConfiguration": {"enabled": 1},
        }

        lines = told(alarms=[alarms("a")], strategies=[entry])

        assert lines == [
            "strategies.0.autoRollbackConfiguration.enabled: must be true or false, but got 1.",
            "strategies.0.alarmConfiguration.alarms.0.name: must be an alarm under alarms (a), but got 'c'.",
        ]

    def test_a_configuration_is_checked_beside_a_broken_group(self, told: Told) -> None:
        canary = {"canaryPercentage": 500, "canaryInterval": 5}
        routing = {"type": "TimeBasedCanary", "timeBasedCanary": canary}

        lines = told(
            deployment_group={"x": 1},
            strategies=[{"name": "x", "trafficRoutingConfig": routing}],
        )

        assert len(lines) == 2
        assert "canaryPercentage: must be an integer in [1, 99], but got 500." in lines[1]

    def test_an_unknown_key_gets_the_nearest(self, told: Told) -> None:
        entry = {"name": "x", "trafficRoutingConfg": {"type": "AllAtOnce"}}

        assert told(strategies=[entry])[0].endswith("Did you mean 'trafficRoutingConfig'?")
