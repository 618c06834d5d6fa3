"""AWS's several spellings of one thing: name, full name, dimension, ARN."""

from stratsim.export._base import Draft
from stratsim.export._names import SOME_ID


def target_group_key(draft: Draft, revision: str) -> tuple[str, ...]:
    """Return the keys of ``names:`` for the target group of the `revision`, best first.

    Only CodeDeploy's and ECS's own blue/green work with two target groups; elsewhere
    both revisions stand in one.
    """
    plan = draft.request.plan
    if plan.platform != "ecs" or plan.one_target_group:
        return ("target_group", "blue_target_group")
    return ("green_target_group",) if revision == "new" else ("blue_target_group", "target_group")


def target_group_name(draft: Draft, where: str, revision: str = "old") -> str:
    """Return the plain name of a target group, as CodeDeploy takes it."""
    key, *fallbacks = target_group_key(draft, revision)
    return _short(draft.names.get(key, where, *fallbacks))


def target_group_dimension(draft: Draft, where: str, revision: str) -> str:
    """Return ``targetgroup/NAME/ID``, as CloudWatch knows a target group."""
    key, *fallbacks = target_group_key(draft, revision)
    value = draft.names.get(key, where, *fallbacks)
    if "/" in value:
        return value.rpartition(":")[2]
    return draft.names.completed(key, where, f"targetgroup/{value}/{SOME_ID}")


def target_group_arn(draft: Draft, where: str, revision: str) -> str:
    """Return the ARN of a target group, as ECS takes it."""
    key, *fallbacks = target_group_key(draft, revision)
    value = draft.names.get(key, where, *fallbacks)
    if "/" not in value:
        value = draft.names.completed(key, where, f"targetgroup/{value}/{SOME_ID}")
    return draft.names.as_arn(value, where, "elasticloadbalancing")


def load_balancer_dimension(draft: Draft, where: str, kind: str) -> str:
    """Return ``app/NAME/ID`` or ``net/NAME/ID``, as CloudWatch knows a load balancer."""
    value = draft.names.get("load_balancer", where)
    if "/" in value:
        return value.partition("loadbalancer/")[2] or value
    return draft.names.completed("load_balancer", where, f"{kind}/{value}/{SOME_ID}")


def alias_resource(draft: Draft, where: str, function: str) -> str:
    """Return ``FUNCTION:ALIAS``, the Resource of metrics by alias."""
    return f"{function}:{draft.names.get('alias', where)}"


def version(draft: Draft, where: str, revision: str) -> str:
    """Return the number of the function's version that `revision` (new, old) means.

    A placeholder stays beside the number that was given for the other one.
    """
    old, new = draft.names.find("old_version"), draft.names.find("new_version")
    if revision == "new":
        better = str(int(old) + 1) if old else ""
    else:
        better = str(max(int(new) - 1, 1)) if new else ""
    return draft.names.get(f"{revision}_version", where, placeholder=better)


def _short(target_group: str) -> str:
    return target_group.split("/")[1] if "/" in target_group else target_group
