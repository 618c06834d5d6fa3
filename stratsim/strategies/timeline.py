"""The timeline of a plan: what will happen when, if all goes well and as expected.

Every random duration is its mean, no host fails and no alarm fires, so this is
what an engine does with noise off and a healthy outcome. Shifts are ordered on
the plan's clock and take effect ``reroute_s`` later; a row stands at the effect.
Intervals count from the orders; only the shift to 100 % is waited for.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from stratsim.model.plan import (
    Deregister,
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

STATUSES = ("Succeeded", "Failed", "Stopped", "InProgress")
"""Events of the last row: the deployment's status, in CodeDeploy's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One thing that happens from ``time_s`` to ``end_s`` [s since creation].

    The last three numbers hold from ``time_s`` on: ``new_share`` of the traffic
    on the new revision (0 while nothing is in service), hosts ``in_service``,
    that is taking production traffic, and ``instances`` running in both fleets;
    the two are None on Lambda, which has none.
    """

    time_s: float
    end_s: float
    event: str
    new_share: float
    in_service: int | None = None
    instances: int | None = None
    batch: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row that does not know the state of the fleet yet."""

    time_s: float
    end_s: float
    event: str
    batch: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Change:
    """What changes at one moment: hosts in service, running, or the weight."""

    time_s: float
    old: int = 0
    new: int = 0
    running: int = 0
    weight: float | None = None


@dataclass(slots=True)
class _Walk:
    """Where the walk over the steps has come to; ``status`` once it has ended."""

    plan: Plan
    now_s: float = 0.0
    status: str = ""
    note: str = ""
    entries: list[_Entry] = field(default_factory=list)
    changes: list[_Change] = field(default_factory=list)

    def enter(self, event: str, until_s: float, batch: int | None = None, note: str = "") -> None:
        """Add a row from now on."""
        self.entries.append(_Entry(self.now_s, until_s, event, batch, note))

    def end(self, status: str, note: str) -> None:
        """Let the deployment end here."""
        self.status, self.note = status, note


def timeline(plan: Plan) -> tuple[TimelineRow, ...]:
    """Return the rows of `plan` in order of time: Created, what happens, and its end."""
    walk = _Walk(plan)
    for step in plan.steps:
        _WALKERS[type(step)](walk, step)
        if walk.status:
            break
    else:
        walk.end("Succeeded", "")
    walk.enter(walk.status, walk.now_s, note=walk.note)
    return _with_state(walk)


def duration_s(rows: tuple[TimelineRow, ...]) -> float | None:
    """Return the seconds until the deployment has ended; None where it never does."""
    return rows[-1].time_s if rows[-1].event != "InProgress" else None


def _with_state(walk: _Walk) -> tuple[TimelineRow, ...]:
    """Fill in the state of the fleet that holds from each entry's time on."""
    state = _State(walk.plan, old=walk.plan.desired, running=walk.plan.desired)
    changes = sorted(walk.changes, key=lambda change: change.time_s)
    rows, done = [state.row(_Entry(0.0, 0.0, "Created"))], 0
    for entry in sorted(walk.entries, key=lambda entry: entry.time_s):
        while done < len(changes) and changes[done].time_s <= entry.time_s:
            state.apply(changes[done])
            done += 1
        rows.append(state.row(entry))
    return tuple(rows)


@dataclass(slots=True)
class _State:
    """Hosts in service by revision, hosts running, and the router's weight."""

    plan: Plan
    old: int
    running: int
    new: int = 0
    weight: float = 0.0

    def apply(self, change: _Change) -> None:
        """Go on to after `change`."""
        self.old += change.old
        self.new += change.new
        self.running += change.running
        if change.weight is not None:
            self.weight = change.weight

    def share(self) -> tuple[float, int]:
        """Return the new revision's share of the traffic and the hosts that take any."""
        if self.plan.routing == "weighted":
            old = self.old if self.weight < 1 else 0
            return self.weight, old + (self.new if self.weight > 0 else 0)
        serving = self.old + self.new
        return (self.new / serving if serving else 0.0), serving

    def row(self, entry: _Entry) -> TimelineRow:
        """Return the row of `entry` in this state."""
        share, serving = self.share()
        has_hosts = self.plan.platform != "lambda"
        return TimelineRow(
            time_s=entry.time_s,
            end_s=entry.end_s,
            event=entry.event,
            new_share=share,
            in_service=serving if has_hosts else None,
            instances=self.running if has_hosts else None,
            batch=entry.batch,
            note=entry.note,
        )


def _lifecycle(walk: _Walk, step: Lifecycle) -> None:
    until_s = walk.now_s + step.duration.mean
    walk.enter(step.event, until_s)
    walk.now_s = until_s
    if step.duration.mean > step.timeout_s:
        walk.end("Failed", f"{step.event} takes longer than its timeout")


def _launch(walk: _Walk, step: Launch) -> None:
    until_s = walk.now_s + step.startup.mean
    walk.enter(step.event, until_s, note=f"{step.count} instances start")
    walk.changes.append(_Change(walk.now_s, running=step.count))
    walk.now_s = until_s
    if walk.plan.routing == "weighted":
        # Healthy targets of the second target group: in service once they have a weight.
        walk.changes.append(_Change(until_s, new=step.count))


def _shift(walk: _Walk, step: Shift) -> None:
    effect_s = walk.now_s + walk.plan.reroute_s
    note = f"{100 * step.weight:.6g} % to the new revision"
    walk.entries.append(_Entry(effect_s, effect_s, step.event, None, note))
    walk.changes.append(_Change(effect_s, weight=step.weight))
    if step.weight >= 1:
        walk.now_s = effect_s


def _hold(walk: _Walk, step: Hold) -> None:
    until_s = walk.now_s + step.duration_s
    walk.enter(step.event, until_s)
    walk.now_s = until_s
    if step.stops:
        walk.end("Stopped", f"nobody continued the deployment during {step.event}")


def _roll(walk: _Walk, step: Roll) -> None:
    if step.minimum_healthy >= step.count and not step.single_must_succeed:
        note = f"HEALTH_CONSTRAINTS_INVALID: minimum {step.minimum_healthy} of {step.count}"
        walk.end("Failed", note)
        return
    batch = 0
    for zone in range(step.zones):
        # Hosts are dealt to the zones in turn.
        left = step.count // step.zones + (zone < step.count % step.zones)
        slots = min(max(step.concurrency, 1), _zone_slots(step, left))
        if slots < 1:
            walk.end("Failed", f"HEALTH_CONSTRAINTS_INVALID: zone {zone + 1} has no host to spare")
            return
        while left:
            batch += 1
            _batch(walk, step, min(slots, left), batch)
            left -= min(slots, left)
        _monitor(walk, step, zone)


def _zone_slots(step: Roll, hosts: int) -> int:
    return hosts - step.zone_minimum_healthy if step.zones > 1 else hosts


def _monitor(walk: _Walk, step: Roll, zone: int) -> None:
    """Watch a finished zone before the next one begins; the last is not waited for."""
    wait_s = step.zone_monitor_s if zone else step.first_zone_monitor_s
    if zone == step.zones - 1 or not wait_s:
        return
    walk.enter("monitorDuration", walk.now_s + wait_s, note=f"zone {zone + 1} is watched")
    walk.now_s += wait_s


def _batch(walk: _Walk, step: Roll, size: int, batch: int) -> None:
    """Take `size` hosts through their events.

    Hosts that begin together end together when every duration is its mean, so a
    sliding window moves in batches here.
    """
    starts = [0.0, *accumulate(event.duration.mean for event in step.events)]
    hosts = "1 host" if size == 1 else f"{size} hosts"
    walk.enter(step.event, walk.now_s + starts[-1], batch, hosts)
    for event, (begin_s, end_s) in zip(step.events, pairwise(starts), strict=True):
        _host_event(walk, event, size, batch, (walk.now_s + begin_s, walk.now_s + end_s))
    walk.now_s += starts[-1]


def _host_event(
    walk: _Walk, event: HostEvent, size: int, batch: int | None, span: tuple[float, float]
) -> None:
    """Add a row where an event changes what is in service, at the moment it does."""
    begin_s, end_s = span
    if event.effect == "block":
        walk.entries.append(_Entry(begin_s, end_s, event.event, batch))
        walk.changes.append(_Change(begin_s, old=-size))
    elif event.effect == "allow":
        walk.entries.append(_Entry(end_s, end_s, event.event, batch))
        walk.changes.append(_Change(end_s, new=size))


def _deregister(walk: _Walk, step: Deregister) -> None:
    begin_s = walk.now_s
    for event in step.events:
        end_s = begin_s + event.duration.mean
        _host_event(walk, event, walk.plan.desired, None, (begin_s, end_s))
        begin_s = end_s
    walk.now_s = begin_s


def _replace(walk: _Walk, step: Replace) -> None:
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
        walk.changes.append(_Change(walk.now_s, old=-stop, running=start))
        if stop:
            drained_s = walk.now_s + step.drain_s
            walk.changes.append(_Change(drained_s, running=-stop))
        walk.changes.append(_Change(healthy_s, new=start))
        new += start
        walk.now_s = healthy_s
    walk.now_s = max(walk.now_s, drained_s)


def _retire(walk: _Walk, step: Retire) -> None:
    until_s = walk.now_s + step.wait_s
    if math.isfinite(step.wait_s) and step.action == "TERMINATE":
        walk.changes.append(_Change(until_s, running=-walk.plan.desired))
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
}
