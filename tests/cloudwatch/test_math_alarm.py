"""An alarm's Metrics as a whole."""

import numpy as np
import pytest

from stratsim.cloudwatch import alarm_values, parse_alarm
from stratsim.cloudwatch.math_alarm import band_of, compile_queries
from stratsim.errors import InputError
from stratsim.model.alarm import MetricAlarm, MetricDataQuery, MetricStat

SERIES = {"errors": [5.0, np.nan], "calls": [50.0, 20.0]}


def fetch(stat: MetricStat) -> np.ndarray:
    return np.array(SERIES[stat.MetricName])


def metric(name: str, returned: bool = False) -> dict[str, object]:
    stat = {"Metric": {"Namespace": "N", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": returned}


def math_alarm(*queries: dict[str, object]) -> MetricAlarm:
    alarm = parse_alarm(
        {
            "AlarmName": "a",
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Metrics": list(queries),
        }
    )
    assert isinstance(alarm, MetricAlarm)
    return alarm


def test_the_answer_is_the_expression_that_returns_data() -> None:
    alarm = math_alarm(
        {"Id": "percent", "Expression": "share * 100"},
        {"Id": "share", "Expression": "errors / calls", "ReturnData": False},
        metric("errors"),
        metric("calls"),
    )

    assert alarm_values(alarm, fetch).tolist() == [10, 0]


def test_an_alarm_on_one_metric_is_its_own_answer() -> None:
    alarm = MetricAlarm(
        AlarmName="a",
        Namespace="N",
        MetricName="calls",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )

    assert alarm_values(alarm, fetch).tolist() == [50, 20]
    assert alarm_values(math_alarm(metric("calls", returned=True)), fetch).tolist() == [50, 20]


def test_a_number_that_has_its_own_id_makes_no_datapoint() -> None:
    """``errors / seconds`` is missing where errors is, as if written in place."""
    alarm = math_alarm(
        {"Id": "rate", "Expression": "errors / seconds"},
        {"Id": "seconds", "Expression": "PERIOD(errors)", "ReturnData": False},
        metric("errors"),
    )

    values = alarm_values(alarm, fetch)

    assert values[0] == pytest.approx(5 / 60)
    assert np.isnan(values[1])


def test_metrics_leaves_expressions_out() -> None:
    alarm = math_alarm(
        {"Id": "total", "Expression": "SUM(METRICS()) + 0 * double"},
        {"Id": "double", "Expression": "calls * 2", "ReturnData": False},
        metric("errors"),
        metric("calls"),
    )

    assert alarm_values(alarm, fetch).tolist() == [55, 20]


@pytest.mark.parametrize(
    ("expressions", "message"),
    [
        ({"a": "b", "b": "a"}, r"Metrics: .*read each other, but got (a -> b -> a|b -> a -> b)"),
        ({"a": "a + 1"}, r"Metrics: .*read each other, but got a -> a"),
        ({"a": "zz"}, r"Metrics\.0\.Expression: must be one of a, but got 'zz'"),
        ({"a": "METRICS()"}, r"must be one series, but got 'METRICS\(\)'. METRICS\(\) and"),
        ({"a": "5"}, r"must be one series, but got '5'.*TIME_SERIES"),
        ({"a": "b + 1", "b": "1"}, r"Metrics\.0\.Expression: must be one series"),
        ({"a": "SUM(b) + 1", "b": "1"}, r"SUM with a series or an array .*, but got a number"),
        ({"a": "+", "b": "1 +"}, r"(?s)Metrics\.0.*at column 2.*Metrics\.1.*at column 4"),
        ({"a": "ANOMALY_DETECTION_BAND(zz, 2)"}, "but got 'zz'"),
        ({"a": "ANOMALY_DETECTION_BAND(a, 0)"}, "standard deviations above 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(expressions: dict[str, str], message: str) -> None:
    queries = [
        MetricDataQuery(Id=name, Expression=text, ReturnData=name == "a")
        for name, text in expressions.items()
    ]

    with pytest.raises(InputError, match=message):
        compile_queries(queries, "Metrics")


def test_expressions_that_grow_by_naming_each_other_are_refused() -> None:
    """Ten lines of text may not stand for 680^9 operands."""
    queries = [MetricDataQuery(Id="e0", Expression="TIME_SERIES(1)", ReturnData=False)]
    for level in range(1, 10):
        text = "+".join([f"e{level - 1}"] * 680)
        queries.append(MetricDataQuery(Id=f"e{level}", Expression=text, ReturnData=level == 9))

    with pytest.raises(InputError, match="at most 10000 operands"):
        compile_queries(queries, "Metrics")


def test_bands() -> None:
    assert (band_of("ANOMALY_DETECTION_BAND(m1)").width) == 2
    assert (band_of(" ANOMALY_DETECTION_BAND( m1 , 1.5 )").width) == 1.5
    assert (band_of("ANOMALY_DETECTION_BAND(m1, 2)").watched) == "m1"
