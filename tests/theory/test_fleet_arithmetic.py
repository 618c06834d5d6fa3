"""Batches, waits and extra capacity of whole deployments, against hand arithmetic.

Noise is off, and nothing takes time but what is given.
"""

from collections.abc import Callable
from typing import Any

import pytest

import stratsim

Make = Callable[..., Any]

LINEAR, CANARY = "TimeBasedLinear", "TimeBasedCanary"


def hosts(kind: str, value: int) -> dict[str, Any]:
    return {"name": "it", "minimumHealthyHosts": {"type": kind, "value": value}}


def linear(percentage: int, minutes: int) -> dict[str, Any]:
    rule = {"linearPercentage": percentage, "linearInterval": minutes}
    return {"name": "it", "trafficRoutingConfig": {"type": LINEAR, "timeBasedLinear": rule}}


def canary(percentage: int, minutes: int) -> dict[str, Any]:
    rule = {"canaryPercentage": percentage, "canaryInterval": minutes}
    return {"name": "it", "trafficRoutingConfig": {"type": CANARY, "timeBasedCanary": rule}}


@pytest.mark.parametrize(
    ("fleet", "kind", "value", "at_once", "batches"),
    [
        (9, "FLEET_PERCENT", 40, 5, 2),  # 40 % of 9 is 3.6, so 4 stay
        (9, "HOST_COUNT", 6, 3, 3),
        (10, "HOST_COUNT", 7, 3, 4),  # 10 / 3 rounded up, 5 minutes each: 20 minutes
    ],
)
def test_hosts_change_in_batches_above_the_minimum(
    fleet: int, kind: str, value: int, at_once: int, batches: int, scenario_of: Make
) -> None:
    scenario = scenario_of(
        hosts(kind, value),
        platform="ec2",
        service={"instances": fleet},
        lifecycle={"Install": {"duration": "5m"}},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert run.outcome["min_capacity"] == pytest.approx((fleet - at_once) / fleet)
    assert run.outcome["deployment_duration_s"] == batches * 300
    assert run.outcome["infrastructure_cost_usd"] == 0


@pytest.mark.parametrize(
    ("percentage", "waits", "minutes"),
    [(10, 9, 54), (11, 9, 54), (50, 1, 6), (33, 3, 18), (99, 1, 6)],
)
def test_linear_shifts_wait_between_the_steps_only(
    percentage: int, waits: int, minutes: int, scenario_of: Make
) -> None:
    """Every 6 minutes: 9 waits for 10 %, and 9 for 11 %, whose last step is 12 %."""
    scenario = scenario_of(linear(percentage, 6), noise="expected")

    run = stratsim.simulate(scenario, "it")

    assert run.outcome["deployment_duration_s"] == minutes * 60
    shifts = run.weights[run.weights["new_share"] > 0]
    assert shifts["time_s"].tolist() == [360 * step for step in range(waits + 1)]
    percents = [percentage * step for step in range(1, waits + 1)]
    assert (100 * shifts["new_share"]).tolist() == pytest.approx([*percents, 100])


def test_blue_green_pays_for_two_fleets_until_the_wait_is_over(scenario_of: Make) -> None:
    """10 tasks, 5 minutes to start, 15 to bake, 60 to wait: 800 task-minutes."""
    scenario = scenario_of(
        canary(10, 15),
        service={"startup": "5m"},
        wait_min=60,
        cost={"instance_hour": 1},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(800 / 60)
    assert run.outcome["deployment_duration_s"] == 80 * 60


def test_the_price_of_doubling_ten_tasks(scenario_of: Make) -> None:
    """15 minutes to bake and 10 to wait at $0.04937 an hour (1 vCPU, 2 GB): $0.2057."""
    scenario = scenario_of(
        canary(10, 15), wait_min=10, cost={"instance_hour": 0.04937}, noise="expected"
    )

    run = stratsim.simulate(scenario, "it")

    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(0.2057, abs=5e-5)


def test_a_fleet_changed_in_place_costs_nothing_more(scenario_of: Make) -> None:
    scenario = scenario_of("CodeDeployDefault.HalfAtATime", platform="ec2", noise="expected")

    run = stratsim.simulate(scenario, "CodeDeployDefault.HalfAtATime")

    assert run.outcome["infrastructure_cost_usd"] == 0


def test_ecs_tasks_are_replaced_in_waves(scenario_of: Make) -> None:
    """10 tasks at 100/150 %: five start, then five stop, twice; 90 s each to start."""
    scenario = scenario_of(
        {"name": "it", "ecs": {"minimumHealthyPercent": 100, "maximumPercent": 150}},
        service={"startup": 90},
        cost={"instance_hour": 1},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert run.outcome["deployment_duration_s"] == 180
    assert run.outcome["min_capacity"] == 1
    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(5 * 180 / 3600)
    assert run.weights["new_share"].tolist() == [0, 0.5, 1]


def test_draining_tasks_are_paid_until_they_stop(scenario_of: Make) -> None:
    """10 tasks at 100/200 %: ten start at once, and the old ten drain for 300 s."""
    scenario = scenario_of(
        {"name": "it", "ecs": {"minimumHealthyPercent": 100, "maximumPercent": 200}},
        service={"startup": 60, "drain": 300},
        cost={"instance_hour": 1},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(10 * 360 / 3600)
