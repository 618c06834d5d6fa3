"""A fleet of 5,000 instances, traced, in 1 GB; `make bench` prints how long it takes."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
    import sys
    from pathlib import Path
    import stratsim

    kind, value, *faults = sys.argv[1:]
    scenario = stratsim.load({
        "name": "large",
        "platform": "ec2",
        "traffic": {"rate": 100000},
        "service": {"instances": 5000, "zones": 3, "capacity": 40},
        "release": {"outcomes": [{
            "name": "it", "probability": 1,
            "faults": [{"kind": "errors", "rate": 0.05, "after": "10m"}] * len(faults),
        }]},
        "on_call": {"respond": "2h", "notice": "2h"},
        "quotas": {"instances_per_deployment": 5000, "in_place_hours": 1000},
        "strategies": [
            "CodeDeployDefault.OneAtATime",
            {"name": "it", "minimumHealthyHosts": {"type": kind, "value": int(value)}},
        ],
    })
    name = "it" if value != "0" else "CodeDeployDefault.OneAtATime"
    run = stratsim.simulate(scenario, name)
    # not getrusage: its peak begins with that of whoever started this process
    peak = next(s for s in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in s)
    print(run.status, len(run.document["events"]), peak.split()[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc tells the peak")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["HOST_COUNT", "0"], id="OneAtATime"),
        pytest.param(["FLEET_PERCENT", "90"], id="10 % at a time"),
        pytest.param(["FLEET_PERCENT", "90", "fault"], id="10 % at a time, with errors"),
    ],
)
def test_a_fleet_of_5000(arguments: list[str]) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, events, kilobytes = done.stdout.split()

    # every host has at least a word for each of its 14 events
    assert status == "Succeeded"
    assert int(events) > 5000 * 14
    assert int(kilobytes) < 1_000_000
