"""Worker processes and threads: results never depend on how many there are."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType

from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally
from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.study.jobs import Blocks, Job, work


class _Worker:
    """What a worker process keeps between jobs."""

    setups: Sequence[Setup] = ()
    blocks: Blocks = Blocks(0)


def _start_worker(scenario: Scenario, plans: Sequence[Plan], seed: int) -> None:
    # Ctrl-C is the parent's to handle; a worker ends when it is told to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _Worker.setups = [prepare(scenario, plan) for plan in plans]
    _Worker.blocks = Blocks(seed)


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


def _work(job: Job) -> Tally:
    return work(_Worker.setups[job.strategy], job, _Worker.blocks)


def _work_alone(setup: Setup, seed: int, job: Job) -> Tally:
    """Do a job without anything kept, on an executor that is not ours."""
    return work(setup, job, Blocks(seed))


def run_jobs(
    setups: Sequence[Setup],
    seed: int,
    jobs: Sequence[Job],
    workers: int,
    executor: Executor | None,
) -> Iterator[Tally]:
    """Yield the tally of each job, in their order."""
    if executor is not None:
        futures = [executor.submit(_work_alone, setups[j.strategy], seed, j) for j in jobs]
        yield from (future.result() for future in futures)
    elif workers == 1 or len(jobs) == 1:
        blocks = Blocks(seed)
        for job in jobs:
            yield work(setups[job.strategy], job, blocks)
    elif all(job.engine == "batch" for job in jobs):
        yield from _threaded(setups, seed, jobs, workers)
    else:
        yield from _pooled(setups, seed, jobs, workers)


def _threaded(
    setups: Sequence[Setup], seed: int, jobs: Sequence[Job], workers: int
) -> Iterator[Tally]:
    """Use threads: arrays are drawn and computed without the interpreter's lock."""
    with ThreadPoolExecutor(min(workers, len(jobs))) as pool:
        blocks = Blocks(seed)  # threads may draw the same worlds twice, never different ones
        futures = [pool.submit(work, setups[j.strategy], j, blocks) for j in jobs]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _pooled(
    setups: Sequence[Setup], seed: int, jobs: Sequence[Job], workers: int
) -> Iterator[Tally]:
    # Setups are larger than a pipe holds: sent as such, each worker would have to
    # finish its imports before the next one is started.
    scenario, plans = setups[0].scenario, [setup.plan for setup in setups]
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)),
        multiprocessing.get_context("spawn"),
        _start_worker,
        (scenario, plans, seed),
    )
    try:
        with _interrupts_held(), _main_hidden():
            futures = [pool.submit(_work, job) for job in jobs]
        for future in futures:
            yield future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
