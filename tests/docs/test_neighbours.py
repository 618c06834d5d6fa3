"""The page of neighbours names every key, companion and assumption, with its default."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from stratsim.strategies import FAMILIES
from stratsim.strategies.neighbours import Assumption

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "neighbours.md"
_CODE = re.compile(r"`([^`]+)`")
# Where a family's assumptions stand, if it has any.
ASSUMED = {
    "app_config": "app_config",
    "argo_rollout": "argo_shapes",
    "elastic_beanstalk": "elastic_beanstalk_options",
    "flagger": "flagger_shapes",
    "instance_refresh": "instance_refresh",
}
NEIGHBOURS = (*ASSUMED, "api_gateway_canary", "cloudformation_blue_green", "cloudformation_rolling")


def rows() -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| ")
    ]


def assumptions(family: str) -> dict[str, Assumption]:
    module = import_module(f"stratsim.strategies.{ASSUMED[family]}")
    found: dict[str, Assumption] = module.ASSUMPTIONS
    return found


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_keys_platforms_and_companions(name: str) -> None:
    family = FAMILIES.get(name)
    told = [
        (_CODE.findall(cells[0]), cells[2].split(", "), _CODE.findall(cells[3]))
        for cells in rows()
        if len(cells) == 5
    ]

    assert (list(family.keys), list(family.platforms), list(family.companions)) in told


def test_every_assumption_stands_there_with_its_default() -> None:
    told = {
        (cells[0].strip("`"), cells[1].strip("`"))
        for cells in rows()
        if len(cells) == 3 and cells[0] != "assumption"
    }
    known = {
        (name, "none" if a.default is None else str(a.default))
        for family in ASSUMED
        for name, a in assumptions(family).items()
    }

    assert known == {pair for pair in told if pair[0] in {name for name, _ in known}}
