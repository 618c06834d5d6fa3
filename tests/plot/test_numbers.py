"""The numbers behind the pictures, exactly; then that each picture is drawn."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from stratsim.comparison import Comparison, Key
from stratsim.model.plan import Plan
from stratsim.model.settings import DeploymentGroup
from stratsim.plot import plot_comparison, plot_plan, plot_run, plot_tradeoffs
from stratsim.plot.numbers import (
    Span,
    comparison_points,
    plan_numbers,
    run_numbers,
    unbroken,
)
from stratsim.strategies import FirstStop, TimelineRow

ComparisonOf = Callable[..., Comparison]


@pytest.fixture(autouse=True)
def no_figures_left() -> Iterator[None]:
    yield
    plt.close("all")


def metric(time_s: float, name: str, value: float, side: str = "new") -> dict[str, Any]:
    dimensions = {"TargetGroup": side} if side else {}
    return {
        "time_s": time_s, "namespace": "AWS/ApplicationELB", "metric": name,
        "dimensions": dimensions, "statistic": "Sum", "value": value,
    }  # fmt: skip


@pytest.fixture
def run() -> Any:
    """A canary of 10 % from minute 2 on, stopped by its alarm in minute 9."""
    document = {
        "events": [
            {"time_s": 0, "kind": "status", "detail": "InProgress"},
            {"time_s": 540, "kind": "status", "detail": "Stopped ALARM_ACTIVE"},
            {"time_s": 545, "kind": "rollback", "detail": "all traffic on the old revision"},
        ],
        "weights": [
            {"time_s": 0, "new_share": 0.0},
            {"time_s": 120, "new_share": 0.1},
            {"time_s": 545, "new_share": 0.0},
        ],
        "alarms": [
            {"time_s": 0, "alarm": "5xx", "from": None, "to": "OK"},
            {"time_s": 530, "alarm": "5xx", "from": "OK", "to": "ALARM"},
            {"time_s": 600, "alarm": "5xx", "from": "ALARM", "to": "OK"},
        ],
        "metrics": [
            metric(120, "RequestCount", 200.0),
            metric(120, "HTTPCode_Target_5XX_Count", 10.0),
            metric(180, "RequestCount", 0.0),
            metric(120, "RequestCount", 1000.0, side="old"),
            metric(900, "RequestCount", 1000.0, side="old"),
        ],
    }
    return SimpleNamespace(
        scenario="checkout", strategy="careful", outcome_name="error spike", status="Stopped",
        to_dict=lambda: document,
    )  # fmt: skip


@pytest.fixture
def plan() -> Any:
    row = TimelineRow
    return SimpleNamespace(
        scenario="checkout",
        strategy="careful",
        plan=Plan(
            strategy="careful", family="x", platform="ecs", steps=(), routing="weighted",
            undo="reroute", group=DeploymentGroup(), desired=10,
        ),
        rows=(
            row(time_s=0, end_s=0, event="Created", new_share=0.0, in_service=10),
            row(time_s=0, end_s=90, event="Install", new_share=0.0, in_service=10),
            row(time_s=90, end_s=90, event="AllowTraffic", new_share=0.1, in_service=20),
            row(time_s=390, end_s=390, event="AllowTraffic", new_share=1.0, in_service=20),
            row(time_s=390, end_s=390, event="Succeeded", new_share=1.0, in_service=10),
        ),
        stops=(
            FirstStop(alarm="5xx", time_s=240.0, new_share=0.1, until_s=390.0),
            FirstStop(alarm="blind", time_s=None, new_share=None, until_s=390.0, note="never"),
        ),
    )  # fmt: skip


class TestRun:
    def test_shares_step_until_the_end(self, run: Any) -> None:
        numbers = run_numbers(run)

        assert numbers.share_times == (0, 2, 545 / 60, 10)
        assert numbers.shares == (0.0, 0.1, 0.0, 0.0)

    def test_error_rates_stand_in_the_middle_of_minutes_with_requests(self, run: Any) -> None:
        """The idle minute has no rate, and what lies beyond the end is left out."""
        assert run_numbers(run).errors == {"new": [(2.5, 0.05)], "old": [(2.5, 0.0)]}

    def test_alarm_states_are_spans(self, run: Any) -> None:
        assert run_numbers(run).alarms == {
            "5xx": [Span(0, 530 / 60, "OK"), Span(530 / 60, 10, "ALARM")]
        }

    def test_marks_tell_the_end_and_the_return(self, run: Any) -> None:
        assert run_numbers(run).marks == ((9, "Stopped ALARM_ACTIVE"), (545 / 60, "traffic back"))


class TestPlan:
    def test_one_lane_per_event(self, plan: Any) -> None:
        assert plan_numbers(plan).lanes == {
            "Created": [Span(0, 0, "")],
            "Install": [Span(0, 1.5, "")],
            "AllowTraffic": [Span(1.5, 1.5, ""), Span(6.5, 6.5, "")],
            "Succeeded": [Span(6.5, 6.5, "")],
        }

    def test_an_alarm_may_stop_it_from_its_first_moment_to_the_end(self, plan: Any) -> None:
        assert plan_numbers(plan).alarms == {"5xx": Span(4.0, 6.5, "4m00s"), "blind": None}

    def test_the_fleet_in_service_is_a_share_of_the_desired(self, plan: Any) -> None:
        numbers = plan_numbers(plan)

        assert numbers.in_service == (1.0, 1.0, 2.0, 2.0, 1.0)
        assert numbers.shares == (0.0, 0.0, 0.1, 1.0, 1.0)


class TestComparison:
    def test_points_are_means_with_intervals(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": [10, 30], "deployment_duration_s": 600},
            b={"failed_requests": [40, 40], "deployment_duration_s": 900},
        )
        a, b = comparison_points(comparison, Key("deployment_duration_s"), Key("failed_requests"))

        assert (a.x.value, a.y.value, a.pareto) == (600.0, 20.0, True)
        assert (b.y.low, b.y.high, b.pareto) == (40.0, 40.0, False)


class TestDrawing:
    @pytest.mark.parametrize("draw", [plot_run, plot_plan])
    def test_draws_on_the_axes_it_is_given(
        self, draw: Callable[..., Any], run: Any, plan: Any
    ) -> None:
        _, ax = plt.subplots()
        drawn = draw(run if draw is plot_run else plan, ax=ax)
        ax.figure.canvas.draw()

        assert drawn is ax
        assert len(plt.get_fignums()) == 1

    def test_comparison_draws_on_the_axes_it_is_given(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": [0, 0], "deployment_duration_s": 600},
            same={"failed_requests": [0, 0], "deployment_duration_s": 600},
            far={"failed_requests": [9e5, 8e5], "deployment_duration_s": 900},
            small={"failed_requests": [2, 3], "deployment_duration_s": 900},
            none={"failed_requests": np.nan, "deployment_duration_s": 900},
        )
        _, ax = plt.subplots()
        drawn = plot_comparison(comparison, ax)
        texts = {text.get_text() for text in ax.texts}
        legend = [text.get_text() for text in ax.get_legend().get_texts()]

        assert drawn is ax
        assert texts == {"1, 2", "3", "4"}
        assert legend[0] == "1  a"
        assert legend[-1] == "5  none (not applicable)"
        assert ax.get_yscale() == "symlog"

    def test_of_many_the_pareto_set_is_named(self, comparison_of: ComparisonOf) -> None:
        """30 on a line are all in the set; one that is worse than all is a dot."""
        times = {f"s{n}": {"deployment_duration_s": [60.0 + n]} for n in range(30)}
        line = {
            name: {**one, "failed_requests": [90.0 - n]}
            for n, (name, one) in enumerate(times.items())
        }
        worst = {"deployment_duration_s": [1000.0], "failed_requests": [1000.0]}
        ax = plt.figure().subplots()

        plot_comparison(comparison_of(**line, worst=worst), ax)

        told = [text.get_text() for text in ax.get_legend().get_texts()]
        assert told[:2] == ["1  s0", "2  s1"]
        assert told[-2:] == ["10 more filled", "1 outside of it"]

    def test_a_global_style_is_left_alone(self, comparison_of: ComparisonOf) -> None:
        before = dict(plt.rcParams)
        comparison = comparison_of(
            a={
                "failed_requests": [1, 2],
                "deployment_duration_s": 600,
                "infrastructure_cost_usd": [1, 2],
            }
        )
        plot_tradeoffs(comparison)

        assert dict(plt.rcParams) == before
        assert plt.get_fignums() == []


def test_a_series_is_not_drawn_across_its_gaps() -> None:
    """Five minutes apart, one datapoint a minute late, then two missing."""
    values = [1.0, *[None] * 5, 2.0, *[None] * 14, 3.0, *[None] * 4, 4.0]

    assert unbroken(values, 5) == [[(0, 1.0), (6, 2.0)], [(21, 3.0), (26, 4.0)]]
    assert unbroken([None, None], 1) == []
