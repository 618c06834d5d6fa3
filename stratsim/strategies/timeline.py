"""The timeline of a plan: what will happen when, if all goes well and as expected.

Every random duration is its mean, no host fails and no alarm fires, so this is
what an engine does with noise off and a healthy outcome. Shifts are ordered on
the plan's clock and take effect ``reroute_s`` later; a row stands at the effect.
Intervals count from the orders; only the shift to 100 % is waited for.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate, pairwise

from stratsim.model.analysis import Gate, Ladder, Tick, Watch
from stratsim.model.plan import (
    Deregister,
    Effect,
    Hold,
    HostEvent,
    Launch,
    Lifecycle,
    Plan,
    Replace,
    Retire,
    Roll,
    Shift,
    Step,
)
from stratsim.model.quantities import Fixed
from stratsim.model.scaling import Configure, Scale
from stratsim.strategies.batches import Batch, batches, invalid
from stratsim.strategies.timeline_analysis import gate, ladder, tick, watch
from stratsim.strategies.timeline_rows import Change, Entry, TimelineRow, Walk, with_state
from stratsim.strategies.timeline_scaling import configure, scale


def timeline(plan: Plan) -> tuple[TimelineRow, ...]:
    """Return the rows of `plan` in order of time: Created, what happens, and its end."""
    walk = Walk(plan)
    for step in plan.steps:
        _WALKERS[type(step)](walk, step)
        if walk.status:
            break
    else:
        walk.end("Succeeded", "")
    if walk.now_s > plan.deadline_s:
        walk.cut(plan.deadline_s, "TIMEOUT: AWS ends the deployment")
    walk.enter(walk.status, walk.now_s, note=walk.note)
    return with_state(walk)


def _lifecycle(walk: Walk, step: Lifecycle) -> None:
    until_s = walk.now_s + min(step.duration.mean, step.timeout_s)
    walk.enter(step.event, until_s)
    walk.now_s = until_s
    if step.duration.mean > step.timeout_s and not step.continues:
        walk.end("Failed", f"{step.event} takes longer than its timeout")


def _launch(walk: Walk, step: Launch) -> None:
    until_s = walk.now_s + min(step.startup.mean, step.timeout_s)
    walk.enter(step.event, until_s, note=f"{step.count} instances start")
    walk.changes.append(Change(walk.now_s, running=step.count))
    walk.now_s = until_s
    if step.startup.mean > step.timeout_s:
        walk.end("Failed", f"{step.event} takes longer than its timeout")
    if walk.plan.routing == "weighted":
        # Healthy targets of the second target group: in service once they have a weight.
        walk.changes.append(Change(until_s, new=step.count))


def _shift(walk: Walk, step: Shift) -> None:
    effect_s = walk.now_s + walk.plan.reroute_s
    walk.entries.append(Entry(effect_s, effect_s, step.event))
    walk.changes.append(Change(effect_s, weight=step.weight))
    if step.weight >= 1:
        walk.now_s = effect_s


def _hold(walk: Walk, step: Hold) -> None:
    until_s = walk.now_s + step.duration_s
    walk.enter(step.event, until_s)
    walk.now_s = until_s
    if step.stops:
        walk.end("Stopped", f"nobody continued the deployment during {step.event}")


def _roll(walk: Walk, step: Roll) -> None:
    if note := invalid(step):
        walk.end("Failed", note)
        return
    if late := _cut_short(step.events):
        # As many hosts fail as may be missing, so the first batch is the last.
        _batch(walk, replace(step, events=late), next(batches(step)), 1)
        walk.end("Failed", f"HEALTH_CONSTRAINTS: {late[-1].event} takes longer than its timeout")
        return
    zone = 0
    before = sum(entry.event == step.event for entry in walk.entries)
    for number, batch in enumerate(batches(step), before + 1):
        if not batch.size:
            walk.end("Failed", "HEALTH_CONSTRAINTS: too few healthy hosts to go on")
            return
        if batch.zone > zone:
            _monitor(walk, step, zone)
            zone = batch.zone
        _batch(walk, step, batch, number)
    if step.zones and step.zone_tail_wait:
        _monitor(walk, step, zone)


def _cut_short(events: tuple[HostEvent, ...]) -> tuple[HostEvent, ...]:
    """Return the events up to one that outlasts its timeout; none where all fit."""
    for at, event in enumerate(events):
        if event.duration.mean > event.timeout_s and not event.forgiven:
            effect: Effect = "block" if event.effect == "block" else "none"
            cut = replace(event, duration=Fixed(event.timeout_s), effect=effect)
            return (*events[:at], cut)
    return ()


def _length_s(event: HostEvent) -> float:
    return min(event.duration.mean, event.timeout_s)


def _monitor(walk: Walk, step: Roll, zone: int) -> None:
    """Watch a finished zone before the next one begins."""
    wait_s = step.zone_monitor_s if zone else step.first_zone_monitor_s
    if wait_s:
        walk.enter("monitorDuration", walk.now_s + wait_s, note=f"zone {zone + 1} is watched")
        walk.now_s += wait_s


def _batch(walk: Walk, step: Roll, batch: Batch, number: int) -> None:
    """Take the hosts of a batch through their events."""
    starts = [0.0, *accumulate(_length_s(event) for event in step.events)]
    hosts = "1 host" if batch.size == 1 else f"{batch.size} hosts"
    walk.enter(step.event, walk.now_s + starts[-1], number, hosts)
    for event, (begin_s, end_s) in zip(step.events, pairwise(starts), strict=True):
        span = (walk.now_s + begin_s, walk.now_s + end_s)
        _host_event(walk, event, (batch.sound, batch.size), number, span)
    walk.now_s += starts[-1]


def _host_event(
    walk: Walk,
    event: HostEvent,
    sizes: tuple[int, int],
    batch: int | None,
    span: tuple[float, float],
) -> None:
    """Add a row where an event changes what is in service, at the moment it does.

    `sizes` are the hosts that are in service before and after.
    """
    begin_s, end_s = span
    if event.effect == "block":
        walk.entries.append(Entry(begin_s, end_s, event.event, batch))
        walk.changes.append(Change(begin_s, old=-sizes[0]))
    elif event.effect == "allow":
        walk.entries.append(Entry(end_s, end_s, event.event, batch))
        walk.changes.append(Change(end_s, new=sizes[1]))


def _deregister(walk: Walk, step: Deregister) -> None:
    begin_s = walk.now_s
    late = _cut_short(step.events)
    if late:
        walk.end("Failed", f"HEALTH_CONSTRAINTS: {late[-1].event} takes longer than its timeout")
    for event in late or step.events:
        end_s = begin_s + _length_s(event)
        serving = walk.plan.desired - walk.plan.out_of_service
        _host_event(walk, event, (serving, 0), None, (begin_s, end_s))
        begin_s = end_s
    walk.now_s = begin_s


def _replace(walk: Walk, step: Replace) -> None:
    """Start and stop tasks as soon as the bounds allow.

    A task that drains is neither running nor pending, so it leaves room for a
    new one at once. Tasks of one wave become healthy together.
    """
    old, new, wave, drained_s = step.count, 0, 0, walk.now_s
    while old or new < step.count:
        stop = min(old, max(0, old + new - step.lower))
        start = min(step.count - new, step.upper - (old - stop) - new)
        if not (stop or start):
            walk.end("InProgress", "stuck: no task can start or stop")
            return
        wave += 1
        old -= stop
        healthy_s = walk.now_s + (step.startup.mean if start else 0.0)
        walk.enter(step.event, healthy_s, wave, f"{start} tasks start, {stop} stop")
        walk.changes.append(Change(walk.now_s, old=-stop, running=start))
        if stop:
            drained_s = walk.now_s + step.drain_s
            walk.changes.append(Change(drained_s, running=-stop))
        walk.changes.append(Change(healthy_s, new=start))
        new += start
        walk.now_s = healthy_s
    walk.drain_until(drained_s)


def _retire(walk: Walk, step: Retire) -> None:
    until_s = walk.now_s + step.wait_s
    if step.action == "TERMINATE":
        walk.changes.append(Change(until_s, running=-walk.plan.desired))
    note = "" if step.action == "TERMINATE" else "the original fleet is kept alive"
    walk.enter(step.event, until_s, note=note)
    walk.now_s = until_s


_WALKERS: dict[type[Step], Callable[..., None]] = {
    Lifecycle: _lifecycle,
    Launch: _launch,
    Shift: _shift,
    Hold: _hold,
    Roll: _roll,
    Deregister: _deregister,
    Replace: _replace,
    Retire: _retire,
    Scale: scale,
    Configure: configure,
    Gate: gate,
    Watch: watch,
    Ladder: ladder,
    Tick: tick,
}
