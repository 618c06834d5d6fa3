"""CloudWatch alarms: reading, evaluating and replaying them.

The names below are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stratsim.cloudwatch.evaluation import (
        State,
        evaluation_range,
        judge,
        judge_many,
        judge_over_time,
    )
    from stratsim.cloudwatch.math_alarm import alarm_values
    from stratsim.cloudwatch.metric_math import compile_expression
    from stratsim.cloudwatch.parse import parse_alarm
    from stratsim.cloudwatch.replay import evaluate_alarm, replay_alarm
    from stratsim.cloudwatch.thresholds import breaches

_HOMES = {
    "State": "evaluation",
    "evaluation_range": "evaluation",
    "judge": "evaluation",
    "judge_many": "evaluation",
    "judge_over_time": "evaluation",
    "alarm_values": "math_alarm",
    "compile_expression": "metric_math",
    "parse_alarm": "parse",
    "evaluate_alarm": "replay",
    "replay_alarm": "replay",
    "breaches": "thresholds",
}

__all__ = [
    "State",
    "alarm_values",
    "breaches",
    "compile_expression",
    "evaluate_alarm",
    "evaluation_range",
    "judge",
    "judge_many",
    "judge_over_time",
    "parse_alarm",
    "replay_alarm",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
