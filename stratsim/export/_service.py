"""The input of ECS UpdateService: what ECS itself rolls out, without CodeDeploy."""

from collections.abc import Mapping

from stratsim.export._appspec import hooked_events
from stratsim.export._base import Draft, Json, plain
from stratsim.export._identifiers import target_group_arn

# Keys of a deployment group that UpdateService says in its own words, or not at
# all because there is no group.
_TOLD_OTHERWISE = {
    "alarmConfiguration",
    "applicationName",
    "autoRollbackConfiguration",
    "deploymentConfigName",
    "deploymentGroupName",
    "deploymentStyle",
    "ecsServices",
    "loadBalancerInfo",
    "serviceRoleArn",
}
# ECS API reference, DeploymentConfiguration: strategies that need a second target group.
_TWO_TARGET_GROUPS = {"BLUE_GREEN", "CANARY", "LINEAR"}


def is_ecs_native(draft: Draft) -> bool:
    """Whether ECS deploys by itself, by its own ``deploymentConfiguration``."""
    return isinstance(draft.request.spec.config.get("ecs"), Mapping)


def service_input(draft: Draft) -> Json:
    """Return the input of UpdateService that deploys the new revision this way."""
    names, where = draft.names, "service"
    configuration = _configuration(draft)
    found: Json = {
        "cluster": names.get("cluster", f"{where}, cluster"),
        "service": names.get("service", f"{where}, service"),
        "taskDefinition": names.arn(
            "task_definition", f"{where}, taskDefinition", "ecs", "task-definition/"
        ),
        "deploymentConfiguration": configuration,
    }
    if configuration.get("strategy") in _TWO_TARGET_GROUPS:
        found["loadBalancers"] = [_load_balancer(draft)]
    _tell(draft, configuration)
    return found


def _configuration(draft: Draft) -> Json:
    """Return the strategy's own keys, with the members that ECS requires."""
    written = draft.request.spec.config["ecs"]
    assert isinstance(written, Mapping)
    found = {key: plain(value) for key, value in written.items()}
    breaker = found.get("deploymentCircuitBreaker")
    if isinstance(breaker, dict):
        found["deploymentCircuitBreaker"] = {"enable": False, "rollback": False} | breaker
    group = draft.request.plan.group
    alarms: Json = {
        "alarmNames": list(draft.request.stopping),
        "enable": group.alarms_enabled and bool(draft.request.stopping),
        "rollback": group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM"),
    }
    own = found.get("alarms")
    if isinstance(own, dict) or draft.request.stopping:
        found["alarms"] = alarms | (own if isinstance(own, dict) else {})
    return found


def _load_balancer(draft: Draft) -> Json:
    names, where = draft.names, "service, loadBalancers"
    return {
        "targetGroupArn": target_group_arn(draft, where, "old"),
        "containerName": names.get("container", where),
        "containerPort": int(names.get("port", where)),
        "advancedConfiguration": {
            "alternateTargetGroupArn": target_group_arn(draft, where, "new"),
            "productionListenerRule": names.get("listener_rule", where),
            "roleArn": names.arn("infrastructure_role", where, "iam", "role/"),
        },
    }


def _tell(draft: Draft, configuration: Json) -> None:
    """Tell what a deployment group says and UpdateService cannot."""
    group, raw = draft.request.plan.group, draft.request.spec.group.raw
    draft.note(
        "ECS rolls this strategy out by itself: no CodeDeploy application, group or AppSpec is"
        " written, and the service needs the deployment controller ECS."
    )
    for key in raw:
        if key not in _TOLD_OTHERWISE:
            draft.lose(f"{key} of the deployment group has no counterpart in UpdateService.")
    breaker = configuration.get("deploymentCircuitBreaker")
    guarded = isinstance(breaker, dict) and breaker["enable"] and breaker["rollback"]
    if group.rolls_back_on("DEPLOYMENT_FAILURE") and not guarded:
        draft.lose(
            "DEPLOYMENT_FAILURE: ECS rolls back a failed deployment only with"
            " deploymentCircuitBreaker {enable: true, rollback: true}, which the strategy lacks."
        )
    if group.rolls_back_on("DEPLOYMENT_STOP_ON_REQUEST"):
        draft.lose("DEPLOYMENT_STOP_ON_REQUEST: who stops an ECS deployment says then how.")
    if group.ignore_poll_alarm_failure:
        draft.lose("ignorePollAlarmFailure has no counterpart in UpdateService.")
    if draft.request.stopping and group.alarms_enabled:
        draft.note("ECS passes over an alarm that is in ALARM when the deployment starts.")
    for event in hooked_events(draft):
        draft.lose(f"{event} is an event of CodeDeploy; an ECS deployment does not run it.")
