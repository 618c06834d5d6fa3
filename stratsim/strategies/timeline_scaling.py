"""The timeline of steps that scale two fleets: wave by wave, every start as long as its mean."""

from stratsim.model.scaling import Configure, Scale
from stratsim.strategies.timeline_rows import Change, Entry, Walk
from stratsim.strategies.waves import Sizes, Wave, next_wave, reached


def scale(walk: Walk, step: Scale) -> None:
    """Walk through the waves of `step`."""
    old, new = walk.serving()
    number, drained_s, healthy_s = 0, walk.now_s, walk.now_s
    while not reached(step, Sizes(old, new, old, new)):
        wave = next_wave(step, Sizes(old, new, old, new))
        if not wave:
            walk.end("InProgress", f"{step.event} is stuck: no instance can start or stop")
            return
        number += 1
        if wave.stops:
            drained_s = walk.now_s + step.drain_s
        if wave.starts:
            healthy_s = walk.now_s + step.startup.mean
        _wave(walk, step, wave, number)
        if wave.starts and step.watched and step.startup.mean > step.timeout_s:
            walk.end("Failed", f"{step.event} takes longer than its timeout")
            return
        old += wave.start_old - wave.stop_old
        new += wave.start_new - wave.stop_new
    walk.now_s = max(walk.now_s, healthy_s)
    if step.awaits_drain:
        walk.drain_until(drained_s)


def _wave(walk: Walk, step: Scale, wave: Wave, number: int) -> None:
    begin_s, wait_s = walk.now_s, 0.0
    if wave.starts:
        healthy_s = min(step.startup.mean, step.timeout_s) if step.watched else 0.0
        wait_s = max(healthy_s, step.settle_s)
    walk.enter(step.event, begin_s + wait_s, number, _note(wave))
    healthy_s = begin_s + step.startup.mean
    if wave.starts and healthy_s != begin_s + wait_s:
        end_s = max(healthy_s, begin_s + wait_s)
        walk.entries.append(Entry(healthy_s, end_s, "InService", number, f"{wave.starts} healthy"))
    walk.changes += [
        Change(begin_s, old=-wave.stop_old, new=-wave.stop_new, running=wave.starts),
        Change(begin_s + step.drain_s, running=-wave.stops),
        Change(healthy_s, old=wave.start_old, new=wave.start_new),
    ]
    walk.now_s = begin_s + wait_s


def _note(wave: Wave) -> str:
    parts = [
        f"{count} {what}"
        for count, what in (
            (wave.start_new, "new start"),
            (wave.start_old, "old start"),
            (wave.stop_old, "old stop"),
            (wave.stop_new, "new stop"),
        )
        if count
    ]
    return ", ".join(parts)


def configure(walk: Walk, step: Configure) -> None:
    """Give the nearest whole number of instances the configuration."""
    old, new = walk.serving()
    wanted = int(step.share * (old + new) + 0.5)
    effect_s = walk.now_s + walk.plan.reroute_s
    walk.entries.append(Entry(effect_s, effect_s, step.event, None, f"{wanted} instances"))
    walk.changes.append(Change(effect_s, old=new - wanted, new=wanted - new))
    if step.share in (0.0, 1.0):
        walk.now_s = effect_s
