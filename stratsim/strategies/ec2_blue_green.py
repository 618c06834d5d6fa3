"""CodeDeploy blue/green on EC2: a second fleet is installed, registered, and takes over.

Source: CodeDeploy User Guide, "Deployments on an EC2/On-Premises compute platform"
and the table of predefined configurations: one rule governs both the installation
and the rerouting of the replacement fleet.
"""

from dataclasses import replace

from stratsim.errors import InputError, Problem, shorten
from stratsim.model.plan import INSTANT, Deregister, Launch, Plan, Step
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
from stratsim.strategies.lifecycle import (
    allow_events,
    block_events,
    install_events,
    unused_events,
)
from stratsim.strategies.limits import Quotas
from stratsim.strategies.predefined import SERVER
from stratsim.strategies.shapes import Config
from stratsim.strategies.weighted import (
    keep_alive_warnings,
    launch,
    ready_wait,
    ready_warnings,
    retire,
)


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a blue/green configuration."""
    problems = check_hosts(config, where, platform, quotas)
    if "zonalConfig" in config:
        # CodeDeploy User Guide, "Create a deployment configuration".
        rule = "absent in a blue/green deployment; only in-place deployments go zone by zone"
        problems.append(Problem(f"{where}.zonalConfig", rule, shorten(config["zonalConfig"])))
    return problems


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: provision, install, reroute, deregister, retire."""
    check_fleet(scenario)
    _check_load_balancer(spec)
    rule, name = rule_of(spec)
    sick = len(unhealthy(scenario))
    green = _green_size(spec, scenario)
    forgiving = bool(spec.config.get(FORGIVING, False))
    scripts = install_events(scenario, forgiving=forgiving)
    install = roll("Install", scenario, rule, scripts, green)
    reroute = roll("AllowTraffic", scenario, rule, allow_events(scenario), green)
    steps: tuple[Step, ...] = (
        _provision(spec, scenario, green),
        replace(install, fleet="new"),
        *ready_wait(spec.group, scenario.control),
        replace(reroute, fleet="new"),
        # Green is registered before blue is taken out.
        Deregister(event="BlockTraffic", events=block_events(scenario, forgiving=forgiving)),
        retire(spec.group),
    )
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=steps,
        routing="pooled",
        undo="reregister",
        group=spec.group,
        # Both fleets are registered with the one load balancer of the group.
        one_target_group=True,
        deployment_config=name,
        custom=KEY in spec.config,
        minimum_healthy=install.minimum_healthy,
        concurrency=install.concurrency,
        desired=scenario.desired,
        out_of_service=sick,
        reroute_s=scenario.control.reroute,
        launch_hook=(*install.events, *reroute.events),
        warnings=(
            *roll_warnings(install),
            *ready_warnings(spec.group, steps),
            *keep_alive_warnings(spec.group),
            *unused_events(scenario, steps),
        ),
    )


def check_in_group(spec: StrategySpec, where: str) -> list[Problem]:
    """Return what is wrong with a blue/green configuration in its group.

    Terraform's page of aws_codedeploy_deployment_group: exactly one source group.
    """
    sources = spec.group.raw.get("autoScalingGroups")
    if spec.group.green_fleet != "COPY_AUTO_SCALING_GROUP" or not isinstance(sources, list):
        return []
    if len(sources) <= 1:
        return []
    rule = "of one Auto Scaling group where COPY_AUTO_SCALING_GROUP copies it"
    hint = "With DISCOVER_EXISTING you bring the replacement instances along."
    return [Problem(where, rule, f"{len(sources)} groups", hint)]


def _green_size(spec: StrategySpec, scenario: Scenario) -> int:
    """Return the replacement hosts: a copied group has as many as are healthy in its source.

    Source: CodeDeploy User Guide, "Integrating CodeDeploy with Amazon EC2 Auto Scaling".
    """
    if spec.group.green_fleet == "DISCOVER_EXISTING":
        return scenario.desired
    return scenario.desired - len(unhealthy(scenario))


def _provision(spec: StrategySpec, scenario: Scenario, count: int) -> Launch:
    """Return the second fleet's launch; a discovered one is running already."""
    step = replace(launch("Provision", scenario), count=count)
    if spec.group.green_fleet == "DISCOVER_EXISTING":
        return replace(step, startup=INSTANT)
    return step


def _check_load_balancer(spec: StrategySpec) -> None:
    # CodeDeploy User Guide, "Integrating CodeDeploy with Elastic Load Balancing".
    if not spec.group.traffic_control:
        rule = "WITH_TRAFFIC_CONTROL in a blue/green deployment"
        where = f"strategies.{spec.name}.deploymentStyle.deploymentOption"
        raise InputError([Problem(where, rule, "'WITHOUT_TRAFFIC_CONTROL'")])


_CONFIGS: tuple[Config, ...] = (
    {KEY: {"type": "HOST_COUNT", "value": 6}},
    *({NAME_KEY: name} for name in SERVER),
)
EXAMPLES: tuple[Config, ...] = tuple(
    {"deploymentStyle": "BLUE_GREEN", **config} for config in _CONFIGS
)

FAMILY = register(
    Family(
        name="ec2_blue_green",
        platforms=("ec2",),
        keys=(KEY,),
        companions=COMPANIONS,
        named=True,
        deployment_type="BLUE_GREEN",
        check=check,
        build=build,
        check_in_group=check_in_group,
        examples=EXAMPLES,
    )
)
