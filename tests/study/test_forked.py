"""Workers that are forked off the process: the same bits, and no warning."""

import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = Path(__file__).parents[2] / "scenarios" / "lambda-canary-any-error-1of1.yaml"
SCRIPT = """
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


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
@pytest.mark.parametrize(("engine", "runs"), [("batch", 400), ("des", 300)])
def test_forked_workers_find_the_same_bits(engine: str, runs: int) -> None:
    script = SCRIPT.format(engine=engine, path=SCENARIO, runs=runs)
    # numpy's own threads would be copied by a fork; it has to end them before
    arguments = [sys.executable, "-W", "error", "-c", script]

    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
