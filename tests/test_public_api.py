"""The public face: its names, and that it costs nothing until it is used."""

import ast
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

import stratsim
from stratsim.errors import InputError

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


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("compare", ()),
        ("operating_characteristic", ("careful",)),
        ("plan", ("careful",)),
        ("recommend", ()),
        ("simulate", ("careful",)),
        ("sobol", ({"traffic.rate": [1, 2]},)),
        ("sweep", ({"traffic.rate": [1, 2]},)),
        ("tornado", ({"traffic.rate": [1, 2]},)),
    ],
)
def test_the_name_of_a_scenario_is_told_to_be_loaded(name: str, rest: tuple[object, ...]) -> None:
    message = r"scenario: must be what .* Use stratsim\.load\('checkout-ecs'\)\."

    with pytest.raises(InputError, match=message):
        getattr(stratsim, name)("checkout-ecs", *rest)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("compare", {"executor": 5}, "executor: must be a concurrent.futures.Executor, but got 5"),
        ("compare", {"precision": 5}, "precision: must be KEY:SHARE%"),
        ("compare", {"replications": 10**11}, "must be at most 1,000,000,000, but got 100,000"),
        ("compare", {"engine": None}, "engine: must be one of auto"),
        ("compare", {"max_replications": 9}, "must be given together with precision"),
        ("compare", {"engine": "exact", "stratify": True}, "stratify: must be left out with the"),
        ("compare", {"strategies": "carefull"}, "Did you mean 'careful'?"),
        ("recommend", {"require": 5}, "require: must be limits by key, or texts, but got 5"),
        ("recommend", {"require": [5]}, "require: must be KEY<=VALUE"),
        ("recommend", {"minimize": None}, "minimize: must be one of"),
        ("operating_characteristic", {"strategy": None}, "strategy: must be the name"),
        ("operating_characteristic", {"strategy": []}, "strategy: must be the name"),
        (
            "operating_characteristic",
            {"strategy": "careful", "rates": 0.5},
            "rates: must be a list",
        ),
        ("plan", {"strategy": 5}, "strategy: must be one of .* but got 5"),
    ],
)
def test_values_of_the_wrong_kind_are_refused_by_name(
    name: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        getattr(stratsim, name)(stratsim.load("checkout-ecs"), **settings)


def test_runs_that_the_exact_engine_does_not_make_are_said() -> None:
    scenario = stratsim.load("ecs-canary50-5m")
    names = ["CodeDeployDefault.ECSAllAtOnce"]

    asked = stratsim.compare(scenario, 40, engine="exact", strategies=names)
    plain = stratsim.compare(scenario, engine="exact", strategies=names)

    (unused,) = set(asked.warnings) - set(plain.warnings)
    assert unused == "replications: the exact engine makes no runs, so 40 are not made"
