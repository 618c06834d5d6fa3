"""The comparison that users call: here or on a cluster, kept on disk if they say where."""

from __future__ import annotations

from contextlib import ExitStack
from os import PathLike
from typing import TYPE_CHECKING

from stratsim.errors import InputError, Problem, shorten
from stratsim.model.scenario import Scenario, check_scenario
from stratsim.store.checkpoint import Checkpoint
from stratsim.study import compare_strategies
from stratsim.study.precision import MOST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from stratsim.comparison import Comparison
    from stratsim.comparison.precision import Wanted
    from stratsim.study.gathering import Progress


def compare_kept(  # noqa: PLR0913  (a study has as many settings as it has)
    scenario: Scenario,
    replications: int | None = None,
    seed: int | None = None,
    engine: str = "auto",
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    strategies: Sequence[str] | None = None,
    stratify: bool = False,
    precision: Wanted = None,
    max_replications: int = MOST,
) -> Comparison:
    """Return the Monte Carlo comparison of the scenario's strategies.

    All strategies meet the same worlds. The same scenario and seed give the same
    numbers, bit for bit, whoever makes the runs: any number of workers, any executor,
    a Dask cluster, one process after another.

    Parameters
    ----------
    scenario
        The service, its release, its alarms and its strategies.
    replications, seed
        The scenario's own where not given. With ``noise: expected`` outcomes are
        enumerated, and replications are used only where chances remain.
    engine
        "des" (SimPy), "batch" (arrays), "exact" (no sampling, where it can), or
        "auto", which is batch.
    workers
        Processes forked off this one where they can be (Linux, no other thread), else
        threads of the batch engine or spawned processes of SimPy. Where not given, one
        for each core, but for spawned ones none.
    executor
        Any executor to use instead; it is left open.
    dask
        Address of the scheduler of a Dask cluster to use instead.
    out
        Folder to keep finished blocks in, as Parquet files; it must be new or empty.
    resume
        Go on with the study that was begun in `out`, where there is one.
    progress
        Called with runs done and runs in all.
    strategies
        Names to compare; all of the scenario's where not given.
    stratify
        Give every release outcome runs of its own, half of them by probability and
        half alike, weighted back to the probabilities: for outcomes so rare that few
        of the runs would meet them.
    precision
        ``"failed_requests:5%"`` (half width of the 95 % interval, as a share of the
        value) or ``"missed:0.002"`` (in the measure's unit), or several: more
        replications are made until every strategy keeps them. The result's
        ``precision`` says how many it took, or that it cannot be reached.
    max_replications
        Where `precision` gives up.

    Raises
    ------
    InputError
        A wrong name or number; `out` holds something else, or another study.
    UnsupportedError
        The engine does not know what the scenario needs, or a library is missing.
    MachineError
        Workers died, no scheduler answers, the disk is full or may not be written.
    """
    check_scenario(scenario)
    _one_place(workers, executor, dask)
    if engine == "exact":
        _nothing_to_share(executor=executor, dask=dask, out=out)
    if precision is None and max_replications != MOST:
        rule = "given together with precision"
        raise InputError([Problem("max_replications", rule, "no precision to reach")])
    if resume and out is None:
        raise InputError([Problem("resume", "given together with out", "no folder in out")])
    with ExitStack() as stack:
        keep = None
        if out is not None:
            keep = stack.enter_context(Checkpoint(out, resume=resume))
        if dask is not None:
            from stratsim.study.cluster import dask_executor

            executor = stack.enter_context(dask_executor(dask))
        return compare_strategies(
            *(scenario, replications, seed, engine, workers, executor, progress, strategies),
            stratify=stratify,
            precision=precision,
            max_replications=max_replications,
            keep=keep,
        )


def _one_place(workers: int | None, executor: Executor | None, dask: str | None) -> None:
    """Refuse what says twice who makes the runs."""
    given = {"workers": workers, "executor": executor, "dask": dask}
    if executor is not None and not callable(getattr(executor, "submit", None)):
        rule = "a concurrent.futures.Executor"
        raise InputError([Problem("executor", rule, shorten(executor))])
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        first, second = named[0], named[-1]
        rule = f"left out where {second} is given"
        raise InputError([Problem(first, rule, shorten(given[first]))])


def _nothing_to_share(**given: object) -> None:
    """Refuse, for the exact engine, what is about runs; it makes none."""
    hint = "It solves the strategies here, at once."
    rule = "left out with the exact engine, which makes no runs"
    problems = [
        Problem(name, rule, shorten(str(value) if isinstance(value, PathLike) else value), hint)
        for name, value in given.items()
        if value is not None
    ]
    if problems:
        raise InputError(problems)
