"""Progress on stderr: only on a terminal, only where the work is long."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from stratsim.cli.exits import wants_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

PATIENCE_S = 1.0
"""Work that ends sooner shows nothing."""


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
    """A bar that appears once patience has run out, and leaves no trace."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.start = monotonic()
        self.shown: tuple[Progress, TaskID] | None = None

    def update(self, done: int, total: int) -> None:
        if self.shown is None and monotonic() - self.start > PATIENCE_S and done < total:
            self.shown = self._show(total)
        if self.shown is not None:
            progress, task = self.shown
            progress.update(task, completed=done, total=total)

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
        )
        progress.start()
        return progress, progress.add_task(self.what, total=total)

    def close(self) -> None:
        if self.shown is not None:
            self.shown[0].stop()
