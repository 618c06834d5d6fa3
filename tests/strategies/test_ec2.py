"""EC2 in place and blue/green: which events, which batches, how long."""

from collections.abc import Callable

import pytest

from stratsim.errors import InputError
from stratsim.model.plan import Deregister, Launch, Plan, Roll
from stratsim.model.quantities import Fixed, Uniform
from stratsim.model.scenario import Scenario
from stratsim.model.service import HealthCheck, Service
from stratsim.model.settings import DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies import PlanResult, build_plan

Planned = Callable[..., PlanResult]
NAME = "CodeDeployDefault."
BLUE_GREEN = DeploymentGroup(deployment_type="BLUE_GREEN", termination_wait_s=0.0)
ALONE = DeploymentGroup(traffic_control=False)
WITHOUT_TRAFFIC = [
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
]
BLOCK = ["BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic"]
ALLOW = ["BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"]


def names(step: Roll | Deregister) -> list[str]:
    return [event.event for event in step.events]


def effects(step: Roll | Deregister) -> dict[str, str]:
    return {event.event: event.effect for event in step.events if event.effect != "none"}


def plan_of(group: DeploymentGroup, service: Service | None = None) -> Plan:
    """OneAtATime with the defaults of the scenario."""
    scenario = Scenario(name="shop", platform="ec2", service=service or Service())
    config = {"deploymentConfigName": f"{NAME}OneAtATime"}
    return build_plan(
        scenario, StrategySpec(name="it", family="ec2_in_place", config=config, group=group)
    )


def test_events_in_place_with_a_load_balancer() -> None:
    (step,) = plan_of(DeploymentGroup()).steps

    assert isinstance(step, Roll)
    assert names(step) == ["Start", *BLOCK, *WITHOUT_TRAFFIC, *ALLOW]
    assert effects(step) == {"BlockTraffic": "block", "AllowTraffic": "allow"}


def test_events_in_place_without_a_load_balancer() -> None:
    (step,) = plan_of(ALONE).steps

    assert isinstance(step, Roll)
    assert names(step) == ["Start", *WITHOUT_TRAFFIC]
    assert effects(step) == {"ApplicationStop": "block", "ValidateService": "allow"}


def test_default_durations_come_from_the_service() -> None:
    check = HealthCheck(interval=10.0, healthy=3)
    service = Service(startup=Fixed(90.0), drain=25.0, health_check=check)
    (step,) = plan_of(DeploymentGroup(), service).steps

    assert isinstance(step, Roll)
    durations = {event.event: event.duration for event in step.events}
    assert durations["BlockTraffic"] == Fixed(25.0)
    assert durations["ApplicationStart"] == Fixed(90.0)
    assert durations["AllowTraffic"] == Uniform(20.0, 30.0)
    assert durations["BeforeInstall"] == Uniform(1.0, 3.0)
    assert durations["Start"] == Fixed(1.0)


def test_steps_of_blue_green() -> None:
    """Installed, then registered, then the originals leave: each on its own fleet."""
    launch, install, reroute, deregister, _ = plan_of(BLUE_GREEN).steps

    assert isinstance(launch, Launch)
    assert isinstance(install, Roll)
    assert isinstance(reroute, Roll)
    assert isinstance(deregister, Deregister)
    assert (names(install), install.fleet) == (["Start", *WITHOUT_TRAFFIC], "new")
    assert (names(reroute), reroute.fleet) == (ALLOW, "new")
    assert names(deregister) == BLOCK
    assert effects(install) == {}
    assert effects(reroute) == {"AllowTraffic": "allow"}
    assert effects(deregister) == {"BlockTraffic": "block"}


def test_the_launch_of_green_takes_the_startup_and_a_discovered_one_none() -> None:
    service = Service(startup=Fixed(90.0))
    found = DeploymentGroup(deployment_type="BLUE_GREEN", green_fleet="DISCOVER_EXISTING")

    launched, discovered = (plan_of(group, service).steps[0] for group in (BLUE_GREEN, found))

    assert isinstance(launched, Launch)
    assert isinstance(discovered, Launch)
    assert (launched.startup, discovered.startup) == (Fixed(90.0), Fixed(0.0))


def test_blue_green_needs_a_load_balancer() -> None:
    group = DeploymentGroup(deployment_type="BLUE_GREEN", traffic_control=False)

    with pytest.raises(InputError, match="deploymentOption: must be WITH_TRAFFIC_CONTROL"):
        plan_of(group)


@pytest.mark.parametrize(
    ("n", "entry", "minutes"),
    [
        pytest.param(
            10, {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 8}}, 32.5, id="W73"
        ),
        pytest.param(9, f"{NAME}HalfAtATime", 19.5, id="W74"),
    ],
)
def test_worked_durations(
    planned: Planned, n: int, entry: str | dict[str, object], minutes: float
) -> None:
    durations = {"BlockTraffic": 300.0, "Install": 60.0, "AllowTraffic": 30.0}

    assert planned("ec2", entry, n=n, durations_s=durations).duration_s == 60 * minutes


def test_p19_ten_hosts_three_at_a_time(planned: Planned) -> None:
    """Four batches of five minutes."""
    entry = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 7}}
    plan = planned("ec2", entry, n=10, durations_s={"Install": 300.0})

    assert plan.duration_s == 20 * 60
    assert [row.note for row in plan.rows if row.event == "IN_PLACE"] == [
        "3 hosts", "3 hosts", "3 hosts", "1 host",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "minimum", "at_once"),
    [
        ({"minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 40}}, 4, 5),
        ({"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 6}}, 6, 3),
    ],
)
def test_p19_nine_hosts(
    planned: Planned, entry: dict[str, object], minimum: int, at_once: int
) -> None:
    plan = planned("ec2", entry, n=9)

    assert (plan.plan.minimum_healthy, plan.plan.concurrency) == (minimum, at_once)
    assert (plan.to_dict()["minimum_healthy"], plan.to_dict()["concurrency"]) == (minimum, at_once)


def test_w25_zone_by_zone(planned: Planned) -> None:
    """3 zones of 4 hosts, 2 at a time, watched 15 and 5 minutes: 50 minutes."""
    zonal = {
        "firstZoneMonitorDurationInSeconds": 900,
        "monitorDurationInSeconds": 300,
        "minimumHealthyHostsPerZone": {"type": "FLEET_PERCENT", "value": 50},
    }
    entry = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 6}, "zonalConfig": zonal}
    plan = planned("ec2", entry, n=12, zones=3, durations_s={"Install": 300.0})

    assert plan.duration_s == 50 * 60
    assert [(row.time_s / 60, row.end_s / 60) for row in plan.rows if "monitor" in row.event] == [
        (10, 25),
        (35, 40),
    ]
    assert plan.plan.deployment_config == "MinimumHealthy6HostsZonal50Percent900s300s"
    # Its rollback is not zonal.
    assert isinstance(plan.plan.redeploy, Roll)
    assert plan.plan.redeploy.zones == ()


def test_the_first_zone_is_watched_like_the_others_by_default(planned: Planned) -> None:
    entry = {
        "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 0},
        "zonalConfig": {"monitorDurationInSeconds": 60},
    }

    assert planned("ec2", entry, n=9, zones=3).duration_s == 120


def test_zones_of_unequal_size_are_all_done(planned: Planned) -> None:
    entry = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 0}, "zonalConfig": {}}
    plan = planned("ec2", entry, n=10, zones=3)

    batches = [row.note for row in plan.rows if row.event == "IN_PLACE"]
    assert batches == ["4 hosts", "3 hosts", "3 hosts"]
    assert plan.rows[-1].new_share == 1


@pytest.mark.parametrize("kind", ["IN_PLACE", "BLUE_GREEN"])
def test_w4_a_minimum_of_the_whole_fleet_fails_at_once(planned: Planned, kind: str) -> None:
    entry = {"minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 95}}
    group = DeploymentGroup(deployment_type=kind, termination_wait_s=0.0)
    plan = planned("ec2", entry, n=10, group=group)

    assert plan.status == "Failed"
    assert "HEALTH_CONSTRAINTS_INVALID" in plan.rows[-1].note
    assert "HEALTH_CONSTRAINTS_INVALID" in plan.plan.warnings[0]
    assert all(row.new_share == 0 for row in plan.rows)
    assert not any(row.batch for row in plan.rows)


def test_a_single_host_one_at_a_time_goes(planned: Planned) -> None:
    plan = planned("ec2", f"{NAME}OneAtATime", n=1)
    (step,) = plan.plan.steps

    assert isinstance(step, Roll)
    assert (step.minimum_healthy, step.concurrency) == (0, 1)
    assert plan.status == "Succeeded"


def test_capacity_falls_by_a_batch_and_comes_back(planned: Planned) -> None:
    durations = {"BlockTraffic": 10.0, "AllowTraffic": 10.0}
    plan = planned("ec2", f"{NAME}HalfAtATime", n=9, durations_s=durations)

    assert [(row.time_s, row.in_service, row.new_share) for row in plan.rows if row.batch] == [
        (0, 5, 0), (0, 5, 0),
        (20, 5, pytest.approx(4 / 5)), (20, 5, pytest.approx(4 / 5)),
        (20, 5, pytest.approx(4 / 5)),
        (40, 8, 1), (40, 8, 1), (40, 8, 1), (60, 9, 1),
    ]  # fmt: skip


def test_all_at_once_leaves_nothing_in_service(planned: Planned) -> None:
    plan = planned("ec2", f"{NAME}AllAtOnce", durations_s={"Install": 60.0})

    assert min(row.in_service for row in plan.rows) == 0
    assert plan.rows[-1].new_share == 1


def test_an_event_that_outlasts_its_timeout_fails_the_first_batch(planned: Planned) -> None:
    plan = planned("ec2", f"{NAME}HalfAtATime", durations_s={"ValidateService": 4000.0})

    assert (plan.status, plan.duration_s) == ("Failed", 3600.0)
    assert plan.rows[-1].in_service == 5
