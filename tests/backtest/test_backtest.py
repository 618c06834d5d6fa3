"""Replays over small series that can be followed on paper."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stratsim.backtest import Backtest, Datapoints, backtest
from stratsim.cloudwatch.parse import parse_alarm
from stratsim.errors import InputError

START = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def alarm(**keys: Any) -> Any:
    return parse_alarm(
        {
            "AlarmName": "a",
            "Namespace": "N",
            "MetricName": "M",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            **keys,
        }
    )


def data(
    values: list[float | None], labels: list[str] | None = None, step_s: float = 60
) -> Datapoints:
    stamps = tuple(START + timedelta(seconds=step_s * at) for at in range(len(values)))
    return Datapoints("d.csv", stamps, {"value": values}, labels)


def firings(result: Backtest) -> list[int]:
    return [change.minute for change in result.replays[0].firings]


def test_a_firing_is_seen_a_minute_after_its_period() -> None:
    """The value of minute 3 is there for the evaluation at the end of minute 4."""
    found = backtest([alarm()], data([0, 0, 0, 9, 0, 0, 0]))

    assert firings(found) == [4]
    assert found.to_dict()["alarms"][0]["transitions"][1] == {
        "time": "2024-05-01T12:05:00Z",
        "from": "OK",
        "to": "ALARM",
        "reason": (
            "Threshold Crossed: 1 datapoint [9.0 (01/05/24 12:03:00)] was greater than the "
            "threshold (5.0)."
        ),
    }


def test_the_time_in_each_state_is_the_length_of_the_series() -> None:
    found = backtest([alarm()], data([0, 9, 0, 0])).replays[0].minutes_in()

    assert found == {"OK": 3, "ALARM": 1, "INSUFFICIENT_DATA": 0}


def test_five_minute_data_are_seen_after_their_period() -> None:
    """Stamped 12:05, over at 12:10, seen a minute later: minute 10."""
    found = backtest([alarm(Period=300)], data([0, 9, 0, 0], step_s=300))

    assert firings(found) == [10]


def test_a_faster_alarm_wants_faster_data() -> None:
    with pytest.raises(InputError, match=r"a.Period: must be at least the 300 s.*but got 60"):
        backtest([alarm()], data([0, 9], step_s=300))


def test_a_faster_alarm_may_be_judged_by_the_datapoint() -> None:
    found = backtest([alarm()], data([0, 9, 0, 0], step_s=300), resample=True)

    assert firings(found) == [10]
    assert "judged as if its Period of 60 s were 300 s" in found.notes[0]


def test_labelled_windows_are_caught_missed_or_not_there() -> None:
    """Windows of minutes 2-3 and 8; ALARM at 3 (in the first) and at 14 (in none)."""
    values: list[float | None] = [0.0] * 20
    values[2] = values[13] = 9
    labels = [""] * 20
    labels[2] = labels[3] = "cpu"
    labels[8] = "network"

    replay = backtest([alarm()], data(values, labels), grace_minutes=2).replays[0]

    assert replay.windows is not None
    assert [(w.begin, w.end, w.label) for w in replay.windows] == [(2, 4, "cpu"), (8, 9, "network")]
    assert [replay.caught(w) for w in replay.windows] == [True, False]
    assert replay.delay_minutes(replay.windows[0]) == 2
    assert [change.minute for change in replay.false_alarms()] == [14]


def test_labels_that_say_nothing_is_wrong() -> None:
    assert data([1, 2], ["0", "normal"]).windows() == ()


def test_an_expression_reads_a_column_per_id() -> None:
    def series(name: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": "N", "MetricName": name}, "Period": 60, "Stat": "Sum"}
        return {"Id": name, "ReturnData": False, "MetricStat": stat}

    percent = alarm(
        Namespace=None, MetricName=None, Statistic=None, Period=None,
        Metrics=[series("e"), series("r"), {"Id": "x", "Expression": "100*e/r"}],
    )  # fmt: skip
    stamps = tuple(START + timedelta(minutes=at) for at in range(4))
    columns = {"bad": [1, 9, 0, None], "r": [100, 100, 100, 100]}

    found = backtest([percent], Datapoints("d", stamps, columns), columns={"e": "bad"})

    assert firings(found) == [2]
    assert found.replays[0].values == (1.0, 9.0, 0.0, 0.0)


def test_a_composite_follows_its_children() -> None:
    low = alarm(AlarmName="low", Threshold=1)
    both = parse_alarm({"AlarmName": "both", "AlarmRule": "ALARM(a) AND ALARM(low)"})

    found = backtest([both, alarm(), low], data([0, 3, 9, 0, 0]))

    assert firings(found) == [3]
    change = found.replays[0].firings[0]
    assert change.reason == "a transitioned to ALARM at Wednesday 01 May, 2024 12:04:00 UTC"


def test_a_band_is_learnt_from_the_series() -> None:
    band = alarm(
        Namespace=None, MetricName=None, Statistic=None, Period=None, Threshold=None,
        ComparisonOperator="GreaterThanUpperThreshold", ThresholdMetricId="b",
        Metrics=[
            {"Id": "m", "MetricStat": {
                "Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}},
            {"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(m, 3)"},
        ],
    )  # fmt: skip
    values: list[float | None] = [10 + (at % 3) for at in range(240)]
    values[200] = 50

    found = backtest([band], data(values))

    assert firings(found) == [201]
    assert "CloudWatch does not publish its own" in found.notes[0]


def test_rows_of_one_minute_become_one_value() -> None:
    assert data([1, 2, 3, 4], step_s=30).series("value", "Sum")[:2] == [1, 5]


def test_gaps_are_missing() -> None:
    stamps = (START, START + timedelta(minutes=1), START + timedelta(minutes=4))

    assert Datapoints("d", stamps, {"value": [1, 2, 3]}).series("value", "Sum") == [
        1, 2, None, None, 3,
    ]  # fmt: skip


def test_a_frame_has_a_row_per_change() -> None:
    frame = backtest([alarm()], data([0, 9, 0])).to_frame()

    assert list(frame["to"]) == ["OK", "ALARM"]
