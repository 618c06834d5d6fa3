"""The input of CreateDeploymentGroup."""

import math
from collections.abc import Mapping

from stratsim.errors import InputError, Problem
from stratsim.export._aws_names import codedeploy_name
from stratsim.export._base import Draft, Json, plain
from stratsim.export._identifiers import target_group_name
from stratsim.export._rollout import COMPUTE_PLATFORM

# CodeDeploy API reference, CreateDeploymentGroup: what it takes, and what only
# GetDeploymentGroup prints.
CARRIED = ("triggerConfigurations", "tags")
TARGETS = ("ec2TagFilters", "ec2TagSet", "onPremisesInstanceTagFilters", "onPremisesTagSet")
EC2_ONLY = (
    *TARGETS,
    "outdatedInstancesStrategy",
    "ec2DeploymentOptions",
    "terminationHookEnabled",
)
READ_ONLY = (
    "deploymentGroupId",
    "computePlatform",
    "targetRevision",
    "lastSuccessfulDeployment",
    "lastAttemptedDeployment",
)
# Written from what stratsim read of them, on the platforms that have them.
BUILT = {
    "applicationName": ("ec2", "ecs", "lambda"),
    "deploymentGroupName": ("ec2", "ecs", "lambda"),
    "deploymentConfigName": ("ec2", "ecs", "lambda"),
    "serviceRoleArn": ("ec2", "ecs", "lambda"),
    "deploymentStyle": ("ec2", "ecs", "lambda"),
    "alarmConfiguration": ("ec2", "ecs", "lambda"),
    "autoRollbackConfiguration": ("ec2", "ecs", "lambda"),
    "blueGreenDeploymentConfiguration": ("ec2", "ecs", "lambda"),  # told apart below
    "loadBalancerInfo": ("ec2", "ecs"),
    "ecsServices": ("ecs",),
    "autoScalingGroups": ("ec2",),
}
# CodeDeploy API reference, AlarmConfiguration: alarms of one deployment group; the key
# under ``quotas:`` sets another limit.
MOST_ALARMS = 10
ALARM_QUOTA = "alarms_per_deployment_group"
_WHERE = "deployment group"


def application_input(draft: Draft) -> Json:
    """Return the input of CreateApplication."""
    platform = COMPUTE_PLATFORM[draft.request.plan.platform]
    return {"applicationName": _own_name(draft, "application"), "computePlatform": platform}


def group_input(draft: Draft, config_name: str) -> Json:
    """Return the input of CreateDeploymentGroup, with all that the scenario's group says."""
    group: Json = {
        "applicationName": _own_name(draft, "application"),
        "deploymentGroupName": _own_name(draft, "deployment_group"),
        "serviceRoleArn": draft.names.arn("role", f"{_WHERE}, serviceRoleArn", "iam", "role/"),
        "deploymentConfigName": config_name,
        "deploymentStyle": _style(draft),
    }
    group |= _placement(draft)
    group |= _blue_green(draft)
    group["alarmConfiguration"] = _alarm_configuration(draft)
    group["autoRollbackConfiguration"] = _auto_rollback(draft)
    return group | _carried(draft)


def is_blue_green(draft: Draft) -> bool:
    """Whether the deployment type is BLUE_GREEN; it always is on ECS and Lambda."""
    plan = draft.request.plan
    return plan.platform != "ec2" or plan.group.deployment_type == "BLUE_GREEN"


def _own_name(draft: Draft, key: str) -> str:
    """Return the name given for the application or group, else the scenario's name."""
    found = draft.names.find(key)
    if found is not None:
        return found
    scenario = draft.request.scenario.name
    name = codedeploy_name(scenario)
    if name != scenario:
        draft.note(f"the {key.replace('_', ' ')} is called {name} in AWS.")
    return name


def _style(draft: Draft) -> Json:
    platform, group = draft.request.plan.platform, draft.request.plan.group
    traffic_control = platform != "ec2" or group.traffic_control or is_blue_green(draft)
    return {
        "deploymentType": "BLUE_GREEN" if is_blue_green(draft) else "IN_PLACE",
        "deploymentOption": f"WITH{'' if traffic_control else 'OUT'}_TRAFFIC_CONTROL",
    }


# ------------------------------------------------------- where the revision goes
def _placement(draft: Draft) -> Json:
    """Return where the deployment happens: instances or service, and load balancer."""
    platform = draft.request.plan.platform
    if platform == "lambda":
        return {}
    return _ecs_placement(draft) if platform == "ecs" else _ec2_placement(draft)


def _ecs_placement(draft: Draft) -> Json:
    where = f"{_WHERE}, loadBalancerInfo"
    names = draft.names
    pair: Json = {
        "targetGroups": [
            {"name": target_group_name(draft, where, revision)} for revision in ("old", "new")
        ],
        "prodTrafficRoute": {"listenerArns": [names.get("listener", where)]},
    }
    # AppSpec 'hooks' section: the event is passed over where no test listener is.
    tested = "AfterAllowTestTraffic" in draft.request.scenario.lifecycle
    if tested or names.find("test_listener"):
        pair["testTrafficRoute"] = {"listenerArns": [names.get("test_listener", where)]}
    service = {
        "serviceName": names.get("service", f"{_WHERE}, ecsServices"),
        "clusterName": names.get("cluster", f"{_WHERE}, ecsServices").rpartition("/")[2],
    }
    return {"ecsServices": [service], "loadBalancerInfo": {"targetGroupPairInfoList": [pair]}}


def _ec2_placement(draft: Draft) -> Json:
    group, raw = draft.request.plan.group, draft.request.spec.group.raw
    found: Json = {}
    scaling = _scaling_groups(raw)
    tagged = any(raw.get(key) for key in TARGETS)
    copied = is_blue_green(draft) and group.green_fleet == "COPY_AUTO_SCALING_GROUP"
    where = f"{_WHERE}, autoScalingGroups"
    if "auto_scaling_group" in draft.names.given or (not scaling and (copied or not tagged)):
        scaling = [draft.names.get("auto_scaling_group", where)]
    if scaling:
        found["autoScalingGroups"] = scaling
    balancer = raw.get("loadBalancerInfo")
    if balancer and "target_group" not in draft.names.given:
        found["loadBalancerInfo"] = plain(balancer)
    elif group.traffic_control or is_blue_green(draft):
        name = target_group_name(draft, f"{_WHERE}, loadBalancerInfo")
        found["loadBalancerInfo"] = {"targetGroupInfoList": [{"name": name}]}
    return found


def _scaling_groups(raw: Mapping[str, object]) -> list[object]:
    """Return names of groups; GetDeploymentGroup prints objects where names go in."""
    written = raw.get("autoScalingGroups")
    listed = written if isinstance(written, (list, tuple)) else []
    return [item.get("name") if isinstance(item, Mapping) else item for item in listed]


# ------------------------------------------------------------------- blue/green
def _blue_green(draft: Draft) -> Json:
    request = draft.request
    platform, group = request.plan.platform, request.plan.group
    key = "blueGreenDeploymentConfiguration"
    if platform == "lambda" or not is_blue_green(draft):
        if request.spec.group.raw.get(key):
            what = "Lambda" if platform == "lambda" else "an in-place deployment"
            draft.lose(f"{key} means nothing to {what}; it is left out.")
        return {}
    ready: Json = {"actionOnTimeout": group.ready_action}
    if group.ready_action == "STOP_DEPLOYMENT":
        ready["waitTimeInMinutes"] = _minutes(draft, "waitTimeInMinutes", group.ready_wait_s)
    end: Json = {"action": group.terminate_action}
    if group.terminate_action == "TERMINATE":
        minutes = _minutes(draft, "terminationWaitTimeInMinutes", group.termination_wait_s)
        end["terminationWaitTimeInMinutes"] = minutes
    found: Json = {
        "deploymentReadyOption": ready,
        "terminateBlueInstancesOnDeploymentSuccess": end,
    }
    if platform == "ec2":
        found["greenFleetProvisioningOption"] = {"action": group.green_fleet}
    return {key: found}


def _minutes(draft: Draft, key: str, seconds: float) -> int:
    exact = seconds / 60
    whole = math.ceil(exact - 1e-9)
    if not math.isclose(whole, exact, abs_tol=1e-9):
        draft.lose(f"{key}: {seconds:g} s becomes {whole} minutes; CodeDeploy has whole minutes.")
    return whole


# ----------------------------------------------------------- alarms and rollback
def check_alarm_count(draft: Draft) -> None:
    """Raise `InputError` for more alarms than one deployment group may have."""
    names = draft.request.stopping
    most = int(draft.request.scenario.quotas.get(ALARM_QUOTA, MOST_ALARMS))
    if len(names) > most:
        problem = Problem(
            "deployment_group.alarmConfiguration",
            f"at most {most} alarms",
            f"{len(names)} alarms",
            "Put them into one composite alarm.",
        )
        raise InputError([draft.request.scenario.origin.located(problem)])


def _alarm_configuration(draft: Draft) -> Json:
    check_alarm_count(draft)
    group, names = draft.request.plan.group, draft.request.stopping
    defined = {alarm.AlarmName for alarm in draft.request.alarms}
    for name in names:
        if name not in defined:
            draft.note(f"alarm {name} is not defined in the scenario; it has to exist in AWS.")
    return {
        "enabled": group.alarms_enabled and bool(names),  # enabled without alarms is refused
        "ignorePollAlarmFailure": group.ignore_poll_alarm_failure,
        "alarms": [{"name": name} for name in names],
    }


def _auto_rollback(draft: Draft) -> Json:
    group = draft.request.plan.group
    enabled = group.rollback_enabled and bool(group.rollback_events)
    if group.rollback_enabled and not enabled:
        draft.note("autoRollbackConfiguration has no events, so it is written as disabled.")
    return {"enabled": enabled, "events": list(group.rollback_events)}


# --------------------------------------------------------------- carried as it is
def _carried(draft: Draft) -> Json:
    raw = draft.request.spec.group.raw
    platform = draft.request.plan.platform
    found: Json = {}
    for key, value in raw.items():
        if key in CARRIED or (platform == "ec2" and key in EC2_ONLY):
            found[key] = plain(value)
        elif key in READ_ONLY:
            draft.note(f"{key} is printed by GetDeploymentGroup only; it is left out.")
        elif value and platform not in BUILT.get(key, ()):
            draft.lose(f"{key} means nothing to a deployment group of {platform}; it is left out.")
    return found
