"""The AppSpec file: what is deployed, and the scripts or functions of its hooks."""

import math

from stratsim.export._base import Draft, Json
from stratsim.export._identifiers import version

# CodeDeploy User Guide, AppSpec 'hooks' section: the events that can be scripted.
HOOKS = {
    "ec2": (
        "BeforeBlockTraffic",
        "AfterBlockTraffic",
        "ApplicationStop",
        "BeforeInstall",
        "AfterInstall",
        "ApplicationStart",
        "ValidateService",
        "BeforeAllowTraffic",
        "AfterAllowTraffic",
    ),
    "ecs": (
        "BeforeInstall",
        "AfterInstall",
        "AfterAllowTestTraffic",
        "BeforeAllowTraffic",
        "AfterAllowTraffic",
    ),
    "lambda": ("BeforeAllowTraffic", "AfterAllowTraffic"),
}
# Same page: an event has an hour; on ECS and Lambda that cannot be changed.
MOST_HOOK_SECONDS = 3600
FILE_NAMES = {"ec2": "appspec.yml", "ecs": "appspec.yaml", "lambda": "appspec.yaml"}


def appspec(draft: Draft) -> Json:
    """Return the AppSpec of the scenario's platform as data."""
    platform = draft.request.plan.platform
    if platform == "ec2":
        return _ec2(draft)
    resource = _ecs(draft) if platform == "ecs" else _lambda(draft)
    hooks = [{event: _hook(draft, event)} for event in hooked_events(draft)]
    tell_timeouts(draft)
    return {"version": 0.0, "Resources": [resource]} | ({"Hooks": hooks} if hooks else {})


def appspec_text(draft: Draft, document: Json) -> str:
    """Return the AppSpec as YAML; data first made plain, so quoting is the library's."""
    import json

    import yaml

    request = draft.request
    title = f"{request.scenario.name}, strategy {request.spec.name}"
    # JSON escapes whatever could end a comment.
    head = f"# AppSpec of {json.dumps(title)}, written by stratsim.\n"
    body = yaml.safe_dump(document, sort_keys=False, default_flow_style=False, width=100)
    return head + body


def hooked_events(draft: Draft) -> list[str]:
    """Return the scenario's lifecycle events that take a hook, in the order they happen."""
    known = HOOKS[draft.request.plan.platform]
    return [event for event in known if event in draft.request.scenario.lifecycle]


def _ec2(draft: Draft) -> Json:
    destination = draft.names.get("destination", "appspec, files")
    files = [{"source": "/", "destination": destination}]
    hooks = {
        event: [{"location": _hook(draft, event), "timeout": _seconds(draft, event)}]
        for event in hooked_events(draft)
    }
    found: Json = {"version": 0.0, "os": "linux", "files": files}
    return found | ({"hooks": hooks} if hooks else {})


def _ecs(draft: Draft) -> Json:
    names, where = draft.names, "appspec, TargetService"
    return {
        "TargetService": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "TaskDefinition": names.arn("task_definition", where, "ecs", "task-definition/"),
                "LoadBalancerInfo": {
                    "ContainerName": names.get("container", where),
                    "ContainerPort": int(names.get("port", where)),
                },
            },
        }
    }


def _lambda(draft: Draft) -> Json:
    where = "appspec, Resources"
    name = draft.names.get("function", where)
    properties = {
        "Name": name,
        "Alias": draft.names.get("alias", where),
        "CurrentVersion": version(draft, where, "old"),
        "TargetVersion": version(draft, where, "new"),
    }
    return {name: {"Type": "AWS::Lambda::Function", "Properties": properties}}


def _hook(draft: Draft, event: str) -> str:
    script = f"scripts/{event}.sh" if draft.request.plan.platform == "ec2" else ""
    return draft.names.get(f"hook_{event}", f"appspec, {event}", placeholder=script)


def _seconds(draft: Draft, event: str) -> int:
    timeout = draft.request.scenario.lifecycle[event].timeout
    if timeout > MOST_HOOK_SECONDS:
        draft.lose(f"{event}: a timeout of {timeout:g} s becomes {MOST_HOOK_SECONDS} s, the most.")
    return min(max(math.ceil(timeout), 1), MOST_HOOK_SECONDS)


def tell_timeouts(draft: Draft) -> None:
    """Tell the timeouts of hooks that are Lambda functions: AWS fixes them."""
    for event in hooked_events(draft):
        timeout = draft.request.scenario.lifecycle[event].timeout
        if timeout != MOST_HOOK_SECONDS:
            draft.lose(
                f"{event}: a timeout of {timeout:g} s cannot be set; CodeDeploy waits"
                f" {MOST_HOOK_SECONDS} s for a Lambda hook."
            )
