"""The Pareto set: strategies that no other beats in everything."""

from collections.abc import Mapping, Sequence

PARETO_MEASURES = ("failed_requests", "deployment_duration_s", "infrastructure_cost_usd")
"""The means that the set weighs against each other; less is better in each."""


def pareto_front(points: Mapping[str, Sequence[float | None]]) -> list[str]:
    """Return the names whose point no other point dominates, in their order.

    One point dominates another that it equals or beats in every coordinate and
    beats in at least one. A coordinate that is not known counts as the worst:
    what cannot be measured is no reason to prefer a strategy. Strategies with
    equal points stay together.
    """
    known = {
        name: tuple(float("inf") if x is None else x for x in point)
        for name, point in points.items()
    }
    return [
        name
        for name, point in known.items()
        if not any(_dominates(other, point) for other in known.values())
    ]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)
