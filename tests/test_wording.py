"""Numbers as people read them."""

import pytest

from stratsim.wording import (
    counted,
    format_interval,
    format_number,
    format_span,
    format_value,
    with_unit,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (999.7, "1,000"),
        (1234.56, "1,230"),
        (123456789, "123,000,000"),
        (-7.0, "-7"),
        (0.0009996, "0.001"),
        (1e-12, "1.00e-12"),
        (0.5, "0.5"),
        (None, "-"),
        (float("nan"), "-"),
    ],
)
def test_three_significant_digits(value: float | None, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.03, "0.03s"),
        (59.96, "1m00s"),
        (303, "5m03s"),
        (3599.6, "1h00m"),
        (3900, "1h05m"),
        (-90, "-1m30s"),
        (172799, "2d00h"),
        (1e6, "11d14h"),
        (float("inf"), "unlimited"),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    """A carry of rounding reaches the next unit: never 60 seconds or 60 minutes."""
    assert format_span(seconds) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "share", "1.23%"),
        (0.02, "probability", "2%"),
        (1234.5, "USD", "$1,230"),
        (-0.5, "USD", "-$0.5"),
        (90, "s", "1m30s"),
        (1234.5, "requests", "1,230"),
        (None, "USD", "-"),
    ],
)
def test_values_carry_the_sign_of_their_unit(value: float | None, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


def test_sentences_name_units_that_have_no_sign() -> None:
    assert with_unit(1234.5, "requests") == "1,230 requests"
    assert with_unit(90, "s") == "1m30s"


def test_intervals_show_an_end_that_is_not_known() -> None:
    assert format_interval(1.0, float("nan"), "requests") == "[1, -]"
    assert format_interval(None, None, "requests") == ""


def test_one_of_a_thing_has_no_plural() -> None:
    assert counted(1, "replication") == "1 replication"
    assert counted(0, "run") == "0 runs"
    assert counted(2000, "run") == "2,000 runs"
    assert counted(2, "strategy", "strategies") == "2 strategies"
