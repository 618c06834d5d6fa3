"""CodeDeploy's JSON: what AWS accepts, what the scenario says, and what is told beside it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratsim.errors import InputError
from stratsim.export import EXPORTERS, Export, export_strategy, write_export
from stratsim.export._base import Draft, Request
from stratsim.export._rollout import rollout
from stratsim.export._service import service_input
from stratsim.model.alarm import CompositeAlarm, Dimension, MetricAlarm
from stratsim.model.plan import Hold, Plan, Shift
from stratsim.model.quantities import Fixed
from stratsim.model.service import LifecycleEvent
from stratsim.model.settings import DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies import build_plan
from stratsim.strategies.predefined import predefined

Exporting = Callable[..., Export]
Refused = Callable[[Export], list[str]]
Read = Callable[[Export, str], Any]

CANARY = {
    "name": "careful",
    "trafficRoutingConfig": {
        "type": "TimeBasedCanary",
        "timeBasedCanary": {"canaryPercentage": 5, "canaryInterval": 15},
    },
}
LINEAR = {
    "name": "slow",
    "trafficRoutingConfig": {
        "type": "TimeBasedLinear",
        "timeBasedLinear": {"linearPercentage": 25, "linearInterval": 4},
    },
}
HALF = {"name": "half", "minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 50}}
ZONAL = {
    "name": "zones",
    "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 6},
    "zonalConfig": {
        "firstZoneMonitorDurationInSeconds": 900,
        "monitorDurationInSeconds": 300,
        "minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": 50},
    },
}
ROLLING = {
    "name": "rolling",
    "ecs": {
        "minimumHealthyPercent": 100,
        "maximumPercent": 150,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    },
}
STEPS = {"name": "steps", "steps": [{"weight": 5, "pause": "10m"}, {"weight": 50, "pause": "10m"}]}
FAMILIES = [
    *((platform, name) for platform in ("ec2", "ecs", "lambda") for name in predefined(platform)),
    *((platform, entry) for platform in ("ecs", "lambda") for entry in (CANARY, LINEAR)),
    ("ec2", HALF),
    ("ec2", ZONAL),
    ("ecs", ROLLING),
    *((platform, STEPS) for platform in ("ec2", "ecs", "lambda")),
]
BLUE_GREEN = DeploymentGroup(
    deployment_type="BLUE_GREEN", termination_wait_s=3600.0, alarm_names=("checkout-5xx",)
)


def ids(case: object) -> str:
    return str(case["name"]) if isinstance(case, dict) else str(case)


@pytest.mark.parametrize(("platform", "entry"), FAMILIES, ids=ids)
@pytest.mark.parametrize("kind", ["IN_PLACE", "BLUE_GREEN"])
def test_every_strategy_gives_what_aws_accepts(
    export: Exporting, refused: Refused, platform: str, entry: Any, kind: Any
) -> None:
    """botocore's models of the calls find nothing to refuse, with or without names."""
    if kind == "BLUE_GREEN" and entry == ZONAL:
        pytest.skip("AWS has no zonal blue/green")
    group = DeploymentGroup(deployment_type=kind, alarm_names=("checkout-5xx",))

    found = export(platform, entry, group=group)

    assert refused(found) == []
    assert all(text.isascii() or not name.endswith(".json") for name, text in found.files.items())


def test_the_files_are_those_of_the_contract(export: Exporting) -> None:
    assert set(export("ecs", CANARY).files) == {
        "alarm-checkout-5xx.json",
        "application.json",
        "appspec.yaml",
        "deployment-config.json",
        "deployment-group.json",
    }
    assert "deployment-config.json" not in export("ec2", "CodeDeployDefault.OneAtATime").files
    assert "appspec.yml" in export("ec2", HALF).files


def test_commands_name_the_files_in_the_order_of_the_calls(export: Exporting) -> None:
    assert export("ecs", CANARY).commands == (
        "aws cloudwatch put-metric-alarm --cli-input-json file://alarm-checkout-5xx.json",
        "aws deploy create-application --cli-input-json file://application.json",
        "aws deploy create-deployment-config --cli-input-json file://deployment-config.json",
        "aws deploy create-deployment-group --cli-input-json file://deployment-group.json",
    )


# ------------------------------------------------------- deployment configurations
@pytest.mark.parametrize(
    ("platform", "entry", "expected"),
    [
        (
            "ecs",
            CANARY,
            {"computePlatform": "ECS", "trafficRoutingConfig": CANARY["trafficRoutingConfig"]},
        ),
        (
            "lambda",
            LINEAR,
            {"computePlatform": "Lambda", "trafficRoutingConfig": LINEAR["trafficRoutingConfig"]},
        ),
        (
            "ec2",
            HALF,
            {"computePlatform": "Server", "minimumHealthyHosts": HALF["minimumHealthyHosts"]},
        ),
        (
            "ec2",
            ZONAL,
            {
                "computePlatform": "Server",
                "minimumHealthyHosts": ZONAL["minimumHealthyHosts"],
                "zonalConfig": ZONAL["zonalConfig"],
            },
        ),
    ],
)
def test_a_custom_configuration_is_written_as_it_was_read(
    export: Exporting, read: Read, platform: str, entry: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = export(platform, entry)

    config = read(found, "deployment-config.json")
    name = config.pop("deploymentConfigName")
    assert config == expected
    assert read(found, "deployment-group.json")["deploymentConfigName"] == name
    assert found.losses == () or all("target group" in loss for loss in found.losses)


def test_only_the_branch_of_the_type_is_written(export: Exporting, read: Read) -> None:
    routing = CANARY["trafficRoutingConfig"] | LINEAR["trafficRoutingConfig"]
    entry = {"name": "both", "trafficRoutingConfig": routing}

    config = read(export("ecs", entry), "deployment-config.json")

    assert set(config["trafficRoutingConfig"]) == {"type", "timeBasedLinear"}


def test_a_configuration_keeps_the_name_it_was_pasted_with(export: Exporting, read: Read) -> None:
    entry = CANARY | {"deploymentConfigName": "Shop.Canary5"}

    config = read(export("ecs", entry), "deployment-config.json")

    assert config["deploymentConfigName"] == "Shop.Canary5"


# ------------------------------------------------------------------ generic steps
STEP_CASES = [
    # weights and minutes, then AWS's own name or the routing, and whether something is lost
    ([(100, 0)], "CodeDeployDefault.ECSAllAtOnce", False),
    ([(10, 5)], "CodeDeployDefault.ECSCanary10Percent5Minutes", False),
    ([(20, 7)], ("TimeBasedCanary", 20, 7), False),
    ([(25, 4), (50, 4), (75, 4)], ("TimeBasedLinear", 25, 4), False),
    ([(33, 5), (66, 5), (99, 5)], ("TimeBasedLinear", 33, 5), False),
    ([(50, 3), (100, 0)], ("TimeBasedCanary", 50, 3), False),
    ([(5, 10), (50, 10)], ("TimeBasedCanary", 5, 20), True),
    ([(25, 4), (50, 9), (75, 4)], ("TimeBasedCanary", 25, 17), True),
    ([(25, 4), (50, 4)], ("TimeBasedCanary", 25, 8), True),  # 75 % would follow
    ([(50, 4), (20, 4)], ("TimeBasedCanary", 20, 8), True),
    ([(0, 5), (20, 7)], ("TimeBasedCanary", 20, 7), True),
    ([(0.5, 10)], ("TimeBasedCanary", 1, 10), True),
    ([(10, 0.5)], ("TimeBasedCanary", 10, 1), True),
    ([(10, 5000)], ("TimeBasedCanary", 10, 2880), True),
    ([(n, 30) for n in range(1, 100)], ("TimeBasedLinear", 1, 29), True),  # 2880 minutes in all
    ([(10, 5), (100, 10)], "CodeDeployDefault.ECSCanary10Percent5Minutes", True),
]


@pytest.mark.parametrize(("steps", "expected", "lossy"), STEP_CASES)
def test_steps_become_the_nearest_configuration(
    export: Exporting,
    read: Read,
    refused: Refused,
    steps: list[tuple[float, float]],
    expected: Any,
    lossy: bool,
) -> None:
    entry = {
        "name": "steps",
        "steps": [{"weight": weight, "pause": f"{60 * minutes:g}s"} for weight, minutes in steps],
    }

    found = export("ecs", entry, alarms=(), group=DeploymentGroup())

    group = read(found, "deployment-group.json")
    assert bool(found.losses) is lossy
    assert refused(found) == []
    if isinstance(expected, str):
        assert group["deploymentConfigName"] == expected
        assert "deployment-config.json" not in found.files
        return
    kind, percent, minutes = expected
    config = read(found, "deployment-config.json")
    routing = config["trafficRoutingConfig"]
    assert routing["type"] == kind
    assert list(routing[f"timeBased{kind[9:]}"].values()) == [percent, minutes]
    assert group["deploymentConfigName"] == config["deploymentConfigName"]


@pytest.mark.parametrize(
    ("instances", "weight", "kept"), [(10, 5, 90), (10, 25, 80), (3, 10, 66), (1, 50, 0)]
)
def test_steps_on_ec2_leave_at_least_one_host_to_change(
    make: Any, read: Read, instances: int, weight: int, kept: int
) -> None:
    """A minimum of the whole fleet would fail the deployment before it begins."""
    scenario = make("ec2", {"name": "s", "steps": [{"weight": weight, "pause": "5m"}]})
    service = type(scenario.service)(instances=instances)
    scenario = type(scenario)(
        name="s", platform="ec2", service=service, strategies=scenario.strategies
    )

    found = export_strategy(scenario, "s")

    assert any("neither weights nor pauses" in loss for loss in found.losses)
    if not kept:
        name = read(found, "deployment-group.json")["deploymentConfigName"]
        assert name == "CodeDeployDefault.AllAtOnce"
        return
    rule = read(found, "deployment-config.json")["minimumHealthyHosts"]
    assert rule == {"type": "FLEET_PERCENT", "value": kept}
    assert -(-instances * kept // 100) < instances


def test_a_plan_without_weights_is_told_as_lost(make: Any) -> None:
    """As a neighbour's plan might be: nothing that CodeDeploy could be told."""
    spec = StrategySpec(name="other", family="neighbour")
    steps = (Hold(duration_s=60, event="wait"),)
    plan = Plan(
        strategy="other",
        family="neighbour",
        platform="ecs",
        steps=steps,
        routing="weighted",
        undo="reroute",
        group=spec.group,
    )
    request = Request(scenario=make("ecs"), spec=spec, plan=plan, alarms=(), stopping=())
    draft = Draft.of(request)

    assert rollout(draft).name == "CodeDeployDefault.ECSAllAtOnce"
    assert "shifts no weights" in draft.losses[0]
    assert not isinstance(steps[0], Shift)


# --------------------------------------------------------------- deployment group
NAMES = {
    "role": "arn:aws:iam::210987654321:role/Deployer",
    "cluster": "prod",
    "service": "shop",
    "listener": "arn:aws:elasticloadbalancing:eu-west-1:210987654321:listener/app/shop/aa/bb",
    "test_listener": "arn:aws:elasticloadbalancing:eu-west-1:210987654321:listener/app/shop/aa/cc",
    "blue_target_group": "targetgroup/shop-blue/0123456789abcdea",
    "green_target_group": "arn:aws:elasticloadbalancing:eu-west-1:210987654321:targetgroup/shop-green/0123456789abcdeb",
    "load_balancer": "app/shop/0123456789abcdec",
    "task_definition": "shop:7",
    "container": "app",
    "port": "9000",
    "region": "eu-west-1",
    "account": "210987654321",
}


def test_an_ecs_group_is_whole(export: Exporting, read: Read) -> None:
    found = export("ecs", CANARY, names=NAMES)

    group = read(found, "deployment-group.json")
    assert found.placeholders == ()
    assert group["serviceRoleArn"] == NAMES["role"]
    assert group["deploymentStyle"] == {
        "deploymentType": "BLUE_GREEN",
        "deploymentOption": "WITH_TRAFFIC_CONTROL",
    }
    assert group["ecsServices"] == [{"serviceName": "shop", "clusterName": "prod"}]
    assert group["loadBalancerInfo"]["targetGroupPairInfoList"] == [
        {
            "targetGroups": [{"name": "shop-blue"}, {"name": "shop-green"}],
            "prodTrafficRoute": {"listenerArns": [NAMES["listener"]]},
            "testTrafficRoute": {"listenerArns": [NAMES["test_listener"]]},
        }
    ]
    assert group["blueGreenDeploymentConfiguration"] == {
        "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
        "terminateBlueInstancesOnDeploymentSuccess": {
            "action": "TERMINATE",
            "terminationWaitTimeInMinutes": 5,
        },
    }
    assert group["alarmConfiguration"] == {
        "enabled": True,
        "ignorePollAlarmFailure": False,
        "alarms": [{"name": "checkout-5xx"}],
    }
    assert group["autoRollbackConfiguration"] == {
        "enabled": True,
        "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
    }


def test_a_lambda_group_has_no_load_balancer_and_no_fleets(export: Exporting, read: Read) -> None:
    raw = {"blueGreenDeploymentConfiguration": {"deploymentReadyOption": {}}, "tags": []}

    found = export("lambda", CANARY, group=DeploymentGroup(raw=raw), alarms=())

    group = read(found, "deployment-group.json")
    assert not {"loadBalancerInfo", "blueGreenDeploymentConfiguration", "ecsServices"} & set(group)
    assert any("blueGreenDeploymentConfiguration" in loss for loss in found.losses)


def test_ec2_in_place_and_blue_green(export: Exporting, read: Read) -> None:
    in_place = read(export("ec2", HALF), "deployment-group.json")
    without = DeploymentGroup(traffic_control=False)
    bare = read(export("ec2", HALF, group=without), "deployment-group.json")
    both = read(export("ec2", HALF, group=BLUE_GREEN), "deployment-group.json")

    assert in_place["deploymentStyle"]["deploymentType"] == "IN_PLACE"
    assert in_place["loadBalancerInfo"] == {"targetGroupInfoList": [{"name": "example-targets"}]}
    assert "blueGreenDeploymentConfiguration" not in in_place
    assert bare["deploymentStyle"]["deploymentOption"] == "WITHOUT_TRAFFIC_CONTROL"
    assert "loadBalancerInfo" not in bare
    assert both["autoScalingGroups"] == ["example-asg"]
    assert set(both["blueGreenDeploymentConfiguration"]) == {
        "deploymentReadyOption",
        "terminateBlueInstancesOnDeploymentSuccess",
        "greenFleetProvisioningOption",
    }


def test_a_pasted_group_is_carried(export: Exporting, read: Read, refused: Refused) -> None:
    """As GetDeploymentGroup prints it, read-only keys and all."""
    raw = {
        "applicationName": "web",
        "deploymentGroupName": "web-prod",
        "deploymentGroupId": "d-1",
        "serviceRoleArn": "arn:aws:iam::123456789012:role/Pasted",
        "autoScalingGroups": [{"name": "web-asg", "hook": "h"}],
        "ec2TagFilters": [{"Key": "stage", "Value": "prod", "Type": "KEY_AND_VALUE"}],
        "loadBalancerInfo": {"elbInfoList": [{"name": "classic"}]},
        "outdatedInstancesStrategy": "IGNORE",
        "terminationHookEnabled": True,
        "tags": ({"Key": "team", "Value": "web"},),
        "triggerConfigurations": [
            {
                "triggerName": "t",
                "triggerTargetArn": "arn:aws:sns:us-east-1:123456789012:t",
                "triggerEvents": ["DeploymentFailure"],
            }
        ],
        "computePlatform": "Server",
        "ecsServices": [],
    }

    found = export("ec2", HALF, group=DeploymentGroup(raw=raw), alarms=())

    group = read(found, "deployment-group.json")
    assert refused(found) == []
    assert group["autoScalingGroups"] == ["web-asg"]
    for key in ("ec2TagFilters", "loadBalancerInfo", "serviceRoleArn", "triggerConfigurations"):
        assert group[key] == raw[key]
    assert group["tags"] == [{"Key": "team", "Value": "web"}]
    assert not {"deploymentGroupId", "computePlatform"} & set(group)
    assert read(found, "application.json")["applicationName"] == "web"
    assert {placeholder.key for placeholder in found.placeholders} == {"destination"}


def test_names_win_over_a_pasted_group_and_say_so(export: Exporting, read: Read) -> None:
    raw = {"serviceRoleArn": "arn:aws:iam::123456789012:role/Pasted"}

    found = export("ecs", CANARY, group=DeploymentGroup(raw=raw), names=NAMES)

    assert read(found, "deployment-group.json")["serviceRoleArn"] == NAMES["role"]
    assert any("names.role" in note and "Pasted" in note for note in found.notes)


def test_an_unknown_key_of_the_group_is_told(export: Exporting) -> None:
    found = export("ecs", CANARY, group=DeploymentGroup(raw={"ec2TagFilters": [{"Key": "x"}]}))

    assert any("ec2TagFilters" in loss for loss in found.losses)


def test_waits_are_whole_minutes(export: Exporting, read: Read) -> None:
    group = DeploymentGroup(
        ready_action="STOP_DEPLOYMENT", ready_wait_s=90.0, terminate_action="KEEP_ALIVE"
    )

    found = export("ecs", CANARY, group=group)

    waits = read(found, "deployment-group.json")["blueGreenDeploymentConfiguration"]
    assert waits["deploymentReadyOption"] == {
        "actionOnTimeout": "STOP_DEPLOYMENT",
        "waitTimeInMinutes": 2,
    }
    assert waits["terminateBlueInstancesOnDeploymentSuccess"] == {"action": "KEEP_ALIVE"}
    assert any("90 s becomes 2 minutes" in loss for loss in found.losses)


def test_more_than_ten_alarms_are_refused(export: Exporting) -> None:
    names = tuple(f"alarm-{number}" for number in range(11))

    with pytest.raises(InputError, match=r"at most 10 alarms.*one composite alarm"):
        export("ecs", CANARY, group=DeploymentGroup(alarm_names=names))
    raised = {"alarms_per_deployment_group": 11.0}
    assert export("ecs", CANARY, group=DeploymentGroup(alarm_names=names), quotas=raised)


def test_alarms_and_rollback_are_never_enabled_and_empty(export: Exporting, read: Read) -> None:
    """CodeDeploy refuses both: InvalidAlarmConfig, InvalidAutoRollbackConfig."""
    found = export("ecs", CANARY, alarms=(), group=DeploymentGroup(rollback_events=()))

    group = read(found, "deployment-group.json")
    assert group["alarmConfiguration"]["enabled"] is False
    assert group["autoRollbackConfiguration"] == {"enabled": False, "events": []}


# ------------------------------------------------------------------------- alarms
def dimensions(document: dict[str, Any]) -> dict[str, str]:
    return {item["Name"]: item["Value"] for item in document.get("Dimensions", [])}


def test_new_and_old_become_target_groups(
    export: Exporting, read: Read, five_xx: Callable[..., MetricAlarm]
) -> None:
    alarms = (five_xx(), five_xx("old", Dimensions=(Dimension("TargetGroup", "old"),)))

    found = export("ecs", CANARY, names=NAMES, alarms=alarms)

    assert dimensions(read(found, "alarm-checkout-5xx.json")) == {
        "LoadBalancer": "app/shop/0123456789abcdec",
        "TargetGroup": "targetgroup/shop-green/0123456789abcdeb",
    }
    assert dimensions(read(found, "alarm-old.json"))["TargetGroup"] == NAMES["blue_target_group"]
    assert sum("swap at each deployment" in loss for loss in found.losses) == 2


def test_without_the_dimension_the_whole_load_balancer_is_watched(
    export: Exporting, read: Read, five_xx: Callable[..., MetricAlarm]
) -> None:
    found = export("ecs", CANARY, names=NAMES, alarms=(five_xx(Dimensions=()),))

    assert set(dimensions(read(found, "alarm-checkout-5xx.json"))) == {"LoadBalancer"}
    assert found.losses == ()


def test_one_target_group_is_told(
    export: Exporting, read: Read, five_xx: Callable[..., MetricAlarm]
) -> None:
    found = export("ec2", HALF, names={"target_group": "web"}, alarms=(five_xx(),))

    assert dimensions(read(found, "alarm-checkout-5xx.json"))["TargetGroup"] == (
        "targetgroup/web/0123456789abcdef"
    )
    assert any("share the target group" in loss for loss in found.losses)
    assert "target_group" in {placeholder.key for placeholder in found.placeholders}


def test_versions_come_with_function_and_alias(
    export: Exporting, read: Read, by_version: Callable[..., MetricAlarm]
) -> None:
    names = {"function": "pay", "alias": "live", "old_version": "41"}

    found = export("lambda", CANARY, names=names, alarms=(by_version(),))

    queries = read(found, "alarm-checkout-errors.json")["Metrics"]
    metrics = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
    expected = {"FunctionName": "pay", "Resource": "pay:live", "ExecutedVersion": "42"}
    assert [dimensions(metric) for metric in metrics] == [expected, expected]
    assert any("ExecutedVersion" in loss for loss in found.losses)
    assert {p.key: p.value for p in found.placeholders}["new_version"] == "42"


def test_requests_per_target_stand_under_the_target_group_alone(
    export: Exporting, read: Read, five_xx: Callable[..., MetricAlarm]
) -> None:
    alarm = five_xx(MetricName="RequestCountPerTarget")

    found = export("ecs", CANARY, alarms=(alarm,))

    assert set(dimensions(read(found, "alarm-checkout-5xx.json"))) == {"TargetGroup"}


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("AWS/ECS", {"ClusterName": "prod", "ServiceName": "shop"}),
        ("AWS/EC2", {"AutoScalingGroupName": "example-asg"}),
        ("AWS/Lambda", {"FunctionName": "example-function", "Resource": "example-function:live"}),
        ("AWS/NetworkELB", {"LoadBalancer": "app/shop/0123456789abcdec"}),
        ("AWS/ApiGateway", {}),
        ("Shop", {}),
    ],
)
def test_a_metric_gets_dimensions_that_aws_publishes(
    export: Exporting,
    read: Read,
    five_xx: Callable[..., MetricAlarm],
    namespace: str,
    expected: dict[str, str],
) -> None:
    alarm = five_xx(Namespace=namespace, MetricName="Errors", Dimensions=())

    found = export("ecs", CANARY, names=NAMES, alarms=(alarm,))

    assert dimensions(read(found, "alarm-checkout-5xx.json")) == expected
    assert any("nothing without dimensions" in n for n in found.notes) is (
        namespace == "AWS/ApiGateway"
    )


def test_dimensions_that_were_given_stay(
    export: Exporting, read: Read, five_xx: Callable[..., MetricAlarm]
) -> None:
    """And tell the names that other files need."""
    given = (Dimension("LoadBalancer", "app/real/1"), Dimension("TargetGroup", "targetgroup/r/2"))

    found = export("ecs", CANARY, alarms=(five_xx(Dimensions=given), five_xx("other")))

    assert dimensions(read(found, "alarm-checkout-5xx.json")) == {
        "LoadBalancer": "app/real/1",
        "TargetGroup": "targetgroup/r/2",
    }
    assert dimensions(read(found, "alarm-other.json"))["LoadBalancer"] == "app/real/1"


def test_composite_alarms_come_after_what_they_read(
    export: Exporting,
    refused: Refused,
    five_xx: Callable[..., MetricAlarm],
    either: Callable[..., CompositeAlarm],
) -> None:
    alarms = (either("outer", "inner", "checkout-5xx"), either("inner", "checkout-5xx"), five_xx())
    group = DeploymentGroup(alarm_names=("outer",))

    found = export("ecs", CANARY, alarms=alarms, group=group)

    assert refused(found) == []
    files = [command.rpartition("//")[2] for command in found.commands]
    assert files[:3] == [
        "alarm-checkout-5xx.json",
        "composite-alarm-inner.json",
        "composite-alarm-outer.json",
    ]


def test_an_alarm_that_reaches_nobody_is_told_or_gets_the_topic(
    export: Exporting, read: Read, five_xx: Callable[..., MetricAlarm]
) -> None:
    topic = "arn:aws:sns:eu-west-1:210987654321:on-call"
    alarms = (five_xx(), five_xx("page"))

    silent = export("ecs", CANARY, alarms=alarms)
    loud = export("ecs", CANARY, alarms=alarms, names={"topic": topic})

    assert any("page stops no deployment" in note for note in silent.notes)
    assert read(loud, "alarm-page.json")["AlarmActions"] == [topic]
    assert "AlarmActions" not in read(loud, "alarm-checkout-5xx.json")


def test_designed_alarms_take_the_place_of_the_scenarios(
    make: Any, read: Read, five_xx: Callable[..., MetricAlarm]
) -> None:
    found = export_strategy(make("ecs", CANARY), "careful", alarms=[five_xx("designed")])

    assert "alarm-checkout-5xx.json" not in found.files
    assert read(found, "deployment-group.json")["alarmConfiguration"]["alarms"] == [
        {"name": "designed"}
    ]


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "a\x7f", "\ud800"])
def test_an_alarm_name_that_aws_refuses_is_bad_input(
    export: Exporting, five_xx: Callable[..., MetricAlarm], name: str
) -> None:
    with pytest.raises(InputError, match="AlarmName: must be 1 to 255 characters"):
        export("ecs", CANARY, alarms=(five_xx(name),))


# ------------------------------------------------------------------------ AppSpec
def event(timeout: float = 3600.0) -> LifecycleEvent:
    return LifecycleEvent(duration=Fixed(20.0), timeout=timeout)


def test_the_appspec_of_ec2_has_a_map_of_hooks(export: Exporting) -> None:
    lifecycle = {
        "ValidateService": event(179.5),
        "AfterInstall": event(),
        "Install": event(),
        "BeforeInstall": event(7200),
    }

    found = export("ec2", HALF, lifecycle=lifecycle, names={"hook_ValidateService": "bin/check.sh"})

    spec = yaml.safe_load(found.files["appspec.yml"])
    assert spec == {
        "version": 0.0,
        "os": "linux",
        "files": [{"source": "/", "destination": "/srv/example"}],
        "hooks": {
            "BeforeInstall": [{"location": "scripts/BeforeInstall.sh", "timeout": 3600}],
            "AfterInstall": [{"location": "scripts/AfterInstall.sh", "timeout": 3600}],
            "ValidateService": [{"location": "bin/check.sh", "timeout": 180}],
        },
    }
    assert any("BeforeInstall" in loss and "7200 s" in loss for loss in found.losses)


def test_the_appspec_of_ecs_has_a_list_of_hooks(export: Exporting, read: Read) -> None:
    lifecycle = {"AfterAllowTestTraffic": event(60), "BeforeInstall": event()}

    found = export("ecs", CANARY, lifecycle=lifecycle, names={"task_definition": "shop:7"})

    spec = yaml.safe_load(found.files["appspec.yaml"])
    assert spec["Hooks"] == [
        {"BeforeInstall": "CodeDeployHook_BeforeInstall"},
        {"AfterAllowTestTraffic": "CodeDeployHook_AfterAllowTestTraffic"},
    ]
    properties = spec["Resources"][0]["TargetService"]["Properties"]
    assert properties == {
        "TaskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/shop:7",
        "LoadBalancerInfo": {"ContainerName": "example-container", "ContainerPort": 8080},
    }
    assert any("AfterAllowTestTraffic" in loss and "60 s" in loss for loss in found.losses)
    pair = read(found, "deployment-group.json")["loadBalancerInfo"]["targetGroupPairInfoList"][0]
    assert "testTrafficRoute" in pair, "the event would be passed over without a test listener"


def test_the_appspec_of_lambda_quotes_its_versions(export: Exporting) -> None:
    found = export("lambda", CANARY, names={"new_version": "7"}, alarms=())

    resource = yaml.safe_load(found.files["appspec.yaml"])["Resources"][0]
    assert resource["example-function"]["Properties"] == {
        "Name": "example-function",
        "Alias": "live",
        "CurrentVersion": "6",
        "TargetVersion": "7",
    }


def test_a_name_cannot_break_out_of_the_comment(export: Exporting) -> None:
    entry = CANARY | {"name": "a\nResources: []\u2028x: 1"}

    spec = yaml.safe_load(export("ecs", entry).files["appspec.yaml"])

    assert set(spec) == {"version", "Resources"}


# -------------------------------------------------------------------- ECS rolling
def test_a_rolling_update_is_told_to_ecs(export: Exporting, read: Read, refused: Refused) -> None:
    group = DeploymentGroup(
        alarm_names=("checkout-5xx",),
        rollback_events=("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"),
        raw={"blueGreenDeploymentConfiguration": {}, "serviceRoleArn": "arn"},
    )

    found = export("ecs", ROLLING, group=group, names=NAMES)

    assert refused(found) == []
    assert set(found.files) == {"alarm-checkout-5xx.json", "service.json"}
    assert read(found, "service.json") == {
        "cluster": "prod",
        "service": "shop",
        "taskDefinition": "arn:aws:ecs:eu-west-1:210987654321:task-definition/shop:7",
        "deploymentConfiguration": {
            "minimumHealthyPercent": 100,
            "maximumPercent": 150,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "alarms": {"alarmNames": ["checkout-5xx"], "enable": True, "rollback": False},
        },
    }
    told = " ".join(found.losses)
    assert "blueGreenDeploymentConfiguration" in told
    assert "DEPLOYMENT_STOP_ON_REQUEST" in told
    assert "DEPLOYMENT_FAILURE:" not in told


def test_without_a_circuit_breaker_the_lost_rollback_is_told(export: Exporting) -> None:
    found = export("ecs", {"name": "r", "ecs": {"maximumPercent": 150}})

    assert any("deploymentCircuitBreaker" in loss for loss in found.losses)


@pytest.mark.parametrize("strategy", ["BLUE_GREEN", "CANARY", "LINEAR"])
def test_ecss_own_blue_green_names_both_target_groups(
    make: Any, botocore_check: Any, strategy: str
) -> None:
    """No plan of stratsim does this yet; the service it would need is ready."""
    scenario = make("ecs", ROLLING, names=NAMES)
    spec = replace(scenario.strategies[0], config={"ecs": {"strategy": strategy}})
    plan = replace(build_plan(scenario, "rolling"), one_target_group=False)
    request = Request(scenario=scenario, spec=spec, plan=plan, alarms=(), stopping=())

    document = service_input(Draft.of(request))

    assert botocore_check.problems("ecs", "UpdateService", document) == []
    balancer = document["loadBalancers"][0]
    assert balancer["targetGroupArn"].endswith(":targetgroup/shop-blue/0123456789abcdea")
    other = balancer["advancedConfiguration"]["alternateTargetGroupArn"]
    assert other == NAMES["green_target_group"]


def test_zonal_configurations_that_differ_have_different_names(
    export: Exporting, read: Read
) -> None:
    other = ZONAL | {"zonalConfig": {"monitorDurationInSeconds": 60}}

    names = {
        read(export("ec2", entry), "deployment-config.json")["deploymentConfigName"]
        for entry in (ZONAL, other, dict(ZONAL))
    }

    assert len(names) == 2


# -------------------------------------------------------------------- the edges
def test_an_unknown_format_or_strategy_is_bad_input(make: Any) -> None:
    with pytest.raises(InputError, match=r"export format: must be one of .*codedeploy"):
        export_strategy(make("ecs", CANARY), "careful", "codedeplyo")
    with pytest.raises(InputError, match="Did you mean 'careful'"):
        export_strategy(make("ecs", CANARY), "carefull")


def test_a_predefined_configuration_needs_no_entry(make: Any, read: Read) -> None:
    name = "CodeDeployDefault.ECSLinear10PercentEvery1Minutes"

    found = export_strategy(make("ecs"), name)

    assert read(found, "deployment-group.json")["deploymentConfigName"] == name


def test_the_registry_holds_the_format() -> None:
    assert "codedeploy" in list(EXPORTERS)


def test_messages_tell_everything_on_lines_of_their_own(export: Exporting) -> None:
    found = export("ecs", STEPS)

    lines = found.messages()
    assert {line.partition(":")[0] for line in lines} == {"lost", "placeholder"} | (
        {"note"} if found.notes else set()
    )
    assert all("\n" not in line for line in lines)
    assert sum("names.cluster" in line for line in lines) == 1


@pytest.mark.slow
def test_the_aws_command_line_accepts_every_file(export: Exporting, tmp_path: Path) -> None:
    """With --generate-cli-skeleton output the real command checks its input and calls nobody."""
    aws = Path(sys.executable).with_name("aws")
    if not aws.exists():
        pytest.skip("needs the `aws` command of this environment: pip install awscli")
    found = export("ecs", CANARY)
    write_export(found, tmp_path / "with space")
    environment = {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HOME": str(tmp_path),
        "PATH": os.defpath,
        "LC_ALL": "C",
    }
    for command in found.commands:
        done = subprocess.run(
            [aws, *command.split()[1:], "--generate-cli-skeleton", "output"],
            cwd=tmp_path / "with space",
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        json.loads(done.stdout or "{}")
