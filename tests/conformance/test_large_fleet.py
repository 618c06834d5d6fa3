"""A fleet of 5,000 instances, traced, in 10 s of work and 1 GB."""

import os
import sys
import textwrap
from subprocess import PIPE, Popen

import pytest

PROGRAM = """
    import sys
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
    print(run.status, len(run.document["events"]))
"""


@pytest.mark.slow
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
    with Popen(command, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.read().split()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)

    assert process.returncode == 0
    # every host has at least a word for each of its 14 events
    assert told[0] == "Succeeded"
    assert int(told[1]) > 5000 * 14
    assert usage.ru_utime + usage.ru_stime < 10
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 1_000_000
