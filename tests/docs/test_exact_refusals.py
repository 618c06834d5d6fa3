"""The page names what the exact engine refuses, all of it."""

from pathlib import Path

import pytest

from stratsim.engine.exact.support import ALARMS, LATER, SCENARIO

PAGE = Path(__file__).parents[2] / "docs" / "explanation.md"


@pytest.mark.parametrize("name", [*SCENARIO, *LATER, *(f"an alarm {name}" for name in ALARMS)])
def test_each_refusal_has_a_row(name: str) -> None:
    assert f"\n| {name} |" in PAGE.read_text(encoding="utf-8")
