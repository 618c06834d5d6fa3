"""API Gateway's canary release of a stage: a random split, promoted by a person.

Source: API Gateway Developer Guide, "Set up an API Gateway canary release deployment";
API reference, CanarySettings. The tool has no clock and looks at no alarm.
"""

from stratsim.errors import Problem
from stratsim.model.plan import Plan, Step
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.families import Family, register
from stratsim.strategies.fields import Rule, anything, fields, flag, real_in, span, span_s, text
from stratsim.strategies.lifecycle import unused_events
from stratsim.strategies.limits import Quotas
from stratsim.strategies.neighbours import pages_only, rolls_back, side_by_side, steps_at, unwatched
from stratsim.strategies.shapes import Config, part
from stratsim.strategies.weighted import retire

KEY = "canarySettings"
PROMOTE_AFTER = "promoteAfter"
DEFAULT_PROMOTE_AFTER_S = 1800.0
"""When somebody promotes the canary; a choice of stratsim's own."""

RULES: dict[str, Rule] = {
    "percentTraffic": real_in(0, 100),
    "deploymentId": text,
    "stageVariableOverrides": anything,
    "useStageCache": flag,
}


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what API Gateway would refuse about a canary."""
    problems = fields(RULES)(config.get(KEY), f"{where}.{KEY}")
    if PROMOTE_AFTER in config:
        problems += span(config[PROMOTE_AFTER], f"{where}.{PROMOTE_AFTER}")
    return problems


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: the canary's share until somebody promotes it."""
    percent = part(spec.config, KEY).get("percentTraffic", 0.0)
    assert isinstance(percent, int | float)
    after_s = span_s(spec.config.get(PROMOTE_AFTER, DEFAULT_PROMOTE_AFTER_S)) or 0.0
    moves: tuple[Step, ...] = steps_at(
        (float(percent) / 100, 1.0), (after_s, 0.0), "update-stage", PROMOTE_AFTER
    )
    steps = side_by_side(scenario, moves, retire(spec.group))
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=steps,
        routing="weighted",
        undo="flip" if scenario.platform == "lambda" else "reroute",
        group=rolls_back(unwatched(spec.group)),
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        warnings=(*_warnings(spec), *unused_events(scenario, steps)),
    )


def _warnings(spec: StrategySpec) -> tuple[str, ...]:
    warnings = [*pages_only(spec.group, "API Gateway")]
    if PROMOTE_AFTER not in spec.config:
        minutes = DEFAULT_PROMOTE_AFTER_S / 60
        warnings.append(
            f"{PROMOTE_AFTER} is not given: somebody is taken to promote the canary after "
            f"{minutes:g} min"
        )
    return tuple(warnings)


EXAMPLES = ({KEY: {"percentTraffic": 12.5}, PROMOTE_AFTER: "20m"},)

FAMILY = register(
    Family(
        name="api_gateway_canary",
        platforms=("ec2", "ecs", "lambda"),
        keys=(KEY,),
        companions=(PROMOTE_AFTER,),
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
