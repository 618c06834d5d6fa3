"""The shapes of a search: what AWS lets a deployment configuration be, on a grid."""

from collections.abc import Callable, Iterator, Mapping

from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.search.space import Shape
from stratsim.strategies.limits import FLEET_PERCENT, TERMINATION_WAIT_MINUTES
from stratsim.strategies.minimum_healthy import HostRule
from stratsim.strategies.predefined import SERVER, TRAFFIC_ROUTING, predefined
from stratsim.strategies.traffic_routing import TrafficRouting, check_routing

CANARY_PERCENT = (1, 2, 5, 10, 20, 25, 50)
CANARY_MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 60)
LINEAR_PERCENT = (5, 10, 20, 25, 50)
LINEAR_MINUTES = (1, 2, 3, 5, 10)
WAIT_MINUTES = (0, 5, 15, 60)
HEALTHY_PERCENT = (0, 25, 50, 66, 75, 80, 90, 95, 99)


def shapes_of(scenario: Scenario) -> tuple[Shape, ...]:
    """Return the shapes of a scenario's platform, quick and plain ones first."""
    return tuple(SHAPES[scenario.platform](scenario))


def _shifts(scenario: Scenario) -> Iterator[Shape]:
    """Yield traffic shifts; on ECS with every wait before blue goes."""
    waits = _waits(scenario) if scenario.platform == "ecs" else (None,)
    for routing in _routings():
        entry, words = _shift(routing, scenario)
        if entry is not None:
            for wait in waits:
                yield Shape(words, entry, wait)


def _routings() -> Iterator[TrafficRouting]:
    yield TrafficRouting("AllAtOnce")
    for percent in CANARY_PERCENT:
        for minutes in CANARY_MINUTES:
            yield TrafficRouting("TimeBasedCanary", percent, minutes)
    for percent in LINEAR_PERCENT:
        for minutes in LINEAR_MINUTES:
            yield TrafficRouting("TimeBasedLinear", percent, minutes)


def _shift(routing: TrafficRouting, scenario: Scenario) -> tuple[Mapping[str, object] | None, str]:
    """Return the entry, by AWS's name where there is one, and its words; None: refused."""
    words = routing.config_name
    for name in predefined(scenario.platform):
        if TRAFFIC_ROUTING[name] == routing:
            return {"deploymentConfigName": name}, words
    config: dict[str, object] = {"type": routing.type}
    if routing.type != "AllAtOnce":
        kind = routing.type.removeprefix("TimeBased").lower()
        values = {f"{kind}Percentage": routing.percentage, f"{kind}Interval": routing.interval_min}
        config[f"timeBased{kind.capitalize()}"] = values
    if check_routing(config, "trafficRoutingConfig", scenario.quotas):
        return None, words
    return {"trafficRoutingConfig": config}, words


def _waits(scenario: Scenario) -> tuple[int, ...]:
    """Return termination waits, the scenario's own among them."""
    own = scenario.deployment_group.termination_wait_s / 60
    most = TERMINATION_WAIT_MINUTES.under(scenario.quotas)
    return tuple(sorted({*(w for w in WAIT_MINUTES if w <= most), round(own)}))


def _rolls(scenario: Scenario) -> Iterator[Shape]:
    """Yield minimums of healthy hosts, in place and, behind a load balancer, blue/green."""
    controlled = scenario.deployment_group.traffic_control
    option = "WITH_TRAFFIC_CONTROL" if controlled else "WITHOUT_TRAFFIC_CONTROL"
    for words, entry in _rules(scenario):
        style = {"deploymentType": "IN_PLACE", "deploymentOption": option}
        yield Shape(f"{words} in place", {**entry, "deploymentStyle": style})
    for words, entry in _rules(scenario) if controlled else ():
        style = {"deploymentType": "BLUE_GREEN", "deploymentOption": option}
        for wait in _waits(scenario):
            yield Shape(f"{words} blue/green", {**entry, "deploymentStyle": style}, wait)


def _rules(scenario: Scenario) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield minimums that differ on this fleet and leave room for at least one host."""
    hosts = scenario.desired
    seen: set[int] = set()
    named = [(name.partition(".")[2], rule, name) for name, rule in SERVER.items()]
    most = FLEET_PERCENT.under(scenario.quotas)
    rules = [HostRule("FLEET_PERCENT", p) for p in HEALTHY_PERCENT if p <= most]
    every = [*named, *((rule.config_name, rule, "") for rule in rules)]
    for words, rule, name in every:
        minimum = rule.minimum(hosts)
        if minimum in seen or minimum >= hosts:
            continue
        seen.add(minimum)
        config = {"type": rule.type, "value": rule.value}
        yield words, {"deploymentConfigName": name} if name else {"minimumHealthyHosts": config}


SHAPES: Mapping[Platform, Callable[[Scenario], Iterator[Shape]]] = {
    "ecs": _shifts,
    "lambda": _shifts,
    "ec2": _rolls,
}
