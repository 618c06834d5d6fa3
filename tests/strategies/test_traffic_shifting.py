"""CodeDeploy's traffic shifting in time: W26-W41, the linear rows of P19, P20's last."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from stratsim.model.scenario import Scenario
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult, plan_strategy

Planned = Callable[..., PlanResult]
Entry = str | dict[str, object]
ECS, LAMBDA = "CodeDeployDefault.ECS", "CodeDeployDefault.Lambda"


def linear(percentage: int, minutes: int) -> dict[str, object]:
    branch = {"linearPercentage": percentage, "linearInterval": minutes}
    return {"trafficRoutingConfig": {"type": "TimeBasedLinear", "timeBasedLinear": branch}}


def canary(percentage: int, minutes: int) -> dict[str, object]:
    branch = {"canaryPercentage": percentage, "canaryInterval": minutes}
    return {"trafficRoutingConfig": {"type": "TimeBasedCanary", "timeBasedCanary": branch}}


def shifts(plan: PlanResult) -> list[tuple[float, float]]:
    """(minute, percent) of every shift."""
    return [
        (row.time_s / 60, round(100 * row.new_share, 9))
        for row in plan.rows
        if row.event == "AllowTraffic"
    ]


def weight_at(plan: PlanResult, minute: float) -> float:
    return [row.new_share for row in plan.rows if row.time_s <= 60 * minute][-1]


def mean_share(plan: PlanResult, minutes: float) -> float:
    """Time average of the new revision's share over the first minutes."""
    ends = [(row.time_s, row.new_share) for row in plan.rows] + [(60 * minutes, 0.0)]
    return sum(
        share * (min(end, 60 * minutes) - begin)
        for (begin, share), (end, _) in pairwise(ends)
        if begin < 60 * minutes
    ) / (60 * minutes)


@pytest.mark.parametrize(
    ("platform", "entry", "expected"),
    [
        pytest.param(
            "ecs",
            f"{ECS}Linear10PercentEvery1Minutes",
            [(k, 10 * (k + 1)) for k in range(10)],
            id="W26",
        ),
        pytest.param(
            "ecs",
            f"{ECS}Linear10PercentEvery3Minutes",
            [(3 * k, 10 * (k + 1)) for k in range(10)],
            id="W27",
        ),
        pytest.param(
            "lambda",
            f"{LAMBDA}Linear10PercentEvery2Minutes",
            [(2 * k, 10 * (k + 1)) for k in range(10)],
            id="W28",
        ),
        pytest.param("lambda", f"{LAMBDA}Canary10Percent30Minutes", [(0, 10), (30, 100)], id="W30"),
        pytest.param("ecs", linear(25, 4), [(0, 25), (4, 50), (8, 75), (12, 100)], id="W32"),
        pytest.param("ecs", linear(33, 5), [(0, 33), (5, 66), (10, 99), (15, 100)], id="W33"),
        pytest.param("lambda", linear(30, 7), [(0, 30), (7, 60), (14, 90), (21, 100)], id="W34"),
    ],
)
def test_shifts(
    planned: Planned, platform: str, entry: Entry, expected: list[tuple[float, float]]
) -> None:
    plan = planned(platform, entry)

    assert shifts(plan) == expected
    assert plan.duration_s == 60 * expected[-1][0]


def test_w27_weight_at_minute_ten(planned: Planned) -> None:
    assert weight_at(planned("ecs", f"{ECS}Linear10PercentEvery3Minutes"), 10) == 0.4


def test_w29_last_shift_at_90_minutes(planned: Planned) -> None:
    plan = planned("lambda", f"{LAMBDA}Linear10PercentEvery10Minutes")

    assert shifts(plan)[-1] == (90, 100)
    assert plan.duration_s == 90 * 60


def test_w31_blue_is_gone_an_hour_after_the_last_shift(planned: Planned) -> None:
    group = DeploymentGroup(termination_wait_s=3600.0)
    plan = planned("ecs", f"{ECS}Canary10Percent5Minutes", group=group)

    assert shifts(plan) == [(0, 10), (5, 100)]
    assert plan.duration_s == 65 * 60
    assert [row.instances for row in plan.rows if row.time_s == 5 * 60][-1] == 20
    assert plan.rows[-1].instances == 10


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(linear(1, 29), id="W36"),
        pytest.param(canary(10, 2880), id="W37"),
        pytest.param(canary(99, 1), id="W38"),
    ],
)
def test_the_last_lawful_value_is_accepted(planned: Planned, entry: Entry) -> None:
    assert planned("ecs", entry).status == "Succeeded"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Linear10PercentEvery1Minutes", id="W39"),
        pytest.param("Canary10Percent5Minutes", id="W40"),
    ],
)
def test_two_ways_to_the_same_mean_exposure(planned: Planned, name: str) -> None:
    """55 % of the first ten minutes' traffic, whichever way."""
    assert mean_share(planned("ecs", ECS + name), 10) == pytest.approx(0.55)


def test_w41_share_until_a_rollback_at_three_and_a_half_minutes(planned: Planned) -> None:
    plan = planned("ecs", f"{ECS}Linear10PercentEvery1Minutes")

    assert weight_at(plan, 3.5) == 0.4
    assert mean_share(plan, 3.5) == pytest.approx(0.8 / 3.5)


@pytest.mark.parametrize(("percentage", "waits"), [(10, 9), (11, 9)])
def test_p19_linear_waits(planned: Planned, percentage: int, waits: int) -> None:
    """10 % every 6 minutes takes 54 minutes; 11 % has nine waits as well."""
    plan = planned("ecs", linear(percentage, 6))

    assert sum(row.event == "linearInterval" for row in plan.rows) == waits
    assert plan.duration_s == 6 * 60 * waits


def test_p20_extra_capacity_of_blue_green(planned: Planned) -> None:
    """Ten tasks, 5 min to start, 15 min baked, 60 min kept: 800 task-minutes more."""
    group = DeploymentGroup(termination_wait_s=3600.0)
    plan = planned("ecs", f"{ECS}Canary10Percent15Minutes", n=10, startup_s=300.0, group=group)

    extra = sum(
        (a.instances - plan.plan.desired) * (b.time_s - a.time_s) for a, b in pairwise(plan.rows)
    )

    assert extra / 60 == 800


def test_a_shift_takes_effect_after_it_is_ordered(planned: Planned) -> None:
    """Intervals count from the orders; the last shift is waited for."""
    plan = planned("ecs", f"{ECS}Canary10Percent5Minutes", reroute_s=7.0)

    assert [(row.time_s, row.new_share) for row in plan.rows if row.event == "AllowTraffic"] == [
        (7.0, 0.1),
        (307.0, 1.0),
    ]
    assert plan.duration_s == 307.0


def test_the_tail_wait_is_a_switch(scenario_of: Callable[..., Scenario]) -> None:
    """SAM's guide counts 100 minutes for a configuration that shifts last at 90."""
    name = f"{LAMBDA}Linear10PercentEvery10Minutes"
    scenario = scenario_of("lambda")
    tailed = replace(scenario, control=replace(scenario.control, linear_tail_wait=True))

    assert plan_strategy(scenario, name).duration_s == 90 * 60
    assert plan_strategy(tailed, name).duration_s == 100 * 60
