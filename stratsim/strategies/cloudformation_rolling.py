"""CloudFormation's rolling update of an Auto Scaling group.

Source: CloudFormation User Guide, "UpdatePolicy attribute" (AutoScalingRollingUpdate)
and "Roll back your CloudFormation stack on alarm breach" (RollbackConfiguration).
"""

from collections.abc import Sequence
from dataclasses import replace

from stratsim.errors import InputError, Problem
from stratsim.model.plan import Plan, Step
from stratsim.model.scaling import Scale
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.families import Family, register
from stratsim.strategies.fields import (
    Rule,
    fields,
    flag,
    iso,
    iso_s,
    list_of,
    one_of,
    plain_values,
    real_in,
    whole_in,
)
from stratsim.strategies.lifecycle import unused_events
from stratsim.strategies.limits import Quotas
from stratsim.strategies.rollback_triggers import (
    TRIGGERS,
    borrowed_triggers,
    check_triggers,
    monitored,
    triggered,
)
from stratsim.strategies.shapes import Config, part, whole

KEY = "AutoScalingRollingUpdate"
MAX_SIZE = "MaxSize"
# CloudFormation User Guide, "UpdatePolicy attribute": bounds and defaults.
MAX_BATCH = 100
MAX_PAUSE_S = 3600.0
PAUSE_WITH_SIGNALS_S = 300.0
PROCESSES = (
    *("AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh"),
    *("Launch", "ReplaceUnhealthy", "ScheduledActions", "Terminate"),
)
RULES: dict[str, Rule] = {
    "MaxBatchSize": whole_in(1, MAX_BATCH),
    "MinInstancesInService": whole_in(0),
    "MinSuccessfulInstancesPercent": real_in(0, 100),
    "MinActiveInstancesPercent": real_in(0, 100),
    "PauseTime": iso(MAX_PAUSE_S),
    "WaitOnResourceSignals": flag,
    "SuspendProcesses": list_of(one_of(*PROCESSES)),
}


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what CloudFormation would refuse about the policy."""
    at = f"{where}.{KEY}"
    values = config.get(KEY)
    plain = plain_values(part(config, KEY)) if isinstance(values, dict) else values
    problems = fields(RULES)(plain, at) + check_triggers(config, where)
    if MAX_SIZE in config:
        problems += whole_in(1)(config[MAX_SIZE], f"{where}.{MAX_SIZE}")
    if problems or not isinstance(plain, dict):
        return problems
    if "MinSuccessfulInstancesPercent" in plain and not plain.get("WaitOnResourceSignals"):
        rule = "true beside MinSuccessfulInstancesPercent"
        problems.append(Problem(f"{at}.WaitOnResourceSignals", rule, "false"))
    return problems


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: batch by batch, old instances go and new ones come."""
    step = update(spec, scenario, plain_values(part(spec.config, KEY)))
    steps: tuple[Step, ...] = (step, *monitored(spec.config))
    group = triggered(spec, scenario)
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=steps,
        routing="pooled",
        undo="steps",
        restore=(back(step, scenario),),
        group=group,
        one_target_group=True,
        minimum_healthy=step.lower,
        concurrency=step.batch,
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        warnings=(
            *borrowed_triggers(spec),
            *_warnings(step),
            *unused_events(scenario, steps),
        ),
    )


def update(spec: StrategySpec, scenario: Scenario, values: Config) -> Scale:
    """Return the rolling update's one step."""
    n, batch = scenario.desired, whole(values, "MaxBatchSize", 1)
    most, lower = _sizes(spec, scenario, values)
    signals = bool(values.get("WaitOnResourceSignals", False))
    default_s = PAUSE_WITH_SIGNALS_S if signals else 0.0
    pause_s = iso_s(values.get("PauseTime")) if "PauseTime" in values else default_s
    assert pause_s is not None
    percent = values.get("MinSuccessfulInstancesPercent", 100)
    assert isinstance(percent, int | float)
    suspended = values.get("SuspendProcesses", ())
    assert isinstance(suspended, Sequence)
    return Scale(
        event=KEY,
        old=0,
        new=n,
        startup=scenario.service.startup,
        drain_s=scenario.service.drain,
        lower=lower,
        # Capacity is raised for a while where the minimum leaves no room for a batch.
        upper=max(n, min(lower + batch, most)),
        batch=batch,
        settle_s=0.0 if signals else pause_s,
        timeout_s=pause_s if signals else float("inf"),
        forgiven=n - needed(n, float(percent)) if signals else 0,
        watched=signals,
        fixed=True,
        suspends="AlarmNotification" in suspended,
    )


def _sizes(spec: StrategySpec, scenario: Scenario, values: Config) -> tuple[int, int]:
    """Return the group's largest size and how many instances stay in service."""
    n, scaling = scenario.desired, scenario.service.autoscaling
    lower = whole(values, "MinInstancesInService")
    most = max(n, scaling.max if scaling else n)
    most = max(n, whole(spec.config, MAX_SIZE, most))
    if lower >= most:
        where = f"strategies.{spec.name}.{spec.family}.MinInstancesInService"
        hint = f"{MAX_SIZE} beside the key, or service.autoscaling.max, tells another size."
        raise InputError(
            [Problem(where, f"less than the group's MaxSize {most}", str(lower), hint)]
        )
    return most, lower


def needed(n: int, percent: float) -> int:
    """Return how many of `n` instances have to signal success; tenths of a percent count."""
    return -(-n * round(10 * percent) // 1000)


def back(step: Scale, scenario: Scenario) -> Scale:
    """Return the way back, by the policy of the template before: taken to be the same."""
    return replace(step, event=f"{step.event}Rollback", old=scenario.desired, new=0, forgiven=0)


def _warnings(step: Scale) -> tuple[str, ...]:
    if step.watched or step.settle_s >= step.startup.mean:
        return ()
    warning = (
        f"without WaitOnResourceSignals a batch is {step.settle_s:g} s old when the next one "
        f"begins, and an instance takes {step.startup.mean:g} s to become healthy: fewer serve "
        "than MinInstancesInService says"
    )
    return (warning,)


EXAMPLES = (
    {
        KEY: {
            "MaxBatchSize": 4,
            "MinInstancesInService": 10,
            "WaitOnResourceSignals": True,
            "PauseTime": "PT10M",
        },
        MAX_SIZE: 14,
    },
    {KEY: {"MaxBatchSize": 3, "MinInstancesInService": 8, "PauseTime": "PT5M"}},
)

FAMILY = register(
    Family(
        name="cloudformation_rolling",
        platforms=("ec2",),
        keys=(KEY,),
        companions=(MAX_SIZE, TRIGGERS),
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
