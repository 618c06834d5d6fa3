"""Strategies side by side, on runs small enough to count by hand."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from stratsim.comparison import Comparison, pareto_front
from stratsim.errors import InputError, UnsupportedError

ComparisonOf = Callable[..., Comparison]
HALF = {"healthy": 0.5, "error spike": 0.5}


@pytest.fixture
def two(comparison_of: ComparisonOf) -> Comparison:
    """Four paired runs of two strategies; runs 2 and 3 meet the error spike."""
    return comparison_of(
        outcomes=HALF,
        outcome=[0, 0, 1, 1],
        fast={
            "failed_requests": [0, 0, 100, 300],
            "time_to_detect_s": [np.nan, np.nan, 60, np.nan],
            "min_capacity": [1.0, 0.9, 0.8, 0.7],
            "deployment_duration_s": 300,
            "infrastructure_cost_usd": 1.0,
            "rollback": [False, False, True, False],
            "missed": [False, False, False, True],
        },
        careful={
            "failed_requests": [0, 0, 20, 60],
            "time_to_detect_s": [np.nan, np.nan, 60, 180],
            "min_capacity": [1.0, 1.0, 1.0, 1.0],
            "deployment_duration_s": 1200,
            "infrastructure_cost_usd": 1.0,
            "rollback": [False, False, True, True],
        },
    )


class TestDocument:
    def test_has_the_keys_of_the_contract(self, two: Comparison) -> None:
        document = two.to_dict()

        assert set(document) == {
            "schema_version", "scenario", "seed", "replications", "engine",
            "strategies", "pareto", "provenance",
        }  # fmt: skip
        assert [entry["strategy"] for entry in document["strategies"]] == ["fast", "careful"]
        assert set(document["strategies"][0]) == {
            "strategy", "measures", "probabilities", "by_outcome",
        }  # fmt: skip

    def test_means_and_counts_by_hand(self, two: Comparison) -> None:
        fast = two.to_dict()["strategies"][0]

        assert fast["measures"]["failed_requests"]["mean"] == 100.0
        assert fast["measures"]["failed_requests"]["count"] == 4
        assert fast["probabilities"]["missed"]["mean"] == 0.25

    def test_one_value_has_no_interval_and_none_is_null(self, two: Comparison) -> None:
        fast = two.to_dict()["strategies"][0]
        detect = fast["measures"]["time_to_detect_s"]
        healthy = fast["by_outcome"]["healthy"]["measures"]["time_to_detect_s"]

        assert (detect["mean"], detect["ci_low"], detect["count"]) == (60.0, None, 1)
        assert (healthy["mean"], healthy["p95"], healthy["count"]) == (None, None, 0)

    def test_by_outcome_is_conditional(self, two: Comparison) -> None:
        spike = two.to_dict()["strategies"][0]["by_outcome"]["error spike"]

        assert spike["replications"] == 2
        assert spike["measures"]["failed_requests"]["mean"] == 200.0
        assert spike["probabilities"]["rollback"]["mean"] == 0.5

    def test_the_worst_of_min_capacity_is_the_lowest(self, two: Comparison) -> None:
        fast = two.to_dict()["strategies"][0]

        assert fast["measures"]["min_capacity"]["cvar95"] == pytest.approx(0.7)

    def test_an_outcome_that_never_came_up_is_told_as_such(
        self, comparison_of: ComparisonOf
    ) -> None:
        comparison = comparison_of(outcomes=HALF, outcome=[0, 0], fast={"failed_requests": [0, 1]})
        spike = comparison.to_dict()["strategies"][0]["by_outcome"]["error spike"]

        assert spike["replications"] == 0
        assert spike["measures"]["failed_requests"]["mean"] is None
        assert spike["probabilities"]["missed"] == {"mean": None, "ci_low": None, "ci_high": None}

    def test_is_json_without_nan(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            a={"failed_requests": [np.inf, np.nan], "slow_requests": [np.nan, np.nan]}
        )

        json.dumps(comparison.to_dict(), allow_nan=False)

    def test_enumerated_outcomes_have_no_sampling_error(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            outcomes={"healthy": 0.97, "leak": 0.03},
            exact=True,
            a={"failed_requests": [0, 1000], "missed": [False, True]},
        )
        entry = comparison.to_dict()["strategies"][0]
        failed = entry["measures"]["failed_requests"]

        assert (failed["ci_low"], failed["ci_high"]) == pytest.approx((30.0, 30.0))
        assert (failed["p50"], failed["p95"], failed["p99"]) == (0.0, 0.0, 1000.0)
        assert entry["probabilities"]["missed"]["ci_high"] == pytest.approx(0.03)


class TestPareto:
    def test_keeps_what_nobody_beats_everywhere(self) -> None:
        points = {"safe": [1, 9, 2], "fast": [9, 1, 2], "worse": [9, 2, 2], "cheap": [9, 9, 1]}

        assert pareto_front(points) == ["safe", "fast", "cheap"]

    def test_equal_points_stay_together(self) -> None:
        assert pareto_front({"a": [1, 1], "b": [1, 1]}) == ["a", "b"]

    def test_what_is_not_known_counts_as_the_worst(self) -> None:
        assert pareto_front({"a": [1, None], "b": [1, 5.0], "c": [0, None]}) == ["b", "c"]

    def test_of_the_comparison(self, two: Comparison) -> None:
        assert two.pareto == ("fast", "careful")


class TestFrames:
    def test_table_is_numbers_by_strategy(self, two: Comparison) -> None:
        table = two.table()

        assert list(table.index) == ["fast", "careful"]
        assert table.loc["fast", "failed_requests"] == 100.0
        assert table.loc["fast", "failed_requests_low"] < 100.0
        assert table.loc["careful", "failed_requests_p95"] == 60.0
        assert "only 4 runs" in table.loc["fast", "diagnosis"]
        assert bool(table.loc["fast", "pareto"])

    def test_long_frame_has_one_number_per_row(self, two: Comparison) -> None:
        frame = two.to_frame()
        keys = ["strategy", "outcome", "measure", "statistic"]
        row = frame.set_index(keys).loc[("fast", "error spike", "failed_requests", "mean")]

        assert not frame.duplicated(keys).any()
        assert (row["value"], row["unit"]) == (200.0, "requests")
        assert frame["value"].dtype == np.float64

    def test_long_frame_bounds_quantiles(self, comparison_of: ComparisonOf) -> None:
        frame = comparison_of(a={"failed_requests": np.arange(1, 101)}).to_frame()
        found = frame[frame.measure == "failed_requests"].set_index("statistic").value

        assert (found["p50_low"].item(), found["p50_high"].item()) == (40.0, 61.0)

    def test_differences_are_paired(self, two: Comparison) -> None:
        frame = two.differences("fast").set_index("measure")
        failed, detect = frame.loc["failed_requests"], frame.loc["time_to_detect_s"]

        assert list(frame.strategy.unique()) == ["careful"]
        assert (failed.difference, failed.p_worse, failed.p_equal) == (-80.0, 0.0, 0.5)
        assert (detect.difference, detect["count"]) == (0.0, 1)
        assert math.isnan(detect.ci_low)

    def test_differences_know_which_way_is_worse(self, two: Comparison) -> None:
        frame = two.differences("careful").set_index("measure")

        assert frame.loc["min_capacity", "p_worse"] == 0.75

    def test_differences_of_chosen_statistics(self, two: Comparison) -> None:
        frame = two.differences("fast", measures=["failed_requests.p95", "missed"])

        assert list(frame.measure) == ["failed_requests.p95", "missed"]
        assert list(frame.difference) == [-240.0, -0.25]

    def test_one_strategy_has_no_differences(self, comparison_of: ComparisonOf) -> None:
        frame = comparison_of(a={"failed_requests": [1, 2]}).differences("a")

        assert frame.empty
        assert "variance_ratio" in frame

    def test_an_unknown_reference_names_the_nearest(self, two: Comparison) -> None:
        with pytest.raises(InputError, match="Did you mean 'careful'"):
            two.differences("carefull")

    def test_an_unknown_measure_names_the_nearest(self, two: Comparison) -> None:
        with pytest.raises(InputError, match="Did you mean 'failed_requests'"):
            two.differences("fast", measures=["failed_request"])


class TestDiagnosis:
    def test_many_even_runs_are_not_doubted(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(a={"failed_requests": np.arange(100, 200)})

        assert comparison.diagnosis("a") == ()

    def test_a_mean_that_rests_on_few_runs(self, comparison_of: ComparisonOf) -> None:
        values = np.where(np.arange(200) < 5, 1000, 0)

        (doubt,) = comparison_of(a={"failed_requests": values}).diagnosis("a")

        assert doubt.startswith("failed_requests rests on fewer than 10 runs")

    def test_an_outcome_that_never_came_up(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(
            outcomes={"healthy": 0.999, "rare": 0.001}, a={"failed_requests": np.ones(100)}
        )

        assert "outcome 'rare' (probability 0.1%) never came up" in comparison.diagnosis("a")

    def test_few_of_few_runs_are_told_by_their_number(self, comparison_of: ComparisonOf) -> None:
        """Not as fewer than 30 of 4."""
        values = [60.0, float("nan"), float("nan"), 90.0]
        doubts = comparison_of(a={"time_to_detect_s": values}).diagnosis("a")

        assert "time_to_detect_s applies in fewer than 4 of 4 runs" in doubts

    def test_exact_runs_are_not_doubted(self, comparison_of: ComparisonOf) -> None:
        comparison = comparison_of(outcomes=HALF, exact=True, a={"failed_requests": [0, 1]})

        assert comparison.diagnosis("a") == ()


class TestPrinting:
    def test_text_shows_means_with_intervals(self, two: Comparison) -> None:
        text = str(two)

        assert "checkout: 2 strategies, 4 replications, seed 7, engine des" in text
        assert "fast *" in text
        assert "[0, 325]" in text
        assert "Look out: all strategies: only 4 runs" in text
        assert max(map(len, text.splitlines())) <= 140

    def test_one_strategy_and_one_run_have_no_plural(self, comparison_of: ComparisonOf) -> None:
        text = str(comparison_of(a={"failed_requests": [1]}))

        assert text.startswith("checkout: 1 strategy, 1 replication, seed 7, engine des")
        assert "Look out: a: only 1 run: intervals are rough." in text

    def test_the_exact_engine_makes_no_replications(self, two: Comparison) -> None:
        assert " 4 worlds, seed 7, engine exact" in str(replace(two, engine="exact"))

    def test_predefined_names_lose_their_prefix(self, comparison_of: ComparisonOf) -> None:
        name = "CodeDeployDefault.ECSAllAtOnce"
        text = str(comparison_of(**{name: {"failed_requests": [1, 2]}}))

        assert "\nECSAllAtOnce *" in text
        assert "CodeDeployDefault. is left out" in text

    def test_html_escapes_what_the_user_wrote(self, comparison_of: ComparisonOf) -> None:
        html = comparison_of(**{"<b>x</b>": {"failed_requests": [1, 2]}})._repr_html_()

        assert "&lt;b&gt;x&lt;/b&gt;" in html
        assert "<b>x</b>" not in html


class TestExactRows:
    """Two strategies whose ways to end differ in number and probability."""

    @staticmethod
    def two(comparison_of: ComparisonOf) -> tuple[Comparison, Comparison]:
        return (
            comparison_of(
                outcomes={"a": 0.25, "b": 0.75}, exact=True, one={"failed_requests": [40.0, 0.0]}
            ),
            comparison_of(
                outcomes={"a": 0.5, "b": 0.25, "c": 0.25}, exact=True,
                other={"failed_requests": [0.0, 4.0, 8.0]},
            ),
        )  # fmt: skip

    def test_means_are_subtracted(self, comparison_of: ComparisonOf) -> None:
        """0.25 x 40 less 0.25 x 4 + 0.25 x 8 is 7; nothing says how often one is worse."""
        one, other = self.two(comparison_of)

        found = one.key("failed_requests").difference(one.samples[0], other.samples[0])

        estimate = found.estimate
        assert (estimate.value, estimate.low, estimate.high) == (7.0, 7.0, 7.0)
        assert math.isnan(found.worse)
        assert not found.identical

    def test_drawn_runs_that_do_not_pair_are_refused(self, comparison_of: ComparisonOf) -> None:
        few, many = (
            comparison_of(a={"failed_requests": [1.0] * runs}).samples[0] for runs in (3, 4)
        )

        with pytest.raises(UnsupportedError, match="need runs in the same worlds"):
            comparison_of(a={"failed_requests": [1.0]}).key("failed_requests").difference(few, many)
