"""Progress on stderr: only on a terminal, only where the work is long."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from stratsim.cli.exits import wants_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

PATIENCE_S = 1.0
"""Work that ends sooner shows nothing."""
TICK_S = 0.1
"""Least time between two pictures of the bar."""


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give a callback ``(done, total)``, or None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(what)
    try:
        yield bar.update
    finally:
        bar.close()


class _Bar:
    """A bar that appears once patience has run out, and leaves no trace.

    It is drawn when something is done, and not by a thread of its own: workers can be
    forked off a process without threads only.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.start = monotonic()
        self.drawn = -inf
        self.shown: tuple[Progress, TaskID] | None = None

    def update(self, done: int, total: int) -> None:
        now = monotonic()
        if self.shown is None and now - self.start > PATIENCE_S and done < total:
            self.shown = self._show(total)
        if self.shown is not None and now - self.drawn > TICK_S:
            progress, task = self.shown
            progress.update(task, completed=done, total=total, refresh=True)
            self.drawn = now

    def _show(self, total: int) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, color_system=None if wants_plain() else "auto"),
            transient=True,
            auto_refresh=False,
        )
        progress.start()
        return progress, progress.add_task(self.what, total=total)

    def close(self) -> None:
        if self.shown is not None:
            self.shown[0].stop()
