"""Statistics counted on paper over the samples 1..10."""

import pytest

from stratsim.cloudwatch.statistic import aggregate
from stratsim.errors import InputError

TEN = [7.0, 1.0, 10.0, 2.0, 9.0, 3.0, 8.0, 4.0, 6.0, 5.0]


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("SampleCount", 10),
        ("Sum", 55),
        ("Average", 5.5),
        ("Minimum", 1),
        ("Maximum", 10),
        ("p50", 5),
        ("p90", 9),
        ("p90.1", 10),
        ("p0", 1),
        ("p100", 10),
        ("tm90", 5),  # mean of 1..9
        ("tc90", 9),
        ("ts90", 45),
        ("TM(10%:90%)", 5.5),  # 2..9
        ("TM(:90%)", 5),
        ("TM(2:5)", 4),  # above 2, up to 5: 3, 4, 5
        ("TC(2:5)", 3),
        ("TS(8:)", 19),
        ("wm90", 5.4),  # 1..9 and 10 moved to 9
        ("WM(10%:90%)", 5.5),  # 2, 2..9, 9
        ("PR(2:5)", 30),
        ("PR(:5)", 50),
        ("PR(9:)", 10),
        ("IQM", 6),  # above the 3rd, up to the 8th: 4..8
    ],
)
def test_statistics(statistic: str, expected: float) -> None:
    assert aggregate(TEN, statistic) == pytest.approx(expected)


def test_nothing_is_no_datapoint() -> None:
    assert aggregate([], "Sum") is None
    assert aggregate(TEN, "TM(20:30)") is None
    assert aggregate(TEN, "TC(20:30)") == 0


def test_p29_of_a_hundred_is_the_29th() -> None:
    """0.29 * 100 is a little under 29 in binary, 0.57 * 100 too."""
    hundred = [float(value) for value in range(1, 101)]

    assert [aggregate(hundred, f"p{p}") for p in (29, 57, 58)] == [29, 57, 58]


def test_an_unknown_statistic_is_refused() -> None:
    with pytest.raises(InputError, match="statistic: must be one that CloudWatch has"):
        aggregate(TEN, "Median")
