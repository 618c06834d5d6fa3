"""Plans to look at: entries of ``strategies:`` on a service of round numbers."""

from collections.abc import Callable, Mapping

import pytest

from stratsim.errors import InputError
from stratsim.model.quantities import Fixed
from stratsim.model.scenario import Scenario
from stratsim.model.service import HealthCheck, LifecycleEvent, Platform, Service
from stratsim.model.settings import Control, DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies import FAMILIES, PlanResult, classify, plan_strategy
from stratsim.strategies.families import predefined

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
    return plan_in(make_scenario(platform, **settings), entry)


def plan_in(scenario: Scenario, entry: str | dict[str, object]) -> PlanResult:
    """The plan of an entry in a scenario."""
    platform = scenario.platform
    family, config = classify(entry, platform, "strategies[0]")
    spec = StrategySpec(name="it", family=family, config=config, group=scenario.deployment_group)
    return plan_strategy(scenario, spec)


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


Entry = str | dict[str, object]
GREEN = {"group": DeploymentGroup(deployment_type="BLUE_GREEN", termination_wait_s=300.0)}
STEPS: Entry = {"steps": [{"weight": 5, "pause": "10m"}, {"weight": 60, "pause": "1m"}]}
CASES: list[tuple[str, Entry, dict[str, object]]] = [
    *(("ec2", name, {}) for name in predefined("ec2")),
    *(("ec2", name, GREEN) for name in predefined("ec2")),
    *(("ecs", name, {}) for name in predefined("ecs")),
    *(("lambda", name, {}) for name in predefined("lambda")),
    *((platform, STEPS, {}) for platform in ("ec2", "ecs", "lambda")),
    ("ec2", {"minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 66}}, {}),
    ("ec2", {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 6}}, GREEN),
    (
        "ec2",
        {
            "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 4},
            "zonalConfig": {"monitorDurationInSeconds": 60},
        },
        {"zones": 3},
    ),
    ("ecs", {"ecs": {"minimumHealthyPercent": 100, "maximumPercent": 125}}, {}),
    ("ecs", {"ecs": {"minimumHealthyPercent": 50, "maximumPercent": 100}}, {}),
    ("ecs", {"ecs": {"minimumHealthyPercent": 0, "maximumPercent": 200}}, {}),
    ("ecs", {"ecs": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 15}}, {}),
    ("ecs", {"ecs": {"strategy": "CANARY"}}, {}),
    ("ecs", {"ecs": {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 33.3}}}, {}),
]
CASES += [
    (platform, example, {})
    for _, family in FAMILIES.items()
    for example in family.examples
    for platform in family.platforms
]
TIMES = {
    "startup_s": 50.0,
    "drain_s": 20.0,
    "reroute_s": 5.0,
}


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}"[:60])
def case(request: pytest.FixtureRequest) -> tuple[Scenario, PlanResult]:
    """Each member of the battery: at least one strategy of every family."""
    platform, entry, settings = request.param
    durations = {"Install": 40.0, "BlockTraffic": 20.0} if platform == "ec2" else {}
    scenario = make_scenario(platform, durations_s=durations, **TIMES, **settings)
    return scenario, plan_in(scenario, entry)


@pytest.fixture(scope="session")
def families_in_battery() -> set[str]:
    """The families that the battery holds."""
    return {make_plan(platform, entry, **more).plan.family for platform, entry, more in CASES}
