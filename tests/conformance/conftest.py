"""Deployments on the public API in which nothing takes time but what is given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

import stratsim
from stratsim.model.scenario import Scenario
from stratsim.traced import Run

HOST_EVENTS = (
    *("BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic"),
    *("ApplicationStop", "DownloadBundle", "BeforeInstall", "Install", "AfterInstall"),
    *("ApplicationStart", "ValidateService"),
    *("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
)
Entry = str | Mapping[str, Any]


def bare(
    platform: str,
    *strategies: Entry,
    n: int = 10,
    faults: Sequence[Mapping[str, Any]] = (),
    lifecycle: Mapping[str, Any] | None = None,
    **sections: Any,
) -> Scenario:
    """A scenario with noise off whose only outcome has `faults`.

    `lifecycle` maps events to seconds or to AWS-like settings; on hosts all
    others take no time. Each of `sections` is laid over a bare default.
    """
    events = dict.fromkeys(HOST_EVENTS, 0) if platform == "ec2" else {}
    events |= lifecycle or {}
    service: dict[str, Any] = {"startup": "0s"}
    if platform != "lambda":
        service |= {"instances": n, "zones": 1, "drain": "0s", "capacity": 100}
    group = {"terminateBlueInstancesOnDeploymentSuccess": {"terminationWaitTimeInMinutes": 0}}
    base: dict[str, Any] = {
        "name": "shop",
        "platform": platform,
        "traffic": {"rate": 100},
        "service": service,
        "metrics": {"phase": "0s", "delay": "30s"},
        "control": {"reroute": "0s", "agent_poll": "0s"},
        "deployment_group": {"blueGreenDeploymentConfiguration": group},
        "release": {"outcomes": [{"name": "it", "probability": 1, "faults": list(faults)}]},
        "lifecycle": {
            event: value if isinstance(value, Mapping) else {"duration": value}
            for event, value in events.items()
        },
        "noise": "expected",
        "strategies": [
            entry if isinstance(entry, str) else {"name": "it", **entry} for entry in strategies
        ],
    }
    for key, value in sections.items():
        merged = isinstance(base.get(key), dict) and "profile" not in value
        base[key] = base[key] | value if merged else value
    return stratsim.load(base)


@pytest.fixture(scope="session")
def scenario_of() -> Callable[..., Scenario]:
    """Makes a bare scenario: ``scenario_of("ec2", entry, n=9, faults=[...])``."""
    return bare


@pytest.fixture(scope="session")
def deploy() -> Callable[..., Run]:
    """Makes one traced run of one entry, with what `scenario_of` takes."""

    def run(platform: str, entry: Entry, **settings: Any) -> Run:
        name = entry if isinstance(entry, str) else entry.get("name", "it")
        return stratsim.simulate(bare(platform, entry, **settings), name)

    return run
