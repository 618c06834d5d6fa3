"""Who does the parts of a study: this thread, others, processes, any executor.

Results never depend on it. Parts are handed on as they are done.
"""

import multiprocessing
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally
from stratsim.errors import MachineError
from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.study.identity import deciding_versions
from stratsim.study.jobs import Blocks, Job, work
from stratsim.study.pools import (
    AHEAD,
    begin_worker,
    can_fork,
    collected,
    ended,
    free_if_broken,
    interrupts_held,
    main_hidden,
)
from stratsim.study.slots import Parcel, Slots

T = TypeVar("T")

IN_FLIGHT = 512
"""Parts submitted to an executor that does not tell how many workers it has."""


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

    def submit(part: Part) -> Future[Tally]:
        return pool.submit(work, setups[part.job.strategy], part.job, blocks)

    pool = ThreadPoolExecutor(many)
    with ended(pool):
        yield from collected(submit, parts, AHEAD * many)


def _pooled(
    setups: Sequence[Setup], seed: int, parts: Sequence[Part], many: int
) -> Iterator[tuple[Part, Tally]]:
    if can_fork():
        for engine in {part.job.engine for part in parts}:  # once, and not in each process again
            import_module(f"stratsim.engine.{engine}")
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

    def submit(part: Part) -> Future[Any]:
        with interrupts_held(), main_hidden():  # it may start a process
            return pool.submit(_work, part.job, *place())

    with ended(pool):
        most, look = AHEAD * many, lambda: free_if_broken(pool)
        for part, found in collected(submit, parts, most, look):
            yield part, opened(found)


def _forked(setups: Sequence[Setup], seed: int, many: int, slots: Slots) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(many, context, _start_worker, (setups, seed, slots))


def _spawned(setups: Sequence[Setup], seed: int, many: int) -> ProcessPoolExecutor:
    # Setups are larger than a pipe holds: sent as such, each worker would have to
    # finish its imports before the next one is started.
    scenario, plans = setups[0].scenario, [setup.plan for setup in setups]
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(many, context, _start_spawned, (scenario, plans, seed))


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

    def submit(part: Part) -> Future[Tally]:
        future = executor.submit(_work_anywhere, stamp, study, part.job)
        sent.add(future)
        return future

    try:
        yield from collected(submit, parts, most)
    except MachineError:
        raise  # a broken executor drops its work itself
    except BaseException:
        for future in sent:
            future.cancel()
        raise


class _Worker:
    """What a worker process keeps between parts."""

    setups: Sequence[Setup] = ()
    blocks: Blocks = Blocks(0)
    slots: Slots | None = None


def _start_spawned(scenario: Scenario, plans: Sequence[Plan], seed: int) -> None:
    _start_worker([prepare(scenario, plan) for plan in plans], seed, None)


def _start_worker(setups: Sequence[Setup], seed: int, slots: Slots | None) -> None:
    begin_worker()
    _Worker.setups, _Worker.blocks, _Worker.slots = setups, Blocks(seed), slots


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
