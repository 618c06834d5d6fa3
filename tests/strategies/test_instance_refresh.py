"""Auto Scaling's instance refresh: bounds, checkpoints, rollback."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratsim.model.plan import Hold
from stratsim.model.scaling import Scale
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult
from stratsim.strategies.instance_refresh import bounds

Planned = Callable[..., PlanResult]
Refusal = Callable[..., str]


def refresh(**preferences: Any) -> dict[str, Any]:
    return {"instanceRefresh": preferences}


@pytest.mark.parametrize(
    ("n", "low", "high", "expected"),
    [
        (10, 90, None, (9, 10)),
        (10, 80, None, (8, 10)),
        (10, 75, None, (8, 10)),  # 7.5 is rounded up
        (10, 0, None, (0, 10)),
        (10, 100, None, (9, 10)),  # one goes first
        (10, 100, 100, (10, 11)),  # one comes first
        (10, 100, 110, (10, 11)),
        (10, 90, 115, (9, 11)),  # 11.5 is rounded down
        (3, 100, 110, (3, 4)),  # 3.3 would leave no room
        (1, 90, None, (0, 1)),
    ],
)
def test_bounds(n: int, low: int, high: int | None, expected: tuple[int, int]) -> None:
    values = {"MinHealthyPercentage": low}
    if high is not None:
        values["MaxHealthyPercentage"] = high

    assert bounds(values, n) == expected


def test_the_rounding_of_the_maximum_is_assumed(planned: Planned) -> None:
    entry = refresh(MinHealthyPercentage=90, MaxHealthyPercentage=115)
    up = {**entry, "assume": {"max_rounding": "up"}}

    assert planned("ec2", entry).plan.steps[0].upper == 11
    assert planned("ec2", up).plan.steps[0].upper == 12


@given(n=st.integers(1, 60), low=st.integers(0, 100), extra=st.integers(0, 100))
def test_a_refresh_of_any_fleet_ends_within_its_bounds(
    planned: Planned, n: int, low: int, extra: int
) -> None:
    high = min(low + extra, 200)
    entry = refresh(MinHealthyPercentage=low, MaxHealthyPercentage=max(high, 100))
    if max(high, 100) - low > 100:
        entry = refresh(MinHealthyPercentage=low)
    result = planned("ec2", entry, n=n, startup_s=60.0)
    step = result.plan.steps[0]

    assert result.status == "Succeeded"
    assert result.rows[-1].new_share == 1
    assert min(row.in_service for row in result.rows) >= step.lower
    # without draining, what runs is what counts against the upper bound
    assert max(row.instances for row in result.rows) <= max(step.upper, n)


def test_the_grace_period_is_the_warm_up_where_none_is_given(planned: Planned) -> None:
    step = planned("ec2", refresh()).plan.steps[0]
    warm = planned("ec2", refresh(InstanceWarmup=90)).plan.steps[0]

    assert isinstance(step, Scale)
    assert isinstance(warm, Scale)
    assert (step.settle_s, warm.settle_s) == (0.0, 90.0)
    assert (step.timeout_s, step.retries) == (3600.0, True)


def test_waits_between_checkpoints_and_a_bake_at_the_end(planned: Planned) -> None:
    entry = refresh(CheckpointPercentages=[30, 60, 100], BakeTime=120)
    steps = planned("ec2", entry).plan.steps

    assert [s.new for s in steps if isinstance(s, Scale)] == [3, 6, 10]
    assert [s.duration_s for s in steps if isinstance(s, Hold)] == [3600.0, 3600.0, 120.0]


def test_rollback_is_off_unless_asked_for(planned: Planned) -> None:
    group = DeploymentGroup(alarm_names=("errors",))
    off = planned("ec2", refresh(), group=group).plan
    on = planned("ec2", refresh(AutoRollback=True), group=group).plan

    assert not off.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM")
    assert on.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM")
    assert on.restore[0].new == 0
    assert on.restore[0].lower == on.minimum_healthy
    assert any(w.startswith("AlarmSpecification is not given") for w in on.warnings)


@pytest.mark.parametrize(
    ("preferences", "message"),
    [
        ({"MinHealthyPercentage": 101}, r"an integer in \[0, 100\]"),
        ({"MaxHealthyPercentage": 99}, r"an integer in \[100, 200\]"),
        (
            {"MinHealthyPercentage": 50, "MaxHealthyPercentage": 151},
            "at most 100 above MinHealthyPercentage 50, but got 151",
        ),
        ({"CheckpointPercentages": [50, 20]}, "in ascending order, each once"),
        ({"CheckpointPercentages": []}, "a list of 1 to 100, but got 0 of them"),
        ({"CheckpointDelay": 60}, "CheckpointPercentages: must be given beside CheckpointDelay"),
        ({"BakeTime": 172_801}, r"\[0, 172800\]"),
        ({"InstanceWarmUp": 60}, "Did you mean 'InstanceWarmup'"),
        ({"AlarmSpecification": {"Alarms": ["errors"]}}, "an alarm under alarms"),
    ],
)
def test_preferences_that_are_refused(
    refusal: Refusal, preferences: dict[str, Any], message: str
) -> None:
    assert re.search(message, refusal("ec2", refresh(**preferences)))
