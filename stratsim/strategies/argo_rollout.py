"""Argo Rollouts: canaries with or without a traffic router, and blue/green.

Source: argoproj/argo-rollouts (commit 9f8d111). An abort sends all traffic back to
the stable ReplicaSet at once; without a router it is a rolling update back.
"""

from stratsim.model.analysis import Gate, Query, Watch
from stratsim.model.plan import Plan, Step
from stratsim.model.scenario import Scenario
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.argo_shapes import COMPANIONS, KEY, check, spec_of
from stratsim.strategies.argo_steps import (
    Rollout,
    blue_green,
    bounds_of,
    routed_canary,
    unrouted_canary,
)
from stratsim.strategies.argo_templates import TEMPLATES
from stratsim.strategies.families import Family, register
from stratsim.strategies.fields import span_s
from stratsim.strategies.lifecycle import unused_events
from stratsim.strategies.measured import DEFAULT_SCRAPE_S, blind
from stratsim.strategies.neighbours import FAILURE, pages_only, rolls_back, unwatched
from stratsim.strategies.shapes import part


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan of a Rollout, by its strategy."""
    whole_spec = spec_of(spec.config[KEY])
    strategy = part(whole_spec, "strategy")
    kind = "canary" if "canary" in strategy else "blueGreen"
    rollout = Rollout(scenario, spec.config, whole_spec, part(strategy, kind))
    plain = kind == "canary" and "trafficRouting" not in rollout.branch
    if plain:
        steps, restore = unrouted_canary(rollout)
    else:
        steps = routed_canary(rollout) if kind == "canary" else blue_green(rollout)
        restore = rollout.abort()
    lower = bounds_of(rollout)[0] if plain else None
    scrape_s = span_s(rollout.known["scrape"]) or DEFAULT_SCRAPE_S
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=steps,
        routing="pooled" if plain else "weighted",
        undo="steps",
        restore=restore,
        group=rolls_back(unwatched(spec.group), FAILURE),
        minimum_healthy=lower,
        concurrency=None if lower is None else bounds_of(rollout)[1] - lower,
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        scrape_s=scrape_s,
        warnings=(
            *_warnings(spec, rollout),
            *blind(_metrics(steps), scrape_s),
            *unused_events(scenario, steps),
        ),
    )


def _metrics(steps: tuple[Step, ...]) -> dict[str, Query]:
    return {m.name: m.query for s in steps if isinstance(s, Gate | Watch) for m in s.metrics}


def _warnings(spec: StrategySpec, rollout: Rollout) -> tuple[str, ...]:
    warnings = [*pages_only(spec.group, "Argo Rollouts")]
    replicas = rollout.spec.get("replicas")
    if replicas not in (None, rollout.replicas):
        warnings.append(
            f"replicas is {replicas} and service.instances is {rollout.replicas}: the latter holds"
        )
    return tuple(warnings)


_TEMPLATE = {
    "metadata": {"name": "success-rate"},
    "spec": {
        "metrics": [
            {
                "name": "success-rate",
                "interval": "1m",
                "initialDelay": "1m",
                "count": 5,
                "failureLimit": 1,
                "successCondition": "result[0] >= 0.95",
                "provider": {"prometheus": {"query": "sum(rate(ok[1m])) / sum(rate(all[1m]))"}},
            }
        ]
    },
}
_ANALYSIS = {"templates": [{"templateName": "success-rate"}]}
_STEPS = [
    {"setWeight": 10},
    {"analysis": _ANALYSIS},
    {"setWeight": 50},
    {"pause": {"duration": "2m"}},
]
EXAMPLES = tuple(
    {KEY: {"strategy": strategy}, TEMPLATES: [_TEMPLATE]}
    for strategy in (
        {"canary": {"steps": _STEPS, "trafficRouting": {}}},
        {"canary": {"steps": _STEPS, "trafficRouting": {}, "dynamicStableScale": True}},
        {"canary": {"steps": _STEPS, "maxSurge": "25%", "maxUnavailable": 0}},
        {"blueGreen": {"autoPromotionSeconds": 60, "postPromotionAnalysis": _ANALYSIS}},
    )
)

FAMILY = register(
    Family(
        name="argo_rollout",
        platforms=("ecs",),
        keys=(KEY,),
        companions=COMPANIONS,
        check=check,
        build=build,
        measures_itself=True,
        examples=EXAMPLES,
    )
)
