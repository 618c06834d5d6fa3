"""The common job: how fast the engines are beside the bare random draws of the same job.

1,000 requests/s for 30 minutes; after 5 minutes the new revision takes 10 % of the
traffic for 10 minutes, then all. It fails 5 % of its requests on account of a fault;
at each full minute its error share is judged against 1 %, and above it the deployment
rolls back at once. The expected blast radius is 0.1 x 60,000 x 0.05 = 300 requests.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.des import simulate_one
from stratsim.engine.setup import Setup, prepare
from stratsim.model.scenario import Scenario
from stratsim.scenario_io import load
from stratsim.strategies import build_plan
from stratsim.streams import Streams
from stratsim.study.jobs import Job
from stratsim.study.settings import AlarmSetting, solve_settings
from stratsim.study.workers import Crew, Part
from stratsim.world import Block

EXPECTED = 300.0
PERIODS = 30
ROUNDS = 5
PIECE = 20_000
"""Replications that the bare draws make at once."""
SIMPY_SHARE = 50
"""The SimPy engine makes one run where the others make so many."""
THRESHOLDS = 50
"""Thresholds of the alarm that the exact engine solves together."""


def _series(name: str, metric: str) -> dict[str, Any]:
    dimensions = [{"Name": "TargetGroup", "Value": "new"}]
    found = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions}
    return {
        "Id": name,
        "ReturnData": False,
        "MetricStat": {"Metric": found, "Period": 60, "Stat": "Sum"},
    }


COMMON_JOB: dict[str, Any] = {
    "name": "common job",
    "platform": "ecs",
    "traffic": {"rate": 1000, "dispersion": 1},
    "service": {
        "instances": 20,
        "capacity": 1000,
        "concurrency": 10,
        "error_rate": 0.001,
        "error_dispersion": 1,
        "startup": 0,
    },
    "release": {
        "outcomes": [
            {"name": "bad", "probability": 1, "faults": [{"kind": "errors", "rate": 0.05}]}
        ]
    },
    "alarms": [
        {
            "AlarmName": "errors",
            "Metrics": [
                {"Id": "percent", "Expression": "100*e/r"},
                _series("e", "HTTPCode_Target_5XX_Count"),
                _series("r", "RequestCount"),
            ],
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
    ],
    "metrics": {"delay": 0, "phase": 0},
    "control": {"alarm_poll": 0, "reroute": 0},
    "deployment_group": {
        "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]},
        "alarmConfiguration": {"enabled": True, "alarms": [{"name": "errors"}]},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {
                "action": "TERMINATE",
                "terminationWaitTimeInMinutes": 0,
            }
        },
    },
    "strategies": [
        {
            "name": "job",
            "steps": [
                {"weight": 0, "pause": "5m"},
                {"weight": 10, "pause": "10m"},
                {"weight": 100, "pause": "15m"},
            ],
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Speed:
    """A contestant with some workers: replications per second, median of `ROUNDS`.

    ``workers`` are threads of the bare draws, and what a study uses of the engines.
    ``ratio`` is the speed over that of the bare draws with one worker, ``gain`` over
    the same contestant with one; both are medians of the rounds' own ratios.
    ``failed_requests`` is the mean blast radius, None for the bare draws.
    """

    name: str
    workers: int
    per_second: float
    ratio: float
    gain: float
    failed_requests: float | None


Timed = tuple[float, float]
"""Replications per second, and the mean blast radius."""


def measure(replications: int) -> list[Speed]:
    """Return the speeds of the bare draws and of all engines, measured in turns.

    What the exact engine makes per second are strategies: the job under `THRESHOLDS`
    thresholds of its alarm, solved together. Ratios are taken round by round, so that
    they hold where the machine's speed drifts.
    """
    scenario = load(COMMON_JOB)
    setup = prepare(scenario, build_plan(scenario, "job"))
    few = max(replications // SIMPY_SHARE, 1)
    draws, batch, des = "bare draws (thinned Poisson)", "batch", "des (SimPy)"
    exact = f"exact (strategies, {THRESHOLDS} thresholds)"
    contestants: dict[tuple[str, int], Callable[[int], Timed]] = {
        (draws, 1): lambda k: _floor(replications, k, 1),
        (batch, 1): lambda k: _batch(setup, replications, k, 1),
        (des, 1): lambda k: _des(setup, scenario, few, k),
        (exact, 1): lambda k: _exact(scenario, k),
        (draws, 2): lambda k: _floor(2 * replications, k, 2),
        (batch, 2): lambda k: _batch(setup, 2 * replications, k, 2),
    }
    rounds = [{who: run(k) for who, run in contestants.items()} for k in range(ROUNDS + 1)][1:]

    def ratio(one: tuple[str, int], other: tuple[str, int]) -> float:
        return median(found[one][0] / found[other][0] for found in rounds)

    return [
        Speed(
            name,
            workers,
            median(found[name, workers][0] for found in rounds),
            ratio((name, workers), (draws, 1)),
            ratio((name, workers), (name, 1)),
            None if name == draws else float(np.mean([r[name, workers][1] for r in rounds])),
        )
        for name, workers in contestants
    ]


def _floor(replications: int, seed: int, threads: int) -> Timed:
    """Draw errors and successes of both revisions for every minute, and do nothing else."""
    share = np.zeros(PERIODS)
    share[5:15], share[15:] = 0.1, 1.0
    sent = 60_000 * np.stack([1 - share, share], axis=1)
    fails = np.array([0.001, 0.05])

    def draw(piece: int) -> None:
        rng = Streams(seed).rng("bench", piece)
        some = min(PIECE, replications - piece * PIECE)
        rng.poisson(sent * fails, (some, PERIODS, 2))
        rng.poisson(sent * (1 - fails), (some, PERIODS, 2))

    start = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(draw, range(-(-replications // PIECE))))
    return replications / (perf_counter() - start), float("nan")


def _batch(setup: Setup, replications: int, seed: int, workers: int) -> Timed:
    size = Worlds(setup.scenario, seed, 0).size
    pieces = range(-(-replications // size))
    parts = [
        Part(k, 0, Job(0, "batch", k, None, range(k * size, min((k + 1) * size, replications))))
        for k in pieces
    ]
    start = perf_counter()
    found = Crew(workers).run([setup], seed, parts)
    failed = sum(float(tally.failed_fault.sum()) for _, tally in found)
    return replications / (perf_counter() - start), failed / replications


def _des(setup: Setup, scenario: Scenario, replications: int, seed: int) -> Timed:
    block = Block(scenario, seed, 0)
    start = perf_counter()
    runs = [simulate_one(setup, block.row(k)) for k in range(replications)]
    spent = perf_counter() - start
    return replications / spent, sum(run.failed_fault for run in runs) / replications


def _exact(scenario: Scenario, seed: int) -> Timed:
    """Solve the job under thresholds from 1 % on: the first is its own."""
    settings = [AlarmSetting(1 + at / THRESHOLDS) for at in range(THRESHOLDS)]
    start = perf_counter()
    found = solve_settings(scenario, "job", "errors", settings, seed=seed)
    spent = perf_counter() - start
    return THRESHOLDS / spent, float(found.overall("failed_requests")[0])
