"""The reference pages name what the code has, and nothing else."""

import re
from pathlib import Path

import pytest
import typer

from stratsim.cli.app import make_app
from stratsim.intervals.summary import STATISTICS
from stratsim.measures import MEASURES, PROBABILITIES

PAGES = Path(__file__).parents[2] / "docs" / "reference"
APP = typer.main.get_command(make_app())
ALL = {
    name: [
        *command.params,
        *(p for sub in getattr(command, "commands", {}).values() for p in sub.params),
    ]
    for name, command in APP.commands.items()
}
"""The parameters of each command; of a group, those of its commands too."""


def page(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def test_measures_and_units_are_those_of_the_code() -> None:
    section = page("measures.md").partition("| probability |")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.MULTILINE)

    assert dict(rows) == {name: measure.unit for name, measure in MEASURES.items()}


@pytest.mark.parametrize("name", [*PROBABILITIES, *STATISTICS])
def test_probabilities_and_statistics_are_explained(name: str) -> None:
    assert f"`{name}`" in page("measures.md")


def test_every_command_has_its_section() -> None:
    sections = re.findall(r"^## (\w+)$", page("commands.md"), re.MULTILINE)

    assert sorted(sections) == sorted(APP.commands)


@pytest.mark.parametrize("name", sorted(APP.commands))
def test_every_option_is_in_its_section(name: str) -> None:
    section = page("commands.md").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    options = {
        option
        for parameter in ALL[name]
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    }

    assert {option for option in options if f"`{option}" not in section} == set()


def test_examples_use_options_that_exist() -> None:
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page("commands.md")))
    known = {
        option
        for parameters in ALL.values()
        for parameter in parameters
        for option in parameter.opts
    }

    assert used - known == {"--help"}
