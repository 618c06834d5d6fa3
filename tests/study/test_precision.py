"""Runs until intervals are narrow: when it stops, what it says, what its intervals are worth."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from stratsim.comparison import Comparison
from stratsim.comparison.precision import Target, read_targets
from stratsim.errors import InputError
from stratsim.measures import MEASURES
from stratsim.study.precision import compare_until

Study = Callable[[int], Comparison]
ComparisonOf = Callable[..., Comparison]


def target(text: str) -> Target:
    return read_targets(text, MEASURES)[0]


@pytest.fixture
def normal(comparison_of: ComparisonOf) -> Study:
    """Mean 100 and standard deviation exactly 50 in any number of runs."""

    def study(runs: int) -> Comparison:
        shape = np.arange(runs) - (runs - 1) / 2
        return comparison_of(a={"failed_requests": 100 + 50 * shape / shape.std(ddof=1)})

    return study


class TestTargets:
    def test_a_percentage_is_a_share_of_the_value(self) -> None:
        found = target("failed_requests:5%")

        assert (str(found.key), found.limit, found.relative) == ("failed_requests", 0.05, True)

    @pytest.mark.parametrize(
        ("text", "limit"),
        [("missed:0.002", 0.002), ("time_to_detect_s:1m30s", 90.0), ("failed_requests.p95:40", 40)],
    )
    def test_anything_else_is_in_the_measure_s_unit(self, text: str, limit: float) -> None:
        found = target(text)

        assert (found.limit, found.relative) == (limit, False)

    @pytest.mark.parametrize(
        "text",
        [
            "failed_requests",
            "failed_requests:",
            "missed:0",
            "missed:-1%",
            "missed:nan",
            "missed:0.1:2",
        ],
    )
    def test_what_is_no_width_is_refused(self, text: str) -> None:
        with pytest.raises(InputError, match=r"must be KEY:SHARE% of the mean or KEY:VALUE"):
            target(text)

    def test_all_problems_are_told_with_the_nearest_names(self) -> None:
        with pytest.raises(InputError) as caught:
            read_targets(["failed_request:5%", "mised:0.1", "failed_requests.max:5%"], MEASURES)

        first, second, third = map(str, caught.value.problems)
        assert "Did you mean 'failed_requests'?" in first
        assert "Did you mean 'missed'?" in second
        assert "must be a statistic with an interval" in third


class TestStopping:
    def test_takes_the_runs_that_the_formula_asks_for(self, normal: Study) -> None:
        """Half width 1.96 x 50 / sqrt(n) <= 2 from n = 2,401 on."""
        found = compare_until(normal, [target("failed_requests:2%")], 100, 100_000)

        assert found.precision is not None
        assert found.precision.reached
        assert found.replications == found.precision.looks[-1]
        assert 2401 <= found.replications <= 1.25 * 2401
        assert found.precision.widths[0].half_width == pytest.approx(
            1.96 * 50 / math.sqrt(found.replications) / 100, rel=1e-3
        )

    def test_stops_at_once_where_the_first_look_is_narrow(self, normal: Study) -> None:
        found = compare_until(normal, [target("failed_requests:30")], 100, 100_000)

        assert found.precision is not None
        assert found.precision.looks == (100,)

    def test_says_that_it_cannot_be_reached_and_what_it_would_take(self, normal: Study) -> None:
        """0.1 of 100 needs (1.96 x 50 / 0.1)^2 = 960,400 runs."""
        found = compare_until(normal, [target("failed_requests:0.1%")], 100, 5000)

        assert found.precision is not None
        assert not found.precision.reached
        assert found.replications == 5000
        needed = found.precision.widths[0].needed
        assert needed is not None
        assert 960_400 <= needed <= 1.25 * 960_400
        assert "cannot be reached with 5,000 replications" in found.precision.sentences()[0]
        assert f"about {needed:,} would do" in str(found)

    def test_the_widest_strategy_decides(self, comparison_of: ComparisonOf) -> None:
        def study(runs: int) -> Comparison:
            rng = np.random.default_rng(1)
            return comparison_of(
                narrow={"failed_requests": rng.normal(100, 1, runs)},
                wide={"failed_requests": rng.normal(100, 50, runs)},
            )

        found = compare_until(study, [target("failed_requests:5%")], 50, 100_000)

        assert found.precision is not None
        assert found.precision.widths[0].strategy == "wide"
        assert found.replications > 350  # (1.96 x 50 / 5)^2 = 384; sampling moves it a little

    def test_an_outcome_that_never_came_up_is_a_doubt(self, comparison_of: ComparisonOf) -> None:
        def study(runs: int) -> Comparison:
            outcomes = {"healthy": 0.999, "rare": 0.001}
            return comparison_of(a={"failed_requests": [7.0] * runs}, outcomes=outcomes)

        found = compare_until(study, [target("failed_requests:5%")], 100, 400)

        assert found.precision is not None
        assert not found.precision.reached
        assert "outcome 'rare' never came up" in found.precision.sentences()[0]

    def test_a_probability_of_nothing_has_no_relative_width(
        self, comparison_of: ComparisonOf
    ) -> None:
        def study(runs: int) -> Comparison:
            return comparison_of(a={"missed": [False] * runs, "failed_requests": 0.0})

        relative = compare_until(study, [target("missed:5%")], 100, 400).precision
        absolute = compare_until(study, [target("missed:0.005")], 100, 4000).precision

        assert relative is not None
        assert "did not happen in any run" in relative.sentences()[0]
        assert absolute is not None
        assert absolute.reached
        # Wilson's upper end is z^2 / (n + z^2): 0.005 from n = 764.5 on
        assert 765 <= absolute.looks[-1] <= 1.5 * 765

    def test_exact_runs_have_no_width(self, comparison_of: ComparisonOf) -> None:
        made = comparison_of(
            a={"failed_requests": [0.0, 10.0]}, outcomes={"x": 0.5, "y": 0.5}, exact=True
        )

        found = compare_until(lambda _: made, [target("failed_requests:1%")], 2, 10)

        assert found.precision is not None
        assert found.precision.reached

    def test_a_measure_that_never_applies_does_not_stand_in_the_way(
        self, comparison_of: ComparisonOf
    ) -> None:
        def study(runs: int) -> Comparison:
            rng = np.random.default_rng(3)
            return comparison_of(
                blind={"time_to_detect_s": [np.nan] * runs},
                seeing={"time_to_detect_s": rng.normal(180, 10, runs)},
            )

        found = compare_until(study, [target("time_to_detect_s:5s")], 100, 1000).precision

        assert found is not None
        assert found.reached
        assert found.widths[0].strategy == "seeing"


def test_intervals_keep_their_coverage_although_runs_were_added_until_they_were_narrow(
    comparison_of: ComparisonOf,
) -> None:
    """A rare bad outcome with an exponential harm, the case where early stopping hurts.

    Truth: 0.1 x 100. 600 studies; a true coverage of 0.93 falls below 0.90 in one
    of 300 studies, and the seeds are fixed.
    """
    hits = []
    for seed in range(600):

        def study(runs: int, seed: int = seed) -> Comparison:
            rng = np.random.default_rng(seed)
            bad = rng.random(20_000) < 0.1  # drawn whole, so that more runs keep the first
            harm = np.where(bad, rng.exponential(100.0, 20_000), 0.0)[:runs]
            return comparison_of(
                a={"failed_requests": harm},
                outcomes={"healthy": 0.9, "bad": 0.1},
                outcome=bad[:runs].astype(int),
            )

        found = compare_until(study, [target("failed_requests:15%")], 100, 20_000)
        estimate = found.key("failed_requests").estimate(found.samples[0])
        hits.append(estimate.low <= 10.0 <= estimate.high)

    assert np.mean(hits) > 0.90
