"""What all deployments of ECS's own controller share: alarms, and what they mean.

Source: ECS API, DeploymentConfiguration, DeploymentAlarms; ECS Developer Guide, "How
CloudWatch alarms detect Amazon ECS deployment failures".
"""

from collections.abc import Mapping
from dataclasses import replace

from stratsim.errors import Problem, shorten
from stratsim.model.alarm import MetricAlarm
from stratsim.model.scenario import Scenario
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies.shapes import Config, part, wrong_flag, wrong_keys

KEY = "ecs"
ROLLING = "ROLLING"
MAX_BAKE_MINUTES = 1440
"""ECS API, the bake times of a step: 24 h; for ``bakeTimeInMinutes`` the figure was read
in a third-party note only."""

_STOP_ON_ALARM = "DEPLOYMENT_STOP_ON_ALARM"


def strategy_of(entry: Config) -> object:
    """Return the ``strategy`` of an entry's ``ecs`` key; ROLLING where it has none."""
    return part(entry, KEY).get("strategy", ROLLING)


def check_alarms(value: object, where: str) -> list[Problem]:
    """Return what AWS would refuse about ``alarms``."""
    problems = wrong_keys(value, where, ("alarmNames", "enable", "rollback"))
    if problems or not isinstance(value, Mapping):
        return problems
    problems = [
        p
        for k in ("enable", "rollback")
        if k in value
        for p in wrong_flag(value[k], f"{where}.{k}")
    ]
    names = value.get("alarmNames", [])
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        problems.append(Problem(f"{where}.alarmNames", "a list of alarm names", shorten(names)))
    return problems


def with_alarms(group: DeploymentGroup, values: Config) -> DeploymentGroup:
    """Return the group with ECS's own deployment alarms where the entry has them."""
    if "alarms" not in values:
        return group
    alarms = part(values, "alarms")
    names = alarms.get("alarmNames", ())
    events = {event for event in group.rollback_events if event != _STOP_ON_ALARM}
    if alarms.get("rollback", False):
        events.add(_STOP_ON_ALARM)
    return replace(
        group,
        alarms_enabled=bool(alarms.get("enable", False)),
        alarm_names=tuple(names) if isinstance(names, list | tuple) else (),
        rollback_enabled=group.rollback_enabled or bool(alarms.get("rollback", False)),
        rollback_events=tuple(sorted(events)),
    )


def alarm_warnings(group: DeploymentGroup, values: Config) -> tuple[str, ...]:
    """Say that the group's alarms stand in for those the entry does not name."""
    if "alarms" in values or not (group.alarm_names and group.alarms_enabled):
        return ()
    return ("ecs.alarms is not given, so the alarms of deployment_group are watched instead",)


def longest_window_s(scenario: Scenario, group: DeploymentGroup) -> float:
    """Return the longest evaluation window [s] of the alarms that can stop a deployment.

    ECS computes the bake time of a rolling update from its alarms and does not
    publish how; that the longest window wins was read from the authors of Copilot.
    """
    if not group.alarms_enabled:
        return 0.0
    rules = [
        getattr(alarm, "AlarmRule", alarm.AlarmName)
        for alarm in scenario.alarms
        if alarm.AlarmName in group.alarm_names
    ]
    windows = [
        float(alarm.n * alarm.period_s)
        for alarm in scenario.alarms
        # a composite alarm is as slow as the slowest that its rule names
        if isinstance(alarm, MetricAlarm) and any(alarm.AlarmName in rule for rule in rules)
    ]
    return max(windows, default=0.0)
