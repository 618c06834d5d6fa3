"""The worked numbers of CodeDeploy and of ECS, on the public API with noise off.

Each test bears the numbers it holds; hosts are counted from 0 in the order in
which they are tried, so "the 9th fails" is a fault of host 8.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

import stratsim
from stratsim.model.scenario import Scenario
from stratsim.traced import Run

Deploy = Callable[..., Run]
ScenarioOf = Callable[..., Scenario]

NAME = "CodeDeployDefault."
HALF, ONE, ALL = (NAME + name for name in ("HalfAtATime", "OneAtATime", "AllAtOnce"))
_TARGET = re.compile(r"(host \d+).* (InProgress|Succeeded|Failed)")


def minimum(kind: str, value: int) -> dict[str, Any]:
    return {"minimumHealthyHosts": {"type": kind, "value": value}}


def failing(*hosts: int) -> list[dict[str, Any]]:
    return [{"kind": "host", "index": host} for host in hosts]


def targets(run: Run) -> Iterator[tuple[float, str, str]]:
    """(seconds, host, status) of everything that CodeDeploy tells of its targets."""
    for event in run.document["events"]:
        found = _TARGET.fullmatch(event["detail"])
        if event["kind"] == "target" and found:
            yield event["time_s"], found[1], found[2]


def with_status(run: Run, status: str) -> list[str]:
    return [host for _, host, found in targets(run) if found == status]


def most_at_once(run: Run) -> int:
    flying = most = 0
    for _, _, status in targets(run):
        flying += 1 if status == "InProgress" else -1
        most = max(most, flying)
    return most


def no_rollback() -> dict[str, Any]:
    return {"deployment_group": {"autoRollbackConfiguration": {"enabled": False}}}


# -- 8.1 Server configurations ------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "entry", "least", "at_once"),
    [
        pytest.param(9, minimum("FLEET_PERCENT", 75), 7, 2, id="W1"),
        pytest.param(9, minimum("HOST_COUNT", 6), 6, 3, id="W2"),
        pytest.param(9, minimum("FLEET_PERCENT", 40), 4, 5, id="W3"),
        pytest.param(10, minimum("FLEET_PERCENT", 85), 9, 1, id="W5"),
        pytest.param(4, minimum("FLEET_PERCENT", 75), 3, 1, id="W6"),
        pytest.param(9, HALF, 5, 4, id="W7"),
        pytest.param(7, minimum("FLEET_PERCENT", 66), 5, 2, id="W16"),
        pytest.param(3, HALF, 2, 1, id="W17"),
        pytest.param(2, HALF, 1, 1, id="W18"),
        pytest.param(100, minimum("FLEET_PERCENT", 99), 99, 1, id="W20"),
        pytest.param(1000, ONE, 999, 1, id="W21 OneAtATime"),
        pytest.param(1000, minimum("FLEET_PERCENT", 99), 990, 10, id="W21 custom"),
    ],
)
def test_minimum_and_concurrency(
    scenario_of: ScenarioOf, n: int, entry: Any, least: int, at_once: int
) -> None:
    scenario = scenario_of("ec2", entry, n=n, lifecycle={"Install": 10})
    plan = stratsim.plan(scenario, scenario.strategies[0].name).to_dict()
    run = stratsim.simulate(scenario, scenario.strategies[0].name)

    assert (plan["minimum_healthy"], plan["concurrency"]) == (least, at_once)
    assert most_at_once(run) == at_once
    assert run.status == "Succeeded"
    assert run.outcome["min_capacity"] == pytest.approx(least / n)


@pytest.mark.parametrize(
    ("n", "entry", "failures", "status"),
    [
        # the fewest successes that are enough, and one less
        pytest.param(9, minimum("FLEET_PERCENT", 75), [7, 8], "Succeeded", id="W1"),
        pytest.param(9, minimum("FLEET_PERCENT", 75), [6, 7, 8], "Failed", id="W1 one more"),
        pytest.param(9, minimum("HOST_COUNT", 6), [6, 7, 8], "Succeeded", id="W2"),
        pytest.param(9, minimum("HOST_COUNT", 6), [5, 6, 7, 8], "Failed", id="W2 one more"),
        pytest.param(9, minimum("FLEET_PERCENT", 40), [5, 6, 7, 8], "Succeeded", id="W3"),
        pytest.param(9, minimum("FLEET_PERCENT", 40), [3, 5, 6, 7, 8], "Succeeded", id="W3 five"),
        pytest.param(10, minimum("FLEET_PERCENT", 85), [4], "Failed", id="W5"),
        pytest.param(10, minimum("FLEET_PERCENT", 85), [9], "Succeeded", id="W5 the last"),
        pytest.param(9, HALF, [5, 6, 7, 8], "Succeeded", id="W7"),
        pytest.param(9, HALF, [4, 5, 6, 7, 8], "Failed", id="W7 one more"),
        pytest.param(9, ALL, range(8), "Succeeded", id="W8"),
        pytest.param(9, ALL, range(9), "Failed", id="W9"),
        pytest.param(9, ONE, [8], "Succeeded", id="W10"),
        pytest.param(1, ONE, [0], "Failed", id="W12"),
        pytest.param(10, minimum("HOST_COUNT", 0), range(9), "Succeeded", id="W15"),
        pytest.param(3, HALF, [2], "Succeeded", id="W17"),
        pytest.param(2, HALF, [1], "Succeeded", id="W18"),
    ],
)
def test_how_many_may_fail(
    deploy: Deploy, n: int, entry: Any, failures: Sequence[int], status: str
) -> None:
    run = deploy("ec2", entry, n=n, faults=failing(*failures), lifecycle={"Install": 10})

    assert run.status == status
    assert run.document["error_code"] == (None if status == "Succeeded" else "HEALTH_CONSTRAINTS")


@pytest.mark.parametrize(
    ("n", "percent"), [pytest.param(10, 95, id="W4"), pytest.param(99, 99, id="W19")]
)
def test_a_minimum_of_the_whole_fleet_fails_at_once(
    scenario_of: ScenarioOf, n: int, percent: int
) -> None:
    scenario = scenario_of("ec2", minimum("FLEET_PERCENT", percent), n=n)
    plan, run = stratsim.plan(scenario, "it"), stratsim.simulate(scenario, "it")

    assert plan.status == run.status == "Failed"
    assert plan.duration_s == run.outcome["deployment_duration_s"] == 0
    assert run.document["error_code"] == "HEALTH_CONSTRAINTS_INVALID"
    assert not list(targets(run))
    assert run.outcome["min_capacity"] == 1


def test_w11_the_eighth_of_nine_fails(deploy: Deploy) -> None:
    run = deploy("ec2", ONE, n=9, faults=failing(7), lifecycle={"Install": 10}, **no_rollback())

    assert run.status == "Failed"
    assert len(with_status(run, "InProgress")) == 8
    assert len(with_status(run, "Succeeded")) == 7
    assert run.document["weights"][-1]["new_share"] == pytest.approx(7 / 8)


def test_w13_the_second_failure_finds_hosts_waiting(deploy: Deploy) -> None:
    entry = minimum("HOST_COUNT", 8)
    run = deploy("ec2", entry, faults=failing(2, 5), lifecycle={"Install": 10}, **no_rollback())

    assert (run.status, run.document["error_code"]) == ("Failed", "HEALTH_CONSTRAINTS")
    assert with_status(run, "Failed") == ["host 2", "host 5"]
    assert len(with_status(run, "InProgress")) == 6


def test_w14_the_second_failure_is_the_last_host(deploy: Deploy) -> None:
    run = deploy(
        "ec2", minimum("HOST_COUNT", 8), faults=failing(2, 9), lifecycle={"Install": 10}
    )

    assert run.status == "Succeeded"
    assert len(with_status(run, "Succeeded")) == 8


def test_w22_the_whole_first_window_fails(deploy: Deploy) -> None:
    run = deploy("ec2", HALF, n=9, faults=failing(0, 1, 2, 3), **no_rollback())

    assert run.status == "Failed"
    assert len(with_status(run, "InProgress")) == 4
    assert not with_status(run, "Succeeded")


UNHEALTHY = [{"index": 3, "healthy": False}, {"index": 7, "healthy": False}]


def test_w23_unhealthy_hosts_go_first(scenario_of: ScenarioOf) -> None:
    scenario = scenario_of(
        "ec2", minimum("HOST_COUNT", 8), hosts=UNHEALTHY, lifecycle={"Install": 10}
    )
    run, plan = stratsim.simulate(scenario, "it"), stratsim.plan(scenario, "it")
    begun = [(time, host) for time, host, status in targets(run) if status == "InProgress"]

    assert [host for _, host in begun[:2]] == ["host 3", "host 7"]
    assert [time for time, _ in begun] == [0, 0, 10, 10, 20, 20, 30, 30, 40, 40]
    assert run.status == "Succeeded"
    assert plan.duration_s == run.outcome["deployment_duration_s"] == 50


def test_w23_when_both_fail_no_healthy_host_is_touched(deploy: Deploy) -> None:
    run = deploy(
        "ec2", minimum("HOST_COUNT", 8), hosts=UNHEALTHY, faults=failing(3, 7), **no_rollback()
    )

    assert (run.status, run.document["error_code"]) == ("Failed", "HEALTH_CONSTRAINTS")
    assert with_status(run, "InProgress") == ["host 3", "host 7"]
    assert run.document["weights"] == [{"time_s": 0, "new_share": 0}]


def test_w24_half_at_a_time_knows_no_borders_of_groups(deploy: Deploy) -> None:
    """All ten of one Auto Scaling group leave together; ten of twenty successes are enough."""
    hosts = [{"index": i, "group": "one" if i < 10 else "two"} for i in range(20)]
    run = deploy("ec2", HALF, n=20, hosts=hosts, faults=failing(*range(10, 20)))
    told = [event["detail"] for event in run.document["events"] if event["kind"] == "target"]

    assert most_at_once(run) == 10
    assert all(detail.endswith(" of one InProgress") for detail in told[:10])
    assert run.status == "Succeeded"
    assert deploy("ec2", HALF, n=20, faults=failing(0, *range(10, 20))).status == "Failed"


ZONAL = {
    **minimum("HOST_COUNT", 6),
    "zonalConfig": {
        "firstZoneMonitorDurationInSeconds": 900,
        "monitorDurationInSeconds": 300,
        "minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": 50},
    },
}


def test_w25_zone_by_zone(scenario_of: ScenarioOf) -> None:
    scenario = scenario_of(
        "ec2", ZONAL, n=12, lifecycle={"Install": 300},
        service={"instances": 12, "zones": 3, "startup": "0s", "drain": "0s"},
    )  # fmt: skip
    run, plan = stratsim.simulate(scenario, "it"), stratsim.plan(scenario, "it")
    begun = [time / 60 for time, _, status in targets(run) if status == "InProgress"]

    assert begun == [0, 0, 5, 5, 25, 25, 30, 30, 40, 40, 45, 45]
    assert run.outcome["deployment_duration_s"] == plan.duration_s == 50 * 60


W73 = {"BlockTraffic": 300, "Install": 60, "AllowTraffic": 30}


@pytest.mark.parametrize("batches", ["sliding_window", "barrier"])
@pytest.mark.parametrize(
    ("n", "entry", "seconds"),
    [
        pytest.param(10, minimum("HOST_COUNT", 8), 1950, id="W73"),
        pytest.param(9, HALF, 1170, id="W74"),
    ],
)
def test_durations_in_place(
    scenario_of: ScenarioOf, n: int, entry: Any, seconds: int, batches: str
) -> None:
    control = {"agent_poll": "0s", "batches": batches}
    scenario = scenario_of("ec2", entry, n=n, lifecycle=W73, control=control)
    name = scenario.strategies[0].name

    assert stratsim.plan(scenario, name).duration_s == seconds
    run = stratsim.simulate(scenario, name)
    assert run.outcome["deployment_duration_s"] == pytest.approx(seconds)
