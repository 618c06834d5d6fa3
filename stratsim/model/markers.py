"""Markers that tell a reader what a field may hold, each with its rule in words.

They stand in ``Annotated`` types of the model and speak to pydantic only when a
file is read (`stratsim.scenario_io`). What is wrong is raised as a `RuleError`,
whose text completes "must be ...".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

MAX_DURATION_S = 366 * 86400.0
"""Longest duration a scenario may name: one year; bounds the work of one run."""

DURATION_PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"
DURATION_HINT = "Write 90s, 5m, 1h30m, 80ms or a number of seconds."

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_TEXT = 64


class RuleError(ValueError):
    """A value breaks a rule: ``rule`` completes "must be ...", ``hint`` helps.

    Where a part of the value is at fault, ``at`` is its path inside the value and
    ``got`` the part.
    """

    def __init__(self, rule: str, hint: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.hint = hint
        self.at = ""
        self.got: object = None

    def inside(self, key: object, value: object) -> RuleError:
        """Return this error about `value`, told of a larger value that has it under `key`."""
        error = RuleError(self.rule, self.hint)
        error.at = f"{key}.{self.at}" if self.at else str(key)
        error.got = self.got if self.at else value
        return error


def parse_duration(value: object) -> float:
    """Return seconds from ``90s``, ``5m``, ``1h30m``, ``80ms`` or a number.

    Raises
    ------
    RuleError
        Where the text is not a duration.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        # an integer beyond a float's range is as far out of every interval
        return float(max(min(value, 10**300), -(10**300)))
    text = value.strip() if isinstance(value, str) else ""
    parts = _PART.findall(text) if len(text) <= _LONGEST_TEXT else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        msg = "a duration"
        raise RuleError(msg, DURATION_HINT)
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """Return ``1h30m``, ``90s`` or ``80ms`` for people.

    >>> format_duration(5400)
    '1h30m'
    """
    if seconds == 0:
        return "0s"
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    if seconds < 120 and (seconds % 60 or seconds != round(seconds)):
        return f"{seconds:.4g}s"
    days, rest = divmod(round(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if rest or hours % 24 or not days:
        days, hours = 0, days * 24 + hours
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


class _Marker:
    """Hands a marker's own ``parse`` and ``json_schema`` to pydantic."""

    __slots__ = ()

    def parse(self, value: object) -> object:
        """Return the value; raises `RuleError`."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> Any:
        return self.json_schema()


@dataclass(frozen=True, slots=True)
class Number(_Marker):
    """A number in an interval; an open end is not part of it."""

    low: float
    high: float
    whole: bool = False
    open_low: bool = False
    open_high: bool = False

    @property
    def rule(self) -> str:
        """The rule in words, with the interval."""
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} in {_interval(self, lambda x: str(x) if self.whole else f'{x:g}')}"

    def parse(self, value: object) -> float:
        """Return the number; raises `RuleError`."""
        if isinstance(value, str) and re.fullmatch(r"[-+.\deE_,]+%?", value):
            percent = value.endswith("%")
            raise RuleError(self.rule, "Write a fraction." if percent else "Write plain digits.")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RuleError(self.rule)
        if not _inside(self, value) or (self.whole and value != int(value)):
            raise RuleError(self.rule)
        return int(value) if self.whole else float(value)

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        below = "exclusiveMinimum" if self.open_low else "minimum"
        above = "exclusiveMaximum" if self.open_high else "maximum"
        kind = "integer" if self.whole else "number"
        return {"type": kind, below: self.low, above: self.high}


@dataclass(frozen=True, slots=True)
class DurationMarker(_Marker):
    """A duration in an interval of seconds; an open end is not part of it."""

    low: float = 0.0
    high: float = MAX_DURATION_S
    open_low: bool = False
    open_high: bool = False

    @property
    def rule(self) -> str:
        """The rule in words, with the interval."""
        return f"a duration in {_interval(self, format_duration)}"

    def parse(self, value: object) -> float:
        """Return seconds; raises `RuleError`."""
        try:
            seconds = parse_duration(value)
        except RuleError:
            raise RuleError(self.rule, DURATION_HINT) from None
        if not _inside(self, seconds):
            raise RuleError(self.rule)
        return seconds

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        number = Number(self.low, self.high, open_low=self.open_low, open_high=self.open_high)
        return {"anyOf": [number.json_schema(), {"type": "string", "pattern": DURATION_PATTERN}]}


@dataclass(frozen=True, slots=True)
class Text(_Marker):
    """A text of so many characters, on one line unless ``lines``."""

    low: int = 1
    high: int = 255
    pattern: str = ""
    kind: str = "a text"
    lines: bool = False

    @property
    def rule(self) -> str:
        """The rule in words, with the lengths."""
        return f"{self.kind} of {self.low} to {self.high} characters"

    def parse(self, value: object) -> str:
        """Return the text; raises `RuleError`."""
        if not isinstance(value, str):
            quotes = isinstance(value, bool | int | float)
            raise RuleError(self.rule, "Put it in quotes." if quotes else "")
        if not self.low <= len(value) <= self.high:
            raise RuleError(self.rule)
        if not self.lines and not value.isprintable():
            msg = f"{self.rule} on one line, without control characters"
            raise RuleError(msg)
        if self.pattern and not re.fullmatch(self.pattern, value, re.ASCII):
            msg = f"{self.rule} that matches {self.pattern}"
            raise RuleError(msg)
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        schema = {"type": "string", "minLength": self.low, "maxLength": self.high}
        return schema | ({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {})


@dataclass(frozen=True, slots=True)
class FlagMarker(_Marker):
    """True or false, and nothing that merely looks like it."""

    def parse(self, value: object) -> bool:
        """Return the truth value; raises `RuleError`."""
        if isinstance(value, bool):
            return value
        known = {"yes": "true", "on": "true", "no": "false", "off": "false"}
        word = known.get(value.lower()) if isinstance(value, str) else None
        msg = "true or false"
        raise RuleError(msg, f"Write {word}." if word else "")

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class OrRandom(_Marker):
    """``random``, or what another marker takes."""

    other: DurationMarker

    def parse(self, value: object) -> float | str:
        """Return ``"random"`` or seconds; raises `RuleError`."""
        if value == "random":
            return "random"
        try:
            return self.other.parse(value)
        except RuleError:
            msg = f"random or {self.other.rule}"
            raise RuleError(msg, DURATION_HINT) from None

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        return {"anyOf": [{"const": "random"}, *self.other.json_schema()["anyOf"]]}


def _inside(bounds: Number | DurationMarker, value: float) -> bool:
    above = value > bounds.low if bounds.open_low else value >= bounds.low
    return above and (value < bounds.high if bounds.open_high else value <= bounds.high)


def _interval(bounds: Number | DurationMarker, shown: Callable[[float], str]) -> str:
    first, last = "(" if bounds.open_low else "[", ")" if bounds.open_high else "]"
    return f"{first}{shown(bounds.low)}, {shown(bounds.high)}{last}"
