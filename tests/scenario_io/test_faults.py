"""Which fault takes which key, on which platform, and where it can strike."""

from collections.abc import Callable
from typing import Any

import pytest

from stratsim.model.quantities import Fixed, LogNormal, Uniform
from stratsim.model.release import Fault, default_outcomes
from stratsim.model.scenario import Scenario
from stratsim.scenario_io.faults import KINDS
from stratsim.scenario_io.shapes import FaultShape

Told = Callable[..., list[str]]
Build = Callable[..., Scenario]


def release(*faults: dict[str, Any]) -> dict[str, Any]:
    return {"outcomes": [{"name": "bad", "probability": 1, "faults": list(faults)}]}


@pytest.mark.parametrize(
    ("platform", "written", "fault"),
    [
        ("ecs", {"kind": "errors", "rate": {"min": 0.2, "max": 1}}, Fault(kind="errors", rate=Uniform(0.2, 1.0))),
        ("ecs", {"kind": "latency", "factor": 2}, Fault(kind="latency", factor=Fixed(2.0))),
        ("ecs", {"kind": "latency", "add": "250ms"}, Fault(kind="latency", add=Fixed(0.25))),
        ("ec2", {"kind": "crash", "per_hour": 3, "zones": [1, 3]}, Fault(kind="crash", per_hour=3.0, zones=(1, 3))),
        ("ecs", {"kind": "startup", "probability": 0.5, "instances": 0.3}, Fault(kind="startup", probability=0.5, instances=0.3)),
        ("ec2", {"kind": "hook", "event": "ValidateService", "probability": 1}, Fault(kind="hook", event="ValidateService", probability=1.0)),
        ("ecs", {"kind": "capacity", "factor": 0.5, "above_load": 12}, Fault(kind="capacity", factor=Fixed(0.5), above_load=12.0)),
        ("lambda", {"kind": "cold_start", "latency": {"median": "2s", "sigma": 0.5}, "share": 0.1}, Fault(kind="cold_start", latency=LogNormal(2.0, 0.5), share=0.1)),
        ("ec2", {"kind": "host", "index": 2, "after": "1m"}, Fault(kind="host", index=2, after=Fixed(60.0))),
    ],
    ids=lambda v: str(v)[:40],
)  # fmt: skip
def test_every_kind_is_read(
    build: Build, platform: str, written: dict[str, Any], fault: Fault
) -> None:
    assert build(platform, release=release(written)).release.outcomes[0].faults == (fault,)


@pytest.mark.parametrize(
    ("platform", "written", "message"),
    [
        ("ecs", {"kind": "error"}, "kind: must be one of errors, latency, crash, startup, hook, capacity, cold_start, host, but got 'error'. Did you mean 'errors'?"),
        ("ecs", {"rate": 0.5}, "kind: must be given, but got nothing."),
        ("ecs", {"kind": "errors"}, "rate: must be given for kind errors, but got nothing."),
        ("ecs", {"kind": "errors", "rate": 1.5}, "rate: must be a number in [0, 1], but got 1.5."),
        ("ecs", {"kind": "errors", "rate": 0.1, "factor": 2}, "factor: must be absent on a fault of kind errors (it takes rate, after, ramp, zones, instances, above_load), but got 2."),
        ("ecs", {"kind": "errors", "rate": 0.1, "at": 5}, "at: must be absent outside environment, but got 5. A fault of the release begins after"),
        ("ecs", {"kind": "errors", "rate": 0.1, "zones": [4]}, "zones.0: must be a zone from 1 to 3 (service.zones), but got 4."),
        ("ecs", {"kind": "errors", "rate": 0.1, "zones": [0]}, "zones.0: must be a whole number in [1, 20], but got 0."),
        ("ecs", {"kind": "errors", "rate": 0.1, "zones": []}, "zones: must be a list of at least one zone, but got []."),
        ("ecs", {"kind": "errors", "rate": 0.1, "ramp": -1}, "ramp: must be a duration in [0s, 366d], but got -1."),
        ("ecs", {"kind": "errors", "rate": 0.1, "instances": 0}, "instances: must be a number in (0, 1], but got 0."),
        ("ecs", {"kind": "latency", "after": 5}, " must be a fault of kind latency with factor or add, but got neither."),
        ("ecs", {"kind": "hook", "event": "ValidateService", "probability": 1}, "event: must be one of BeforeInstall, AfterInstall,"),
        ("ecs", {"kind": "hook", "event": "AfterInstal", "probability": 1}, "event: must be one of BeforeInstall, AfterInstall, AfterAllowTestTraffic, BeforeAllowTraffic, AfterAllowTraffic, RECONCILE_SERVICE,"),
        ("ecs", {"kind": "hook", "event": "AfterInstall", "probability": 1, "zones": [1]}, "zones: must be absent on a fault of kind hook (it takes event, probability), but got [1]."),
        ("ecs", {"kind": "host", "index": 1}, "kind: must be a kind of fault that platform ecs has (errors, latency, crash, startup, hook, capacity), but got 'host'."),
        ("ecs", {"kind": "cold_start", "latency": 1}, "kind: must be a kind of fault that platform ecs has"),
        ("lambda", {"kind": "crash", "per_hour": 1}, "kind: must be a kind of fault that platform lambda has (errors, latency, startup, hook, cold_start), but got 'crash'."),
        ("lambda", {"kind": "errors", "rate": 0.1, "instances": 0.5}, "instances: must be absent on a fault of kind errors (it takes rate, after, ramp), but got 0.5."),
        ("ec2", {"kind": "host", "index": 9}, "index: must be a host from 0 to 8 (service.instances), but got 9."),
        ("ecs", 5, " must be a mapping with keys among kind, rate,"),
    ],
    ids=lambda v: str(v)[:40],
)  # fmt: skip
def test_every_misfit_is_told(told: Told, platform: str, written: Any, message: str) -> None:
    path = "release.outcomes.0.faults.0"
    whole = f"{path}:{message}" if message.startswith(" ") else f"{path}.{message}"

    lines = told(platform, release=release(written))

    assert any(line.startswith(whole) for line in lines), lines


def test_the_table_names_keys_that_exist_and_every_one_of_them() -> None:
    named = {key for rules in KINDS.values() for key in (*rules.own, *rules.common)}

    assert named | {"kind"} == set(FaultShape.__dataclass_fields__)
    assert named <= set(Fault.__dataclass_fields__)


def test_a_release_that_is_left_out_is_the_documented_mix(build: Build) -> None:
    assert build().release.outcomes == default_outcomes(0.10)
    assert sum(o.probability for o in default_outcomes()) == pytest.approx(1)


def test_a_hook_that_fails_is_one_that_runs(build: Build) -> None:
    fault = {"kind": "hook", "event": "AfterInstall", "probability": 1}
    scenario = build(release=release(fault))

    assert scenario.lifecycle["AfterInstall"].duration == Uniform(1.0, 3.0)
    assert any(text.startswith("lifecycle.AfterInstall: ") for text in scenario.warnings)


def test_too_many_faults(told: Told) -> None:
    faults = [{"kind": "errors", "rate": 0.1}] * 21

    assert told(release=release(*faults)) == [
        "release.outcomes.0.faults: must be a list of at most 20 faults, but got 21 of them."
    ]
