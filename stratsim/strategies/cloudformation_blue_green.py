"""CloudFormation's hook for blue/green deployments of ECS through CodeDeploy.

Source: CloudFormation User Guide, "AWS::CodeDeploy::BlueGreen hook syntax" and
"Perform ECS blue/green deployments through CodeDeploy using CloudFormation".
"""

from dataclasses import replace

from stratsim.errors import Problem
from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.settings import MINUTE_S, DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.families import Family, register
from stratsim.strategies.fields import Rule, anything, fields, one_of, text, whole_in
from stratsim.strategies.limits import (
    INCREMENT_PERCENT,
    SHIFT_MINUTES,
    TERMINATION_WAIT_MINUTES,
    Quotas,
    over,
)
from stratsim.strategies.rollback_triggers import (
    TRIGGERS,
    borrowed_triggers,
    check_triggers,
    monitored,
    triggered,
)
from stratsim.strategies.shapes import Config, part, whole
from stratsim.strategies.traffic_routing import TYPES, TrafficRouting
from stratsim.strategies.weighted import weighted_plan

KEYS = ("AWS::CodeDeploy::BlueGreen", "codeDeployBlueGreenHook")
# CloudFormation User Guide, "AWS::CodeDeploy::BlueGreen hook syntax".
DEFAULT_TYPE = "TimeBasedCanary"
LEAST_PERCENT, DEFAULT_PERCENT = 14, 15
DEFAULT_BAKE_MINUTES = 5
DEFAULT_TERMINATION_MINUTES = 5
HOOKS = (
    *("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic"),
    *("BeforeAllowTraffic", "AfterAllowTraffic"),
)
_HINT = "CloudFormation takes no smaller step; CodeDeploy by itself takes 1 %."


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what CloudFormation or CodeDeploy would refuse about the hook."""
    key = _key(config)
    most = int(INCREMENT_PERCENT.under(quotas))
    branch = fields(
        {
            "StepPercentage": whole_in(LEAST_PERCENT, most, _HINT),
            "BakeTimeMins": whole_in(0),
        }
    )
    routing: dict[str, Rule] = {"Type": one_of(*TYPES)}
    routing |= dict.fromkeys(TYPES[1:], branch)
    options = {"TerminationWaitTimeInMinutes": whole_in(0)}
    rules: dict[str, Rule] = {
        "TrafficRoutingConfig": fields(routing),
        "AdditionalOptions": fields(options),
        "LifecycleEventHooks": fields(dict.fromkeys(HOOKS, text)),
        "ServiceRole": anything,
        "Applications": anything,
    }
    at = f"{where}.{key}"
    problems = fields(rules)(config[key], at) + check_triggers(config, where)
    if problems:
        return problems
    values = part(config, key)
    shift = routing_of(values).first_to_last_min
    wait = whole(part(values, "AdditionalOptions"), *_TERMINATION)
    return [
        *over(shift, f"{at}.TrafficRoutingConfig", SHIFT_MINUTES, quotas, "minutes in all shifts"),
        *over(wait, f"{at}.AdditionalOptions", TERMINATION_WAIT_MINUTES, quotas, "minutes"),
    ]


_TERMINATION = ("TerminationWaitTimeInMinutes", DEFAULT_TERMINATION_MINUTES)


def _key(config: Config) -> str:
    return next(key for key in KEYS if key in config)


def routing_of(values: Config) -> TrafficRouting:
    """Return the hook's routing, with CloudFormation's defaults."""
    routing = part(values, "TrafficRoutingConfig")
    kind = str(routing.get("Type", DEFAULT_TYPE))
    if kind == "AllAtOnce":
        return TrafficRouting(kind)
    branch = part(routing, kind)
    return TrafficRouting(
        kind,
        whole(branch, "StepPercentage", DEFAULT_PERCENT),
        whole(branch, "BakeTimeMins", DEFAULT_BAKE_MINUTES),
    )


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan that CodeDeploy carries out for the stack."""
    values = part(spec.config, _key(spec.config))
    routing = routing_of(values)
    wait_min = whole(part(values, "AdditionalOptions"), *_TERMINATION)
    group = _group(triggered(spec, scenario), wait_min)
    plan = weighted_plan(
        replace(spec, group=group),
        scenario,
        routing.moves(),
        deployment_config="ECS" + routing.config_name,
        custom=True,
    )
    warnings = (*borrowed_triggers(spec), *plan.warnings)
    return replace(plan, steps=(*plan.steps, *monitored(spec.config)), warnings=warnings)


def _group(group: DeploymentGroup, wait_min: int) -> DeploymentGroup:
    """Return the group that CloudFormation makes: nothing of it but the wait can be set."""
    return replace(
        group,
        ready_action="CONTINUE_DEPLOYMENT",
        ready_wait_s=0.0,
        terminate_action="TERMINATE",
        termination_wait_s=wait_min * MINUTE_S,
    )


EXAMPLES: tuple[dict[str, object], ...] = (
    {KEYS[0]: {}},
    {
        KEYS[1]: {
            "TrafficRoutingConfig": {
                "Type": "TimeBasedLinear",
                "TimeBasedLinear": {"StepPercentage": 30, "BakeTimeMins": 2},
            },
            "AdditionalOptions": {"TerminationWaitTimeInMinutes": 10},
        }
    },
)

FAMILY = register(
    Family(
        name="cloudformation_blue_green",
        platforms=("ecs",),
        keys=KEYS,
        companions=(TRIGGERS,),
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
