"""Alarms with the dimensions that CloudWatch knows in place of stratsim's own."""

from dataclasses import replace
from typing import TypeVar

from stratsim.errors import InputError, Problem, shorten
from stratsim.export._base import Draft, Json, plain
from stratsim.export._identifiers import (
    alias_resource,
    load_balancer_dimension,
    target_group_dimension,
    version,
)
from stratsim.model.alarm import (
    CompositeAlarm,
    Dimension,
    MetricAlarm,
    MetricDataQuery,
    MetricStat,
)
from stratsim.model.scenario import Alarm

AlarmT = TypeVar("AlarmT", MetricAlarm, CompositeAlarm)

# CloudWatch API reference, PutMetricAlarm: 1 to 255 characters, no control characters.
ALARM_NAME_LENGTH = 255
_REVISIONS = ("new", "old")


def alarm_inputs(draft: Draft) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return the inputs of PutMetricAlarm and of PutCompositeAlarm, by alarm name.

    A composite alarm comes after the alarms that it reads.
    """
    alarms = draft.request.alarms
    _check_names(alarms)
    rules = [alarm.AlarmRule for alarm in alarms if isinstance(alarm, CompositeAlarm)]
    metric = {
        alarm.AlarmName: _as_json(_filled(draft, _with_topic(draft, alarm, rules)))
        for alarm in alarms
        if isinstance(alarm, MetricAlarm)
    }
    composite = {
        alarm.AlarmName: _as_json(_with_topic(draft, alarm, rules))
        for alarm in _children_first([a for a in alarms if isinstance(a, CompositeAlarm)])
    }
    return metric, composite


def _check_names(alarms: tuple[Alarm, ...]) -> None:
    problems = [
        Problem("AlarmName", "1 to 255 characters, no control characters", shorten(name))
        for name in (alarm.AlarmName for alarm in alarms)
        if not 0 < len(name) <= ALARM_NAME_LENGTH or not all(map(_printable, name))
    ]
    if problems:
        raise InputError(problems)


def _printable(character: str) -> bool:
    # Lone surrogates cannot be encoded as UTF-8, which AWS asks for.
    return character > "\x1f" and character != "\x7f" and not "\ud800" <= character <= "\udfff"


def _children_first(alarms: list[CompositeAlarm]) -> list[CompositeAlarm]:
    """Return composite alarms in an order in which they can be created.

    A rule names its children in plain text; a false hit only moves an alarm back.
    Alarms in a cycle stay in the order written.
    """
    ordered: list[CompositeAlarm] = []
    waiting = list(alarms)
    while waiting:
        ready = [
            alarm
            for alarm in waiting
            if not any(o.AlarmName in alarm.AlarmRule for o in waiting if o is not alarm)
        ]
        ordered += ready or waiting
        waiting = [alarm for alarm in waiting if alarm not in ready] if ready else []
    return ordered


def _as_json(alarm: Alarm) -> Json:
    return {key: plain(value) for key, value in alarm.to_aws().items()}


def _with_topic(draft: Draft, alarm: AlarmT, rules: list[str]) -> AlarmT:
    """Return the alarm with the topic of ``names:`` where it would reach nobody."""
    name = alarm.AlarmName
    if name in draft.request.stopping or any(name in rule for rule in rules) or alarm.AlarmActions:
        return alarm
    topic = draft.names.find("topic")
    if topic:
        return replace(alarm, AlarmActions=(topic,))
    draft.note(
        f"alarm {name} stops no deployment and has no AlarmActions, so it reaches nobody;"
        " set names.topic to page people."
    )
    return alarm


# ------------------------------------------------------------------- dimensions
def _filled(draft: Draft, alarm: MetricAlarm) -> MetricAlarm:
    if alarm.Metrics:
        return replace(alarm, Metrics=tuple(_query(draft, alarm, q) for q in alarm.Metrics))
    stats = alarm.metric_stats
    if not stats:
        return alarm
    return replace(alarm, Dimensions=_dimensions(draft, alarm, stats[0]))


def _query(draft: Draft, alarm: MetricAlarm, query: MetricDataQuery) -> MetricDataQuery:
    stat = query.MetricStat
    if stat is None:
        return query
    stat = replace(stat, Dimensions=_dimensions(draft, alarm, stat))
    return replace(query, MetricStat=stat)


def _dimensions(draft: Draft, alarm: MetricAlarm, stat: MetricStat) -> tuple[Dimension, ...]:
    """Return dimensions under which AWS publishes, from those of the scenario."""
    namespace = stat.Namespace
    where = f"alarm {alarm.AlarmName}, Dimensions"
    values = {d.Name: _real_value(draft, alarm, d) for d in stat.Dimensions}
    if namespace in {"AWS/ApplicationELB", "AWS/NetworkELB"}:
        values = _balancer_dimensions(draft, where, stat, values)
    elif namespace == "AWS/Lambda":
        values = _lambda_dimensions(draft, where, values)
    elif namespace == "AWS/ECS" and not values:
        cluster = draft.names.get("cluster", where).rpartition("/")[2]
        values = {"ClusterName": cluster, "ServiceName": draft.names.get("service", where)}
    elif namespace == "AWS/EC2" and not values:
        values = {"AutoScalingGroupName": draft.names.get("auto_scaling_group", where)}
    elif namespace.startswith("AWS/") and not values:
        draft.note(f"alarm {alarm.AlarmName}: {namespace} publishes nothing without dimensions.")
    return tuple(Dimension(name, value) for name, value in values.items())


def _balancer_dimensions(
    draft: Draft, where: str, stat: MetricStat, values: dict[str, str]
) -> dict[str, str]:
    """Return dimensions that a load balancer publishes: a target group only beside it."""
    # ALB User Guide, CloudWatch metrics: this one stands under its target group alone.
    alone = stat.MetricName == "RequestCountPerTarget" and "TargetGroup" in values
    if alone or "LoadBalancer" in values:
        return values
    kind = "net" if stat.Namespace == "AWS/NetworkELB" else "app"
    return {"LoadBalancer": load_balancer_dimension(draft, where, kind)} | values


def _lambda_dimensions(draft: Draft, where: str, values: dict[str, str]) -> dict[str, str]:
    """Return dimensions that Lambda publishes: a version only beside its alias."""
    function = values.get("FunctionName") or draft.names.get("function", where)
    filled = {"FunctionName": function}
    if "Resource" not in values and (not values or "ExecutedVersion" in values):
        filled["Resource"] = alias_resource(draft, where, function)
    return filled | values


def _real_value(draft: Draft, alarm: MetricAlarm, dimension: Dimension) -> str:
    """Return the dimension's value, with ``new`` and ``old`` put in AWS's words."""
    name, value = alarm.AlarmName, dimension.Value
    where = f"alarm {name}, {dimension.Name}"
    if value in _REVISIONS and dimension.Name == "TargetGroup":
        found = target_group_dimension(draft, where, value)
        _tell_target_group(draft, name, value, found)
        return found
    if dimension.Name == "ExecutedVersion" and value == "new" and draft.new_version:
        return draft.new_version
    if value in _REVISIONS and dimension.Name == "ExecutedVersion":
        found = version(draft, where, value)
        draft.lose(
            f"alarm {name}: CloudWatch knows version {found}, not 'the {value} version';"
            " set ExecutedVersion anew before each deployment."
        )
        return found
    return value


def _tell_target_group(draft: Draft, name: str, value: str, found: str) -> None:
    if draft.request.plan.platform != "ecs" or draft.request.plan.one_target_group:
        draft.lose(
            f"alarm {name}: old and new revision share the target group {found},"
            f" so the alarm sees both and not only the {value} one."
        )
        return
    draft.lose(
        f"alarm {name}: CloudWatch knows the target group {found}, not 'the {value} one'. Blue and"
        " green swap at each deployment, so at every second one the alarm watches the other"
        " revision: set TargetGroup anew before each deployment, or watch both target groups."
    )
