"""What each node of metric math yields, known before anything is evaluated."""

from collections.abc import Sequence
from dataclasses import replace

from stratsim.cloudwatch.math_functions import FUNCTIONS
from stratsim.cloudwatch.math_nodes import Call, Chain, Collected, Kind, Node, Word
from stratsim.cloudwatch.syntax import ColumnError

DEPTH = 64  # levels of nesting; AWS bounds the length only

KIND_WORDS = {Kind.SCALAR: "a number", Kind.SERIES: "a series", Kind.ARRAY: "an array of series"}


def describe(item: object) -> str:
    """Return how a message names an argument."""
    if isinstance(item, Word):
        return repr(item.text)
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
    """Return the kind of ``[..]``, which holds series and arrays of them."""
    for item in items:
        if not isinstance(item, Node) or item.kind < Kind.SERIES:
            raise ColumnError(rule="an array of series", got=describe(item), at=at)
    return Kind.ARRAY


def call_kind(name: str, arguments: Sequence[object], at: int | None = None) -> Kind:
    """Return what a function yields for these arguments."""
    function = FUNCTIONS[name]
    for place, (item, kinds) in enumerate(zip(arguments, function.takes, strict=False)):
        words = function.words.get(place, ())
        fits = item.text in words if isinstance(item, Word) else None
        if not (isinstance(item, Node) and (item.kind in kinds if fits is None else fits)):
            wanted = " or ".join([*(KIND_WORDS[kind] for kind in sorted(kinds)), *words])
            rule = f"{name} with {wanted} as argument {place + 1}"
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
        kind = call_kind(node.name, parts)
    return replace(node, kind=kind, depth=depth_above(parts), parts=parts)
