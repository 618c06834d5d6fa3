"""The timeline of analyses: every check passes at once, and none is inconclusive."""

from stratsim.model.analysis import Gate, Ladder, Tick, Watch
from stratsim.strategies.timeline_rows import Change, Entry, Walk


def gate(walk: Walk, step: Gate) -> None:
    """Wait for the last measurement of the longest metric."""
    until_s = walk.now_s + max((metric.length_s for metric in step.metrics), default=0.0)
    walk.enter(step.event, until_s)
    walk.now_s = until_s


def watch(walk: Walk, step: Watch) -> None:
    """Say that an analysis begins beside the steps."""
    walk.enter(step.event, walk.now_s, note="runs beside the steps that follow")


def tick(walk: Walk, step: Tick) -> None:
    """Wait for the next tick."""
    until_s = _tick_after(walk.now_s, step.interval_s, step.count)
    walk.enter(step.event, until_s)
    walk.now_s = until_s


def ladder(walk: Walk, step: Ladder) -> None:
    """Set a weight at every tick, and pass one more to be promoted."""
    for weight in step.weights:
        walk.now_s = _tick_after(walk.now_s, step.interval_s)
        effect_s = walk.now_s + walk.plan.reroute_s
        walk.entries.append(Entry(effect_s, effect_s, step.event))
        walk.changes.append(Change(effect_s, weight=weight))
    walk.now_s = _tick_after(walk.now_s, step.interval_s)


def _tick_after(now_s: float, interval_s: float, count: int = 1) -> float:
    # whole microseconds keep a sum of seconds from missing its own tick
    passed = round(now_s * 1e6) // round(interval_s * 1e6)
    return (passed + count) * interval_s
