"""Metric math: the documented rows, the rules of missing data, and hostile texts."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratsim.cloudwatch import compile_expression
from stratsim.errors import InputError

GAP = float("nan")


def result(
    text: str, starts_s: list[float] | None = None, **series: list[float]
) -> list[float | None]:
    """Evaluate, with ``None`` for a missing datapoint."""
    arrays = {name: np.array(values, np.float64) for name, values in series.items()}
    times = None if starts_s is None else np.array(starts_s)
    values = compile_expression(text).evaluate(arrays, 60.0, starts_s=times)
    return [None if np.isnan(value) else float(value) for value in values]


# The rows of the user guide, page using-metric-math.
COND, M2, M3 = [1, 1, 0, 0, GAP], [30, GAP, 0, 0, 30], [0, 0, 20, GAP, 20]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IF(cond, m2, m3)", [30, 0, 20, None, None]),
        ("IF(cond, 5, m3)", [5, 5, 20, None, None]),
        ("IF(cond, m2, 5)", [30, 0, 5, 5, None]),
        ("IF(cond, m2)", [30, 0, None, None, None]),
    ],
)
def test_the_documented_rows_of_if(text: str, expected: list[float | None]) -> None:
    series = {"cond": COND, "m2": M2, "m3": M3}
    named = {name: values for name, values in series.items() if name in text}

    assert result(text, **named) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m1 < m2", [0, 0, 1, 0]),
        ("m1 >= 30", [1, 0, 0, 0]),
        ("m1 > 15 AND m2 > 15", [1, 0, 0, 0]),
        ("m1 > 15 && m2 > 15", [1, 0, 0, 0]),
        ("m1 > 15 OR m2 > 15", [1, 1, 1, 0]),
        ("m1 > 15 || m2 > 15", [1, 1, 1, 0]),
    ],
)
def test_the_documented_rows_of_comparisons(text: str, expected: list[float]) -> None:
    values = result(text, m1=[30, 20, 0, 0], m2=[20, GAP, 20, GAP])

    assert values == expected


def test_a_condition_other_than_zero_is_true() -> None:
    assert result("IF(m, 1, 2)", m=[-3, 0, 0.1]) == [1, 2, 1]


@pytest.mark.parametrize(
    ("filler", "expected"),
    [
        ("0", [0, 10, 0, 30, 0]),
        ("-1", [-1, 10, -1, 30, -1]),
        ("REPEAT", [None, 10, 10, 30, 30]),
        ("LINEAR", [None, 10, 20, 30, None]),
        ("other", [1, 10, 3, 30, None]),
    ],
)
def test_fill(filler: str, expected: list[float | None]) -> None:
    series = {"m": [GAP, 10, GAP, 30, GAP]}
    if filler == "other":
        series["other"] = [1, 2, 3, 4, GAP]

    assert result(f"FILL(m, {filler})", **series) == expected


def test_linear_fill_spans_gaps_of_several_points() -> None:
    assert result("FILL(m, LINEAR)", m=[0, GAP, GAP, GAP, 8]) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b", [3, 1, 2, None]),
        ("a - b", [-1, 1, -2, None]),
        ("a * b", [2, 0, 0, None]),
        ("b / a", [2, 0, None, None]),  # a division by the missing is one by zero
        ("a + 1", [2, 2, None, None]),  # a number makes no datapoint
        ("1 / a", [1, 1, None, None]),
        ("a ^ b", [1, 1, 0, None]),
        ("a == b", [0, 0, 0, None]),
        ("a != b", [1, 1, 1, None]),
    ],
)
def test_a_missing_operand_counts_as_zero_and_two_make_no_datapoint(
    text: str, expected: list[float | None]
) -> None:
    series = {"a": [1, 1, GAP, GAP], "b": [2, GAP, 2, GAP]}
    named = {name: values for name, values in series.items() if name in text}

    assert result(text, **named) == expected


def test_either_side_of_a_comparison_counts_as_zero() -> None:
    assert result("a < b", a=[GAP, 0.5], b=[0.5, GAP]) == [1, 0]


def test_a_division_by_zero_drops_the_datapoint() -> None:
    assert result("a / b", a=[1, 0, 4], b=[0, 0, 2]) == [None, None, 2]
    assert result("1 / 0", a=[1, 1]) == [None, None]


def test_the_error_rates_people_write() -> None:
    """Errors missing: 0 %. Requests 0 or missing: no datapoint, guarded or not."""
    series = {"e": [5, GAP, 1, 2, GAP], "r": [100, 50, 10, 0, GAP]}

    assert result("100*e/r", **series) == [5, 0, 10, None, None]
    assert result("IF(r >= 50, 100*e/r, 0)", **series) == [5, 0, 0, 0, None]
    assert result("100*e/(e+r)", e=[5, GAP], r=[95, 10]) == [5, 0]
    assert result("100*(t5+l5)/r", t5=[3, GAP, GAP], l5=[7, 5, GAP], r=[100, 50, 10]) == [10, 10, 0]


def test_arrays_of_metrics_are_aggregated_point_by_point() -> None:
    series = {"errors1": [1, GAP, GAP], "errors2": [2, 4, GAP], "requests1": [10, 20, 30]}

    assert result('SUM(METRICS("errors"))', **series) == [3, 4, None]
    assert result('AVG(METRICS("errors"))', **series) == [1.5, 2, None]  # missing counts as 0
    assert result('MIN(METRICS("errors"))', **series) == [1, 4, None]
    assert result("MAX([errors1, errors2])", **series) == [2, 4, None]
    assert result("STDDEV([errors1, errors2])", **series) == [0.5, 0, None]
    assert result("FIRST(METRICS())", **series) == [1, None, None]
    assert result("LAST(METRICS())", **series) == [10, 20, 30]
    assert result('SUM(METRICS("errors"))/SUM(METRICS("requests"))*100', **series) == [30, 20, 0]
    assert result('SUM(METRICS("none"))', **series) == [None, None, None]
    assert result("SUM(10 * METRICS() / METRIC_COUNT(METRICS()))", a=[1, 2], b=[3, 4]) == [20, 30]


# Sums 6, 30, 9 and none at all; averages, in which a gap counts as 0, 2, 10, 3.
FOUR = {"a": [1, 2, 3], "b": [GAP, 30, GAP], "c": [3, 3, 3], "d": [GAP, GAP, GAP]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FIRST(SORT(METRICS(), SUM, DESC))", [None, 30, None]),
        ("FIRST(SORT(METRICS(), SUM, ASC))", [1, 2, 3]),
        ("LAST(SORT(METRICS(), SUM, ASC, 3))", [None, 30, None]),
        ("LAST(SORT(METRICS(), AVG, DESC, 2))", [3, 3, 3]),
        ("FIRST(SORT(METRICS(), MIN, ASC))", [1, 2, 3]),
        ("FIRST(SORT([a, c], MAX, DESC))", [1, 2, 3]),  # alike: in the order they were
        ("LAST(SORT(METRICS(), SUM, ASC))", [None, None, None]),  # the empty last, either way
        ("LAST(SORT(METRICS(), SUM, DESC))", [None, None, None]),
        ("SUM(SLICE(METRICS(), 0, 2))", [1, 32, 3]),
        ("SUM(SLICE(METRICS(), 2))", [3, 3, 3]),
        ("SUM(SLICE(SORT(METRICS(), SUM, DESC), 1, 3))", [4, 5, 6]),  # all but the highest
        ("SUM(SLICE(METRICS(), METRIC_COUNT(METRICS()) - 2))", [3, 3, 3]),
        ("SUM(SLICE(METRICS(), 9))", [None, None, None]),
        ("AVG(REMOVE_EMPTY(METRICS()))", [4 / 3, 35 / 3, 2]),
        ("a * METRIC_COUNT(REMOVE_EMPTY(METRICS()))", [3, 6, 9]),
        ("FIRST(REMOVE_EMPTY([d]))", [None, None, None]),
        ("DATAPOINT_COUNT(METRICS())", [2, 3, 2]),
        ("SUM([METRICS('a'), METRICS('c'), b])", [4, 35, 6]),
    ],
)
def test_arrays_are_sorted_cut_and_joined(text: str, expected: list[float | None]) -> None:
    """The forms that the page gives, and their ends."""
    named = {name: values for name, values in FOUR.items() if "METRICS()" in text or name in text}

    assert result(text, **named) == pytest.approx(expected)


def test_each_row_of_many_has_its_own_order() -> None:
    rows = {"a": np.array([[1.0, 1.0], [5.0, 5.0]]), "b": np.array([[2.0, 2.0], [GAP, GAP]])}

    values = compile_expression("FIRST(SORT(METRICS(), SUM, DESC))").evaluate(rows, 60.0)

    assert values.tolist() == [[2, 2], [5, 5]]


def test_the_clock_is_that_of_each_datapoint_missing_or_not() -> None:
    """Python's own calendar knows the same days, over leap years and centuries."""
    times = [
        datetime(1999, 12, 28, 23, 59, tzinfo=UTC) + timedelta(hours=977 * k) for k in range(99)
    ]
    starts, m = [time.timestamp() for time in times], [GAP] * 98 + [1.0]

    assert result("MINUTE(m)", starts, m=m) == [time.minute for time in times]
    assert result("HOUR(m)", starts, m=m) == [time.hour for time in times]
    assert result("DAY(m)", starts, m=m) == [time.isoweekday() for time in times]
    assert result("DATE(m)", starts, m=m) == [time.day for time in times]
    assert result("MONTH(m)", starts, m=m) == [time.month for time in times]
    assert result("YEAR(m)", starts, m=m) == [time.year for time in times]
    assert result("EPOCH(m)", starts, m=m) == starts


def test_the_examples_of_the_page_with_a_clock() -> None:
    """A weekend makes no datapoint; a weekday without one counts as 0."""
    friday = datetime(2026, 5, 1, 23, 58, tzinfo=UTC).timestamp()
    starts = [friday + 60 * k for k in range(4)]

    assert result("IF(DAY(m1) < 6, m1)", starts, m1=[7, GAP, 7, 7]) == [7, 0, None, None]
    assert result("IF(MONTH(m1) == 4, m1)", starts, m1=[7, 7, 7, 7]) == [None] * 4


def test_without_a_date_there_is_no_clock() -> None:
    with pytest.raises(InputError, match="time of its datapoints, which HOUR reads, but got none"):
        result("HOUR(m)", m=[1])


def test_metrics_means_the_series_of_the_request_only() -> None:
    """An expression's own Id is not a metric."""
    series = {"a": np.array([1.0]), "total": np.array([50.0])}

    assert compile_expression("SUM(METRICS())").evaluate(series, 60.0, ["a"]).tolist() == [1]


def test_a_series_is_reduced_to_one_number() -> None:
    series = {"m": [1, GAP, 5]}

    assert result("m / SUM(m)", **series) == [1 / 6, None, 5 / 6]
    assert result("TIME_SERIES(MAX(m))", **series) == [5, 5, 5]
    assert result("m - MIN(m)", **series) == [0, None, 4]
    assert result("TIME_SERIES(AVG(m))", **series) == [2, 2, 2]  # missing counts as 0
    assert result("m * DATAPOINT_COUNT(m)", **series) == [2, None, 10]


def test_each_row_of_many_is_reduced_for_itself() -> None:
    """Leading axes are replications; only the last one is time."""
    rows = np.array([[[1.0, 3.0]], [[2.0, 2.0]]])

    values = compile_expression("m / SUM(m)").evaluate({"m": rows}, 60.0)

    assert values.tolist() == [[[0.25, 0.75]], [[0.5, 0.5]]]


def test_functions_of_single_points() -> None:
    assert result("ABS(m)", m=[-2, GAP]) == [2, None]
    assert result("CEIL(m)", m=[1.2, GAP]) == [2, None]
    assert result("FLOOR(m)", m=[-1.2, GAP]) == [-2, None]
    assert result("LOG10(m)", m=[100, 0]) == [2, None]
    assert result("LOG(m)", m=[1, -1]) == [0, None]
    assert result("-m", m=[3, GAP]) == [-3, None]
    assert result("+m", m=[3]) == [3]


def test_changes_are_taken_from_the_datapoint_before_however_old() -> None:
    """From 1 to 7 in two minutes is 3 a minute."""
    series = {"m": [1, GAP, 7, 7.6]}

    assert result("DIFF(m)", **series) == pytest.approx([None, None, 6, 0.6], nan_ok=True)
    assert result("DIFF_TIME(m)", **series) == [None, None, 120, 60]
    assert result("RATE(m)", **series) == pytest.approx([None, None, 0.05, 0.01])
    assert result("RUNNING_SUM(m)", **series) == [1, None, 8, 15.6]
    assert result("m / PERIOD(m)", m=[60, 120]) == [1, 2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 * 3 ^ 2", 18),
        ("-2 ^ 2", -4),
        ("2 ^ -1", 0.5),
        ("2 ^ 3 ^ 2", 512),
        ("10 - 4 - 3", 3),
        ("16 / 4 / 2", 2),
        ("1 + 1 > 1", 1),
        ("1 > 2 AND 1 > 2 OR 1", 1),
        ("1 OR 1 AND 0", 1),
        ("- -1", 1),
        (".5 + 1.5e1", 15.5),
    ],
)
def test_precedence(text: str, expected: float) -> None:
    assert result(f"m * 0 + ({text})", m=[1]) == [expected]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be 1 to 2048 characters long, but got 0"),
        ("1+" * 1024 + "1", "must be 1 to 2048 characters long, but got 2049"),
        ("1 +", "its end at column 4. Expected a number, an Id"),
        ("m1 $ 2", r"'\$' at column 4"),
        ("m1 m2", "'m2' at column 4"),
        ("sum(m1)", r"'\(' at column 4. Names of functions are upper case"),
        ("2m", "'m' at column 2"),
        ("1 +\n +", "its end at column 7"),
        ("SEARCH('x', 'Sum', 60)", "'SEARCH' at column 1. CloudWatch does not allow SEARCH"),
        ("1 + SERVICE_QUOTA(m1)", "'SERVICE_QUOTA' at column 5. It reads what is no metric"),
        ("SORT(m1, SUM, ASC)", "SORT with an array of series as argument 1, but got a series"),
        ("SORT(METRICS(), SUM)", "SORT with 3 or 4 arguments, but got 2 at column 1"),
        ("SORT(METRICS(), STDDEV, ASC)", "AVG or MAX or MIN or SUM as argument 2, but got 'STD"),
        ("SORT(METRICS(), SUM, UP)", "SORT with ASC or DESC as argument 3, but got 'UP'"),
        ("SORT(METRICS(), SUM, ASC, DESC)", "a number as argument 4, but got 'DESC'"),
        ("SLICE(METRICS(), m1)", "SLICE with a number as argument 2, but got a series"),
        ("HOUR(METRICS())", "HOUR with a series as argument 1, but got an array of series"),
        ("FILL(m1, ZERO)", "a number or a series or REPEAT or LINEAR as argument 2, but got 'Z"),
        ("ABS(LINEAR)", "as argument 1, but got 'LINEAR'"),
        ("[m1, ASC]", "an array of series, but got 'ASC'"),
        ("SUMM(m1)", "'SUMM' at column 1. Did you mean 'SUM'"),
        ("ANDROID(m1)", "'ANDROID' at column 1"),
        ("METRICS() + METRICS()", "at most one array, but got two arrays at column 11"),
        ("IF(m1)", "IF with 2 or 3 arguments, but got 1 at column 1"),
        ("SUM(1)", "SUM with a series or an array of series as argument 1, but got a number"),
        ("FIRST(m1)", "an array of series as argument 1, but got a series at column 1"),
        ("FILL(m1, 'x')", r"argument 2, but got \"'x'\" at column 1"),
        ("IF(m1, METRICS(), 1)", "argument 2, but got an array of series"),
        ("REPEAT", "its end at column 7"),
        ("METRICS(m1)", r"METRICS\(\) or METRICS\(\"text\"\), but got a series at column 1"),
        ("[m1, 1]", "an array of series, but got a number"),
        ("1e999", "a finite number, but got '1e999' at column 1"),
        ("é", "'é' at column 1"),
        ("-" * 2000 + "1", "nested at most 64 levels deep, but got more at column"),
        ("ABS(" * 400 + "m1" + ")" * 400, "nested at most 64 levels deep"),
    ],
)
def test_the_message_names_the_column(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        compile_expression(text, where="alarms.0.Metrics.1.Expression")

    assert caught.value.problems[0].where == "alarms.0.Metrics.1.Expression"


def test_the_depth_bound_itself_is_lawful() -> None:
    """A series is one level, each function another."""
    assert result("ABS(" * 63 + "m" + ")" * 63, m=[-1]) == [1]
    with pytest.raises(InputError, match="at most 64 levels deep"):
        compile_expression("ABS(" * 64 + "m" + ")" * 64)


def test_without_a_series_there_is_one_point_and_a_minute() -> None:
    assert compile_expression("2 + 3").evaluate({}).tolist() == [5]
    assert compile_expression("PERIOD(m)").evaluate({"m": np.ones(2)}).tolist() == [60, 60]


def test_long_sums_and_many_brackets_are_not_deep() -> None:
    assert result("m" + "+m" * 1023, m=[1]) == [1024]
    assert result("(" * 1000 + "m" + ")" * 1000, m=[1]) == [1]


def test_ids_are_listed_once_in_order() -> None:
    expression = compile_expression("b / (a + b) * IF(c, 1)")

    assert expression.ids == ("b", "a", "c")
    assert not expression.uses_metrics
    assert compile_expression("SUM(METRICS())").uses_metrics


def test_an_unknown_id_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'erors'.* Did you mean 'errors'"):
        result("erors / 2", errors=[1])


ALPHABET = [
    *("m1", "m2", "1", "0", ".5", "-", "+", "*", "/", "^", "(", ")", ",", "<", "==", "AND", "OR"),
    *("IF(", "SUM(", "METRICS()", "FILL(", "REPEAT", "LINEAR", "RATE(", "[", "]", "'m'", " ", "é"),
]


@given(st.lists(st.sampled_from(ALPHABET), max_size=12).map("".join))
def test_no_text_does_worse_than_a_refusal(text: str) -> None:
    """Whatever compiles also evaluates, to the shape of its series."""
    series = {"m1": np.array([1.0, GAP, 0.0]), "m2": np.array([GAP, -2.0, 3.0])}
    try:
        values = compile_expression(text).evaluate(series, 60.0)
    except InputError as error:
        assert str(error).startswith("expression: must be")  # noqa: PT017  (one way of two)
    else:
        assert values.shape == (3,)
        assert not np.isinf(values).any()


@given(st.text(max_size=40))
def test_no_letters_do_worse_than_a_refusal(text: str) -> None:
    try:
        compile_expression(text)
    except InputError as error:
        assert error.problems  # noqa: PT017  (one way of two)


@given(
    a=st.lists(st.one_of(st.just(GAP), st.integers(-5, 5).map(float)), min_size=4, max_size=4),
    b=st.lists(st.one_of(st.just(GAP), st.integers(-5, 5).map(float)), min_size=4, max_size=4),
    symbol=st.sampled_from("+-*/"),
)
def test_series_are_combined_like_single_points(
    a: list[float], b: list[float], symbol: str
) -> None:
    """Point by point by the words of the page, in plain Python."""
    expected: list[float | None] = []
    for left, right in zip(a, b, strict=True):
        one, other = (0.0 if np.isnan(x) else x for x in (left, right))
        if np.isnan(left) and np.isnan(right):
            expected.append(None)
        elif symbol == "/":
            expected.append(one / other if other else None)
        else:
            expected.append({"+": one + other, "-": one - other, "*": one * other}[symbol])

    assert result(f"a {symbol} b", a=a, b=b) == expected
