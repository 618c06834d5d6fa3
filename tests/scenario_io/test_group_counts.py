"""What a deployment group may hold, and how long one lifecycle event may take: AWS's limits."""

from typing import Any

import pytest

import stratsim


def refused(platform: str, **sections: Any) -> str:
    with pytest.raises(stratsim.errors.InputError) as caught:
        stratsim.load({"name": "shop", "platform": platform, **sections})
    return str(caught.value)


def pair(groups: int = 2, listeners: int = 1) -> dict[str, Any]:
    return {
        "targetGroups": [{"name": f"group-{n}"} for n in range(groups)],
        "prodTrafficRoute": {"listenerArns": [f"arn-{n}" for n in range(listeners)]},
    }


@pytest.mark.parametrize(
    ("platform", "group", "message"),
    [
        (
            "ec2", {"autoScalingGroups": [f"asg-{n}" for n in range(11)]},
            "autoScalingGroups: must be at most 10 groups, but got 11 groups",
        ),
        (
            "ecs", {"triggerConfigurations": [{}] * 11},
            "triggerConfigurations: must be at most 10 triggers, but got 11 triggers",
        ),
        ("ecs", {"ecsServices": [{}, {}]}, "ecsServices: must be at most 1 ECS service"),
        (
            "ec2", {"loadBalancerInfo": {"targetGroupInfoList": [{}] * 11}},
            "targetGroupInfoList: must be at most 10 target groups, but got 11",
        ),
        (
            "ecs", {"loadBalancerInfo": {"targetGroupPairInfoList": [pair(), pair()]}},
            "targetGroupPairInfoList: must be at most 1 pair of target groups, but got 2",
        ),
        (
            "ecs", {"loadBalancerInfo": {"targetGroupPairInfoList": [pair(groups=3)]}},
            "targetGroupPairInfoList.0.targetGroups: must be two target groups, but got 3",
        ),
        (
            "ecs", {"loadBalancerInfo": {"targetGroupPairInfoList": [pair(listeners=2)]}},
            "targetGroupPairInfoList.0.prodTrafficRoute.listenerArns: must be one listener",
        ),
    ],
)  # fmt: skip
def test_longer_lists_are_refused(platform: str, group: dict[str, Any], message: str) -> None:
    assert message in refused(platform, deployment_group=group)


def test_what_aws_takes_is_taken() -> None:
    group = {
        "ecsServices": [{"clusterName": "prod", "serviceName": "shop"}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair()]},
        "triggerConfigurations": [{}] * 10,
    }
    stratsim.load({"name": "shop", "platform": "ecs", "deployment_group": group})


@pytest.mark.parametrize(
    ("quota", "section"),
    [
        ("triggers", {"deployment_group": {"triggerConfigurations": [{}] * 11}}),
        (
            "lifecycle_event_seconds",
            {"lifecycle": {"AfterInstall": {"duration": "5s", "timeout": "2h"}}},
        ),
    ],
)
def test_quotas_raise_them(quota: str, section: dict[str, Any]) -> None:
    assert f"quotas.{quota} sets another limit" in refused("ecs", **section)
    stratsim.load({"name": "shop", "platform": "ecs", "quotas": {quota: 7200}, **section})


def test_a_stage_of_ecs_may_take_longer_than_an_event_of_codedeploy() -> None:
    slow = {"duration": "5s", "timeout": "2h"}
    text = refused("ecs", lifecycle={"PRE_SCALE_UP": slow, "BeforeAllowTraffic": slow})

    assert "lifecycle.BeforeAllowTraffic.timeout: must be at most 3600 s, but got 7200 s" in text
    assert "PRE_SCALE_UP" not in text


def test_a_copied_fleet_has_one_source() -> None:
    group = {
        "deploymentStyle": "BLUE_GREEN",
        "autoScalingGroups": ["a", "b"],
        "blueGreenDeploymentConfiguration": {
            "greenFleetProvisioningOption": {"action": "COPY_AUTO_SCALING_GROUP"}
        },
    }
    name = "CodeDeployDefault.OneAtATime"
    text = refused("ec2", deployment_group=group, strategies=[name])
    assert "strategies.0: must be of one Auto Scaling group where COPY_AUTO_SCALING_GROUP" in text
    group["blueGreenDeploymentConfiguration"] = {
        "greenFleetProvisioningOption": {"action": "DISCOVER_EXISTING"}
    }
    found = {"name": "shop", "platform": "ec2", "deployment_group": group, "strategies": [name]}
    assert stratsim.plan(stratsim.load(found), name).status == "Succeeded"
