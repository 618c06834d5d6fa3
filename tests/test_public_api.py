"""The public face: its names, and that it costs nothing until it is used."""

import ast
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

import stratsim

ROOT = Path(stratsim.__file__).parent
NAMES = {
    "__version__",
    "cloudwatch",
    "compare",
    "errors",
    "load",
    "operating_characteristic",
    "plan",
    "recommend",
    "simulate",
    "sobol",
    "sweep",
    "tornado",
}
HEAVY = ("pandas", "matplotlib", "scipy", "simpy", "pydantic")
IMPORTS = "import sys; import stratsim"
HELP = """
import sys
from stratsim.cli import main
sys.argv = ["stratsim", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def python(code: str) -> str:
    """What a fresh interpreter prints; it must end well."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_names_are_these() -> None:
    assert set(stratsim.__all__) == NAMES
    assert set(dir(stratsim)) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_name_resolves_and_says_what_it_is(name: str) -> None:
    home = stratsim._HOMES.get(name, "stratsim").partition(":")[0]
    spec = find_spec(home)
    if spec is None or spec.origin is None:  # nothing there, or a folder without __init__
        pytest.skip(f"{home} is not built yet")

    found = getattr(stratsim, name)

    assert isinstance(found, str) or found.__doc__


def test_type_checkers_see_the_same_names() -> None:
    """The block under TYPE_CHECKING and the lazy table say the same."""
    seen = {}
    for node in ast.walk(ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stratsim"):
            for alias in node.names:
                joint = "." if node.module == "stratsim" else ":"
                seen[alias.asname] = f"{node.module}{joint}{alias.name}"

    assert seen == stratsim._HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        stratsim.lod  # noqa: B018  (the look-up fails)


def test_no_module_bears_the_name_of_a_public_function() -> None:
    """Its first import would put the module in the function's place."""
    children = {path.name.removesuffix(".py") for path in ROOT.iterdir()}
    functions = {name for name, home in stratsim._HOMES.items() if ":" in home}

    assert children & functions == set()


def test_the_version_is_that_of_the_distribution() -> None:
    assert stratsim.__version__ == version("stratsim")


def test_the_package_is_marked_as_typed() -> None:
    assert (ROOT / "py.typed").exists()


def test_importing_loads_nothing_heavy() -> None:
    loaded = python(f"{IMPORTS}; print(*sys.modules)").split()

    assert sorted(set(HEAVY) & set(loaded)) == []


def test_help_loads_nothing_heavy() -> None:
    loaded = python(f"{HELP}print('LOADED', *sys.modules)").partition("LOADED")[2].split()

    assert loaded
    assert sorted({"pandas", "matplotlib", "scipy"} & set(loaded)) == []
