"""The page on alarms names what the code has."""

import ast
import re
from pathlib import Path

import pytest

from stratsim.cloudwatch.math_functions import FUNCTIONS
from stratsim.model.settings import MetricSettings

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reference" / "alarms.md").read_text("utf-8")

FOLDERS = ("cloudwatch", "watch", "signals", "theory")
_TEST = re.compile(r"`(\w+)::(test_\w+)`")
# What a row may end in; a cell may hold an escaped bar.
_ROW = re.compile(r"^\| (?P<rule>.+?) \| (?P<source>[^|]+) \| (?P<tests>`[^|]+::[^|]+) \|$")


def names_in(module: str) -> set[str]:
    """The tests of a file, which stands in the first of the folders that has it."""
    places = [TESTS / folder / f"test_{module}.py" for folder in FOLDERS]
    path = next(place for place in places if place.exists())
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def rules() -> list[str]:
    """The rows of the tables of rules, without headings."""
    part = PAGE.partition("## Each rule and its test")[2]
    heads = ("| rule |", "|---")
    return [
        line for line in part.splitlines() if line.startswith("|") and not line.startswith(heads)
    ]


def test_every_rule_has_a_source_and_tests_that_exist() -> None:
    assert len(rules()) > 50
    missing = []
    for line in rules():
        row = _ROW.match(line)
        named = _TEST.findall(row["tests"]) if row else []
        missing += [] if named else [line]
        missing += [f"{m}::{name}" for m, name in named if name not in names_in(m)]

    assert missing == []


def test_every_test_of_the_documented_rows_is_named() -> None:
    """A test that says it holds what is documented stands in the tables."""
    named = {name for _, name in _TEST.findall(PAGE)}
    documented = {
        name
        for path in (TESTS / "cloudwatch").glob("test_*.py")
        for name in names_in(path.stem.removeprefix("test_"))
        if "documented" in name
    }

    assert documented - named == set()


def test_functions_are_those_of_the_parser() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("Functions:"))

    assert set(re.findall(r"`([A-Z][A-Z0-9_]+)`", line)) - {"REPEAT", "LINEAR"} == {
        *FUNCTIONS,
        "METRICS",
    }


@pytest.mark.parametrize("name", MetricSettings.__dataclass_fields__)
def test_every_setting_is_told(name: str) -> None:
    assert f"`metrics.{name}`" in PAGE
