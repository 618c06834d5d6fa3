"""Alarms read from AWS JSON: every limit of the API, all problems at once."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratsim.cloudwatch import parse_alarm
from stratsim.errors import InputError
from stratsim.model.alarm import CompositeAlarm, Dimension, MetricAlarm

STATIC: dict[str, Any] = {
    "AlarmName": "green-5xx",
    "Namespace": "AWS/ApplicationELB",
    "MetricName": "HTTPCode_Target_5XX_Count",
    "Dimensions": [
        {"Name": "LoadBalancer", "Value": "app/web/0123456789abcdef"},
        {"Name": "TargetGroup", "Value": "new"},
    ],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 10,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}
PERCENTILE: dict[str, Any] = {
    "AlarmName": "green-p99",
    "Namespace": "AWS/ApplicationELB",
    "MetricName": "TargetResponseTime",
    "ExtendedStatistic": "p99",
    "EvaluateLowSampleCountPercentile": "ignore",
    "Period": 60,
    "EvaluationPeriods": 5,
    "Threshold": 0.8,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "Unit": "Seconds",
}


def metric(name: str, **keys: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": name.lower(), "MetricStat": {**stat, **keys}, "ReturnData": False}


MATH: dict[str, Any] = {
    "AlarmName": "canary-error-rate",
    "EvaluationPeriods": 3,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold",
    "Metrics": [
        {"Id": "rate", "Expression": "100*errors/invocations", "Label": "%", "ReturnData": True},
        metric("Errors"),
        metric("Invocations", Unit="Count"),
    ],
}
BAND: dict[str, Any] = {
    "AlarmName": "traffic-band",
    "EvaluationPeriods": 3,
    "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold",
    "ThresholdMetricId": "band",
    "Metrics": [
        {**metric("Invocations"), "ReturnData": True},
        {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(invocations, 2)", "ReturnData": True},
    ],
}
COMPOSITE: dict[str, Any] = {
    "AlarmName": "rollback",
    "AlarmRule": 'ALARM("green-5xx") AND NOT ALARM(maintenance)',
    "ActionsSuppressor": "maintenance",
    "ActionsSuppressorWaitPeriod": 60,
    "ActionsSuppressorExtensionPeriod": 0,
    "ActionsEnabled": True,
    "AlarmActions": ["arn:aws:sns:eu-west-1:111122223333:page"],
}
EC2 = "arn:aws:automate:eu-west-1:ec2:stop"
SWF = "arn:aws:swf:eu-west-1:111122223333:action/actions/AWS_EC2.InstanceId.Stop/1.0"
SCALING = "arn:aws:autoscaling:eu-west-1:111122223333:scalingPolicy:p:autoScalingGroupName/a"


@pytest.mark.parametrize(
    "given", [STATIC, PERCENTILE, MATH, BAND, COMPOSITE], ids=lambda a: a["AlarmName"]
)
def test_what_is_read_is_written_back(given: dict[str, Any]) -> None:
    alarm = parse_alarm(given)

    assert alarm.to_aws() == given
    assert parse_alarm(alarm.to_aws()) == alarm
    assert hash(alarm) == hash(parse_alarm(copy.deepcopy(given)))


def test_fields_keep_the_spelling_of_aws() -> None:
    alarm = parse_alarm(STATIC)

    assert isinstance(alarm, MetricAlarm)
    assert (alarm.m, alarm.n, alarm.treatment, alarm.period_s) == (2, 3, "notBreaching", 60)
    assert alarm.Dimensions[1] == Dimension("TargetGroup", "new")
    assert isinstance(alarm.Threshold, float)


def test_absent_keys_mean_what_aws_says_they_mean() -> None:
    """M is N, missing data is missing, ReturnData is true."""
    alarm = parse_alarm(PERCENTILE)
    single = {key: value for key, value in MATH["Metrics"][1].items() if key != "ReturnData"}
    answer = parse_alarm({**MATH, "Metrics": [single]})

    assert isinstance(alarm, MetricAlarm)
    assert isinstance(answer, MetricAlarm)
    assert (alarm.m, alarm.treatment, alarm.statistic) == (5, "missing", "p99")
    assert answer.Metrics[0].returned
    assert "ReturnData" not in answer.to_aws()["Metrics"][0]


def test_what_describe_alarms_prints_is_accepted() -> None:
    """Its read-only keys are passed over, and so are its empty lists."""
    printed = {
        **STATIC,
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:green-5xx",
        "AlarmConfigurationUpdatedTimestamp": "2026-01-01T00:00:00+00:00",
        "OKActions": [],
        "InsufficientDataActions": [],
        "StateValue": "OK",
        "StateReason": "Unchecked: Initial alarm creation",
        "StateReasonData": "{}",
        "StateUpdatedTimestamp": "2026-01-01T00:00:00+00:00",
        "StateTransitionedTimestamp": "2026-01-01T00:00:00+00:00",
        "EvaluationState": "PARTIAL_DATA",
    }

    assert parse_alarm(printed) == parse_alarm(STATIC)
    described = {**MATH, "Dimensions": [], "OKActions": []}
    assert parse_alarm(described) == parse_alarm(MATH)


def test_keys_that_are_not_modelled_are_carried() -> None:
    tags = [{"Key": "team", "Value": "checkout"}]

    alarm = parse_alarm({**STATIC, "Tags": tags, "WarmUpConfiguration": {"x": 1}})

    assert alarm.to_aws()["Tags"] == tags
    assert alarm.extra["WarmUpConfiguration"] == {"x": 1}


@pytest.mark.parametrize("given", [STATIC, COMPOSITE], ids=lambda a: a["AlarmName"])
def test_a_description_may_be_empty(given: dict[str, Any]) -> None:
    assert parse_alarm({**given, "AlarmDescription": ""}).AlarmDescription == ""


@pytest.mark.parametrize("period", [10, 20, 30, 60, 120, 300, 3600, 86_400])
def test_lawful_periods(period: int) -> None:
    alarm = parse_alarm(
        {**STATIC, "Period": period, "EvaluationPeriods": 1, "DatapointsToAlarm": 1}
    )

    assert isinstance(alarm, MetricAlarm)
    assert alarm.period_s == period


@pytest.mark.parametrize(
    ("period", "most"), [(10, 8640), (60, 1440), (300, 288), (3600, 168), (86_400, 7)]
)
def test_how_far_an_alarm_may_look_back(period: int, most: int) -> None:
    """A day below hourly periods, a week from there on."""
    keys = {**STATIC, "Period": period, "DatapointsToAlarm": 1}

    parse_alarm({**keys, "EvaluationPeriods": most})
    with pytest.raises(InputError, match=rf"EvaluationPeriods: must be at most {most} "):
        parse_alarm({**keys, "EvaluationPeriods": most + 1})


@pytest.mark.parametrize(
    "statistic",
    [
        *("p99", "p99.9", "p0.1234567891", "p0", "p100", "tm90", "tc95", "ts50", "wm98", "IQM"),
        *("TM(10%:90%)", "TM(:99%)", "TC(5:100)", "WM(2.5%:)", "PR(:300)", "PR(100:2000)"),
    ],
)
def test_lawful_extended_statistics(statistic: str) -> None:
    alarm = parse_alarm({**PERCENTILE, "ExtendedStatistic": statistic})

    assert isinstance(alarm, MetricAlarm)
    assert alarm.statistic == statistic


@pytest.mark.parametrize(
    "statistic",
    [
        *(
            "p101",
            "p",
            "p99.12345678901",
            "P99",
            "Average",
            "iqm",
            "TM(90%:10%)",
            "TM(:)",
            "TM(1:2%)",
        ),
        *("PR(:)", "PR(10%:20%)", "TM(1:2:3)", "p99 ", "p٩"),
    ],
)
def test_unlawful_extended_statistics(statistic: str) -> None:
    with pytest.raises(InputError, match="ExtendedStatistic: must be an extended statistic"):
        parse_alarm({**PERCENTILE, "ExtendedStatistic": statistic})


@pytest.mark.parametrize(
    ("given", "changes", "message"),
    [
        (STATIC, {"AlarmName": None}, r"^a\.AlarmName: must be given, but got nothing"),
        (STATIC, {"AlarmName": "x" * 256}, r"^a\.AlarmName: must be 1 to 255 characters long"),
        (STATIC, {"AlarmName": 5}, r"^a\.AlarmName: must be a text, but got 5"),
        (STATIC, {"AlarmDescription": "x" * 1025}, r"^a\.AlarmDescription: .*1024 characters"),
        (STATIC, {"Perod": 60}, r"^a\.Perod: must be a known key, .*Did you mean 'Period'"),
        (STATIC, {"Period": 45}, r"^a\.Period: must be 10, 20, 30 or a multiple of 60.*got 45"),
        (STATIC, {"Period": 0}, r"^a\.Period: must be a whole number of at least 1, but got 0"),
        (STATIC, {"Period": "60"}, r"^a\.Period: must be a whole number .*, but got '60'"),
        (STATIC, {"Period": True}, r"^a\.Period: must be a whole number .*, but got True"),
        (STATIC, {"Period": None}, r"^a\.Period: must be given"),
        (STATIC, {"DatapointsToAlarm": 4}, r"^a\.DatapointsToAlarm: must be at most .*\(3\)"),
        (STATIC, {"EvaluationPeriods": 1.5}, r"^a\.EvaluationPeriods: must be a whole number"),
        (STATIC, {"EvaluationPeriods": None}, r"^a\.EvaluationPeriods: must be given"),
        (STATIC, {"Threshold": None}, r"^a\.Threshold: must be given"),
        (STATIC, {"Threshold": float("nan")}, r"^a\.Threshold: must be a finite number"),
        (STATIC, {"Threshold": float("inf")}, r"^a\.Threshold: must be a finite number"),
        (STATIC, {"Threshold": 1e300}, r"^a\.Threshold: .*2\^360, but got 1e\+300"),
        (STATIC, {"Threshold": -(10**400)}, r"^a\.Threshold: must be a finite number"),
        (STATIC, {"Threshold": "10"}, r"^a\.Threshold: must be a number, but got '10'"),
        (STATIC, {"ComparisonOperator": "GreaterThan"}, r"mean 'GreaterThanThreshold'"),
        (STATIC, {"ComparisonOperator": None}, r"^a\.ComparisonOperator: must be given"),
        (STATIC, {"TreatMissingData": "notbreaching"}, r"mean 'notBreaching'"),
        (STATIC, {"EvaluateLowSampleCountPercentile": "x"}, r"must be one of evaluate, ignore"),
        (STATIC, {"Unit": "Second"}, r"^a\.Unit: .*Did you mean 'Seconds'"),
        (STATIC, {"Statistic": "sum"}, r"^a\.Statistic: .*, but got 'sum'. Did you mean 'Sum'"),
        (STATIC, {"Statistic": "p99"}, r"Percentiles are ExtendedStatistic"),
        (STATIC, {"Statistic": None}, r"^a\.Statistic: must be given.*ExtendedStatistic"),
        (STATIC, {"ExtendedStatistic": "p99"}, r"^a\.ExtendedStatistic: must be absent where"),
        (STATIC, {"Namespace": ":x"}, r"^a\.Namespace: .*colon"),
        (STATIC, {"MetricName": None}, r"^a\.MetricName: must be given"),
        (STATIC, {"Dimensions": {"Name": "x"}}, r"^a\.Dimensions: must be a list"),
        (STATIC, {"Dimensions": [1]}, r"^a\.Dimensions\.0: must be a mapping, but got 1"),
        (STATIC, {"Dimensions": [{"Name": "x"}]}, r"^a\.Dimensions\.0\.Value: must be given"),
        (
            STATIC,
            {"Dimensions": [{"Name": "x", "Value": "v"}] * 2},
            r"\.1\.Name: must be given once",
        ),
        (STATIC, {"Dimensions": [{"Name": "x", "Value": "v"}] * 31}, r"a list of at most 30"),
        (STATIC, {"AlarmActions": ["x"] * 6}, r"^a\.AlarmActions: must be a list of at most 5"),
        (STATIC, {"OKActions": [""]}, r"^a\.OKActions\.0: must be a text of 1 to 1024"),
        (STATIC, {"ActionsEnabled": "true"}, r"^a\.ActionsEnabled: must be true or false"),
        (STATIC, {"EvaluationCriteria": {"q": 1}}, r"PromQL query are not simulated"),
        (STATIC, {"ThresholdMetricId": "b"}, r"^a\.ComparisonOperator: .*with ThresholdMetricId"),
        (
            STATIC,
            {"ComparisonOperator": "GreaterThanUpperThreshold"},
            r"(?s)a\.ThresholdMetricId: must be given.*a\.Threshold: must be absent with an anomaly",
        ),
        (MATH, {"Period": 60, "Statistic": "Sum"}, r"(?s)a\.Period: must be absent.*a\.Statistic"),
        (MATH, {"Metrics": "x"}, r"^a\.Metrics: must be a list"),
        (MATH, {"Metrics": MATH["Metrics"] + [metric(f"M{i}") for i in range(8)]}, "at most 10"),
        (MATH, {"Metrics": MATH["Metrics"][1:]}, r"exactly one entry .*, but got none"),
        (
            MATH,
            {"Metrics": MATH["Metrics"] + [{**metric("X"), "ReturnData": True}]},
            r"2 \(rate, x\)",
        ),
        (MATH, {"Metrics": [*MATH["Metrics"], metric("Errors")]}, r"Metrics\.3\.Id: .*once"),
        (
            MATH,
            {"Metrics": [*MATH["Metrics"], {"Id": "Z"}]},
            r"(?s)3\.Id: must be a lower.*neither",
        ),
        (MATH, {"Metrics": [*MATH["Metrics"], metric("X", Period=300)]}, r"one period .*got 300"),
        (MATH, {"Metrics": [*MATH["Metrics"], metric("X", Stat="sum")]}, r"MetricStat\.Stat: "),
        (
            MATH,
            {"Metrics": [*MATH["Metrics"], metric("X", Metric={})]},
            r"(?s)Metric\.Namespace: must be given.*Metric\.MetricName",
        ),
        (MATH, {"Metrics": [{"Id": "a", "Expression": "1 +"}]}, r"0\.Expression: .*column 4"),
        (MATH, {"Metrics": [{"Id": "a", "Expression": "SEARCH('x')"}]}, r"not allow SEARCH"),
        (BAND, {"Threshold": 5}, r"^a\.Threshold: must be absent with an anomaly band"),
        (BAND, {"ThresholdMetricId": "bond"}, r"a\.ThresholdMetricId: .*Such are: band"),
        (BAND, {"ComparisonOperator": "GreaterThanThreshold"}, r"with ThresholdMetricId"),
        (COMPOSITE, {"AlarmRule": "ALARM(a) OR"}, r"^a\.AlarmRule: .* its end at column 12"),
        (COMPOSITE, {"ActionsSuppressorWaitPeriod": None}, r"WaitPeriod: must be given"),
        (COMPOSITE, {"ActionsSuppressor": None}, r"must be absent without ActionsSuppressor"),
        (COMPOSITE, {"ActionsSuppressorWaitPeriod": -1}, r"whole number of at least 0"),
        (COMPOSITE, {"Threshold": 3}, r"^a\.Threshold: must be a known key"),
        (BAND, {"Metrics": [metric("M", Period=30), *BAND["Metrics"][1:]]}, r"Period: .*least 60"),
        (
            BAND,
            {"Metrics": [{"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(METRICS(), 2)"}]},
            r"0\.Expression: must be ANOMALY_DETECTION_BAND\(Id",
        ),
        (MATH, {"OKActions": ["arn:aws:sns:x", EC2]}, r"^a\.OKActions\.1: .*EC2 .* metric math"),
        (MATH, {"AlarmActions": [SWF]}, r"^a\.AlarmActions\.0: .*EC2 .* metric math"),
        (BAND, {"AlarmActions": [EC2]}, r"no EC2 action with an anomaly band"),
        (BAND, {"AlarmActions": [SCALING]}, r"no action of Auto Scaling with an anomaly band"),
        (COMPOSITE, {"AlarmActions": [EC2]}, r"no EC2 action with a composite alarm"),
        (COMPOSITE, {"OKActions": [SCALING]}, r"no action of Auto Scaling with a composite alarm"),
    ],
)
def test_every_limit_is_told_where_it_is_broken(
    given: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        parse_alarm({**given, **changes}, where="a")


def test_actions_that_are_lawful() -> None:
    """One metric takes them all, metric math those of Auto Scaling."""
    parse_alarm({**STATIC, "AlarmActions": [EC2, SWF, SCALING]})
    parse_alarm({**MATH, "AlarmActions": [SCALING]})


def test_all_problems_come_at_once() -> None:
    bad = {"Period": 45, "Threshold": "x", "Unit": "y", "AlarmNam": "z"}

    with pytest.raises(InputError) as caught:
        parse_alarm(bad, where="alarms.0")

    assert {problem.where.removeprefix("alarms.0.") for problem in caught.value.problems} == {
        *("AlarmNam", "AlarmName", "Period", "Threshold", "Unit", "EvaluationPeriods"),
        *("ComparisonOperator", "Namespace", "MetricName", "Statistic"),
    }


@pytest.mark.parametrize("value", [None, 5, "alarm", [STATIC]])
def test_an_alarm_is_a_mapping(value: object) -> None:
    with pytest.raises(InputError, match=r"^alarms\.3: must be a mapping"):
        parse_alarm(value, where="alarms.3")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(
    base=st.sampled_from([STATIC, PERCENTILE, MATH, BAND, COMPOSITE]),
    changes=st.dictionaries(
        st.sampled_from([*STATIC, *PERCENTILE, *MATH, *BAND, *COMPOSITE, "Tags"]), JUNK, max_size=4
    ),
)
def test_no_value_does_worse_than_a_refusal(base: dict[str, Any], changes: dict[str, Any]) -> None:
    try:
        alarm = parse_alarm({**base, **changes})
    except InputError as error:
        assert all(problem.where.startswith("alarm") for problem in error.problems)  # noqa: PT017  (one way of two)
    else:
        assert isinstance(alarm, MetricAlarm | CompositeAlarm)
        assert parse_alarm(alarm.to_aws()) == alarm
