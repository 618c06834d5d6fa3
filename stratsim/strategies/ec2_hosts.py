"""What the two EC2 families share: the rule of minimum healthy hosts."""

from stratsim.errors import InputError, Problem
from stratsim.model.plan import HostEvent, Roll
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.custom_config import PASTED_KEYS, check_pasted
from stratsim.strategies.families import NAME_KEY
from stratsim.strategies.limits import INSTANCES, Quotas, over
from stratsim.strategies.minimum_healthy import HostRule, check_rule, parse_rule
from stratsim.strategies.predefined import SERVER
from stratsim.strategies.shapes import Config, part

KEY = "minimumHealthyHosts"
COMPANIONS = ("zonalConfig", *PASTED_KEYS)


def check_hosts(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a configuration for hosts."""
    problems = check_pasted(config, where, platform, custom=KEY in config)
    if KEY in config:
        problems += check_rule(config[KEY], f"{where}.{KEY}", quotas)
    return problems


def rule_of(spec: StrategySpec) -> tuple[HostRule, str]:
    """Return the rule and the name of the configuration of a strategy."""
    if KEY not in spec.config:
        name = str(spec.config[NAME_KEY])
        return SERVER[name], name
    rule = parse_rule(part(spec.config, KEY))
    return rule, str(spec.config.get(NAME_KEY, rule.config_name))


def check_fleet(scenario: Scenario) -> None:
    """Raise `InputError` where the fleet is larger than one deployment may be."""
    problems = over(
        scenario.desired, "service.instances", INSTANCES, scenario.quotas, "EC2 instances"
    )
    if problems:
        raise InputError(problems)


def roll(event: str, scenario: Scenario, rule: HostRule, events: tuple[HostEvent, ...]) -> Roll:
    """Return the step that works through the running fleet under `rule`."""
    n = scenario.desired
    return Roll(
        event=event,
        fleet="old",
        count=n,
        minimum_healthy=rule.minimum(n),
        concurrency=rule.concurrency(n),
        events=events,
        single_must_succeed=rule.single_must_succeed(n),
        barrier=scenario.control.batches == "barrier",
    )


def rule_warnings(rule: HostRule, n: int) -> tuple[str, ...]:
    """Say that a minimum leaves no host to change."""
    if rule.concurrency(n):
        return ()
    warning = (
        f"the minimum of {rule.minimum(n)} healthy hosts is not below the fleet of {n}: "
        "the deployment fails at once with HEALTH_CONSTRAINTS_INVALID, no host touched"
    )
    return (warning,)
