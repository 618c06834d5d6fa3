"""CloudWatch alarms: reading, evaluating and replaying them.

The names below are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stratsim.cloudwatch.composite import Rule, compile_rule, composite_state, order_composites
    from stratsim.cloudwatch.evaluation import (
        State,
        evaluation_range,
        judge,
        judge_many,
        judge_over_time,
    )
    from stratsim.cloudwatch.math_alarm import alarm_values, resolver
    from stratsim.cloudwatch.metric_math import Expression, compile_expression
    from stratsim.cloudwatch.parse import parse_alarm
    from stratsim.cloudwatch.replay import evaluate_alarm, replay_alarm
    from stratsim.cloudwatch.statistic import aggregate, low_sample_limit
    from stratsim.cloudwatch.suppression import Suppression
    from stratsim.cloudwatch.thresholds import breaches

_HOMES = {
    "aggregate": "statistic",
    "alarm_values": "math_alarm",
    "breaches": "thresholds",
    "compile_expression": "metric_math",
    "compile_rule": "composite",
    "composite_state": "composite",
    "evaluate_alarm": "replay",
    "evaluation_range": "evaluation",
    "Expression": "metric_math",
    "judge": "evaluation",
    "judge_many": "evaluation",
    "judge_over_time": "evaluation",
    "low_sample_limit": "statistic",
    "order_composites": "composite",
    "parse_alarm": "parse",
    "replay_alarm": "replay",
    "resolver": "math_alarm",
    "Rule": "composite",
    "State": "evaluation",
    "Suppression": "suppression",
}

__all__ = [
    "Expression",
    "Rule",
    "State",
    "Suppression",
    "aggregate",
    "alarm_values",
    "breaches",
    "compile_expression",
    "compile_rule",
    "composite_state",
    "evaluate_alarm",
    "evaluation_range",
    "judge",
    "judge_many",
    "judge_over_time",
    "low_sample_limit",
    "order_composites",
    "parse_alarm",
    "replay_alarm",
    "resolver",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
