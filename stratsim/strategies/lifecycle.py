"""Lifecycle events: which exist where, in which order, and how long they take.

Source of names and order: CodeDeploy User Guide, "AppSpec 'hooks' section". AWS
publishes no durations; the defaults below are modelling choices that
``lifecycle:`` in a scenario overrides event by event.
"""

from stratsim.model.plan import INSTANT, Deregister, Effect, HostEvent, Lifecycle, Roll, Step
from stratsim.model.quantities import Distribution, Fixed, Uniform
from stratsim.model.scenario import Scenario
from stratsim.model.service import LifecycleEvent

BLOCK = ("BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic")
INSTALL = (
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
)
ALLOW = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")

# CodeDeploy API, CreateDeployment: these run the scripts of the revision deployed
# last, and ignoreApplicationStopFailures forgives their failures.
PREVIOUS = ("ApplicationStop", "BeforeBlockTraffic", "AfterBlockTraffic")

# An agent spends one to three seconds around a script that does next to nothing.
SCRIPT = Uniform(1.0, 3.0)
# Downloading and installing a 50 MB bundle takes 5 to 30 s together.
HALF_OF_INSTALLING = Uniform(2.5, 15.0)


def hook(
    scenario: Scenario, event: str, *, can_roll_back: bool = True, reserved: bool = False
) -> tuple[Lifecycle, ...]:
    """Return the deployment's hook `event` where the scenario declares it, else nothing.

    A reserved event is not a hook: it is there unasked and takes no time of its own.
    """
    if reserved:
        return (Lifecycle(event=event, duration=INSTANT),)
    own = scenario.lifecycle.get(event)
    if own is None:
        return ()
    return (
        Lifecycle(
            event=event,
            duration=own.duration,
            failure=own.failure,
            timeout_s=own.timeout,
            can_roll_back=can_roll_back,
        ),
    )


def in_place_events(
    scenario: Scenario, *, traffic_control: bool, forgiving: bool = False
) -> tuple[HostEvent, ...]:
    """Return what happens on one host of an in-place deployment.

    Without a load balancer the six traffic events drop out, and the host serves
    from its ValidateService until its ApplicationStop. `forgiving` is AWS's
    ``ignoreApplicationStopFailures``.
    """
    restart = scenario.service.startup
    if traffic_control:
        names: tuple[str, ...] = (*BLOCK, *INSTALL, *ALLOW)
        effects: dict[str, Effect] = {"BlockTraffic": "block", "AllowTraffic": "allow"}
    else:
        names = INSTALL
        effects = {"ApplicationStop": "block", "ValidateService": "allow"}
    defaults = _defaults(scenario) | {"ApplicationStart": restart}
    events = _events(scenario, names, defaults, effects, forgiving=forgiving)
    return (_start(scenario), *events)


def install_events(scenario: Scenario, *, forgiving: bool = False) -> tuple[HostEvent, ...]:
    """Return the installation on one replacement host.

    ``service.startup`` was spent on its launch, so ApplicationStart is a script
    like any other here.
    """
    events = _events(scenario, INSTALL, _defaults(scenario), {}, forgiving=forgiving)
    return (_start(scenario), *events)


def allow_events(scenario: Scenario) -> tuple[HostEvent, ...]:
    """Return the registration of one replacement host with the load balancer."""
    return _events(scenario, ALLOW, _defaults(scenario), {"AllowTraffic": "allow"})


def block_events(scenario: Scenario, *, forgiving: bool = False) -> tuple[HostEvent, ...]:
    """Return the deregistration of one original host from the load balancer."""
    effects: dict[str, Effect] = {"BlockTraffic": "block"}
    return _events(scenario, BLOCK, _defaults(scenario), effects, forgiving=forgiving)


def launch_hook(events: tuple[HostEvent, ...]) -> tuple[HostEvent, ...]:
    """Return what of `events` is run on an instance that joins an Auto Scaling group.

    It has no traffic yet that could be blocked. Source: CodeDeploy User Guide,
    "Integrating CodeDeploy with Amazon EC2 Auto Scaling".
    """
    return tuple(event for event in events if event.event not in BLOCK)


def _start(scenario: Scenario) -> HostEvent:
    """CodeDeploy's own first event: the agent polls and picks up its command."""
    return HostEvent(event="Start", duration=scenario.control.agent_poll)


def _defaults(scenario: Scenario) -> dict[str, Distribution]:
    check = scenario.service.health_check
    return {
        "DownloadBundle": HALF_OF_INSTALLING,
        "Install": HALF_OF_INSTALLING,
        # The load balancer shows "draining" until the whole delay is over.
        "BlockTraffic": Fixed(scenario.service.drain),
        # The first check comes anywhere within an interval, the others one by one.
        "AllowTraffic": Uniform(
            (check.healthy - 1) * check.interval, check.healthy * check.interval
        ),
    }


def _events(
    scenario: Scenario,
    names: tuple[str, ...],
    defaults: dict[str, Distribution],
    effects: dict[str, Effect],
    *,
    forgiving: bool = False,
) -> tuple[HostEvent, ...]:
    events = []
    for name in names:
        own = scenario.lifecycle.get(name) or LifecycleEvent(duration=defaults.get(name, SCRIPT))
        events.append(
            HostEvent(
                event=name,
                duration=own.duration,
                failure=own.failure,
                timeout_s=own.timeout,
                effect=effects.get(name, "none"),
                forgiven=forgiving and name in PREVIOUS,
                previous=name in PREVIOUS,
            )
        )
    return tuple(events)


def unused_events(scenario: Scenario, steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Say which events of ``lifecycle:`` play no part in these steps."""
    used: set[str] = set()
    for step in steps:
        if isinstance(step, Lifecycle):
            used.add(step.event)
        elif isinstance(step, Roll | Deregister):
            used.update(event.event for event in step.events)
    return tuple(
        f"lifecycle.{name} is not an event that can be scripted in this deployment; it is ignored"
        for name in scenario.lifecycle
        if name not in used
    )
