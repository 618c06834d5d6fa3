"""API inputs as blocks of Terraform's AWS provider, which has words of its own."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from stratsim.export._base import Draft, Json
from stratsim.export._hcl import Block, Reference

# Terraform AWS provider, aws_cloudwatch_metric_alarm and _composite_alarm: the names
# that are not the API's in snake case.
_ALARM_WORDS = {
    "EvaluateLowSampleCountPercentile": "evaluate_low_sample_count_percentiles",
    "OKActions": "ok_actions",
}
_ALARM_KEYS = {
    "ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "AlarmRule",
    "ComparisonOperator", "DatapointsToAlarm", "EvaluateLowSampleCountPercentile",
    "EvaluationPeriods", "ExtendedStatistic", "InsufficientDataActions", "MetricName",
    "Namespace", "OKActions", "Period", "Statistic", "Threshold", "ThresholdMetricId",
    "TreatMissingData", "Unit",
}  # fmt: skip
_ALARM_OTHER = {
    "ActionsSuppressor", "ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod",
    "Dimensions", "Metrics", "Tags",
}  # fmt: skip


def snake(key: str) -> str:
    """Return an API key in the provider's letters."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()


def labels(names: Iterable[str]) -> dict[str, str]:
    """Return a resource label for each name: letters, digits, underscores; all different."""
    found: dict[str, str] = {}
    for name in names:
        label = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()
        if not label or label in found.values():
            digest = sha256(name.encode()).hexdigest()[:8]
            label = f"{label}_{digest}".lstrip("_")
        found[name] = label if label[0].isalpha() else f"alarm_{label}"
    return found


def alarm_blocks(
    draft: Draft, metric: Mapping[str, Json], composite: Mapping[str, Json]
) -> tuple[list[Block], dict[str, Reference]]:
    """Return alarms as resources, and a reference to each one's name."""
    label = labels([*metric, *composite])
    kinds = dict.fromkeys(metric, "aws_cloudwatch_metric_alarm")
    kinds |= dict.fromkeys(composite, "aws_cloudwatch_composite_alarm")
    blocks, seen = [], list[str]()
    for name, alarm in {**metric, **composite}.items():
        for key in alarm:
            if key not in _ALARM_KEYS | _ALARM_OTHER:
                draft.lose(f"alarm {name}: {key} is not an argument of {kinds[name]}.")
        rule = str(alarm.get("AlarmRule", ""))
        # The rule names its children in text, in which Terraform sees no order.
        children = [f"{kinds[child]}.{label[child]}" for child in seen if child in rule]
        blocks.append(_alarm(kinds[name], label[name], alarm, children))
        seen.append(name)
    references = {name: Reference(f"{kinds[name]}.{label[name]}.alarm_name") for name in kinds}
    return blocks, references


def _alarm(kind: str, label: str, alarm: Json, children: list[str]) -> Block:
    arguments: dict[str, object] = {
        _ALARM_WORDS.get(key, snake(key)): value
        for key, value in alarm.items()
        if key in _ALARM_KEYS
    }
    arguments["dimensions"] = _pairs(alarm.get("Dimensions"), "Name")
    arguments["tags"] = _pairs(alarm.get("Tags"), "Key")
    arguments["depends_on"] = [Reference(child) for child in children] or None
    blocks = [_query(query) for query in _maps(alarm.get("Metrics"))]
    if "ActionsSuppressor" in alarm:
        suppressor = {
            "alarm": alarm["ActionsSuppressor"],
            "extension_period": alarm.get("ActionsSuppressorExtensionPeriod"),
            "wait_period": alarm.get("ActionsSuppressorWaitPeriod"),
        }
        blocks.append(Block("actions_suppressor", (), suppressor))
    return Block("resource", (kind, label), arguments, tuple(blocks))


def _query(query: Json) -> Block:
    arguments = {snake(key): value for key, value in query.items() if key != "MetricStat"}
    stat = query.get("MetricStat")
    if not isinstance(stat, dict):
        return Block("metric_query", (), arguments)
    metric = stat["Metric"]
    inner = {
        "namespace": metric.get("Namespace"),
        "metric_name": metric.get("MetricName"),
        "period": stat["Period"],
        "stat": stat["Stat"],
        "unit": stat.get("Unit"),
        "dimensions": _pairs(metric.get("Dimensions"), "Name"),
    }
    return Block("metric_query", (), arguments, (Block("metric", (), inner),))


def _pairs(items: object, key: str) -> dict[str, object] | None:
    return {str(item[key]): item["Value"] for item in _maps(items)} or None


def _maps(items: object) -> list[Json]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


# --------------------------------------------------------------- deployment group
_GROUP_WORDS = {
    "applicationName": "app_name",
    "autoScalingGroups": "autoscaling_groups",
}
_TAG_FILTERS = {
    "ec2TagFilters": "ec2_tag_filter",
    "onPremisesInstanceTagFilters": "on_premises_instance_tag_filter",
}
_NOT_OF_THE_PROVIDER = ("ec2DeploymentOptions", "onPremisesTagSet")


def group_block(
    draft: Draft, group: Json, alarms: Mapping[str, Reference], label: str = "this"
) -> Block:
    """Return a deployment group as a resource, its alarms as references."""
    for key in _NOT_OF_THE_PROVIDER:
        if group.get(key):
            draft.lose(f"{key} is not an argument of aws_codedeploy_deployment_group.")
    arguments: dict[str, object] = {
        _GROUP_WORDS.get(key, snake(key)): value
        for key, value in group.items()
        if isinstance(value, str | bool | Reference) or key == "autoScalingGroups"
    }
    arguments["tags"] = _pairs(group.get("tags"), "Key")
    blocks = [
        *_flat(group, "deploymentStyle"),
        *_tag_blocks(group),
        *(Block("ecs_service", (), _snaked(item)) for item in _maps(group.get("ecsServices"))),
        *_load_balancer(group.get("loadBalancerInfo")),
        *_blue_green(group.get("blueGreenDeploymentConfiguration")),
        *_alarm_configuration(group.get("alarmConfiguration"), alarms),
        *_flat(group, "autoRollbackConfiguration"),
        *(
            Block("trigger_configuration", (), _snaked(item))
            for item in _maps(group.get("triggerConfigurations"))
        ),
    ]
    return Block("resource", ("aws_codedeploy_deployment_group", label), arguments, tuple(blocks))


def _snaked(item: Json) -> dict[str, object]:
    return {snake(key): value for key, value in item.items()}


def _flat(group: Json, key: str) -> list[Block]:
    value = group.get(key)
    return [Block(snake(key), (), _snaked(value))] if isinstance(value, dict) else []


def _tag_blocks(group: Json) -> list[Block]:
    blocks = [
        Block(word, (), _snaked(item))
        for key, word in _TAG_FILTERS.items()
        for item in _maps(group.get(key))
    ]
    tag_set = group.get("ec2TagSet")
    for tags in tag_set.get("ec2TagSetList", []) if isinstance(tag_set, dict) else []:
        filters = tuple(Block("ec2_tag_filter", (), _snaked(item)) for item in _maps(tags))
        blocks.append(Block("ec2_tag_set", (), {}, filters))
    return blocks


def _load_balancer(info: object) -> list[Block]:
    if not isinstance(info, dict):
        return []
    blocks = [
        Block(word, (), {"name": item.get("name")})
        for key, word in (("elbInfoList", "elb_info"), ("targetGroupInfoList", "target_group_info"))
        for item in _maps(info.get(key))
    ]
    for pair in _maps(info.get("targetGroupPairInfoList")):
        routes = [
            Block(snake(key), (), {"listener_arns": route["listenerArns"]})
            for key in ("prodTrafficRoute", "testTrafficRoute")
            if isinstance(route := pair.get(key), dict)
        ]
        groups = [
            Block("target_group", (), {"name": item.get("name")})
            for item in _maps(pair.get("targetGroups"))
        ]
        blocks.append(Block("target_group_pair_info", (), {}, (*routes, *groups)))
    return [Block("load_balancer_info", (), {}, tuple(blocks))]


def _blue_green(configuration: object) -> list[Block]:
    if not isinstance(configuration, dict):
        return []
    inner = tuple(Block(snake(k), (), _snaked(v)) for k, v in configuration.items())
    return [Block("blue_green_deployment_config", (), {}, inner)]


def _alarm_configuration(configuration: object, references: Mapping[str, Reference]) -> list[Block]:
    if not isinstance(configuration, dict):
        return []
    names = [str(item["name"]) for item in _maps(configuration.get("alarms"))]
    arguments = _snaked(configuration) | {"alarms": [references.get(n, n) for n in names]}
    return [Block("alarm_configuration", (), arguments)]
