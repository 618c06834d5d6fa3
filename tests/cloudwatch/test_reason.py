"""Reasons, against texts of CloudWatch's that stand in public alarm histories."""

import pytest

from stratsim.cloudwatch import State, alarm_history, state_reason
from stratsim.model.alarm import MetricAlarm

GREATER = "GreaterThanThreshold"


def alarm(
    m: int | None, n: int, threshold: float = 50.0, operator: str = GREATER, **keys: str
) -> MetricAlarm:
    return MetricAlarm(
        AlarmName="a",
        EvaluationPeriods=n,
        DatapointsToAlarm=m,
        Threshold=None if keys.get("ThresholdMetricId") else threshold,
        ComparisonOperator=operator,
        **keys,
    )


def test_all_good() -> None:
    reason = state_reason(
        alarm(1, 1), State.OK, [None, 0.0666851903306472], ["", "01/10/19 13:46:00"]
    )

    assert reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [0.0666851903306472 "
        "(01/10/19 13:46:00)] was not greater than the threshold (50.0) "
        "(minimum 1 datapoint for ALARM -> OK transition)."
    )


def test_clearing_three_of_five_takes_three_good_ones() -> None:
    """The good ones are listed, newest first; the breaching ones are not."""
    stamps = [f"21/12/21 06:{minute}:00" for minute in (39, 40, 41, 42, 43, 44, 45)]

    reason = state_reason(alarm(3, 5, 0.0), State.OK, [9, 9, 9, 0, 9, 0, 0], stamps)

    assert reason == (
        "Threshold Crossed: 3 out of the last 5 datapoints [0.0 (21/12/21 06:45:00), "
        "0.0 (21/12/21 06:44:00), 0.0 (21/12/21 06:42:00)] were not greater than the "
        "threshold (0.0) (minimum 3 datapoints for ALARM -> OK transition)."
    )


def test_many_datapoints_are_listed_at_the_end() -> None:
    stamps = [f"29/04/20 23:{minute}:00" for minute in range(28, 33)]
    less = alarm(5, 5, 65.0, "LessThanThreshold")

    reason = state_reason(less, State.ALARM, [0.0] * 5, stamps)

    assert reason == (
        "Threshold Crossed: 5 out of the last 5 datapoints were less than the threshold (65.0). "
        "The most recent datapoints which crossed the threshold: [0.0 (29/04/20 23:32:00), "
        "0.0 (29/04/20 23:31:00), 0.0 (29/04/20 23:30:00), 0.0 (29/04/20 23:29:00), "
        "0.0 (29/04/20 23:28:00)] (minimum 5 datapoints for OK -> ALARM transition)."
    )


def test_without_datapoints_to_alarm_the_text_is_shorter() -> None:
    reason = state_reason(alarm(None, 1, 0.0), State.ALARM, [1.0], ["05/02/18 06:28:00"])

    assert reason == (
        "Threshold Crossed: 1 datapoint [1.0 (05/02/18 06:28:00)] was greater than the "
        "threshold (0.0)."
    )


@pytest.mark.parametrize(
    ("n", "treatment", "state", "expected"),
    [
        (
            1,
            "notBreaching",
            State.OK,
            "1 period and 1 missing datapoint was treated as [NonBreaching].",
        ),
        (
            2,
            "breaching",
            State.ALARM,
            "2 periods and 2 missing datapoints were treated as [Breaching].",
        ),
    ],
)
def test_missing_data_that_is_made_up(n: int, treatment: str, state: State, expected: str) -> None:
    reason = state_reason(alarm(n, n, TreatMissingData=treatment), state, [None] * 4, [""] * 4)

    assert reason == f"Threshold Crossed: no datapoints were received for {expected}"


def test_datapoints_and_missing_ones_together() -> None:
    """2 of 8 wanted, one good value and seven made up as breaching, told as CloudWatch did."""
    less = alarm(8, 8, 0.0, "LessThanOrEqualToThreshold", TreatMissingData="breaching")
    stamps = [""] * 9 + ["19/08/26 09:36:00"]

    reason = state_reason(less, State.OK, [None] * 9 + [2.0], stamps)
    alarming = state_reason(
        alarm(2, 3, TreatMissingData="breaching"), State.ALARM, [None, 1.0, None], [""] * 3
    )

    assert reason == (
        "Threshold Crossed: 1 datapoint [2.0 (19/08/26 09:36:00)] was not less than or equal to "
        "the threshold (0.0) and 7 missing datapoints were treated as [Breaching]."
    )
    assert alarming == (
        "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints "
        "were treated as [Breaching]."
    )


def test_no_data() -> None:
    one = state_reason(alarm(1, 1), State.INSUFFICIENT_DATA, [None] * 3, [""] * 3)
    five = state_reason(alarm(5, 5), State.INSUFFICIENT_DATA, [None] * 7, [""] * 7)

    assert one == "Insufficient Data: 1 datapoint was unknown."
    assert five == "Insufficient Data: 5 datapoints were unknown."


def test_bands() -> None:
    band = "LessThanLowerOrGreaterThanUpperThreshold"
    both = alarm(2, 2, operator=band, ThresholdMetricId="b")
    upper = alarm(3, 3, operator="GreaterThanUpperThreshold", ThresholdMetricId="b")

    alarming = state_reason(
        both,
        State.ALARM,
        [27.0, 28.5],
        ["22/11/19 00:52:00", "22/11/19 00:57:00"],
        [(31.25, 32.5), (31.5, 33.0)],
    )
    clearing = state_reason(
        upper, State.OK, [99.0, 99.0, 40.5], ["", "", "08/09/23 15:36:00"], [(0.0, 44.5)] * 3
    )

    assert alarming == (
        "Thresholds Crossed: 2 out of the last 2 datapoints [28.5 (22/11/19 00:57:00), "
        "27.0 (22/11/19 00:52:00)] were less than the lower thresholds [31.5, 31.25] or greater "
        "than the upper thresholds [33.0, 32.5] "
        "(minimum 2 datapoints for OK -> ALARM transition)."
    )
    assert clearing == (
        "Thresholds Crossed: 1 out of the last 3 datapoints [40.5 (08/09/23 15:36:00)] was not "
        "greater than the upper thresholds [44.5] "
        "(minimum 1 datapoint for ALARM -> OK transition)."
    )


def test_a_value_without_a_band_is_not_listed() -> None:
    upper = alarm(1, 2, operator="GreaterThanUpperThreshold", ThresholdMetricId="b")

    reason = state_reason(
        upper, State.ALARM, [9.0, 9.0, 9.0], ["1", "2", "3"], [(0, 1), (0, 2), None]
    )

    assert reason == (
        "Thresholds Crossed: 2 out of the last 2 datapoints [9.0 (2), 9.0 (1)] were greater than "
        "the upper thresholds [2, 1] (minimum 1 datapoint for OK -> ALARM transition)."
    )


def test_every_change_of_a_history_has_its_reason() -> None:
    changes = alarm_history(alarm(2, 2, 10.0), [0, 20, 30, 0])

    assert [(c.minute, c.before, c.after) for c in changes] == [
        (0, "INSUFFICIENT_DATA", "OK"),
        (2, "OK", "ALARM"),
        (3, "ALARM", "OK"),
    ]
    assert "[0.0 (00:00:00)]" in changes[0].reason
    assert changes[1].reason == (
        "Threshold Crossed: 2 out of the last 2 datapoints [30.0 (00:02:00), 20.0 (00:01:00)] "
        "were greater than the threshold (10.0) "
        "(minimum 2 datapoints for OK -> ALARM transition)."
    )
