"""The steps of ECS and Lambda deployments: hooks, waits, generic steps."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from stratsim.model.plan import Hold, Launch, Lifecycle, Plan, Retire, Shift
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult, build_plan, plan_strategy

Planned = Callable[..., PlanResult]
ScenarioOf = Callable[..., Scenario]
ALL_HOOKS = (
    "BeforeInstall",
    "AfterInstall",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AfterAllowTraffic",
)


def words(plan: Plan) -> list[str]:
    """Each step's event."""
    return [step.event for step in plan.steps]


def test_ecs_without_hooks(scenario_of: ScenarioOf) -> None:
    plan = build_plan(scenario_of("ecs", startup_s=60.0), "CodeDeployDefault.ECSAllAtOnce")

    install, shift, retire = plan.steps
    assert isinstance(install, Launch)
    assert (install.count, install.startup.mean, install.timeout_s) == (10, 60.0, 3600.0)
    assert shift == Shift(weight=1.0)
    assert isinstance(retire, Retire)
    assert (plan.routing, plan.undo, plan.one_target_group) == ("weighted", "reroute", False)


def test_ecs_with_every_hook(scenario_of: ScenarioOf) -> None:
    """In the documented order; only what fails before the installation cannot roll back."""
    scenario = scenario_of("ecs", durations_s=dict.fromkeys(ALL_HOOKS, 5.0))
    plan = build_plan(scenario, "CodeDeployDefault.ECSAllAtOnce")

    assert words(plan) == [
        "BeforeInstall", "Install", "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic",
        "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic", "TERMINATION_WAIT",
    ]  # fmt: skip
    hooks = [step for step in plan.steps if isinstance(step, Lifecycle)]
    assert [step.event for step in hooks if not step.can_roll_back] == ["BeforeInstall"]
    assert plan_strategy(scenario, "CodeDeployDefault.ECSAllAtOnce").duration_s == 25.0
    assert plan.warnings == ()


def test_lambda_has_two_hooks_and_nothing_to_install(scenario_of: ScenarioOf) -> None:
    scenario = scenario_of("lambda", durations_s=dict.fromkeys(ALL_HOOKS, 5.0))
    plan = build_plan(scenario, "CodeDeployDefault.LambdaCanary10Percent5Minutes")

    assert words(plan) == [
        "BeforeAllowTraffic", "AllowTraffic", "canaryInterval", "AllowTraffic", "AfterAllowTraffic",
    ]  # fmt: skip
    assert (plan.undo, plan.desired) == ("flip", 0)
    assert [warning.split()[0] for warning in plan.warnings] == [
        "lifecycle.BeforeInstall",
        "lifecycle.AfterInstall",
        "lifecycle.AfterAllowTestTraffic",
    ]


def test_a_hook_longer_than_its_timeout_fails(scenario_of: ScenarioOf) -> None:
    """W42, as far as a plan can tell: 60 minutes, and no traffic has shifted."""
    scenario = scenario_of("lambda", durations_s={"BeforeAllowTraffic": 1e6})
    result = plan_strategy(scenario, "CodeDeployDefault.LambdaAllAtOnce")

    assert (result.status, result.duration_s) == ("Failed", 3600.0)
    assert result.rows[-1].new_share == 0


@pytest.mark.parametrize(
    ("platform", "name", "kind"),
    [
        ("ecs", "CodeDeployDefault.ECSAllAtOnce", None),
        ("ec2", "CodeDeployDefault.AllAtOnce", "BLUE_GREEN"),
    ],
)
def test_nobody_continues_a_deployment_that_waits(
    planned: Planned, platform: Platform, name: str, kind: str | None
) -> None:
    group = DeploymentGroup(
        ready_action="STOP_DEPLOYMENT", ready_wait_s=1200.0, deployment_type=kind
    )
    result = planned(platform, name, startup_s=60.0, group=group)

    assert Hold(duration_s=1200.0, event="READY_WAIT", stops=True) in result.plan.steps
    assert (result.status, result.duration_s) == ("Stopped", 1260.0)
    assert all(row.new_share == 0 for row in result.rows)
    assert "it stops 20 min after the new fleet is ready" in result.plan.warnings[0]


def test_a_fleet_that_is_kept_alive_is_not_waited_for(planned: Planned) -> None:
    group = DeploymentGroup(terminate_action="KEEP_ALIVE", termination_wait_s=3600.0)
    result = planned("ecs", "CodeDeployDefault.ECSAllAtOnce", group=group)

    assert result.duration_s == 0
    assert result.rows[-1].instances == 20


@pytest.mark.parametrize("platform", ["ecs", "lambda"])
def test_one_step_to_100_is_all_at_once(planned: Planned, platform: Platform) -> None:
    label = {"ecs": "ECS", "lambda": "Lambda"}[platform]
    settings = {"startup_s": 60.0, "reroute_s": 5.0}
    whole = planned(platform, f"CodeDeployDefault.{label}AllAtOnce", **settings)
    steps = planned(platform, {"steps": [{"weight": 100}]}, **settings)

    assert steps.plan.steps == whole.plan.steps
    assert steps.rows == whole.rows
    names = {"family": "", "deployment_config": ""}
    assert replace(steps.plan, **names) == replace(whole.plan, **names)


@pytest.mark.parametrize("platform", ["ec2", "ecs", "lambda"])
def test_steps_end_at_100(planned: Planned, platform: Platform) -> None:
    entry = {"steps": [{"weight": 5, "pause": "10m"}, {"weight": 50, "pause": 600}]}
    plan = planned(platform, entry)

    moves = [step for step in plan.plan.steps if isinstance(step, Shift | Hold)]
    assert moves == [
        Shift(weight=0.05),
        Hold(duration_s=600.0, event="pause"),
        Shift(weight=0.5),
        Hold(duration_s=600.0, event="pause"),
        Shift(weight=1.0),
    ]
    assert plan.duration_s == 1200


def test_a_pause_after_the_last_weight_is_kept(planned: Planned) -> None:
    assert planned("ecs", {"steps": [{"weight": 100, "pause": "5m"}]}).duration_s == 300


@pytest.mark.parametrize(
    ("platform", "entry", "name", "custom"),
    [
        (
            "ecs", {"type": "TimeBasedCanary",
                    "timeBasedCanary": {"canaryPercentage": 20, "canaryInterval": 7}},
            "ECSCanary20Percent7Minutes", True,
        ),
        (
            "lambda", {"type": "TimeBasedLinear",
                       "timeBasedLinear": {"linearPercentage": 25, "linearInterval": 1}},
            "LambdaLinear25PercentEvery1Minute", True,
        ),
        ("ecs", {"type": "AllAtOnce"}, "ECSAllAtOnce", True),
    ],
)  # fmt: skip
def test_an_own_configuration_is_named_after_its_numbers(
    planned: Planned, platform: Platform, entry: dict[str, object], name: str, custom: bool
) -> None:
    plan = planned(platform, {"trafficRoutingConfig": entry}).plan

    assert (plan.deployment_config, plan.custom) == (name, custom)
    given = {"trafficRoutingConfig": entry, "deploymentConfigName": "Mine"}
    assert planned(platform, given).plan.deployment_config == "Mine"
