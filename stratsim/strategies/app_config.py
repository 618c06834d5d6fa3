"""AppConfig: a configuration reaches more and more of its targets.

Source: AppConfig User Guide, "Working with deployment strategies" and "Monitoring
deployments for automatic rollback"; AppConfig API, CreateDeploymentStrategy, Monitor.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stratsim.errors import Problem, unknown_name
from stratsim.model.plan import Hold, Plan, Shift, Step
from stratsim.model.scaling import Configure
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.settings import MINUTE_S, DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.families import Family, register
from stratsim.strategies.fields import (
    Rule,
    anything,
    fields,
    list_of,
    one_of,
    real_in,
    text,
    whole_in,
)
from stratsim.strategies.lifecycle import unused_events
from stratsim.strategies.limits import Quotas
from stratsim.strategies.neighbours import (
    ASSUME,
    FAILURE,
    ON_ALARM,
    Assumption,
    assumed,
    borrowed_alarms,
    check_assumed,
    rolls_back,
    watching,
)
from stratsim.strategies.shapes import Config, part, whole

KEY = "appConfig"
MONITORS = "Monitors"
MAX_MINUTES = 1440
MAX_MONITORS = 5
RULES: dict[str, Rule] = {
    "Name": text,
    "Description": anything,
    "DeploymentDurationInMinutes": whole_in(0, MAX_MINUTES),
    "GrowthFactor": real_in(1, 100),
    "GrowthType": one_of("LINEAR", "EXPONENTIAL"),
    "FinalBakeTimeInMinutes": whole_in(0, MAX_MINUTES),
    "ReplicateTo": one_of("NONE", "SSM_DOCUMENT"),
}
REQUIRED = ("DeploymentDurationInMinutes", "GrowthFactor")
ASSUMPTIONS = {
    "first_exponential": Assumption(
        one_of("after_interval", "at_once"),
        "after_interval",
        "when an exponential deployment reaches its first targets",
    ),
    "insufficient_data": Assumption(
        one_of("rolls_back", "passes"), "rolls_back", "an alarm in INSUFFICIENT_DATA"
    ),
}


@dataclass(frozen=True, slots=True)
class Growth:
    """A deployment strategy: duration and bake [s], the factor [%] and how it grows."""

    duration_s: float
    factor: float
    exponential: bool
    bake_s: float

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the targets after each increment; the last one is 1."""
        percents: list[float] = []
        value = self.factor
        while value < 100:
            percents.append(value)
            value = value * 2 if self.exponential else self.factor * (len(percents) + 1)
        return (*(percent / 100 for percent in percents), 1.0)


PREDEFINED = {
    "AppConfig.AllAtOnce": Growth(0.0, 100.0, exponential=False, bake_s=600.0),
    "AppConfig.Linear50PercentEvery30Seconds": Growth(60.0, 50.0, exponential=False, bake_s=60.0),
    "AppConfig.Canary10Percent20Minutes": Growth(1200.0, 10.0, exponential=True, bake_s=600.0),
    # The bake of this one was not read anywhere; it is taken to be as long as the others'.
    "AppConfig.Linear20PercentEvery6Minutes": Growth(
        1800.0, 20.0, exponential=False, bake_s=1800.0
    ),
}
_MONITORS: Rule = list_of(
    fields({"AlarmArn": text, "AlarmRoleArn": text}, required=("AlarmArn",)), most=MAX_MONITORS
)


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AppConfig would refuse about a deployment strategy."""
    at, value = f"{where}.{KEY}", config.get(KEY)
    if isinstance(value, str):
        problems = [] if value in PREDEFINED else [unknown_name(at, value, PREDEFINED)]
    else:
        problems = fields(RULES, required=REQUIRED)(value, at)
    if MONITORS in config:
        problems += _MONITORS(config[MONITORS], f"{where}.{MONITORS}")
    return problems + check_assumed(config, where, ASSUMPTIONS)


def growth_of(value: object) -> Growth:
    """Return the growth of a strategy that was checked before, by name or by its numbers."""
    if not isinstance(value, Mapping):
        return PREDEFINED[str(value)]
    factor = value["GrowthFactor"]
    assert isinstance(factor, int | float)
    return Growth(
        duration_s=whole(value, "DeploymentDurationInMinutes") * MINUTE_S,
        factor=float(factor),
        exponential=value.get("GrowthType", "LINEAR") == "EXPONENTIAL",
        bake_s=whole(value, "FinalBakeTimeInMinutes") * MINUTE_S,
    )


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: increment by increment, then the bake."""
    on_lambda = scenario.platform == "lambda"
    steps = _steps(spec, scenario)
    known = assumed(spec.config, ASSUMPTIONS)
    states = ("ALARM", "INSUFFICIENT_DATA")
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=steps,
        routing="weighted" if on_lambda else "pooled",
        undo="flip" if on_lambda else "steps",
        restore=() if on_lambda else (Configure(share=0.0, event="ROLLING_BACK"),),
        group=_group(spec, scenario),
        # All targets run on the same instances, configured or not.
        one_target_group=not on_lambda,
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        alarm_states=states if known["insufficient_data"] == "rolls_back" else states[:1],
        warnings=(
            *(() if MONITORS in spec.config else borrowed_alarms(spec.group, MONITORS)),
            *unused_events(scenario, steps),
        ),
    )


def _steps(spec: StrategySpec, scenario: Scenario) -> tuple[Step, ...]:
    growth = growth_of(spec.config[KEY])
    shares, at_once = growth.shares, _begins_at_once(spec, growth)
    interval_s = growth.duration_s / max(len(shares) - at_once, 1)
    wait = Hold(duration_s=interval_s, event="DEPLOYING")
    steps: list[Step] = [] if at_once or not interval_s else [wait]
    for share in shares:
        if scenario.platform == "lambda":
            steps.append(Shift(weight=share, event="PERCENTAGE_UPDATED"))
        else:
            steps.append(Configure(share=share, event="PERCENTAGE_UPDATED"))
        if share < 1 and interval_s:
            steps.append(wait)
    if growth.bake_s:
        steps.append(Hold(duration_s=growth.bake_s, event="BAKING"))
    return tuple(steps)


def _begins_at_once(spec: StrategySpec, growth: Growth) -> bool:
    """Whether the first targets are reached at 0: never in a linear deployment."""
    first = assumed(spec.config, ASSUMPTIONS)["first_exponential"]
    return growth.exponential and first == "at_once"


def _group(spec: StrategySpec, scenario: Scenario) -> DeploymentGroup:
    group = rolls_back(spec.group, FAILURE, ON_ALARM)
    if MONITORS not in spec.config:
        return group
    listed = spec.config[MONITORS]
    monitors = listed if isinstance(listed, list | tuple) else ()
    names = [str(part({"it": m}, "it")["AlarmArn"]).rpartition(":")[2] for m in monitors]
    return watching(group, names, scenario, f"strategies.{spec.name}.{MONITORS}")


EXAMPLES = (
    {KEY: "AppConfig.Canary10Percent20Minutes"},
    {
        KEY: {
            "DeploymentDurationInMinutes": 12,
            "GrowthFactor": 25,
            "GrowthType": "LINEAR",
            "FinalBakeTimeInMinutes": 10,
        }
    },
)

FAMILY = register(
    Family(
        name="app_config",
        platforms=("ec2", "ecs", "lambda"),
        keys=(KEY,),
        companions=(MONITORS, ASSUME),
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
