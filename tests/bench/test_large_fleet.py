"""Seconds of work that one traced deployment of a large fleet takes."""

import time

import pytest

import stratsim


@pytest.mark.bench
@pytest.mark.parametrize("percent", [0, 90], ids=["one at a time", "10 % at a time"])
def test_a_traced_deployment_of_5000_hosts(percent: int) -> None:
    entry = {"name": "it", "minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": percent}}
    scenario = stratsim.load(
        {
            "name": "large",
            "platform": "ec2",
            "traffic": {"rate": 100_000},
            "service": {"instances": 5000, "zones": 3, "capacity": 40},
            "quotas": {"instances_per_deployment": 5000, "in_place_hours": 1000},
            "strategies": [entry if percent else "CodeDeployDefault.OneAtATime"],
        }
    )
    began = time.process_time()
    run = stratsim.simulate(scenario, scenario.strategies[0].name, outcome="healthy")
    seconds = time.process_time() - began

    events = len(run.document["events"])
    pace = f"{percent} % healthy at least" if percent else "one at a time"
    print(f"\n5,000 hosts, {pace}: {seconds:.1f} s for {events:,} events")
