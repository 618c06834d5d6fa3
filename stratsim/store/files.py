"""Files that are there whole or not at all, and a folder that one process has."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

TEMPORARY = ".*.tmp"
"""What a process that was killed may leave behind."""


def write_whole(path: Path, data: bytes) -> None:
    """Write beside the place, sync, then move there; `OSError` leaves nothing behind."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make a move last; not every system can sync a folder."""
    with contextlib.suppress(OSError), _opened(folder) as descriptor:
        os.fsync(descriptor)


def hold(folder: Path) -> AbstractContextManager[object] | None:
    """Return what holds `folder` for this process until it ends; None if another has it."""
    try:
        import fcntl
    except ImportError:  # Windows, where a folder cannot be locked
        return contextlib.nullcontext()
    stack = contextlib.ExitStack()
    descriptor = stack.enter_context(_opened(folder))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stack.close()
        return None
    except OSError:  # a file system without locks
        pass
    return stack


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
