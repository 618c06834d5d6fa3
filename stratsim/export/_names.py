"""The ``names:`` of a scenario: what stratsim cannot know and an export needs.

Every key has a pattern that AWS accepts and a placeholder that is valid too, so
that an export passes AWS's own checks before the last name is filled in. Each
placeholder that is put in is recorded.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.alarm import CompositeAlarm, MetricAlarm

# CodeDeploy API reference, ApplicationName, DeploymentGroupName and
# DeploymentConfigName: 1 to 100 of these characters.
CODEDEPLOY_NAME = r"[A-Za-z0-9+=,.@_-]{1,100}"
# IAM API reference, CreateRole: path and name.
ROLE = r"(arn:aws[a-z-]*:iam::\d{12}:role/)?[A-Za-z0-9+=,.@_/-]{1,576}"
# ECS API reference, CreateCluster, CreateService, RegisterTaskDefinition: up to 255.
ECS_NAME = r"[A-Za-z0-9_-]{1,255}"
_ECS_ARN = r"arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:"
CLUSTER = rf"({_ECS_ARN}cluster/)?{ECS_NAME}"
TASK_DEFINITION = rf"({_ECS_ARN}task-definition/)?{ECS_NAME}:[1-9]\d*"
# Elastic Load Balancing API reference, CreateTargetGroup and CreateLoadBalancer: 32
# letters, digits and hyphens, no hyphen at either end; full names end in an id.
_ELB_ARN = r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:"
_ELB_NAME = r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_ID = "[A-Za-z0-9]+"
TARGET_GROUP = rf"{_ELB_NAME}|({_ELB_ARN})?targetgroup/{_ELB_NAME}/{_ID}"
LOAD_BALANCER = rf"{_ELB_NAME}|({_ELB_ARN}loadbalancer/)?(app|net)/{_ELB_NAME}/{_ID}"
LISTENER_ARN = rf"{_ELB_ARN}listener/(app|net)/{_ELB_NAME}/{_ID}/{_ID}"
LISTENER_RULE_ARN = rf"{LISTENER_ARN}|{_ELB_ARN}listener-rule/(app|net)/{_ELB_NAME}(/{_ID}){{3}}"
# Lambda API reference, CreateFunction and CreateAlias; a version is a whole number.
FUNCTION = r"[A-Za-z0-9_-]{1,64}"
ALIAS = r"(?!\d+$)[A-Za-z0-9_-]{1,128}"
VERSION = r"[1-9]\d*"
LAMBDA_HOOK = r"(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:)?[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]{1,128})?"
SNS_TOPIC_ARN = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?"
# EC2 Auto Scaling API reference: 1 to 255 printable characters; a colon is refused.
AUTO_SCALING_GROUP = r"[^\x00-\x1f\x7f:]{1,255}"
# Docker and ECS: container names share the form of ECS names; ports are 1 to 65535.
PORT = r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]"
PATH_TEXT = r"[^\x00-\x1f\x7f]{1,1024}"

# What an ELB identifier looks like when nobody has given one.
SOME_ID = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class NameRule:
    """One key of ``names:``: what it is, what it must look like, its placeholder.

    The placeholder is a format string over ``partition``, ``region`` and
    ``account``; an empty one marks a key that is left out when not given.
    """

    key: str
    what: str
    pattern: str
    placeholder: str = ""

    def accepts(self, value: str) -> bool:
        """Whether AWS would take `value` here."""
        return re.fullmatch(self.pattern, value) is not None


_LISTENER = "arn:{partition}:elasticloadbalancing:{region}:{account}:listener/app/example-alb"
RULES: Mapping[str, NameRule] = {
    rule.key: rule
    for rule in (
        NameRule("account", "an AWS account id of 12 digits", r"\d{12}", "123456789012"),
        NameRule("region", "an AWS Region such as us-east-1", r"[a-z]{2,}(-[a-z]+)+-\d", "us-east-1"),
        NameRule("application", "a CodeDeploy application name", CODEDEPLOY_NAME),
        NameRule("deployment_group", "a deployment group name", CODEDEPLOY_NAME),
        NameRule(
            "role", "the name or ARN of CodeDeploy's service role", ROLE,
            "arn:{partition}:iam::{account}:role/example-codedeploy-role",
        ),
        NameRule("auto_scaling_group", "an Auto Scaling group name", AUTO_SCALING_GROUP, "example-asg"),
        NameRule("target_group", "a target group's name or ARN", TARGET_GROUP, "example-targets"),
        NameRule("blue_target_group", "a target group's name or ARN", TARGET_GROUP, "example-blue"),
        NameRule("green_target_group", "a target group's name or ARN", TARGET_GROUP, "example-green"),
        NameRule("load_balancer", "a load balancer's name or ARN", LOAD_BALANCER, "example-alb"),
        NameRule(
            "listener", "the ARN of the production listener", LISTENER_ARN,
            f"{_LISTENER}/{SOME_ID}/{SOME_ID}",
        ),
        NameRule("test_listener", "the ARN of the test listener", LISTENER_ARN, f"{_LISTENER}/{SOME_ID}/fedcba9876543210"),
        NameRule(
            "listener_rule", "the ARN of a listener or listener rule", LISTENER_RULE_ARN,
            f"{_LISTENER}/{SOME_ID}/{SOME_ID}".replace(":listener/", ":listener-rule/") + f"/{SOME_ID}",
        ),
        NameRule(
            "infrastructure_role", "the name or ARN of the ECS infrastructure role", ROLE,
            "arn:{partition}:iam::{account}:role/example-ecs-infrastructure-role",
        ),
        NameRule("cluster", "an ECS cluster's name or ARN", CLUSTER, "example-cluster"),
        NameRule("service", "an ECS service's name", ECS_NAME, "example-service"),
        NameRule(
            "task_definition", "FAMILY:REVISION or the ARN of a task definition", TASK_DEFINITION,
            "arn:{partition}:ecs:{region}:{account}:task-definition/example-task:2",
        ),
        NameRule("container", "a container's name", ECS_NAME, "example-container"),
        NameRule("port", "a port from 1 to 65535", PORT, "8080"),
        NameRule("function", "a Lambda function's name", FUNCTION, "example-function"),
        NameRule("alias", "a Lambda alias", ALIAS, "live"),
        NameRule("old_version", "a version number of the function", VERSION, "1"),
        NameRule("new_version", "a version number of the function", VERSION, "2"),
        NameRule("handler", "a function's handler", r"[^\s]{1,128}", "app.handler"),
        NameRule("code_uri", "a folder or archive with the function's code", PATH_TEXT, "src/"),
        NameRule("topic", "the ARN of an SNS topic", SNS_TOPIC_ARN),
        NameRule("destination", "a folder on the instances", PATH_TEXT, "/srv/example"),
        *(
            NameRule(
                f"hook_{event}",
                "a Lambda function (ECS, Lambda) or a script in the bundle (EC2)",
                rf"{LAMBDA_HOOK}|(?!/){PATH_TEXT}",
                # The managed role for Lambda may call only functions named so (CodeDeploy
                # User Guide, AppSpec 'hooks' section).
                f"CodeDeployHook_{event}",
            )
            for event in (
                "ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart",
                "ValidateService", "AfterAllowTestTraffic", "BeforeBlockTraffic",
                "AfterBlockTraffic", "BeforeAllowTraffic", "AfterAllowTraffic",
            )
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A made-up value in an export: the key of ``names:``, where it stands, the value."""

    key: str
    where: str
    value: str


def check_names(names: Mapping[str, object], where: str = "names") -> list[Problem]:
    """Return every problem of a scenario's ``names:``; none means usable."""
    problems = []
    for key, value in names.items():
        rule = RULES.get(key)
        if rule is None:
            problems.append(unknown_name(f"{where}.{key}", str(key), RULES))
        elif not rule.accepts(str(value)):
            hint = "Quote it, so that leading zeros stay." if key == "account" else ""
            problems.append(Problem(f"{where}.{key}", rule.what, shorten(value), hint))
    return problems


def partition_of(region: str) -> str:
    """Return the ARN partition of a Region (AWS General Reference, ARNs)."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for start, name in prefixes.items() if region.startswith(start)), "aws")


@dataclass(slots=True)
class Names:
    """The names of one export; remembers each placeholder it hands out.

    Parameters
    ----------
    given
        The scenario's ``names:``.
    known
        Names found elsewhere, in the deployment group as it was pasted; `given`
        wins over them.
    """

    given: Mapping[str, str]
    known: Mapping[str, str] = field(default_factory=dict)
    used: dict[tuple[str, str], Placeholder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = check_names(self.given)
        if problems:
            raise InputError(problems)

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Every placeholder handed out so far, in order."""
        return tuple(self.used.values())

    def find(self, *keys: str) -> str | None:
        """Return the first of `keys` that somebody gave, or nothing."""
        for source in (self.given, self.known):
            for key in keys:
                if key in source:
                    return str(source[key])
        return None

    def get(self, key: str, where: str, *fallbacks: str, placeholder: str = "") -> str:
        """Return the name for `key`, or for one of `fallbacks`, or a placeholder.

        The table's placeholder is put in unless `placeholder` says a better one.
        """
        found = self.find(key, *fallbacks)
        return self._placeholder(key, where, placeholder) if found is None else found

    def completed(self, key: str, where: str, value: str) -> str:
        """Return `value`, recorded as a placeholder: its id at the end is made up."""
        self.used[(key, where)] = Placeholder(key, where, value)
        return value

    def arn(self, key: str, where: str, service: str, kind: str) -> str:
        """Return the name for `key` as an ARN; `kind` stands before a bare name."""
        value = self.get(key, where)
        return value if value.startswith("arn:") else self.as_arn(f"{kind}{value}", where, service)

    def as_arn(self, resource: str, where: str, service: str) -> str:
        """Return the ARN of `resource` in the Region and account of the names."""
        if resource.startswith("arn:"):
            return resource
        account = self.get("account", where)
        region = self.get("region", where) if service != "iam" else ""  # IAM is global
        partition = partition_of(self.find("region") or "")
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    def _placeholder(self, key: str, where: str, better: str) -> str:
        region = self.find("region") or RULES["region"].placeholder
        value = better or RULES[key].placeholder.format(
            partition=partition_of(region),
            region=region,
            account=self.find("account") or RULES["account"].placeholder,
        )
        self.used.setdefault((key, where), Placeholder(key, where, value))
        return value


def names_in_alarms(alarms: Iterable[MetricAlarm | CompositeAlarm]) -> dict[str, str]:
    """Return the names that the dimensions of alarms mention, by our keys."""
    found: dict[str, str] = {}
    stats = (s for alarm in alarms if isinstance(alarm, MetricAlarm) for s in alarm.metric_stats)
    for dimension in (d for stat in stats for d in stat.Dimensions):
        key = _DIMENSION_KEYS.get(dimension.Name)
        if key:
            found.setdefault(key, dimension.Value)
        if dimension.Name == "Resource" and ":" in dimension.Value:
            found.setdefault("alias", dimension.Value.partition(":")[2])
    return {key: value for key, value in found.items() if RULES[key].accepts(value)}


_DIMENSION_KEYS = {
    "AutoScalingGroupName": "auto_scaling_group",
    "ClusterName": "cluster",
    "FunctionName": "function",
    "LoadBalancer": "load_balancer",
    "ServiceName": "service",
}


def names_in_group(raw: Mapping[str, object]) -> dict[str, str]:
    """Return the names that a deployment group already carries, by our keys."""
    pair = _first(_at(raw, "loadBalancerInfo", "targetGroupPairInfoList"))
    groups = _list(pair.get("targetGroups")) if isinstance(pair, Mapping) else []
    single = _first(_at(raw, "loadBalancerInfo", "targetGroupInfoList"))
    service = _first(raw.get("ecsServices"))
    group = _first(raw.get("autoScalingGroups"))
    found = {
        "application": raw.get("applicationName"),
        "deployment_group": raw.get("deploymentGroupName"),
        "role": raw.get("serviceRoleArn"),
        "auto_scaling_group": group if isinstance(group, str) else _at(group, "name"),
        "cluster": _at(service, "clusterName"),
        "service": _at(service, "serviceName"),
        "target_group": _at(single, "name"),
        "blue_target_group": _at(groups[0], "name") if groups else None,
        "green_target_group": _at(groups[1], "name") if len(groups) > 1 else None,
        "listener": _first(_at(pair, "prodTrafficRoute", "listenerArns")),
        "test_listener": _first(_at(pair, "testTrafficRoute", "listenerArns")),
    }
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _at(value: object, *keys: str) -> object:
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _first(value: object) -> object:
    return next(iter(_list(value)), None)
