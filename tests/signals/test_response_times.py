"""Statistics of response times against plain samples of the same size."""

import numpy as np
import pytest

from stratsim.cloudwatch.statistic import aggregate
from stratsim.model.service import Latency
from stratsim.queueing import ResponseTimes
from stratsim.signals.response_times import Mixture
from stratsim.signals.rows import OLD

TIMES = ResponseTimes(Latency(median=0.1, p99=0.8), servers=8, capacity_rps=1e6)
RUNS = 600
STATISTICS = ("tm90", "TM(10%:90%)", "IQM", "wm95", "TM(0.05:0.4)", "PR(0.05:0.4)", "tc90")


def mixture(n: int, rng: np.random.Generator | None) -> Mixture:
    return Mixture.of(TIMES, [(OLD, float(n), 0.0, 1.0, 0.0)], rng)


def samples(n: int, rng: np.random.Generator) -> list[float]:
    found: list[float] = (TIMES.median * np.exp(TIMES.sigma * rng.standard_normal(n))).tolist()
    return found


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n", [40, 1000])
def test_trimmed_statistics_have_the_mean_and_spread_of_samples(statistic: str, n: int) -> None:
    """Means within 5 standard errors (or 0.5 %), spreads within a fifth."""
    rng = np.random.default_rng(5)
    plain = np.array([aggregate(samples(n, rng), statistic) for _ in range(RUNS)], float)

    drawn = np.array([mixture(n, rng).extended(statistic, 1.0) for _ in range(RUNS)])

    error = np.hypot(plain.std(), drawn.std()) / np.sqrt(RUNS)
    assert abs(plain.mean() - drawn.mean()) < 5 * error + 0.005 * plain.mean()
    assert drawn.std() == pytest.approx(plain.std(), rel=0.2, abs=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99, 1.0])
def test_percentiles_and_extremes_have_the_law_of_order_statistics(share: float) -> None:
    rng = np.random.default_rng(6)
    name = {0.0: "Minimum", 1.0: "Maximum"}.get(share, f"p{100 * share:g}")
    plain = np.log([aggregate(samples(200, rng), name) or 0.0 for _ in range(RUNS)])

    drawn = np.log([mixture(200, rng).ranked(share) for _ in range(RUNS)])

    error = np.hypot(plain.std(), drawn.std()) / np.sqrt(RUNS)
    assert abs(plain.mean() - drawn.mean()) < 5 * error
    assert drawn.std() == pytest.approx(plain.std(), rel=0.2)


def test_more_requests_make_a_percentile_steadier() -> None:
    """The standard error of a quantile falls with the root of the number."""
    rng = np.random.default_rng(7)
    spread = [
        np.std([np.log(mixture(n, rng).ranked(0.9)) for _ in range(RUNS)]) for n in (100, 10_000)
    ]

    assert spread[0] / spread[1] == pytest.approx(10, rel=0.2)


def test_without_noise_a_statistic_is_its_expectation() -> None:
    assert mixture(100, None).ranked(0.5) == pytest.approx(TIMES.median, rel=0.01)
    assert mixture(10**6, None).extended("TM(0%:50%)", 1.0) < TIMES.median
