"""ECS's own blue/green, linear and canary deployments, without CodeDeploy.

Source: ECS API, DeploymentConfiguration and its members; ECS Developer Guide,
"Workflow for Amazon ECS blue/green service deployments" and "... linear deployments".
"""

from dataclasses import replace

from stratsim.model.plan import Hold, Launch, Lifecycle, Plan, Retire, Shift, Step
from stratsim.model.scenario import Scenario
from stratsim.model.service import LifecycleEvent
from stratsim.model.settings import DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.ecs_controller import (
    KEY,
    ROLLING,
    alarm_warnings,
    strategy_of,
    with_alarms,
)
from stratsim.strategies.ecs_native_shapes import (
    PRE_PRODUCTION,
    Hook,
    Pace,
    check,
    hooks_of,
    pace_of,
    refused_by_cloudformation,
)
from stratsim.strategies.families import Family, register
from stratsim.strategies.lifecycle import SCRIPT, unused_events
from stratsim.strategies.limits import ECS_DEPLOYMENT_HOURS, ECS_STAGE_HOURS
from stratsim.strategies.shapes import Config, part
from stratsim.strategies.weighted import launch

SHIFT = "PRODUCTION_TRAFFIC_SHIFT"


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: green beside blue, step by step, a bake, and blue is cleaned up."""
    values = part(spec.config, KEY)
    pace = pace_of(values)
    steps = _steps(scenario, pace, hooks_of(values))
    group = _group(spec.group, values)
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        controller="ECS",
        steps=steps,
        routing="weighted",
        undo="reroute",
        group=group,
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        warnings=(
            *alarm_warnings(spec.group, values),
            *_length_warnings(pace, scenario),
            *unused_events(scenario, steps),
        ),
    )


def _group(group: DeploymentGroup, values: Config) -> DeploymentGroup:
    """Return the group as ECS takes it: a stage that fails is always followed by a rollback."""
    own = with_alarms(group, values)
    kept = {event for event in own.rollback_events if own.rolls_back_on(event)}
    events = tuple(sorted({*kept, "DEPLOYMENT_FAILURE"}))
    return replace(own, rollback_enabled=True, rollback_events=events)


def _steps(scenario: Scenario, pace: Pace, hooks: dict[str, Hook]) -> tuple[Step, ...]:
    def stage(name: str, occurrence: int = 0) -> tuple[Step, ...]:
        return _stage(scenario, hooks, name, occurrence)

    steps: list[Step] = [*stage("RECONCILE_SERVICE"), *stage("PRE_SCALE_UP")]
    steps += [_scale_up(scenario), *stage("POST_SCALE_UP")]
    steps += [*stage("TEST_TRAFFIC_SHIFT"), *stage("POST_TEST_TRAFFIC_SHIFT")]
    for number, weight in enumerate(pace.weights):
        # These two stages recur at every step of a linear or canary deployment.
        steps += [*stage(PRE_PRODUCTION, number), Shift(weight=weight, event=SHIFT)]
        steps += stage(SHIFT, number)
        if number < len(pace.weights) - 1:
            steps.append(Hold(duration_s=pace.step_bake_s, event=pace.event))
    steps += stage("POST_PRODUCTION_TRAFFIC_SHIFT")
    steps.append(Retire(event="BAKE_TIME", wait_s=pace.bake_s, action="TERMINATE"))
    return tuple(steps)


def _scale_up(scenario: Scenario) -> Launch:
    """Return the start of green, all of it before any traffic moves."""
    step = launch("SCALE_UP", scenario)
    limit_s = ECS_STAGE_HOURS.under(scenario.quotas) * 3600
    return Launch(event=step.event, count=step.count, startup=step.startup, timeout_s=limit_s)


def _stage(
    scenario: Scenario, hooks: dict[str, Hook], name: str, occurrence: int
) -> tuple[Lifecycle, ...]:
    """Return a stage's hook, where the strategy or the scenario has one."""
    own = scenario.lifecycle.get(name)
    if own is None and name not in hooks:
        return ()
    hook = hooks.get(name, Hook())
    event = own or LifecycleEvent(duration=SCRIPT)
    return (
        Lifecycle(
            event=name,
            duration=hook.paused(scenario.control) or event.duration,
            failure=event.failure,
            timeout_s=min(hook.timeout_s, event.timeout) if own else hook.timeout_s,
            continues=hook.continues,
            occurrence=occurrence,
        ),
    )


def _length_warnings(pace: Pace, scenario: Scenario) -> tuple[str, ...]:
    """Say where the bakes alone are too long, for ECS or for CloudFormation."""
    hours = (pace.total_s + pace.bake_s) / 3600
    warnings = refused_by_cloudformation(pace, scenario.quotas)
    most = ECS_DEPLOYMENT_HOURS.under(scenario.quotas)
    if hours > most:
        hint = ECS_DEPLOYMENT_HOURS.hint
        warnings = (*warnings, f"it takes {hours:.4g} h, more than {most:g} h: {hint}")
    return warnings


EXAMPLES: tuple[Config, ...] = (
    {KEY: {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}},
    {KEY: {"strategy": "CANARY", "canaryConfiguration": {"canaryBakeTimeInMinutes": 3}}},
    {
        KEY: {
            "strategy": "LINEAR",
            "linearConfiguration": {"stepPercent": 33.3, "stepBakeTimeInMinutes": 2},
        }
    },
)

FAMILY = register(
    Family(
        name="ecs_native",
        platforms=("ecs",),
        keys=(KEY,),
        variant=lambda entry: strategy_of(entry) != ROLLING,
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
