"""From a strategy to the pace that CodeDeploy can be told."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from stratsim.export._aws_names import codedeploy_name
from stratsim.export._base import Draft, Json, plain
from stratsim.model.plan import Hold, Plan, Shift
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.limits import FLEET_PERCENT, INCREMENT_PERCENT, SHIFT_MINUTES
from stratsim.strategies.minimum_healthy import HostRule
from stratsim.strategies.predefined import PREFIX, TRAFFIC_ROUTING, predefined
from stratsim.strategies.traffic_routing import TrafficRouting

COMPUTE_PLATFORM = {"ec2": "Server", "ecs": "ECS", "lambda": "Lambda"}
_LABEL = {"ec2": "", "ecs": "ECS", "lambda": "Lambda"}
# type -> branch and its two keys (CodeDeploy API reference, TrafficRoutingConfig)
_BRANCHES = {
    "TimeBasedCanary": ("timeBasedCanary", "canaryPercentage", "canaryInterval"),
    "TimeBasedLinear": ("timeBasedLinear", "linearPercentage", "linearInterval"),
}


@dataclass(frozen=True, slots=True)
class Rollout:
    """The name of a deployment configuration, and its input where it must be made."""

    name: str
    config: Json | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A weight on the new revision [percent] and how long it is held [s]."""

    percent: float
    hold_s: float


def rollout(draft: Draft) -> Rollout:
    """Return what CodeDeploy is told about the pace; approximations are told as lost."""
    spec, plan = draft.request.spec, draft.request.plan
    routing, hosts = (spec.config.get(k) for k in ("trafficRoutingConfig", "minimumHealthyHosts"))
    if isinstance(routing, Mapping):
        return _custom(draft, plan.deployment_config, {"trafficRoutingConfig": _branch(routing)})
    if isinstance(hosts, Mapping):
        body: Json = {"minimumHealthyHosts": plain(hosts)}
        if spec.config.get("zonalConfig"):
            body["zonalConfig"] = plain(spec.config["zonalConfig"])
        return _custom(draft, _hosts_name(spec, plan), body)
    if plan.deployment_config and not plan.custom:
        return Rollout(plan.deployment_config)
    return _nearest_hosts(draft) if plan.platform == "ec2" else _nearest_routing(draft)


def _custom(draft: Draft, wanted: str, body: Json) -> Rollout:
    wanted = wanted or draft.request.spec.name
    name = codedeploy_name(wanted)
    if name != wanted:
        draft.note(f"the deployment configuration {wanted!r} is called {name} in AWS.")
    platform = COMPUTE_PLATFORM[draft.request.plan.platform]
    return Rollout(name, {"deploymentConfigName": name, "computePlatform": platform, **body})


def _hosts_name(spec: StrategySpec, plan: Plan) -> str:
    """Return the plan's name for a configuration, told apart by the zonal part it leaves out."""
    zonal = spec.config.get("zonalConfig")
    if not zonal or "deploymentConfigName" in spec.config:
        return plan.deployment_config
    content = json.dumps(plain(zonal), sort_keys=True)
    return f"{plan.deployment_config}-{sha256(content.encode()).hexdigest()[:8]}"


def _branch(written: Mapping[str, object]) -> Json:
    """Return the routing with the one branch that its type uses."""
    kept = ("type", *_BRANCHES.get(str(written.get("type")), ())[:1])
    return {key: plain(written[key]) for key in kept if key in written}


# ------------------------------------------------ what CodeDeploy has no word for
def stages(plan: Plan) -> list[Stage]:
    """Return the weights of a plan in order, up to the last shift; instants are left out."""
    found: list[Stage] = []
    for step in plan.steps:
        if isinstance(step, Shift):
            found.append(Stage(100 * step.weight, 0.0))
        elif isinstance(step, Hold) and found:
            found[-1] = Stage(found[-1].percent, found[-1].hold_s + step.duration_s)
    return [stage for stage in found[:-1] if stage.hold_s > 0] + found[-1:]


def _nearest_routing(draft: Draft) -> Rollout:
    """Return the canary or linear configuration nearest to a list of weights."""
    spec, plan = draft.request.spec, draft.request.plan
    found = stages(plan)
    before = found[:-1]
    if found and found[-1].hold_s > 0:
        draft.lose(
            f"strategy {spec.name!r}: CodeDeploy has no pause at 100 %; terminationWaitTimeInMinutes"
            " keeps blue alive instead."
        )
    if not found:
        draft.lose(
            f"strategy {spec.name!r} ({spec.family}) shifts no weights, so CodeDeploy cannot"
            " express it; the export shifts all traffic at once."
        )
    if any(stage.percent <= 0 for stage in before):
        draft.lose(f"strategy {spec.name!r}: CodeDeploy has no pause at weight 0; it is left out.")
        before = [stage for stage in before if stage.percent > 0]
    return _named_routing(draft, _fit(draft, before))


def _fit(draft: Draft, before: list[Stage]) -> TrafficRouting:
    """Return the routing nearest to the weights `before` the last shift."""
    if not before:
        return TrafficRouting("AllAtOnce")
    percent = _percent(draft, min(stage.percent for stage in before))
    if len(before) > 1 and _even(before):
        return TrafficRouting(
            "TimeBasedLinear", percent, _minutes(draft, before[0].hold_s, waits=len(before))
        )
    minutes = _minutes(draft, sum(stage.hold_s for stage in before))
    if len(before) > 1:
        # Never more exposure than simulated until the last shift, at the same time.
        weights = ", ".join(f"{stage.percent:g} %" for stage in before)
        draft.lose(
            f"strategy {draft.request.spec.name!r}: CodeDeploy knows one canary step or equal"
            f" steps, not the weights {weights}; the export holds {percent} % for {minutes} minutes"
            " and then shifts the rest. What was simulated is not what it will do."
        )
    return TrafficRouting("TimeBasedCanary", percent, minutes)


def _named_routing(draft: Draft, routing: TrafficRouting) -> Rollout:
    """Return AWS's own configuration where there is one like `routing`, else a new one."""
    platform = draft.request.plan.platform
    for name in predefined(platform):
        if TRAFFIC_ROUTING[name] == routing:
            return Rollout(name)
    branch, percentage, interval = _BRANCHES[routing.type]
    body = {percentage: routing.percentage, interval: routing.interval_min}
    name = _LABEL[platform] + routing.config_name
    return _custom(draft, name, {"trafficRoutingConfig": {"type": routing.type, branch: body}})


def _even(before: list[Stage]) -> bool:
    """Whether equal steps at equal times lead to 100 %, the last one smaller perhaps."""
    step, hold = before[0].percent, before[0].hold_s
    complete = len(before) == math.ceil(round(100 / step, 9)) - 1
    return complete and all(
        math.isclose(stage.percent, step * (position + 1), abs_tol=1e-9)
        and math.isclose(stage.hold_s, hold)
        for position, stage in enumerate(before)
    )


def _percent(draft: Draft, percent: float) -> int:
    most = int(INCREMENT_PERCENT.under(draft.request.scenario.quotas))
    whole = min(max(round(percent), 1), most)
    if not math.isclose(whole, percent, abs_tol=1e-9):
        draft.lose(f"a weight of {percent:g} % becomes {whole} %; CodeDeploy has 1 to {most} %.")
    return whole


def _minutes(draft: Draft, hold_s: float, waits: int = 1) -> int:
    """Return a pause in whole minutes; `waits` of them have to fit into AWS's limit."""
    limit = int(SHIFT_MINUTES.under(draft.request.scenario.quotas))
    exact, most = hold_s / 60, max(limit // waits, 1)
    whole = most if exact > most else max(math.ceil(exact - 1e-9), 1)
    if not math.isclose(whole, exact, abs_tol=1e-9):
        draft.lose(
            f"a pause of {hold_s:g} s becomes {whole} minutes; CodeDeploy has whole minutes,"
            f" {limit} at most from the first shift to the last."
        )
    return whole


def _nearest_hosts(draft: Draft) -> Rollout:
    """Return the minimum of healthy hosts nearest to a plan that CodeDeploy cannot follow.

    The first batch is as large as the first weight, so less is exposed at once
    than was simulated, but nothing is waited for.
    """
    spec, plan = draft.request.spec, draft.request.plan
    most = int(FLEET_PERCENT.under(draft.request.scenario.quotas))
    rule = HostRule("FLEET_PERCENT", min(_kept_percent(plan), most))
    if plan.minimum_healthy is not None:
        rule = HostRule("HOST_COUNT", plan.minimum_healthy)
    unit = "% of the hosts" if rule.type == "FLEET_PERCENT" else "hosts"
    draft.lose(
        f"strategy {spec.name!r} ({spec.family}): CodeDeploy on EC2 has neither weights nor"
        f" pauses; the export keeps {rule.value} {unit} healthy and goes on without waiting."
    )
    body: Json = {"minimumHealthyHosts": {"type": rule.type, "value": rule.value}}
    if rule == HostRule("FLEET_PERCENT", 0):
        return Rollout(f"{PREFIX}AllAtOnce")
    return _custom(draft, rule.config_name, body)


def _kept_percent(plan: Plan) -> int:
    """Return the share of hosts that stays in service while the first weight's worth changes.

    At least one host has to change: AWS rounds the minimum up, and a minimum of
    the whole fleet fails the deployment at once.
    """
    first = next((stage.percent for stage in stages(plan) if stage.percent > 0), 100.0)
    if not plan.desired:
        return max(math.floor(100 - first), 0)
    at_once = max(math.floor(plan.desired * first / 100 + 1e-9), 1)
    return max(100 * (plan.desired - at_once) // plan.desired, 0)
