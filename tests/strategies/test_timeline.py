"""One battery for every family: what a timeline promises, whatever the strategy."""

import json

import pandas as pd
import pytest

from stratsim.model.scenario import Scenario
from stratsim.strategies import FAMILIES, PlanResult


@pytest.fixture
def result(case: tuple[Scenario, PlanResult]) -> PlanResult:
    return case[1]


def test_every_family_stands_in_the_battery(families_in_battery: set[str]) -> None:
    assert families_in_battery == set(FAMILIES)


def test_weights_begin_at_0_and_end_at_1(result: PlanResult) -> None:
    assert (result.rows[0].event, result.rows[0].new_share) == ("Created", 0)
    assert (result.rows[-1].event, result.rows[-1].new_share) == ("Succeeded", 1)
    assert all(0 <= row.new_share <= 1 for row in result.rows)


def test_shares_never_fall(result: PlanResult) -> None:
    shares = [row.new_share for row in result.rows if row.in_service != 0]

    assert shares == sorted(shares)


def test_rows_are_in_order_of_time(result: PlanResult) -> None:
    times = [row.time_s for row in result.rows]

    assert times == sorted(times)
    assert all(row.end_s >= row.time_s for row in result.rows)
    assert result.duration_s == times[-1]
    assert max(row.end_s for row in result.rows) <= times[-1]


def test_the_fleet_is_whole_again_at_the_end(result: PlanResult) -> None:
    last, plan = result.rows[-1], result.plan
    if plan.platform == "lambda":
        assert (last.in_service, last.instances) == (None, None)
    else:
        assert (last.in_service, last.instances) == (plan.desired, plan.desired)
        assert all(row.in_service <= row.instances for row in result.rows)


def test_capacity_never_falls_below_the_minimum(result: PlanResult) -> None:
    minimum = result.plan.minimum_healthy
    if minimum is not None:
        assert min(row.in_service for row in result.rows) >= minimum


def test_a_timeline_is_made_twice_alike(result: PlanResult) -> None:
    assert PlanResult.of(result.scenario, result.plan) == result


def test_json_and_frame_tell_the_rows(result: PlanResult) -> None:
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    frame = result.to_frame()

    assert document["duration_s"] == result.duration_s
    assert [step["time_s"] for step in document["steps"]] == frame["time_s"].tolist()
    assert [step["new_share"] for step in document["steps"]] == frame["new_share"].tolist()
    assert isinstance(frame, pd.DataFrame)
    assert frame["in_service"].isna().all() == (result.plan.platform == "lambda")


def test_it_prints(result: PlanResult) -> None:
    assert str(result).startswith(result.strategy)
    assert result._repr_html_().count("<tr>") <= 40
