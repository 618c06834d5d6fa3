"""Series of minutes replayed; every expected state is counted on paper."""

from datetime import UTC, datetime

import numpy as np
import pytest

from stratsim.cloudwatch import (
    alarm_history,
    evaluate_alarm,
    replay_alarm,
    replay_composites,
)
from stratsim.cloudwatch.parse import parse_evaluation
from stratsim.errors import InputError
from stratsim.model.alarm import CompositeAlarm

O, A, I = "OK", "ALARM", "INSUFFICIENT_DATA"  # noqa: E741  (tables of states line up)


def alarm(m: int, n: int, **keys: object) -> dict[str, object]:
    """More than 10 breaches."""
    return {
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": n,
        "DatapointsToAlarm": m,
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
        **keys,
    }


def test_two_of_two_alarms_on_the_second_bad_minute_and_clears_on_the_first_good_one() -> None:
    states = replay_alarm(alarm(2, 2), [0, 20, 20, 20, 0, 0])

    assert states == [O, O, A, A, O, O]


def test_two_of_three_rides_over_one_good_minute() -> None:
    states = replay_alarm(alarm(2, 3), [0, 20, 0, 20, 0, 0, 0])

    assert states == [O, O, O, A, O, O, O]


def test_a_delay_shifts_every_change() -> None:
    """Until the first value arrives nothing is known."""
    now = replay_alarm(alarm(1, 1), [0, 20, 0, 0, 0])
    later = replay_alarm(alarm(1, 1), [0, 20, 0, 0, 0], delay_minutes=2)

    assert now == [O, A, O, O, O]
    assert later == [I, I, O, A, O]


def test_a_late_datapoint_counts_when_it_comes_and_rewrites_nothing() -> None:
    """Minute 1 breaches but arrives during minute 3, behind a good newer one.

    With two datapoints asked for, 1 of 2 sees minutes 0 and 2 at first. When
    minute 3 has ended the newest two are 2 and 3, so minute 1 came too late.
    """
    late = replay_alarm(alarm(1, 2), [0, 20, 0, 0, 0], delay_minutes=[0, 2, 0, 0, 0])
    in_time = replay_alarm(alarm(1, 2), [0, 20, 0, 0, 0], delay_minutes=[0, 1, 0, 0, 0])

    assert late == [O, O, O, O, O]
    assert in_time == [O, O, A, O, O]


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [
        ("notBreaching", [O, A, A, A, O, O]),
        ("missing", [I, A, A, A, I, I]),
        ("ignore", [O, A, A, A, A, A]),
        ("breaching", [A, A, A, A, A, A]),
    ],
)
def test_a_metric_that_reports_only_errors(treatment: str, expected: list[str]) -> None:
    """One error minute, then silence: it holds ALARM until it leaves the range of 3."""
    silent = [None, 20, None, None, None, None]

    states = replay_alarm(
        alarm(1, 1, TreatMissingData=treatment), silent, evaluation_range=3, initial_state=O
    )

    assert states == expected


def test_silence_turns_ok_into_alarm_once_the_good_datapoints_age_out() -> None:
    """3 of 3 under ``missing``: a good and a bad minute, then nothing.

    Range 5. While minute 0 is in it there is a good datapoint: OK. After minute
    5 only the breach of minute 1 is left, 5 periods old: a premature alarm. A
    minute later the range is empty.
    """
    states = replay_alarm(alarm(3, 3), [0, 20, *[None] * 6], evaluation_range=5)

    assert states == [O, O, O, O, O, A, I, I]


def test_a_five_minute_sum_slides_with_every_minute() -> None:
    """Two bad minutes of 6 each sum to 12 > 10 in every window that holds both."""
    values = [0, 0, 0, 6, 6, 0, 0, 0, 0, 0]

    states = replay_alarm(alarm(1, 1, Period=300), values, evaluation_range=1)

    assert states == [O, O, O, O, A, A, A, A, O, O]


@pytest.mark.parametrize(
    ("statistic", "threshold", "alarming"),
    [
        ("Average", 3.9, True),  # (2 + 6) / 2 = 4, the empty minutes do not count
        ("Average", 4.1, False),
        ("Maximum", 5.9, True),
        ("Minimum", 2.1, False),
        ("SampleCount", 7.9, True),  # counts of minutes add up: 2 + 6
        ("Sum", 8.1, False),
    ],
)
def test_a_window_is_aggregated_with_the_alarms_statistic(
    statistic: str, threshold: float, alarming: bool
) -> None:
    keys = {"Statistic": statistic, "Threshold": threshold, "Period": 300}

    states = replay_alarm(alarm(1, 1, **keys), [None, 2, None, 6, None], evaluation_range=1)

    assert (states[-1] == A) is alarming


def test_a_percentile_over_several_minutes_takes_the_nearest_rank() -> None:
    """Of 1..5 the 80th percentile is the 4th value."""
    keys = {"Period": 300, "ExtendedStatistic": "p80", "Statistic": None}

    at_four = replay_alarm(alarm(1, 1, **keys, Threshold=3.9), [5, 4, 3, 2, 1], 0, 1)
    above = replay_alarm(alarm(1, 1, **keys, Threshold=4.0), [5, 4, 3, 2, 1], 0, 1)

    assert (at_four[-1], above[-1]) == (A, O)


def test_more_than_a_day_is_evaluated_on_the_hour() -> None:
    """25 periods of an hour: the state can change at minute 59, 119, ... only."""
    hourly = alarm(1, 25, Period=3600, TreatMissingData="notBreaching")

    states = replay_alarm(hourly, [None] * 70 + [20] + [None] * 60)

    assert states[:59] == [I] * 59
    assert states[59:119] == [O] * 60
    assert states[119:] == [A] * 12


def test_an_expression_is_evaluated_over_every_window() -> None:
    """Error share over 10 %, with at least 20 calls; no call means no datapoint."""
    queries = [
        {"Id": "share", "Expression": "IF(calls >= 20, 100*errs/calls, 0)"},
        *(
            {
                "Id": name,
                "ReturnData": False,
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/Lambda", "MetricName": name},
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for name in ("errs", "calls")
        ),
    ]
    rate = {**alarm(1, 1, Metrics=queries), "Statistic": None, "Period": None}
    calls = [100, 100, 10, 100, None, None]
    errors = [None, 20, 9, 10, None, None]

    states = replay_alarm(rate, {"errs": errors, "calls": calls}, evaluation_range=1)

    assert states == [O, A, O, O, I, I]


def test_one_evaluation_takes_mappings_words_and_short_ranges() -> None:
    """Fewer datapoints than periods: the older ones are missing."""
    assert evaluate_alarm(alarm(2, 3), [20, 20]) == A
    assert evaluate_alarm(alarm(1, 1), [], previous_state=A) == I
    assert evaluate_alarm(alarm(1, 1), np.array([0.0, np.nan])) == O
    assert type(evaluate_alarm(alarm(1, 1), [1])) is str


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"values": [1, float("inf")]}, r"values\.1: must be a finite number or null, but got inf"),
        ({"values": [1, "2"]}, r"values\.1: must be a finite number or null, but got '2'"),
        ({"values": 5}, r"values: must be a list of numbers"),
        ({"delay_minutes": -1}, r"delay_minutes: must be whole minutes of at least 0"),
        ({"delay_minutes": [0]}, r"delay_minutes: .*2 minutes, but got 1 numbers"),
        ({"evaluation_range": 1}, r"evaluation_range: .*EvaluationPeriods \(2\), but got 1"),
        ({"initial_state": "INSUFFICIENT"}, r"initial_state: .*Did you mean 'INSUFFICIENT_DATA'"),
        ({"alarm": alarm(1, 1, Period=10)}, r"alarm\.Period: must be a multiple of 60"),
        (
            {"alarm": alarm(1, 1, Period=300, Statistic=None)},
            r"alarm\.Statistic: must be given, .* one series per Id",
        ),
        ({"values": {}}, r"values: must be one series for each of no Ids, but got nothing"),
        ({"alarm": alarm(3, 2)}, r"alarm\.DatapointsToAlarm: must be at most .*\(2\), but got 3"),
        ({"alarm": {"Threshold": 1}}, r"alarm\.EvaluationPeriods: must be given"),
        ({"values": {"a": [1]}}, r"values: must be one series for each of"),
    ],
)
def test_bad_input_is_told_in_one_form(keys: dict[str, object], message: str) -> None:
    arguments = {"alarm": alarm(2, 2), "values": [1, 2], **keys}

    with pytest.raises(InputError, match=message):
        replay_alarm(**arguments)


def test_composites_follow_their_children_minute_by_minute() -> None:
    children = {"errors": [O, A, A, O], "quiet": [O, O, A, A]}
    alarms = [
        CompositeAlarm(AlarmName="page", AlarmRule="ALARM(loud) OR ALARM(nobody)"),
        CompositeAlarm(AlarmName="loud", AlarmRule="ALARM(errors) AND NOT ALARM(quiet)"),
        CompositeAlarm(AlarmName="nobody", AlarmRule="FALSE"),
        *(parse_evaluation({**alarm(1, 1), "AlarmName": name}) for name in children),
    ]

    states = replay_composites(alarms, children)

    assert states["loud"] == states["page"] == [O, A, O, O]
    assert states["errors"] == children["errors"]


def test_a_composite_without_the_states_of_a_child_is_refused() -> None:
    alarms = [
        CompositeAlarm(AlarmName="loud", AlarmRule="ALARM(errors)"),
        parse_evaluation({**alarm(1, 1), "AlarmName": "errors"}),
    ]

    with pytest.raises(InputError, match=r"states: .*'errors'"):
        replay_composites(alarms, {"other": [O]})


def test_reasons_tell_the_calendar_where_there_is_one() -> None:
    start = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)

    changes = alarm_history(alarm(1, 1), [0, 20], start=start)

    assert "[0.0 (01/03/26 23:59:00)]" in changes[0].reason
    assert "[20.0 (02/03/26 00:00:00)]" in changes[1].reason


def expression(text: str, m: int = 1, n: int = 1) -> dict[str, object]:
    """An alarm on an expression of one metric, ``m``."""
    stat = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "e", "Expression": text},
        {"Id": "m", "MetricStat": stat, "ReturnData": False},
    ]
    return {**alarm(m, n, Metrics=queries), "Statistic": None, "Period": None}


@pytest.mark.parametrize(
    ("filler", "m", "n", "expected"),
    [
        (0, 1, 1, [O, O, O, O, O]),  # never sees a real datapoint
        (99, 1, 1, [A, A, A, A, A]),
        (0, 2, 3, [O, O, O, A, A]),  # fill, 20, 20
    ],
)
def test_fill_is_the_newest_datapoint_of_a_late_metric(
    filler: int, m: int, n: int, expected: list[str]
) -> None:
    """The guide's warning: 1 of 1 sticks, M of N does not."""
    late = replay_alarm(expression(f"FILL(m, {filler})", m, n), {"m": [0, 20, 20, 20, 20]}, 1)

    assert late == expected


def test_a_number_made_of_a_series_depends_on_the_range() -> None:
    """Why the guide discourages them: 20 is above the lowest of three, 0, but not of one."""
    series = {"m": [0, 20, 20, 20]}

    long = replay_alarm(expression("m - MIN(m)"), series, evaluation_range=3)
    short = replay_alarm(expression("m - MIN(m)"), series, evaluation_range=1)

    assert long == [O, A, A, O]
    assert short == [O, O, O, O]


def test_an_alarm_of_office_hours_knows_the_time() -> None:
    """Muted until 08:00 by its expression."""
    muted = expression("IF(HOUR(m) >= 8, m, 0)")
    start = datetime(2026, 5, 1, 7, 58)  # noqa: DTZ001  (a time without a zone is UTC)

    states = replay_alarm(muted, {"m": [20.0, 20.0, 20.0, 20.0]}, start=start)

    assert states == [O, O, A, A]
    (first, second) = alarm_history(muted, {"m": [20.0] * 4}, start=start.replace(tzinfo=UTC))
    assert (first.after, second.after, second.minute) == (O, A, 2)
    with pytest.raises(InputError, match="time of its datapoints, which HOUR reads"):
        replay_alarm(muted, {"m": [20.0]})
