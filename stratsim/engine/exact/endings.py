"""From the ways in which deployments end to a tally: one row per atom.

An atom is a way to end, with its probability: in which minute an alarm stopped
the deployment, when people were called, when a fault was met first. A stopped
deployment goes on as if it had not been until its traffic is back, so its means
are those of the undisturbed deployment up to then, corrected by what its alarm
has seen.
"""

from dataclasses import dataclass

import numpy as np

from stratsim.engine.batch.changes import NEVER, Times, us_many
from stratsim.engine.batch.timetable import FAILED, STOPPED, SUCCEEDED
from stratsim.engine.clock import US, us
from stratsim.engine.exact.limits import Limits, followed
from stratsim.engine.exact.minutes import SUMS, Minutes
from stratsim.engine.exact.pieces import Index, Unstopped
from stratsim.engine.exact.walk import NOT, Ends, poll_after
from stratsim.engine.exact.warmed import Warmth
from stratsim.engine.tally import Tally
from stratsim.model.quantities import Array
from stratsim.watch import MINUTE_US


@dataclass(slots=True)
class Atoms:
    """The atoms as arrays; minutes are `NOT` where something did not happen."""

    world: Index
    p: Array
    x: Array
    paged: Index
    met: Index
    detected: Index
    stopped: Index
    minute: Index

    variant: Index

    @classmethod
    def of(cls, ends: Ends, worlds: int) -> "Atoms":
        """Join a list of atoms; probabilities are made to sum to 1 in each row."""
        sizes = [len(row) for row in ends.row]
        past = [(w.paged, w.met, w.detected, s, m) for w, s, m in ends.past]
        columns = np.repeat(np.array(past, dtype=np.int64), sizes, axis=0).T
        row, p = np.concatenate(ends.row), np.concatenate(ends.p)
        x = np.concatenate(ends.x, axis=1) / p  # means given the atom
        total = np.bincount(row, p)
        paged, met, detected, stopped, minute = columns
        weight = p / total[row]
        return cls(row % worlds, weight, x, paged, met, detected, stopped, minute, row // worlds)


def endings(base: Unstopped, minutes: Minutes, limits: Limits, atoms: Atoms) -> Tally:
    """Return the tally of all atoms; its rows are means given the atom."""
    found = _Endings(base, minutes, limits, atoms)
    found.decide()
    return found.tally()


class _Endings:
    def __init__(self, base: Unstopped, minutes: Minutes, limits: Limits, atoms: Atoms) -> None:
        self.base, self.minutes, self.limits, self.atoms = base, minutes, limits, atoms
        self.world = atoms.world
        self.phase = -minutes.edges[atoms.world, -minutes.first]
        schedule, w = base.schedule, atoms.world
        self.end, self.status = schedule.end[w], schedule.status[w].copy()
        self.can_undo = schedule.can_undo[w]
        self.met_at = np.where(
            atoms.met > NOT,
            minutes.meets[w, np.maximum(atoms.met - minutes.first, 0)].astype(np.int64),
            NEVER,
        )
        self.paged_at = self._at(atoms.paged)

    def _at(self, minute: Index) -> Times:
        """Return when a minute ends; never where there is none."""
        place = np.maximum(minute - self.minutes.first + 1, 0)
        return np.where(minute > NOT, self.minutes.edges[self.world, place], NEVER)

    def _later(self, at: Times, wait: int) -> Times:
        return np.where(at < NEVER, np.minimum(at, NEVER - wait) + wait, NEVER)

    def decide(self) -> None:
        """Find out how each deployment ends, and when its traffic goes back."""
        atoms, limits, group = self.atoms, self.limits, self.base.setup.plan.group
        alarm = self._at(atoms.stopped)
        by_alarm = atoms.stopped > NOT
        refused = atoms.minute == NOT
        people = np.minimum(
            self._later(self.paged_at, limits.respond), self._later(self.met_at, limits.notice)
        )
        poll = poll_after(alarm, limits.poll)
        by_people = ~by_alarm & ~refused & (people <= self.end)
        self.ended = np.where(by_alarm, poll, np.where(by_people, people, self.end))
        self.ended = np.where(refused, 0, self.ended)
        self.status[by_alarm | by_people | refused] = STOPPED
        failed = ~(by_alarm | by_people | refused) & (self.status == FAILED) & self.can_undo
        back = (
            (by_alarm, group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM"), alarm),
            (by_people, group.rolls_back_on("DEPLOYMENT_STOP_ON_REQUEST"), people),
            (failed, group.rolls_back_on("DEPLOYMENT_FAILURE"), self.end),
        )
        self.automatic = np.zeros(len(self.world), dtype=bool)
        self.trigger = np.full(len(self.world), NEVER)
        for rows, yes, when in back:
            self.automatic |= rows & yes
            self.trigger = np.where(rows & yes, when, self.trigger)
        self.undo = np.where(self.automatic | by_people, self.ended, NEVER)
        self._wait_for_people(people, refused)
        self._restore()

    def _wait_for_people(self, people: Times, refused: Index) -> None:
        """Let people end what nothing has undone, if a fault is served that long."""
        limits, w = self.limits, self.world
        idle = (self.base.weight(w, self.ended + 1) == 0) | ~limits.follows[w] | refused
        met = self.atoms.met > NOT
        follow = followed(self.base, self.ended, self.phase)
        last = np.where(met, follow, np.maximum(limits.calm[w], self.ended))
        last = np.where(idle, self.ended, last)
        waits = (self.undo == NEVER) & (people <= last) & ~idle
        self.undo = np.where(waits, people, self.undo)
        self.over = last

    def _restore(self) -> None:
        base, w = self.base, self.world
        undone = self.undo < NEVER
        at = np.where(undone, self.undo, 0)
        gone = undone & (base.schedule.retired[w] <= at) & (base.setup.plan.undo == "reroute")
        wait = np.zeros(len(w), dtype=np.int64)
        if gone.any():
            startup = base.scenario.service.startup
            starts = us_many(base.draws.values(startup, "startup of a rollback")).max(axis=1)
            wait = np.where(gone, starts[w], 0)
        self.relaunched = gone
        self.done = at + wait + us(base.setup.plan.reroute_s)
        idle = base.weight(w, at) == 0
        self.restored = np.where(undone, np.where(idle, at, self.done), NEVER)
        self.over = np.where(undone, self.done, self.over)

    # -- sums -----------------------------------------------------------------------

    def tally(self) -> Tally:
        """Return the tally of the atoms."""
        minutes, atoms, w = self.minutes, self.atoms, self.world
        until = np.minimum(self.undo, self.over)
        whole = np.clip((until + self.phase) // MINUTE_US, 0, None) - minutes.first
        whole = np.minimum(whole, minutes.kind.shape[1])
        start = np.maximum(minutes.edges[w, whole], 0)
        sums = {name: _upto(minutes.sums[name], w, whole) for name in SUMS}
        peak = _most(minutes.peak, w, whole, np.maximum, 0.0)
        room = _most(minutes.room, w, whole, np.minimum, np.inf)
        load = _most(minutes.load, w, whole, np.maximum, -np.inf)
        warmth = Warmth(
            _most(minutes.needed, w, whole, np.maximum, 0.0),
            _most(minutes.usual, w, whole, np.maximum, 0.0),
        )
        for begin, end, natural in ((start, until, True), (until, self.over, False)):
            cuts = self._minute_ends(w, begin, end)
            pieces = self.base.between(w, begin, end, cuts, np.arange(len(w)), warmth)
            warmth = warmth if self.base.cold is None else self.base.cold.end
            for name in SUMS[:3] if not natural else SUMS:
                sums[name] += pieces.total(getattr(pieces, name), len(w))
            np.maximum.at(peak, pieces.owner, pieces.share)
            np.minimum.at(room, pieces.owner, pieces.room)
            np.maximum.at(load, pieces.owner, pieces.load)
        sums["extra_s"] += self._beside(until)
        last = self.base.weight(w, self.over + 1)
        peak = np.where(self.undo == NEVER, np.maximum(peak, last), peak)
        failed = np.maximum(sums["failed"] + atoms.x[0], 0.0)
        exposed = np.maximum(sums["met"] + atoms.x[1], 0.0)
        never = (atoms.met == NOT) & (atoms.stopped == NOT) & (self.undo == NEVER)
        return self._columns(
            np.where(never, 0.0, failed),
            np.where(never, 0.0, exposed),
            sums,
            peak,
            room,
            load,
        )

    def _minute_ends(self, w: Index, begin: Times, end: Times) -> Times:
        edges = self.minutes.edges[w, -self.minutes.first]
        first = edges + ((begin - edges) // MINUTE_US + 1) * MINUTE_US
        count = int(np.max((end - begin) // MINUTE_US, initial=0)) + 1
        return np.asarray(first[:, None] + MINUTE_US * np.arange(count)[None, :])

    def _beside(self, until: Times) -> Array:
        """Return extra instance-seconds from when a rollback begins until it is done."""
        base, w = self.base, self.world
        running = base.level("running", w, until) + np.where(self.relaunched, base.desired, 0)
        return np.maximum(running - base.desired, 0.0) * (self.over - until) / US

    def _columns(
        self,
        failed: Array,
        exposed: Array,
        sums: dict[str, Array],
        peak: Array,
        room: Array,
        load: Array,
    ) -> Tally:
        users = self.base.scenario.traffic.users.active
        detected = np.where(
            self.atoms.detected > NOT, np.maximum(self._at(self.atoms.detected), self.met_at), NEVER
        )
        noticed = self._later(self.met_at, self.limits.notice)
        paged = np.where(self.paged_at <= self.over, self.paged_at, NEVER)
        paged = np.minimum(paged, np.where(noticed <= self.over, noticed, NEVER))
        return Tally(
            plan=self.base.setup.plan,
            outcome=self.base.draws.outcomes[self.world],
            succeeded=self.status == SUCCEEDED,
            automatic=self.automatic,
            failed_fault=failed,
            failed_capacity=np.zeros(len(failed)),
            slow=sums["slow"],
            exposed=exposed,
            # E[(1 - 1/users)^N] of a Poisson number N of failures
            affected_users=-users * np.expm1(-failed / users),
            peak_exposure=peak,
            min_capacity=np.where(np.isfinite(room), room, np.nan),
            peak_utilization=np.where(np.isfinite(load), load, np.nan),
            extra_instance_s=sums["extra_s"],
            duration_s=_seconds(self.ended),
            first_exposed_s=_seconds(self.met_at),
            detected_s=_seconds(detected),
            trigger_s=_seconds(self.trigger),
            restored_s=_seconds(self.restored),
            paged_s=_seconds(paged),
        )


def _upto(values: Array, world: Index, count: Index) -> Array:
    total = np.pad(np.cumsum(values, axis=1), [(0, 0), (1, 0)])
    return np.asarray(total[world, count])


def _most(values: Array, world: Index, count: Index, function: np.ufunc, start: float) -> Array:
    running = function.accumulate(np.pad(values, [(0, 0), (1, 0)], constant_values=start), axis=1)
    return np.asarray(running[world, count])


def _seconds(at: Times) -> Array:
    return np.where(at < NEVER, at / US, np.nan)
