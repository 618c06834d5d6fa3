"""Pools of workers: how they begin, how work is handed to them, and how they end."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from itertools import islice
from types import ModuleType
from typing import Any, TypeVar

from stratsim.errors import MachineError

S = TypeVar("S")
T = TypeVar("T")

AHEAD = 2
"""Parts submitted per worker: one to do and one to go on with."""

PULSE_S = 5.0
"""How long to wait for a part before looking whether the workers are alive."""


def shared_out(function: Callable[[S], T], items: Sequence[S], many: int) -> Iterator[T]:
    """Yield what `function` makes of each item, in order, shared out over `many` workers.

    Where they are forked off, `function` may be any: only what it returns is pickled.
    Elsewhere they are threads.
    """
    many = min(many, len(items))
    if many <= 1:
        yield from map(function, items)
        return
    found: dict[int, T] = {}
    parts = _forked_off if can_fork() else _threaded
    at = 0
    for place, one in parts(function, items, many):
        found[place] = one
        while at in found:
            yield found.pop(at)
            at += 1


def _threaded(function: Callable[[S], T], items: Sequence[S], many: int) -> Iterator[tuple[int, T]]:
    pool = ThreadPoolExecutor(many)
    with ended(pool):
        yield from collected(lambda at: pool.submit(function, items[at]), range(len(items)), many)


def _forked_off(
    function: Callable[[S], T], items: Sequence[S], many: int
) -> Iterator[tuple[int, T]]:
    def submit(at: int) -> Future[T]:
        with interrupts_held():  # it may start a process
            return pool.submit(_made, at)

    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(many, context, _begin, (lambda at: function(items[at]),))
    with ended(pool):
        try:
            yield from collected(submit, range(len(items)), many, lambda: free_if_broken(pool))
        except BaseException:  # an interrupt does not wait for what is under way
            _kill(pool)
            raise


class _Forked:
    """What a forked process does with the number of an item."""

    function: Callable[[int], Any]


def _begin(function: Callable[[int], Any]) -> None:
    begin_worker()
    _Forked.function = staticmethod(function)


def _made(at: int) -> Any:
    return _Forked.function(at)


def can_fork() -> bool:
    """Whether processes may be forked off this one: they cost next to nothing then.

    On Linux, and while no other thread runs whose locks a fork would copy as they are:
    at the command line, but not in a notebook.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def collected(
    submit: Callable[[S], Future[T]],
    parts: Iterable[S],
    most: int,
    look: Callable[[], None] = lambda: None,
) -> Iterator[tuple[S, T]]:
    """Keep up to `most` parts submitted, and yield each when it is done.

    While none is for `PULSE_S`, `look` after the workers.
    """
    todo = iter(parts)
    waiting: dict[Future[T], S] = {}
    try:
        while True:
            for part in islice(todo, most - len(waiting)):
                waiting[submit(part)] = part
            if not waiting:
                return
            done = wait(waiting, PULSE_S, FIRST_COMPLETED).done
            if not done:
                look()
            for future in done:
                yield waiting.pop(future), future.result()
    except BrokenExecutor:
        msg = "a worker process died, perhaps for lack of memory; try fewer workers"
        raise MachineError(msg) from None


@contextmanager
def ended(pool: Executor) -> Iterator[None]:
    """End `pool` with its work, or at once where that is cut short."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes start; it comes through at the end.

    Interrupted half way, a start leaves an orphan. And the processes inherit the
    mask, so that they never see an interrupt: it is the parent's to handle, and
    `begin_worker` would come too late for one during their imports.
    """
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "pthread_sigmask")):
        yield
        return
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if came:
        raise KeyboardInterrupt


@contextmanager
def main_hidden() -> Iterator[None]:
    """Keep new processes from running the caller's script again.

    A spawned process imports the parent's main module, which would start the
    study once more where a script or a cell has no guard. Workers need nothing of it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def begin_worker() -> None:
    """Prepare a process of ours: it ends when it is told to, or with its parent."""
    # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def free_if_broken(pool: ProcessPoolExecutor) -> None:
    """Where a process of `pool` is dead, end the others, so that the pool finds out.

    It does so by itself, but for a process that died while it wrote a result: the
    pool then waits for the rest of it for ever, as it holds the pipe's other end too.
    """
    if not all(process.is_alive() for process in _processes(pool)):
        _kill(pool)
        # neither public nor typed
        pool._result_queue._writer.close()  # type: ignore[attr-defined]  # noqa: SLF001  (no public way)


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in _processes(pool):
        process.kill()


def _processes(pool: ProcessPoolExecutor) -> list[Any]:
    return list((pool._processes or {}).values())  # noqa: SLF001  (no public way)
