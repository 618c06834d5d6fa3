"""Who does the parts of a study: this thread, others, processes, any executor.

Results never depend on it. Parts are handed on as they are done.
"""

import multiprocessing
import os
import pickle
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
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from itertools import islice
from types import ModuleType
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally
from stratsim.errors import MachineError
from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.study.identity import deciding_versions
from stratsim.study.jobs import Blocks, Job, work
from stratsim.study.slots import Parcel, Slots

T = TypeVar("T")

AHEAD = 2
"""Parts submitted per worker: one to do and one to go on with."""

IN_FLIGHT = 512
"""Parts submitted to an executor that does not tell how many workers it has."""

PULSE_S = 5.0
"""How long to wait for a part before looking whether the workers are alive."""


class Part(NamedTuple):
    """A job, or a part of it: the job's number, the place in the job, what to do."""

    number: int
    place: int
    job: Job


@dataclass(frozen=True, slots=True)
class Crew:
    """How many workers of this machine share a study, or whose executor does instead."""

    workers: int = 1
    executor: Executor | None = None

    def run(
        self, setups: Sequence[Setup], seed: int, parts: Sequence[Part]
    ) -> Iterator[tuple[Part, Tally]]:
        """Yield each part with its tally, in the order in which they are done."""
        if self.executor is not None:
            return _elsewhere(setups, seed, parts, self.executor)
        many = min(self.workers, len(parts))
        if many <= 1:
            return _alone(setups, seed, parts)
        if all(part.job.engine == "batch" for part in parts) and not can_fork():
            return _threaded(setups, seed, parts, many)
        return _pooled(setups, seed, parts, many)


def can_fork() -> bool:
    """Whether processes may be forked off this one: they cost next to nothing then.

    On Linux, and while no other thread runs whose locks a fork would copy as they are:
    at the command line, but not in a notebook.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def _alone(
    setups: Sequence[Setup], seed: int, parts: Sequence[Part]
) -> Iterator[tuple[Part, Tally]]:
    blocks = Blocks(seed)
    for part in parts:
        yield part, work(setups[part.job.strategy], part.job, blocks)


def _threaded(
    setups: Sequence[Setup], seed: int, parts: Sequence[Part], many: int
) -> Iterator[tuple[Part, Tally]]:
    """Use threads: arrays are drawn and computed without the interpreter's lock."""
    blocks = Blocks(seed)  # threads may draw the same worlds twice, never different ones

    def submit(job: Job) -> Future[Tally]:
        return pool.submit(work, setups[job.strategy], job, blocks)

    pool = ThreadPoolExecutor(many)
    with _ended(pool):
        yield from _collected(submit, parts, AHEAD * many)


def _pooled(
    setups: Sequence[Setup], seed: int, parts: Sequence[Part], many: int
) -> Iterator[tuple[Part, Tally]]:
    if can_fork():
        slots = Slots(AHEAD * many, max(len(part.job.replications) for part in parts))
        pool = _forked(setups, seed, many, slots)
        yield from _from_processes(pool, parts, many, lambda: (slots.free.pop(),), slots.take)
    else:
        pool = _spawned(setups, seed, many)
        yield from _from_processes(pool, parts, many, tuple, lambda tally: tally)


def _from_processes(
    pool: ProcessPoolExecutor,
    parts: Sequence[Part],
    many: int,
    place: Callable[[], tuple[int, ...]],
    opened: Callable[[Any], Tally],
) -> Iterator[tuple[Part, Tally]]:
    """Yield what processes have made; `place` is where to put it, which `opened` opens."""

    def submit(job: Job) -> Future[Any]:
        with _interrupts_held(), _main_hidden():  # it may start a process
            return pool.submit(_work, job, *place())

    with _ended(pool):
        most, look = AHEAD * many, lambda: _free_if_broken(pool)
        for part, found in _collected(submit, parts, most, look):
            yield part, opened(found)


def _forked(setups: Sequence[Setup], seed: int, many: int, slots: Slots) -> ProcessPoolExecutor:
    import_module("stratsim.engine.batch")  # once, and not again in each of them
    context = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(many, context, _start_worker, (setups, seed, slots))


def _spawned(setups: Sequence[Setup], seed: int, many: int) -> ProcessPoolExecutor:
    # Setups are larger than a pipe holds: sent as such, each worker would have to
    # finish its imports before the next one is started.
    scenario, plans = setups[0].scenario, [setup.plan for setup in setups]
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(many, context, _start_spawned, (scenario, plans, seed))


def _free_if_broken(pool: ProcessPoolExecutor) -> None:
    """Where a process of `pool` is dead, end the others, so that the pool finds out.

    It does so by itself, but for a process that died while it wrote a result: the
    pool then waits for the rest of it for ever, as it holds the pipe's other end too.
    """
    processes = list((pool._processes or {}).values())  # noqa: SLF001  (no public way)
    if not all(process.is_alive() for process in processes):
        for process in processes:
            process.kill()
        # neither public nor typed
        pool._result_queue._writer.close()  # type: ignore[attr-defined]  # noqa: SLF001  (no public way)


def _elsewhere(
    setups: Sequence[Setup], seed: int, parts: Sequence[Part], executor: Executor
) -> Iterator[tuple[Part, Tally]]:
    """Use an executor that is not ours, wherever its workers are; it is left open."""
    plans = [setup.plan for setup in setups]
    study = pickle.dumps((setups[0].scenario, plans, seed))  # small, as setups are not
    stamp = deciding_versions()
    many = getattr(executor, "_max_workers", None)
    most = AHEAD * many if isinstance(many, int) else IN_FLIGHT
    sent: WeakSet[Future[Tally]] = WeakSet()

    def submit(job: Job) -> Future[Tally]:
        future = executor.submit(_work_anywhere, stamp, study, job)
        sent.add(future)
        return future

    try:
        yield from _collected(submit, parts, most)
    except MachineError:
        raise  # a broken executor drops its work itself
    except BaseException:
        for future in sent:
            future.cancel()
        raise


def _collected(
    submit: Callable[[Job], Future[T]],
    parts: Iterable[Part],
    most: int,
    look: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Part, T]]:
    """Keep up to `most` parts submitted, and yield each when it is done.

    While none is for `PULSE_S`, `look` after the workers.
    """
    todo = iter(parts)
    waiting: dict[Future[T], Part] = {}
    try:
        while True:
            for part in islice(todo, most - len(waiting)):
                waiting[submit(part.job)] = part
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
def _ended(pool: Executor) -> Iterator[None]:
    """End `pool` with its work, or at once where that is cut short."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


class _Worker:
    """What a worker process keeps between parts."""

    setups: Sequence[Setup] = ()
    blocks: Blocks = Blocks(0)
    slots: Slots | None = None


def _start_spawned(scenario: Scenario, plans: Sequence[Plan], seed: int) -> None:
    _start_worker([prepare(scenario, plan) for plan in plans], seed, None)


def _start_worker(setups: Sequence[Setup], seed: int, slots: Slots | None) -> None:
    # Ctrl-C is the parent's to handle; a worker ends when it is told to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _Worker.setups, _Worker.blocks, _Worker.slots = setups, Blocks(seed), slots


def _end_with_parent() -> None:
    """End this worker when its parent is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes start; it comes through at the end.

    Interrupted half way, a start leaves an orphan. And the processes inherit the
    mask, so that they never see an interrupt: it is the parent's to handle, and
    `_start_worker` would come too late for one during their imports.
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
def _main_hidden() -> Iterator[None]:
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


def _work(job: Job, slot: int = 0) -> Tally | Parcel:
    tally = work(_Worker.setups[job.strategy], job, _Worker.blocks)
    return tally if _Worker.slots is None else _Worker.slots.put(slot, tally)


def _work_anywhere(stamp: dict[str, str | None], study: bytes, job: Job) -> Tally:
    """Do a job on an executor that is not ours, perhaps on another machine."""
    if stamp != deciding_versions():
        msg = f"a worker has {_listed(deciding_versions())}, but the study was begun with {_listed(stamp)}"
        raise MachineError(msg)
    setups, blocks = _opened(study)
    return work(setups[job.strategy], job, blocks)


@lru_cache(maxsize=2)
def _opened(study: bytes) -> tuple[list[Setup], Blocks]:
    """Return what all jobs of a study share; a worker keeps it from job to job."""
    scenario, plans, seed = pickle.loads(study)  # noqa: S301  (as trusted as the job itself)
    return [prepare(scenario, plan) for plan in plans], Blocks(seed)


def _listed(stamp: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version}" for name, version in stamp.items())
