"""Workers that are forked off the process: the same bits, and no warning."""

import subprocess
import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parents[2] / "scenarios"
COMPARED = """
import stratsim
from stratsim.study.pools import can_fork

assert can_fork()
scenario = stratsim.load("{path}")
found = [
    stratsim.compare(scenario, replications={runs}, engine="{engine}", workers=workers)
    for workers in (1, 2)
]
assert found[0].to_frame().equals(found[1].to_frame())
assert found[0].engine == "{engine}"
"""
SEARCHED = """
import stratsim
from stratsim.search.searching import search_designs
from stratsim.search.shapes import shapes_of
from stratsim.search.space import Space
from stratsim.search.watches import probes_of
from stratsim.study.pools import can_fork

assert can_fork()
scenario = stratsim.load("{path}")
space = Space(shapes_of(scenario)[::20], probes_of(scenario)[:1])
one, two = (
    search_designs(scenario, "failed_requests", None, 500, 1, workers, None, space)
    for workers in (1, 2)
)
assert one.explain() == two.explain()
assert one.comparison.to_frame().equals(two.comparison.to_frame())
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked on Linux alone")


def told_by(script: str) -> str:
    """What a script tells; it fails where one of its own fails."""
    # numpy's own threads would be copied by a fork; it has to end them before
    arguments = [sys.executable, "-W", "error", "-c", script]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("scenario", "engine", "runs"),
    [
        ("lambda-canary-any-error-1of1", "batch", 400),
        ("lambda-canary-any-error-1of1", "des", 300),
        ("ecs-canary50-5m", "exact", 32),
    ],
)
def test_they_find_the_same_bits(scenario: str, engine: str, runs: int) -> None:
    path = SCENARIOS / f"{scenario}.yaml"

    assert told_by(COMPARED.format(engine=engine, path=path, runs=runs)) == ""


@pytest.mark.slow
def test_they_find_the_same_design() -> None:
    path = SCENARIOS / "lambda-canary-any-error-1of1.yaml"

    assert told_by(SEARCHED.format(path=path)) == ""
