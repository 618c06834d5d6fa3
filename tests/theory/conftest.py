"""Scenarios of round numbers in which nothing happens but what a test asks for."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

import stratsim
from stratsim.model.scenario import Scenario

ENGINES = ("des", "auto")  # SimPy, and arrays where they can
ERRORS = 3.0  # standard errors; a right simulator misses with probability 0.0027 (normal)
YEAR = "366d"  # longest duration a scenario may name: nobody comes

Section = dict[str, Any]

BASE: dict[str, Section] = {
    "traffic": {"rate": 10, "dispersion": 1, "users": {"active": 10**9}},
    "metrics": {"delay": 0, "phase": 0, "evaluation_range_extra": 0},
    "control": {"alarm_poll": 0, "reroute": 0, "follow_up": 0},
    "on_call": {"respond": YEAR, "notice": YEAR},
}
SERVICE: Section = {"error_rate": 0, "error_dispersion": 1, "startup": 0}
FLEET: Section = {"instances": 10, "zones": 1, "capacity": 1000, "drain": 0}
HOST_EVENTS = (
    *("BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic", "ApplicationStop"),
    *("DownloadBundle", "BeforeInstall", "Install", "AfterInstall", "ApplicationStart"),
    *("ValidateService", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
)


def make_scenario(
    strategy: str | Section | Sequence[str | Section],
    *,
    platform: str = "ecs",
    faults: Sequence[Section] = (),
    alarms: Sequence[Section] = (),
    watched: Sequence[str] | None = None,
    wait_min: int = 0,
    group: Section | None = None,
    **sections: Any,
) -> Scenario:
    """Load a scenario with one outcome, of these faults, by default watched by all alarms.

    ``sections`` are those of a scenario file; a mapping is laid over the base (None
    takes a key away), in which starting, draining, publishing, polling and rerouting take no time,
    nothing fails, nobody comes, and a run ends with its deployment.
    """
    fleet = {} if platform == "lambda" else FLEET
    data: Section = {
        "name": "bench",
        "platform": platform,
        "service": {**SERVICE, **fleet},
        "release": {"outcomes": [{"name": "it", "probability": 1, "faults": list(faults)}]},
        "alarms": list(alarms),
        "deployment_group": _group(alarms, watched, wait_min, platform) | (group or {}),
        "strategies": strategy if isinstance(strategy, list) else [strategy],
        **BASE,
    }
    if platform == "ec2":
        data["lifecycle"] = {event: {"duration": 0} for event in HOST_EVENTS}
        data["control"] = data["control"] | {"agent_poll": 0}
    for name, value in sections.items():
        old = data.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        data[name] = _without_none({**old, **value}) if both else value
    return stratsim.load(data)


def _without_none(section: Section) -> Section:
    return {key: value for key, value in section.items() if value is not None}


def _group(
    alarms: Sequence[Section], watched: Sequence[str] | None, wait_min: int, platform: str
) -> Section:
    names = [alarm["AlarmName"] for alarm in alarms] if watched is None else list(watched)
    group: Section = {
        "autoRollbackConfiguration": {
            "enabled": True,
            "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"],
        },
        "alarmConfiguration": {
            "enabled": bool(names),
            "alarms": [{"name": name} for name in names],
        },
    }
    if platform != "lambda":
        blue = {"action": "TERMINATE", "terminationWaitTimeInMinutes": wait_min}
        group["blueGreenDeploymentConfiguration"] = {
            "terminateBlueInstancesOnDeploymentSuccess": blue
        }
    return group


ALB, LAMBDA = "AWS/ApplicationELB", "AWS/Lambda"
DIMENSION = {ALB: "TargetGroup", LAMBDA: "ExecutedVersion"}


def make_alarm(
    name: str = "alarm",
    *,
    above: float,
    metric: str = "HTTPCode_Target_5XX_Count",
    namespace: str = ALB,
    side: str | None = "new",
    m: int = 1,
    n: int = 1,
    period: int = 60,
    **more: Any,
) -> Section:
    """An alarm on a metric's sum (or on ``Statistic=``) above a threshold, M of N periods."""
    return {
        "AlarmName": name,
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": _dimensions(namespace, side),
        "Statistic": "Sum",
        "Period": period,
        "EvaluationPeriods": n,
        "DatapointsToAlarm": m,
        "Threshold": above,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **more,
    }


def make_error_percent_alarm(
    name: str = "alarm",
    *,
    above: float,
    side: str | None = "new",
    m: int = 1,
    n: int = 1,
    period: int = 60,
) -> Section:
    """An alarm on 100 * errors / requests by metric math."""

    def series(query: str, metric: str) -> Section:
        stat = {
            "Metric": {
                "Namespace": ALB,
                "MetricName": metric,
                "Dimensions": _dimensions(ALB, side),
            },
            "Period": period,
            "Stat": "Sum",
        }
        return {"Id": query, "MetricStat": stat, "ReturnData": False}

    return {
        "AlarmName": name,
        "Metrics": [
            {"Id": "percent", "Expression": "100*e/r", "ReturnData": True},
            series("e", "HTTPCode_Target_5XX_Count"),
            series("r", "RequestCount"),
        ],
        "EvaluationPeriods": n,
        "DatapointsToAlarm": m,
        "Threshold": above,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def _dimensions(namespace: str, side: str | None) -> list[Section]:
    return [] if side is None else [{"Name": DIMENSION[namespace], "Value": side}]


def assert_mean(values: ArrayLike, expected: float, errors: float = ERRORS) -> None:
    """Assert that the mean of independent `values` lies within standard errors of `expected`."""
    sample = np.asarray(values, dtype=float)
    error = sample.std(ddof=1) / np.sqrt(sample.size)
    assert abs(sample.mean() - expected) <= errors * error, (sample.mean(), expected, error)


def assert_share(count: float, of: int, expected: float, errors: float = ERRORS) -> None:
    """Assert that a share of independent trials lies within standard errors of `expected`."""
    error = np.sqrt(expected * (1 - expected) / of)
    assert abs(count / of - expected) <= errors * error, (count / of, expected, error)


def minutes_in_alarm(run: Any, alarm: str) -> float:
    """Return how many minutes of a run `alarm` was in ALARM.

    A verdict holds until the next; the one in the last instant of a run counts nothing.
    """
    changes = run.alarms[run.alarms["alarm"] == alarm]
    times = [*changes["time_s"], run.to_dict()["end_s"]]
    spans = np.diff(times)[(changes["to"] == "ALARM").to_numpy()]
    return float(spans.sum()) / 60


@pytest.fixture(scope="session")
def scenario_of() -> Callable[..., Scenario]:
    """Makes a scenario: ``scenario_of({"name": "it", "steps": [...]}, faults=[...])``."""
    return make_scenario


@pytest.fixture(scope="session", params=ENGINES)
def compare(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`stratsim.compare` with each engine that closed forms are asked of."""
    return partial(stratsim.compare, engine=request.param)


@pytest.fixture(scope="session")
def alarm_on() -> Callable[..., Section]:
    """Makes an alarm on a count: ``alarm_on(above=10, m=2, n=3)``."""
    return make_alarm


@pytest.fixture(scope="session")
def percent_alarm() -> Callable[..., Section]:
    """Makes an alarm on the percentage of errors: ``percent_alarm(above=2)``."""
    return make_error_percent_alarm


@pytest.fixture(scope="session")
def mean_is() -> Callable[..., None]:
    """Asserts a mean within three standard errors."""
    return assert_mean


@pytest.fixture(scope="session")
def share_is() -> Callable[..., None]:
    """Asserts a share of trials within three standard errors."""
    return assert_share


@pytest.fixture(scope="session")
def alarm_minutes() -> Callable[..., float]:
    """Counts the minutes that an alarm of a run spent in ALARM."""
    return minutes_in_alarm
