"""SAM: a function with its deployment preference, and the alarms that guard it."""

from collections.abc import Mapping

from stratsim.errors import UnsupportedError
from stratsim.export._alarms import alarm_inputs
from stratsim.export._appspec import tell_timeouts
from stratsim.export._base import Draft, Export, Json, Request, exporter
from stratsim.export._cloudformation_parts import alarm_resources, pascal, template_text
from stratsim.export._group import check_alarm_count
from stratsim.export._rollout import rollout

TEMPLATE = "template.yaml"
FUNCTION = "Function"
# Stands in an alarm until the template's own word for the version takes its place.
_VERSION = "stratsim:new-version"
_PREFIX = "CodeDeployDefault.Lambda"
# SAM specification, DeploymentPreference: the group that SAM makes rolls back on these.
_SAM_EVENTS = {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}
_HOOKS = {"BeforeAllowTraffic": "PreTraffic", "AfterAllowTraffic": "PostTraffic"}
_TOLD_OTHERWISE = {
    "alarmConfiguration",
    "autoRollbackConfiguration",
    "deploymentStyle",
    "serviceRoleArn",
    "triggerConfigurations",
}


@exporter("sam")
def build(request: Request) -> Export:
    """Return ``template.yaml``; SAM knows Lambda only."""
    if request.plan.platform != "lambda":
        msg = (
            f"export format sam: must be given a scenario of platform lambda, but got"
            f" {request.plan.platform!r}. Use codedeploy, cloudformation or terraform."
        )
        raise UnsupportedError(msg)
    draft = Draft.of(request)
    draft.new_version = _VERSION
    resources, ids = alarm_resources(draft, *alarm_inputs(draft))
    resources = {name: _in_sam(resource) for name, resource in resources.items()}
    function, config = _function(draft, ids)
    _tell(draft)
    body: Json = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {FUNCTION: function} | config | resources,
    }
    commands = ("sam build", "sam deploy --guided")
    return draft.finish("sam", {TEMPLATE: template_text(draft, body)}, commands)


def _function(draft: Draft, alarms: Mapping[str, str]) -> tuple[Json, Json]:
    """Return the function, and the deployment configuration where it must be made."""
    service, names = draft.request.scenario.service, draft.names
    properties: Json = {
        "FunctionName": names.get("function", "function, FunctionName"),
        "Handler": names.get("handler", "function, Handler"),
        "Runtime": service.runtime,
        "CodeUri": names.get("code_uri", "function, CodeUri"),
        "MemorySize": service.memory,
        "AutoPublishAlias": names.get("alias", "function, AutoPublishAlias"),
    }
    if service.provisioned_concurrency:
        properties["ProvisionedConcurrencyConfig"] = {
            "ProvisionedConcurrentExecutions": service.provisioned_concurrency
        }
    preference, config = _preference(draft, alarms)
    properties["DeploymentPreference"] = preference
    return {"Type": "AWS::Serverless::Function", "Properties": properties}, config


def _preference(draft: Draft, alarms: Mapping[str, str]) -> tuple[Json, Json]:
    pace, config = rollout(draft), {}
    kind: object = pace.name.removeprefix(_PREFIX)
    if pace.config is not None:
        kind = {"Ref": "DeploymentConfig"}
        config["DeploymentConfig"] = {
            "Type": "AWS::CodeDeploy::DeploymentConfig",
            "Properties": pascal(pace.config),
        }
    preference: Json = {"Type": kind}
    stopping = draft.request.stopping if draft.request.plan.group.alarms_enabled else ()
    if stopping:
        check_alarm_count(draft)
        preference["Alarms"] = [
            {"Ref": alarms[name]} if name in alarms else name for name in stopping
        ]
    hooks = {
        word: draft.names.get(f"hook_{event}", f"function, {word}")
        for event, word in _HOOKS.items()
        if event in draft.request.scenario.lifecycle
    }
    if hooks:
        preference["Hooks"] = hooks
    return preference | _optional(draft), dict(config)


def _optional(draft: Draft) -> Json:
    """Return what SAM makes by itself unless it is given."""
    found: Json = {}
    if draft.names.find("role"):
        found["Role"] = draft.names.arn("role", "function, Role", "iam", "role/")
    triggers = draft.request.spec.group.raw.get("triggerConfigurations")
    if isinstance(triggers, list | tuple) and triggers:
        found["TriggerConfigurations"] = [pascal(trigger) for trigger in triggers]
    return found


def _in_sam(resource: object) -> object:
    """Return an alarm of the template in SAM's words."""
    found = _with_version(resource)
    if isinstance(found, dict) and found.get("DependsOn"):
        # Once SAM has split the function from its versions there is no circle; cfn-lint
        # looks before that and sees function -> this alarm -> its child -> function.
        found["Metadata"] = {"cfn-lint": {"config": {"ignore_checks": ["E3004"]}}}
    return found


def _with_version(value: object) -> object:
    """Return `value` with SAM's reference to the version that it publishes."""
    if value == _VERSION:
        return {"Fn::GetAtt": [FUNCTION, "Version.Version"]}
    if isinstance(value, dict):
        return {key: _with_version(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_version(item) for item in value]
    return value


def _tell(draft: Draft) -> None:
    group, raw = draft.request.plan.group, draft.request.spec.group.raw
    wanted = set(group.rollback_events) if group.rollback_enabled else set()
    if wanted != _SAM_EVENTS:
        draft.lose(
            f"SAM's deployment group rolls back on {', '.join(sorted(_SAM_EVENTS))},"
            f" not on {', '.join(sorted(wanted)) or 'nothing'} as simulated."
        )
    if group.ignore_poll_alarm_failure:
        draft.lose("ignorePollAlarmFailure is not a key of SAM's DeploymentPreference.")
    for key in raw:
        if key not in _TOLD_OTHERWISE:
            draft.lose(f"{key} of the deployment group is not a key of SAM's DeploymentPreference.")
    tell_timeouts(draft)
    draft.note(
        "SAM makes one CodeDeploy application for the stack; the first deployment of a new"
        " function shifts no traffic, as there is no earlier version."
    )
