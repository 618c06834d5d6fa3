"""Studies: one traced run, or many runs of every strategy in the same worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stratsim.comparison import Comparison
from stratsim.engine import des
from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import tally
from stratsim.errors import InputError, Problem, UnsupportedError, shorten, unknown_name
from stratsim.measures import MEASURES, Sample, events
from stratsim.model.plan import HostEvent, Lifecycle, Plan
from stratsim.provenance import provenance
from stratsim.strategies import build_plan
from stratsim.world import Block, block_size

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from stratsim.engine.trace import Result
    from stratsim.model.release import Outcome
    from stratsim.model.scenario import Scenario
    from stratsim.traced import Run

ENGINES = ("auto", "des")
CHUNK_RUNS = 128
"""Runs handed to a worker at once; results do not depend on it."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One run to make: a replication of the worlds, and an outcome if it is given."""

    replication: int
    outcome: int | None
    weight: float


def simulate(
    scenario: Scenario,
    strategy: str,
    seed: int | None = None,
    outcome: str | None = None,
    replication: int = 0,
) -> Run:
    """Return one traced deployment, made by the SimPy engine.

    Parameters
    ----------
    scenario
        The service, its release and its alarms.
    strategy
        Name of one of the scenario's strategies, or of a predefined configuration.
    seed
        Seed of the worlds; the scenario's own where not given.
    outcome
        Name of the release outcome to play; drawn where not given.
    replication
        Which of the worlds of this seed, from 0.

    Raises
    ------
    InputError
        For an unknown strategy or outcome, or a negative number.
    """
    from stratsim.traced import Run

    seed = _whole("seed", scenario.seed if seed is None else seed)
    replication = _whole("replication", replication)
    setup = prepare(scenario, build_plan(scenario, strategy))
    chosen = None if outcome is None else _outcome(scenario, outcome)
    size = block_size(scenario)
    world = Block(scenario, seed, replication // size).row(replication, chosen)
    result, deployment = des.trace_one(setup, world)
    return Run.of(setup, result, deployment, seed, replication)


def compare_strategies(
    scenario: Scenario,
    replications: int | None = None,
    seed: int | None = None,
    engine: str = "auto",
    workers: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
    strategies: Sequence[str] | None = None,
) -> Comparison:
    """Return the Monte Carlo comparison of the scenario's strategies.

    All strategies meet the same worlds. The same scenario and seed give the same
    numbers, bit for bit, on any number of workers.

    Parameters
    ----------
    scenario
        The service, its release, its alarms and its strategies.
    replications, seed
        The scenario's own where not given. With ``noise: expected`` outcomes are
        enumerated, and replications are used only where chances remain.
    engine
        "auto" or "des".
    workers
        Processes on this machine.
    executor
        Any executor to use instead; it is left open.
    progress
        Called with runs done and runs in all.
    strategies
        Names to compare; all of the scenario's where not given.
    """
    if engine not in ENGINES:
        _refuse_engine(engine)
    seed = _whole("seed", scenario.seed if seed is None else seed)
    asked = scenario.replications if replications is None else replications
    wanted = _whole("replications", asked, least=1)
    names = strategies or [spec.name for spec in scenario.strategies]
    setups = [prepare(scenario, build_plan(scenario, name)) for name in names]
    cases = _cases(scenario, [setup.plan for setup in setups], wanted)
    results = _run_all(setups, seed, cases, _whole("workers", workers, least=1), executor, progress)
    exact = scenario.noise == "expected" and all(case.replication == 0 for case in cases)
    samples = [
        _sample(setup, found, cases, exact=exact)
        for setup, found in zip(setups, results, strict=True)
    ]
    return Comparison(
        scenario=scenario.name,
        seed=seed,
        replications=len(cases),
        engine=des.NAME,
        samples=tuple(samples),
        outcomes={o.name: o.probability for o in scenario.release.outcomes},
        provenance=provenance(
            scenario, engine=des.NAME, replications=len(cases), seed=seed, command="compare"
        ),
        warnings=_warnings(setups),
    )


def _refuse_engine(engine: str) -> None:
    if engine in ("batch", "exact"):
        msg = f"engine {engine!r} is not built yet; use 'des' or 'auto'"
        raise UnsupportedError(msg)
    raise InputError([unknown_name("engine", engine, ENGINES)])


def _warnings(setups: Sequence[Setup]) -> tuple[str, ...]:
    """Return every warning once, with the strategy's name where not all share it."""
    shared = dict.fromkeys(setups[0].warnings)
    shared = dict.fromkeys(w for w in shared if all(w in setup.warnings for setup in setups))
    own = [
        f"{setup.plan.strategy}: {warning}"
        for setup in setups
        for warning in setup.warnings
        if warning not in shared
    ]
    return (*shared, *own)


def _whole(name: str, value: object, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError([Problem(name, f"a whole number of at least {least}", shorten(value))])
    return int(value)


def _outcome(scenario: Scenario, name: str) -> int:
    names = [outcome.name for outcome in scenario.release.outcomes]
    if name not in names:
        raise InputError([unknown_name("outcome", name, names)])
    return names.index(name)


def _cases(scenario: Scenario, plans: Sequence[Plan], replications: int) -> list[Case]:
    """Return the runs to make: drawn, or enumerated by outcome where noise is off."""
    if scenario.noise == "sampled":
        return [Case(r, None, 1 / replications) for r in range(replications)]
    chancy = any(_has_chances(plan) for plan in plans)
    cases = []
    for index, outcome in enumerate(scenario.release.outcomes):
        if outcome.probability <= 0:
            continue
        runs = 1
        if chancy or _chance_fault(outcome):
            runs = max(2, round(replications * outcome.probability))
        cases += [Case(r, index, outcome.probability / runs) for r in range(runs)]
    return cases


def _chance_fault(outcome: Outcome) -> bool:
    """Whether something of the outcome stays a matter of chance with noise off."""
    return any(
        fault.kind == "crash" or (fault.kind in ("startup", "hook") and _open(fault.probability))
        for fault in outcome.faults
    )


def _open(probability: float) -> bool:
    return 0 < probability < 1


def _has_chances(plan: Plan) -> bool:
    """Whether a lifecycle event of the plan may fail by itself."""
    for step in plan.steps:
        events: tuple[Lifecycle | HostEvent, ...] = getattr(step, "events", ())
        if isinstance(step, Lifecycle):
            events = (step,)
        if any(_open(event.failure) for event in events):
            return True
    return False


# -- running ----------------------------------------------------------------------


class _Job:
    """What a worker process keeps between chunks."""

    setups: Sequence[Setup] = ()
    seed = 0
    blocks: dict[int, Block] = {}  # noqa: RUF012  one per process, set by the initializer


def _start_worker(setups: Sequence[Setup], seed: int) -> None:
    import signal

    # Ctrl-C is the parent's to handle; a worker ends when it is told to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Job.setups, _Job.seed, _Job.blocks = setups, seed, {}


def _work(strategy: int, cases: Sequence[Case]) -> list[Result]:
    return _run_cases(_Job.setups[strategy], _Job.seed, cases, _Job.blocks)


def _work_alone(setup: Setup, seed: int, cases: Sequence[Case]) -> list[Result]:
    """Run a chunk without anything kept, on an executor that is not ours."""
    return _run_cases(setup, seed, cases, {})


def _run_cases(
    setup: Setup, seed: int, cases: Sequence[Case], blocks: dict[int, Block]
) -> list[Result]:
    size = block_size(setup.scenario)
    results = []
    for case in cases:
        index = case.replication // size
        if index not in blocks:
            blocks.clear()  # one block at a time bounds the memory
            blocks[index] = Block(setup.scenario, seed, index)
        world = blocks[index].row(case.replication, case.outcome)
        results.append(des.simulate_one(setup, world))
    return results


def _run_all(
    setups: Sequence[Setup],
    seed: int,
    cases: Sequence[Case],
    workers: int,
    executor: Executor | None,
    progress: Progress | None,
) -> list[list[Result]]:
    """Return the results by strategy, in the order of the cases."""
    chunks = [cases[at : at + CHUNK_RUNS] for at in range(0, len(cases), CHUNK_RUNS)]
    # chunk by chunk over all strategies, so that a block of worlds serves them all
    jobs = [(strategy, chunk) for chunk in chunks for strategy in range(len(setups))]
    total, done = len(cases) * len(setups), 0
    found: list[list[Result]] = [[] for _ in setups]
    for (strategy, chunk), results in zip(
        jobs, _results(setups, seed, jobs, workers, executor), strict=True
    ):
        found[strategy].extend(results)
        done += len(chunk)
        if progress is not None:
            progress(done, total)
    return found


def _results(
    setups: Sequence[Setup],
    seed: int,
    jobs: Sequence[tuple[int, Sequence[Case]]],
    workers: int,
    executor: Executor | None,
) -> Iterator[list[Result]]:
    if executor is not None:
        futures = [executor.submit(_work_alone, setups[s], seed, chunk) for s, chunk in jobs]
        yield from (future.result() for future in futures)
    elif workers == 1 or len(jobs) == 1:
        blocks: dict[int, Block] = {}
        for strategy, chunk in jobs:
            yield _run_cases(setups[strategy], seed, chunk, blocks)
    else:
        yield from _pooled(setups, seed, jobs, workers)


def _pooled(
    setups: Sequence[Setup], seed: int, jobs: Sequence[tuple[int, Sequence[Case]]], workers: int
) -> Iterator[list[Result]]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), get_context("spawn"), _start_worker, (setups, seed)
    )
    try:
        futures = [pool.submit(_work, strategy, chunk) for strategy, chunk in jobs]
        for future in futures:
            yield future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _sample(
    setup: Setup, results: Sequence[Result], cases: Sequence[Case], *, exact: bool
) -> Sample:
    columns = tally(setup.plan, results)
    return Sample(
        strategy=setup.plan.strategy,
        outcome=columns.outcome,
        weight=np.array([case.weight for case in cases]),
        exact=exact,
        measures={name: m.compute(columns, setup.scenario) for name, m in MEASURES.items()},
        events=events(columns, setup.scenario),
    )


