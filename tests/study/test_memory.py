"""How much memory a large study takes."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from pathlib import Path
import stratsim
from stratsim.benchmark import COMMON_JOB

found = stratsim.compare(stratsim.load(COMMON_JOB), replications=1_000_000, workers=2)
found.to_dict()
# not getrusage: its peak begins with that of whoever started this process
peak = next(s for s in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in s)
print(len(found.samples[0].weight), int(peak.split()[1]) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc tells the peak")
def test_a_million_replications_of_one_strategy_stay_under_a_gigabyte() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    runs, peak = map(int, done.stdout.split())
    assert runs == 1_000_000
    assert peak < 1e9
