"""What each node of metric math yields, known before anything is evaluated."""

from collections.abc import Sequence
from dataclasses import replace

from stratsim.cloudwatch.math_functions import FUNCTIONS
from stratsim.cloudwatch.math_nodes import Call, Chain, Collected, Kind, Node
from stratsim.cloudwatch.syntax import ColumnError

DEPTH = 64  # levels of nesting; AWS bounds the length only

KIND_WORDS = {Kind.SCALAR: "a number", Kind.SERIES: "a series", Kind.ARRAY: "an array of series"}


def describe(item: object) -> str:
    """Return how a message names an argument."""
    return KIND_WORDS[item.kind] if isinstance(item, Node) else repr(str(item))


def depth_above(parts: Sequence[Node], at: int | None = None) -> int:
    """Return the depth of a node above `parts`."""
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > DEPTH:
        raise ColumnError(rule=f"nested at most {DEPTH} levels deep", got="more", at=at)
    return depth


def chain_kind(parts: Sequence[Node], at: int | None = None) -> Kind:
    """Return what operators make of `parts`; CloudWatch joins no two arrays."""
    if sum(part.kind is Kind.ARRAY for part in parts) > 1:
        rule = "an operation with at most one array"
        hint = "Aggregate them first, as in SUM(METRICS())."
        raise ColumnError(rule=rule, got="two arrays", at=at, hint=hint)
    return max(part.kind for part in parts)


def collected_kind(items: Sequence[object], at: int | None = None) -> Kind:
    """Return the kind of ``[..]``, which holds series only."""
    for item in items:
        if not isinstance(item, Node) or item.kind is not Kind.SERIES:
            raise ColumnError(rule="an array of series", got=describe(item), at=at)
    return Kind.ARRAY


def call_kind(name: str, arguments: Sequence[object], at: int | None = None) -> Kind:
    """Return what a function yields for these arguments, words among them or not."""
    function = FUNCTIONS[name]
    for place, (item, kinds) in enumerate(zip(arguments, function.takes, strict=False), start=1):
        is_word = place == len(function.takes) and item in function.words
        if not is_word and not (isinstance(item, Node) and item.kind in kinds):
            wanted = " or ".join(KIND_WORDS[kind] for kind in sorted(kinds))
            rule = f"{name} with {wanted} as argument {place}"
            raise ColumnError(rule=rule, got=describe(item), at=at)
    return function.yields(*(item.kind for item in arguments if isinstance(item, Node)))


def with_parts(node: Node, parts: tuple[Node, ...]) -> Node:
    """Return `node` over other parts, its kind found anew."""
    kind = parts[0].kind
    if isinstance(node, Chain):
        kind = chain_kind(parts)
    elif isinstance(node, Collected):
        kind = collected_kind(parts)
    elif isinstance(node, Call):
        kind = call_kind(node.name, (*parts, *node.words))
    return replace(node, kind=kind, depth=depth_above(parts), parts=parts)
