"""The common job: how fast the engines are beside the bare random draws of the same job.

1,000 requests/s for 30 minutes; after 5 minutes the new revision takes 10 % of the
traffic for 10 minutes, then all. It fails 5 % of its requests on account of a fault;
at each full minute its error share is judged against 1 %, and above it the deployment
rolls back at once. The expected blast radius is 0.1 x 60,000 x 0.05 = 300 requests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from stratsim.engine.batch import simulate_many
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.des import simulate_one
from stratsim.engine.setup import Setup, prepare
from stratsim.model.scenario import Scenario
from stratsim.scenario_io import load
from stratsim.strategies import build_plan
from stratsim.world import Block

EXPECTED = 300.0
PERIODS = 30
ROUNDS = 5
SIMPY_SHARE = 50
"""The SimPy engine makes one run where the others make so many."""


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
    """Replications per second of one contestant, median of `ROUNDS`; its mean blast radius."""

    name: str
    per_second: float
    ratio: float
    failed_requests: float | None


def measure(replications: int) -> list[Speed]:
    """Return the speeds of the floor and of both engines, measured in turns.

    Ratios are taken round by round, so that they hold where the machine's speed drifts.
    """
    scenario = load(COMMON_JOB)
    setup = prepare(scenario, build_plan(scenario, "job"))
    few = max(replications // SIMPY_SHARE, 1)
    contestants: dict[str, Callable[[int], tuple[float, float]]] = {
        "bare draws (thinned Poisson)": lambda k: _floor(replications, k),
        "batch": lambda k: _batch(setup, scenario, replications, k),
        "des (SimPy)": lambda k: _des(setup, scenario, few, k),
    }
    rounds = [{name: run(k) for name, run in contestants.items()} for k in range(ROUNDS + 1)][1:]
    floor = next(iter(contestants))
    return [
        Speed(
            name,
            median(one[name][0] for one in rounds),
            median(one[name][0] / one[floor][0] for one in rounds),
            None if name == floor else float(np.mean([one[name][1] for one in rounds])),
        )
        for name in contestants
    ]


def _floor(replications: int, seed: int) -> tuple[float, float]:
    """Draw errors and successes of both revisions for every minute, and do nothing else."""
    share = np.zeros(PERIODS)
    share[5:15], share[15:] = 0.1, 1.0
    sent = 60_000 * np.stack([1 - share, share], axis=1)
    fails = np.array([0.001, 0.05])
    rng = np.random.Generator(np.random.SFC64(seed))
    start = perf_counter()
    for at in range(0, replications, 20_000):
        some = min(20_000, replications - at)
        rng.poisson(sent * fails, (some, PERIODS, 2))
        rng.poisson(sent * (1 - fails), (some, PERIODS, 2))
    return replications / (perf_counter() - start), float("nan")


def _batch(setup: Setup, scenario: Scenario, replications: int, seed: int) -> tuple[float, float]:
    start, failed, done = perf_counter(), 0.0, 0
    index = 0
    while done < replications:
        worlds = Worlds(scenario, seed, index)
        some = min(worlds.size, replications - done)
        failed += float(simulate_many(setup, worlds, range(some)).failed_fault.sum())
        done, index = done + some, index + 1
    return replications / (perf_counter() - start), failed / replications


def _des(setup: Setup, scenario: Scenario, replications: int, seed: int) -> tuple[float, float]:
    block = Block(scenario, seed, 0)
    start = perf_counter()
    runs = [simulate_one(setup, block.row(k)) for k in range(replications)]
    spent = perf_counter() - start
    return replications / spent, sum(run.failed_fault for run in runs) / replications
