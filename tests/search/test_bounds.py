"""Bounds of many designs, held to the intervals of one; the front to the Pareto set."""

import numpy as np
import pytest
from scipy.stats import poisson

from stratsim.comparison import Key
from stratsim.comparison.pareto import pareto_front
from stratsim.intervals import Design, estimate_mean, estimate_probability
from stratsim.power.needed import requests_to_tell
from stratsim.search.bounds import Strata, bounds
from stratsim.search.front import SHOWN, front

CHANCES = np.array([0.7, 0.2, 0.1])
WORLDS = 40
STRATA = Strata(CHANCES, WORLDS, 0.025)
DESIGN = Design.of(STRATA.weight, np.repeat(np.arange(3), WORLDS), exact=False)


def test_means_have_the_errors_of_one_and_a_wider_interval() -> None:
    """The degrees of freedom are those of one outcome, fewer than Satterthwaite's."""
    rng = np.random.default_rng(1)
    values = rng.gamma(2.0, 3.0, size=(20, 120)) * np.repeat([1.0, 5.0, 20.0], WORLDS)
    values[rng.random(values.shape) < 0.2] = np.nan
    found = bounds(Key("failed_requests"), values, STRATA)

    for row, one in enumerate(estimate_mean(v, DESIGN) for v in values):
        assert found.value[row] == pytest.approx(one.value)
        half = found.high[row] - found.value[row]
        assert half == pytest.approx(2.0227 * one.error, rel=1e-3)  # t, 39 degrees, 97.5 %
        assert found.low[row] <= one.low


def test_shares_have_wilsons_limits() -> None:
    happened = np.random.default_rng(2).random((20, 120)) < np.linspace(0, 1, 20)[:, None]
    found = bounds(Key("missed"), happened.astype(float), STRATA)

    for row, one in enumerate(estimate_probability(h, DESIGN) for h in happened):
        ends = (found.value[row], found.low[row], found.high[row])
        assert ends == pytest.approx((one.value, one.low, one.high), abs=1e-9)


@pytest.mark.parametrize("statistic", ["p50", "p95", "cvar95"])
def test_a_bound_of_a_tail_is_seldom_above_it(statistic: str) -> None:
    """At a doubt of 0.025 a lower bound is wrong at most once in 40 samples; 30 of 400 are three
    times that, which chance gives less than once in 10^6."""
    values = np.random.default_rng(3).exponential(1.0, size=(400, 120))
    truth = {"p50": np.log(2), "p95": np.log(20), "cvar95": np.log(20) + 1}[statistic]
    found = bounds(Key("failed_requests", statistic), values, STRATA)

    assert (found.low > truth).sum() <= 30
    assert np.median(found.value) == pytest.approx(truth, rel=0.25)
    assert (found.low <= found.value).all()


def test_the_front_is_the_pareto_set() -> None:
    points = np.random.default_rng(4).random((300, 3)) ** 3
    able = np.arange(300) % 3 > 0
    names = {str(i): points[i].tolist() for i in range(300) if able[i]}
    whole = {int(name) for name in pareto_front(names)}
    found = front(points, able)

    assert set(found) <= whole
    assert len(found) == min(SHOWN, len(whole))
    assert min(points[found, 0]) == points[able, 0].min()


def test_equal_designs_stand_on_the_front_once() -> None:
    assert front(np.array([[1.0, 1.0], [1.0, 1.0], [2.0, 0.5]]), np.ones(3, dtype=bool)) == [0, 2]


class TestRequestsNeeded:
    def test_without_background_one_error_tells(self) -> None:
        """Nothing but a fault fails, so the first error tells: P(none) = exp(-n bad)."""
        assert requests_to_tell(0.0, 0.01, 0.05, 0.05) == pytest.approx(
            -np.log(0.05) / 0.01, rel=2e-3
        )

    @pytest.mark.parametrize(("good", "bad"), [(0.001, 0.005), (0.01, 0.02), (0.0001, 0.1)])
    def test_a_limit_tells_from_there_on_and_none_well_below(self, good: float, bad: float) -> None:
        needed = requests_to_tell(good, bad, 0.01, 0.05)
        limits = np.arange(2000)

        def best(requests: float) -> float:
            """The smallest share of bad releases missed by a limit that is seldom wrong."""
            lawful = poisson.sf(limits, requests * good) <= 0.01
            return float(poisson.cdf(limits[lawful], requests * bad).min())

        assert best(needed) <= 0.05 * 1.01
        assert best(0.7 * needed) > 0.05

    def test_what_does_not_differ_is_never_told(self) -> None:
        assert requests_to_tell(0.01, 0.01, 0.1, 0.1) == float("inf")
