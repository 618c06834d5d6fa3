"""ECS rolling updates: W43-W51 and the deployment alarms of ECS."""

from collections.abc import Callable

import pytest

from stratsim.model.plan import Replace
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult
from stratsim.strategies.ecs_rolling import bounds, breaker_threshold

Planned = Callable[..., PlanResult]


def rolling(low: int, high: int, **more: object) -> dict[str, object]:
    return {"ecs": {"minimumHealthyPercent": low, "maximumPercent": high, **more}}


@pytest.mark.parametrize(
    ("desired", "low", "high", "lower", "upper"),
    [
        pytest.param(10, 50, 200, 5, 20, id="W43"),
        pytest.param(4, 50, 100, 2, 4, id="W44"),
        pytest.param(2, 75, 100, 2, 2, id="W45"),
        pytest.param(4, 100, 200, 4, 8, id="W46"),
        pytest.param(3, 100, 125, 3, 3, id="W47"),
        pytest.param(10, 100, 150, 10, 15, id="W48"),
        pytest.param(5, 90, 110, 5, 5, id="W49"),
    ],
)
def test_bounds(desired: int, low: int, high: int, lower: int, upper: int) -> None:
    values = {"minimumHealthyPercent": low, "maximumPercent": high}

    assert bounds(values, desired) == (lower, upper)


@pytest.mark.parametrize(
    ("desired", "threshold"),
    [(1, 3), (25, 13), (400, 200), (800, 200), (6, 3), (7, 4), (399, 200), (10, 5)],
)
def test_the_circuit_breaker_s_threshold(desired: int, threshold: int) -> None:
    """W50-W52."""
    assert breaker_threshold({"deploymentCircuitBreaker": {"enable": True}}, desired) == threshold


@pytest.mark.parametrize(
    ("kind", "value", "threshold"),
    [("COUNT", 7, 7), ("BOUNDED_PERCENT", 1, 3), ("UNBOUNDED_PERCENT", 1, 2)],
)
def test_the_newer_thresholds(kind: str, value: int, threshold: int) -> None:
    breaker = {"enable": True, "thresholdConfiguration": {"type": kind, "value": value}}

    assert breaker_threshold({"deploymentCircuitBreaker": breaker}, 200) == threshold


def test_no_circuit_breaker_unless_enabled() -> None:
    assert breaker_threshold({}, 10) is None
    assert breaker_threshold({"deploymentCircuitBreaker": {"enable": False}}, 10) is None


@pytest.mark.parametrize(
    ("desired", "low", "high"),
    [
        pytest.param(2, 75, 100, id="W45"),
        pytest.param(3, 100, 125, id="W47"),
        pytest.param(5, 90, 110, id="W49"),
    ],
)
def test_a_stuck_deployment_is_told_and_never_ends(
    planned: Planned, desired: int, low: int, high: int
) -> None:
    result = planned("ecs", rolling(low, high), n=desired)

    assert isinstance(result.plan.steps[0], Replace)
    assert "the deployment is stuck" in result.plan.warnings[0]
    assert (result.status, result.duration_s) == ("InProgress", None)
    assert "never ends" in str(result)


def test_w48_two_waves_of_five(planned: Planned) -> None:
    """Five more start, five leave as they are healthy, and once again."""
    result = planned("ecs", rolling(100, 150), n=10, startup_s=60.0, drain_s=30.0)

    waves = [(row.time_s, row.note) for row in result.rows if row.event == "ROLLING"]
    assert waves == [
        (0, "5 tasks start, 0 stop"),
        (60, "5 tasks start, 5 stop"),
        (120, "0 tasks start, 5 stop"),
    ]
    assert min(row.in_service for row in result.rows) == 10
    assert max(row.in_service for row in result.rows) == 10
    assert result.duration_s == 150


def test_w44_two_stop_before_two_start(planned: Planned) -> None:
    result = planned("ecs", rolling(50, 100), n=4, startup_s=60.0)

    assert [row.note for row in result.rows if row.event == "ROLLING"] == [
        "2 tasks start, 2 stop",
        "2 tasks start, 2 stop",
    ]
    assert [(row.time_s, row.in_service) for row in result.rows if row.batch] == [(0, 2), (60, 2)]


def test_defaults_are_those_of_a_replica_service(planned: Planned) -> None:
    step = planned("ecs", {"ecs": {}}, n=10).plan.steps[0]

    assert isinstance(step, Replace)
    assert (step.lower, step.upper, step.breaker) == (10, 20, None)


def test_the_bake_time_follows_the_last_task(planned: Planned) -> None:
    result = planned("ecs", rolling(100, 200, bakeTimeInMinutes=10), startup_s=60.0)

    assert result.duration_s == 60 + 600


def test_ecs_alarms_take_the_place_of_the_group_s(planned: Planned) -> None:
    group = DeploymentGroup(
        alarm_names=("a",), rollback_events=("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM")
    )
    alarms = {"alarmNames": ["b"], "enable": True, "rollback": False}
    own = planned("ecs", rolling(100, 200, alarms=alarms), group=group).plan
    given = planned("ecs", rolling(100, 200), group=group).plan

    assert own.group.alarm_names == ("b",)
    assert not own.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM")
    assert own.warnings == ()
    assert given.group is group
    assert "alarms of deployment_group are watched instead" in given.warnings[0]
