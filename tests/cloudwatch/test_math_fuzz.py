"""Random expressions that are lawful: they compile, and each row is judged for itself."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stratsim.cloudwatch import compile_expression
from stratsim.cloudwatch.math_nodes import Kind

GAP = float("nan")
MINUTES = 5
STARTS = 1_777_679_940.0 + 60 * np.arange(MINUTES)  # around a midnight

number = st.sampled_from(["0", "1", "2.5", "-3", ".5", "1e3", "1e308"])
symbol = st.sampled_from(["+", "-", "*", "/", "^", "<", ">=", "==", "!=", "AND", "||"])
Text = st.SearchStrategy[str]


def filled(form: str, *parts: Text) -> Text:
    return st.tuples(*parts).map(lambda texts: form.format(*texts))


def named(names: str, form: str, *parts: Text) -> Text:
    return filled(form, st.sampled_from(names.split()), *parts)


series: Text = st.deferred(
    lambda: (
        st.sampled_from(["a", "b", "c"])
        | named("ABS CEIL FLOOR LOG LOG10 DIFF DIFF_TIME RATE RUNNING_SUM", "{}({})", series)
        | named("MINUTE HOUR DAY DATE MONTH YEAR EPOCH", "{}({})", series)
        | named("SUM AVG MIN MAX STDDEV DATAPOINT_COUNT FIRST LAST", "{}({})", array)
        | filled("({} {} {})", series, symbol, series | scalar)
        | filled("({} {} {})", scalar, symbol, series)
        | filled("IF({}, {}, {})", series | scalar, series, series | scalar)
        | filled("IF({}, {})", series, series | scalar)
        | filled("FILL({}, {})", series, series | scalar | st.sampled_from(["REPEAT", "LINEAR"]))
        | filled("-{}", series)
        | filled("TIME_SERIES({})", scalar)
    )
)
scalar: Text = st.deferred(
    lambda: (
        number
        | named("SUM AVG MIN MAX STDDEV DATAPOINT_COUNT PERIOD", "{}({})", series)
        | filled("METRIC_COUNT({})", array)
        | filled("({} {} {})", scalar, symbol, scalar)
    )
)
array: Text = st.deferred(
    lambda: (
        st.sampled_from(["METRICS()", "METRICS('a')", "METRICS('none')"])
        | filled("[{}, {}]", series, series | array)
        | named("AVG MIN MAX SUM", "SORT({1}, {0}, ASC)", array)
        | named("AVG MIN MAX SUM", "SORT({1}, {0}, DESC, {2})", array, scalar)
        | filled("SLICE({}, {})", array, scalar)
        | filled("SLICE({}, {}, {})", array, scalar, scalar)
        | filled("REMOVE_EMPTY({})", array)
        | filled("({} {} {})", array, symbol, series | scalar)
        | named("ABS FLOOR DIFF RUNNING_SUM", "{}({})", array)
    )
)
values = st.lists(st.sampled_from([GAP, 0.0, 1.0, -2.0, 7.5, 1e200]), min_size=5, max_size=5)


@given(text=series, rows=st.lists(st.tuples(values, values, values), min_size=2, max_size=2))
def test_rows_are_evaluated_as_if_alone(text: str, rows: list[tuple[list[float], ...]]) -> None:
    expression = compile_expression(text)
    many = {name: np.array([row[at] for row in rows]) for at, name in enumerate("abc")}

    found = expression.evaluate(many, 60.0, starts_s=STARTS)

    assert expression.root.kind is Kind.SERIES
    assert found.shape == (2, MINUTES)
    assert not np.isinf(found).any()
    for at in range(2):
        alone = {name: one[at] for name, one in many.items()}
        np.testing.assert_array_equal(
            found[at], expression.evaluate(alone, 60.0, starts_s=STARTS), err_msg=text
        )
