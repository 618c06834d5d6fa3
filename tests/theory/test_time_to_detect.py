"""How long real alarms take in real deployments, against closed forms.

Breaching minutes are independent with probability q. M of N datapoints are then
a Markov chain on the last N - 1 of them: mean times and chances within a number
of periods follow by linear algebra, with nothing of the simulator in it. Every
request count is fixed, so q is a binomial tail. Estimates may lie three standard
errors off (0.0027 for a right simulator).
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

import stratsim

Make = Callable[..., Any]


def m_of_n(q: float, m: int, n: int, within: int = 0) -> tuple[float, float]:
    """Return the mean periods to the first alarm, and the chance of one `within` periods."""
    states = list(product((0, 1), repeat=n - 1))
    index = {state: at for at, state in enumerate(states)}
    step = np.zeros((len(states), len(states)))
    for state, (breach, chance) in product(states, ((0, 1 - q), (1, q))):
        window = (*state, breach)
        if sum(window) < m:
            step[index[state], index[window[1:]]] += chance
    mean = np.linalg.solve(np.eye(len(states)) - step, np.ones(len(states)))[0]
    silent = np.linalg.matrix_power(step, within)[0].sum()
    return float(mean), float(1 - silent)


def test_three_breaches_in_a_row_within_a_canary_of_five_minutes(
    scenario_of: Make, percent_alarm: Make, share_is: Make, compare: Make
) -> None:
    """100 canary requests a minute at 5 % errors, three minutes of three above 2 %.

    q = 0.8817370; by the fifth minute, before the rest is shifted, with
    probability q^3 (1 + 2 (1 - q)) = 0.847658. 3,000 deployments.
    """
    scenario = scenario_of(
        "CodeDeployDefault.ECSCanary10Percent5Minutes",
        faults=[{"kind": "errors", "rate": 0.05}],
        alarms=[percent_alarm(above=2, m=3, n=3)],
        traffic={"rate": 1000 / 60, "dispersion": 0},
    )
    q = stats.binom.sf(2, 100, 0.05)
    assert m_of_n(q, 3, 3, 5)[1] == pytest.approx(0.847658, abs=1e-6)

    runs = compare(scenario, replications=3000, seed=4).samples[0]

    caught = runs.measures["peak_exposure"] == 0.1
    share_is(caught.sum(), 3000, 0.847658)
    assert (runs.events["rollback"] == caught).all()


def test_mean_time_to_three_breaches_in_a_row(
    scenario_of: Make, alarm_on: Make, mean_is: Make, compare: Make
) -> None:
    """The same alarm without a hurry: (1 - q^3) / ((1 - q) q^3) = 3.879121 periods."""
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 10, "pause": "600m"}]},
        faults=[{"kind": "errors", "rate": 0.05}],
        alarms=[alarm_on(above=2, m=3, n=3)],
        traffic={"rate": 1000 / 60, "dispersion": 0},
    )

    runs = compare(scenario, replications=3000, seed=4).sample("it")

    assert runs.events["rollback"].all()
    mean_is(runs.measures["deployment_duration_s"] / 60, 3.879121)
    # Time to detect counts from the first exposed request, of some hundred in a minute
    # that comes about 60 / 101 s after the shift.
    mean_is(runs.measures["time_to_detect_s"], 60 * 3.879121 - 60 / 101)


def test_where_in_the_minute_a_deployment_starts_is_half_a_minute_on_average(
    scenario_of: Make, alarm_on: Make, mean_is: Make, compare: Make
) -> None:
    """An outage begins within a minute whose rest is uniform, 30 s on average.

    Published after 20 s, it is seen at the end of the next minute; two bad
    minutes of two are seen at the end of the one after that.
    """
    scenario = scenario_of(
        [watched_by(name, 100, "60m") for name in ("quick", "slow")],
        faults=[{"kind": "errors", "rate": 1}],
        alarms=[alarm_on("quick", above=0), alarm_on("slow", above=0, m=2, n=2)],
        watched=[],
        traffic={"rate": 1000, "dispersion": 0},
        metrics={"phase": "random", "delay": 20, "evaluation_range_extra": 2},
    )

    comparison = compare(scenario, replications=1000, seed=3)

    minute = comparison.sample("quick").measures["deployment_duration_s"] - 60
    mean_is(minute, 30)
    assert stats.kstest(minute, stats.uniform(0, 60).cdf).pvalue > 0.0027
    two = comparison.sample("slow").measures["deployment_duration_s"]
    np.testing.assert_allclose(two - minute, 120)


# 500 requests a minute, more than 2 % errors: q of a bad and of a good revision.
Q_BAD, Q_GOOD = stats.binom.sf(10, 500, 0.03), stats.binom.sf(10, 500, 0.01)
TRADE_OFF = {  # M, N: mean periods to detect, P(false alarm within 60 periods)
    (1, 1): (1.12967, 0.550636),
    (2, 3): (2.27443, 0.0196930),
    (3, 5): (3.39719, 0.000752588),
    (3, 3): (3.84747, 0.000132962),
}


def watched_by(alarm: str, weight: float, pause: str) -> dict[str, object]:
    return {
        "name": alarm,
        "steps": [{"weight": weight, "pause": pause}],
        "alarmConfiguration": {"enabled": True, "alarms": [{"name": alarm}]},
    }


def names(m: int, n: int) -> str:
    return f"{m} of {n}"


def test_more_datapoints_detect_later(
    scenario_of: Make, alarm_on: Make, mean_is: Make, compare: Make
) -> None:
    """1 of 1, 2 of 3, 3 of 5 and 3 of 3 on the same service: 1,000 deployments each."""
    scenario = scenario_of(
        [watched_by(names(m, n), 100, "600m") for m, n in TRADE_OFF],
        faults=[{"kind": "errors", "rate": 0.03}],
        alarms=[alarm_on(names(m, n), above=10, m=m, n=n) for m, n in TRADE_OFF],
        watched=[],
        traffic={"rate": 500 / 60, "dispersion": 0},
    )

    comparison = compare(scenario, replications=1000, seed=8)

    for (m, n), (expected, _) in TRADE_OFF.items():
        assert m_of_n(Q_BAD, m, n)[0] == pytest.approx(expected, rel=1e-5)
        minutes = comparison.sample(names(m, n)).measures["deployment_duration_s"] / 60
        mean_is(minutes, expected)


def fooled(
    m: int, n: int, engine: str, replications: int, scenario_of: Make, alarm_on: Make
) -> int:
    """Return how many hours' deployments of a good revision are rolled back."""
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 100, "pause": "60m"}]},
        alarms=[alarm_on(above=10, m=m, n=n)],
        traffic={"rate": 500 / 60, "dispersion": 0},
        service={"error_rate": 0.01},
    )
    runs = stratsim.compare(scenario, replications=replications, seed=6, engine=engine).sample("it")
    assert (runs.events["false_rollback"] == runs.events["rollback"]).all()
    assert not runs.measures["failed_requests"].any()
    return int(runs.events["false_rollback"].sum())


@pytest.mark.parametrize(("m", "n", "replications"), [(1, 1, 1500), (2, 3, 1000)])
def test_a_good_revision_fools_a_hasty_alarm(
    m: int, n: int, replications: int, scenario_of: Make, alarm_on: Make, share_is: Make
) -> None:
    """An hour's deployment whose requests fail as they always did, 1 % of them."""
    _, expected = TRADE_OFF[m, n]
    assert m_of_n(Q_GOOD, m, n, 60)[1] == pytest.approx(expected, rel=1e-5)

    share_is(fooled(m, n, "des", replications, scenario_of, alarm_on), replications, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("m", "n", "replications"), [(1, 1, 10_000), (2, 3, 20_000), (3, 5, 40_000), (3, 3, 80_000)]
)
def test_more_datapoints_are_fooled_less(
    m: int, n: int, replications: int, scenario_of: Make, alarm_on: Make
) -> None:
    """The rarer, the more hours: by the engine of arrays, from 10,000 to 80,000.

    Of 3 of 5 some 30 alarms are expected, of 3 of 3 some 11: the central 0.9973
    of the binomial distribution is allowed.
    """
    _, expected = TRADE_OFF[m, n]
    assert m_of_n(Q_GOOD, m, n, 60)[1] == pytest.approx(expected, rel=1e-5)

    found = fooled(m, n, "batch", replications, scenario_of, alarm_on)

    low, high = stats.binom.ppf([0.00135, 0.99865], replications, expected)
    assert low <= found <= high
