"""The page of rules names tests and parameters that exist, with their defaults."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from stratsim.model.scenario import Scenario

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "rules.md"
FOLDERS = ("conformance", "study", "strategies", "scenario_io", "theory")
_TEST = re.compile(r"`(\w+)::(test_\w+)`")
_RANGE = re.compile(r"W(\d+)(?:-W(\d+))?")


def rows() -> Iterator[list[str]]:
    """The cells of every row of every table, without headings."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] not in ("rule", "what is assumed"):
            yield cells


def assumptions() -> list[list[str]]:
    return [cells for cells in rows() if len(cells) == 4]


def names_in(module: str) -> set[str]:
    """The tests of a file, which stands in the first of the folders that has it."""
    places = [ROOT / "tests" / folder / f"test_{module}.py" for folder in FOLDERS]
    path = next(place for place in places if place.exists())
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_row_names_a_test_that_exists() -> None:
    missing = []
    for cells in rows():
        named = _TEST.findall(cells[-1])
        missing += [] if named else [cells[0]]
        missing += [f"{m}::{name}" for m, name in named if name not in names_in(m)]

    assert missing == []


def test_every_rule_has_a_source() -> None:
    assert [cells[0] for cells in rows() if len(cells) == 3 and not cells[1]] == []


def test_every_worked_number_is_held() -> None:
    numbers: set[int] = set()
    for cells in rows():
        for low, high in _RANGE.findall(cells[0]):
            numbers |= set(range(int(low), int(high or low) + 1))

    assert numbers == set(range(1, 76))


def default_of(path: str) -> Any:
    """The default of a scenario's key, or the value of a constant."""
    if path.startswith("stratsim."):
        module, _, name = path.rpartition(".")
        return getattr(import_module(module), name)
    kind: Any = Scenario
    for part in path.split("."):
        hint = get_type_hints(kind)[part]
        owner, kind = kind, next((t for t in (hint, *get_args(hint)) if is_dataclass(t)), hint)
    field = next(f for f in fields(owner) if f.name == path.rpartition(".")[2])
    return field.default if not callable(field.default_factory) else field.default_factory()


@pytest.mark.parametrize("cells", assumptions(), ids=lambda cells: cells[1].strip("`"))
def test_every_parameter_exists_with_its_default(cells: list[str]) -> None:
    value = default_of(cells[1].strip("`"))
    value = getattr(value, "mean", value)
    if isinstance(value, bool) or value is None:
        told = {True: "true", False: "false", None: "none"}[value]
    elif isinstance(value, float | int):
        told = f"{value:g}"
    else:
        told = value if isinstance(value, str) else "as said"

    assert cells[2] == told
