"""YAML or JSON text to plain data, with the line of every key.

The text is read as a stream of parser events, so that depth, size and the
expansion of aliases are bounded before anything is built. Scalars follow the core
schema of YAML 1.2 (1e3 is a number, 14:00 and yes are texts), which JSON shares.

Reference: YAML 1.2.2, section 10.3 (https://yaml.org/spec/1.2.2/).
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import yaml

from stratsim.errors import InputError, Problem, shorten

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_WEIGHT = 2_000_000
"""Most nodes and characters of a document after its aliases are expanded."""

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False}
_BOOLEAN["FALSE"] = False
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII)
_LONGEST_INTEGER = 40
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)")
_TEXT_TAGS = {"!", "tag:yaml.org,2002:str"}
_UNREADABLE = (yaml.YAMLError, ValueError, ArithmeticError, LookupError, RecursionError)


@dataclass(frozen=True, slots=True)
class _Anchored:
    """What an alias stands for, with its weight and depth."""

    value: Any
    weight: int
    depth: int


@dataclass(slots=True)
class Tree:
    """A document: its data, the line of each key path, and what is wrong so far.

    ``lines`` maps dotted key paths to lines from 1; the problems' ``where`` is
    a key path too.
    """

    data: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Frame:
    """A collection that is still open; ``depth`` is what its items reach down."""

    items: dict[str, Any] | list[Any]
    path: str
    anchor: str | None
    start: int
    depth: int = 0
    key: str | None = None
    seen: dict[str, int] = field(default_factory=dict)
    merges: list[dict[str, Any]] = field(default_factory=list)


class _Builder:
    def __init__(self, where: str) -> None:
        self.where = where
        self.root: Any = None
        self.documents = 0
        self.lines: dict[str, int] = {}
        self.problems: list[Problem] = []
        self.frames: list[_Frame] = []
        self.anchors: dict[str, _Anchored] = {}
        self.weight = 0

    def stop(self, line: int, rule: str, got: str, hint: str = "") -> InputError:
        """Return the error of a document that cannot be read on."""
        where = f"{self.where}:{line}" if self.where else f"line {line}"
        return InputError([Problem(where, rule, got, hint)])

    def feed(self, event: Any) -> None:
        """Take one parser event."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                rule = "one YAML document"
                raise self.stop(line, rule, "a second one", "Remove what follows the line ---.")
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(line)

    def _add_weight(self, weight: int, line: int) -> None:
        self.weight += weight
        if self.weight > MAX_WEIGHT:
            rule = f"at most {MAX_WEIGHT:,} characters and nodes with its aliases expanded"
            raise self.stop(line, rule, "more")

    def _check_depth(self, depth: int, line: int) -> None:
        if len(self.frames) + depth > MAX_DEPTH:
            raise self.stop(line, f"nested at most {MAX_DEPTH} deep", "more")

    def _path(self) -> str:
        """Return the key path of the node that comes next."""
        if not self.frames:
            return ""
        frame = self.frames[-1]
        last = str(len(frame.items)) if isinstance(frame.items, list) else frame.key or ""
        return f"{frame.path}.{last}" if frame.path else last

    def _awaits_key(self) -> bool:
        return bool(
            self.frames and isinstance(self.frames[-1].items, dict) and self.frames[-1].key is None
        )

    def _scalar(self, event: Any, line: int) -> None:
        self._add_weight(1 + len(event.value), line)
        if self._awaits_key():
            self._key(event, line)
            return
        path = self._path()
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._tagged(path, event.tag)
        plain = event.implicit[0] and event.tag is None
        value = self._resolve(event.value, path) if plain else _text(event.value)
        self._place(_Anchored(value, 1 + len(event.value), 0), event.anchor, line)

    def _key(self, event: Any, line: int) -> None:
        frame = self.frames[-1]
        frame.key = _text(event.value)
        path = self._path()
        if frame.key in frame.seen and frame.key != "<<":
            first = f"the key a second time (first in line {frame.seen[frame.key]})"
            self.problems.append(Problem(path, "given once", first))
            self.lines[path] = line
            return
        frame.seen[frame.key] = line
        self.lines[path] = line

    def _alias(self, event: Any, line: int) -> None:
        if self._awaits_key():
            raise self.stop(line, "a text as key", "an alias")
        if event.anchor not in self.anchors:
            hint = "An anchor has to end before its alias stands."
            raise self.stop(line, "an alias of an anchor above", shorten(event.anchor), hint)
        target = self.anchors[event.anchor]
        self._add_weight(target.weight, line)
        self._check_depth(target.depth, line)
        self._place(target, None, line)

    def _open(self, event: Any, line: int) -> None:
        self._add_weight(1, line)
        if self._awaits_key():
            raise self.stop(line, "a text as key", "a mapping or a list")
        self._check_depth(1, line)
        path = self._path()
        if event.tag is not None and not event.implicit:
            self._tagged(path, event.tag)
        if path:
            self.lines.setdefault(path, line)
        items: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.frames.append(_Frame(items, path, event.anchor, self.weight))

    def _close(self, line: int) -> None:
        frame = self.frames.pop()
        if isinstance(frame.items, dict):
            for merged in frame.merges:
                for key, value in merged.items():
                    frame.items.setdefault(key, value)
        weight = self.weight - frame.start + 1
        self._place(_Anchored(frame.items, weight, frame.depth + 1), frame.anchor, line)

    def _place(self, node: _Anchored, anchor: str | None, line: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.frames:
            self.root = node.value
            return
        frame, value = self.frames[-1], node.value
        frame.depth = max(frame.depth, node.depth)
        if isinstance(frame.items, list):
            self.lines.setdefault(self._path(), line)
            frame.items.append(value)
            return
        key, frame.key = frame.key or "", None
        if key == "<<":
            self._merge(frame, value)
        else:
            frame.items.setdefault(key, value)

    def _merge(self, frame: _Frame, value: Any) -> None:
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) for item in found):
            path = f"{frame.path}.<<" if frame.path else "<<"
            self.problems.append(Problem(path, "a mapping, or a list of them", shorten(value)))
            return
        frame.merges.extend(found)

    def _tagged(self, path: str, tag: str) -> None:
        hint = "A short form of CloudFormation is not read here." if tag.startswith("!") else ""
        rule = "a plain value without a tag"
        self.problems.append(Problem(path, rule, shorten(tag), hint))

    def _resolve(self, text: str, path: str) -> Any:
        if text in _NULL:
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        if _BASED.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
            return int(text, 0)
        if _INTEGER.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
            return int(text)
        if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        if _FLOAT.fullmatch(text) or _SPECIAL.fullmatch(text):
            self.problems.append(Problem(path, "a finite number", text[:60]))
            return None
        return _text(text)


def parse_text(text: str, where: str = "") -> Tree:
    """Return the tree of one YAML or JSON document.

    Parameters
    ----------
    text
        The document.
    where
        The file's name for messages; empty where there is none.

    Raises
    ------
    InputError
        Where the text cannot be read as one bounded mapping.
    """
    builder = _Builder(where)
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        got = f"{len(text):,} characters"
        raise InputError([Problem(where or "scenario", f"at most {MAX_BYTES:,} bytes", got)])
    try:
        for event in _events(_json_as_yaml(text)):
            builder.feed(event)
    except InputError:
        raise
    except _UNREADABLE as error:
        raise _unreadable(builder, text, error) from None
    data = builder.root
    if builder.documents == 0 or data is None:
        hint = "A minimal scenario has a name and a platform."
        raise builder.stop(1, "a mapping of scenario keys", "nothing", hint)
    if not isinstance(data, dict):
        raise builder.stop(1, "a mapping of scenario keys", shorten(data))
    return Tree(data, builder.lines, builder.problems)


def _events(text: str) -> Iterator[Any]:
    # libyaml where PyYAML has it: ten times as fast, the same events
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events: Iterator[Any] = yaml.parse(text, Loader=loader)
    return events


def _json_as_yaml(text: str) -> str:
    """Return JSON without what YAML readers refuse: tabs and escaped surrogates."""
    if not text.lstrip().startswith("{") or not ("\t" in text or "\\u" in text):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _PAIR.sub(_joined, text.replace("\t", " "))


def _joined(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return match[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _unreadable(builder: _Builder, text: str, error: Exception) -> InputError:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 1
    said = getattr(error, "problem", None) or getattr(error, "reason", None)
    bad = next(islice(text.splitlines(), line - 1, None), None)
    column = f" in column {mark.column + 1}" if mark is not None else ""
    hint = f"The YAML reader says{column}: {said}." if said else ""
    if re.match(r"\s*\t", bad or ""):
        hint = "Indent with spaces: YAML takes no tabs there."
    got = "the end of the text" if bad is None else shorten(bad.strip())
    return builder.stop(line, "YAML or JSON that can be read", got, hint)


def _text(value: str) -> str:
    """Return `value`; a lone surrogate, which nothing can print, becomes U+FFFD."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
