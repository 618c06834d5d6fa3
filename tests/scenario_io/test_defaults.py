"""Every default in the model equals its entry in the table of parameters."""

from collections.abc import Callable
from typing import Any

import pytest

from stratsim.model.quantities import Distribution, LogNormal, parse_duration
from stratsim.model.scenario import Scenario
from stratsim.model.settings import Cost, DeploymentGroup
from stratsim.model.traffic import Constant, Diurnal, Steps, Trace, Traffic
from stratsim.scenario_io import defaults
from stratsim.scenario_io.checking import marker_of
from stratsim.scenario_io.keys import REQUIRED, Key, walk_keys

Build = Callable[..., Scenario]

TABLE: dict[str, Any] = defaults.data("parameters")["keys"]
KEYS = {key.path: key for key in walk_keys()}
# Sections that are read by rules of their own, and keys that are not fields.
OTHERS = {"alarms", "environment", "fault.at", "fault.for", "names", "quotas", "strategies"}
# What a field's None stands for is decided when a scenario is read.
DECIDED = {"traffic.rate", "service.instances"}
GROUP = "deployment_group."


def test_every_key_has_an_entry_and_every_entry_a_key() -> None:
    listed = {path for path in KEYS if not path.startswith(GROUP)} | OTHERS

    told = {path for path in TABLE if not path.startswith(GROUP)}
    assert told == listed, "keep stratsim/data/parameters.json in step with the types"
    assert {path for path in TABLE if path.startswith(GROUP)} <= set(KEYS)


def comparable() -> list[str]:
    skipped = OTHERS | DECIDED
    return [p for p, entry in TABLE.items() if "default" in entry and p not in skipped]


def read(key: Key, value: Any) -> Any:
    marker = marker_of(key.kind)
    return value if marker is None or value == "" else marker.parse(value)


@pytest.mark.parametrize("path", [path for path in comparable() if not path.startswith(GROUP)])
def test_the_model_s_default_is_the_documented_one(path: str) -> None:
    key, written = KEYS[path], TABLE[path]["default"]

    found = read(key, written)

    assert (list(key.default) if isinstance(key.default, tuple) else key.default) == found


def test_required_keys_have_no_default() -> None:
    for path, key in KEYS.items():
        if key.default == REQUIRED and path in TABLE:
            assert "default" not in TABLE[path], path


def test_the_group_s_defaults_are_the_documented_ones() -> None:
    group = DeploymentGroup()
    blue = f"{GROUP}blueGreenDeploymentConfiguration."
    wait = "terminateBlueInstancesOnDeploymentSuccess.terminationWaitTimeInMinutes"
    written = {
        "autoRollbackConfiguration.enabled": group.rollback_enabled,
        "autoRollbackConfiguration.events": list(group.rollback_events),
        "alarmConfiguration.ignorePollAlarmFailure": group.ignore_poll_alarm_failure,
    }

    assert {key: TABLE[GROUP + key]["default"] for key in written} == written
    assert TABLE[blue + wait]["default"] * 60 == group.termination_wait_s
    assert TABLE[f"{blue}deploymentReadyOption.actionOnTimeout"]["default"] == group.ready_action
    assert TABLE[f"{blue}greenFleetProvisioningOption.action"]["default"] == group.green_fleet
    assert TABLE["traffic.rate"]["default"] == Traffic().profile.mean_rps


@pytest.mark.parametrize("platform", ["ec2", "ecs"])
def test_startup_by_platform(build: Build, platform: str) -> None:
    written = TABLE["service.startup"]["defaults"][platform]
    scenario = build(platform, service={"startup": written})

    assert scenario.service.startup == build(platform).service.startup


@pytest.mark.parametrize(
    ("runtime", "median_ms"), [("python3.12", 84), ("java17", 204), ("rust", 16), ("dotnet8", 252)]
)
def test_lambda_starts_as_measured_times_three(
    build: Build, runtime: str, median_ms: float
) -> None:
    found: Distribution = build("lambda", service={"runtime": runtime}).service.startup

    assert isinstance(found, LogNormal)
    # the table's log-normals meet the measured medians within a tenth
    assert found.median * 1000 / 3 == pytest.approx(median_ms, rel=0.12)


def test_an_unmeasured_runtime_starts_as_its_language(build: Build) -> None:
    scenario = build("lambda", service={"runtime": "python3.11"})

    assert scenario.service.startup == defaults.startup("lambda", "python3.12")
    assert scenario.warnings[0].startswith("service.startup: no measurement for python3.11")


def test_any_runtime_will_do_beside_a_startup(build: Build) -> None:
    found = build("lambda", service={"runtime": "cobol85", "startup": "2s"}).service

    assert (found.runtime, found.startup.mean) == ("cobol85", 2.0)


@pytest.mark.parametrize("platform", ["ec2", "ecs", "lambda"])
def test_the_instance_hour_by_platform(build: Build, platform: str) -> None:
    written = TABLE["cost.instance_hour"]["defaults"][platform]

    assert build(platform).cost.instance_hour == pytest.approx(written, abs=1e-9)


def test_fargate_s_month_is_the_book_s_worked_example() -> None:
    """One task of 1 vCPU and 2 GB for 730 h: 36.04 USD."""
    assert 730 * defaults.instance_hour("ecs") == pytest.approx(36.04, abs=0.005)


def test_prices_of_the_model_are_the_book_s() -> None:
    cost = Cost()

    assert cost.alarm_metric_month == defaults.price("alarm_standard_metric_month")
    assert cost.alarm_composite_month == defaults.price("alarm_composite_month")
    assert cost.provisioned_gb_second == defaults.price("lambda_provisioned_x86_gb_second")


def test_every_price_and_default_says_where_it_was_read() -> None:
    book = defaults.data("prices")
    grades = defaults.data("parameters")["grades"]

    assert book["collected"]
    for name, entry in book["prices"].items():
        assert entry["source"], name
        assert isinstance(entry["verified"], bool), name
    for path, entry in TABLE.items():
        assert "grade" not in entry or (entry["grade"] in grades and entry["source"]), path


@pytest.mark.parametrize(
    ("profile", "peak"),
    [
        (Constant(rate=120.0), 120.0),
        (Diurnal(mean=100.0, peak_to_trough=3.0), 150.0),
        (Steps(points=((0.0, 5.0), (600.0, 80.0), (900.0, 10.0))), 80.0),
    ],
)
def test_the_peak_of_a_profile(profile: Constant | Diurnal | Steps | Trace, peak: float) -> None:
    assert defaults.peak_rps(profile) == pytest.approx(peak, rel=1e-4)


@pytest.mark.parametrize(
    ("rate", "capacity", "size"), [(900, 20, 75), (0, 20, 2), (12, 20, 2), (1e7, 1, 100_000)]
)
def test_a_fleet_without_a_size_fits_its_traffic(
    build: Build, rate: float, capacity: float, size: int
) -> None:
    assert build(traffic={"rate": rate}, service={"capacity": capacity}).service.instances == size


def test_a_sized_fleet_keeps_to_its_bounds(build: Build) -> None:
    bounds = {"min": 12, "max": 48}

    assert build(service={"autoscaling": bounds}).service.instances == 12


@pytest.mark.parametrize(("key", "value"), [("median", "50ms"), ("p99", "405ms")])
def test_half_a_latency_implies_the_other_half(build: Build, key: str, value: str) -> None:
    latency = build(service={"latency": {key: value}}).service.latency

    assert (latency.median, latency.p99) == pytest.approx((0.05, 0.405))
    assert parse_duration(value) in (latency.median, latency.p99)
