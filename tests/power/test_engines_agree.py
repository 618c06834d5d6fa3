"""The closed forms against the engine, which draws every request."""

from typing import Any

import numpy as np
import pytest

import stratsim
from stratsim.model.alarm import MetricAlarm
from stratsim.power import alarm_power
from stratsim.power.from_scenario import first_stage, setting_of

RUNS = 3000


def scenario(alarm: dict[str, Any], rate: float, fault: float) -> dict[str, Any]:
    whole = alarm.pop("whole", False)
    return {
        "name": "canary",
        "platform": "ecs",
        "traffic": {"rate": rate, "dispersion": 2.0},
        "service": {"instances": 10, "capacity": 60, "error_rate": 0.002, "error_dispersion": 3.0},
        "release": {
            "outcomes": [
                {"name": "bad", "probability": 1, "faults": [{"kind": "errors", "rate": fault}]}
            ]
        },
        "alarms": [
            {
                "AlarmName": "a",
                "Namespace": "AWS/ApplicationELB",
                "MetricName": "HTTPCode_Target_5XX_Count",
                "Dimensions": [] if whole else [{"Name": "TargetGroup", "Value": "new"}],
                "Statistic": "Sum",
                "Period": 60,
                "ComparisonOperator": "GreaterThanThreshold",
                **alarm,
            }
        ],
        "metrics": {"delay": "45s"},
        "control": {"reroute": "0s"},
        "on_call": {"respond": "10h", "notice": "20h"},
        "deployment_group": {
            "alarmConfiguration": {"enabled": True, "alarms": [{"name": "a"}]},
            "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]},
        },
        "strategies": [
            {
                "name": "c",
                "trafficRoutingConfig": {
                    "type": "TimeBasedCanary",
                    "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 10},
                },
            }
        ],
    }


TWO_OF_THREE = {"EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching"}
CASES = {
    "the new revision": ({**TWO_OF_THREE, "Threshold": 28}, 200, 0.02),
    "the whole service": ({**TWO_OF_THREE, "Threshold": 60, "whole": True}, 200, 0.02),
    "three in a row": (
        {"EvaluationPeriods": 3, "Threshold": 24, "TreatMissingData": "ignore"}, 200, 0.02,
    ),
    "a premature alarm": (
        {**TWO_OF_THREE, "Threshold": 0, "TreatMissingData": "missing"}, 2, 0.02,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_detection_within_the_bake(case: str) -> None:
    """Within 4.5 standard errors of the simulated share."""
    alarm, rate, fault = CASES[case]
    loaded = stratsim.load(scenario(dict(alarm), rate, fault))
    stage = first_stage(loaded, "c")
    watched = loaded.alarms[0]
    assert isinstance(watched, MetricAlarm)
    setting = setting_of(watched, loaded, stage)
    assert (setting.weight, setting.bake_s) == (0.1, 600)
    total = fault + (1 - fault) * setting.background

    found = alarm_power(watched, setting, [total]).points[1].detected

    runs = stratsim.compare(loaded, replications=RUNS, seed=11).samples[0]
    times = np.asarray(runs.measures["time_to_detect_s"])
    # Detection is counted from the first exposed request, seconds after the shift.
    simulated = float(np.mean(times <= stage.bake_s - 3))
    error = np.sqrt(max(found * (1 - found), 1e-4) / RUNS)
    assert abs(simulated - found) < 4.5 * error + 0.01
    assert 0.02 < found < 0.9999
