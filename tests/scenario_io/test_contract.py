"""The example of the contract, key by key."""

from pathlib import Path

import pytest

from stratsim.model.alarm import Dimension, MetricAlarm
from stratsim.model.quantities import Fixed
from stratsim.model.release import Fault
from stratsim.model.scenario import Scenario
from stratsim.model.traffic import Constant
from stratsim.scenario_io import load

FILE = Path(__file__).parent / "data" / "contract.yaml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load(FILE)


def test_it_is_the_contract_s_own(shared: Path) -> None:
    assert FILE.read_text() in (shared / "contract.md").read_text()


def test_single_values(scenario: Scenario) -> None:
    assert (scenario.name, scenario.platform, scenario.seed) == ("checkout", "ecs", 7)
    assert scenario.warnings == ()


def test_traffic(scenario: Scenario) -> None:
    assert scenario.traffic.profile == Constant(rate=900.0)
    assert (scenario.traffic.users.active, scenario.traffic.retries.share) == (40000, 0.5)


def test_service(scenario: Scenario) -> None:
    service = scenario.service

    assert (service.instances, service.drain, service.latency.p99) == (24, 30.0, 0.6)
    assert service.health_check.unhealthy == 3
    assert service.autoscaling is not None
    assert service.autoscaling.warmup == 120.0


def test_lifecycle_is_on_its_event(scenario: Scenario) -> None:
    event = scenario.lifecycle["AfterInstall"]

    assert (event.duration, event.failure, event.timeout) == (Fixed(20.0), 0.001, 3600.0)


def test_faults(scenario: Scenario) -> None:
    leak = scenario.release.outcomes[2]

    assert leak.faults == (
        Fault(kind="errors", rate=Fixed(0.2), after=Fixed(600.0), ramp=Fixed(900.0)),
    )


def test_alarms_keep_aws_s_shape(scenario: Scenario) -> None:
    found = scenario.alarm("checkout-5xx")

    assert isinstance(found, MetricAlarm)
    assert found.Dimensions == (Dimension("TargetGroup", "new"),)
    assert (found.n, found.m, found.Threshold) == (3, 2, 50)


def test_the_group_steers_and_keeps_what_was_written(scenario: Scenario) -> None:
    group = scenario.deployment_group

    assert group.alarm_names == ("checkout-5xx",)
    assert group.termination_wait_s == 900.0
    assert group.raw == scenario.source["deployment_group"]


def test_strategies_and_their_overrides(scenario: Scenario) -> None:
    waits = {spec.name: spec.group.termination_wait_s for spec in scenario.strategies}

    assert waits == {
        "CodeDeployDefault.ECSAllAtOnce": 900.0,
        "CodeDeployDefault.ECSCanary10Percent5Minutes": 900.0,
        "careful": 900.0,
        "canary long wait": 3600.0,
        "rolling": 900.0,
    }


@pytest.mark.parametrize(
    "profile",
    [
        {"kind": "diurnal", "mean": 900, "peak_to_trough": 3, "peak_at": "14:00", "start": "10:30"},
        {"kind": "steps", "points": [["0s", 900], ["10m", 1500]]},
    ],
)
def test_the_other_profiles(profile: dict[str, object]) -> None:
    found = load({"name": "x", "platform": "ecs", "traffic": {"profile": profile}})

    assert found.traffic.profile.arrivals([0.0])[0] == 0


@pytest.mark.parametrize("style", ["IN_PLACE", {"deploymentType": "IN_PLACE"}])
def test_the_strategy_of_ec2(style: object) -> None:
    entry = {
        "name": "half",
        "minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 50},
        "deploymentStyle": style,
    }
    found = load({"name": "x", "platform": "ec2", "strategies": [entry]})

    assert found.strategies[0].group.deployment_type == "IN_PLACE"


def test_generic_steps_are_on_every_platform() -> None:
    steps = [{"weight": 5, "pause": "10m"}, {"weight": 50, "pause": "10m"}]
    entry = {"name": "steps", "steps": steps}

    for platform in ("ecs", "lambda"):
        assert load({"name": "x", "platform": platform, "strategies": [entry]}).strategies


def test_an_environment_fault() -> None:
    fault = {"kind": "errors", "rate": 0.02, "at": "3m", "for": "5m"}
    found = load({"name": "x", "platform": "ecs", "environment": [fault]})

    assert found.environment == (Fault(kind="errors", rate=Fixed(0.02), at_s=180.0, for_s=300.0),)
