"""The scenarios that come with the package.

They live in the folder ``scenarios`` of a checkout; a wheel carries them inside
the package, as ``stratsim/bundled``.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stratsim.errors import InputError, unknown_name

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Bundled:
    """One bundled scenario; ``title`` is its description's first line."""

    name: str
    title: str
    platform: str
    path: Path


def _folder() -> Path:
    inside = _PACKAGE / "bundled"
    return inside if inside.is_dir() else _PACKAGE.parent / "scenarios"


@cache
def bundled_names() -> tuple[str, ...]:
    """Return the names of the bundled scenarios, the first one to try first."""
    names = sorted(path.stem for path in _folder().glob("*.yaml"))
    return tuple(sorted(names, key=lambda name: name != "checkout-ecs"))


def find_bundled(name: str) -> Path | None:
    """Return the file of the bundled scenario `name`, or ``None``."""
    stem = name.removesuffix(".yaml")
    return _folder() / f"{stem}.yaml" if stem in bundled_names() else None


def list_bundled() -> tuple[Bundled, ...]:
    """Return every bundled scenario."""
    return tuple(open_bundled(name) for name in bundled_names())


def open_bundled(name: str) -> Bundled:
    """Return the bundled scenario `name`; unknown: `InputError` with the nearest."""
    from stratsim.scenario_io.tree import parse_text

    path = find_bundled(name)
    if path is None:
        raise InputError([unknown_name("scenario", name, bundled_names())])
    data = parse_text(path.read_text("utf-8"), path.name).data
    title = str(data.get("description", "")).strip().partition("\n")[0]
    return Bundled(path.stem, title, str(data.get("platform", "")), path)
