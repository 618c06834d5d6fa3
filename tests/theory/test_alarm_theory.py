"""The evaluator fed with drawn counts, against closed forms.

Numbers in the tests are computed by SciPy or from the recurrences of runs, none
of them by the code under test. Draws have fixed seeds; an estimate may lie 4
standard errors from its closed form, which a right evaluator misses with
probability 6e-5 per comparison (normal approximation), so with under 1e-3 over
all comparisons of this file.
"""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from stratsim.cloudwatch.evaluation import State, judge_over_time
from stratsim.cloudwatch.metric_math import compile_expression
from stratsim.cloudwatch.replay import replay_alarm
from stratsim.cloudwatch.thresholds import breaches
from stratsim.model.alarm import MetricAlarm

ERRORS = 4.0  # standard errors
PERCENT = compile_expression("100*e/r")


def percent_over(threshold: float, m: int = 1, n: int = 1) -> MetricAlarm:
    return MetricAlarm(
        AlarmName="error share",
        EvaluationPeriods=n,
        DatapointsToAlarm=m,
        Threshold=threshold,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def breach_share(
    requests: NDArray[np.float64], errors: NDArray[np.float64], threshold: float
) -> tuple[float, float]:
    """Return the share of periods that breach, and its standard error."""
    alarm = percent_over(threshold)
    values = PERCENT.evaluate({"e": errors, "r": requests}, 60.0)
    share = float((breaches(alarm, values) == 1).mean())
    return share, float(np.sqrt(share * (1 - share) / errors.size))


@pytest.mark.parametrize(("p", "expected"), [(0.01, 0.0132436), (0.03, 0.8852125)])
def test_breach_probability_with_fixed_counts(p: float, expected: float) -> None:
    """500 requests, more than 2 % errors: a binomial tail beyond 10."""
    rng = np.random.default_rng(1)
    requests = np.full(200_000, 500.0)

    share, error = breach_share(requests, rng.binomial(500, p, 200_000).astype(float), 2.0)

    assert stats.binom.sf(10, 500, p) == pytest.approx(expected, rel=1e-4)
    assert abs(share - expected) < ERRORS * error


def test_breach_probability_with_poisson_arrivals() -> None:
    """A random number of requests breaches oftener than its mean would: 0.927, not 0.882."""
    rng = np.random.default_rng(2)
    requests = rng.poisson(100, 200_000)
    errors = rng.binomial(requests, 0.05)

    share, error = breach_share(requests.astype(float), errors.astype(float), 2.0)

    assert abs(share - 0.9265019) < ERRORS * error
    assert abs(share - 0.8817370) > 20 * error


def first_alarm(
    q: float, m: int, n: int, rows: int, periods: int, seed: int
) -> NDArray[np.float64]:
    """Draw breaches with probability `q`; return the period (from 1) of the first ALARM.

    Rows without an alarm are infinite.
    """
    rng = np.random.default_rng(seed)
    cells = (rng.random((rows, periods)) < q).astype(np.int8)
    states = judge_over_time(cells, m, n, "notBreaching", n + 2, State.OK)
    alarmed = states == State.ALARM
    return np.where(alarmed.any(axis=1), alarmed.argmax(axis=1) + 1.0, np.inf)


def assert_mean(sample: NDArray[np.float64], expected: float) -> None:
    error = sample.std(ddof=1) / np.sqrt(sample.size)
    assert abs(sample.mean() - expected) < ERRORS * error


def test_three_consecutive_datapoints() -> None:
    """Mean (1 - q^3) / ((1 - q) q^3); by the 5th period q^3 (1 + 2 (1 - q))."""
    q = 0.8817370

    periods = first_alarm(q, 3, 3, 50_000, 120, seed=3)

    assert np.isfinite(periods).all()
    assert_mean(periods, 3.879121)
    assert_mean((periods <= 5).astype(float), 0.847658)


# Closed forms by absorbing Markov chains over the last N - 1 periods:
# mean periods to detect at q1, and P(false alarm within 60 periods) at q0.
Q0, Q1 = 0.0132436, 0.8852125
TRADE_OFF = {
    (1, 1): (1.12967, 0.550636),
    (2, 3): (2.27443, 0.0196930),
    (3, 5): (3.39719, 0.000752588),
    (3, 3): (3.84747, 0.000132962),
}


@pytest.mark.parametrize(("m", "n"), TRADE_OFF)
def test_m_of_n_trades_delay_for_false_alarms(m: int, n: int) -> None:
    detection, false_alarm = TRADE_OFF[m, n]

    detected = first_alarm(Q1, m, n, 50_000, 120, seed=10 * m + n)
    fooled = first_alarm(Q0, m, n, 200_000, 60, seed=100 + 10 * m + n)

    assert np.isfinite(detected).all()
    assert_mean(detected, detection)
    # The rarest event is Poisson rather than normal: bounds of its own quantiles.
    low, high = stats.binom.ppf([3e-5, 1 - 3e-5], fooled.size, false_alarm)
    assert low <= np.isfinite(fooled).sum() <= high


def test_two_of_three_by_enumeration() -> None:
    """Every pattern of 4 periods, no draw at all.

    Without an alarm no two breaches are nearer than 3 periods: of 16 patterns
    only 0000, the four with one breach, and X00X stay silent.
    """
    patterns = np.array(list(product((0, 1), repeat=4)), np.int8)

    states = judge_over_time(patterns, 2, 3, "notBreaching", 5, State.OK)

    assert (states == State.ALARM).any(axis=1).sum() == 10


def test_multiwindow_burn_rate_in_whole_minutes() -> None:
    """15 % errors for 10 minutes at 99.9 %, burn rate 14.4 in 5 minutes and an hour.

    In continuous time the windows cross at 0.48 and 5.76 minutes and clear 4.52
    and 54.24 minutes after the errors stop; an evaluation at the end of each
    minute sees them at the next whole minute.
    """
    errors = [15.0 if 60 <= minute < 70 else 0.0 for minute in range(140)]
    states = {
        width: np.array(
            replay_alarm(
                {
                    "Statistic": "Average",
                    "Period": width * 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 1.44,
                    "ComparisonOperator": "GreaterThanThreshold",
                },
                errors,
                evaluation_range=1,
            )
        )
        == "ALARM"
        for width in (5, 60)
    }

    both = states[5] & states[60]
    minutes = {
        name: np.flatnonzero(one) + 1 - 60 for name, one in (*states.items(), ("both", both))
    }

    assert (minutes[5][0], minutes[60][0]) == (1, 6)  # ceil 0.48, ceil 5.76
    assert (minutes[5][-1] - 10, minutes[60][-1] - 10) == (4, 54)  # still on at floor
    assert (minutes["both"][0], minutes["both"][-1]) == (6, 14)


def test_a_canary_drowns_in_the_metric_of_the_whole_service() -> None:
    """6,000 requests a minute, a tenth of them new at 5 % errors, the rest at 0.1 %.

    Over the whole service 0.59 % fail: more than 1 % once in 18,000 minutes.
    On the canary's own metric nearly every minute breaches.
    """
    rng = np.random.default_rng(11)
    size = 400_000
    whole = rng.binomial(6_000, 0.0059, size).astype(float)
    canary = rng.binomial(600, 0.05, size).astype(float)

    alarm = percent_over(1.0)
    drowned = breaches(alarm, PERCENT.evaluate({"e": whole, "r": np.full(size, 6_000.0)}, 60.0))
    scoped = breaches(alarm, PERCENT.evaluate({"e": canary, "r": np.full(size, 600.0)}, 60.0))

    low, high = stats.binom.ppf([3e-5, 1 - 3e-5], size, 5.526e-5)
    assert low <= (drowned == 1).sum() <= high
    assert (scoped == 1).sum() >= size - 1  # P(miss) below 1e-7 a minute: 0.04 expected
