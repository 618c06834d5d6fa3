"""How many of each thing CodeDeploy takes in a deployment group.

Source: CodeDeploy API reference, CreateDeploymentGroup and TargetGroupPairInfo.
"""

from collections.abc import Iterator, Mapping

from stratsim.errors import Problem
from stratsim.scenario_io.checking import joined

_LOAD_BALANCER = "loadBalancerInfo"
_PAIRS = "targetGroupPairInfoList"
# What the API's shapes say can be no quota.
_MOST = (
    (("ecsServices",), 1, "ECS service"),
    ((_LOAD_BALANCER, _PAIRS), 1, "pair of target groups"),
    ((_LOAD_BALANCER, "targetGroupInfoList"), 10, "target groups"),
    ((_LOAD_BALANCER, "elbInfoList"), 10, "load balancers"),
)


def check_counts(
    group: Mapping[str, object], path: str, quotas: Mapping[str, float]
) -> list[Problem]:
    """Return the problems of lists that are longer than AWS takes them."""
    from stratsim.strategies.limits import AUTO_SCALING_GROUPS, TRIGGERS, over

    problems: list[Problem] = []
    for key, limit, unit in (
        ("autoScalingGroups", AUTO_SCALING_GROUPS, "groups"),
        ("triggerConfigurations", TRIGGERS, "triggers"),
    ):
        problems += over(_length(group, key), joined(path, key), limit, quotas, unit)
    for keys, most, what in _MOST:
        found = _length(group, *keys)
        if found > most:
            problems.append(Problem(joined(path, *keys), f"at most {most} {what}", str(found)))
    return [*problems, *_check_pair(group, joined(path, _LOAD_BALANCER, _PAIRS))]


def _inside(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _length(group: object, *keys: str) -> int:
    found = _inside(group, *keys)
    return len(found) if isinstance(found, list) else 0


def _check_pair(group: Mapping[str, object], path: str) -> Iterator[Problem]:
    """Yield the problems of a pair: two target groups, one listener for each kind of traffic."""
    pairs = _inside(group, _LOAD_BALANCER, _PAIRS)
    for index, pair in enumerate(pairs if isinstance(pairs, list) else []):
        found = _length(pair, "targetGroups")
        if found not in (0, 2):
            yield Problem(joined(path, index, "targetGroups"), "two target groups", str(found))
        for route in ("prodTrafficRoute", "testTrafficRoute"):
            listeners = _length(pair, route, "listenerArns")
            if listeners > 1:
                where = joined(path, index, route, "listenerArns")
                yield Problem(where, "one listener", str(listeners))
