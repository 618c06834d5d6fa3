"""Entries of ``strategies:`` and the families that take them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from stratsim.errors import InputError
from stratsim.model.scenario import Scenario
from stratsim.model.settings import DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies import FAMILIES, build_plan, classify, find_spec

CANARY = {
    "type": "TimeBasedCanary",
    "timeBasedCanary": {"canaryPercentage": 5, "canaryInterval": 15},
}
HOSTS = {"type": "FLEET_PERCENT", "value": 50}


@pytest.mark.parametrize(
    ("platform", "entry", "family", "keys"),
    [
        ("ecs", "CodeDeployDefault.ECSAllAtOnce", "codedeploy_shift", {"deploymentConfigName"}),
        ("lambda", {"trafficRoutingConfig": CANARY}, "codedeploy_shift", {"trafficRoutingConfig"}),
        ("ecs", {"ecs": {"maximumPercent": 150}}, "ecs_rolling", {"ecs"}),
        ("ec2", {"steps": [{"weight": 5}]}, "weight_steps", {"steps"}),
        ("ec2", "CodeDeployDefault.OneAtATime", "ec2_in_place", {"deploymentConfigName"}),
        ("ec2", {"minimumHealthyHosts": HOSTS}, "ec2_in_place", {"minimumHealthyHosts"}),
        (
            "ec2",
            {"minimumHealthyHosts": HOSTS, "deploymentStyle": "BLUE_GREEN"},
            "ec2_blue_green",
            {"minimumHealthyHosts"},
        ),
        (
            "ec2",
            {
                "deploymentConfigName": "CodeDeployDefault.AllAtOnce",
                "deploymentStyle": {"deploymentType": "BLUE_GREEN"},
            },
            "ec2_blue_green",
            {"deploymentConfigName"},
        ),
    ],
)
def test_an_entry_goes_to_its_family(
    platform: str, entry: str | dict[str, object], family: str, keys: set[str]
) -> None:
    found, config = classify(entry, platform, "strategies[0]")

    assert (found, set(config)) == (family, keys)


def test_overrides_and_the_name_are_not_the_family_s(scenario_of: Callable[..., Scenario]) -> None:
    entry = {
        "name": "longer",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "blueGreenDeploymentConfiguration": {},
        "alarmConfiguration": {"enabled": False},
    }

    assert classify(entry, "ecs", "here")[1] == {
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"
    }


def test_a_configuration_may_be_pasted_from_the_command_line() -> None:
    """What get-deployment-config prints beside the configuration is read over."""
    entry = {
        "deploymentConfigId": "0f7b1c9e",
        "deploymentConfigName": "EcsCanary5",
        "createTime": "2026-01-01T00:00:00Z",
        "computePlatform": "ECS",
        "trafficRoutingConfig": CANARY,
    }
    family, config = classify(entry, "ecs", "here")

    assert family == "codedeploy_shift"
    assert FAMILIES.get(family).check(config, "here", "ecs", {}) == []


REFUSED = [
    ("ecs", "ECSAllAtOnce", "s: must be one of .* Did you mean 'CodeDeployDefault.ECSAllAtOnce'"),
    (
        "ecs",
        "CodeDeployDefault.ECSCanary10Percent10Minutes",
        "Did you mean 'CodeDeployDefault.ECSCanary10Percent15Minutes'",
    ),
    (
        "lambda",
        "CodeDeployDefault.LambdaLinear10PercentEvery1Minutes",
        "Did you mean 'CodeDeployDefault.LambdaLinear10PercentEvery1Minute'",
    ),
    ("ecs", {"name": "x"}, "s: must be an entry with one of the keys deploymentConfigName, "),
    ("ecs", {"name": "x", "stepz": []}, "but got the keys name, stepz. Did you mean 'steps'"),
    ("ecs", {"steps": [], "ecs": {}}, "s: must be .*one kind of.*, but got the keys steps, ecs"),
    (
        "lambda",
        {"ecs": {}},
        "s.ecs: must be one of the keys that lambda has: .*trafficRoutingConfig.*, but got ecs",
    ),
    ("ec2", {"trafficRoutingConfig": CANARY}, "s.trafficRoutingConfig: must be one of the keys"),
    (
        "ecs",
        {"steps": [{"weight": 1}], "alarmConfigurations": {}},
        "s.alarmConfigurations: .* Did you mean 'alarmConfiguration'",
    ),
    (
        "ecs",
        {"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnc"},
        "s.deploymentConfigName: .* Did you mean 'CodeDeployDefault.ECSAllAtOnce'",
    ),
    (
        "ecs",
        {"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce", "pause": 3},
        "s.pause: must be one of",
    ),
    ("ecs", {"deploymentConfigName": 7}, "s.deploymentConfigName: must be one of .* got 7"),
]


@pytest.mark.parametrize(("platform", "entry", "message"), REFUSED)
def test_an_entry_of_no_family_is_refused(
    platform: str, entry: str | dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        classify(entry, platform, "s")


def test_the_group_decides_where_the_entry_is_silent(scenario_of: Callable[..., Scenario]) -> None:
    spec = StrategySpec(
        name="it",
        family="ec2_in_place",
        config={"minimumHealthyHosts": HOSTS},
        group=DeploymentGroup(deployment_type="BLUE_GREEN"),
    )
    beside = replace(spec, group=DeploymentGroup(deployment_type="IN_PLACE"))

    assert build_plan(scenario_of("ec2"), spec).family == "ec2_blue_green"
    assert build_plan(scenario_of("ec2"), beside).family == "ec2_in_place"
    assert build_plan(scenario_of("ec2"), replace(spec, group=DeploymentGroup())).undo == "redeploy"


def test_a_predefined_name_needs_no_declaration(scenario_of: Callable[..., Scenario]) -> None:
    declared = StrategySpec(name="mine", family="weight_steps", config={"steps": [{"weight": 9}]})
    scenario = replace(scenario_of("ecs"), strategies=(declared,))

    assert find_spec(scenario, "mine") is declared
    assert find_spec(scenario, "CodeDeployDefault.ECSAllAtOnce").family == "codedeploy_shift"
    with pytest.raises(InputError, match="Did you mean 'mine'"):
        find_spec(scenario, "mien")


def test_every_family_is_named_after_its_file() -> None:
    for name, family in FAMILIES.items():
        assert family.name == name
        assert family.build.__module__ == f"stratsim.strategies.{name}"
