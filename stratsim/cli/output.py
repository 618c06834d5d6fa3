"""What commands print: one JSON document, or tables for people."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import TYPE_CHECKING, Any

from stratsim.cli.exits import wants_plain, warn

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 140
"""Columns to fill where stdout is no terminal and COLUMNS is not set."""


def own_version() -> str:
    """Return the version of the installed package."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("stratsim")
    except PackageNotFoundError:
        return "unknown"


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document; its provenance tells the command that made it."""
    document = dict(document)
    if "provenance" in document:
        document["provenance"] = {**document["provenance"], "command": command_line()}
    text = json.dumps(document, indent=2, allow_nan=False)
    sys.stdout.write(text + "\n")


def command_line() -> str:
    """Return the command as it was typed."""
    return shlex.join(["stratsim", *sys.argv[1:]])


def print_text(text: str) -> None:
    """Print lines for people, at once, so that stderr's come after them."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def filled(text: str) -> str:
    """Return `text` broken at spaces into lines that fit; what follows is indented."""
    from textwrap import wrap

    columns = max(40, width())
    return "\n".join(
        part
        for line in text.split("\n")
        for part in wrap(
            line, columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        or [""]
    )


def print_rich(*parts: RenderableType) -> None:
    """Print tables and text, coloured where stdout is a terminal.

    Rendered first and written then, so that a closed pipe or a full disk is met here
    like everywhere else.
    """
    from rich.console import Console

    terminal = sys.stdout.isatty()
    page = StringIO()
    console = Console(
        file=page,
        force_terminal=terminal,
        color_system=None if wants_plain() else "auto",
        width=width(),
        highlight=False,
        emoji=False,
        markup=False,
    )
    for part in parts:
        console.print(part)
    sys.stdout.write("\n".join(line.rstrip() for line in page.getvalue().split("\n")))


def width() -> int:
    """Return the columns that a table may fill; COLUMNS decides where it is set."""
    if sys.stdout.isatty():
        from rich.console import Console

        return Console().width
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else WIDTH


def print_warnings(*groups: Iterable[str]) -> None:
    """Print every warning once, on stderr."""
    for text in dict.fromkeys(text for group in groups for text in group):
        warn(text)
