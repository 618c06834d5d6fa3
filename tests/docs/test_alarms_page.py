"""The page on alarms names what the code has."""

import re
from pathlib import Path

import pytest

from stratsim.cloudwatch.math_functions import FUNCTIONS
from stratsim.model.settings import MetricSettings

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "alarms.md").read_text("utf-8")


def test_functions_are_those_of_the_parser() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("Functions:"))

    assert set(re.findall(r"`([A-Z][A-Z0-9_]+)`", line)) - {"REPEAT", "LINEAR"} == {
        *FUNCTIONS,
        "METRICS",
    }


@pytest.mark.parametrize("name", MetricSettings.__dataclass_fields__)
def test_every_setting_is_told(name: str) -> None:
    assert f"`metrics.{name}`" in PAGE
