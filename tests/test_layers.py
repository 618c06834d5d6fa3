"""The house: who may import whom, what a room may load, who may touch files.

The tables below are the rule. A new module takes its place in `LAYERS`; a test
fails until it has one.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "stratsim"
ROOT = Path(__file__).parents[1] / PACKAGE

# From the ground up. A room imports from rows below its own, and from its own
# row where that closes no circle.
LAYERS = (
    "errors checks registry streams tables wording",
    "model",
    "analysis",
    "strategies",
    "world queueing signals cloudwatch watch",
    "engine",
    "measures intervals",
    "provenance traced study comparison risk power backtest recommendation search sensitivity linting",
    "pipeline governance teaching",
    "export importers plot report",
    "scenario_io store benchmark cli",
    "__init__ __main__",
)

# A result's own method may reach up to the room that draws or writes it, and a
# scenario's to the one that reads it, with an import inside that method: `run.plot()`
# is what people type (decisions 001 and 004).
REACHES_UP = {
    "plot": {"plot"},
    "export": {"export", "store"},
    "with_values": {"scenario_io"},
}

# What a room may never load, anywhere in it: third-party packages. A result's own
# method `to_frame` may load pandas, and types alone load nothing.
_DRAWING = {"matplotlib"}
_FRAMES = {"pandas"}
_FILES = {"yaml"}
_SIMULATION = {"simpy"}
_GROUND = _DRAWING | _FRAMES | _FILES | _SIMULATION
_ROOMS_OF_VALUES = {room for row in LAYERS[:5] for room in row.split()}
NEVER = {
    **dict.fromkeys(_ROOMS_OF_VALUES, _GROUND),
    "engine": _DRAWING | _FILES,
    "measures": _DRAWING | _FILES | _SIMULATION,
    "intervals": _GROUND,
    "export": _DRAWING | _FRAMES | _SIMULATION,
}

# The only rooms and modules that open files or print; the others hand out values.
FILE_ROOMS = {"scenario_io", "store", "cli"}
FILE_MODULES = {"export/write.py"}
_FILE_CALLS = {"open", "print", "input"}
_FILE_METHODS = {"write_text", "write_bytes", "mkdir", "unlink", "rmtree", "savefig", "to_csv"}

LEVEL = {room: level for level, row in enumerate(LAYERS) for room in row.split()}


class Import(NamedTuple):
    """One import of one room by another: where it stands, and in which method."""

    where: str
    room: str
    target: str
    method: str


def room_of(path: Path, root: Path) -> str:
    """The first part below the package: ``engine`` for ``engine/des.py``."""
    return path.relative_to(root).parts[0].removesuffix(".py")


def modules(root: Path) -> Iterator[tuple[Path, str, ast.Module]]:
    """Every module of the package: its path, its room, its tree."""
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield path, room_of(path, root), ast.parse(text, str(path))


def walk(node: ast.AST, method: str = "") -> Iterator[tuple[ast.AST, str]]:
    """Every node below `node`, with the name of the method it stands in."""
    for child in ast.iter_child_nodes(node):
        inner = method
        if isinstance(node, ast.ClassDef) and isinstance(child, ast.FunctionDef):
            inner = child.name
        yield child, inner
        yield from walk(child, inner)


def dotted_names(node: ast.AST) -> list[str]:
    """The modules that an import statement names, in full."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def relative_imports(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{node.lineno}"
        for path, _, tree in modules(root)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def imports(root: Path) -> Iterator[Import]:
    """Every import of a room by another, also inside functions and TYPE_CHECKING.

    ``from stratsim import load`` reaches for the facade. A room without a place
    is left to the test that says so.
    """
    placed = set(LEVEL)
    unplaced = {room for _, room, _ in modules(root)} - placed
    for path, room, tree in modules(root):
        for node, method in walk(tree):
            for name in dotted_names(node):
                package, _, rest = name.partition(".")
                if package != PACKAGE:
                    continue
                first = rest.partition(".")[0]
                target = first if first in placed | unplaced else "__init__"
                if target != room and not {room, target} & unplaced:
                    where = f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}"
                    yield Import(where, room, target, method)


def is_lawful(found: Import) -> bool:
    if LEVEL[found.target] <= LEVEL[found.room]:
        return True
    return found.target in REACHES_UP.get(found.method, ())


def upward(root: Path) -> list[str]:
    return [
        f"{found.where}: {found.room} imports {found.target}, which lies above it"
        for found in imports(root)
        if not is_lawful(found)
    ]


def types_only(tree: ast.Module) -> set[ast.AST]:
    """What stands under ``if TYPE_CHECKING``: read by type checkers, never run."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }


def third_party(root: Path) -> list[str]:
    wrong = []
    for path, room, tree in modules(root):
        unseen = types_only(tree)
        for node, method in walk(tree):
            names = {dotted.partition(".")[0] for dotted in dotted_names(node)}
            if method == "to_frame":
                names -= _FRAMES
            if node not in unseen:
                where = f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}"
                never = NEVER.get(room, set())
                wrong += [f"{where}: {room} never loads {name}" for name in sorted(names & never)]
    return wrong


def file_calls(root: Path) -> list[str]:
    wrong = []
    for path, room, tree in modules(root):
        lawful = room in FILE_ROOMS or path.relative_to(root).as_posix() in FILE_MODULES
        for node in ast.walk(tree):
            if lawful or not isinstance(node, ast.Call):
                continue
            call = node.func
            if (isinstance(call, ast.Name) and call.id in _FILE_CALLS) or (
                isinstance(call, ast.Attribute) and call.attr in _FILE_METHODS
            ):
                wrong.append(f"{path.relative_to(root)}:{node.lineno}: {ast.unparse(call)}()")
    return wrong


def test_every_module_has_one_place() -> None:
    rooms = [room for row in LAYERS for room in row.split()]
    there = {room for _, room, _ in modules(ROOT)}

    assert len(rooms) == len(set(rooms)), "a room stands in LAYERS twice"
    assert there <= set(rooms), f"give a row of LAYERS to {sorted(there - set(rooms))}"


def test_imports_are_absolute() -> None:
    assert relative_imports(ROOT) == []


def test_imports_point_down() -> None:
    assert upward(ROOT) == []


def test_rooms_form_no_circle() -> None:
    """Within a row the rooms may use one another, one way."""
    graph: dict[str, set[str]] = {}
    for found in imports(ROOT):
        if LEVEL[found.target] <= LEVEL[found.room]:
            graph.setdefault(found.room, set()).add(found.target)

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"rooms import one another in a circle: {' -> '.join(error.args[1])}")


def test_rooms_load_only_what_they_may() -> None:
    assert third_party(ROOT) == []


def test_only_the_outer_rooms_open_files_or_print() -> None:
    assert file_calls(ROOT) == []


def plant(root: Path, files: dict[str, str]) -> Path:
    """A small package to try the rules on."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("model/plan.py", "from stratsim.engine import des"),
        ("model/plan.py", "import stratsim.engine.des"),
        ("model/plan.py", "from stratsim import engine"),
        ("model/plan.py", "from stratsim import load"),
        ("model/plan.py", "def late():\n    from stratsim.plot import curves"),
        ("model/plan.py", "def plot():\n    from stratsim.plot import curves"),
        ("model/plan.py", "class Plan:\n    def draw(self):\n        import stratsim.plot"),
    ],
)
def test_an_import_that_points_up_is_found(tmp_path: Path, name: str, text: str) -> None:
    assert len(upward(plant(tmp_path, {name: text}))) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("engine/des.py", "from stratsim.model.plan import Plan"),
        ("engine/des.py", "from stratsim.engine.trace import Trace"),
        ("engine/trace.py", "class Run:\n    def plot(self):\n        import stratsim.plot"),
        ("errors.py", "from stratsim.registry import Registry"),
    ],
)
def test_an_import_that_points_down_is_lawful(tmp_path: Path, name: str, text: str) -> None:
    assert upward(plant(tmp_path, {name: text})) == []


def test_a_planted_load_or_print_is_found(tmp_path: Path) -> None:
    text = "def f(path):\n    import pandas\n    print(path)\n    path.write_text('')\n"
    root = plant(tmp_path, {"model/plan.py": text, "cli/run.py": text})

    assert third_party(root) == ["model/plan.py:2: model never loads pandas"]
    assert file_calls(root) == ["model/plan.py:3: print()", "model/plan.py:4: path.write_text()"]


def test_types_and_frames_are_lawful(tmp_path: Path) -> None:
    types = "if TYPE_CHECKING:\n    import pandas\n"
    frames = "class Plan:\n    def to_frame(self):\n        import pandas\n"

    assert third_party(plant(tmp_path, {"model/plan.py": types + frames})) == []
