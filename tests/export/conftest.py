"""Scenarios built by hand, one per platform, and AWS's models to hold exports to."""

import json
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stratsim.export import Export, export_strategy
from stratsim.model.alarm import CompositeAlarm, Dimension, MetricAlarm, MetricDataQuery, MetricStat
from stratsim.model.scenario import Scenario
from stratsim.model.settings import DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies import classify

# File name prefix -> the call whose input the file is, the longest prefix first.
CALLS = {
    "application": ("codedeploy", "CreateApplication"),
    "deployment-config": ("codedeploy", "CreateDeploymentConfig"),
    "deployment-group": ("codedeploy", "CreateDeploymentGroup"),
    "composite-alarm-": ("cloudwatch", "PutCompositeAlarm"),
    "alarm-": ("cloudwatch", "PutMetricAlarm"),
    "service": ("ecs", "UpdateService"),
}


@pytest.fixture(scope="session")
def botocore_check() -> ModuleType:
    pytest.importorskip("botocore", reason="needs botocore, of the extra `test`")
    spec = spec_from_file_location("botocore_check", Path(__file__).with_name("botocore_check.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def refused(botocore_check: ModuleType) -> Callable[[Export], list[str]]:
    """Everything that AWS's models refuse about the JSON files of an export."""

    def check(export: Export) -> list[str]:
        found = []
        for name, text in export.files.items():
            if name.endswith(".json"):
                service, operation = next(v for k, v in CALLS.items() if name.startswith(k))
                problems = botocore_check.problems(service, operation, json.loads(text))
                found += [f"{name}: {problem}" for problem in problems]
        return found

    return check


@pytest.fixture(scope="session")
def read() -> Callable[[Export, str], Any]:
    """One JSON file of an export, parsed."""
    return lambda export, name: json.loads(export.files[name])


def alarm_5xx(name: str = "checkout-5xx", **changes: Any) -> MetricAlarm:
    values: dict[str, Any] = {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Dimensions": (Dimension("TargetGroup", "new"),),
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 50.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    return MetricAlarm(AlarmName=name, **values | changes)


def alarm_lambda(name: str = "checkout-errors", version: str = "new") -> MetricAlarm:
    """An error rate by metric math, on one version."""
    dimensions = (Dimension("ExecutedVersion", version),)

    def stat(metric: str) -> MetricStat:
        return MetricStat(
            Namespace="AWS/Lambda", MetricName=metric, Dimensions=dimensions, Period=60, Stat="Sum"
        )

    return MetricAlarm(
        AlarmName=name,
        Metrics=(
            MetricDataQuery(Id="rate", Expression="IF(c >= 20, 100*e/c, 0)", ReturnData=True),
            MetricDataQuery(Id="e", MetricStat=stat("Errors"), ReturnData=False),
            MetricDataQuery(Id="c", MetricStat=stat("Invocations"), ReturnData=False),
        ),
        EvaluationPeriods=2,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def either(name: str = "rollback", *children: str) -> CompositeAlarm:
    rule = " OR ".join(f'ALARM("{child}")' for child in children)
    return CompositeAlarm(AlarmName=name, AlarmRule=rule)


@pytest.fixture(scope="session")
def five_xx() -> Callable[..., MetricAlarm]:
    return alarm_5xx


@pytest.fixture(scope="session")
def by_version() -> Callable[..., MetricAlarm]:
    return alarm_lambda


@pytest.fixture(scope="session", name="either")
def either_fixture() -> Callable[..., CompositeAlarm]:
    return either


Make = Callable[..., Scenario]


@pytest.fixture(scope="session")
def make() -> Make:
    """A scenario of a platform; entries of ``strategies:`` as the file has them."""

    def build(platform: Any = "ecs", *entries: str | dict[str, Any], **changes: Any) -> Scenario:
        group = changes.pop("group", None) or DeploymentGroup(alarm_names=("checkout-5xx",))
        alarms = changes.pop("alarms", (alarm_5xx(),))
        specs = []
        for entry in entries:
            family, config = classify(entry, platform, "strategies")
            name = entry if isinstance(entry, str) else entry["name"]
            specs.append(StrategySpec(name=name, family=family, config=config, group=group))
        values = {"name": "checkout", "alarms": alarms, "deployment_group": group} | changes
        return Scenario(platform=platform, strategies=tuple(specs), **values)

    return build


@pytest.fixture(scope="session")
def export(make: Make) -> Callable[..., Export]:
    """The export of one strategy, given as the scenario file has it."""

    def build(platform: Any, entry: str | dict[str, Any], **changes: Any) -> Export:
        target = changes.pop("format", "codedeploy")
        scenario = make(platform, entry, **changes)
        return export_strategy(scenario, scenario.strategies[0].name, target)

    return build
