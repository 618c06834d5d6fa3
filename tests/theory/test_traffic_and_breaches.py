"""Split traffic and breaching minutes of the simulator against closed forms.

Figures from the binomial and Poisson distributions, checked here with SciPy
where they are quoted. Seeds are fixed; each estimate may lie three standard
errors off, which a right simulator misses with probability 0.0027.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import stratsim
from stratsim.model.scenario import Scenario

Make = Callable[..., Any]

CANARY = {"name": "it", "steps": [{"weight": 5, "pause": "10m"}]}


@pytest.mark.parametrize(
    ("platform", "dispersion", "variance", "replications"),
    [
        ("ecs", 1, 300, 5000),  # thinned Poisson
        ("lambda", 1, 300, 1000),
        ("ecs", 3, 330, 2000),  # of a thinned count: 1 + 0.05 * (3 - 1) times the mean
        ("lambda", 0, 285, 2000),  # 6,000 invocations, each split at random: n w (1 - w)
    ],
)
def test_a_canary_gets_a_thinned_share(
    platform: str,
    dispersion: float,
    variance: float,
    replications: int,
    scenario_of: Make,
    alarm_on: Make,
    mean_is: Make,
    compare: Make,
) -> None:
    """600 requests a minute, 5 % of them for 10 minutes: 300.

    The alarm sees traffic in ten minutes of ten and ends the canary at its
    tenth minute, before the rest of the traffic is shifted. The sample variance
    of n about normal counts has standard error variance * sqrt(2 / n).
    """
    names = {"ecs": ("AWS/ApplicationELB", "RequestCount"), "lambda": ("AWS/Lambda", "Invocations")}
    namespace, metric = names[platform]
    alarm = alarm_on(above=0, metric=metric, namespace=namespace, m=10, n=10)
    scenario = scenario_of(
        CANARY,
        platform=platform,
        faults=[{"kind": "errors", "rate": 0.5}],
        alarms=[alarm],
        traffic={"rate": 10, "dispersion": dispersion},
    )

    runs = compare(scenario, replications=replications, seed=11).sample("it")

    assert (runs.measures["deployment_duration_s"] == 600).all()
    counts = runs.measures["exposed_requests"]
    mean_is(counts, 300)
    assert abs(counts.var(ddof=1) / variance - 1) <= 3 * np.sqrt(2 / replications)


def test_fixed_counts_leave_no_noise_in_the_split(
    scenario_of: Make, alarm_on: Make, compare: Make
) -> None:
    alarm = alarm_on(above=0, metric="RequestCount", m=10, n=10)
    scenario = scenario_of(
        CANARY,
        faults=[{"kind": "errors", "rate": 0.5}],
        alarms=[alarm],
        traffic={"rate": 10, "dispersion": 0},
    )

    runs = compare(scenario, replications=50, seed=11).sample("it")

    assert set(runs.measures["exposed_requests"]) == {300.0}


def minute_counts(run: Any, metric: str, minutes: int) -> NDArray[np.float64]:
    """Return a count of both revisions, minute by minute."""
    frame = run.metrics[(run.metrics["metric"] == metric) & (run.metrics["time_s"] >= 0)]
    return frame.groupby("time_s")["value"].sum().to_numpy()[:minutes]


@pytest.mark.parametrize("dispersion", [0.5, 1, 2, 5])
def test_dispersion_is_the_variance_of_a_minute_s_requests_over_their_mean(
    dispersion: float, scenario_of: Make, mean_is: Make
) -> None:
    """600 a minute, 3,000 minutes; a variance is known to sqrt(2 / 3000) of itself."""
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 30, "pause": "3000m"}]},
        traffic={"rate": 10, "dispersion": dispersion},
    )

    counts = minute_counts(stratsim.simulate(scenario, "it", seed=1), "RequestCount", 3000)

    mean_is(counts, 600)
    assert abs(counts.var(ddof=1) / (600 * dispersion) - 1) <= 3 * np.sqrt(2 / 3000)


@pytest.mark.parametrize("dispersion", [1, 3, 10])
def test_background_errors_come_in_clumps(
    dispersion: float, scenario_of: Make, mean_is: Make
) -> None:
    """6,000 requests a minute for sure, 1 % of which fail: variance 60 (1 - 1 %) dispersion.

    The tail of clumps is heavier than the normal's, so the variance is allowed 5 %
    more than its normal standard error would have it.
    """
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 0, "pause": "3000m"}]},
        traffic={"rate": 100, "dispersion": 0},
        service={"error_rate": 0.01, "error_dispersion": dispersion},
    )

    run = stratsim.simulate(scenario, "it", seed=1)

    errors = minute_counts(run, "HTTPCode_Target_5XX_Count", 3000)
    mean_is(errors, 60)
    variance = 60 * 0.99 * dispersion
    assert abs(errors.var(ddof=1) / variance - 1) <= 3 * np.sqrt(2 / 3000) + 0.05


def test_breaches_of_fixed_counts(
    scenario_of: Make, percent_alarm: Make, alarm_minutes: Make, share_is: Make
) -> None:
    """500 requests a minute on either revision, 1 % and 3 % errors, more than 2 % of them.

    Binomial tails beyond 10 of 500; one run of 12,000 minutes whose alarms only
    page, so that it goes on.
    """
    minutes = 12_000
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 50, "pause": f"{minutes + 1}m"}]},
        faults=[{"kind": "errors", "rate": (0.03 - 0.01) / (1 - 0.01)}],
        alarms=[percent_alarm(side, above=2, side=side) for side in ("old", "new")],
        watched=[],
        traffic={"rate": 1000 / 60, "dispersion": 0},
        service={"error_rate": 0.01},
    )

    run = stratsim.simulate(scenario, "it", seed=3)

    assert stats.binom.sf(10, 500, 0.01) == pytest.approx(0.0132436, rel=1e-5)
    assert stats.binom.sf(10, 500, 0.03) == pytest.approx(0.8852125, rel=1e-5)
    share_is(alarm_minutes(run, "old"), minutes, 0.0132436)
    share_is(alarm_minutes(run, "new"), minutes, 0.8852125)


@pytest.mark.parametrize(("dispersion", "expected"), [(1, 0.9265019), (0, 0.8817370)])
def test_arrivals_at_random_breach_oftener(
    dispersion: float,
    expected: float,
    scenario_of: Make,
    percent_alarm: Make,
    alarm_minutes: Make,
    share_is: Make,
) -> None:
    """100 requests a minute, 5 % errors, more than 2 % of them: the noise of n counts."""
    minutes = 10_000
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 100, "pause": f"{minutes + 1}m"}]},
        faults=[{"kind": "errors", "rate": 0.05}],
        alarms=[percent_alarm(above=2)],
        watched=[],
        traffic={"rate": 100 / 60, "dispersion": dispersion},
    )

    run = stratsim.simulate(scenario, "it", seed=5)

    n = np.arange(400)
    poisson = (stats.poisson.pmf(n, 100) * stats.binom.sf(n // 50, n, 0.05)).sum()
    exact = {1: poisson, 0: stats.binom.sf(2, 100, 0.05)}
    assert exact[dispersion] == pytest.approx(expected, rel=1e-5)
    share_is(alarm_minutes(run, "alarm"), minutes, expected)


# Errors per minute of the whole service: 5,400 requests at 0.1 % beside 600 at 5 %.
K = np.arange(200)
REVISIONS = np.convolve(stats.binom.pmf(K, 5400, 0.001), stats.binom.pmf(K, 600, 0.05))[:200]
REQUESTS = stats.binom.pmf(K, 6000, 0.9 * 0.001 + 0.1 * 0.05)
ARRIVALS = stats.poisson.pmf(K, 5400 * 0.001 + 600 * 0.05)
SPLITS = {  # platform, dispersion: distribution, P(more than 60 errors, 1 % of 6,000)
    ("ecs", 0): (REVISIONS, 3.851e-5),
    ("lambda", 0): (REQUESTS, 5.526e-5),
    ("ecs", 1): (ARRIVALS, 5.841e-5),
}


def diluted(
    scenario_of: Make,
    platform: str,
    dispersion: float,
    minutes: int,
    alarms: list[Any],
    watched: list[str] | None = None,
) -> Scenario:
    """6,000 requests a minute, a tenth of them new: 5 % errors instead of 0.1 %."""
    return scenario_of(
        {"name": "it", "steps": [{"weight": 10, "pause": f"{minutes + 1}m"}]},
        platform=platform,
        faults=[{"kind": "errors", "rate": (0.05 - 0.001) / (1 - 0.001)}],
        alarms=alarms,
        watched=watched,
        traffic={"rate": 100, "dispersion": dispersion},
        service={"error_rate": 0.001},
    )


@pytest.mark.parametrize(("platform", "dispersion"), SPLITS)
def test_errors_of_the_whole_service_follow_their_exact_distribution(
    platform: str,
    dispersion: float,
    scenario_of: Make,
    alarm_on: Make,
    percent_alarm: Make,
    alarm_minutes: Make,
) -> None:
    """A canary of a tenth drowns: more than 1 % of all requests fail once in weeks.

    That is too rare to be counted, so the whole distribution is held to the
    exact one: the counts of 15,000 minutes by chi-square at the level 0.0027.
    Meanwhile an alarm on the canary alone sees more than 1 % in every minute
    (1e-8 of them are missed).
    """
    minutes = 15_000
    scoped = percent_alarm("scoped", above=1)
    if platform == "lambda":
        scoped = alarm_on(
            "scoped", above=0.01, metric="Errors", namespace="AWS/Lambda", Statistic="Average"
        )
    scenario = diluted(scenario_of, platform, dispersion, minutes, [scoped], [])

    run = stratsim.simulate(scenario, "it", seed=21)

    name = "Errors" if platform == "lambda" else "HTTPCode_Target_5XX_Count"
    errors = minute_counts(run, name, minutes)
    distribution, tail = SPLITS[platform, dispersion]
    assert distribution[61:].sum() == pytest.approx(tail, rel=2e-4)
    expected, found = in_bins(distribution) * minutes, np.histogram(errors, BINS)[0]
    assert found.sum() == minutes
    assert stats.chisquare(found, expected * minutes / expected.sum()).pvalue > 0.0027
    assert alarm_minutes(run, "scoped") == minutes


BINS = [0, *range(21, 51), 55, 200]


def in_bins(distribution: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.add.reduceat(distribution, BINS[:-1])


def test_that_chi_square_would_tell_another_split() -> None:
    """Were the errors drawn around a hundredth more, the test above would fail."""
    shifted = stats.binom.pmf(K, 6000, 0.0059 * 1.01)

    noncentrality = 15_000 * ((in_bins(shifted) - in_bins(REQUESTS)) ** 2 / in_bins(REQUESTS)).sum()

    freedom = len(BINS) - 2
    assert stats.ncx2.sf(stats.chi2.isf(0.0027, freedom), freedom, noncentrality) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "dispersion"), SPLITS)
def test_a_diluted_alarm_fires_once_in_weeks(
    platform: str, dispersion: float, scenario_of: Make, alarm_on: Make
) -> None:
    """8,000 deployments that wait for the alarm for 10 hours, by the engine of arrays.

    Some 4.7 million minutes and 180 to 280 alarms, whose number is Poisson; its
    central 0.9973 is allowed. (The SimPy engine is held to the whole
    distribution above.)
    """
    namespace, metric = "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"
    if platform == "lambda":
        namespace, metric = "AWS/Lambda", "Errors"
    alarm = alarm_on(above=60, metric=metric, namespace=namespace, side=None)
    scenario = diluted(scenario_of, platform, dispersion, 600, [alarm])

    comparison = stratsim.compare(scenario, replications=8000, seed=9, engine="batch")

    sample = comparison.sample("it")
    minutes = sample.measures["deployment_duration_s"].sum() / 60
    expected = minutes * SPLITS[platform, dispersion][1]
    low, high = stats.poisson.ppf([0.00135, 0.99865], expected)
    assert minutes > 4_500_000
    assert low <= sample.events["rollback"].sum() <= high
