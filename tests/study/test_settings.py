"""Many alarm settings at once: against closed forms, and against one at a time."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import stratsim
from stratsim.engine.exact import solve
from stratsim.engine.setup import prepare
from stratsim.errors import InputError, UnsupportedError
from stratsim.measures import MEASURES, events
from stratsim.strategies import build_plan
from stratsim.study.settings import AlarmSetting, error_cases, solve_settings


def scenario_of(**more: Any) -> Any:
    """500 requests a minute to the new revision for an hour; errors watched per minute."""
    return stratsim.load(
        {
            "name": "bench",
            "platform": "ecs",
            "service": {"error_rate": 0, "error_dispersion": 1, "startup": 0, "instances": 10,
                        "zones": 1, "capacity": 1000, "drain": 0},
            "traffic": {"rate": 1000 / 60, "dispersion": 0},
            "alarms": [{
                "AlarmName": "errors", "Namespace": "AWS/ApplicationELB",
                "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum", "Period": 60,
                "Dimensions": [{"Name": "TargetGroup", "Value": "new"}], "EvaluationPeriods": 1,
                "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
            }],
            "deployment_group": {
                "autoRollbackConfiguration": {
                    "enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]},
                "alarmConfiguration": {"enabled": True, "alarms": [{"name": "errors"}]},
                "blueGreenDeploymentConfiguration": {
                    "terminateBlueInstancesOnDeploymentSuccess": {
                        "action": "TERMINATE", "terminationWaitTimeInMinutes": 0}},
            },
            "strategies": [{"name": "it", "steps": [{"weight": 50, "pause": "20m"}]}],
            "metrics": {"delay": 0, "phase": 0, "evaluation_range_extra": 0},
            "control": {"alarm_poll": 0, "reroute": 0, "follow_up": 0},
            "on_call": {"respond": "10h", "notice": "10h"},
        }
        | more
    )  # fmt: skip


def rolled_back(q: float, m: int, n: int, periods: int) -> float:
    """P(m breaches within n periods, some time), over all sequences that matter."""
    alive: dict[tuple[int, ...], float] = {(0,) * (n - 1): 1.0}
    for _ in range(periods):
        after: dict[tuple[int, ...], float] = {}
        for past, p in alive.items():
            for breach, chance in ((0, 1 - q), (1, q)):
                window = (*past, breach)
                if sum(window) < m:
                    after[window[1:]] = after.get(window[1:], 0.0) + p * chance
        alive = after
    return 1 - sum(alive.values())


def test_operating_points_of_all_thresholds_at_once() -> None:
    """n = 500 fixed; 1 % and 3 % of errors; P5 of the dossier is threshold 10."""
    thresholds, ways = (5, 10, 14), ((1, 1), (2, 3), (3, 5))
    settings = [
        AlarmSetting(t, m, n, "notBreaching") for t, (m, n) in itertools.product(thresholds, ways)
    ]

    found = solve_settings(scenario_of(), "it", "errors", settings, error_cases([0.01, 0.03]))

    for setting, row in zip(settings, found.probabilities["rollback"], strict=True):
        q = stats.binom.sf(setting.threshold, 500, [0.01, 0.03])
        expected = [rolled_back(one, setting.m, setting.n, 20) for one in q]
        assert row == pytest.approx(expected, abs=1e-6)
    assert found.overall("rollback") == pytest.approx(found.probabilities["rollback"].mean(axis=1))


def test_no_release_of_these_fails_a_healthy_one() -> None:
    found = solve_settings(
        scenario_of(),
        "it",
        "errors",
        [AlarmSetting(10), AlarmSetting(1000)],
        error_cases([0, 0.05]),
    )

    assert found.cases == ("0", "0.05")
    assert found.means["failed_requests"][:, 0].tolist() == [0, 0]
    assert found.probabilities["missed"][1] == pytest.approx([0, 1])
    assert np.isnan(found.means["time_to_detect_s"][1]).all()
    # 20 minutes of the half and none after: 500 a minute, 5 % of them
    assert found.means["failed_requests_fault"][1, 1] == pytest.approx(500, rel=1e-6)


def test_it_says_the_same_as_one_setting_at_a_time() -> None:
    scenario = stratsim.load("checkout-ecs")
    name = "CodeDeployDefault.ECSCanary10Percent5Minutes"
    settings = [AlarmSetting(20, 2, 3, "notBreaching"), AlarmSetting(60, 1, 2, "breaching")]

    found = solve_settings(scenario, name, "checkout-5xx", settings, worlds=2)

    for number, setting in enumerate(settings):
        alarms = tuple(
            setting.of(a) if a.AlarmName == "checkout-5xx" else a for a in scenario.alarms
        )
        changed = replace(scenario, alarms=alarms)
        setup = prepare(changed, build_plan(changed, name))
        one = solve(setup, scenario.seed, worlds=2)
        failed = MEASURES.get("failed_requests").compute(one.tally, changed)
        rolled = events(one.tally, changed)["rollback"]
        assert found.overall("failed_requests")[number] == pytest.approx(
            float(failed @ one.weight), rel=1e-5
        )
        assert found.overall("rollback")[number] == pytest.approx(
            float(one.weight[rolled].sum()), abs=1e-6
        )


def test_bad_questions() -> None:
    setting = [AlarmSetting(10)]
    with pytest.raises(InputError, match="alarm: must be one of errors, but got"):
        solve_settings(scenario_of(), "it", "eror", setting)
    with pytest.raises(InputError, match="settings: must be at least one alarm setting"):
        solve_settings(scenario_of(), "it", "errors", [])
    with pytest.raises(UnsupportedError, match="dispersion between 0 and 1"):
        solve_settings(
            scenario_of(traffic={"rate": 10, "dispersion": 0.5}), "it", "errors", setting
        )
