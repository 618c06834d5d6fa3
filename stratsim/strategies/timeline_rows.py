"""The rows of a timeline, and the state of the fleet behind each of them."""

from dataclasses import dataclass, field, replace

from stratsim.model.plan import Plan


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
class Entry:
    """A row that does not know the state of the fleet yet."""

    time_s: float
    end_s: float
    event: str
    batch: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What changes at one moment: hosts in service, running, or the weight."""

    time_s: float
    old: int = 0
    new: int = 0
    running: int = 0
    weight: float | None = None


@dataclass(slots=True)
class Walk:
    """Where the walk over the steps has come to; ``status`` once it has ended."""

    plan: Plan
    now_s: float = 0.0
    status: str = ""
    note: str = ""
    entries: list[Entry] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def enter(self, event: str, until_s: float, batch: int | None = None, note: str = "") -> None:
        """Add a row from now on."""
        self.entries.append(Entry(self.now_s, until_s, event, batch, note))

    def drain_until(self, at_s: float) -> None:
        """Wait for what drains until `at_s`, if it is not over."""
        if at_s > self.now_s:
            self.enter("Draining", at_s, note="old requests come to their end")
            self.now_s = at_s

    def serving(self) -> tuple[int, int]:
        """Return the old and the new instances that are up once all changes have happened."""
        old = self.plan.desired - self.plan.out_of_service + sum(c.old for c in self.changes)
        return old, sum(change.new for change in self.changes)

    def end(self, status: str, note: str) -> None:
        """Let the deployment end here."""
        self.status, self.note = status, note

    def cut(self, at_s: float, note: str) -> None:
        """Let the deployment fail at `at_s`, in the midst of what was to come."""
        self.entries = [
            replace(entry, end_s=min(entry.end_s, at_s))
            for entry in self.entries
            if entry.time_s < at_s
        ]
        self.changes = [change for change in self.changes if change.time_s < at_s]
        self.now_s = at_s
        self.end("Failed", note)


def with_state(walk: Walk) -> tuple[TimelineRow, ...]:
    """Fill in the state of the fleet that holds from each entry's time on."""
    plan = walk.plan
    state = _State(plan, old=plan.desired - plan.out_of_service, running=plan.desired)
    changes = sorted(walk.changes, key=lambda change: change.time_s)
    rows, done = [state.row(Entry(0.0, 0.0, "Created"))], 0
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

    def apply(self, change: Change) -> None:
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

    def row(self, entry: Entry) -> TimelineRow:
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


def duration_s(rows: tuple[TimelineRow, ...]) -> float | None:
    """Return the seconds until the deployment has ended; None where it never does."""
    return rows[-1].time_s if rows[-1].event != "InProgress" else None
