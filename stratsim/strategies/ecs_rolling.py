"""ECS's own rolling update: new tasks start and old ones stop within two bounds.

Source: ECS Developer Guide, "Deploy Amazon ECS services by replacing tasks" and
"How the Amazon ECS deployment circuit breaker detects failures"; ECS API,
DeploymentConfiguration.
"""

from collections.abc import Mapping
from dataclasses import replace

from stratsim.errors import Problem
from stratsim.model.plan import Hold, Plan, Replace, Step
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.settings import MINUTE_S, DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.ecs_controller import (
    KEY,
    MAX_BAKE_MINUTES,
    ROLLING,
    alarm_warnings,
    check_alarms,
    longest_window_s,
    strategy_of,
    with_alarms,
)
from stratsim.strategies.families import Family, register
from stratsim.strategies.lifecycle import unused_events
from stratsim.strategies.limits import Quotas
from stratsim.strategies.shapes import (
    Config,
    part,
    whole,
    wrong_choice,
    wrong_flag,
    wrong_integer,
    wrong_keys,
)

KEYS = (
    "minimumHealthyPercent",
    "maximumPercent",
    "deploymentCircuitBreaker",
    "alarms",
    "strategy",
    "bakeTimeInMinutes",
)
# ECS API, DeploymentConfiguration: defaults of a REPLICA service.
MINIMUM_HEALTHY_PERCENT = 100
MAXIMUM_PERCENT = 200
# The circuit breaker's default is half the desired count within these bounds.
BREAKER_PERCENT = 50
BREAKER_LOW, BREAKER_HIGH = 3, 200
BREAKER_TYPES = ("BOUNDED_PERCENT", "UNBOUNDED_PERCENT", "COUNT")


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about an ECS ``deploymentConfiguration``."""
    at = f"{where}.{KEY}"
    problems = wrong_keys(config.get(KEY), at, KEYS)
    if problems:
        return problems
    values = part(config, KEY)
    for key, low, high in (
        ("minimumHealthyPercent", 0, 100),
        ("maximumPercent", 100, float("inf")),
        ("bakeTimeInMinutes", 0, MAX_BAKE_MINUTES),
    ):
        if key in values:
            problems += wrong_integer(values[key], f"{at}.{key}", low, high)
    if "deploymentCircuitBreaker" in values:
        problems += _check_breaker(values["deploymentCircuitBreaker"], at)
    if "alarms" in values:
        problems += check_alarms(values["alarms"], f"{at}.alarms")
    return problems


def _check_breaker(value: object, where: str) -> list[Problem]:
    at = f"{where}.deploymentCircuitBreaker"
    flags = ("enable", "rollback", "resetOnHealthyTask")
    problems = wrong_keys(value, at, (*flags, "thresholdConfiguration"))
    if problems or not isinstance(value, Mapping):
        return problems
    problems = [p for k in flags if k in value for p in wrong_flag(value[k], f"{at}.{k}")]
    if "thresholdConfiguration" in value:
        threshold, at = value["thresholdConfiguration"], f"{at}.thresholdConfiguration"
        keys = wrong_keys(threshold, at, ("type", "value"))
        if keys or not isinstance(threshold, Mapping):
            return [*problems, *keys]
        problems += wrong_choice(threshold.get("type"), f"{at}.type", BREAKER_TYPES)
        problems += wrong_integer(threshold.get("value"), f"{at}.value", 1, float("inf"))
    return problems


def bounds(values: Config, desired: int) -> tuple[int, int]:
    """Return the fewest healthy and the most running tasks; ECS rounds against both."""
    low = whole(values, "minimumHealthyPercent", MINIMUM_HEALTHY_PERCENT)
    high = whole(values, "maximumPercent", MAXIMUM_PERCENT)
    return -(-desired * low // 100), desired * high // 100


def breaker_threshold(values: Config, desired: int) -> int | None:
    """Return how many failed tasks trip the circuit breaker; none where it is off."""
    breaker = part(values, "deploymentCircuitBreaker")
    if not breaker.get("enable", False):
        return None
    threshold = part(breaker, "thresholdConfiguration")
    value = whole(threshold, "value", BREAKER_PERCENT)
    kind = threshold.get("type", "BOUNDED_PERCENT")
    if kind == "COUNT":
        return value
    count = -(-desired * value // 100)
    if kind == "UNBOUNDED_PERCENT":
        return max(1, count)
    return min(max(count, BREAKER_LOW), BREAKER_HIGH)


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: one replacement, undone by its like."""
    values = part(spec.config, KEY)
    step = _replacement(values, scenario)
    group = with_alarms(spec.group, values)
    steps: tuple[Step, ...] = (step,)
    bake_s = _bake_s(values, scenario, group)
    if bake_s:
        steps = (step, Hold(duration_s=bake_s, event="BAKE_TIME"))
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        controller="ECS",
        steps=steps,
        routing="pooled",
        undo="replace",
        group=group,
        one_target_group=True,
        minimum_healthy=step.lower,
        # Old tasks may stop and new ones start in the same moment.
        concurrency=max(step.upper - step.count, step.count - step.lower),
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        redeploy=replace(step, breaker=None),
        warnings=(*_warnings(step, spec.group, values), *unused_events(scenario, steps)),
    )


def _replacement(values: Config, scenario: Scenario) -> Replace:
    lower, upper = bounds(values, scenario.desired)
    breaker = part(values, "deploymentCircuitBreaker")
    return Replace(
        event="ROLLING",
        count=scenario.desired,
        lower=lower,
        upper=upper,
        startup=scenario.service.startup,
        drain_s=scenario.service.drain,
        breaker=breaker_threshold(values, scenario.desired),
        breaker_rolls_back=bool(breaker.get("rollback", False)),
        breaker_resets=bool(breaker.get("resetOnHealthyTask", True)),
    )


def _bake_s(values: Config, scenario: Scenario, group: DeploymentGroup) -> float:
    """Return how long ECS goes on watching: as told, else what it computes from its alarms."""
    if "bakeTimeInMinutes" in values:
        return whole(values, "bakeTimeInMinutes") * MINUTE_S
    return longest_window_s(scenario, group) if scenario.control.rolling_bake else 0.0


def _warnings(step: Replace, group: DeploymentGroup, values: Config) -> tuple[str, ...]:
    warnings = []
    if step.upper <= step.count and step.lower >= step.count:
        warnings.append(
            f"with {step.count} tasks at least {step.lower} must stay and at most {step.upper} "
            "may run: no task can start or stop, and the deployment is stuck"
        )
    return (*warnings, *alarm_warnings(group, values))


EXAMPLES: tuple[Config, ...] = tuple(
    {KEY: {"minimumHealthyPercent": low, "maximumPercent": high}}
    for low, high in ((100, 125), (50, 100), (0, 200))
)

FAMILY = register(
    Family(
        name="ecs_rolling",
        platforms=("ecs",),
        keys=(KEY,),
        variant=lambda entry: strategy_of(entry) == ROLLING,
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
