"""Whatever lawful scenario is run: both engines tell the same.

Bundled scenarios are held to each other in `tests/engines`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

import stratsim
from stratsim.engine.batch import simulate_many
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.des import simulate_one
from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally, tally
from stratsim.model.scenario import Scenario
from stratsim.strategies import build_plan
from stratsim.world import Block

Lawful = Callable[..., SearchStrategy[dict[str, Any]]]

COLUMNS = [name for name in Tally.__dataclass_fields__ if name not in ("plan", "outcome")]
POLICIES = st.sampled_from(["AllAtOnce", "Rolling", "RollingWithAdditionalBatch"])
ROWS = range(2)
"""Replications of each outcome: chances keep their draws where noise is off."""


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_without_noise_every_measure_is_equal(lawful: Lawful, data: DataObject) -> None:
    scenario = replace(stratsim.load(data.draw(lawful())), noise="expected")

    _check_all(scenario)


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_hosts_that_never_become_healthy(lawful: Lawful, data: DataObject) -> None:
    """In place and beside a green fleet, with hardly a host to spare, so that every one tells."""
    found = data.draw(lawful("ec2"))
    count = found["service"]["instances"]
    minimum = {"type": "HOST_COUNT", "value": data.draw(st.integers(0, count - 1))}
    sick = {"kind": "startup", "probability": data.draw(st.sampled_from([0.2, 0.5, 0.9]))}
    for outcome in found["release"]["outcomes"]:
        outcome["faults"].append(sick)
    found["traffic"] = {"rate": 50}
    found["service"].pop("autoscaling", None)
    found["service"]["capacity"] = 50 / count * data.draw(st.sampled_from([1.0, 1.3, 2.0]))
    found["strategies"] = [
        {"name": style, "deploymentStyle": style, "minimumHealthyHosts": minimum}
        for style in ("IN_PLACE", "BLUE_GREEN")
    ]

    _check_all(replace(stratsim.load(found), noise="expected"))


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_events_that_end_after_a_stop(lawful: Lawful, data: DataObject) -> None:
    """People come soon, and events are long: hosts are in flight whatever stops the deployment."""
    found = data.draw(lawful("ec2"))
    count = found["service"]["instances"]
    minimum = {"type": "HOST_COUNT", "value": data.draw(st.integers(0, count - 1))}
    length = st.sampled_from([0, 20, 45, 60, 300])
    failure = st.sampled_from([0, 0, 0.2])
    for event in ("BeforeBlockTraffic", "BeforeInstall", "AllowTraffic", "AfterAllowTraffic"):
        found["lifecycle"][event] = {"duration": data.draw(length), "failure": data.draw(failure)}
    for outcome in found["release"]["outcomes"]:
        outcome["faults"].append({"kind": "errors", "rate": 0.2})
    found["traffic"] = {"rate": 50}
    found["service"].pop("autoscaling", None)
    found["control"]["stop_in_flight"] = "after_event"
    found["on_call"] = {"notice": data.draw(st.sampled_from([61, 107, 211])), "respond": 180}
    beanstalk = {"aws:elasticbeanstalk:command": {"DeploymentPolicy": data.draw(POLICIES)}}
    found["strategies"] = [
        {"name": "IN_PLACE", "minimumHealthyHosts": minimum},
        {"name": "BLUE_GREEN", "deploymentStyle": "BLUE_GREEN", "minimumHealthyHosts": minimum},
        {"name": "beanstalk", "elasticBeanstalk": beanstalk},
    ]

    _check_all(replace(stratsim.load(found), noise="expected"))


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_fleets_that_follow_their_traffic(lawful: Lawful, data: DataObject) -> None:
    """Traffic rises and falls every 90 s, so that a fleet hardly keeps its size for a step."""
    found = data.draw(lawful("ec2", "ecs"))
    count = min(found["service"]["instances"], 6)
    rates = data.draw(st.lists(st.sampled_from([20, 60, 120]), min_size=5, max_size=9))
    points = [[90 * at, rate] for at, rate in enumerate(rates)]
    found["traffic"] = {"profile": {"kind": "steps", "points": points}}
    found["service"] |= {
        "instances": count,
        "capacity": 60 / count * data.draw(st.sampled_from([1.2, 2.0])),
        "autoscaling": {
            "min": data.draw(st.integers(1, count)),
            "max": 2 * count + 1,
            "target_utilization": 0.6,
            "scale_out_periods": data.draw(st.integers(1, 2)),
            "scale_in_periods": data.draw(st.integers(1, 3)),
            "warmup": data.draw(st.sampled_from([0, 45, 150])),
        },
    }
    found.pop("hosts", None)
    for outcome in found["release"]["outcomes"]:
        faults = [fault for fault in outcome["faults"] if fault["kind"] != "host"]
        outcome["faults"] = [*faults, {"kind": "errors", "rate": 0.2}]

    _check_all(replace(stratsim.load(found), noise="expected"))


def _check_all(scenario: Scenario) -> None:
    for spec in scenario.strategies:
        setup = prepare(scenario, build_plan(scenario, spec.name))
        for outcome in range(len(scenario.release.outcomes)):
            _check(setup, outcome)


def _check(setup: Setup, outcome: int) -> None:
    block = Block(setup.scenario, 7, 0)
    one = tally(setup.plan, [simulate_one(setup, block.row(row, outcome)) for row in ROWS])
    many = simulate_many(setup, Worlds(setup.scenario, 7, 0), ROWS, outcome)
    for column in COLUMNS:
        expected = np.asarray(getattr(one, column), dtype=float)
        got = np.asarray(getattr(many, column), dtype=float)
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), column
