"""Elastic Beanstalk: five deployment policies, and updates of the configuration.

Source: Elastic Beanstalk Developer Guide, "Deployment policies and settings",
"Immutable environment updates" and "Rolling environment configuration updates".
Only Immutable and TrafficSplitting undo a failed deployment by themselves.
"""

from stratsim.errors import Problem
from stratsim.model.plan import Plan
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.elastic_beanstalk_options import (
    ASSUMPTIONS,
    KEY,
    POLICY_NAMES,
    SAMPLE_S,
    Options,
    check_options,
    option_settings,
)
from stratsim.strategies.elastic_beanstalk_steps import POLICIES
from stratsim.strategies.families import Family, register
from stratsim.strategies.fields import one_of
from stratsim.strategies.lifecycle import unused_events
from stratsim.strategies.limits import Quotas
from stratsim.strategies.neighbours import (
    ASSUME,
    FAILURE,
    assumed,
    check_assumed,
    pages_only,
    rolls_back,
    unwatched,
)
from stratsim.strategies.shapes import Config

UPDATE = "update"
_UPDATES = one_of("application", "configuration")


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what Elastic Beanstalk would refuse about an environment's options."""
    problems = check_options(config.get(KEY), f"{where}.{KEY}")
    if UPDATE in config:
        problems += _UPDATES(config[UPDATE], f"{where}.{UPDATE}")
    return problems + check_assumed(config, where, ASSUMPTIONS)


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan of the environment's policy, or of its configuration update."""
    settings = option_settings(spec.config[KEY])
    assert isinstance(settings, dict)
    options = Options(settings, assumed(spec.config, ASSUMPTIONS), scenario)
    configuration = spec.config.get(UPDATE) == "configuration"
    name = f"Update{options.update_type}" if configuration else options.policy
    draft = POLICIES[name](options)
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=draft.steps,
        routing="weighted" if name == "TrafficSplitting" else "pooled",
        undo=draft.undo,
        redeploy=draft.redeploy,
        restore=draft.restore,
        group=rolls_back(unwatched(spec.group), *(FAILURE,) * draft.rolls_back),
        # Traffic splitting has two target groups, all others one.
        one_target_group=name != "TrafficSplitting",
        minimum_healthy=draft.minimum,
        concurrency=draft.concurrency,
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        scrape_s=SAMPLE_S,
        warnings=(
            *pages_only(spec.group, "Elastic Beanstalk"),
            *unused_events(scenario, draft.steps),
        ),
    )


EXAMPLES = tuple(
    {
        KEY: {
            "aws:elasticbeanstalk:command": {"DeploymentPolicy": policy, "BatchSize": 25},
            "aws:elasticbeanstalk:healthreporting:system": {"SystemType": health},
        }
    }
    for policy in POLICY_NAMES
    for health in ("basic", "enhanced")
) + tuple(
    {
        KEY: {
            "aws:autoscaling:updatepolicy:rollingupdate": {
                "RollingUpdateEnabled": True,
                "RollingUpdateType": kind,
                "MaxBatchSize": 3,
                "MinInstancesInService": 9,
            }
        },
        UPDATE: "configuration",
    }
    for kind in ("Time", "Health", "Immutable")
)

FAMILY = register(
    Family(
        name="elastic_beanstalk",
        platforms=("ec2",),
        keys=(KEY,),
        companions=(UPDATE, ASSUME),
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
