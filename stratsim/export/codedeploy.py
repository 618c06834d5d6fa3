"""CodeDeploy's own form: one file per call of the AWS command line, and the AppSpec."""

from stratsim.export._alarms import alarm_inputs
from stratsim.export._appspec import FILE_NAMES, appspec, appspec_text
from stratsim.export._aws_names import file_stems
from stratsim.export._base import Draft, Export, Json, Request, exporter, json_text
from stratsim.export._group import application_input, group_input
from stratsim.export._rollout import rollout
from stratsim.export._service import is_ecs_native, service_input

_Call = tuple[str, str, Json]  # command of the AWS CLI, file name, input


@exporter("codedeploy")
def build(request: Request) -> Export:
    """Return inputs for ``--cli-input-json`` in the order of their calls."""
    draft = Draft.of(request)
    calls = _alarm_calls(draft)
    calls += _service_calls(draft) if is_ecs_native(draft) else _codedeploy_calls(draft)
    files = {name: json_text(document) for _, name, document in calls}
    if not is_ecs_native(draft):
        files[FILE_NAMES[request.plan.platform]] = appspec_text(draft, appspec(draft))
    commands = tuple(f"aws {call} --cli-input-json file://{name}" for call, name, _ in calls)
    return draft.finish("codedeploy", files, commands)


def _alarm_calls(draft: Draft) -> list[_Call]:
    metric, composite = alarm_inputs(draft)
    calls: list[_Call] = []
    for prefix, operation, alarms in (
        ("alarm-", "put-metric-alarm", metric),
        ("composite-alarm-", "put-composite-alarm", composite),
    ):
        stems = file_stems(alarms)
        for name, document in alarms.items():
            calls.append((f"cloudwatch {operation}", f"{prefix}{stems[name]}.json", document))
    return calls


def _codedeploy_calls(draft: Draft) -> list[_Call]:
    pace = rollout(draft)
    calls: list[_Call] = [
        ("deploy create-application", "application.json", application_input(draft))
    ]
    if pace.config is not None:
        calls.append(("deploy create-deployment-config", "deployment-config.json", pace.config))
    group = group_input(draft, pace.name)
    return [*calls, ("deploy create-deployment-group", "deployment-group.json", group)]


def _service_calls(draft: Draft) -> list[_Call]:
    return [("ecs update-service", "service.json", service_input(draft))]
