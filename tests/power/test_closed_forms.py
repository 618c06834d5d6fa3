"""Chances of a period and times to detect, against SciPy and recurrences on paper."""

import numpy as np
import pytest
from scipy import stats

from stratsim.cloudwatch.parse import parse_alarm
from stratsim.model.alarm import MetricAlarm
from stratsim.power import PowerSetting, alarm_power
from stratsim.power.chain import Chain
from stratsim.power.law import counts, period_law
from stratsim.power.watched import watched


def share_alarm(threshold: float, m: int = 1, n: int = 1, side: str = "new") -> MetricAlarm:
    document = {
        "AlarmName": "share",
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "ExecutedVersion", "Value": side}] if side else [],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": n,
        "DatapointsToAlarm": m,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    found = parse_alarm(document)
    assert isinstance(found, MetricAlarm)
    return found


def breach(mean: float, dispersion: float, p: float, threshold: float) -> float:
    judge = watched(share_alarm(threshold), PowerSetting(rate_rps=1)).judge
    law = period_law(mean, dispersion, 0.0, p, 1.0)
    return law.chances(judge(law.requests[:, None], law.bad[None, :]))[0]


@pytest.mark.parametrize(
    ("mean", "dispersion", "p", "threshold", "expected"),
    [
        (500, 0, 0.01, 0.02, 0.0132436),  # binomial tail beyond 10 of 500
        (500, 0, 0.03, 0.02, 0.8852125),
        (100, 1, 0.05, 0.02, 0.9265019),  # over a Poisson number of requests
        (100, 0, 0.05, 0.02, 0.8817370),
        (6000, 0, 0.0059, 0.01, 5.5259e-5),  # a tenth of the traffic at 5 %, diluted
    ],
)
def test_one_period(
    mean: float, dispersion: float, p: float, threshold: float, expected: float
) -> None:
    assert breach(mean, dispersion, p, threshold) == pytest.approx(expected, rel=1e-4)


def test_the_canarys_own_metric_sees_it() -> None:
    assert breach(600, 0, 0.05, 0.01) > 0.9999999


# Mean periods at q1 and false alarm within 60 periods at q0: absorbing chains over
# the last N - 1 outcomes.
Q0, Q1 = float(stats.binom.sf(10, 500, 0.01)), float(stats.binom.sf(10, 500, 0.03))
TRADE_OFF = {
    (1, 1): (1.12967, 0.550636),
    (2, 3): (2.27443, 0.0196930),
    (3, 5): (3.39719, 0.000752588),
    (3, 3): (3.84747, 0.000132962),
}


@pytest.mark.parametrize(("m", "n"), TRADE_OFF)
def test_m_of_n(m: int, n: int) -> None:
    chain = Chain(share_alarm(0.02, m, n), n + 2)
    mean, false_alarm = TRADE_OFF[m, n]

    assert chain.mean_periods((Q1, 0.0)) == pytest.approx(mean, rel=1e-5)
    fired = chain.first_alarm(chain.empty(), [(Q0, 0.0)] * 60)
    assert fired.sum() == pytest.approx(false_alarm, rel=1e-4)


def test_three_in_a_row() -> None:
    """Mean (1 - q^3) / ((1 - q) q^3); by the fifth period q^3 (1 + 2 (1 - q))."""
    q = 0.8817370188
    chain = Chain(share_alarm(0.02, 3, 3), 5)

    assert chain.mean_periods((q, 0.0)) == pytest.approx((1 - q**3) / ((1 - q) * q**3))
    by_fifth = chain.first_alarm(chain.empty(), [(q, 0.0)] * 5).sum()
    assert by_fifth == pytest.approx(q**3 * (1 + 2 * (1 - q)))


def test_gaps_reach_back_for_older_datapoints() -> None:
    """2 of 2 in a range of 4: a breach waits two empty periods for the second one."""
    chain = Chain(share_alarm(0.02, 2, 2), 4)
    breach, gap = (1.0, 0.0), (0.0, 1.0)

    near = chain.first_alarm(chain.empty(), [breach, gap, gap, breach])
    far = chain.first_alarm(chain.empty(), [breach, gap, gap, gap, breach])

    assert near.tolist() == [0, 0, 0, 1]
    assert far.sum() == 0


@pytest.mark.parametrize(
    ("dispersion", "law"),
    [
        (1.0, stats.poisson(32)),
        (2.5, stats.nbinom(32 / 1.5, 1 / 2.5)),
        (0.2, stats.binom(40, 0.8)),
    ],
)
def test_numbers_of_requests(dispersion: float, law: stats.rv_discrete) -> None:
    values, chances = counts(32.0, dispersion)

    assert chances == pytest.approx(law.pmf(values), abs=1e-12)
    assert chances.sum() == pytest.approx(1.0)


def test_background_errors_come_in_clumps() -> None:
    """Variance/mean of beta-binomial errors is the one asked for, times 1 - p."""
    law = period_law(1000, 0, 0.0, 0.01, 4.0)
    mean = float((law.probability * law.bad).sum())
    variance = float((law.probability * (law.bad - mean) ** 2).sum())

    assert law.probability.sum() == pytest.approx(1.0, abs=1e-9)
    assert mean == pytest.approx(10.0, rel=1e-6)
    assert variance / mean == pytest.approx(4.0 * 0.99, rel=1e-6)


def test_the_smallest_regression_is_where_the_curve_crosses() -> None:
    setting = PowerSetting(rate_rps=100, weight=0.1, bake_s=600, background=0.001)
    found = alarm_power(share_alarm(0.02, 2, 3), setting, [0.01, 0.05])
    assert found.smallest_80 is not None
    assert found.smallest_95 is not None

    at = alarm_power(share_alarm(0.02, 2, 3), setting, [found.smallest_80, found.smallest_95])

    assert [p.detected for p in at.points[1:]] == pytest.approx([0.80, 0.95], abs=0.005)
    assert found.smallest_80 < found.smallest_95


def test_dilution() -> None:
    """Over the whole service a tenth of 5 % over 0.1 % shows 0.59 %."""
    setting = PowerSetting(rate_rps=100, weight=0.1, background=0.001, dispersion=0)
    found = alarm_power(share_alarm(0.01, side=""), setting, [0.05])

    point = found.points[1]
    assert point.seen == pytest.approx(0.0059)
    assert point.breach == pytest.approx(5.53e-5, rel=0.05)
    assert found.notes[0].startswith("diluted")


def test_a_percentile_breaches_where_too_many_are_slow() -> None:
    """p99 of 600 is above L where more than 6 are: rank 594 of 600."""
    document = {
        "AlarmName": "p99",
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "TargetResponseTime",
        "Dimensions": [{"Name": "TargetGroup", "Value": "new"}],
        "ExtendedStatistic": "p99",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    alarm = parse_alarm(document)
    assert isinstance(alarm, MetricAlarm)
    setting = PowerSetting(rate_rps=100, weight=0.1, dispersion=0)

    found = alarm_power(alarm, setting, [0.02])

    assert found.what == "slow"
    assert found.points[1].breach == pytest.approx(float(stats.binom.sf(6, 600, 0.02)), rel=1e-6)


def test_chances_are_chances() -> None:
    found = alarm_power(share_alarm(0.02, 2, 3), PowerSetting(rate_rps=2, weight=0.05))
    rows = np.array(found.distributions)

    assert (np.diff(rows, axis=1) >= -1e-12).all()
    assert rows.min() >= 0
    assert rows.max() <= 1
