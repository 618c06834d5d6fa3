"""CodeDeploy in place on EC2: hosts leave, change and come back, some at a time."""

from dataclasses import replace

from stratsim.errors import Problem, shorten
from stratsim.model.plan import Plan, Roll, Zone
from stratsim.model.scenario import Scenario
from stratsim.model.service import Platform
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.ec2_hosts import (
    COMPANIONS,
    FORGIVING,
    KEY,
    check_fleet,
    check_hosts,
    roll,
    roll_warnings,
    rule_of,
    unhealthy,
)
from stratsim.strategies.families import NAME_KEY, Family, register
from stratsim.strategies.lifecycle import in_place_events, launch_hook, unused_events
from stratsim.strategies.limits import IN_PLACE_HOURS, Quotas
from stratsim.strategies.minimum_healthy import ZonalRule, check_zonal, parse_zonal
from stratsim.strategies.shapes import Config, part

ZONAL = "zonalConfig"


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about an in-place configuration."""
    problems = check_hosts(config, where, platform, quotas)
    if ZONAL not in config:
        return problems
    at = f"{where}.{ZONAL}"
    if KEY not in config:
        # CodeDeploy User Guide, "Create a deployment configuration".
        rule = f"absent beside a predefined configuration; give {KEY} instead"
        return [*problems, Problem(at, rule, shorten(config[ZONAL]))]
    return [*problems, *check_zonal(config[ZONAL], at, quotas)]


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: one roll over the fleet, undone by another."""
    check_fleet(scenario)
    rule, name = rule_of(spec)
    events = in_place_events(
        scenario,
        traffic_control=spec.group.traffic_control,
        forgiving=bool(spec.config.get(FORGIVING, False)),
    )
    plain = roll("IN_PLACE", scenario, rule, events, scenario.desired)
    plain = replace(plain, unhealthy=len(unhealthy(scenario)))
    step = plain
    if ZONAL in spec.config:
        zonal = parse_zonal(part(spec.config, ZONAL))
        step = _zonal(plain, zonal, scenario)
        name = name if NAME_KEY in spec.config else name + zonal.config_name
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=(step,),
        routing="pooled",
        undo="redeploy",
        group=spec.group,
        one_target_group=True,
        deployment_config=name,
        custom=KEY in spec.config,
        minimum_healthy=step.minimum_healthy,
        concurrency=step.concurrency,
        desired=scenario.desired,
        out_of_service=plain.unhealthy,
        deadline_s=IN_PLACE_HOURS.under(scenario.quotas) * 3600,
        reroute_s=scenario.control.reroute,
        # A rollback is not zonal: for speed it takes hosts at random.
        redeploy=plain,
        launch_hook=launch_hook(events),
        warnings=(
            *roll_warnings(step),
            *_length_warning(plain, scenario),
            *unused_events(scenario, (step,)),
        ),
    )


def _length_warning(step: Roll, scenario: Scenario) -> tuple[str, ...]:
    """Say that the roll is expected to outlast what AWS grants a deployment."""
    most = IN_PLACE_HOURS.under(scenario.quotas)
    batches = -(-step.count // step.concurrency) if step.concurrency else 0
    hours = batches * sum(event.duration.mean for event in step.events) / 3600
    if hours <= most:
        return ()
    length = f"it would take {hours:.3g} h, more than {most:g} h"
    return (f"{length}, and fails then: {IN_PLACE_HOURS.hint}",)


def _zonal(step: Roll, zonal: ZonalRule, scenario: Scenario) -> Roll:
    """Return the roll zone by zone; a percentage is of each zone's own hosts, rounded up."""
    zones = min(scenario.service.zones, step.count)
    sick = unhealthy(scenario)
    parts = []
    for zone in range(zones):
        hosts = range(zone, step.count, zones)  # hosts are dealt to the zones in turn
        parts.append(
            Zone(
                count=len(hosts),
                unhealthy=sum(index in hosts for index in sick),
                minimum_healthy=zonal.per_zone.minimum(len(hosts)),
            )
        )
    return replace(
        step,
        zones=tuple(parts),
        first_zone_monitor_s=zonal.first_monitor_s,
        zone_monitor_s=zonal.monitor_s,
        zone_tail_wait=scenario.control.zone_tail_wait,
        zones_shuffled=scenario.control.zone_order == "random",
    )


EXAMPLES: tuple[Config, ...] = (
    {KEY: {"type": "FLEET_PERCENT", "value": 66}},
    {
        KEY: {"type": "HOST_COUNT", "value": 4},
        ZONAL: {
            "monitorDurationInSeconds": 60,
            "minimumHealthyHostsPerZone": {"type": "HOST_COUNT", "value": 1},
        },
    },
)

FAMILY = register(
    Family(
        name="ec2_in_place",
        platforms=("ec2",),
        keys=(KEY,),
        companions=COMPANIONS,
        named=True,
        deployment_type="IN_PLACE",
        check=check,
        build=build,
        examples=EXAMPLES,
    )
)
