"""One evaluation against CloudWatch's own tables, and the fast form against the slow one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratsim.cloudwatch.evaluation import (
    State,
    evaluation_range,
    judge,
    judge_many,
    judge_over_time,
)
from stratsim.model.alarm import MetricAlarm

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
CODES = {"0": 0, "X": 1, "-": -1}
OK, ALARM, INSUFFICIENT = State.OK, State.ALARM, State.INSUFFICIENT_DATA
KEEP = None

# CloudWatch user guide, page AlarmThatSendsEmail (2023) and alarms-and-missing-data
# (2025): 3 evaluation periods of five minutes, of which 5 datapoints are asked for.
# Columns: cells oldest first | missing | ignore | breaching | notBreaching.
ALL_OF_THREE = [
    ("0 - X - X", OK, OK, OK, OK),
    ("0 - - - -", OK, OK, OK, OK),
    ("- - - - -", INSUFFICIENT, KEEP, ALARM, OK),
    ("0 X X - X", ALARM, ALARM, ALARM, ALARM),
    ("- - X - -", ALARM, KEEP, ALARM, OK),
]
TWO_OF_THREE = [
    ("0 - X - X", ALARM, ALARM, ALARM, ALARM),
    ("0 0 X 0 X", ALARM, ALARM, ALARM, ALARM),
    ("0 - X - -", OK, OK, ALARM, OK),
    ("- - - - 0", OK, OK, ALARM, OK),
    ("- - - X -", ALARM, KEEP, ALARM, OK),
]
# Rows that stood in the guide in 2018 and 2019 and were later replaced: they settle
# what the present ones leave open (a breach too young to alarm).
WITHDRAWN = [
    (3, "- - - - X", INSUFFICIENT, KEEP, ALARM, OK),
    (3, "X - - - -", ALARM, KEEP, ALARM, OK),
    (2, "- - - - X", INSUFFICIENT, KEEP, ALARM, OK),
]
ROWS = [(3, *row) for row in ALL_OF_THREE] + [(2, *row) for row in TWO_OF_THREE] + WITHDRAWN


def cells(pattern: str) -> list[int]:
    return [CODES[mark] for mark in pattern.split()]


@pytest.mark.parametrize("previous", list(State))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} of 3, {row[1]}")
def test_the_tables_of_missing_data(row: tuple, previous: State) -> None:
    m, pattern, *expected = row

    states = [judge(cells(pattern), m, 3, treatment, previous) for treatment in TREATMENTS]

    assert states == [previous if state is KEEP else state for state in expected]


def test_a_good_datapoint_in_time_averts_the_premature_alarm() -> None:
    """The guide's prose: one young breach does not alarm, and a good one then ends it."""
    pattern = ["- - - X -", "- - X - 0"]

    states = [judge(cells(one), 3, 3, "missing", OK) for one in pattern]

    assert states == [INSUFFICIENT, OK]


def test_a_stale_breach_holds_the_alarm_until_it_leaves_the_range() -> None:
    """Enough datapoints in the range: not even notBreaching fills anything."""
    assert judge(cells("X - - - -"), 1, 1, "notBreaching", OK) is ALARM
    assert judge(cells("- - - - -"), 1, 1, "notBreaching", ALARM) is OK


def test_only_the_newest_datapoints_count_when_there_are_enough() -> None:
    """Breaches older than the newest 3 datapoints are history."""
    assert judge(cells("X X X 0 0"), 2, 3, "missing", ALARM) is OK


def test_order_does_not_matter_among_the_judged() -> None:
    """2 of 3 counts breaches wherever they lie."""
    states = {judge(cells(one), 2, 3, "missing", OK) for one in ("X 0 X", "X X 0", "0 X X")}

    assert states == {ALARM}


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_as_few_datapoints_as_possible_are_made_up(treatment: str) -> None:
    """Two of three are there, so one is filled, however long the range is."""
    short = judge(cells("- 0 0"), 1, 3, treatment, INSUFFICIENT)
    long = judge(cells("- - - - - 0 0"), 1, 3, treatment, INSUFFICIENT)
    filled_twice = judge(cells("- - - - - 0 0"), 2, 3, treatment, INSUFFICIENT)

    assert short is long is (ALARM if treatment == "breaching" else OK)
    assert filled_twice is OK  # one made-up breach is not two


@pytest.mark.parametrize("treatment", TREATMENTS)
@pytest.mark.parametrize(("n", "size"), [(1, 1), (1, 3), (2, 4), (3, 5), (4, 4)])
def test_rows_of_an_array_are_judged_like_single_ones(n: int, size: int, treatment: str) -> None:
    """Every pattern of this size, every M, every state before."""
    rows = np.array(list(product((0, 1, -1), repeat=size)), np.int8)
    for m, previous in product(range(1, n + 1), State):
        before = np.full(len(rows), previous, np.int8)

        states = judge_many(rows, m, n, treatment, before)

        assert states.tolist() == [judge(row, m, n, treatment, previous) for row in rows.tolist()]


@given(
    rows=st.lists(st.lists(st.sampled_from((0, 1, -1)), min_size=9, max_size=9), min_size=1),
    n=st.integers(1, 9),
    share=st.floats(0, 1),
    treatment=st.sampled_from(TREATMENTS),
    previous=st.sampled_from(State),
)
def test_rows_of_any_size_are_judged_like_single_ones(
    rows: list[list[int]], n: int, share: float, treatment: str, previous: State
) -> None:
    m = max(1, round(share * n))
    stack = np.array(rows, np.int8).reshape(1, len(rows), 9)

    states = judge_many(stack, m, n, treatment, np.full((1, len(rows)), previous, np.int8))

    assert states.shape == (1, len(rows))
    assert states[0].tolist() == [judge(row, m, n, treatment, previous) for row in rows]


@given(
    series=st.lists(st.sampled_from((0, 1, -1)), min_size=1, max_size=30),
    n=st.integers(1, 4),
    extra=st.integers(0, 3),
    treatment=st.sampled_from(TREATMENTS),
    initial=st.sampled_from(State),
)
def test_time_runs_like_a_chain_of_single_evaluations(
    series: list[int], n: int, extra: int, treatment: str, initial: State
) -> None:
    m, size, state = (n + 1) // 2, n + extra, initial
    chain = []
    for end in range(1, len(series) + 1):
        state = judge(series[max(end - size, 0) : end], m, n, treatment, state)
        chain.append(state)

    states = judge_over_time(np.array([series], np.int8), m, n, treatment, size, initial)

    assert states.tolist() == [chain]


@given(
    pattern=st.lists(st.sampled_from((0, 1, -1)), min_size=3, max_size=8),
    at=st.integers(0, 7),
    n=st.integers(1, 3),
    treatment=st.sampled_from(("breaching", "notBreaching")),
)
def test_one_more_breach_never_clears_an_alarm(
    pattern: list[int], at: int, n: int, treatment: str
) -> None:
    """For the two treatments that fill, more breaching is never less alarming."""
    worse = list(pattern)
    if worse[at % len(worse)] == 0:
        worse[at % len(worse)] = 1

    if judge(pattern, n, n, treatment, OK) is ALARM:
        assert judge(worse, n, n, treatment, OK) is ALARM


def test_history_before_the_alarm_is_judged() -> None:
    """Columns before the first evaluation are lawful: the metric existed earlier."""
    with_history = np.array([[1, 1, 0, 0]], np.int8)

    states = judge_over_time(with_history, 2, 3, "missing", 5, INSUFFICIENT)

    assert states[0, 2:].tolist() == [ALARM, OK]


def test_the_range_is_longer_than_the_evaluation_periods() -> None:
    """The one figure AWS publishes: 5 periods for 3 evaluation periods."""
    alarm = MetricAlarm(
        AlarmName="a", EvaluationPeriods=3, Threshold=1.0, ComparisonOperator="GreaterThanThreshold"
    )

    assert evaluation_range(alarm) == 5
    assert evaluation_range(alarm, extra=0) == 3
