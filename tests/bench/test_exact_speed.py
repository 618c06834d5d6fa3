"""How long the exact engine takes per strategy and per setting; prints, asserts no time."""

from time import process_time

import numpy as np
import pytest

import stratsim
from stratsim.errors import UnsupportedError
from stratsim.model.alarm import MetricAlarm
from stratsim.scenario_io.bundled import bundled_names
from stratsim.study.settings import AlarmSetting, error_cases, solve_settings

pytestmark = pytest.mark.bench

CASES = [
    ("ecs-canary50-5m", "canary 50 percent 5 minutes", "lb-wide", range(1, 51)),
    ("checkout-ecs", "CodeDeployDefault.ECSCanary10Percent5Minutes", "checkout-5xx", range(5, 105, 2)),
    ("lambda-canary-any-error-1of1", "CodeDeployDefault.LambdaCanary10Percent5Minutes",
     "version-errors", range(1, 51)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "strategy", "alarm", "thresholds"), CASES)
def test_thresholds(name: str, strategy: str, alarm: str, thresholds: range) -> None:
    scenario = stratsim.load(name)
    settings = [AlarmSetting(float(t), 2, 3, "notBreaching") for t in thresholds]
    for label, outcomes, worlds in (
        ("one release, one phase", error_cases([0.02]), 1),
        ("its outcomes, 8 worlds", None, 8),
    ):
        for some in (settings[:1], settings):
            times = []
            for _ in range(3):
                start = process_time()
                found = solve_settings(scenario, strategy, alarm, some, outcomes, worlds)
                times.append(process_time() - start)
            each = 1000 * min(times) / len(some)
            print(f"\n{name}, {label}, {len(some):3} thresholds: {each:8.2f} ms each")
            assert found.means["failed_requests"].shape[0] == len(some)


@pytest.mark.parametrize("name", bundled_names())
def test_every_strategy(name: str) -> None:
    """50 thresholds of each alarm, all outcomes of the release, one world."""
    scenario = stratsim.load(name)
    for strategy in (spec.name for spec in scenario.strategies):
        for alarm in scenario.alarms:
            if not isinstance(alarm, MetricAlarm):
                continue
            above = (
                np.linspace(0.5, 1.5, 50) * (alarm.Threshold or 1)
                if alarm.Metrics
                else 1.0 + np.arange(50)
            )
            settings = [AlarmSetting(float(t), alarm.m, alarm.n, alarm.treatment) for t in above]
            times = []
            try:
                for _ in range(3):
                    start = process_time()
                    found = solve_settings(scenario, strategy, alarm.AlarmName, settings, worlds=1)
                    times.append(process_time() - start)
            except UnsupportedError:
                break
            print(f"\n{name}, {strategy}, {alarm.AlarmName}: {20 * min(times):.1f} ms each", end="")
            assert found.means["failed_requests"].shape[0] == len(settings)
