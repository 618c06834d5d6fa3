"""From a checked tree of plain data to the scenario, section by section.

Each section is read on its own, so that what is wrong in one does not hide what
is wrong in another; a section that failed leaves ``None`` behind.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from stratsim.errors import shorten
from stratsim.model.alarm import MetricAlarm
from stratsim.model.markers import Number, Text
from stratsim.model.scenario import Alarm, Scenario
from stratsim.model.service import Platform, Service
from stratsim.model.settings import Control, Cost, DeploymentGroup, MetricSettings, OnCall, Slo
from stratsim.model.strategy import StrategySpec
from stratsim.model.traffic import Traffic
from stratsim.scenario_io import defaults
from stratsim.scenario_io.alarms import read_alarms
from stratsim.scenario_io.checking import NULL_HINT, Problems, joined, keys_of, shown
from stratsim.scenario_io.events import HOOKS
from stratsim.scenario_io.faults import FaultReader, Fleet
from stratsim.scenario_io.group import ALARM_QUOTA, GroupReader
from stratsim.scenario_io.lifecycle import add_hooks, read_hosts, read_lifecycle
from stratsim.scenario_io.reading import Reading
from stratsim.scenario_io.service import read_service
from stratsim.scenario_io.strategies import read_strategies
from stratsim.scenario_io.traffic import read_traffic

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
_NOT_WRITTEN = ("source", "folder", "origin", "warnings")
SECTIONS = tuple(key for key in keys_of(Scenario) if key not in _NOT_WRITTEN)
NAME = Text(1, 128, kind="a name")
DESCRIPTION = Text(0, 10_000, lines=True)
REPLICATIONS = Number(1, 10_000_000, whole=True)
SEED = Number(0, 2**63 - 1, whole=True)
NOISE = ("sampled", "expected")
NO_ALARM = "alarms: none are defined, so nothing stops a bad deployment before people notice."
NO_STOPPING_ALARM = (
    "deployment_group.alarmConfiguration: no alarm stops a deployment; those under "
    "alarms page people only."
)


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
    parts = {**common, **_of_platform(reading, platform, common["traffic"])}
    if problems.found or problems.elsewhere:
        return None
    return Scenario(
        platform=platform,
        source=dict(data),
        folder=str(folder),
        warnings=tuple(reading.warnings),
        **parts,
    )


def _platform(reading: Reading) -> Platform | None:
    value = reading.data.get("platform")
    if isinstance(value, str) and value in PLATFORMS:
        return value
    if value is None:
        reading.problems.add("platform", f"one of {', '.join(PLATFORMS)}", "nothing")
    else:
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


def _of_platform(reading: Reading, platform: Platform, traffic: Traffic | None) -> dict[str, Any]:
    """Return the sections that depend on the platform."""
    problems = reading.problems
    service = read_service(reading, platform, traffic)
    fleet = _fleet(platform, service)
    faults = FaultReader(fleet, problems)
    alarms, names = read_alarms(reading.data.get("alarms"), problems)
    quotas = _quotas(reading)
    groups = GroupReader(platform, names, quotas or {}, problems)
    written = reading.data.get("deployment_group")
    group = groups.read({} if written is None else written, "deployment_group")
    strategies = read_strategies(reading.data.get("strategies"), platform, group, groups, problems)
    reading.warnings += groups.warnings
    _warn_of_alarms(reading, alarms, group, strategies)
    written = reading.data.get("release")
    release = faults.release({} if written is None else written)
    environment = reading.data.get("environment")
    lifecycle = read_lifecycle(reading, platform, quotas or {})
    if lifecycle is not None and release is not None and platform != "ec2":
        add_hooks(reading, lifecycle, release)
    return {
        "service": service,
        "cost": _cost(reading, platform),
        "lifecycle": lifecycle,
        "hosts": read_hosts(reading, fleet),
        "release": release,
        "environment": () if environment is None else faults.environment(environment),
        "alarms": alarms,
        "quotas": quotas,
        "deployment_group": group,
        "strategies": strategies,
    }


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


def known_quotas() -> tuple[str, ...]:
    """Return the names of the limits that ``quotas:`` may set."""
    from stratsim.strategies import LIMITS

    return (*LIMITS, ALARM_QUOTA)


def _quotas(reading: Reading) -> dict[str, float] | None:
    value = reading.data.get("quotas")
    known = known_quotas()
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
    reading: Reading,
    alarms: tuple[Alarm, ...] | None,
    group: DeploymentGroup | None,
    strategies: tuple[StrategySpec, ...] | None,
) -> None:
    from stratsim.cloudwatch.evaluation import not_evaluated
    from stratsim.strategies import FAMILIES

    for alarm in alarms or ():
        if isinstance(alarm, MetricAlarm):
            reading.warnings += [f"alarms.{text}" for text in not_evaluated(alarm)]
    if all(FAMILIES.get(spec.family).measures_itself for spec in strategies or ()) and strategies:
        return  # tools that judge a release by themselves, without a deployment group
    if not alarms:
        reading.warnings.append(NO_ALARM)
    elif group is not None and not (group.alarms_enabled and group.alarm_names):
        reading.warnings.append(NO_STOPPING_ALARM)
    if group is not None and "autoRollbackConfiguration" not in group.raw:
        reading.warnings.append(
            "deployment_group.autoRollbackConfiguration: not given and taken as enabled for "
            f"{', '.join(group.rollback_events)}; AWS's own default is none."
        )
