"""`load`: a path, a mapping or a text to a scenario, or every problem at once."""

import math
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from stratsim.errors import InputError, MachineError, Problem, shorten
from stratsim.model.origin import Origin
from stratsim.model.scenario import Scenario
from stratsim.scenario_io.checking import Problems, joined
from stratsim.scenario_io.reader import read_scenario
from stratsim.scenario_io.tree import MAX_BYTES, MAX_DEPTH, Tree, parse_text

MAX_NODES = 200_000
MAX_TOLD = 1000
"""Most problems of one scenario that are told; nobody reads on."""


def load(source: str | PathLike[str] | Mapping[str, Any]) -> Scenario:
    """Return the scenario in a file, a mapping, or a YAML or JSON text.

    Parameters
    ----------
    source
        A path, the name of a bundled scenario, a mapping as a file would hold, or
        the text of a file (several lines, or beginning with a brace).

    Raises
    ------
    InputError
        With every problem of the scenario.
    MachineError
        Where the file may not be read.
    """
    if isinstance(source, Mapping):
        return read_data(dict(source), Path())
    if isinstance(source, str) and _is_text(source):
        return _read_text(source, Path(), "")
    try:
        path = _find(Path(source))
    except TypeError:
        rule = "a path, a mapping or a text"
        raise InputError([Problem("scenario", rule, shorten(source))]) from None
    where = str(source)
    return _read_text(_decoded(_contents(path), where), path.parent, where)


def read_data(data: dict[str, Any], folder: Path) -> Scenario:
    """Return the scenario in plain data; files that it names are relative to `folder`.

    Raises
    ------
    InputError
        With every problem of the scenario.
    """
    problems = Problems()
    return _finish(Tree(_plain(data, "", 0, [0], problems)), folder, "", problems)


def read_text(source: str) -> str:
    """Return the text of a file of bounded size.

    Raises
    ------
    InputError
        Where it is no such file, or not UTF-8.
    MachineError
        Where it may not be read.
    """
    return _decoded(_contents(Path(source)), source)


def _is_text(source: str) -> bool:
    """Whether `source` is a document: a file's name has one line and no brace."""
    return "\n" in source or source.lstrip().startswith("{") or not source.strip()


def _find(path: Path) -> Path:
    """Return the file that `path` names: itself, or a bundled scenario of that name."""
    from stratsim.scenario_io.bundled import find_bundled

    try:
        if path.exists():
            return path
    except (OSError, ValueError):  # a name too long, or with a NUL
        raise InputError([_no_file(path)]) from None
    bundled = find_bundled(str(path))
    if bundled is None:
        raise InputError([_no_file(path)])
    return bundled


def _no_file(path: Path) -> Problem:
    from stratsim.errors import unknown_name
    from stratsim.scenario_io.bundled import bundled_names

    name = str(path)
    hint = unknown_name("scenario", name, bundled_names()).hint
    if not hint:
        hint = "`stratsim scenarios` lists the bundled ones."
    return Problem(shorten(name)[1:-1], "a file or a bundled scenario", "no such file", hint)


def _contents(path: Path) -> bytes:
    if path.is_dir():
        raise InputError([Problem(str(path), "a file", "a folder")])
    try:
        with path.open("rb") as file:
            contents = file.read(MAX_BYTES + 1)
    except PermissionError:
        msg = f"{path}: no permission to read it"
        raise MachineError(msg) from None
    except OSError as error:
        msg = f"{path}: {error.strerror or type(error).__name__}"
        raise MachineError(msg) from None
    if len(contents) > MAX_BYTES:
        rule = f"a file of at most {MAX_BYTES:,} bytes"
        raise InputError([Problem(str(path), rule, "a larger one")])
    return contents


def _decoded(contents: bytes, where: str) -> str:
    try:
        return contents.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = contents[: error.start].count(b"\n") + 1
        got = f"the byte 0x{contents[error.start]:02x}"
        raise InputError([Problem(f"{where}:{line}", "text in UTF-8", got)]) from None


def _read_text(text: str, folder: Path, where: str) -> Scenario:
    tree = parse_text(text, where)
    return _finish(tree, folder, where, Problems(tree.problems))


def _finish(tree: Tree, folder: Path, where: str, problems: Problems) -> Scenario:
    known = {problem.where for problem in problems.found}
    scenario = read_scenario(tree.data, folder, problems)
    if scenario is not None:
        return replace(scenario, origin=Origin(where, _with_names(tree)))
    origin = Origin(where, tree.lines)
    # what the reader of the text refused has lost its value: one message is enough
    first = len(known)
    found = problems.found[:first] + [p for p in problems.found[first:] if p.where not in known]
    found.sort(key=lambda problem: origin.line(problem.where))
    located = [origin.located(problem) for problem in found[:MAX_TOLD]]
    if len(found) > MAX_TOLD:
        got = f"{len(found) - MAX_TOLD:,} more"
        located.append(Problem(where or "scenario", "free of further problems", got))
    raise InputError([*located, *problems.elsewhere])


def _with_names(tree: Tree) -> dict[str, int]:
    """Return the line of each key, those of a strategy also under its name."""
    lines = dict(tree.lines)
    for index, entry in enumerate(tree.data.get("strategies") or ()):
        place = f"strategies.{index}"
        named = f"strategies.{entry if isinstance(entry, str) else entry['name']}"
        for path, line in tree.lines.items():
            if path == place or path.startswith(f"{place}."):
                lines.setdefault(named + path.removeprefix(place), line)
    return lines


def _plain(value: object, path: str, depth: int, nodes: list[int], problems: Problems) -> Any:
    """Return a copy of `value` in plain data; what cannot be is noted."""
    nodes[0] += 1
    if depth > MAX_DEPTH or nodes[0] > MAX_NODES:
        rule = f"nested at most {MAX_DEPTH} deep, with at most {MAX_NODES:,} values"
        raise InputError([Problem(path or "scenario", rule, "more")])
    if isinstance(value, Mapping):
        items = value.items()
        return {
            str(key): _plain(inner, joined(path, key), depth + 1, nodes, problems)
            for key, inner in items
        }
    if isinstance(value, list | tuple):
        return [
            _plain(inner, joined(path, index), depth + 1, nodes, problems)
            for index, inner in enumerate(value)
        ]
    return _scalar(value, path, problems)


def _scalar(value: object, path: str, problems: Problems) -> Any:
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, str | int | float | bool):
        value = item()  # a number of numpy's
    if hasattr(value, "isoformat"):
        value = value.isoformat()  # a date or a time
    if isinstance(value, float) and not math.isfinite(value):
        problems.add(path, "a finite number", value)
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    problems.add(path, "text, a number, true or false, a list or a mapping", shorten(value))
    return None
