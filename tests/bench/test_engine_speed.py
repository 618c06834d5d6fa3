"""How fast the SimPy engine runs whole deployments; prints, asserts nothing about time."""

import os
from time import perf_counter, process_time
from typing import Any

import pytest

import stratsim

pytestmark = pytest.mark.bench

P_OLD, P_NEW = 0.001, 0.05


def series(name: str, metric: str) -> dict[str, Any]:
    dimensions = [{"Name": "TargetGroup", "Value": "new"}]
    found = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions}
    stat = {"Metric": found, "Period": 60, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": False}


ALARM = {
    "AlarmName": "errors",
    "Metrics": [
        {"Id": "percent", "Expression": "100*e/r"},
        series("e", "HTTPCode_Target_5XX_Count"),
        series("r", "RequestCount"),
    ],
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}
BLUE = {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0}
COMMON_JOB = {
    "name": "common job",
    "platform": "ecs",
    "traffic": {"rate": 1000, "dispersion": 1},
    "service": {
        "instances": 20,
        "capacity": 1000,
        "concurrency": 10,
        "error_rate": P_OLD,
        "error_dispersion": 1,
        "startup": 0,
    },
    "release": {
        "outcomes": [
            {
                "name": "bad",
                "probability": 1,
                "faults": [{"kind": "errors", "rate": (P_NEW - P_OLD) / (1 - P_OLD)}],
            }
        ]
    },
    "alarms": [ALARM],
    "metrics": {"delay": 0, "phase": 0},
    "control": {"alarm_poll": 0, "reroute": 0},
    "deployment_group": {
        "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]},
        "alarmConfiguration": {"enabled": True, "alarms": [{"name": "errors"}]},
        "blueGreenDeploymentConfiguration": {"terminateBlueInstancesOnDeploymentSuccess": BLUE},
    },
    "strategies": [
        {
            "name": "canary",
            "steps": [
                {"weight": 0, "pause": "300s"},
                {"weight": 10, "pause": "600s"},
                {"weight": 100, "pause": "900s"},
            ],
        }
    ],
}


def test_the_common_job() -> None:
    """1,000 requests/s, a canary of 10 % from 300 s on with 5 % errors, rolled back at 360 s."""
    scenario = stratsim.load(COMMON_JOB)
    stratsim.compare(scenario, replications=50, engine="des")  # imports and tables
    rates = []
    for _ in range(3):
        start = process_time()
        runs = stratsim.compare(scenario, replications=2000, engine="des").sample("canary")
        rates.append(2000 / (process_time() - start))

    print(f"\ncommon job: {max(rates):,.0f} replications per second of one core")
    assert runs.events["rollback"].all()
    assert runs.measures["deployment_duration_s"].tolist() == [360] * 2000
    # 6,000 exposed requests, of which a share (0.05 - 0.001) / 0.999 fails by the fault
    assert runs.measures["failed_requests"].mean() == pytest.approx(6000 * 0.049 / 0.999, rel=0.01)


def cpu_s() -> float:
    """CPU seconds of this process and of the workers that have ended."""
    spent = os.times()
    return sum(spent[:4])


HOUR = [
    *({"name": f"canary {w} %", "steps": [{"weight": w, "pause": "60m"}]} for w in (1, 5, 10, 25)),
    {"name": "linear", "steps": [{"weight": w, "pause": "6m"} for w in range(10, 101, 10)]},
    {"name": "doubling", "steps": [{"weight": w, "pause": "10m"} for w in (3, 6, 12, 25, 50, 100)]},
    {"name": "half", "steps": [{"weight": 50, "pause": "30m"}, {"weight": 100, "pause": "30m"}]},
    {"name": "all at once", "steps": [{"weight": 100, "pause": "60m"}]},
]


def test_eight_strategies_of_an_hour_500_times_on_two_workers() -> None:
    """The alarm never fires, so that every deployment lasts its hour."""
    scenario = stratsim.load(
        {**COMMON_JOB, "alarms": [{**ALARM, "Threshold": 50}], "strategies": HOUR}
    )

    start, worked = perf_counter(), cpu_s()
    comparison = stratsim.compare(scenario, replications=500, workers=2, engine="des")
    took, worked = perf_counter() - start, cpu_s() - worked

    print(f"\n8 strategies x 500 x 60 minutes, two workers: {took:.1f} s, of CPU {worked:.1f} s")
    for sample in comparison.samples:
        assert not sample.events["rollback"].any()
        assert (sample.measures["deployment_duration_s"] == 3600).all()
