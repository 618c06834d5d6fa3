"""Examples that the tools' own pages work through, and shapes pasted as AWS prints them."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

import stratsim
from stratsim.model.scenario import Scenario
from stratsim.traced import Run

Deploy = Callable[..., Run]
ScenarioOf = Callable[..., Scenario]


@pytest.mark.parametrize(("minimum", "at_once"), [(9, 1), (8, 2), (0, 10)])
def test_ten_hosts(scenario_of: ScenarioOf, minimum: int, at_once: int) -> None:
    """CodeDeploy User Guide, instance health: one at a time, two, all."""
    entry = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": minimum}}
    scenario = scenario_of("ec2", entry, lifecycle={"Install": 10})

    assert stratsim.plan(scenario, "it").plan.concurrency == at_once
    run = stratsim.simulate(scenario, "it")
    assert run.outcome["deployment_duration_s"] == 10 * 10 / at_once
    assert run.outcome["min_capacity"] == minimum / 10


@pytest.mark.parametrize(
    ("minimum", "failing", "status"),
    [
        (9, [9], "Succeeded"),  # "the tenth may fail"
        (9, [8], "Failed"),
        (8, [4, 9], "Succeeded"),  # "the second failure may be the last instance"
        (8, [4, 8], "Failed"),  # after the first one only one at a time may go: the tenth waits
    ],
)
def test_the_last_host_may_fail(
    deploy: Deploy, minimum: int, failing: list[int], status: str
) -> None:
    entry = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": minimum}}
    faults = [{"kind": "host", "index": host} for host in failing]

    assert deploy("ec2", entry, faults=faults, lifecycle={"Install": 10}).status == status


def test_three_hundred_hosts_and_fifty_in_each_zone(scenario_of: ScenarioOf) -> None:
    """CodeDeploy User Guide, create a deployment configuration; here of 3 x 150 hosts.

    The fleet can spare 150, a zone 100: 100 and 50 hosts in each, 3600 s apart.
    """
    entry = {
        "deploymentConfigName": "Zonal",
        "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 300},
        "zonalConfig": {
            "monitorDurationInSeconds": 3600,
            "minimumHealthyHostsPerZone": {"type": "HOST_COUNT", "value": 50},
        },
    }
    scenario = scenario_of("ec2", entry, n=450, service={"zones": 3}, lifecycle={"Install": 10})
    run = stratsim.simulate(scenario, "it")
    told = [e for e in run.document["events"] if e["kind"] == "target"]
    begun = [e["time_s"] for e in told if e["detail"].endswith("InProgress")]

    starts = [0, 10, 3620, 3630, 7240, 7250]
    assert [begun.count(start) for start in starts] == [100, 50] * 3
    assert run.outcome["deployment_duration_s"] == 7260 == stratsim.plan(scenario, "it").duration_s


SERVER = {
    "deploymentConfigName": "KeepThreeQuarters",
    "computePlatform": "Server",
    "minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 75},
}
ONE = {
    "deploymentConfigId": "00000000-0000-0000-0000-000000000001",
    "deploymentConfigName": "CodeDeployDefault.OneAtATime",
    "minimumHealthyHosts": {"type": "MOST_CONCURRENCY", "value": 1},
    "createTime": "2014-10-06T00:00:00Z",
    "computePlatform": "Server",
}


@pytest.mark.parametrize(
    ("config", "least", "at_once"), [(SERVER, 9, 3), (ONE, 11, 1)], ids=["custom", "OneAtATime"]
)
def test_a_server_configuration_as_aws_prints_it(
    scenario_of: ScenarioOf, config: dict[str, Any], least: int, at_once: int
) -> None:
    plan = stratsim.plan(scenario_of("ec2", config, n=12), "it").to_dict()

    assert (plan["minimum_healthy"], plan["concurrency"]) == (least, at_once)
    assert plan["deployment_config"] == config["deploymentConfigName"]


def routing(percent: int, minutes: int) -> dict[str, Any]:
    branch = {"canaryPercentage": percent, "canaryInterval": minutes}
    return {"type": "TimeBasedCanary", "timeBasedCanary": branch}


@pytest.mark.parametrize(
    ("name", "percent", "minutes"),
    [
        ("EcsCanary20Percent7Minutes", 20, 7),
        ("CodeDeployDefault.ECSCanary10Percent5Minutes", 10, 5),
    ],
)
def test_a_traffic_configuration_as_aws_prints_it(
    deploy: Deploy, name: str, percent: int, minutes: int
) -> None:
    config = {
        "deploymentConfigName": name,
        "computePlatform": "ECS",
        "trafficRoutingConfig": routing(percent, minutes),
    }
    run = deploy("ecs", config)

    assert run.document["weights"] == [
        {"time_s": 0, "new_share": 0},
        {"time_s": 0, "new_share": percent / 100},
        {"time_s": 60 * minutes, "new_share": 1},
    ]


def test_a_name_of_aws_says_what_aws_says(scenario_of: ScenarioOf) -> None:
    name = "CodeDeployDefault.ECSCanary10Percent5Minutes"
    config = {"deploymentConfigName": name, "trafficRoutingConfig": routing(10, 6)}

    with pytest.raises(stratsim.errors.InputError, match=f"must be what {name} says, or absent"):
        scenario_of("ecs", config)


def test_the_steps_of_argo_rollouts_1411(scenario_of: ScenarioOf) -> None:
    """1, 10 and 30 % for 10 min each, 60 % for 15: 45 min, and 13.1 weight-minutes by then."""
    steps = [
        step
        for percent, seconds in ((1, 600), (10, 600), (30, 600), (60, 900))
        for step in ({"setWeight": percent}, {"pause": {"duration": seconds}})
    ]
    canary = {"steps": steps, "trafficRouting": {"alb": {"ingress": "shop"}}}
    entry = {"argoRollout": {"replicas": 110, "strategy": {"canary": canary}}}
    run = stratsim.simulate(scenario_of("ecs", entry, n=110), "it")
    rows = [(row["time_s"], row["new_share"]) for row in run.document["weights"]]

    assert next(time for time, share in rows if share == 1) == 45 * 60
    exposed = sum(share * (until - time) for (time, share), (until, _) in pairwise(rows))
    assert exposed / 60 == pytest.approx(13.1)


def test_two_tasks_may_stop_before_two_start(deploy: Deploy) -> None:
    """ECS Developer Guide: of four tasks at 50 %; the maximum of 100 % leaves no other way."""
    entry = {"ecs": {"minimumHealthyPercent": 50, "maximumPercent": 100}}
    service = {"instances": 4, "zones": 1, "startup": "60s", "drain": "0s"}
    run = deploy("ecs", entry, service=service)
    told = [e for e in run.document["events"] if e["kind"] == "target"]

    assert [e["detail"].split()[-1] for e in told[:4]] == ["Draining"] * 2 + ["InProgress"] * 2
    assert run.outcome["min_capacity"] == 0.5
