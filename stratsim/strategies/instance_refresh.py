"""Auto Scaling's instance refresh: instances are replaced within two healthy percentages.

Source: EC2 Auto Scaling API, RefreshPreferences; EC2 Auto Scaling User Guide, "How an
instance refresh works" and "Add checkpoints to an instance refresh".
"""

from collections.abc import Mapping

from stratsim.errors import Problem
from stratsim.model.plan import Hold, Plan, Step
from stratsim.model.scaling import Scale
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.settings import DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.families import Family, register
from stratsim.strategies.fields import (
    Rule,
    fields,
    flag,
    list_of,
    one_of,
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

KEY = "instanceRefresh"
# EC2 Auto Scaling API, RefreshPreferences: defaults and bounds.
MIN_HEALTHY, MAX_HEALTHY = 90, 100
WIDEST = 100
CHECKPOINT_DELAY_S, LONGEST_S = 3600, 172_800
MAX_ALARMS = 10
# EC2 Auto Scaling User Guide: a replacement that does not succeed is tried for an hour.
RETRY_S = 3600.0
_PROTECTED = ("Refresh", "Ignore", "Wait")
RULES: dict[str, Rule] = {
    "MinHealthyPercentage": whole_in(0, 100),
    "MaxHealthyPercentage": whole_in(100, 200),
    "InstanceWarmup": whole_in(0),
    "CheckpointPercentages": list_of(whole_in(1, 100), least=1, most=100),
    "CheckpointDelay": whole_in(0, LONGEST_S),
    "BakeTime": whole_in(0, LONGEST_S),
    "AutoRollback": flag,
    "AlarmSpecification": fields({"Alarms": list_of(text, most=MAX_ALARMS)}),
    "SkipMatching": flag,
    "ScaleInProtectedInstances": one_of(*_PROTECTED),
    "StandbyInstances": one_of("Terminate", "Ignore", "Wait"),
}
ASSUMPTIONS = {
    "max_rounding": Assumption(
        one_of("down", "up"), "down", "how MaxHealthyPercentage becomes instances"
    ),
}


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what Auto Scaling would refuse about the preferences."""
    at, values = f"{where}.{KEY}", config.get(KEY)
    problems = fields(RULES)(values, at) + check_assumed(config, where, ASSUMPTIONS)
    if problems or not isinstance(values, Mapping):
        return problems
    low, high = whole(values, *_LOW), whole(values, *_HIGH)
    if "MaxHealthyPercentage" in values and high - low > WIDEST:
        rule = f"at most {WIDEST} above MinHealthyPercentage {low}"
        problems.append(Problem(f"{at}.MaxHealthyPercentage", rule, str(high)))
    points = list(_points(values))
    if points != sorted(set(points)):
        rule = "in ascending order, each once"
        problems.append(Problem(f"{at}.CheckpointPercentages", rule, str(points)))
    if "CheckpointDelay" in values and not points:
        rule = "given beside CheckpointDelay"
        problems.append(Problem(f"{at}.CheckpointPercentages", rule, "nothing"))
    return problems


_LOW, _HIGH = ("MinHealthyPercentage", MIN_HEALTHY), ("MaxHealthyPercentage", MAX_HEALTHY)


def _points(values: Config) -> tuple[int, ...]:
    points = values.get("CheckpointPercentages", ())
    return tuple(points) if isinstance(points, list | tuple) else ()


def bounds(values: Config, n: int, rounding: str = "down") -> tuple[int, int]:
    """Return the fewest instances in service and the most that run during a refresh of `n`.

    Where both bounds leave no room, one is terminated first; with a
    MaxHealthyPercentage of 100 in so many words one is launched first.
    """
    low, high = whole(values, *_LOW), whole(values, *_HIGH)
    lower = -(-n * low // 100)
    upper = n * high // 100 if rounding == "down" else -(-n * high // 100)
    if high > MAX_HEALTHY:
        upper = max(upper, n + 1)
    if lower >= n and upper <= n:
        return (lower, n + 1) if "MaxHealthyPercentage" in values else (n - 1, n)
    return lower, upper


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: from checkpoint to checkpoint, then the bake."""
    values = part(spec.config, KEY)
    rounding = str(assumed(spec.config, ASSUMPTIONS)["max_rounding"])
    lower, upper = bounds(values, scenario.desired, rounding)
    steps = _steps(values, scenario, (lower, upper))
    group = _group(spec, scenario, values)
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=steps,
        routing="pooled",
        undo="steps",
        restore=(_scale(values, scenario, (lower, upper), 0),),
        group=group,
        one_target_group=True,
        minimum_healthy=lower,
        concurrency=max(scenario.desired - lower, upper - scenario.desired),
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        warnings=(*_warnings(spec, values), *unused_events(scenario, steps)),
    )


def _steps(values: Config, scenario: Scenario, sizes: tuple[int, int]) -> tuple[Step, ...]:
    """Return the replacements up to each checkpoint, with the wait after all but the last.

    A checkpoint is met by the first instance that reaches its percentage; several
    may be met at once, and all but the last of them are skipped.
    """
    n = scenario.desired
    delay_s = whole(values, "CheckpointDelay", CHECKPOINT_DELAY_S)
    targets = list(dict.fromkeys(-(-n * point // 100) for point in _points(values) or (100,)))
    steps: list[Step] = []
    for target in targets:
        steps.append(_scale(values, scenario, sizes, target))
        if target != targets[-1]:
            steps.append(Hold(duration_s=float(delay_s), event="CheckpointDelay"))
    bake_s = whole(values, "BakeTime")
    if bake_s:
        steps.append(Hold(duration_s=float(bake_s), event="BakeTime"))
    return tuple(steps)


def _scale(values: Config, scenario: Scenario, sizes: tuple[int, int], target: int) -> Scale:
    grace_s = scenario.service.health_check.grace
    warmup_s = float(whole(values, "InstanceWarmup")) if "InstanceWarmup" in values else grace_s
    return Scale(
        event="Replacing" if target else "ReplacingRollback",
        old=scenario.desired - target,
        new=target,
        startup=scenario.service.startup,
        drain_s=scenario.service.drain,
        lower=sizes[0],
        upper=sizes[1],
        settle_s=warmup_s,
        timeout_s=RETRY_S,
        retries=True,
    )


def _group(spec: StrategySpec, scenario: Scenario, values: Config) -> DeploymentGroup:
    events = (FAILURE, ON_ALARM) if values.get("AutoRollback", False) else ()
    group = rolls_back(spec.group, *events)
    if "AlarmSpecification" not in values:
        return group
    names = part(values, "AlarmSpecification").get("Alarms")
    where = f"strategies.{spec.name}.{KEY}.AlarmSpecification.Alarms"
    return watching(group, names, scenario, where)


def _warnings(spec: StrategySpec, values: Config) -> tuple[str, ...]:
    warnings: list[str] = []
    if "AlarmSpecification" not in values:
        warnings += borrowed_alarms(spec.group, "AlarmSpecification")
    points = _points(values)
    if points and points[-1] < 100:
        warnings.append(
            f"the last checkpoint is {points[-1]} %: the refresh ends there and leaves both "
            "revisions in service"
        )
    return tuple(warnings)


EXAMPLES = (
    {KEY: {"MinHealthyPercentage": 75, "InstanceWarmup": 60, "AutoRollback": True}},
    {
        KEY: {
            "MinHealthyPercentage": 100,
            "MaxHealthyPercentage": 125,
            "InstanceWarmup": 90,
            "CheckpointPercentages": [10, 50, 100],
            "CheckpointDelay": 300,
            "BakeTime": 120,
            "AutoRollback": True,
        }
    },
)

FAMILY = register(
    Family(
        name="instance_refresh",
        platforms=("ec2",),
        keys=(KEY,),
        companions=(ASSUME,),
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
