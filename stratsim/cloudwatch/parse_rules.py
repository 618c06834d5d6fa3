"""The rules of PutMetricAlarm that tie several keys together [API]."""

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.reader import Reader
from stratsim.errors import shorten
from stratsim.model.alarm import CompositeAlarm, MetricAlarm

# With Metrics, the series say all of this themselves [API].
SINGLE_METRIC_KEYS = (
    *("Namespace", "MetricName", "Dimensions", "Period"),
    *("Unit", "Statistic", "ExtendedStatistic"),
)


def is_period(period_s: int) -> bool:
    """Whether CloudWatch aggregates over `period_s`."""
    whole_minutes = period_s > 0 and period_s % limits.MINUTE_S == 0
    return whole_minutes or period_s in limits.SHORT_PERIODS_S


def is_statistic(text: str) -> bool:
    """Whether `text` is an extended statistic with lawful bounds."""
    found = limits.EXTENDED_STATISTIC.fullmatch(text)
    if found is None:
        return False
    bounds = [found["percent"], *_percents(found["low"], found["high"])]
    if any(bound is not None and float(bound) > 100 for bound in bounds):
        return False
    if found["range"]:
        # An open range drops nothing; mixed units say nothing.
        return _ordered(found["low"], found["high"])
    return text == "IQM" or bool(found["short"]) or _ordered(found["from"], found["to"])


def _percents(*bounds: str | None) -> list[str]:
    return [bound[:-1] for bound in bounds if bound is not None and bound.endswith("%")]


def _ordered(low: str | None, high: str | None) -> bool:
    if low is None or high is None:
        return (low or high) is not None
    same_unit = low.endswith("%") == high.endswith("%")
    return same_unit and float(low.rstrip("%")) < float(high.rstrip("%"))


def check_window(reader: Reader, alarm: MetricAlarm) -> None:
    """M lies within N, and N periods within what CloudWatch looks back."""
    if (
        alarm.DatapointsToAlarm is not None
        and alarm.m > alarm.n
        and reader.has("EvaluationPeriods")
    ):
        rule = f"at most EvaluationPeriods ({alarm.n})"
        reader.refuse("DatapointsToAlarm", rule, alarm.m)
    period = alarm.period_s
    longest = limits.LONG_WINDOW_S if period >= limits.LONG_PERIOD_S else limits.SHORT_WINDOW_S
    if is_period(period) and alarm.n * period > longest:
        rule = f"at most {longest // period} with a period of {period} s"
        hint = f"EvaluationPeriods x Period may not exceed {longest} s."
        reader.refuse("EvaluationPeriods", rule, alarm.n, hint)


def check_band(reader: Reader, alarm: MetricAlarm, *, partial: bool) -> None:
    """A number wants Threshold, a band ThresholdMetricId; never both."""
    if alarm.ComparisonOperator not in limits.BAND_OPERATORS:
        if reader.has("ThresholdMetricId"):
            rule = f"one of {', '.join(limits.BAND_OPERATORS)} with ThresholdMetricId"
            reader.refuse("ComparisonOperator", rule, repr(alarm.ComparisonOperator))
        elif reader.has("ComparisonOperator"):
            reader.require("Threshold")
        return
    reader.require("ThresholdMetricId", "The operator compares with an anomaly band.")
    if reader.has("Threshold"):
        got = shorten(reader.mapping["Threshold"])
        reader.refuse("Threshold", "absent with an anomaly band", got)
    if alarm.period_s < limits.MINUTE_S:
        reader.refuse("Period", "at least 60 with an anomaly band", alarm.period_s)
    if alarm.Metrics or not partial:
        _check_band_metric(reader, alarm)


def _check_band_metric(reader: Reader, alarm: MetricAlarm) -> None:
    bands = [q.Id for q in alarm.Metrics if limits.BAND_FUNCTION in (q.Expression or "")]
    if alarm.ThresholdMetricId is not None and alarm.ThresholdMetricId not in bands:
        rule = f"the Id of an expression in Metrics that calls {limits.BAND_FUNCTION}"
        hint = f"Such are: {', '.join(bands)}." if bands else ""
        reader.refuse("ThresholdMetricId", rule, repr(alarm.ThresholdMetricId), hint)


def check_source(reader: Reader, alarm: MetricAlarm, *, partial: bool) -> None:
    """Exactly one source: one metric with one statistic, or Metrics."""
    if reader.has("Metrics"):
        for key in SINGLE_METRIC_KEYS:
            if reader.has(key) and not partial:
                got = shorten(reader.mapping[key])
                reader.refuse(key, "absent where Metrics is given", got)
        return
    if reader.has("Statistic") and reader.has("ExtendedStatistic"):
        got = shorten(alarm.ExtendedStatistic)
        reader.refuse("ExtendedStatistic", "absent where Statistic is given", got)
    if partial:
        return
    for key in ("Namespace", "MetricName", "Period"):
        reader.require(key, "An alarm has one metric, or Metrics.")
    if not reader.has("Statistic") and not reader.has("ExtendedStatistic"):
        reader.refuse("Statistic", "given", "nothing", "Or give ExtendedStatistic, such as p99.")
    if alarm.Namespace is not None and alarm.Namespace.startswith(":"):
        reader.refuse("Namespace", "a name that does not begin with a colon", repr(alarm.Namespace))


def check_actions(reader: Reader, alarm: MetricAlarm | CompositeAlarm) -> None:
    """EC2 actions want an alarm on one metric, those of Auto Scaling no band either [UG]."""
    if isinstance(alarm, CompositeAlarm):
        kind, no_scaling = "a composite alarm", True
    elif alarm.ThresholdMetricId is not None:
        kind, no_scaling = "an anomaly band", True
    elif any(query.Expression for query in alarm.Metrics):
        kind, no_scaling = "metric math", False
    else:
        return
    for key in limits.ACTION_KEYS:
        for at, action in enumerate(getattr(alarm, key)):
            if limits.EC2_ACTION.match(action):
                reader.refuse(f"{key}.{at}", f"no EC2 action with {kind}", shorten(action))
            elif no_scaling and limits.SCALING_ACTION.match(action):
                rule = f"no action of Auto Scaling with {kind}"
                reader.refuse(f"{key}.{at}", rule, shorten(action))
