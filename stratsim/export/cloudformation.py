"""CloudFormation: one template with alarms, application, configuration and group."""

from stratsim.errors import InputError
from stratsim.export._alarms import alarm_inputs
from stratsim.export._appspec import FILE_NAMES, appspec, appspec_text
from stratsim.export._base import Draft, Export, Json, Request, exporter
from stratsim.export._cloudformation_parts import (
    alarm_resources,
    group_properties,
    pascal,
    template_text,
)
from stratsim.export._group import application_input, group_input, is_blue_green
from stratsim.export._rollout import rollout
from stratsim.export._service import is_ecs_native, service_input
from stratsim.strategies.ecs_native_shapes import cloudformation_hours, pace_of
from stratsim.strategies.limits import CLOUDFORMATION_HOURS, over
from stratsim.strategies.shapes import part

TEMPLATE = "template.yaml"


@exporter("cloudformation")
def build(request: Request) -> Export:
    """Return ``template.yaml``, and the AppSpec, which no template can hold."""
    draft = Draft.of(request)
    alarms, ids = alarm_resources(draft, *alarm_inputs(draft))
    native = is_ecs_native(draft)
    others = _service(draft, ids) if native else _codedeploy(draft, ids)
    files = {TEMPLATE: template_text(draft, {"Resources": alarms | others})}
    if not native:
        files[FILE_NAMES[request.plan.platform]] = appspec_text(draft, appspec(draft))
        _tell(draft)
    stack = str(draft.names.find("application") or "stratsim-export")
    commands = (f"aws cloudformation deploy --template-file {TEMPLATE} --stack-name {stack}",)
    return draft.finish("cloudformation", files, commands)


def _codedeploy(draft: Draft, alarms: dict[str, str]) -> Json:
    pace = rollout(draft)
    group = group_properties(draft, group_input(draft, pace.name), alarms)
    group["ApplicationName"] = {"Ref": "Application"}
    resources: Json = {
        "Application": {
            "Type": "AWS::CodeDeploy::Application",
            "Properties": pascal(application_input(draft)),
        }
    }
    if pace.config is not None:
        group["DeploymentConfigName"] = {"Ref": "DeploymentConfig"}
        resources["DeploymentConfig"] = {
            "Type": "AWS::CodeDeploy::DeploymentConfig",
            "Properties": pascal(pace.config),
        }
    resources["DeploymentGroup"] = {
        "Type": "AWS::CodeDeploy::DeploymentGroup",
        "Properties": group,
    }
    return resources


def _tell(draft: Draft) -> None:
    draft.note(
        "the template makes what a deployment needs and starts none; the AppSpec beside it belongs"
        " to aws deploy create-deployment."
    )
    platform = draft.request.plan.platform
    if platform != "lambda" and is_blue_green(draft):
        # CloudFormation Template Reference, AWS::CodeDeploy::DeploymentGroup.
        draft.note(
            f"CloudFormation's page of the deployment group counts blue/green on {platform} as not"
            " supported, though its schema takes it; try the template in a test account first."
        )


def _refuse(draft: Draft) -> None:
    """Raise `InputError` for bakes that CloudFormation does not wait for."""
    request = draft.request
    values = part(request.spec.config, "ecs")
    if request.plan.family != "ecs_native":
        return
    hours = cloudformation_hours(pace_of(values))
    where, limit = f"strategies.{request.spec.name}.ecs", CLOUDFORMATION_HOURS
    problems = over(hours, where, limit, request.scenario.quotas, "h of bakes")
    if problems:
        raise InputError(map(request.scenario.origin.located, problems))


def _service(draft: Draft, alarms: dict[str, str]) -> Json:
    _refuse(draft)
    written = service_input(draft)
    properties = pascal(written)
    assert isinstance(properties, dict)
    properties["ServiceName"] = properties.pop("Service")
    configuration = properties["DeploymentConfiguration"]
    watched = configuration.get("Alarms")
    if watched:
        watched["AlarmNames"] = [
            {"Ref": alarms[name]} if name in alarms else name for name in watched["AlarmNames"]
        ]
    breaker = configuration.get("DeploymentCircuitBreaker", {})
    for key in [key for key in breaker if key not in {"Enable", "Rollback"}]:
        breaker.pop(key)
        draft.lose(
            f"deploymentCircuitBreaker.{key[0].lower()}{key[1:]} is newer than the resource."
        )
    draft.note(
        "the template describes the whole service, so import the running one into the stack, or"
        " add what it needs (network, launch type, load balancers) to create it anew."
    )
    return {"Service": {"Type": "AWS::ECS::Service", "Properties": properties}}
