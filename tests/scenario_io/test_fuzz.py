"""Whatever is in a file: a scenario, or messages; never anything else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratsim.errors import InputError, Problem
from stratsim.model.scenario import Scenario
from stratsim.scenario_io import load
from stratsim.scenario_io.bundled import bundled_names, open_bundled
from stratsim.scenario_io.tree import parse_text

TEXTS = {name: open_bundled(name).path.read_text() for name in bundled_names()}
CONTRACT = parse_text((Path(__file__).parent / "data" / "contract.yaml").read_text()).data
ODD = st.sampled_from(
    [
        None, True, -1, 0, 0.5, 1e300, 10**400, "", "x", "5%", "-5s", "\ud800", "a\0b", [], [[]],
        {}, {"": None}, {"kind": "errors"}, [{"name": "a"}], "random", {"min": 1, "max": 0},
        {"median": 0, "p95": 0}, [{"weight": 1}], 366 * 86400 + 1, "1e3", float("nan"),
        {"MetricAlarms": 5},
    ]
)  # fmt: skip


def scenario_or_problems(source: Any) -> Scenario | tuple[Problem, ...]:
    try:
        return load(source)
    except InputError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        text = str(problem)
        assert ": must be " in text
        assert ", but got " in text
        assert len(text) < 5000
        text.encode()  # nothing that a terminal cannot take
    return problems


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Path]:
    path = tmp_path_factory.mktemp("fuzz") / "s.yaml"

    def written(contents: bytes) -> Path:
        path.write_bytes(contents)
        return path

    return written


@given(contents=st.binary(max_size=400))
@settings(max_examples=300)
def test_random_bytes_are_always_refused(file: Callable[[bytes], Path], contents: bytes) -> None:
    found = scenario_or_problems(file(contents))

    assert not isinstance(found, Scenario)
    assert all(problem.where.startswith(str(file(contents))) for problem in found)


@given(text=st.text(alphabet="abc:-[]{}&*!|>'\"#%@`,?\n\t 019.~<\\\ud800\u2028😀", max_size=80))
@settings(max_examples=400)
def test_random_yaml_is_always_refused(text: str) -> None:
    # with a line's end it is a text and not the name of a file
    assert not isinstance(scenario_or_problems(text + "\n"), Scenario)


@given(
    name=st.sampled_from(sorted(TEXTS)),
    at=st.floats(0, 1),
    length=st.integers(0, 12),
    inserted=st.text(alphabet="abc:-[]{}&*!|>'\"#%@,\n\t 019.", max_size=6),
)
@settings(max_examples=300)
def test_mutated_files_are_read_or_refused(
    file: Callable[[bytes], Path], name: str, at: float, length: int, inserted: str
) -> None:
    text = TEXTS[name]
    begin = int(at * len(text))

    scenario_or_problems(file((text[:begin] + inserted + text[begin + length :]).encode()))


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(inner for key, item in items for inner in paths(item, (*path, key)))]


PATHS = paths(CONTRACT)[1:]


@given(path=st.sampled_from(PATHS), odd=ODD)
@settings(max_examples=600)
def test_any_value_anywhere_is_read_or_refused(path: tuple[Any, ...], odd: Any) -> None:
    changed = json.loads(json.dumps(CONTRACT))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = odd

    scenario_or_problems(changed)


@given(path=st.sampled_from(PATHS), key=st.text(max_size=5), odd=ODD)
@settings(max_examples=200)
def test_any_key_anywhere_is_read_or_refused(path: tuple[Any, ...], key: str, odd: Any) -> None:
    changed = json.loads(json.dumps(CONTRACT))
    place = changed
    for step in path[:-1]:
        place = place[step]
    if isinstance(place, dict):
        place[key] = odd

    scenario_or_problems(changed)


@given(tree=st.recursive(ODD, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@settings(max_examples=200)
def test_any_mapping_is_read_or_refused(tree: Any) -> None:
    scenario_or_problems({"name": "x", "platform": "ecs", "traffic": tree, "strategies": tree})
