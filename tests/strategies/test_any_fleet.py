"""Fleets of any size under any lawful rule: plans end, and keep their bounds."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stratsim.strategies import PlanResult

Planned = Callable[..., PlanResult]


@given(
    n=st.integers(1, 60),
    percent=st.integers(0, 99),
    zones=st.integers(1, 4),
    per_zone=st.integers(0, 60),
)
def test_in_place(planned: Planned, n: int, percent: int, zones: int, per_zone: int) -> None:
    rule = {"type": "FLEET_PERCENT", "value": percent}
    zonal = {"minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": per_zone}}
    entry = {"minimumHealthyHosts": rule, "zonalConfig": zonal}
    result = planned("ec2", entry, n=n, zones=zones, durations_s={"Install": 60.0})

    low = min(row.in_service for row in result.rows)
    if result.plan.minimum_healthy >= n:
        assert (result.status, low) == ("Failed", n)
    else:
        assert low >= result.plan.minimum_healthy
        assert result.status in ("Succeeded", "Failed")
    if result.status == "Succeeded":
        assert result.rows[-1].new_share == 1
        assert sum(_hosts(row.note) for row in result.rows if row.event == "IN_PLACE") == n


def _hosts(note: str) -> int:
    return int(note.split(maxsplit=1)[0])


@given(n=st.integers(1, 60), low=st.integers(0, 100), high=st.integers(100, 300))
def test_ecs_rolling(planned: Planned, n: int, low: int, high: int) -> None:
    entry = {"ecs": {"minimumHealthyPercent": low, "maximumPercent": high}}
    result = planned("ecs", entry, n=n, startup_s=60.0)
    step = result.plan.steps[0]

    assert min(row.in_service for row in result.rows) >= step.lower
    # Without draining, what runs is what counts against the upper bound.
    assert max(row.instances for row in result.rows) <= max(step.upper, n)
    stuck = step.lower >= n and step.upper <= n
    assert result.status == ("InProgress" if stuck else "Succeeded")
    assert bool(result.plan.warnings) == stuck


@given(
    st.lists(
        st.fixed_dictionaries(
            {"weight": st.floats(0, 100)}, optional={"pause": st.integers(0, 10**6)}
        ),
        min_size=1,
        max_size=20,
    )
)
def test_steps(planned: Planned, steps: list[dict[str, float]]) -> None:
    result = planned("lambda", {"steps": steps})

    assert result.rows[-1].new_share == 1
    assert result.duration_s == sum(step.get("pause", 0) for step in steps)
    assert all(a.time_s <= b.time_s for a, b in pairwise(result.rows))
