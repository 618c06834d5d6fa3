"""What a stopped deployment leaves running on hosts in many runs: `control.stop_in_flight`.

See `stratsim.engine.scripts.Script.stop`: events that run come to their end, and no
other begins. A pass whose scripts are cut so is known to its end, whatever comes.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from stratsim.engine.batch.changes import NEVER, Draft, Flags, Times
from stratsim.engine.batch.draws import draws_of
from stratsim.engine.batch.fail_open import SICK, fails_open
from stratsim.engine.batch.placed import Placed
from stratsim.engine.batch.scripts import Pass, Script, play_of
from stratsim.engine.batch.state import Index
from stratsim.model.plan import Deregister, Roll
from stratsim.model.scenario import Scenario

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Played = tuple[Script, Pass]
T = TypeVar("T", Script, Pass)


def take(played: Played, keep: Index) -> Played:
    """Return the rows `keep` of a pass."""
    return played[0].take(keep), played[1].take(keep)


def put(whole: Played | None, rows: Index, values: Played, count: int) -> Played:
    """Return a pass of `count` replications in which `rows` are replaced."""
    play, ran = whole or (values[0].blank(count), values[1].blank(count))
    for target, source in ((play, values[0]), (ran, values[1])):
        for field in fields(source):
            getattr(target, field.name)[rows] = getattr(source, field.name)
    return play, ran


def in_place(step: Roll | Deregister) -> bool:
    """Whether a step gives hosts in place another revision."""
    return isinstance(step, Roll) and step.fleet == "old"


def ends_late(scenario: Scenario) -> bool:
    """Whether events that run on hosts come to their end after a stop."""
    return scenario.control.stop_in_flight == "after_event"


def cut_short(again: Callable[[Times], Script], ran: Pass, edge: Times) -> Played:
    """Return a pass in which no event begins at `edge`, (rows,), or later.

    `again` is to return its script with an end to it.
    """
    start = np.where(ran.start < edge[:, None], ran.start, NEVER)
    until = np.where(start < NEVER, edge[:, None] - start, NEVER)
    return again(until), Pass(start, ran.end, ran.failed, np.full(start.shape, NEVER))


def stop_failed(scenario: Scenario, again: Callable[[Times], Script], played: Played) -> Played:
    """Return a pass that stops by itself where it fails."""
    ran = played[1]
    if not (ends_late(scenario) and ran.failed.any()):
        return played
    return cut_short(again, ran, np.where(ran.failed, ran.end + 1, NEVER))


def stop(runs: "Runs", rows: Index) -> None:
    """Cut short what runs on the hosts of `rows`, whose deployments have been stopped."""
    plan, state = runs.plan_, runs.state
    rows = rows[~state.cut[rows]]
    state.cut[rows] = True
    if not (ends_late(runs.scenario) and len(rows)):
        return
    edge = edge_of(runs, rows)
    draws = draws_of(runs, rows)

    def cut(played: Played, step: Roll | Deregister) -> Played:
        ran = take(played, rows)[1]
        return cut_short(lambda until: play_of(draws, step, until), ran, edge)

    steps = [s for s in runs.plan.steps if isinstance(s, Roll | Deregister)]
    if plan.hosts is not None:
        plan.put_hosts(rows, cut(plan.hosts, next(s for s in steps if in_place(s))))
    beside = [s for s in steps if not in_place(s)]
    for played, step in zip(plan.beside, beside, strict=False):
        play, ran = cut(played, step)
        put(played, rows, (play, ran), len(plan.end))
        if isinstance(step, Deregister):
            plan.left[rows] = ran.at(play.out)


def edge_of(runs: "Runs", rows: Index) -> Times:
    """Return from when on nothing has happened that a deployment had yet to do.

    What falls into the instant of a stop from outside has not happened: polls and
    people come before changes, but a plan has begun before anybody looks at it.
    """
    ended = runs.state.ended[rows]
    return np.asarray(ended + ((ended == runs.plan_.end[rows]) | (ended == 0)))


def terminate(runs: "Runs", rows: Index, done: Times) -> None:
    """Let nothing happen on the hosts of a new fleet that is gone from `done` on."""
    for play, ran in runs.plan_.beside:
        for name in ("back", "lost"):
            at = getattr(play, name)
            late = ran.at(at)[rows] > done[:, None]
            at[rows] = np.where(late & play.new[rows], NEVER, at[rows])


class Running:
    """What runs on the hosts of `rows` when a way back begins, or nothing more is to come.

    ``since`` (rows,) is the first moment whose changes have not been applied, and
    ``passes`` are those of two fleets, of the way there, and of an earlier way back.
    """

    def __init__(self, runs: "Runs", rows: Index) -> None:
        state, plan = runs.state, runs.plan_
        self.now = state.now[rows]
        self.since = np.where(state.coming[rows] <= self.now, self.now, self.now + 1)
        self.fails_open = fails_open(runs.scenario)
        here = (plan.hosts, plan.back) if ends_late(runs.scenario) else ()
        self.in_place = [take(played, rows) for played in here if played is not None]
        self.beside = [take(played, rows) for played in plan.beside]

    @property
    def last(self) -> Times:
        """Return when the last event of all is over."""
        free = [np.where(self.flying((p, r)), r.at(p.free), 0).max(axis=1) for p, r in self.passes]
        return np.asarray(np.maximum.reduce([self.now, *free]))

    @property
    def passes(self) -> list[Played]:
        """Return the passes that may have left something running."""
        return [*self.beside, *self.in_place]

    def flying(self, played: Played) -> Flags:
        """Return on which hosts an event of a pass runs, (rows, hosts)."""
        play, ran = played
        return np.asarray((ran.at(play.free) > self.now[:, None]) & (ran.start < NEVER))

    def free(self, hosts: int) -> Times:
        """Return from when on the first hosts may be deployed to, (rows, hosts)."""
        free = np.broadcast_to(self.now[:, None], (len(self.now), hosts))
        taken_out = [played for played in self.beside if not played[0].new.all()]
        for play, ran in (*taken_out, *self.in_place):
            free = np.where(self.flying((play, ran)), ran.at(play.free), free)
        return free

    def entries(self) -> Times | None:
        """Return when hosts have yet to come back with the new revision."""
        found = [
            self._due(ran.at(np.where(play.new, play.back, NEVER))) for play, ran in self.passes
        ]
        return np.asarray(np.minimum.reduce(found)) if found else None

    def _due(self, at: Times, until: Times | None = None) -> Times:
        at = np.where(at >= self.since[:, None], at, NEVER)
        return at if until is None else np.where(at <= until[:, None], at, NEVER)

    def go_on(self, draft: Draft, *, moves: bool = True, until: Times | None = None) -> None:
        """Put into `draft` what is still to come on hosts; a new fleet is gone from `until` on.

        Without `moves` hosts that come back are left out, whose times are known one by one.
        """
        for number, (play, ran) in enumerate(self.passes):
            fresh = number < len(self.beside)
            end = until if fresh else None
            back, lost = self._due(ran.at(play.back), end), self._due(ran.at(play.lost), end)
            comes = (("new", play.new & moves, back), ("old", ~play.new & moves, back))
            loses = ("lost_new" if fresh else "lost_old", lost < NEVER, lost)
            for kind, which, when in (*comes, loses):
                at = np.where(which, when, NEVER)
                _put(draft, at, kind, 1)
                if end is not None:
                    _put(draft, np.where(at < NEVER, end[:, None], NEVER), kind, -1)
            for new, kind in zip((~play.new, play.new), SICK, strict=True):
                if self.fails_open:
                    _put(draft, np.where(new, self._due(ran.at(play.well)), NEVER), kind, -1)

    def after(self, at: Placed) -> Placed:
        """Return where hosts are that are `at` their places now, when all events are over."""
        for played in self.in_place:
            at = at.then(*played)
        return at

    def left(self) -> Played | None:
        """Return what runs in place as one pass."""
        if not self.in_place:
            return None
        play, ran = self.in_place[0]
        ran = replace(ran, start=np.where(self.flying((play, ran)), ran.start, NEVER))
        for more in self.in_place[1:]:
            flying = self.flying(more)
            play, ran = _merged(play, more[0], flying), _merged(ran, more[1], flying)
        return play, ran


def _merged(one: T, other: T, which: Flags) -> T:
    """Return `one` with the hosts `which`, (rows, hosts), of `other`."""
    mixed = {
        field.name: np.where(which, getattr(other, field.name), getattr(one, field.name))
        for field in fields(one)
        if getattr(one, field.name).ndim > 1
    }
    return replace(one, **mixed)


def _put(draft: Draft, at: Times, kind: str, amount: int) -> None:
    if (at < NEVER).any():
        draft.hosts(at, kind, amount)
