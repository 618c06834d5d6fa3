"""From AWS JSON to alarms, with every problem of an alarm at once.

Reads what PutMetricAlarm and PutCompositeAlarm take and what DescribeAlarms
prints: the read-only keys of the latter are passed over.
"""

from collections.abc import Mapping
from typing import TypeVar

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.parse_metrics import read_dimensions, read_metrics
from stratsim.cloudwatch.parse_rules import (
    check_actions,
    check_band,
    check_source,
    check_window,
    is_period,
    is_statistic,
)
from stratsim.cloudwatch.reader import Reader, checked
from stratsim.errors import InputError, Problem, shorten
from stratsim.model.alarm import CompositeAlarm, MetricAlarm

AlarmT = TypeVar("AlarmT")

PERIOD_RULE = "10, 20, 30 or a multiple of 60 seconds"
STATISTIC_RULE = "an extended statistic such as p99, tm90 or TM(5%:95%)"


def parse_alarm(mapping: object, where: str = "alarm") -> MetricAlarm | CompositeAlarm:
    """Return the alarm that `mapping` declares.

    Parameters
    ----------
    mapping
        PutMetricAlarm's or PutCompositeAlarm's JSON, or one alarm as
        ``aws cloudwatch describe-alarms`` prints it.
    where
        How the messages name the alarm; keys are appended to it with a dot.

    Raises
    ------
    InputError
        With every limit of the API that the mapping breaks.
    """
    reader, problems = _open(mapping, where)
    composite = "AlarmRule" in reader.mapping
    alarm = _composite(reader) if composite else _metric_alarm(reader, partial=False)
    return _finish(alarm, problems)


def parse_evaluation(mapping: object, where: str = "alarm") -> MetricAlarm:
    """Return a metric alarm of which only the evaluation keys need be given."""
    reader, problems = _open(mapping, where)
    return _finish(_metric_alarm(reader, partial=True), problems)


def _open(mapping: object, where: str) -> tuple[Reader, list[Problem]]:
    problems: list[Problem] = []
    if not isinstance(mapping, Mapping):
        raise InputError([Problem(where, "a mapping of PutMetricAlarm's keys", shorten(mapping))])
    return Reader(mapping, where, problems), problems


def _finish(alarm: AlarmT, problems: list[Problem]) -> AlarmT:
    if problems:
        raise InputError(problems)
    return alarm


def _metric_alarm(reader: Reader, *, partial: bool) -> MetricAlarm:
    """Read every key, then the rules that tie keys together.

    Unusable values become harmless ones: the caller raises before anybody
    sees the alarm.
    """
    _check_metric_keys(reader)
    if not partial:
        reader.require("AlarmName")
    operators = (*limits.OPERATORS, *limits.BAND_OPERATORS)
    for key in ("EvaluationPeriods", "ComparisonOperator"):
        reader.require(key)
    alarm = MetricAlarm(
        AlarmName=reader.text("AlarmName") or "alarm",
        AlarmDescription=reader.text("AlarmDescription", low=0, high=limits.DESCRIPTION_LENGTH),
        ActionsEnabled=reader.flag("ActionsEnabled"),
        OKActions=_actions(reader, "OKActions"),
        AlarmActions=_actions(reader, "AlarmActions"),
        InsufficientDataActions=_actions(reader, "InsufficientDataActions"),
        Namespace=reader.text("Namespace"),
        MetricName=reader.text("MetricName"),
        Dimensions=read_dimensions(reader),
        Statistic=reader.choice(
            "Statistic", limits.STATISTICS, "Percentiles are ExtendedStatistic."
        ),
        ExtendedStatistic=_extended_statistic(reader),
        Period=_period(reader),
        Unit=reader.choice("Unit", limits.UNITS),
        Metrics=read_metrics(reader),
        EvaluationPeriods=reader.integer("EvaluationPeriods") or 1,
        DatapointsToAlarm=reader.integer("DatapointsToAlarm"),
        Threshold=reader.number("Threshold"),
        ThresholdMetricId=reader.text("ThresholdMetricId"),
        ComparisonOperator=reader.choice("ComparisonOperator", operators) or operators[0],
        TreatMissingData=reader.choice("TreatMissingData", limits.TREATMENTS),
        EvaluateLowSampleCountPercentile=reader.choice(
            "EvaluateLowSampleCountPercentile", limits.LOW_SAMPLES
        ),
        extra=_carried(reader, limits.METRIC_ALARM_CARRIED),
    )
    check_window(reader, alarm)
    check_band(reader, alarm, partial=partial)
    check_source(reader, alarm, partial=partial)
    check_actions(reader, alarm)
    return alarm


def _check_metric_keys(reader: Reader) -> None:
    known = (*limits.METRIC_ALARM_KEYS, *limits.METRIC_ALARM_CARRIED)
    reader.check_keys(known, silent={*limits.READ_ONLY_KEYS, *limits.METRIC_ALARM_REFUSED})
    for key, hint in limits.METRIC_ALARM_REFUSED.items():
        if reader.has(key):
            reader.refuse(key, "absent", shorten(reader.mapping[key]), hint)


def _period(reader: Reader) -> int | None:
    period = reader.integer("Period")
    if period is not None and not is_period(period):
        reader.refuse("Period", PERIOD_RULE, period)
    return period


def _extended_statistic(reader: Reader) -> str | None:
    statistic = reader.text("ExtendedStatistic")
    checked(reader, "ExtendedStatistic", is_statistic, STATISTIC_RULE)
    return statistic


def _actions(reader: Reader, key: str) -> tuple[str, ...]:
    return reader.texts(key, most=limits.ACTIONS, high=limits.ACTION_LENGTH)


def _carried(reader: Reader, keys: tuple[str, ...]) -> dict[str, object]:
    return {key: reader.mapping[key] for key in keys if reader.has(key)}


def _composite(reader: Reader) -> CompositeAlarm:
    known = (*limits.COMPOSITE_KEYS, *limits.COMPOSITE_CARRIED)
    reader.check_keys(known, silent=limits.READ_ONLY_KEYS)
    reader.require("AlarmName")
    reader.require("AlarmRule")
    alarm = CompositeAlarm(
        AlarmName=reader.text("AlarmName") or "alarm",
        AlarmRule=_rule(reader),
        AlarmDescription=reader.text("AlarmDescription", low=0, high=limits.DESCRIPTION_LENGTH),
        ActionsEnabled=reader.flag("ActionsEnabled"),
        OKActions=_actions(reader, "OKActions"),
        AlarmActions=_actions(reader, "AlarmActions"),
        InsufficientDataActions=_actions(reader, "InsufficientDataActions"),
        ActionsSuppressor=reader.text("ActionsSuppressor", high=limits.SUPPRESSOR_LENGTH),
        ActionsSuppressorWaitPeriod=reader.integer("ActionsSuppressorWaitPeriod", low=0),
        ActionsSuppressorExtensionPeriod=reader.integer("ActionsSuppressorExtensionPeriod", low=0),
        extra=_carried(reader, limits.COMPOSITE_CARRIED),
    )
    _check_suppressor(reader)
    check_actions(reader, alarm)
    return alarm


def _rule(reader: Reader) -> str:
    from stratsim.cloudwatch.composite import compile_rule  # lark is loaded on first use

    text = reader.text("AlarmRule", high=limits.RULE_LENGTH)
    if text is None:
        return "FALSE"
    try:
        compile_rule(text, where=f"{reader.where}.AlarmRule")
    except InputError as error:
        reader.problems.extend(error.problems)
    return text


def _check_suppressor(reader: Reader) -> None:
    """A suppressor and its two periods come together [API]."""
    periods = ("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
    if reader.has("ActionsSuppressor"):
        for key in periods:
            reader.require(key, "AWS wants both periods with ActionsSuppressor.")
        return
    for key in periods:
        if reader.has(key):
            reader.refuse(key, "absent without ActionsSuppressor", shorten(reader.mapping[key]))
