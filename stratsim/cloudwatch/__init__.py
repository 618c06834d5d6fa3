"""CloudWatch alarms: reading, evaluating and replaying them.

The names below are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stratsim.cloudwatch.anomaly import AnomalyModel, fit_anomaly
    from stratsim.cloudwatch.composite import Rule, compile_rule, composite_state, order_composites
    from stratsim.cloudwatch.evaluation import (
        State,
        evaluation_range,
        judge,
        judge_many,
        judge_over_time,
    )
    from stratsim.cloudwatch.low_samples import lacks_samples, lacks_samples_over_time
    from stratsim.cloudwatch.math_alarm import Band, alarm_values, band_of, resolver
    from stratsim.cloudwatch.metric_math import Expression, compile_expression
    from stratsim.cloudwatch.parse import parse_alarm
    from stratsim.cloudwatch.reason import state_reason
    from stratsim.cloudwatch.replay import (
        Transition,
        alarm_history,
        evaluate_alarm,
        replay_alarm,
        replay_composites,
    )
    from stratsim.cloudwatch.statistic import aggregate
    from stratsim.cloudwatch.suppression import Suppression
    from stratsim.cloudwatch.thresholds import breaches

_HOMES = {
    "aggregate": "statistic",
    "alarm_history": "replay",
    "alarm_values": "math_alarm",
    "AnomalyModel": "anomaly",
    "Band": "math_alarm",
    "band_of": "math_alarm",
    "breaches": "thresholds",
    "compile_expression": "metric_math",
    "compile_rule": "composite",
    "composite_state": "composite",
    "evaluate_alarm": "replay",
    "evaluation_range": "evaluation",
    "Expression": "metric_math",
    "fit_anomaly": "anomaly",
    "judge": "evaluation",
    "judge_many": "evaluation",
    "judge_over_time": "evaluation",
    "lacks_samples": "low_samples",
    "lacks_samples_over_time": "low_samples",
    "order_composites": "composite",
    "parse_alarm": "parse",
    "replay_alarm": "replay",
    "replay_composites": "replay",
    "resolver": "math_alarm",
    "Rule": "composite",
    "State": "evaluation",
    "state_reason": "reason",
    "Suppression": "suppression",
    "Transition": "replay",
}

__all__ = [
    "AnomalyModel",
    "Band",
    "Expression",
    "Rule",
    "State",
    "Suppression",
    "Transition",
    "aggregate",
    "alarm_history",
    "alarm_values",
    "band_of",
    "breaches",
    "compile_expression",
    "compile_rule",
    "composite_state",
    "evaluate_alarm",
    "evaluation_range",
    "fit_anomaly",
    "judge",
    "judge_many",
    "judge_over_time",
    "lacks_samples",
    "lacks_samples_over_time",
    "order_composites",
    "parse_alarm",
    "replay_alarm",
    "replay_composites",
    "resolver",
    "state_reason",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
