"""The common job in general simulators beside both engines: seconds per deployment.

They simulate every request, stratsim counts them; the table says what that costs. The
full job of 1,000 requests/s takes salabim minutes, so a tenth of its traffic is the
default: STRATSIM_BENCH_RATE=1000 asks for all of it. `pip install "stratsim[bench]"`
brings the peers; one that is not there is skipped.
"""

import os
import runpy
from importlib.metadata import PackageNotFoundError, version
from math import sqrt
from pathlib import Path
from time import perf_counter

import pytest

import stratsim
from stratsim.benchmark import COMMON_JOB

pytestmark = pytest.mark.bench

PEERS = runpy.run_path(str(Path(__file__).with_name("peers.py")))["PEERS"]
RATE = float(os.environ.get("STRATSIM_BENCH_RATE", "100"))
EXPECTED = 0.1 * RATE * 60 * 0.05
"""Failed requests: a tenth of a minute's traffic, of which 5 % fail."""
MANY = 4.0
"""Standard errors from the expected mean; two equal means differ by more once in 16,000."""


def show(name: str, seconds: float, runs: int, mean: float) -> None:
    error = sqrt(EXPECTED / runs)
    print(f"\n{name:>16}: {seconds:10.3g} s per run; {mean:7.1f} failed, {EXPECTED:g} expected")
    assert abs(mean - EXPECTED) < MANY * error + 0.002 * EXPECTED


@pytest.mark.parametrize(("engine", "runs"), [("batch", 50_000), ("des", 500)])
def test_an_engine_of_stratsim(engine: str, runs: int) -> None:
    scenario = stratsim.load({**COMMON_JOB, "traffic": {"rate": RATE, "dispersion": 1}})
    stratsim.compare(scenario, replications=10, engine=engine, workers=1)  # imports and tables

    start = perf_counter()
    found = stratsim.compare(scenario, replications=runs, engine=engine, workers=1)
    spent = perf_counter() - start

    failed = found.sample("job").measures["failed_requests"]
    show(f"stratsim {engine}", spent / runs, runs, float(failed.mean()))


@pytest.mark.parametrize("name", PEERS)
def test_a_general_simulator(name: str) -> None:
    try:
        release = version(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed: pip install 'stratsim[bench]'")

    start = perf_counter()
    rollout = PEERS[name](1, RATE)
    spent = perf_counter() - start

    assert rollout.back_at == 360.0
    show(f"{name} {release}", spent, 1, rollout.blast_radius)
