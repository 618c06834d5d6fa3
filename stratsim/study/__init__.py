"""Studies: one traced run, or many runs of every strategy in the same worlds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stratsim.comparison import Comparison
from stratsim.comparison.precision import Wanted, read_targets
from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally
from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.measures import MEASURES, Sample, events, refused
from stratsim.model.scenario import Scenario, check_scenario
from stratsim.provenance import provenance
from stratsim.strategies import build_plan
from stratsim.study.cases import Cases, enumerate_cases
from stratsim.study.gathering import Keep, Looks, Progress, gather
from stratsim.study.identity import identity
from stratsim.study.jobs import make_jobs
from stratsim.study.pools import can_fork
from stratsim.study.precision import MOST, compare_until
from stratsim.study.workers import Crew
from stratsim.world import Block, block_size

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from stratsim.traced import Run

__all__ = ["ENGINES", "compare_strategies", "simulate"]

ENGINES = ("auto", "des", "batch", "exact")
MANY = 1_000_000_000
"""Runs of one study: more take days, and their list of jobs alone gigabytes."""


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
    from stratsim.engine.des import trace_one
    from stratsim.traced import Run

    check_scenario(scenario)
    seed = _whole("seed", scenario.seed if seed is None else seed)
    replication = _whole("replication", replication)
    setup = prepare(scenario, build_plan(scenario, strategy))
    chosen = None if outcome is None else _outcome(scenario, outcome)
    size = block_size(scenario)
    world = Block(scenario, seed, replication // size).row(replication, chosen)
    result, deployment = trace_one(setup, world)
    return Run.of(setup, result, deployment, seed, replication)


def compare_strategies(  # noqa: PLR0913  (what a study can be asked)
    scenario: Scenario,
    replications: int | None = None,
    seed: int | None = None,
    engine: str = "auto",
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    strategies: Sequence[str] | None = None,
    *,
    stratify: bool = False,
    precision: Wanted = None,
    max_replications: int = MOST,
    keep: Keep | None = None,
) -> Comparison:
    """Return the Monte Carlo comparison of the scenario's strategies.

    `stratsim.compare` tells its parameters, which these are but for one: `keep` is
    where finished jobs are kept, and looked for before they are made.
    """
    targets = read_targets(precision, MEASURES)
    if engine == "exact" and (targets or stratify):
        name, got = ("precision", precision) if targets else ("stratify", stratify)
        rule = "left out with the exact engine, which makes no runs"
        raise InputError([Problem(name, rule, shorten(got))])
    if targets:
        asked = scenario.replications if replications is None else replications
        first = _whole("replications", asked, least=1)
        most = _whole("max_replications", max_replications, least=1)
        looks = None if keep is None else Looks(keep, first, most, tuple(map(str, targets)))

        def study(runs: int) -> Comparison:
            return compare_strategies(
                *(scenario, runs, seed, engine, workers, executor, progress, strategies),
                stratify=stratify,
                keep=looks,
            )

        return compare_until(study, targets, first, most)
    if engine not in ENGINES:
        raise InputError([unknown_name("engine", engine, ENGINES)])
    seed = _whole("seed", scenario.seed if seed is None else seed)
    asked = scenario.replications if replications is None else replications
    wanted = _whole("replications", asked, least=1)
    if wanted > MANY:
        raise InputError([Problem("replications", f"at most {MANY:,}", f"{wanted:,}")])
    strategies = [strategies] if isinstance(strategies, str) else strategies
    names = strategies or [spec.name for spec in scenario.strategies]
    setups = [prepare(scenario, build_plan(scenario, name)) for name in names]
    if engine == "exact":
        found = _solved(scenario, setups, seed, _workers(workers, engine), progress)
        if replications is None:
            return found
        unused = f"replications: the exact engine makes no runs, so {wanted:,} are not made"
        return replace(found, warnings=(*found.warnings, unused))
    used = "des" if engine == "des" else "batch"
    cases = enumerate_cases(scenario, wanted, stratify=stratify)
    if keep is not None:
        keep.begin(identity(setups, used, seed, wanted, stratify=stratify))
    crew = Crew(_workers(workers, used), executor)
    tallies = _run(setups, used, seed, cases, crew, keep, progress)
    runs = sum(len(some.replications) for some in cases)
    exact = scenario.noise == "expected" and runs == len(cases)
    return Comparison(
        scenario=scenario.name,
        seed=seed,
        replications=runs,
        engine=used,
        samples=tuple(
            _sample(setup, columns, cases, exact=exact)
            for setup, columns in zip(setups, tallies, strict=True)
        ),
        outcomes={o.name: o.probability for o in scenario.release.outcomes},
        provenance=provenance(
            scenario, engine=used, replications=runs, seed=seed, command="compare"
        )
        | ({"stratify": True} if stratify else {}),
        warnings=_warnings(setups),
    )


def _solved(
    scenario: Scenario,
    setups: Sequence[Setup],
    seed: int,
    workers: int,
    progress: Progress | None,
) -> Comparison:
    """Return the comparison by the exact engine."""
    from stratsim.study.exactly import solve_all

    samples, worlds, notes = solve_all(setups, seed, workers, progress)
    return Comparison(
        scenario=scenario.name,
        seed=seed,
        replications=worlds,
        engine="exact",
        samples=samples,
        outcomes={o.name: o.probability for o in scenario.release.outcomes},
        provenance=provenance(
            scenario, engine="exact", replications=worlds, seed=seed, command="compare"
        ),
        warnings=(*_warnings(setups), *notes),
    )


def _workers(asked: int | None, engine: str) -> int:
    """Return how many workers to use; a process that is not forked costs a second."""
    if asked is not None:
        return _whole("workers", asked, least=1)
    return os.cpu_count() or 1 if can_fork() or engine == "batch" else 1


def _run(
    setups: Sequence[Setup],
    engine: str,
    seed: int,
    cases: Sequence[Cases],
    crew: Crew,
    keep: Keep | None,
    progress: Progress | None,
) -> list[Tally]:
    """Return the tallies by strategy, in the order of the cases.

    Those whose hosts or tasks go one by one take longest and are begun first, so that
    no worker is left alone with one of them at the end.
    """
    order = sorted(range(len(setups)), key=lambda number: setups[number].plan.routing != "pooled")
    jobs = list(make_jobs(setups[0].scenario, engine, order, cases))
    return gather(setups, seed, jobs, crew, keep, progress)


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


def _sample(setup: Setup, columns: Tally, cases: Sequence[Cases], *, exact: bool) -> Sample:
    return Sample(
        strategy=setup.plan.strategy,
        outcome=columns.outcome,
        weight=np.repeat([c.weight for c in cases], [len(c.replications) for c in cases]),
        exact=exact,
        measures={name: m.compute(columns, setup.scenario) for name, m in MEASURES.items()},
        events=events(columns, setup.scenario),
        refused=refused(columns),
    )
