"""``deployment_group:`` in AWS's keys to the model's `DeploymentGroup`."""

from collections.abc import Iterable, Mapping
from typing import Any

from stratsim.model.service import Platform
from stratsim.model.settings import MINUTE_S, DeploymentGroup
from stratsim.scenario_io.checking import Problems, joined, keys_of, shown
from stratsim.scenario_io.group_counts import check_counts
from stratsim.scenario_io.group_shapes import (
    AlarmConfiguration,
    AutoRollbackConfiguration,
    BlueGreenConfiguration,
    GroupShape,
)

ALARMS_PER_GROUP = 10  # API_AlarmConfiguration: at most 10 alarms
ALARM_QUOTA = "alarms_per_deployment_group"
GROUP_KEYS = tuple(keys_of(GroupShape))

_PRINTED_ONLY = {  # what GetDeploymentGroup adds to the configuration
    *("deploymentGroupId", "targetRevision", "computePlatform"),
    *("lastSuccessfulDeployment", "lastAttemptedDeployment"),
}
_OF_EC2 = {
    *("autoScalingGroups", "ec2TagFilters", "ec2TagSet", "onPremisesInstanceTagFilters"),
    *("onPremisesTagSet", "outdatedInstancesStrategy", "terminationHookEnabled"),
    "ec2DeploymentOptions",
}
_FOREIGN: dict[Platform, set[str]] = {
    "ec2": {"ecsServices"},
    "ecs": _OF_EC2,
    "lambda": {*_OF_EC2, "ecsServices", "loadBalancerInfo"},
}


_EXCLUSIVE = (
    ("ec2TagFilters", "ec2TagSet"),
    ("onPremisesInstanceTagFilters", "onPremisesTagSet"),
)


def as_written(value: object) -> object:
    """Return the group without what ``aws deploy get-deployment-group`` adds to it."""
    if isinstance(value, dict) and set(value) == {"deploymentGroupInfo"}:
        value = value["deploymentGroupInfo"]
    if not isinstance(value, dict):
        return value
    group = {key: inner for key, inner in value.items() if key not in _PRINTED_ONLY}
    scaling = group.get("autoScalingGroups")
    if isinstance(scaling, list):
        names = [g.get("name", g) if isinstance(g, dict) else g for g in scaling]
        group["autoScalingGroups"] = names
    return group


class GroupReader:
    """Reads deployment groups, the scenario's own and the strategies' overrides."""

    def __init__(
        self,
        platform: Platform,
        alarms: Iterable[str] | None,
        quotas: Mapping[str, float],
        problems: Problems,
    ) -> None:
        self.platform = platform
        self.alarms = None if alarms is None else tuple(alarms)
        self.quotas = quotas
        self.problems = problems
        self.warnings: list[str] = []

    def read(self, value: object, path: str) -> DeploymentGroup | None:
        """Return the group written at `path`, or ``None`` with its problems noted."""
        value = as_written(value)
        shape = self.problems.check(path, GroupShape, value)
        if not isinstance(value, Mapping):
            return None
        self._check(value, path)
        group = None if shape is None else self._build(shape, value, path)
        if group is not None:
            self._check_waits(group, path)
        return group

    def override(
        self, group: DeploymentGroup, changes: Mapping[str, object], path: str
    ) -> DeploymentGroup | None:
        """Return `group` with the keys of `changes` in place of its own."""
        written = as_written(dict(changes))
        shape = self.problems.check(path, GroupShape, written)
        if not isinstance(written, dict):
            return None
        self._check(written, path)
        merged = {**group.raw, **written}
        style, own = merged.get("deploymentStyle"), group.raw.get("deploymentStyle")
        if isinstance(style, str) and isinstance(own, Mapping):
            merged["deploymentStyle"] = {**own, "deploymentType": style}
        whole = None if shape is None else Problems().check(path, GroupShape, merged)
        return None if whole is None else self._build(whole, merged, path)

    def _check_waits(self, group: DeploymentGroup, path: str) -> None:
        from stratsim.strategies.limits import check_group

        self.problems.found += check_group(group, path, self.platform, self.quotas)

    def _check(self, value: Mapping[str, object], path: str) -> None:
        """Note what is wrong beyond types; `value` may have problems of type too."""
        for key in value:
            if key in _FOREIGN[self.platform]:
                rule = f"absent on platform {self.platform}"
                self.problems.add(joined(path, key), rule, shown(value[key]))
        alarms = value.get("alarmConfiguration")
        if isinstance(alarms, Mapping):
            self._check_alarms(alarms, joined(path, "alarmConfiguration"))
        rollback = value.get("autoRollbackConfiguration")
        if isinstance(rollback, Mapping) and rollback.get("enabled") is True:
            where = joined(path, "autoRollbackConfiguration.events")
            if rollback.get("events") == []:
                self.problems.add(where, "a list of at least one event when enabled", "[]")
        self.problems.found += check_counts(value, path, self.quotas)
        for one, other in _EXCLUSIVE:
            if one in value and other in value:
                self.problems.add(joined(path, other), f"absent where {one} is given", "both")

    def _check_alarms(self, config: Mapping[str, object], path: str) -> None:
        where, listed = joined(path, "alarms"), config.get("alarms", [])
        if not isinstance(listed, list):
            return
        most = int(self.quotas.get(ALARM_QUOTA, ALARMS_PER_GROUP))
        if len(listed) > most:
            hint = f"AWS's limit for a deployment group; quotas.{ALARM_QUOTA} sets another."
            self.problems.add(where, f"at most {most} alarms", len(listed), hint)
        if config.get("enabled") is True and not listed:
            self.problems.add(where, "a list of at least one alarm when enabled", "[]")
        names = [alarm.get("name") if isinstance(alarm, Mapping) else None for alarm in listed]
        for index, name in enumerate(names):
            at = joined(where, index, "name")
            if not isinstance(name, str):
                continue
            if name in names[:index]:
                self.problems.add(at, "an alarm that is not named before", repr(name))
            elif self.alarms is not None and name not in self.alarms:
                rule = f"an alarm under alarms ({', '.join(self.alarms) or 'which has none'})"
                self.problems.choice(at, name, self.alarms, rule)

    def _build(
        self, shape: GroupShape, value: Mapping[str, object], path: str
    ) -> DeploymentGroup | None:
        raw: dict[str, Any] = dict(value)
        style = shape.deploymentStyle or {}
        if style:
            raw["deploymentStyle"] = dict(style)
        kind = style.get("deploymentType")
        if self.platform != "ec2" and kind == "IN_PLACE":
            where = joined(path, "deploymentStyle")
            rule = f"BLUE_GREEN, the only deployment type on platform {self.platform}"
            self.problems.add(where, rule, "IN_PLACE")
            return None
        changes: dict[str, Any] = {
            **self._alarm_fields(shape.alarmConfiguration, raw, path),
            **self._rollback_fields(shape.autoRollbackConfiguration, raw, path),
            **_blue_green_fields(shape.blueGreenDeploymentConfiguration),
        }
        traffic = style.get("deploymentOption", "WITH_TRAFFIC_CONTROL")
        return DeploymentGroup(
            deployment_type=kind,  # type: ignore[arg-type]  # checked by the shape
            traffic_control=traffic == "WITH_TRAFFIC_CONTROL",
            raw=raw,
            **changes,
        )

    def _alarm_fields(
        self, config: AlarmConfiguration | None, raw: dict[str, Any], path: str
    ) -> dict[str, Any]:
        if config is None:
            return {}
        enabled = config.enabled
        if enabled is None:
            # AWS would take it as off; who lists alarms wants them watched
            enabled = bool(config.alarms)
            raw["alarmConfiguration"] = {**raw["alarmConfiguration"], "enabled": enabled}
            if enabled:
                where = joined(path, "alarmConfiguration.enabled")
                self._warn(f"{where} is not given and taken as true.")
        names = tuple(alarm.name for alarm in config.alarms)
        return {
            "alarms_enabled": enabled,
            "alarm_names": names,
            "ignore_poll_alarm_failure": config.ignorePollAlarmFailure,
        }

    def _rollback_fields(
        self, config: AutoRollbackConfiguration | None, raw: dict[str, Any], path: str
    ) -> dict[str, Any]:
        default = DeploymentGroup()
        if config is None:
            return {}
        enabled = config.enabled
        if enabled is None:
            enabled = bool(config.events)
            section = {**raw["autoRollbackConfiguration"], "enabled": enabled}
            raw["autoRollbackConfiguration"] = section
            where = joined(path, "autoRollbackConfiguration.enabled")
            self._warn(f"{where} is not given and taken as {str(enabled).lower()}.")
        events = default.rollback_events if config.events is None else config.events
        if enabled and config.events is None:
            section = {**raw["autoRollbackConfiguration"], "events": list(events)}
            raw["autoRollbackConfiguration"] = section
            where = joined(path, "autoRollbackConfiguration.events")
            self._warn(f"{where} is not given and taken as {', '.join(events)}.")
        return {"rollback_enabled": enabled, "rollback_events": tuple(events)}

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


def _blue_green_fields(config: BlueGreenConfiguration | None) -> dict[str, Any]:
    if config is None:
        return {}
    ready = config.deploymentReadyOption
    blue = config.terminateBlueInstancesOnDeploymentSuccess
    fields: dict[str, Any] = {
        "ready_action": ready.actionOnTimeout,
        "ready_wait_s": ready.waitTimeInMinutes * MINUTE_S,
        "terminate_action": blue.action,
        "green_fleet": config.greenFleetProvisioningOption.action,
    }
    if blue.terminationWaitTimeInMinutes is not None:
        fields["termination_wait_s"] = blue.terminationWaitTimeInMinutes * MINUTE_S
    return fields
