"""Same scenario and seed: the same numbers, to the last bit, wherever they are made."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

import stratsim
from stratsim.comparison import Comparison

SCENARIO = """
name: reproducible
platform: ecs
traffic: {rate: 300, dispersion: 2}
service: {instances: 6, zones: 3, capacity: 80, startup: {median: 40s, p95: 60s}, drain: 10s}
release:
  outcomes:
    - {name: healthy, probability: 0.4}
    - {name: errors, probability: 0.3, faults: [{kind: errors, rate: {min: 0.01, max: 0.3}, after: 1m}]}
    - {name: crashes, probability: 0.3, faults: [{kind: crash, per_hour: 20, instances: 0.5}]}
environment: [{kind: errors, rate: 0.02, at: 3m, for: 2m}]
alarms:
  - {AlarmName: errors, Namespace: AWS/ApplicationELB, MetricName: HTTPCode_Target_5XX_Count,
     Dimensions: [{Name: TargetGroup, Value: new}], Statistic: Sum, Period: 60, EvaluationPeriods: 3,
     DatapointsToAlarm: 2, Threshold: 60, ComparisonOperator: GreaterThanThreshold,
     TreatMissingData: notBreaching}
  - {AlarmName: slow, Namespace: AWS/ApplicationELB, MetricName: TargetResponseTime,
     ExtendedStatistic: p99, Period: 60, EvaluationPeriods: 2, Threshold: 2,
     ComparisonOperator: GreaterThanThreshold}
deployment_group:
  autoRollbackConfiguration: {enabled: true, events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}
  alarmConfiguration: {enabled: true, alarms: [{name: errors}, {name: slow}]}
on_call: {respond: 5m, notice: 10m}
strategies:
  - CodeDeployDefault.ECSCanary10Percent5Minutes
  - {name: rolling, ecs: {minimumHealthyPercent: 50, maximumPercent: 150}}
"""
RUNS = 150  # more than a worker is handed at once
ENGINES = ("des", "auto")


def digest(comparison: Comparison) -> str:
    """Return a hash of every bit of every run."""
    whole = sha256()
    for sample in comparison.samples:
        columns = {**sample.measures, **sample.events, "outcome": sample.outcome}
        for name, values in columns.items():
            whole.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return whole.hexdigest()


def compare(engine: str = "des", **settings: Any) -> Comparison:
    settings = {"replications": RUNS, "seed": 11, **settings}
    return stratsim.compare(stratsim.load(SCENARIO), engine=engine, **settings)


@cache
def found(engine: str) -> Comparison:
    return compare(engine)


@pytest.fixture(params=ENGINES)
def alone(request: pytest.FixtureRequest) -> tuple[str, Comparison]:
    """An engine, and what it finds in this process alone."""
    return request.param, found(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_the_number_of_workers_changes_nothing(workers: int, alone: tuple[str, Comparison]) -> None:
    engine, comparison = alone

    assert digest(compare(engine, workers=workers)) == digest(comparison)


def test_somebody_else_s_executor_changes_nothing(alone: tuple[str, Comparison]) -> None:
    engine, comparison = alone

    with ThreadPoolExecutor(2) as executor:
        assert digest(compare(engine, executor=executor)) == digest(comparison)


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_finds_the_same(hash_seed: str, alone: tuple[str, Comparison]) -> None:
    """Python's own hashes differ from process to process; nothing hangs on them."""
    engine, comparison = alone
    program = f"import runpy; print(runpy.run_path({__file__!r})['here']({engine!r}))"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == digest(comparison)


def here(engine: str) -> str:
    """What the other process is asked for."""
    return digest(compare(engine))


def test_another_seed_finds_something_else() -> None:
    assert digest(compare(seed=12, replications=5)) != digest(compare(replications=5))


def test_more_replications_keep_the_first_ones() -> None:
    """Of the SimPy engine; arrays are drawn as long as the study is."""
    fewer, more = compare(replications=40), found("des")

    for short, long in zip(fewer.samples, more.samples, strict=True):
        for name, values in short.measures.items():
            np.testing.assert_array_equal(values, long.measures[name][:40], err_msg=name)


def test_a_strategy_s_numbers_do_not_depend_on_its_neighbours(
    alone: tuple[str, Comparison],
) -> None:
    engine, comparison = alone

    rolling = compare(engine, strategies=["rolling"])

    for name, values in rolling.sample("rolling").measures.items():
        expected = comparison.sample("rolling").measures[name]
        np.testing.assert_array_equal(values, expected, err_msg=name)


@pytest.mark.parametrize("replication", [0, 1, 2, 77, 149])
def test_a_traced_run_is_the_run_of_the_study(replication: int) -> None:
    """`simulate` with a replication's number shows what `compare` counted."""
    scenario, comparison = stratsim.load(SCENARIO), found("des")

    for strategy in comparison.strategies:
        run = stratsim.simulate(scenario, strategy, seed=11, replication=replication)
        sample = comparison.sample(strategy)
        counted = {name: values[replication] for name, values in sample.measures.items()}
        shown = {name: np.nan if value is None else value for name, value in run.outcome.items()}
        np.testing.assert_equal(shown, counted)


def test_a_traced_run_repeats_itself() -> None:
    scenario = stratsim.load(SCENARIO)

    once, again = (stratsim.simulate(scenario, "rolling", seed=3).to_dict() for _ in range(2))

    assert once == again
