"""CodeDeploy on ECS and Lambda: the traffic shifts by weights.

By AWS's name, by a ``trafficRoutingConfig`` of one's own, or by name with
overrides of the deployment group beside it.
"""

from stratsim.errors import Problem
from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.custom_config import PASTED_KEYS, check_pasted
from stratsim.strategies.families import NAME_KEY, Family, register
from stratsim.strategies.limits import Quotas
from stratsim.strategies.predefined import TRAFFIC_ROUTING
from stratsim.strategies.shapes import Config, part
from stratsim.strategies.traffic_routing import check_routing, parse_routing
from stratsim.strategies.weighted import weighted_plan

KEY = "trafficRoutingConfig"
_LABEL = {"ecs": "ECS", "lambda": "Lambda"}


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a traffic shift."""
    problems = check_pasted(config, where, platform, custom=KEY in config)
    if KEY in config:
        problems += check_routing(config[KEY], f"{where}.{KEY}", quotas)
    return problems


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: install, shift by shift, and the wait before blue goes."""
    custom = KEY in spec.config
    if custom:
        routing = parse_routing(part(spec.config, KEY))
        label = _LABEL.get(scenario.platform, "")
        name = str(spec.config.get(NAME_KEY, label + routing.config_name))
    else:
        name = str(spec.config[NAME_KEY])
        routing = TRAFFIC_ROUTING[name]
    moves = routing.moves(tail_wait=scenario.control.linear_tail_wait)
    return weighted_plan(spec, scenario, moves, deployment_config=name, custom=custom)


EXAMPLES: tuple[Config, ...] = (
    {
        KEY: {
            "type": "TimeBasedCanary",
            "timeBasedCanary": {"canaryPercentage": 5, "canaryInterval": 3},
        }
    },
    {
        KEY: {
            "type": "TimeBasedLinear",
            "timeBasedLinear": {"linearPercentage": 30, "linearInterval": 2},
        }
    },
)

FAMILY = register(
    Family(
        name="codedeploy_shift",
        platforms=("ecs", "lambda"),
        keys=(KEY,),
        companions=PASTED_KEYS,
        named=True,
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
