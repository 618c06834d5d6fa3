"""Minimum healthy hosts: W1-W7, W16-W21 and W24 of the worked numbers."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratsim.strategies.minimum_healthy import HostRule
from stratsim.strategies.predefined import SERVER


@pytest.mark.parametrize(
    ("n", "kind", "value", "minimum", "at_once"),
    [
        pytest.param(9, "FLEET_PERCENT", 75, 7, 2, id="W1"),
        pytest.param(9, "HOST_COUNT", 6, 6, 3, id="W2"),
        pytest.param(9, "FLEET_PERCENT", 40, 4, 5, id="W3"),
        pytest.param(10, "FLEET_PERCENT", 95, 10, 0, id="W4"),
        pytest.param(10, "FLEET_PERCENT", 85, 9, 1, id="W5"),
        pytest.param(4, "FLEET_PERCENT", 75, 3, 1, id="W6"),
        pytest.param(10, "HOST_COUNT", 8, 8, 2, id="W13"),
        pytest.param(10, "HOST_COUNT", 0, 0, 10, id="W15"),
        pytest.param(7, "FLEET_PERCENT", 66, 5, 2, id="W16"),
        pytest.param(99, "FLEET_PERCENT", 99, 99, 0, id="W19"),
        pytest.param(100, "FLEET_PERCENT", 99, 99, 1, id="W20"),
        pytest.param(1000, "FLEET_PERCENT", 99, 990, 10, id="W21-custom"),
    ],
)
def test_custom_rules(n: int, kind: str, value: int, minimum: int, at_once: int) -> None:
    rule = HostRule(kind, value)

    assert (rule.minimum(n), rule.concurrency(n)) == (minimum, at_once)


@pytest.mark.parametrize(
    ("n", "name", "minimum", "at_once"),
    [
        pytest.param(9, "HalfAtATime", 5, 4, id="W7"),
        pytest.param(9, "AllAtOnce", 0, 9, id="W8"),
        pytest.param(9, "OneAtATime", 8, 1, id="W10"),
        pytest.param(1, "OneAtATime", 0, 1, id="W12"),
        pytest.param(3, "HalfAtATime", 2, 1, id="W17"),
        pytest.param(2, "HalfAtATime", 1, 1, id="W18"),
        pytest.param(1000, "OneAtATime", 999, 1, id="W21-predefined"),
        pytest.param(20, "HalfAtATime", 10, 10, id="W24"),
        pytest.param(1, "HalfAtATime", 1, 0, id="one host, by the letter"),
    ],
)
def test_predefined_rules(n: int, name: str, minimum: int, at_once: int) -> None:
    rule = SERVER[f"CodeDeployDefault.{name}"]

    assert (rule.minimum(n), rule.concurrency(n)) == (minimum, at_once)


@given(n=st.integers(1, 100_000), percent=st.integers(0, 99))
def test_a_percentage_is_rounded_up_exactly(n: int, percent: int) -> None:
    rule = HostRule("FLEET_PERCENT", percent)

    assert rule.minimum(n) == ceil(Fraction(n * percent, 100))
    assert rule.minimum(n) + rule.concurrency(n) == n
