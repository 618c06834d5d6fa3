"""What AWS refuses is refused up front, with the limit and its page; quotas raise it."""

from collections.abc import Callable

import pytest

from stratsim.errors import InputError
from stratsim.model.scenario import Scenario
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import LIMITS, PlanResult, build_plan

Planned = Callable[..., PlanResult]
Refusal = Callable[..., str]
ECS = "CodeDeployDefault.ECSAllAtOnce"


def routing(kind: str, percentage: object, interval: object) -> dict[str, object]:
    low = kind.lower()
    branch = {f"{low}Percentage": percentage, f"{low}Interval": interval}
    config = {"type": f"TimeBased{kind}", f"timeBased{kind}": branch}
    return {"trafficRoutingConfig": config}


def hosts(kind: str, value: object, **more: object) -> dict[str, object]:
    return {"minimumHealthyHosts": {"type": kind, "value": value}, **more}


BEYOND = [
    pytest.param(
        "ecs", routing("Canary", 100, 5), "increment_percent",
        "trafficRoutingConfig.timeBasedCanary.canaryPercentage: must be an integer in [1, 99]",
        id="W38",
    ),
    pytest.param(
        "lambda", routing("Linear", 1, 30), "shift_minutes",
        "at most 2880 minutes in all shifts, but got 2970 minutes", id="W35",
    ),
    pytest.param(
        "lambda", routing("Canary", 10, 2881), "shift_minutes",
        "timeBasedCanary.canaryInterval: must be at most 2880 minutes in all shifts, "
        "but got 2881 minutes", id="W37",
    ),
    pytest.param(
        "ec2", hosts("FLEET_PERCENT", 100), "fleet_percent",
        "minimumHealthyHosts.value: must be an integer in [0, 99], but got 100", id="fleet",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "entry", "quota", "message"), BEYOND)
def test_a_limit_is_refused_and_can_be_raised(
    planned: Planned,
    refusal: Refusal,
    platform: str,
    entry: dict[str, object],
    quota: str,
    message: str,
) -> None:
    text = refusal(platform, entry)

    assert message in text
    assert LIMITS[quota].page in text
    assert f"quotas.{quota}" in text
    assert planned(platform, entry, quotas={quota: 10_000})


@pytest.mark.parametrize(
    ("platform", "entry", "group", "quota", "message"),
    [
        (
            "ecs", ECS, DeploymentGroup(termination_wait_s=2881 * 60.0),
            "termination_wait_minutes",
            "terminationWaitTimeInMinutes: must be at most 2880 minutes, but got 2881 minutes",
        ),
        (
            "ecs", ECS, DeploymentGroup(ready_action="STOP_DEPLOYMENT", ready_wait_s=7201 * 60.0),
            "ecs_ready_wait_minutes",
            "waitTimeInMinutes: must be at most 7200 minutes, but got 7201 minutes",
        ),
        (
            "ec2", "CodeDeployDefault.AllAtOnce",
            DeploymentGroup(deployment_type="BLUE_GREEN", ready_wait_s=2881 * 60.0),
            "ec2_ready_wait_minutes",
            "waitTimeInMinutes: must be at most 2880 minutes, but got 2881 minutes",
        ),
    ],
)  # fmt: skip
def test_waits_beyond_the_limit_are_refused(
    planned: Planned,
    refusal: Refusal,
    platform: str,
    entry: str,
    group: DeploymentGroup,
    quota: str,
    message: str,
) -> None:
    text = refusal(platform, entry, group=group)

    assert message in text
    assert LIMITS[quota].page in text
    assert planned(platform, entry, group=group, quotas={quota: 10_000})


def test_a_fleet_of_more_than_a_thousand_instances(scenario_of: Callable[..., Scenario]) -> None:
    name = "CodeDeployDefault.OneAtATime"
    with pytest.raises(InputError, match="at most 1000 EC2 instances, but got 5000"):
        build_plan(scenario_of("ec2", n=5000), name)

    raised = scenario_of("ec2", n=5000, quotas={"instances_per_deployment": 5000})
    assert build_plan(raised, name).concurrency == 1
    # ECS counts tasks otherwise.
    assert build_plan(scenario_of("ecs", n=5000), ECS).desired == 5000


def test_an_in_place_deployment_of_more_than_eight_hours_is_told(planned: Planned) -> None:
    plan = planned("ec2", "CodeDeployDefault.OneAtATime", n=10, durations_s={"Install": 3600.0})

    told = "it would take 10 h, more than 8 h, and fails then: "
    assert plan.plan.warnings == (told + LIMITS["in_place_hours"].hint,)
    assert (plan.status, plan.duration_s) == ("Failed", 8 * 3600)
    assert plan.rows[-1].note.startswith("TIMEOUT")


MALFORMED = [
    ("ecs", {"trafficRoutingConfig": 5}, "trafficRoutingConfig: must be a mapping"),
    ("ecs", {"trafficRoutingConfig": {}}, ".type: must be one of AllAtOnce, TimeBasedCanary"),
    (
        "ecs",
        {"trafficRoutingConfig": {"type": "TimeBasedCanari"}},
        "Did you mean 'TimeBasedCanary'",
    ),
    (
        "ecs",
        {"trafficRoutingConfig": {"type": "TimeBasedCanary"}},
        ".timeBasedCanary: must be a mapping with keys among canaryPercentage, canaryInterval",
    ),
    ("ecs", routing("Canary", 10.5, 5), "must be an integer in [1, 99], but got 10.5"),
    ("ecs", routing("Canary", True, 5), "must be an integer in [1, 99], but got True"),
    ("ecs", routing("Linear", 0, 5), "must be an integer in [1, 99], but got 0"),
    ("ecs", routing("Linear", 10, 0), "linearInterval: must be an integer >= 1, but got 0"),
    ("ec2", hosts("PERCENT", 5), "Did you mean 'FLEET_PERCENT'"),
    ("ec2", hosts("HOST_COUNT", -1), "value: must be an integer >= 0, but got -1"),
    ("ec2", hosts("HOST_COUNT", None), "value: must be an integer >= 0, but got None"),
    (
        "ec2",
        hosts("HOST_COUNT", 1, zonalConfig={"monitorDuration": 5}),
        "zonalConfig.monitorDuration: must be one of .* Did you mean 'monitorDurationInSeconds'",
    ),
    (
        "ec2",
        hosts("HOST_COUNT", 1, zonalConfig={}, deploymentStyle="BLUE_GREEN"),
        "zonalConfig: must be absent in a blue/green deployment",
    ),
    (
        "ec2",
        {"deploymentConfigName": "CodeDeployDefault.AllAtOnce", "zonalConfig": {}},
        "zonalConfig: must be absent beside a predefined configuration",
    ),
    (
        "ec2",
        hosts("HOST_COUNT", 1, deploymentConfigName="CodeDeployDefault.Mine"),
        "deploymentConfigName: must be a name that does not begin with CodeDeployDefault.",
    ),
    (
        "ec2",
        hosts("HOST_COUNT", 1, deploymentConfigName="my config"),
        "deploymentConfigName: must be 1 to 100 characters",
    ),
    (
        "ec2",
        hosts("HOST_COUNT", 1, computePlatform="ECS"),
        "computePlatform: must be Server, as the scenario's platform is ec2, but got 'ECS'",
    ),
    ("ecs", {"ecs": {"minimumHealthyPercent": 101}}, "must be an integer in [0, 100]"),
    ("ecs", {"ecs": {"maximumPercent": 99}}, "maximumPercent: must be an integer >= 100"),
    ("ecs", {"ecs": {"strategy": "CANARI"}}, "ecs.strategy: must be one of ROLLING, BLUE_GREEN"),
    ("ecs", {"ecs": {"alarms": {"alarmNames": "x"}}}, "alarmNames: must be a list of alarm names"),
    (
        "ecs",
        {"ecs": {"deploymentCircuitBreaker": {"enable": "yes"}}},
        "deploymentCircuitBreaker.enable: must be true or false, but got 'yes'",
    ),
    (
        "ecs",
        {"ecs": {"deploymentCircuitBreaker": {"thresholdConfiguration": {"type": "COUNT"}}}},
        "thresholdConfiguration.value: must be an integer >= 1, but got None",
    ),
    ("lambda", {"steps": []}, "steps: must be a list of 1 to 1000 steps"),
    ("lambda", {"steps": [5]}, "steps[0]: must be a mapping with keys among weight, pause"),
    ("lambda", {"steps": [{"weight": 101}]}, "steps[0].weight: must be a percentage in [0, 100]"),
    ("lambda", {"steps": [{"weight": float("nan")}]}, "must be a percentage in [0, 100]"),
    ("lambda", {"steps": [{"weight": True}]}, "must be a percentage in [0, 100], but got True"),
    ("lambda", {"steps": [{"weight": 5, "pause": "soon"}]}, "steps[0].pause: must be a duration"),
    ("lambda", {"steps": [{"weight": 5, "pause": -1}]}, "steps[0].pause: must be a duration"),
    ("lambda", {"steps": [{"weight": 5, "paus": 1}]}, "steps[0].paus: must be one of weight, paus"),
]


@pytest.mark.parametrize(("platform", "entry", "message"), MALFORMED)
def test_a_malformed_configuration_is_told(
    refusal: Refusal, platform: str, entry: dict[str, object], message: str
) -> None:
    text = refusal(platform, entry)

    for part in message.split(" .* "):
        assert part in text


def test_all_problems_come_at_once(refusal: Refusal) -> None:
    text = refusal("lambda", {"steps": [{"weight": -1}, {"weight": 5, "pause": "x"}]})

    assert len(text.splitlines()) == 2
