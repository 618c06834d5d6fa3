"""Checking values against the model's types, in the one message form.

pydantic does the walking and the conversions; its errors are turned into
`Problem`s here, and none of its own words reaches anybody.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from stratsim.errors import Problem, shorten, unknown_name
from stratsim.model.markers import RuleError, _Marker

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

T = TypeVar("T")

NULL_HINT = "Remove the key, or give it a value."
_UNKNOWN = {"unexpected_keyword_argument", "extra_forbidden"}
_MISSING = {"missing", "missing_argument", "missing_keyword_only_argument"}


class Problems:
    """What is wrong with a document so far; ``where`` is a dotted key path."""

    def __init__(self, found: Iterable[Problem] = ()) -> None:
        self.found = list(found)
        self.elsewhere: list[Problem] = []

    def add(self, path: str, rule: str, got: object, hint: str = "") -> None:
        """Note that the value at `path` breaks `rule`; `got` is printed as it is."""
        self.found.append(Problem(path, rule, str(got), hint))

    def unknown(self, path: str, name: object, known: Iterable[str], hint: str = "") -> None:
        """Note a key at `path` that is not among `known`, with the nearest one."""
        names = list(known)
        near = unknown_name(path, str(name), names).hint
        self.add(path, "a known key", shorten(name), near or hint or f"Known: {', '.join(names)}.")

    def choice(self, path: str, name: object, known: Iterable[str], rule: str = "") -> None:
        """Note a value at `path` that is not among `known`, with the nearest one."""
        names = list(known)
        near = unknown_name(path, str(name), names).hint if isinstance(name, str) else ""
        hint = NULL_HINT if name is None else near
        self.add(path, rule or f"one of {', '.join(names)}", shown(name), hint)

    def parse(self, path: str, marker: Any, value: object) -> Any:
        """Return what `marker` makes of `value`, or ``None`` with its problem noted."""
        try:
            return marker.parse(value)
        except RuleError as error:
            self.found.append(_broken(error, path, value))
            return None

    def check(self, path: str, kind: type[T], value: object) -> T | None:
        """Return `value` as a `kind`, or ``None`` with every problem noted."""
        from pydantic import ValidationError

        try:
            checked: T = _adapter(cast("Any", kind)).validate_python(value, extra="forbid")
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self.found.append(_problem(detail, path, kind))
            return None
        return None if self._refuses_nulls(path, kind, value) else checked

    def _refuses_nulls(self, path: str, kind: Any, value: object) -> bool:
        """Note keys without a value that the types pass over as optional."""
        kind, before = bare(kind), len(self.found)
        if isinstance(value, Mapping) and is_dataclass(kind):
            hints = get_type_hints(kind, include_extras=True)
            for key, inner in value.items():
                marker = marker_of(hints[key])
                if inner is None and marker is not None:
                    self.parse(joined(path, key), marker, None)
                elif inner is not None and marker is None:
                    self._refuses_nulls(joined(path, key), hints[key], inner)
        elif isinstance(value, list) and get_origin(kind) is tuple:
            for index, inner in enumerate(value):
                self._refuses_nulls(joined(path, index), get_args(kind)[0], inner)
        return len(self.found) > before


def joined(*parts: object) -> str:
    """Return a dotted key path, leaving out empty parts."""
    return ".".join(str(part) for part in parts if part != "")


def shown(value: object) -> str:
    """Return a value for print; nothing where there is none."""
    return "nothing" if value is None else shorten(value)


@cache
def _adapter(kind: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _broken(error: RuleError, path: str, value: object) -> Problem:
    """Return the problem of the `value` at `path`, or of the part of it that is at fault."""
    given = error.got if error.at else value
    hint = NULL_HINT if given is None else error.hint
    return Problem(joined(path, error.at), error.rule, shown(given), hint)


def _problem(detail: "ErrorDetails", path: str, kind: Any) -> Problem:
    loc = detail["loc"]
    where = joined(path, *loc)
    error, given = detail["type"], detail["input"]
    if error in _UNKNOWN:
        problems = Problems()
        problems.unknown(where, loc[-1], keys_of(_inner(kind, loc[:-1])))
        return problems.found[0]
    if error in _MISSING:
        return Problem(where, "given", "nothing")
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, RuleError):
        return _broken(cause, where, given)
    if error == "literal_error":
        names = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
        hint = NULL_HINT if given is None else unknown_name(where, str(given), names).hint
        return Problem(where, f"one of {', '.join(names)}", shown(given), hint)
    hint = NULL_HINT if given is None else ""
    return Problem(where, _rule_of_type(error, _inner(kind, loc)), shown(given), hint)


def _rule_of_type(error: str, kind: Any) -> str:
    if error in ("tuple_type", "list_type"):
        return "a list"
    if error in ("dataclass_type", "dict_type", "mapping_type"):
        keys = keys_of(kind)
        return f"a mapping with keys among {', '.join(keys)}" if keys else "a mapping"
    return "a value of the form in docs/reference/scenario.md"


def keys_of(kind: Any) -> list[str]:
    """Return the keys of a dataclass; none for anything else."""
    kind = bare(kind)
    return [item.name for item in fields(kind)] if is_dataclass(kind) else []


def bare(kind: Any) -> Any:
    """Return `kind` without annotations and without ``None``."""
    if get_origin(kind) is Annotated:
        return bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        rest = [arg for arg in get_args(kind) if arg is not NoneType]
        return bare(rest[0])
    return kind


def _inner(kind: Any, loc: tuple[int | str, ...]) -> Any:
    """Return the type that stands at `loc` inside `kind`."""
    for part in loc:
        kind = bare(kind)
        if is_dataclass(kind):
            kind = get_type_hints(kind, include_extras=True).get(str(part))
        else:
            args = get_args(kind)
            mapping = get_origin(kind) in (dict, Mapping)
            kind = (args[1] if mapping else args[0]) if args else None
    return kind


def marker_of(kind: Any) -> _Marker | None:
    """Return the marker of an annotated type, also of an optional one."""
    if get_origin(kind) is Annotated:
        found = [item for item in get_args(kind)[1:] if isinstance(item, _Marker)]
        return found[0] if found else None
    if get_origin(kind) in (Union, UnionType):
        markers = (marker_of(arg) for arg in get_args(kind) if arg is not NoneType)
        return next((marker for marker in markers if marker is not None), None)
    return None
