"""Plans whose traffic is split by weights: blue and green side by side, or an alias."""

from stratsim.model.plan import READY_WAIT, Hold, Launch, Lifecycle, Plan, Retire, Shift, Step
from stratsim.model.scenario import Scenario
from stratsim.model.settings import MINUTE_S, Control, DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.lifecycle import hook, unused_events
from stratsim.strategies.shapes import part, parts

Moves = tuple[Shift | Hold, ...]


def weighted_plan(
    spec: StrategySpec,
    scenario: Scenario,
    moves: Moves,
    *,
    deployment_config: str = "",
    custom: bool = False,
) -> Plan:
    """Return the plan that makes `moves` between installation and retirement."""
    on_lambda = scenario.platform == "lambda"
    steps = _alias(scenario, moves) if on_lambda else _fleets(spec.group, scenario, moves)
    return Plan(
        strategy=spec.name,
        family=spec.family,
        platform=scenario.platform,
        steps=steps,
        routing="weighted",
        undo="flip" if on_lambda else "reroute",
        group=spec.group,
        deployment_config=deployment_config,
        custom=custom,
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        warnings=(
            *ready_warnings(spec.group, steps),
            *([] if on_lambda else keep_alive_warnings(spec.group)),
            *unused_events(scenario, steps),
        ),
    )


def _alias(scenario: Scenario, moves: Moves) -> tuple[Step, ...]:
    """Lambda: two hooks around the shifts; nothing is installed and nothing retired."""
    return (
        *hook(scenario, "BeforeAllowTraffic"),
        *moves,
        *hook(scenario, "AfterAllowTraffic"),
    )


def _fleets(group: DeploymentGroup, scenario: Scenario, moves: Moves) -> tuple[Step, ...]:
    """ECS: a second task set, five hooks, the shifts, and the wait before blue goes."""
    return (
        # Before the replacement exists there is nothing to roll back to or from.
        *hook(scenario, "BeforeInstall", can_roll_back=False),
        launch("Install", scenario),
        *hook(scenario, "AfterInstall"),
        *_test_traffic(group, scenario),
        *ready_wait(group, scenario.control),
        *hook(scenario, "BeforeAllowTraffic"),
        *moves,
        *hook(scenario, "AfterAllowTraffic"),
        retire(group),
    )


def _test_traffic(group: DeploymentGroup, scenario: Scenario) -> tuple[Lifecycle, ...]:
    """The test listener's two events, which need one another to mean anything.

    CodeDeploy ignores the hook where there is no such listener (AppSpec 'hooks' section);
    a group that tells no listeners at all is taken to have one.
    """
    pairs = parts(part(group.raw, "loadBalancerInfo"), "targetGroupPairInfoList")
    if pairs and not any(part(p, "testTrafficRoute").get("listenerArns") for p in pairs):
        return ()
    tests = hook(scenario, "AfterAllowTestTraffic")
    return (*hook(scenario, "AllowTestTraffic", reserved=True), *tests) if tests else ()


def launch(event: str, scenario: Scenario) -> Launch:
    """Return the start of a second fleet as large as the first."""
    return Launch(
        event=event,
        count=scenario.desired,
        startup=scenario.service.startup,
        timeout_s=scenario.control.steady_state_timeout,
    )


def ready_wait(group: DeploymentGroup, control: Control) -> tuple[Hold, ...]:
    """Return the wait for somebody to continue; where nobody does, the deployment stops.

    Source: CodeDeploy API, DeploymentReadyOption.
    """
    if group.ready_action == "CONTINUE_DEPLOYMENT":
        return ()
    after_s = control.continue_after
    if after_s is not None and after_s <= group.ready_wait_s:
        return (Hold(duration_s=after_s, event=READY_WAIT),)
    return (Hold(duration_s=group.ready_wait_s, event=READY_WAIT, stops=True),)


def ready_warnings(group: DeploymentGroup, steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Say that a plan stops before it shifts any traffic."""
    if not any(isinstance(step, Hold) and step.stops for step in steps):
        return ()
    warning = (
        "deploymentReadyOption is STOP_DEPLOYMENT and nobody continues the deployment: it stops "
        f"{group.ready_wait_s / MINUTE_S:g} min after the new fleet is ready, before any shift"
    )
    return (warning,)


def retire(group: DeploymentGroup) -> Retire:
    """Return the end of the old fleet; one that is kept alive is not waited for."""
    keep = group.terminate_action == "KEEP_ALIVE"
    return Retire(
        event="TERMINATION_WAIT",
        wait_s=0.0 if keep else group.termination_wait_s,
        action=group.terminate_action,
    )


def keep_alive_warnings(group: DeploymentGroup) -> tuple[str, ...]:
    """Say that the old fleet goes on costing after the run's end."""
    if group.terminate_action != "KEEP_ALIVE":
        return ()
    warning = (
        "terminateBlueInstancesOnDeploymentSuccess is KEEP_ALIVE: the original fleet is paid for "
        "to the run's end here, and goes on until somebody terminates it"
    )
    return (warning,)
