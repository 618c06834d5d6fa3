"""What the tests of reading share: a minimal scenario, and the problems of a bad one."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from stratsim.errors import InputError
from stratsim.model.scenario import Scenario
from stratsim.scenario_io import load

Build = Callable[..., Scenario]
Told = Callable[..., list[str]]


def _mapping(platform: str, sections: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "x", "platform": platform, **sections}


@pytest.fixture
def build() -> Build:
    """A function that loads a minimal scenario with some sections."""

    def loaded(platform: str = "ecs", **sections: Any) -> Scenario:
        return load(_mapping(platform, sections))

    return loaded


@pytest.fixture
def told() -> Told:
    """A function that returns the messages about a minimal scenario with some sections."""

    def messages(platform: str = "ecs", **sections: Any) -> list[str]:
        with pytest.raises(InputError) as caught:
            load(_mapping(platform, sections))
        return [str(problem) for problem in caught.value.problems]

    return messages


def alarm(name: str = "a", **changes: Any) -> dict[str, Any]:
    """A metric alarm on the new revision's errors."""
    return {
        "AlarmName": name,
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Dimensions": [{"Name": "TargetGroup", "Value": "new"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
        **changes,
    }


@pytest.fixture
def alarms() -> Callable[..., dict[str, Any]]:
    """The function that makes an alarm."""
    return alarm
