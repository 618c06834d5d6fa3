"""From a checked tree of plain data to the scenario, section by section.

Each section is read on its own, so that what is wrong in one does not hide what
is wrong in another; a section that failed leaves ``None`` behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from stratsim.errors import shorten
from stratsim.model.markers import Number, Text
from stratsim.model.quantities import Uniform
from stratsim.model.release import Release
from stratsim.model.scenario import Alarm, Scenario
from stratsim.model.service import Host, Latency, LifecycleEvent, Platform, Service
from stratsim.model.settings import Control, Cost, DeploymentGroup, MetricSettings, OnCall, Slo
from stratsim.scenario_io import defaults
from stratsim.scenario_io.alarms import read_alarms
from stratsim.scenario_io.checking import NULL_HINT, Problems, joined, keys_of, shown
from stratsim.scenario_io.events import EVENTS, HOOKS
from stratsim.scenario_io.faults import FaultReader, Fleet
from stratsim.scenario_io.group import ALARM_QUOTA, GroupReader
from stratsim.scenario_io.strategies import read_strategies
from stratsim.scenario_io.traffic import read_traffic

T = TypeVar("T")

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
SECTIONS = tuple(key for key in keys_of(Scenario) if key not in ("source", "warnings"))
NAME = Text(1, 128, kind="a name")
DESCRIPTION = Text(0, 10_000, lines=True)
REPLICATIONS = Number(1, 10_000_000, whole=True)
SEED = Number(0, 2**63 - 1, whole=True)
NOISE = ("sampled", "expected")
HOOK_DURATION = Uniform(1.0, 3.0)


@dataclass(slots=True)
class Reading:
    """What is known while one document is read."""

    data: Mapping[str, Any]
    folder: Path
    problems: Problems = field(default_factory=Problems)
    warnings: list[str] = field(default_factory=list)

    def section(self, key: str, kind: type[T], default: T) -> T | None:
        """Return the section `key` as a `kind`; its default where it is not there."""
        if self.data.get(key) is None:
            return default
        return self.problems.check(key, kind, self.data[key])

    def leaf(self, key: str, marker: Any, default: Any) -> Any:
        """Return the single value under `key`; its default where it is not there."""
        value = self.data.get(key)
        return default if value is None else self.problems.parse(key, marker, value)


def read_scenario(data: Mapping[str, Any], folder: Path, problems: Problems) -> Scenario | None:
    """Return the scenario in `data`, or ``None`` with every problem noted.

    Parameters
    ----------
    data
        The document, as read.
    folder
        What the files that it names are relative to.
    problems
        Takes what is wrong; ``where`` is a key path.
    """
    reading = Reading(data, folder, problems)
    for key in data:
        if key not in SECTIONS:
            problems.unknown(str(key), key, SECTIONS)
    platform = _platform(reading)
    common = _common(reading)
    if platform is None:
        return None
    parts = {**common, **_of_platform(reading, platform)}
    if problems.found or problems.elsewhere:
        return None
    return Scenario(platform=platform, source=dict(data), warnings=tuple(reading.warnings), **parts)


def _platform(reading: Reading) -> Platform | None:
    value = reading.data.get("platform")
    if isinstance(value, str) and value in PLATFORMS:
        return value
    reading.problems.choice("platform", value, PLATFORMS)
    return None


def _common(reading: Reading) -> dict[str, Any]:
    """Return the sections that are the same on every platform."""
    problems = reading.problems
    if reading.data.get("name") is None:
        problems.add("name", NAME.rule, "nothing")
    written = reading.data.get("traffic")
    value = {} if written is None else written
    traffic, warnings = read_traffic(value, reading.folder, problems)
    reading.warnings += warnings
    noise = reading.data.get("noise")
    noise = "sampled" if noise is None else noise
    if noise not in NOISE:
        problems.choice("noise", noise, NOISE)
    return {
        "name": reading.leaf("name", NAME, ""),
        "description": reading.leaf("description", DESCRIPTION, ""),
        "traffic": traffic,
        "metrics": reading.section("metrics", MetricSettings, MetricSettings()),
        "control": reading.section("control", Control, Control()),
        "on_call": reading.section("on_call", OnCall, OnCall()),
        "slo": reading.section("slo", Slo, Slo()),
        "names": _names(reading),
        "noise": noise,
        "replications": reading.leaf("replications", REPLICATIONS, 2000),
        "seed": reading.leaf("seed", SEED, 7),
    }


def _of_platform(reading: Reading, platform: Platform) -> dict[str, Any]:
    """Return the sections that depend on the platform."""
    problems = reading.problems
    service = _service(reading, platform)
    fleet = _fleet(platform, service)
    faults = FaultReader(fleet, problems)
    alarms, names = read_alarms(reading.data.get("alarms"), problems)
    quotas = _quotas(reading)
    groups = GroupReader(platform, names, quotas or {}, problems)
    written = reading.data.get("deployment_group")
    group = groups.read({} if written is None else written, "deployment_group")
    strategies = read_strategies(reading.data.get("strategies"), platform, group, groups, problems)
    reading.warnings += groups.warnings
    _warn_of_alarms(reading, alarms, group)
    written = reading.data.get("release")
    release = faults.release({} if written is None else written)
    environment = reading.data.get("environment")
    lifecycle = _lifecycle(reading, platform)
    if lifecycle is not None and release is not None and platform != "ec2":
        _add_hooks(reading, lifecycle, release)
    return {
        "service": service,
        "cost": _cost(reading, platform),
        "lifecycle": lifecycle,
        "hosts": _hosts(reading, fleet),
        "release": release,
        "environment": () if environment is None else faults.environment(environment),
        "alarms": alarms,
        "quotas": quotas,
        "deployment_group": group,
        "strategies": strategies,
    }


def _service(reading: Reading, platform: Platform) -> Service | None:
    value = reading.data.get("service")
    value = {} if value is None else value
    keys = defaults.service_keys(platform)
    if not isinstance(value, Mapping):
        reading.problems.add(
            "service", f"a mapping with keys among {', '.join(keys)}", shown(value)
        )
        return None
    for key in value:
        if key not in keys and key in keys_of(Service):
            rule = f"absent on platform {platform} (it has {', '.join(keys)})"
            reading.problems.add(f"service.{key}", rule, shown(value[key]))
        elif key not in keys:
            reading.problems.unknown(f"service.{key}", key, keys)
    known = {key: inner for key, inner in value.items() if key in keys}
    if platform == "lambda" and "startup" not in known:
        known["startup"] = _lambda_startup(reading, known)
    known.setdefault("startup", defaults.startup(platform))
    if "latency" in known:
        known["latency"] = _whole_latency(known["latency"])
    service = reading.problems.check("service", Service, known)
    return None if service is None else _check_scaling(reading, service, value)


def _whole_latency(value: Any) -> Any:
    """Complete a median or a 99th percentile alone by the default's shape."""
    from stratsim.model.markers import RuleError, parse_duration

    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    ratio = Latency().p99 / Latency().median
    try:
        if "median" in value:
            return {**value, "p99": parse_duration(value["median"]) * ratio}
        if "p99" in value:
            return {**value, "median": parse_duration(value["p99"]) / ratio}
    except RuleError:
        return value
    return value


def _lambda_startup(reading: Reading, known: Mapping[str, Any]) -> Any:
    runtime = known.get("runtime", Service().runtime)
    if not isinstance(runtime, str):
        return defaults.startup("lambda")
    stands = defaults.nearest_runtime(runtime)
    if stands is None:
        names = defaults.lambda_runtimes()
        rule = f"a runtime whose start is known ({', '.join(names)}) unless startup is given"
        reading.problems.choice("service.runtime", runtime, names, rule)
    elif stands != runtime:
        reading.warnings.append(
            f"service.startup: no measurement for {runtime}; the start of {stands} is used."
        )
    return defaults.startup("lambda", stands)


def _check_scaling(reading: Reading, service: Service, value: Mapping[str, Any]) -> Service | None:
    scaling = service.autoscaling
    if scaling is None:
        return service
    if scaling.min > scaling.max:
        rule = f"at most autoscaling.max ({scaling.max})"
        reading.problems.add("service.autoscaling.min", rule, scaling.min)
        return None
    if not scaling.min <= service.instances <= scaling.max:
        rule = f"in [{scaling.min}, {scaling.max}], the bounds of service.autoscaling"
        got = shown(value.get("instances")) if "instances" in value else service.instances
        reading.problems.add("service.instances", rule, got)
        return None
    return service


def _fleet(platform: Platform, service: Service | None) -> Fleet:
    none = platform == "lambda" or service is None
    return Fleet(
        platform=platform,
        zones=None if none or service is None else service.zones,
        instances=None if none or service is None else service.instances,
        hooks=HOOKS[platform],
    )


def _cost(reading: Reading, platform: Platform) -> Cost | None:
    cost = reading.section("cost", Cost, Cost())
    if cost is None or cost.instance_hour is not None:
        return cost
    return replace(cost, instance_hour=defaults.instance_hour(platform))


def _lifecycle(reading: Reading, platform: Platform) -> dict[str, LifecycleEvent] | None:
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
        if event is not None:
            found[key] = event
    return found


def _add_hooks(reading: Reading, lifecycle: dict[str, LifecycleEvent], release: Release) -> None:
    """Give every hook that a fault fails a place in the lifecycle: else it never ran."""
    events = {f.event for outcome in release.outcomes for f in outcome.faults if f.event}
    for event in sorted(events - set(lifecycle)):
        lifecycle[event] = LifecycleEvent(duration=HOOK_DURATION)
        reading.warnings.append(
            f"lifecycle.{event}: a fault fails this hook, so it is taken to exist and to last "
            "1 to 3 s."
        )


def _hosts(reading: Reading, fleet: Fleet) -> tuple[Host, ...] | None:
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


def _quotas(reading: Reading) -> dict[str, float] | None:
    from stratsim.strategies import LIMITS

    value = reading.data.get("quotas")
    known = (*LIMITS, ALARM_QUOTA)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        rule = f"a mapping with keys among {', '.join(known)}"
        reading.problems.add("quotas", rule, shorten(value))
        return None
    marker = Number(0, 1e9)
    found = {}
    for key, inner in value.items():
        if key not in known:
            reading.problems.unknown(f"quotas.{key}", key, known)
        else:
            found[key] = reading.problems.parse(f"quotas.{key}", marker, inner)
    return found


def _names(reading: Reading) -> dict[str, str] | None:
    # private to the exports, which alone know what AWS takes where
    from stratsim.export._names import RULES, check_names

    value = reading.data.get("names")
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        rule = f"a mapping with keys among {', '.join(RULES)}"
        reading.problems.add("names", rule, shorten(value))
        return None
    found = {}
    for key, inner in value.items():
        path = joined("names", key)
        if key not in RULES:
            reading.problems.unknown(path, key, RULES)
        elif isinstance(inner, bool) or not isinstance(inner, str | int):
            hint = NULL_HINT if inner is None else ""
            reading.problems.add(path, RULES[key].what, shown(inner), hint)
        else:
            found[key] = str(inner)
    reading.problems.found += check_names(found)
    return found


def _warn_of_alarms(
    reading: Reading, alarms: tuple[Alarm, ...] | None, group: DeploymentGroup | None
) -> None:
    if not alarms:
        reading.warnings.append(
            "alarms: none are defined, so nothing stops a bad deployment before people notice."
        )
    elif group is not None and not (group.alarms_enabled and group.alarm_names):
        reading.warnings.append(
            "deployment_group.alarmConfiguration: no alarm stops a deployment; those under "
            "alarms page people only."
        )
    if group is not None and "autoRollbackConfiguration" not in group.raw:
        reading.warnings.append(
            "deployment_group.autoRollbackConfiguration: not given and taken as enabled for "
            f"{', '.join(group.rollback_events)}; AWS's own default is none."
        )
