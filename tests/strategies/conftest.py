"""Plans to look at: entries of ``strategies:`` on a service of round numbers."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from stratsim.errors import InputError
from stratsim.model.plan import Plan
from stratsim.model.quantities import Fixed
from stratsim.model.scenario import Scenario
from stratsim.model.service import HealthCheck, LifecycleEvent, Platform, Service
from stratsim.model.settings import Control, DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies import PlanResult, classify, plan_strategy

HOST_EVENTS = (
    "BeforeBlockTraffic",
    "BlockTraffic",
    "AfterBlockTraffic",
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)


def make_scenario(
    platform: Platform,
    *,
    n: int = 10,
    zones: int = 1,
    startup_s: float = 0.0,
    drain_s: float = 0.0,
    reroute_s: float = 0.0,
    durations_s: Mapping[str, float] | None = None,
    group: DeploymentGroup | None = None,
    quotas: Mapping[str, float] | None = None,
) -> Scenario:
    """A scenario in which nothing takes time but what is given."""
    events = dict.fromkeys(HOST_EVENTS, 0.0) if platform == "ec2" else {}
    events |= durations_s or {}
    return Scenario(
        name="shop",
        platform=platform,
        service=Service(
            instances=n,
            zones=zones,
            startup=Fixed(startup_s),
            drain=drain_s,
            health_check=HealthCheck(interval=10.0, healthy=2),
        ),
        lifecycle={name: LifecycleEvent(duration=Fixed(s)) for name, s in events.items()},
        control=Control(reroute=reroute_s, agent_poll=Fixed(0.0)),
        deployment_group=group or DeploymentGroup(termination_wait_s=0.0),
        quotas=quotas or {},
    )


def make_plan(platform: Platform, entry: str | dict[str, object], **settings: object) -> PlanResult:
    """The plan of an entry as it stands in a scenario file."""
    scenario = make_scenario(platform, **settings)
    family, config = classify(entry, platform, "strategies[0]")
    spec = StrategySpec(name="it", family=family, config=config, group=scenario.deployment_group)
    return plan_strategy(scenario, spec)


def with_no_name(plan: Plan) -> Plan:
    """The plan as it is but for its names, to compare two of them."""
    return replace(plan, strategy="", family="", deployment_config="", custom=False)


Planned = Callable[..., PlanResult]


@pytest.fixture(scope="session")
def planned() -> Planned:
    """Makes the plan of an entry: ``planned("ecs", entry, n=10, startup_s=60)``."""
    return make_plan


@pytest.fixture(scope="session")
def scenario_of() -> Callable[..., Scenario]:
    """Makes a scenario of round numbers."""
    return make_scenario


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """Returns the message with which an entry is refused."""

    def refuse(platform: Platform, entry: str | dict[str, object], **settings: object) -> str:
        with pytest.raises(InputError) as caught:
            make_plan(platform, entry, **settings)
        return str(caught.value)

    return refuse
