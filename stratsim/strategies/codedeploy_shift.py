"""CodeDeploy on ECS and Lambda: the traffic shifts by weights.

By AWS's name, by a ``trafficRoutingConfig`` of one's own, or by name with
overrides of the deployment group beside it.
"""

from typing import Any

from stratsim.errors import Problem, shorten
from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.custom_config import PASTED_KEYS, check_pasted
from stratsim.strategies.families import NAME_KEY, Family, register
from stratsim.strategies.limits import Quotas
from stratsim.strategies.predefined import PREFIX, TRAFFIC_ROUTING
from stratsim.strategies.shapes import Config, part, parts
from stratsim.strategies.traffic_routing import check_routing, parse_routing
from stratsim.strategies.weighted import weighted_plan

KEY = "trafficRoutingConfig"
# An ARN tells the kind of its load balancer: app, net or gwy.
_NETWORK = ":listener/net/"
_LABEL = {"ecs": "ECS", "lambda": "Lambda"}


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a traffic shift."""
    problems = check_pasted(config, where, platform, custom=KEY in config)
    if KEY in config:
        problems += check_routing(config[KEY], f"{where}.{KEY}", quotas)
    return problems


def check_in_group(spec: StrategySpec, where: str) -> list[Problem]:
    """Return the problem of a shift in steps behind a Network Load Balancer.

    Source: CodeDeploy User Guide, "Deployment configurations on an Amazon ECS compute
    platform": with one, only ECSAllAtOnce is supported.
    """
    arns = [arn for arn in _listeners(spec.group.raw) if _NETWORK in arn]
    kind = part(spec.config, KEY).get("type")
    name = str(spec.config.get(NAME_KEY, ""))
    if not arns or (kind == "AllAtOnce" if KEY in spec.config else name.endswith("AllAtOnce")):
        return []
    rule = f"{PREFIX}ECSAllAtOnce behind a Network Load Balancer"
    return [Problem(where, rule, shorten(name or kind), f"The listener is {arns[0]}.")]


def _listeners(group: Config) -> list[str]:
    """Return the ARNs of the production listeners of a deployment group as it was written."""
    pairs = parts(part(group, "loadBalancerInfo"), "targetGroupPairInfoList")
    routes: list[Any] = [part(pair, "prodTrafficRoute") for pair in pairs]
    return [str(arn) for route in routes for arn in route.get("listenerArns", ())]


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
    control = scenario.control
    moves = routing.moves(
        tail_wait=control.linear_tail_wait, rest_on_top=control.linear_remainder == "last_shift"
    )
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
        check_in_group=check_in_group,
        build=build,
        examples=EXAMPLES,
    )
)
