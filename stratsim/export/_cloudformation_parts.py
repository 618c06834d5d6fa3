"""API inputs as CloudFormation resources: other letters, references, a few other shapes."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from stratsim.export._base import Draft, Json

# CloudFormation Template Reference: keys that are not the API's with a capital letter.
_SPELLING = {"ecsServices": "ECSServices"}
# What the resource takes of the API's keys; the rest of PutMetricAlarm is newer.
_ALARM_KEYS = {
    "ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator",
    "DatapointsToAlarm", "Dimensions", "EvaluateLowSampleCountPercentile", "EvaluationPeriods",
    "ExtendedStatistic", "InsufficientDataActions", "MetricName", "Metrics", "Namespace",
    "OKActions", "Period", "Statistic", "Tags", "Threshold", "ThresholdMetricId",
    "TreatMissingData", "Unit",
}  # fmt: skip
_COMPOSITE_KEYS = {
    "ActionsEnabled", "ActionsSuppressor", "ActionsSuppressorExtensionPeriod",
    "ActionsSuppressorWaitPeriod", "AlarmActions", "AlarmDescription", "AlarmName", "AlarmRule",
    "InsufficientDataActions", "OKActions", "Tags",
}  # fmt: skip
# CloudFormation quotas: 1,024 bytes of description, of which a character may take four.
_DESCRIPTION_LENGTH = 250
# The same page: length of a logical id.
_LOGICAL_ID_LENGTH = 255


def pascal(value: object) -> object:
    """Return `value` with CloudFormation's spelling of the API's keys."""
    if isinstance(value, Mapping):
        return {_pascal_key(str(key)): pascal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [pascal(item) for item in value]
    return value


def _pascal_key(key: str) -> str:
    return _SPELLING.get(key, key[:1].upper() + key[1:])


def logical_ids(prefix: str, names: Iterable[str]) -> dict[str, str]:
    """Return a logical id for each name: letters and digits, all different."""
    found: dict[str, str] = {}
    for name in names:
        words = re.findall(r"[A-Za-z0-9]+", name)
        base = prefix + "".join(word[0].upper() + word[1:] for word in words)
        if len(base) > _LOGICAL_ID_LENGTH or base in found.values() or base == prefix:
            base = base[: _LOGICAL_ID_LENGTH - 8] + sha256(name.encode()).hexdigest()[:8]
        found[name] = base
    return found


def alarm_resources(
    draft: Draft, metric: Mapping[str, Json], composite: Mapping[str, Json]
) -> tuple[Json, dict[str, str]]:
    """Return alarms as resources, and the logical id of each alarm by its name."""
    ids = logical_ids("Alarm", [*metric, *composite])
    resources: Json = {
        ids[name]: {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": _kept(draft, name, alarm, _ALARM_KEYS),
        }
        for name, alarm in metric.items()
    }
    for name, alarm in composite.items():
        # The rule names its children in text, in which CloudFormation sees no order.
        rule = str(alarm.get("AlarmRule"))
        children = [ids[child] for child in ids if child in rule and ids[child] in resources]
        resources[ids[name]] = {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            **({"DependsOn": children} if children else {}),
            "Properties": _kept(draft, name, alarm, _COMPOSITE_KEYS),
        }
    return resources, ids


def _kept(draft: Draft, name: str, alarm: Json, keys: set[str]) -> Json:
    for key in alarm:
        if key not in keys:
            draft.lose(f"alarm {name}: {key} is not a property of its CloudFormation resource.")
    return {key: value for key, value in alarm.items() if key in keys}


def group_properties(draft: Draft, group: Json, alarms: Mapping[str, str]) -> Json:
    """Return a deployment group's properties, its alarms as references."""
    kept = dict(group)
    if kept.pop("ec2DeploymentOptions", None):
        draft.lose("ec2DeploymentOptions is not a property of AWS::CodeDeploy::DeploymentGroup.")
    properties = pascal(kept)
    assert isinstance(properties, dict)
    for key, inner in (("Ec2TagSet", "Ec2TagGroup"), ("OnPremisesTagSet", "OnPremisesTagGroup")):
        if key in properties:
            properties[key] = {
                f"{key}List": [{inner: tags} for tags in properties[key].get(f"{key}List", [])]
            }
    configuration = properties.get("AlarmConfiguration")
    if isinstance(configuration, dict):
        configuration["Alarms"] = [
            {"Name": {"Ref": alarms[item["Name"]]} if item["Name"] in alarms else item["Name"]}
            for item in configuration.get("Alarms", [])
        ]
    return properties


def template_text(draft: Draft, body: Json) -> str:
    """Return a template as YAML; strings are quoted wherever YAML could misread them."""
    import json

    import yaml

    request = draft.request
    described = f"{request.scenario.name}: strategy {request.spec.name}"
    description = "".join(c if c.isprintable() else " " for c in described)
    head = f"# {json.dumps(request.spec.name)}, written by stratsim.\n"
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        **({"Transform": body["Transform"]} if "Transform" in body else {}),
        "Description": description[:_DESCRIPTION_LENGTH],
        "Resources": body["Resources"],
    }
    return head + yaml.dump(
        document, Dumper=_plain_dumper(), sort_keys=False, default_flow_style=False, width=100
    )


def _plain_dumper() -> type:
    """Return a dumper that writes equal parts twice: CloudFormation has no YAML aliases."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    return Dumper
