"""The plain model of an anomaly band."""

import numpy as np
import pytest

from stratsim.cloudwatch import fit_anomaly, replay_alarm
from stratsim.errors import InputError

MINUTE_S, DAY_S = 60.0, 86_400.0
WEEKS = np.arange(14 * 1440) * MINUTE_S


def daily(times_s: np.ndarray) -> np.ndarray:
    """900 on average, 450 at night and 1,350 by day."""
    return 900 + 450 * np.sin(2 * np.pi * times_s / DAY_S)


def test_noise_around_a_level_is_bounded_by_its_deviation() -> None:
    """Normal noise: 4.55 % lie outside two deviations, 0.27 % outside three."""
    rng = np.random.default_rng(1)
    model = fit_anomaly(rng.normal(100, 5, 3_000), start_s=0)

    assert model.sigma == pytest.approx(5, rel=0.05)
    future = rng.normal(100, 5, 20_000)
    times = (3_000 + np.arange(20_000)) * MINUTE_S
    for width, outside in ((2, 0.0455), (3, 0.0027)):
        low, high = np.moveaxis(model.band(times, width), -1, 0)
        share = ((future < low) | (future > high)).mean()
        assert share == pytest.approx(outside, rel=0.35)


def test_a_daily_pattern_is_learnt_from_two_weeks() -> None:
    """The next day's expectation is within 2 % of the truth at every minute."""
    rng = np.random.default_rng(2)
    model = fit_anomaly(rng.poisson(daily(WEEKS)).astype(float))
    tomorrow = WEEKS[-1] + np.arange(1, 1441) * MINUTE_S

    assert np.abs(model.expected(tomorrow) / daily(tomorrow) - 1).max() < 0.02


def test_a_weekly_pattern_is_learnt() -> None:
    """Half the traffic on two days of seven."""
    weekend = np.where((WEEKS // DAY_S) % 7 >= 5, 500.0, 1000.0)
    model = fit_anomaly(weekend + np.random.default_rng(3).normal(0, 10, weekend.size))

    noon = (np.arange(14, 21) + 0.5) * DAY_S

    assert model.expected(noon) == pytest.approx([1000] * 5 + [500] * 2, rel=0.03)


def test_a_pattern_is_believed_once_it_was_seen_twice() -> None:
    """Ten days show no week and a half, two days show the hours, one day does not."""
    shown = {
        days: sorted(pattern.cycle_s for pattern in fit_anomaly(WEEKS[: days * 1440]).patterns)
        for days in (1, 2, 10, 14)
    }

    assert shown == {
        1: [3600],
        2: [3600, DAY_S],
        10: [3600, DAY_S],
        14: [3600, DAY_S, 7 * DAY_S],
    }


def test_a_trend_goes_on() -> None:
    """Ten more a day."""
    model = fit_anomaly(100 + 10 * WEEKS / DAY_S)

    assert model.slope_per_s * DAY_S == pytest.approx(10, rel=0.01)
    assert model.expected([20.5 * DAY_S]) == pytest.approx([305], rel=0.01)


def test_a_few_outliers_do_not_move_the_band() -> None:
    """An hour of ten times the errors in a week changes the width by little."""
    rng = np.random.default_rng(4)
    clean = rng.normal(50, 3, 7 * 1440)
    dirty = clean.copy()
    dirty[2000:2060] *= 10

    before, after = fit_anomaly(clean), fit_anomaly(dirty)

    assert after.sigma == pytest.approx(before.sigma, rel=0.05)


def test_the_band_stays_where_the_metric_can_be() -> None:
    """Not below 0 for counts, not above 100 for percent, but below 0 for a balance."""
    rng = np.random.default_rng(5)
    counts = fit_anomaly(rng.poisson(1.0, 2_000).astype(float))
    percent = fit_anomaly(np.clip(rng.normal(97, 3, 2_000), 0, 100), highest=100)
    balance = fit_anomaly(rng.normal(0, 3, 2_000))
    times = np.arange(2_000, 2_100) * MINUTE_S

    assert counts.band(times, 3)[:, 0].min() == 0
    assert percent.band(times, 3)[:, 1].max() == 100
    assert balance.band(times, 3)[:, 0].max() < 0


def test_a_metric_that_is_mostly_zero_still_has_a_width() -> None:
    errors = np.zeros(1_000)
    errors[::20] = 4

    model = fit_anomaly(errors)

    assert model.sigma == pytest.approx(4 * np.sqrt(0.05), rel=0.1)


def test_excluded_ranges_and_old_history_are_left_out() -> None:
    series = np.full(1_000, 10.0)
    series[400:600] = 500
    long = np.concatenate([np.full(15 * 1440, 1.0), np.full(14 * 1440, 7.0)])

    assert fit_anomaly(series, excluded_s=[(400 * 60, 600 * 60)]).sigma == 0
    assert fit_anomaly(long).expected([0.0]) == pytest.approx([7])


def test_a_band_alarm_is_replayed_with_the_model() -> None:
    """A canary that doubles the errors leaves the band at once."""
    rng = np.random.default_rng(6)
    history = rng.poisson(100, 2_000).astype(float)
    after = [*rng.poisson(100, 5).tolist(), *[200] * 5]
    times = (2_000 + np.arange(10)) * MINUTE_S
    alarm = {
        "EvaluationPeriods": 2,
        "ComparisonOperator": "GreaterThanUpperThreshold",
        "ThresholdMetricId": "band",
    }

    band = fit_anomaly(history).band(times, 3).tolist()
    states = replay_alarm(alarm, after, band=band)

    assert states == ["OK"] * 6 + ["ALARM"] * 4


@pytest.mark.parametrize("history", [[], [1.0], [None, None, 3.0]])
def test_a_history_is_needed(history: list[float | None]) -> None:
    with pytest.raises(InputError, match="values: must be a history"):
        fit_anomaly(history)


def test_at_most_ten_ranges_are_excluded() -> None:
    with pytest.raises(InputError, match="excluded_s: must be at most 10 ranges"):
        fit_anomaly([1.0, 2.0], excluded_s=[(0, 1)] * 11)
