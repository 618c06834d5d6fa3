"""Estimates against published numbers, hand counts and coverage by simulation.

Coverage tests draw studies from a distribution whose truth is known and count how
often the interval holds it. With 2,000 studies the count of a true 95 % interval
lies within 0.93..0.97 but for one seed in 25,000; the seeds are fixed.
"""

import numpy as np
import pytest

from stratsim.intervals import (
    Design,
    Estimate,
    difference_by_world,
    estimate_mean,
    estimate_probability,
    estimate_quantile,
    estimate_tail,
    paired_difference,
    probability_difference,
    summarize,
    wilson,
)
from stratsim.intervals.design import Bools
from stratsim.model.quantities import Array

STUDIES = 2000


def drawn(runs: int) -> Design:
    return Design.of(np.full(runs, 1 / runs), np.zeros(runs, np.int64), exact=False)


def enumerated(weight: list[float], *, runs_each: int = 1, exact: bool = True) -> Design:
    """Outcomes with their probabilities, each with the same number of runs."""
    each = np.repeat(np.array(weight) / runs_each, runs_each)
    outcome = np.repeat(np.arange(len(weight)), runs_each)
    return Design.of(each, outcome, exact=exact)


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


class TestMeans:
    def test_interval_of_a_published_sample(self) -> None:
        """NIST's heat flow meter: 195 values, interval 9.258242 to 9.264679.

        The same mean and standard deviation in 195 values (e-Handbook 1.3.5.2).
        """
        rng = np.random.default_rng(1)
        values = rng.normal(size=195)
        values = (values - values.mean()) / values.std(ddof=1) * 0.02278881 + 9.26146

        found = estimate_mean(values, drawn(195))

        assert (found.low, found.high) == pytest.approx((9.258242, 9.264679), abs=2e-6)

    def test_runs_without_a_value_are_left_out_and_not_counted(self) -> None:
        found = estimate_mean(np.array([1.0, np.nan, 3.0, np.inf]), drawn(4))

        assert (found.value, found.count) == (2.0, 2)

    def test_no_interval_below_two_values(self) -> None:
        found = estimate_mean(np.array([5.0, np.nan]), drawn(2))

        assert found.value == 5.0
        assert np.isnan([found.low, found.high, found.error]).all()

    def test_nothing_applies_nothing_is_known(self) -> None:
        found = estimate_mean(np.array([np.nan, np.nan]), drawn(2))

        assert found.count == 0
        assert np.isnan([found.value, found.low, found.high]).all()

    def test_equal_values_give_exactly_that_value(self) -> None:
        found = estimate_mean(np.full(7, 0.1), drawn(7))

        assert (found.value, found.low, found.high) == (0.1, 0.1, 0.1)

    def test_exact_runs_have_no_sampling_error(self) -> None:
        found = estimate_mean(np.array([0.0, 100.0]), enumerated([0.9, 0.1]))

        assert (found.low, found.value, found.high) == pytest.approx((10.0, 10.0, 10.0))

    def test_one_exact_run_has_no_interval(self) -> None:
        found = estimate_mean(np.array([4.0]), enumerated([1.0]))

        assert found.value == 4.0
        assert np.isnan(found.low)

    def test_outcomes_that_cannot_happen_do_not_count(self) -> None:
        found = estimate_mean(np.array([1.0, 2.0, 99.0]), enumerated([0.5, 0.5, 0.0]))

        assert (found.value, found.count) == (1.5, 2)

    @pytest.mark.parametrize("runs", [2, 5, 40])
    def test_covers_a_normal_mean(self, runs: int) -> None:
        rng = np.random.default_rng(2)
        studies = rng.normal(3.0, 2.0, (STUDIES, runs))

        hits = np.mean([holds(estimate_mean(study, drawn(runs)), 3.0) for study in studies])

        assert 0.93 < hits < 0.97

    def test_covers_a_stratified_mean(self) -> None:
        """Two outcomes of very different spread, each with its own runs."""
        rng = np.random.default_rng(3)
        design = enumerated([0.9, 0.1], runs_each=20, exact=False)
        studies = np.hstack([rng.normal(1, 1, (STUDIES, 20)), rng.normal(50, 30, (STUDIES, 20))])

        hits = np.mean([holds(estimate_mean(study, design), 0.9 + 5.0) for study in studies])

        assert 0.93 < hits < 0.97

    def test_strata_narrow_the_interval_of_a_rare_outcome(self) -> None:
        rng = np.random.default_rng(4)
        values = np.concatenate([rng.normal(0, 1, 50), rng.normal(1000, 1, 50)])
        half = estimate_mean(values, enumerated([0.99, 0.01], runs_each=50, exact=False)).error

        assert half < 0.2  # 1.0 / sqrt(50) at most; drawn outcomes would give about 10

    def test_a_stratum_of_one_run_has_an_unknown_spread(self) -> None:
        design = enumerated([0.9, 0.1], exact=False)

        assert np.isnan(estimate_mean(np.array([1.0, 2.0]), design).low)

    def test_covers_a_stratified_mean_over_the_runs_in_which_it_applies(self) -> None:
        """Applies in 20 % of the healthy runs and in all others: truth is a ratio."""
        rng = np.random.default_rng(5)
        design = enumerated([0.8, 0.2], runs_each=60, exact=False)
        truth = (0.8 * 0.2 * 10 + 0.2 * 40) / (0.8 * 0.2 + 0.2)
        hits = 0
        for _ in range(STUDIES):
            healthy = np.where(rng.random(60) < 0.2, rng.normal(10, 3, 60), np.nan)
            values = np.concatenate([healthy, rng.normal(40, 5, 60)])
            hits += holds(estimate_mean(values, design), truth)

        assert 0.925 < hits / STUDIES < 0.975


class TestProbabilities:
    @pytest.mark.parametrize(
        ("events", "trials", "low", "high"),
        [
            # Newcombe (1998), Statistics in Medicine 17, table I, method 3
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0000, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ],
    )
    def test_wilson_against_published_intervals(
        self, events: int, trials: int, low: float, high: float
    ) -> None:
        found = wilson(events / trials, trials)

        assert found == pytest.approx((low, high), abs=5e-5)

    def test_no_event_in_many_runs_is_not_never(self) -> None:
        found = estimate_probability(np.zeros(100, bool), drawn(100))

        assert (found.value, found.low) == (0.0, 0.0)
        assert 0.03 < found.high < 0.04

    def test_enumerated_outcomes_weigh_by_their_probability(self) -> None:
        found = estimate_probability(np.array([False, True]), enumerated([0.97, 0.03]))

        assert (found.low, found.value, found.high) == pytest.approx((0.03, 0.03, 0.03))

    def test_one_run_has_no_interval(self) -> None:
        found = estimate_probability(np.array([True]), drawn(1))

        assert found.value == 1.0
        assert np.isnan(found.low)

    def test_covers_a_stratified_probability(self) -> None:
        """Wilson keeps 93 % to 98 % here where the naive interval fails at 0 events."""
        rng = np.random.default_rng(6)
        design = enumerated([0.9, 0.1], runs_each=50, exact=False)
        truth = 0.9 * 0.02 + 0.1 * 0.7
        events = np.hstack([rng.random((STUDIES, 50)) < 0.02, rng.random((STUDIES, 50)) < 0.7])

        hits = np.mean([holds(estimate_probability(study, design), truth) for study in events])

        assert 0.93 < hits < 0.985


class TestQuantiles:
    def test_is_the_smallest_value_that_enough_runs_do_not_exceed(self) -> None:
        values = np.arange(1.0, 101.0)

        found = [estimate_quantile(values, drawn(100), q).value for q in (0.5, 0.95, 0.99)]

        assert found == [50.0, 95.0, 99.0]

    def test_weights_move_it(self) -> None:
        values = np.array([0.0, 10.0, 500.0])
        design = enumerated([0.90, 0.07, 0.03])

        found = [estimate_quantile(values, design, q).value for q in (0.5, 0.95, 0.99)]

        assert found == [0.0, 10.0, 500.0]

    def test_order_statistics_of_a_hundred_runs(self) -> None:
        """Conover, Practical Nonparametric Statistics: ranks 40 and 61 hold the median."""
        found = estimate_quantile(np.arange(1.0, 101.0), drawn(100), 0.5)

        assert (found.low, found.high) == (40.0, 61.0)

    def test_too_few_runs_do_not_bound_the_far_tail(self) -> None:
        found = estimate_quantile(np.arange(1.0, 101.0), drawn(100), 0.99)

        assert found.low == 97.0  # Poisson(1): P(4 or more above) is 0.019
        assert np.isnan(found.high)

    @pytest.mark.parametrize("q", [0.5, 0.95])
    def test_covers_a_quantile_at_least_as_promised(self, q: float) -> None:
        rng = np.random.default_rng(7)
        studies = rng.exponential(1.0, (STUDIES, 200))
        truth = -np.log(1 - q)

        hits = np.mean([holds(estimate_quantile(s, drawn(200), q), truth) for s in studies])

        assert 0.94 < hits < 0.985

    def test_covers_a_stratified_quantile(self) -> None:
        """The 95th percentile of 80 % uniform(0, 1) and 20 % uniform(10, 11) is 10.75."""
        rng = np.random.default_rng(8)
        design = enumerated([0.8, 0.2], runs_each=100, exact=False)
        studies = np.hstack([rng.random((STUDIES, 100)), 10 + rng.random((STUDIES, 100))])

        hits = np.mean([holds(estimate_quantile(s, design, 0.95), 10.75) for s in studies])

        assert 0.93 < hits < 0.985


class TestTails:
    def test_mean_of_the_worst_five_of_a_hundred(self) -> None:
        found = estimate_tail(np.arange(1.0, 101.0), drawn(100))

        assert found.value == pytest.approx(98.0)

    def test_a_fraction_of_a_run_counts_as_a_fraction(self) -> None:
        """5 % of 30 runs is one run and a half: (30 + 29 / 2) / 1.5."""
        found = estimate_tail(np.arange(1.0, 31.0), drawn(30))

        assert found.value == pytest.approx((30 + 29 / 2) / 1.5)

    def test_the_lowest_are_the_worst_where_higher_is_better(self) -> None:
        found = estimate_tail(np.arange(1.0, 101.0), drawn(100), higher_is_better=True)

        assert found.value == pytest.approx(3.0)

    def test_enumerated_outcomes(self) -> None:
        """3 % lose 500, the next 2 % of the tail lose 10: (0.03 * 500 + 0.02 * 10) / 0.05."""
        values = np.array([0.0, 10.0, 500.0])

        found = estimate_tail(values, enumerated([0.90, 0.07, 0.03]))

        assert (found.low, found.value) == pytest.approx((304.0, 304.0))

    def test_no_interval_where_one_run_is_the_tail(self) -> None:
        assert np.isnan(estimate_tail(np.arange(1.0, 21.0), drawn(20)).low)

    def test_covers_the_tail_mean(self) -> None:
        """Exponential: the tail mean is 1 + ln 20. Skewed, so a little under 95 %."""
        rng = np.random.default_rng(9)
        studies = rng.exponential(1.0, (STUDIES, 400))
        truth = 1 + np.log(20)

        hits = np.mean([holds(estimate_tail(s, drawn(400)), truth) for s in studies])

        assert 0.91 < hits < 0.97


class TestPairs:
    def test_difference_of_two_columns_counted_by_hand(self) -> None:
        ours = np.array([5.0, 7.0, 9.0, np.nan])
        theirs = np.array([4.0, 7.0, 11.0, 0.0])

        found = paired_difference(ours, theirs, drawn(4))

        assert found.estimate.value == pytest.approx(-1 / 3)
        assert found.estimate.count == 3
        assert (found.worse, found.equal) == pytest.approx((1 / 3, 1 / 3))

    def test_worse_follows_the_direction_of_the_measure(self) -> None:
        found = paired_difference(
            np.array([0.9, 0.9]), np.array([1.0, 0.8]), drawn(2), higher_is_better=True
        )

        assert found.worse == 0.5

    def test_equal_in_every_run_is_identical(self) -> None:
        values = np.array([1.0, 2.0, 3.0])

        found = paired_difference(values, values.copy(), drawn(3))

        assert found.identical
        assert (found.estimate.low, found.estimate.high, found.worse) == (0.0, 0.0, 0.0)
        assert found.variance_ratio == 0.0

    def test_nothing_in_common_is_not_known(self) -> None:
        found = paired_difference(np.array([1.0, np.nan]), np.array([np.nan, 1.0]), drawn(2))

        assert not found.identical
        assert found.estimate.count == 0
        assert np.isnan(found.worse)

    def test_the_variance_ratio_is_one_less_the_correlation(self) -> None:
        """Two unit normals of correlation 0.8 have differences of variance 0.4, not 2."""
        rng = np.random.default_rng(10)
        ours, noise = rng.normal(size=(2, 200_000))
        theirs = 0.8 * ours + 0.6 * noise

        found = paired_difference(ours, theirs, drawn(200_000))

        assert found.variance_ratio == pytest.approx(0.2, abs=0.005)

    @pytest.mark.parametrize(
        ("statistic", "truth", "least"),
        [
            ("mean", 0.5, 0.93),
            ("p95", 0.5 * np.log(20), 0.92),
            ("cvar95", 0.5 * (1 + np.log(20)), 0.90),
        ],
    )
    def test_covers_the_difference_of_a_statistic(
        self, statistic: str, truth: float, least: float
    ) -> None:
        """Exponentials of mean 1.5 and 1 that share most of their luck."""
        rng = np.random.default_rng(11)
        hits = 0
        for _ in range(STUDIES):
            theirs = rng.exponential(1.0, 400)
            own = rng.exponential(1.0, 400)
            ours = 1.5 * np.where(rng.random(400) < 0.7, theirs, own)
            found = paired_difference(ours, theirs, drawn(400), statistic=statistic)
            hits += holds(found.estimate, truth)

        assert least < hits / STUDIES < 0.975


def pairs(both: int, first: int, second: int, none: int) -> tuple[Bools, Bools]:
    """The runs of a table of pairs: what happened to ours, and to theirs."""
    counts = (both, first, second, none)
    return np.repeat([True, True, False, False], counts), np.repeat(
        [True, False, True, False], counts
    )


class TestPairedProbabilities:
    @pytest.mark.parametrize(
        ("table", "low", "high"),
        [
            # Newcombe 1998, table II; Fagerland, Lydersen and Laake 2017, chapter 8
            ((36, 12, 2, 0), 0.0569, 0.3404),
            ((59, 6, 16, 80), -0.1186, -0.0046),
        ],
    )
    def test_published_limits(self, table: tuple[int, ...], low: float, high: float) -> None:
        ours, theirs = pairs(*table)

        found = probability_difference(ours, theirs, drawn(len(ours))).estimate

        assert found.value == pytest.approx(ours.mean() - theirs.mean())
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)

    def test_no_difference_in_40_runs_is_not_none(self) -> None:
        """Both shares may be up to Wilson's 8.76 %: each alone is the worst case."""
        never = np.zeros(40, dtype=bool)

        found = probability_difference(never, never, drawn(40))

        assert found.identical
        assert (found.estimate.low, found.estimate.high) == pytest.approx(
            (-0.0876, 0.0876), abs=5e-5
        )

    def test_covers_a_small_difference(self) -> None:
        """2 % against 1 %, the rarer within the other: few pairs differ, or none."""
        rng = np.random.default_rng(21)
        hits = 0
        for _ in range(STUDIES):
            luck = rng.random(150)
            found = probability_difference(luck < 0.02, luck < 0.01, drawn(150))
            hits += holds(found.estimate, 0.01)

        assert hits / STUDIES > 0.93

    def test_strata_add_their_distances(self) -> None:
        """A stratum that weighs nothing leaves the other's limits; equal ones halve the square."""
        ours, theirs = pairs(36, 12, 2, 0)
        alone = probability_difference(ours, theirs, drawn(50)).estimate
        stratum = np.repeat([0, 1], 50)
        twice = [np.tile(side, 2) for side in (ours, theirs)]

        found = probability_difference(
            *twice, Design.of(np.repeat([0.0139, 0.0061], 50), stratum, exact=False)
        ).estimate

        share = np.hypot(0.695, 0.305)
        assert found.value - found.low == pytest.approx(share * (alone.value - alone.low))
        assert found.high - found.value == pytest.approx(share * (alone.high - alone.value))


class TestStrata:
    """A rare outcome (1 in 100) with half of the runs, weighted back."""

    @staticmethod
    def design() -> Design:
        weight = np.repeat([0.99 / 200, 0.01 / 200], 200)
        return Design.of(weight, np.repeat([0, 1], 200), exact=False)

    def test_covers_the_tail_mean(self) -> None:
        """The worst 5 % are all of the rare outcome, uniform on [5, 10], and the largest
        4 % of all others, uniform on [0, 1]: (0.01 x 7.5 + 0.04 x 0.9798) / 0.05."""
        rng = np.random.default_rng(31)
        low, high = rng.random((STUDIES, 200)), 5 + 5 * rng.random((STUDIES, 200))
        truth = (0.01 * 7.5 + 0.04 * (1 - 0.04 / 0.99 / 2)) / 0.05

        studies = np.hstack([low, high])
        hits = np.mean([holds(estimate_tail(s, self.design()), truth) for s in studies])

        assert 0.93 < hits < 0.98

    def test_covers_a_paired_difference(self) -> None:
        """0.99 x 1 + 0.01 x 50 more, in runs that share their noise."""
        rng = np.random.default_rng(32)
        noise = rng.normal(0, 20, (STUDIES, 400))
        shift = np.repeat([1.0, 50.0], 200) + rng.normal(0, 3, (STUDIES, 400))

        found = [
            paired_difference(a + b, a, self.design()) for a, b in zip(noise, shift, strict=True)
        ]

        hits = np.mean([holds(f.estimate, 0.99 + 0.5) for f in found])
        assert 0.93 < hits < 0.97
        # Var(b) / (Var(a + b) + Var(a)) = 9 / (409 + 400)
        assert np.mean([f.variance_ratio for f in found]) == pytest.approx(9 / 809, rel=0.05)


class TestWorlds:
    """Rows that come in drawn worlds of unequal rows: the worlds are the sample."""

    WORLDS = 16

    def design(self) -> Design:
        weight = np.tile([0.5, 0.3, 0.2], self.WORLDS) / self.WORLDS
        world = np.repeat(np.arange(self.WORLDS), 3)
        return Design(weight, np.zeros(len(weight), np.int64), world=world)

    def rows(self, seed: int, level: float = 10.0) -> Array:
        """(studies, rows): what all rows of a world share, and what only one of them has."""
        rng = np.random.default_rng(seed)
        shared = rng.normal(level, 3.0, (STUDIES, self.WORLDS, 1))
        return (shared + rng.normal(0, 0.5, (STUDIES, self.WORLDS, 3))).reshape(STUDIES, -1)

    def test_covers_the_mean(self) -> None:
        hits = np.mean([holds(estimate_mean(s, self.design()), 10.0) for s in self.rows(41)])

        assert 0.93 < hits < 0.97

    def test_rows_of_one_world_teach_nothing_new(self) -> None:
        once = np.arange(1.0, 6.0)
        twice = Design(np.full(10, 0.1), np.zeros(10, np.int64), world=np.repeat(np.arange(5), 2))

        found = estimate_mean(np.repeat(once, 2), twice)
        plain = estimate_mean(once, drawn(5))

        assert (found.low, found.high) == pytest.approx((plain.low, plain.high))

    def test_covers_a_mean_over_the_rows_in_which_it_applies(self) -> None:
        """Absent from the second row of every world: the others weigh 5 to 2."""
        studies = self.rows(42).reshape(STUDIES, self.WORLDS, 3)
        studies[:, :, 1] = np.nan
        studies[:, :, 2] += 7.0

        found = [estimate_mean(s.ravel(), self.design()) for s in studies]

        assert 0.93 < np.mean([holds(f, 10.0 + 7.0 * 2 / 7) for f in found]) < 0.97

    def test_covers_the_median_and_a_probability(self) -> None:
        """Both lean on the share below a border, the same in every row."""
        studies = self.rows(43)
        half = [holds(estimate_quantile(s, self.design(), 0.5), 10.0) for s in studies]
        share = [holds(estimate_probability(s > 10.0, self.design()), 0.5) for s in studies]

        assert 0.91 < np.mean(half) < 0.98
        assert 0.92 < np.mean(share) < 0.98

    def test_worlds_pair_where_rows_do_not(self) -> None:
        """Six rows against three: what the worlds share falls out of the difference."""
        ours, theirs = self.rows(44), np.repeat(self.rows(44), 2, axis=1)
        noise = np.random.default_rng(45).normal(1.0, 0.2, (STUDIES, self.WORLDS))
        design = self.design()
        fine = Design(
            np.repeat(design.weight, 2) / 2,
            np.zeros(2 * len(design.weight), np.int64),
            world=np.repeat(np.arange(self.WORLDS), 6),
        )

        found = [
            difference_by_world(
                (a + np.repeat(n, 3), design), (b, fine), "mean", higher_is_better=False
            )
            for a, b, n in zip(ours, theirs, noise, strict=True)
        ]

        assert 0.93 < np.mean([holds(f.estimate, 1.0) for f in found]) < 0.97
        # 0.2^2 over 0.2^2 and twice 3^2 + 0.5^2 (0.5^2 + 0.3^2 + 0.2^2)
        assert np.mean([f.variance_ratio for f in found]) == pytest.approx(0.04 / 18.23, rel=0.2)

    def test_a_quantile_that_the_worlds_do_not_reach_beyond_has_no_ends(self) -> None:
        """Five worlds say nothing about the error of a 95th percentile."""
        design = Design(np.full(5, 0.2), np.zeros(5, np.int64), world=np.arange(5))
        sides = [(np.arange(start, start + 5.0), design) for start in (3.0, 1.0)]

        found = difference_by_world(*sides, "p95", higher_is_better=False).estimate

        assert found.value == 2.0
        assert np.isnan([found.low, found.high]).all()


class TestSummary:
    def test_holds_the_statistics_of_the_contract(self) -> None:
        found = summarize(np.arange(1.0, 101.0), drawn(100))

        assert list(found) == [
            "mean", "ci_low", "ci_high", "p50", "p95", "p99", "max", "cvar95", "count",
        ]  # fmt: skip
        assert (found["mean"], found["max"], found["count"]) == (50.5, 100.0, 100)

    @pytest.mark.parametrize("values", [[np.nan, np.nan], [np.inf, np.nan], []])
    def test_not_applicable_is_null_with_count_zero(self, values: list[float]) -> None:
        found = summarize(np.array(values), drawn(len(values)) if values else empty())

        assert found.pop("count") == 0
        assert set(found.values()) == {None}


def empty() -> Design:
    nothing: Array = np.array([])
    return Design.of(nothing, np.array([], np.int64), exact=False)
