"""The deployment configurations that AWS ships.

Source: CodeDeploy User Guide, "Working with deployment configurations in
CodeDeploy", https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html.
Mind the spelling: ECS says ``Every1Minutes``, Lambda says ``Every1Minute``.
"""

from collections.abc import Mapping

from stratsim.model.service import Platform
from stratsim.strategies.minimum_healthy import HostRule
from stratsim.strategies.traffic_routing import TrafficRouting, check_routing, parse_routing

PREFIX = "CodeDeployDefault."
"""Reserved: no configuration of one's own may begin with it."""


def _canary(percentage: int, interval_min: int) -> TrafficRouting:
    return TrafficRouting("TimeBasedCanary", percentage, interval_min)


def _linear(percentage: int, interval_min: int) -> TrafficRouting:
    return TrafficRouting("TimeBasedLinear", percentage, interval_min)


ECS: Mapping[str, TrafficRouting] = {
    "CodeDeployDefault.ECSAllAtOnce": TrafficRouting("AllAtOnce"),
    "CodeDeployDefault.ECSCanary10Percent5Minutes": _canary(10, 5),
    "CodeDeployDefault.ECSCanary10Percent15Minutes": _canary(10, 15),
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes": _linear(10, 1),
    "CodeDeployDefault.ECSLinear10PercentEvery3Minutes": _linear(10, 3),
}

LAMBDA: Mapping[str, TrafficRouting] = {
    "CodeDeployDefault.LambdaAllAtOnce": TrafficRouting("AllAtOnce"),
    "CodeDeployDefault.LambdaCanary10Percent5Minutes": _canary(10, 5),
    "CodeDeployDefault.LambdaCanary10Percent10Minutes": _canary(10, 10),
    "CodeDeployDefault.LambdaCanary10Percent15Minutes": _canary(10, 15),
    "CodeDeployDefault.LambdaCanary10Percent30Minutes": _canary(10, 30),
    "CodeDeployDefault.LambdaLinear10PercentEvery1Minute": _linear(10, 1),
    "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes": _linear(10, 2),
    "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes": _linear(10, 3),
    "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes": _linear(10, 10),
}

# GetDeploymentConfig reports OneAtATime as MOST_CONCURRENCY 1, a type that callers
# cannot set; the "99 %" in the user guide's table is not how it behaves. That
# AllAtOnce and HalfAtATime are 0 % and 50 % of the fleet is inferred.
SERVER: Mapping[str, HostRule] = {
    "CodeDeployDefault.OneAtATime": HostRule("MOST_CONCURRENCY", 1),
    "CodeDeployDefault.HalfAtATime": HostRule("FLEET_PERCENT", 50),
    "CodeDeployDefault.AllAtOnce": HostRule("FLEET_PERCENT", 0),
}

TRAFFIC_ROUTING: Mapping[str, TrafficRouting] = {**ECS, **LAMBDA}

_NAMES: Mapping[Platform, tuple[str, ...]] = {
    "ec2": tuple(SERVER),
    "ecs": tuple(ECS),
    "lambda": tuple(LAMBDA),
}


def predefined(platform: Platform) -> tuple[str, ...]:
    """Return the names of every predefined configuration of `platform`."""
    return _NAMES[platform]


_FLEETS = (2, 7, 1000)
"""Fleets on which two rules are compared."""


def describes(name: str, config: object) -> bool:
    """Whether `config` says what AWS's own `name` does, as ``get-deployment-config`` prints it."""
    if name in TRAFFIC_ROUTING:
        if not isinstance(config, Mapping) or check_routing(config, "", {}):
            return False
        return parse_routing(config) == TRAFFIC_ROUTING[name]
    if not isinstance(config, Mapping) or set(config) != {"type", "value"}:
        return False
    kind, value = config["type"], config["value"]
    if kind not in ("HOST_COUNT", "FLEET_PERCENT", "MOST_CONCURRENCY") or type(value) is not int:
        return False
    # By effect: how AWS writes down all but OneAtATime is not known.
    said = HostRule(str(kind), value)
    return all(said.minimum(n) == SERVER[name].minimum(n) for n in _FLEETS)
