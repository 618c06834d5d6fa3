"""Conditions as AnalysisTemplates in use write them."""

import math

import pytest

from stratsim.analysis.conditions import ConditionError, compile_condition, holds

NAN = math.nan


@pytest.mark.parametrize(
    ("text", "result", "expected"),
    [
        ("result[0] >= 0.95", 0.95, True),
        ("result[0] >= 0.95", 0.94, False),
        ("result <= 500", 500.0, True),
        ("isNaN(result[0]) || result[0] >= 0.99", NAN, True),
        ("isNaN(result) || result >= 0.99", 0.98, False),
        ("result[0] >= 0.99", NAN, False),
        ("len(result) == 0 || result[0] < 1", None, True),
        ("len(result) > 0 && result[0] < 1", None, False),
        ("default(result, 0) < 0.05", None, True),
        ("default(result, 0) < 0.05", 0.06, False),
        ("asFloat(result[0]) != 1e-3", 0.001, False),
        ("asInt(result) == 3", 3.7, True),
        ("isInf(result)", math.inf, True),
        ("!(result > 1) and result >= 0 or false_", 0.5, None),
        ("not (result > 1) and result >= 0", 0.5, True),
        ("result - 1 < -0.5 * 2 + .6", 0.5, True),
        ("result % 2 == 1", 5.0, True),
        ("1 - result / 2 == 0.75", 0.5, True),
    ],
)
def test_a_condition_on_one_number(text: str, result: float | None, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(ConditionError, match="'false_' is not known"):
            holds(text, result)
    else:
        assert holds(text, result) is expected


def test_a_value_that_is_not_there_is_an_error() -> None:
    """Argo's expression fails on an empty list; such a measurement is in error."""
    with pytest.raises(ConditionError, match="found no data"):
        holds("result[0] > 1", None)


@pytest.mark.parametrize("text", ["result / 0 > 1", "asInt(result) > 1"])
def test_a_condition_without_a_value_is_an_error(text: str) -> None:
    with pytest.raises(ConditionError, match="has no value"):
        holds(text, NAN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a value is expected at the end"),
        ("result[1] > 2", r"holds one number, result\[0\]"),
        ("latency > 2", "'latency' is not known"),
        ("result >", "a value is expected"),
        ("result > 1 2", "nothing more is expected at '2'"),
        ("(result > 1", r"'\)' is expected, but there is the end"),
        ("len(3)", "len is known of result only"),
        ("result.value > 1", "'.value > 1' cannot be read"),
        ("default(result) > 1", "',' is expected"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, message: str) -> None:
    with pytest.raises(ConditionError, match=message):
        compile_condition(text)
