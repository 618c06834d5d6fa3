"""``lifecycle:`` and ``hosts:``."""

from collections.abc import Mapping

from stratsim.errors import shorten
from stratsim.model.quantities import Uniform
from stratsim.model.release import Release
from stratsim.model.service import Host, LifecycleEvent, Platform
from stratsim.scenario_io.events import EVENTS, STAGES
from stratsim.scenario_io.faults import Fleet
from stratsim.scenario_io.reading import Reading

HOOK_DURATION = Uniform(1.0, 3.0)
"""How long a hook lasts of which only a fault knows."""


def read_lifecycle(
    reading: Reading, platform: Platform, quotas: Mapping[str, float]
) -> dict[str, LifecycleEvent] | None:
    """Return ``lifecycle:``, or ``None`` with its problems noted."""
    from stratsim.strategies.limits import LIFECYCLE_EVENT_SECONDS, over

    value = reading.data.get("lifecycle")
    if value is None:
        return {}
    events = EVENTS[platform]
    if not isinstance(value, Mapping):
        rule = f"a mapping of lifecycle events ({', '.join(events)})"
        reading.problems.add("lifecycle", rule, shorten(value))
        return None
    found: dict[str, LifecycleEvent] = {}
    for key, inner in value.items():
        if key not in events:
            reading.problems.unknown(f"lifecycle.{key}", key, events)
            continue
        event = reading.problems.check(f"lifecycle.{key}", LifecycleEvent, inner)
        if event is None:
            continue
        found[key] = event
        if key not in STAGES:  # those of ECS have limits of their own
            where, limit = f"lifecycle.{key}.timeout", LIFECYCLE_EVENT_SECONDS
            reading.problems.found += over(event.timeout, where, limit, quotas, "s")
    return found


def add_hooks(reading: Reading, lifecycle: dict[str, LifecycleEvent], release: Release) -> None:
    """Give every hook that a fault fails a place in the lifecycle: else it never ran."""
    events = {f.event for outcome in release.outcomes for f in outcome.faults if f.event}
    for event in sorted(events - set(lifecycle)):
        lifecycle[event] = LifecycleEvent(duration=HOOK_DURATION)
        reading.warnings.append(
            f"lifecycle.{event}: a fault fails this hook, so it is taken to exist and to last "
            "1 to 3 s."
        )


def read_hosts(reading: Reading, fleet: Fleet) -> tuple[Host, ...] | None:
    """Return ``hosts:``, or ``None`` with its problems noted."""
    value = reading.data.get("hosts")
    if value is None:
        return ()
    if fleet.platform != "ec2":
        rule = "absent: only platform ec2 has hosts"
        reading.problems.add("hosts", rule, shorten(value))
        return None
    hosts = reading.problems.check("hosts", tuple[Host, ...], value)
    seen: set[int] = set()
    for index, host in enumerate(hosts or ()):
        path = f"hosts.{index}.index"
        if host.index in seen:
            reading.problems.add(path, "a host that is not described before", host.index)
        elif fleet.instances is not None and host.index >= fleet.instances:
            rule = f"a host from 0 to {fleet.instances - 1} (service.instances)"
            reading.problems.add(path, rule, host.index)
        seen.add(host.index)
    return hosts
