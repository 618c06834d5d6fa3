"""Error budgets and burn-rate alarms: the arithmetic of the SRE Workbook, chapter 5.

Noise is off, so everything is exact; alarms are evaluated once a minute, so a
time at which a window crosses its threshold is rounded up to the next minute.
Windows of more than a day (3 days, 36 hours) are no period an alarm can have.
"""

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

import stratsim

Make = Callable[..., Any]

HOUR_S = 3600.0
ALL_AT_ONCE = {"name": "it", "steps": [{"weight": 100}]}


@pytest.mark.parametrize(
    ("window_h", "burn", "errors", "minutes"),
    [
        (1, 14.4, 1.0, 0.864),
        (1, 14.4, 0.2, 4.32),
        (1, 14.4, 0.05, 17.28),
        (1, 14.4, 0.02, 43.2),
        (6, 6, 1.0, 2.16),
        (6, 6, 0.2, 10.8),
        (6, 6, 0.05, 43.2),
        (1, 36, 1.0, 2.16),
        (1, 36, 0.05, 43.2),
    ],
)
def test_detection_of_an_outage_by_a_burn_rate(
    window_h: float,
    burn: float,
    errors: float,
    minutes: float,
    scenario_of: Make,
    percent_alarm: Make,
) -> None:
    """Window x burn rate x (1 - SLO) / error ratio, at an SLO of 99.9 %."""
    alarm = percent_alarm(above=100 * burn * 0.001, side=None, period=window_h * 3600)
    scenario = scenario_of(
        ALL_AT_ONCE,
        faults=[{"kind": "errors", "rate": errors}],
        alarms=[alarm],
        wait_min=240,
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert window_h * 60 * burn * 0.001 / errors == pytest.approx(minutes)
    assert run.outcome["time_to_detect_s"] == 60 * ceil(minutes)


def test_an_error_ratio_below_the_burn_rate_is_never_seen(
    scenario_of: Make, percent_alarm: Make
) -> None:
    """1 % of errors burns at 10, below 14.4, however long it lasts."""
    scenario = scenario_of(
        ALL_AT_ONCE,
        faults=[{"kind": "errors", "rate": 0.01}],
        alarms=[percent_alarm(above=1.44, side=None, period=3600)],
        wait_min=1440,
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert run.status == "Succeeded"
    assert run.outcome["time_to_detect_s"] is None


def test_a_single_window_stays_on_long_after_the_outage(
    scenario_of: Make, percent_alarm: Make
) -> None:
    """An hour at 36 times the budget: 60 - 36 x 0.001 x 60 = 57.84 minutes, so 58."""
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 0, "pause": "2h"}]},
        environment=[{"kind": "errors", "rate": 1, "at": 0, "for": "10m"}],
        alarms=[percent_alarm(above=3.6, side=None, period=3600)],
        watched=[],
        noise="expected",
    )

    changes = stratsim.simulate(scenario, "it").alarms

    assert changes["to"].tolist() == ["OK", "ALARM", "OK"]
    assert changes["time_s"].tolist() == [0, 180, 60 * (10 + 58)]


def test_two_windows_fire_late_and_clear_early(scenario_of: Make, percent_alarm: Make) -> None:
    """15 % errors for 10 minutes against 14.4 times the budget in 5 minutes and an hour.

    In continuous time the short window crosses at 0.48 minutes and clears 4.52
    after the errors stop, the long one at 5.76 and 54.24; the alarm on both is
    on from the later to the earlier (Workbook, figure 5-6). Rounded up:
    """
    short = percent_alarm("short", above=1.44, side=None, period=300)
    long = percent_alarm("long", above=1.44, side=None, period=3600)
    both = {"AlarmName": "both", "AlarmRule": "ALARM(short) AND ALARM(long)"}
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 0, "pause": "2h"}]},
        environment=[{"kind": "errors", "rate": 0.15, "at": 0, "for": "10m"}],
        alarms=[short, long, both],
        watched=[],
        noise="expected",
    )

    changes = stratsim.simulate(scenario, "it").alarms

    minutes = {
        name: (changes[changes["alarm"] == name]["time_s"] / 60).tolist()[1:]
        for name in ("short", "long", "both")
    }
    assert minutes == {"short": [1, 15], "long": [6, 65], "both": [6, 15]}


def budget(scenario_of: Make, share: float, errors: float, hours: float, **sections: Any) -> float:
    """Return the error budget that a deployment of some hours spends."""
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 100 * share, "pause": hours * HOUR_S}]},
        faults=[{"kind": "errors", "rate": errors}],
        noise="expected",
        **sections,
    )
    run = stratsim.simulate(scenario, "it")
    assert run.outcome["deployment_duration_s"] == pytest.approx(hours * HOUR_S, abs=1e-6)
    return float(run.outcome["error_budget"])


@pytest.mark.parametrize(
    ("burn", "hours", "expected"),
    [
        (14.4, 1, 0.02),
        (6, 6, 0.05),
        (1, 72, 0.10),
        (35, 720 / 35, 1.0),  # 20.571 hours: a burn rate that an alarm at 36 would miss
        (1000, 0.72, 1.0),  # an outage: 43.2 minutes
    ],
)
def test_a_burn_rate_spends_the_budget(
    burn: float, hours: float, expected: float, scenario_of: Make
) -> None:
    """99.9 % over 30 days: burn rate x time / 30 days."""
    spent = budget(scenario_of, 1, burn * 0.001, hours)

    assert spent == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("share", "seconds"), [(1, 25.92), (0.01, 2592)])
def test_five_nines_are_gone_in_seconds(share: float, seconds: float, scenario_of: Make) -> None:
    """99.999 %: an outage spends the month in 25.92 s; one of a 1 % rollout in 43.2 minutes."""
    spent = budget(scenario_of, share, 1, seconds / HOUR_S, slo={"availability": 0.99999})

    assert spent == pytest.approx(1, rel=1e-9)


def test_one_failure_among_few_requests_spends_much(scenario_of: Make) -> None:
    """10 requests an hour: one failure is 13.889 % of the month, in its hour 100 times the rate."""
    spent = budget(scenario_of, 1, 1, 0.1, traffic={"rate": 10 / HOUR_S})

    assert spent == pytest.approx(1 / (10 * 720 * 0.001), rel=1e-9)
    assert spent == pytest.approx(0.138889, abs=1e-6)


def test_a_canary_spends_its_share_of_the_budget(scenario_of: Make) -> None:
    """20 % errors for half an hour: 0.694 % of the month at 5 % of traffic, 20 times that at all."""
    canary = budget(scenario_of, 0.05, 0.2, 0.5)
    everybody = budget(scenario_of, 1, 0.2, 0.5)

    assert canary == pytest.approx(0.00694444, abs=1e-8)
    assert everybody == pytest.approx(0.138889, abs=1e-6)
    assert everybody / canary == pytest.approx(20, rel=1e-12)
