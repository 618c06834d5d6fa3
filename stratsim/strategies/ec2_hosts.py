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
from stratsim.strategies.shapes import Config, part, wrong_flag

KEY = "minimumHealthyHosts"
FORGIVING = "ignoreApplicationStopFailures"
"""A key of CreateDeployment: scripts of the previous revision may fail."""
COMPANIONS = ("zonalConfig", FORGIVING, *PASTED_KEYS)


def check_hosts(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a configuration for hosts."""
    problems = check_pasted(config, where, platform, custom=KEY in config)
    if KEY in config:
        problems += check_rule(config[KEY], f"{where}.{KEY}", quotas)
    if FORGIVING in config:
        problems += wrong_flag(config[FORGIVING], f"{where}.{FORGIVING}")
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


def unhealthy(scenario: Scenario) -> list[int]:
    """Return the hosts whose last deployment failed, or that never had one."""
    return [host.index for host in scenario.hosts if not host.healthy]


def roll(
    event: str, scenario: Scenario, rule: HostRule, events: tuple[HostEvent, ...], count: int
) -> Roll:
    """Return the step that works through a fleet of `count` healthy hosts under `rule`."""
    minimum, control = rule.minimum(count), scenario.control
    if count == 1 and control.lone_host == "deployed":
        minimum = 0
    return Roll(
        event=event,
        fleet="old",
        count=count,
        minimum_healthy=minimum,
        concurrency=max(0, count - minimum),
        events=events,
        throttled=control.unhealthy_hosts == "throttled",
        barrier=control.batches == "barrier",
    )


def roll_warnings(step: Roll) -> tuple[str, ...]:
    """Say that a minimum leaves no host to change."""
    if step.concurrency:
        return ()
    warning = (
        f"the minimum of {step.minimum_healthy} healthy hosts is not below the fleet of "
        f"{step.count}: the deployment fails at once with HEALTH_CONSTRAINTS_INVALID, "
        "no host touched"
    )
    return (warning,)
