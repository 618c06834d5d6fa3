"""Instances that have just joined: slow start and warm-up."""

from collections.abc import Callable
from typing import Any

import pytest

from stratsim.traced import Run

Deploy = Callable[..., Run]
ONE = "CodeDeployDefault.OneAtATime"


def service(**changes: Any) -> dict[str, Any]:
    base = {"instances": 4, "zones": 1, "capacity": 100, "startup": "0s", "drain": "0s"}
    return base | {"latency": {"median": "200ms", "p99": "200ms"}} | changes


def share_at(run: Run, time_s: float) -> float:
    return [row["new_share"] for row in run.document["weights"] if row["time_s"] <= time_s][-1]


def test_a_host_that_joins_others_takes_its_share_little_by_little(deploy: Deploy) -> None:
    """Of four hosts one is new: a quarter in the end, half of its pull after half the time."""
    events = {"AfterAllowTraffic": 600}
    run = deploy("ec2", ONE, service=service(slow_start="4m"), lifecycle=events)

    assert share_at(run, 0) == pytest.approx(0, abs=1e-6)
    assert share_at(run, 120) == pytest.approx(0.5 / 3.5)
    assert share_at(run, 240) == pytest.approx(0.25)
    assert share_at(deploy("ec2", ONE, service=service(), lifecycle=events), 0) == 0.25


def test_hosts_that_all_join_together_do_not_ramp(deploy: Deploy) -> None:
    name = "CodeDeployDefault.AllAtOnce"
    run = deploy("ec2", name, service=service(slow_start="4m"), lifecycle={"Install": 10})

    assert run.document["weights"][-1] == {"time_s": 10, "new_share": 1}


def test_a_second_target_group_does_not_ramp(deploy: Deploy) -> None:
    name = "CodeDeployDefault.ECSCanary10Percent5Minutes"
    slow = deploy("ecs", name, service=service(slow_start="4m"))
    plain = deploy("ecs", name, service=service())

    assert slow.document["weights"] == plain.document["weights"]


def test_first_answers_are_slow(deploy: Deploy) -> None:
    """11 times 0.2 s at first; after 20 s ln 2 it takes half as much more, and so on."""
    warm_up = {"factor": 11, "time": "60s"}
    events = {"AfterAllowTraffic": {"duration": "20m"}}
    name = "CodeDeployDefault.ECSAllAtOnce"
    run = deploy("ecs", name, service=service(warm_up=warm_up), lifecycle=events)
    means = {
        point["time_s"]: point["value"]
        for point in run.document["metrics"]
        if point["metric"] == "TargetResponseTime"
        and point["statistic"] == "Average"
        and point["dimensions"] == {"TargetGroup": "new"}
    }

    # the mean of exp(-t / 60) over the first minute is 1 - 1/e, over the second 1/e of that
    fading = 1 - 2.718281828**-1
    assert means[0] == pytest.approx(0.2 * (1 + 10 * fading), rel=0.02)
    assert means[60] == pytest.approx(0.2 * (1 + 10 * fading / 2.718281828), rel=0.02)
    assert means[900] == pytest.approx(0.2, rel=0.02)
    assert run.outcome["slow_requests"] > 0
    assert deploy("ecs", name, service=service(), lifecycle=events).outcome["slow_requests"] == 0


# -- a target group that fails open --------------------------------------------------------

NEVER = [{"kind": "startup", "probability": 1}]
ALL = "CodeDeployDefault.AllAtOnce"
QUIET = {"deployment_group": {"autoRollbackConfiguration": {"enabled": False}}}
SETTLED = {"on_call": {"respond": "3h", "notice": "3h"}, "control": {"agent_poll": "0s"}}


@pytest.mark.parametrize(("answered", "failed"), [(0.0, 1.0), (0.9, 0.1), (1.0, 0.0)])
def test_unhealthy_targets_get_the_requests_where_there_are_no_others(
    deploy: Deploy, answered: float, failed: float
) -> None:
    """All four hosts fail their checks for the hour that CodeDeploy gives them."""
    check = {"fail_open": answered}
    run = deploy("ec2", ALL, service=service(health_check=check), faults=NEVER, **QUIET, **SETTLED)

    assert run.status == "Failed"
    assert run.outcome["deployment_duration_s"] == 3600
    assert run.outcome["failed_requests"] == pytest.approx(failed * 100 * 3600)
    assert run.outcome["exposed_requests"] == pytest.approx(100 * 3600 if answered else 0)


def test_with_one_healthy_target_nothing_fails_open(deploy: Deploy) -> None:
    entry = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 1}}
    check = {"fail_open": 1.0}
    run = deploy(
        "ec2", entry, service=service(health_check=check), faults=NEVER, **QUIET, **SETTLED
    )

    assert run.outcome["exposed_requests"] == 0
