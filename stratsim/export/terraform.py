"""Terraform: ``main.tf`` with alarms, application, configuration and group."""

from collections.abc import Mapping

from stratsim.export._alarms import alarm_inputs
from stratsim.export._appspec import FILE_NAMES, appspec, appspec_text
from stratsim.export._base import Draft, Export, Json, Request, exporter
from stratsim.export._group import application_input, group_input
from stratsim.export._hcl import Block, Reference, hcl_text
from stratsim.export._rollout import rollout
from stratsim.export._service import is_ecs_native, service_input
from stratsim.export._terraform_parts import alarm_blocks, group_block, snake

MAIN = "main.tf"
# The version of hashicorp/aws against which the arguments were checked.
_PROVIDER_VERSION = ">= 5.100"


@exporter("terraform")
def build(request: Request) -> Export:
    """Return ``main.tf``, and the AppSpec, which the provider does not hold."""
    draft = Draft.of(request)
    blocks, alarms = alarm_blocks(draft, *alarm_inputs(draft))
    native = is_ecs_native(draft)
    blocks = [
        Block("terraform", (), {}, (_required_provider(),)),
        *blocks,
        *(_service(draft, alarms) if native else _codedeploy(draft, alarms)),
    ]
    files = {MAIN: hcl_text(blocks)}
    if not native:
        files[FILE_NAMES[request.plan.platform]] = appspec_text(draft, appspec(draft))
        draft.note(
            "main.tf makes what a deployment needs and starts none; the AppSpec beside it belongs"
            " to aws deploy create-deployment."
        )
    return draft.finish("terraform", files, ("terraform init", "terraform apply"))


def _required_provider() -> Block:
    aws = {"source": "hashicorp/aws", "version": _PROVIDER_VERSION}
    return Block("required_providers", (), {"aws": aws})


def _codedeploy(draft: Draft, alarms: Mapping[str, Reference]) -> list[Block]:
    application, pace = application_input(draft), rollout(draft)
    group = group_input(draft, pace.name)
    group["applicationName"] = Reference("aws_codedeploy_app.this.name")
    blocks = [
        Block(
            "resource",
            ("aws_codedeploy_app", "this"),
            {
                "name": application["applicationName"],
                "compute_platform": application["computePlatform"],
            },
        )
    ]
    if pace.config is not None:
        config = "aws_codedeploy_deployment_config"
        group["deploymentConfigName"] = Reference(f"{config}.this.deployment_config_name")
        blocks.append(_config(pace.config))
    return [*blocks, group_block(draft, group, alarms)]


def _config(config: Json) -> Block:
    arguments = {snake(k): v for k, v in config.items() if isinstance(v, str)}
    blocks = [
        _nested(snake(key), value) for key, value in config.items() if isinstance(value, dict)
    ]
    return Block("resource", ("aws_codedeploy_deployment_config", "this"), arguments, tuple(blocks))


def _nested(kind: str, value: Json) -> Block:
    """Return a mapping as a block; a canary's and a linear's keys lose their first word."""
    arguments = {_short(key): item for key, item in value.items() if not isinstance(item, dict)}
    blocks = [_nested(snake(k), v) for k, v in value.items() if isinstance(v, dict)]
    return Block(kind, (), arguments, tuple(blocks))


def _short(key: str) -> str:
    return snake(key).removeprefix("canary_").removeprefix("linear_")


def _service(draft: Draft, alarms: Mapping[str, Reference]) -> list[Block]:
    """Return ECS's own rolling update as arguments of the service."""
    written = service_input(draft)
    configuration = written["deploymentConfiguration"]
    assert isinstance(configuration, dict)
    arguments: dict[str, object] = {
        "name": written["service"],
        "cluster": written["cluster"],
        "task_definition": written["taskDefinition"],
        "deployment_minimum_healthy_percent": configuration.pop("minimumHealthyPercent", None),
        "deployment_maximum_percent": configuration.pop("maximumPercent", None),
    }
    blocks = []
    breaker = configuration.pop("deploymentCircuitBreaker", None)
    if breaker:
        kept = {key: breaker.pop(key) for key in ("enable", "rollback")}
        blocks.append(Block("deployment_circuit_breaker", (), kept))
        configuration |= {f"deploymentCircuitBreaker.{key}": v for key, v in breaker.items()}
    watched = configuration.pop("alarms", None)
    if watched:
        watched = {snake(key): value for key, value in watched.items()}
        watched["alarm_names"] = [alarms.get(name, name) for name in watched["alarm_names"]]
        blocks.append(Block("alarms", (), watched))
    for key in configuration.keys() - {"strategy"}:
        draft.lose(f"{key} is not an argument of aws_ecs_service in the provider named.")
    draft.note(
        "main.tf describes the whole service, so import the running one into the state, or add"
        " what it needs (network, launch type, load balancers) to create it anew."
    )
    return [Block("resource", ("aws_ecs_service", "this"), arguments, tuple(blocks))]
