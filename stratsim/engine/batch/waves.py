"""Fleets that start and stop in waves, in many runs; see `stratsim.engine.scaling`.

What is common to steps that are played ahead and to those beside which fleets are scaled.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times, us_many
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.units import Units, never_healthy
from stratsim.engine.clock import us
from stratsim.model.scaling import Scale

Counts = NDArray[np.int64]

DECIDE, HEALTH, SETTLE, STUCK, LATE, DRAIN, DONE, FAILED = range(8)
LONG_PAST = np.int64(-(1 << 62))


@dataclass(slots=True)
class Patience:
    """How long nothing may move, and how long an unhealthy instance is waited for [us]."""

    idle: int
    unhealthy: int


@dataclass(slots=True)
class Aims:
    """What a step wants of a fleet, numbers or (rows,) arrays; see `Scale`."""

    old: Counts | int | None
    new: Counts | int | None
    lower: Counts | int
    upper: Counts | int | None
    batch: int | None


class Waves(ABC):
    """One step in many replications; changes `units`.

    ``now`` is where each has come, ``since`` when its last wait began, ``phase``
    how it ended: `DONE` or `FAILED`.
    """

    now: Times

    def __init__(
        self, draws: Draws, step: Scale, patience: Patience, units: Units, *, undoing: bool
    ) -> None:
        self.draws, self.step, self.units = draws, step, units
        self.aims = Aims(step.old, step.new, step.lower, step.upper, step.batch)
        self.unhealthy = patience.unhealthy
        self.patience = min(us(min(step.timeout_s, 1e9)), patience.idle)
        purpose = "startup of a rollback" if undoing else "startup"
        self.starts = us_many(draws.values(step.startup, purpose))
        rows = len(self.starts)
        shape = units.launched.shape
        self.forgiven, self.missing = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.listed: Flags = np.zeros(shape, dtype=bool)
        self.place: Counts = np.zeros(shape, dtype=np.int64)
        self.failing = np.full(shape, NEVER)
        self.failures = np.zeros(rows, dtype=np.int64)
        self.drained = np.zeros(rows, dtype=np.int64)
        self.until, self.wave = np.full(rows, NEVER), np.zeros(rows, dtype=np.int64)
        self.phase, self.since = np.full(rows, DONE), np.zeros(rows, dtype=np.int64)

    # -- what is done to instances ---------------------------------------------------

    @abstractmethod
    def _up(self, rows: Flags) -> Flags:
        """Return which instances are in service now, where `rows` ask."""

    def _places(self) -> Counts:
        """Return the order in which instances stop: those that are not up first.

        What will be launched comes last.
        """
        up = self._up(self.phase < DONE)
        last = np.where(self.listed, np.where(up, 1 << 20, 0), 1 << 30)
        return np.asarray(np.arange(self.units.numbers) + last)

    def _list(self, rows: Flags) -> None:  # noqa: B027  (alone on its fleet, nobody else does)
        """Follow what has been launched and stopped by others, where `rows` ask."""

    def _take_out(self, which: Flags, gone: Times) -> None:
        """Take instances out now, and terminate them at `gone` (rows,)."""
        self.units.stop(which, self.now, gone)

    def _launch(self, counts: Counts, *, new: bool) -> Flags:
        """Launch so many per row; return which they are."""
        return self.units.launch(counts, self.now, new=new)

    # -- waves ---------------------------------------------------------------------

    def _decide(self, rows: Flags) -> None:
        """Play the next wave where there is one, else come to the end."""
        step, units, aims = self.step, self.units, self.aims
        self._list(rows)
        new = units.new
        late = self.missing & (units.joined > self.now[:, None])
        up = self.listed & (self._up(rows) | late)
        if not step.watched:
            up = self.listed
        sizes = [(self.listed & side).sum(axis=1) for side in (~new, new)]
        ups = [(up & side).sum(axis=1) for side in (~new, new)]
        reached = np.ones(len(rows), dtype=bool)
        for size, wanted in zip(sizes, (aims.old, aims.new), strict=True):
            if wanted is not None:
                reached &= size == wanted
        self._finish(rows & reached)
        stops, starts = _wave(aims, sizes, ups)
        rows = rows & ~reached
        none = (stops[0] + stops[1] + starts[0] + starts[1]) == 0
        self._wait(rows & none, STUCK, self.now + self.patience)
        self._play(rows & ~none, stops, starts)

    def _play(self, rows: Flags, stops: list[Counts], starts: list[Counts]) -> None:
        if not rows.any():
            return
        self.wave = np.where(rows, self.now, self.wave)
        for new in (False, True):
            self._stop(np.where(rows, stops[new], 0), new=new)
        late = self.missing & (self.units.joined > self.now[:, None])
        self.forgiven = np.where(rows[:, None], late, self.forgiven)
        self.missing &= ~rows[:, None]
        for new in (False, True):
            self._start(np.where(rows, starts[new], 0), new=new)
        begun = rows & (starts[0] + starts[1] > 0)
        if self.step.watched:
            self._wait(begun, HEALTH, self.now + self.patience)
        else:
            self._settle(begun)
        self.missing |= self.forgiven & (rows & (self.phase != HEALTH))[:, None]

    def _settle(self, rows: Flags) -> None:
        """Wait until the wave has lasted as long as it has to."""
        until = self.wave + us(self.step.settle_s)
        self.phase = np.where(rows, DECIDE, self.phase)
        self._wait(rows & (until > self.now), SETTLE, until)

    def _wait(self, rows: Flags, phase: int, until: Times) -> None:
        self.phase = np.where(rows, phase, self.phase)
        self.until = np.where(rows, until, self.until)
        self.since = np.where(rows, self.now, self.since)

    def _stop(self, counts: Counts, *, new: bool) -> None:
        """Take instances out: of the new ones the youngest first."""
        if not counts.any():
            return
        units = self.units
        mine = self.listed & (units.new == new)
        order = np.argsort(np.where(mine, self.place, 1 << 40), axis=1, kind="stable")
        rank = np.argsort(order, axis=1, kind="stable")
        if new:
            rank = mine.sum(axis=1)[:, None] - 1 - rank
        chosen = mine & (rank < counts[:, None])
        gone = self.now + us(self.step.drain_s)
        self._take_out(chosen, gone)
        self.listed &= ~chosen
        self.drained = np.where(counts > 0, gone, self.drained)

    def _start(self, counts: Counts, *, new: bool) -> None:
        if not counts.any():
            return
        units = self.units
        fresh = self._launch(counts, new=new)
        self._widen()
        sick = fresh & never_healthy(self.draws, units.numbers) if new else np.zeros_like(fresh)
        place = np.arange(units.numbers) % self.draws.size
        ready = self.now[:, None] + self.starts[:, place]
        units.sick |= sick
        units.joined = np.where(fresh & ~sick, ready, units.joined)
        self.failing = np.where(sick, ready + self.unhealthy, self.failing)
        self.listed |= fresh
        self.missing |= fresh

    def _widen(self) -> None:
        """Follow the units, whose numbers have grown."""
        more = self.units.numbers - self.listed.shape[1]
        if more <= 0:
            return
        wide = [(0, 0), (0, more)]
        for name in ("listed", "missing", "forgiven"):
            setattr(self, name, np.pad(getattr(self, name), wide))
        self.failing = np.pad(self.failing, wide, constant_values=NEVER)
        # what is launched comes after those that were there
        fresh = np.arange(self.listed.shape[1] - more, self.listed.shape[1]) + (1 << 30)
        fresh = np.broadcast_to(fresh, (len(self.listed), more))
        self.place = np.concatenate([self.place, fresh], axis=1)

    # -- waits ---------------------------------------------------------------------

    def _whole(self) -> Times:
        """Return when the last of those that are missing joins."""
        return np.asarray(np.where(self.missing, self.units.entered, LONG_PAST).max(axis=1))

    def _replace(self, going: Flags) -> None:
        """Launch another instance in the place of one that did not become healthy."""
        if not self.step.retries:
            return
        failed = (self.failing <= self.now[:, None]) & going[:, None]
        if not failed.any():
            return
        units = self.units
        self.failing = np.where(failed, NEVER, self.failing)
        failed &= units.gone > self.now[:, None]
        self._take_out(failed, self.now)
        self.listed &= ~failed
        self.missing &= ~failed
        self._start(failed.sum(axis=1), new=True)

    def _after_wait(self, going: Flags) -> None:
        due = going & (self.until <= self.now)
        self._fail(due & (self.phase == STUCK))
        self.phase = np.where(due & (self.phase == SETTLE), DECIDE, self.phase)
        whole = self._whole() <= self.now
        self._after_health(going & (self.phase == HEALTH) & (whole | due))
        late = going & (self.phase == LATE) & (whole | due)
        done = due & (self.phase == DRAIN)
        self._drain(late)
        self.phase = np.where(done, DONE, self.phase)

    def _after_health(self, rows: Flags) -> None:
        """Go on, or give up with too many that are not healthy."""
        if not rows.any():
            return
        late = self.missing & (self.units.joined > self.now[:, None])
        self.failures = np.where(rows, self.failures + late.sum(axis=1), self.failures)
        bad = rows & late.any(axis=1) & (self.failures > self.step.forgiven)
        self._fail(bad)
        self.missing |= self.forgiven & (rows & ~bad)[:, None]
        self._settle(rows & ~bad)

    def _fail(self, rows: Flags) -> None:
        self.phase = np.where(rows, FAILED, self.phase)

    # -- the end -------------------------------------------------------------------

    def _finish(self, rows: Flags) -> None:
        """Wait until the last instances have drained; unwatched ones also until they serve."""
        late = self.missing & (self.units.joined > self.now[:, None]) & self.listed
        waits = (late & ~self.units.sick).any(axis=1) & (not self.step.watched)
        self._wait(rows & waits, LATE, self.now + self.starts.max(axis=1))
        self._drain(rows & ~waits)

    def _drain(self, rows: Flags) -> None:
        waits = (self.drained > self.now) & self.step.awaits_drain
        self.phase = np.where(rows, DONE, self.phase)
        self._wait(rows & waits, DRAIN, self.drained)


def _wave(step: Aims, sizes: list[Counts], ups: list[Counts]) -> tuple[list[Counts], list[Counts]]:
    """Return what stops and what starts, old and new; see `stratsim.strategies.waves`."""
    most = 1 << 40 if step.batch is None else step.batch
    (old, new), (old_up, new_up) = sizes, ups

    def more(target: int | Counts | None, size: int | Counts | None) -> Counts:
        if target is None or size is None:
            return np.zeros_like(old)
        return np.asarray(np.maximum(size - target, 0))

    spare = np.maximum(old_up + new_up - step.lower, 0)
    stop_old = np.minimum(np.minimum(more(step.old, old), old - old_up + spare), most)
    spare = spare - np.maximum(stop_old - (old - old_up), 0)
    stop_new = np.minimum(more(step.new, new), new - new_up + spare)
    stop_new = np.minimum(stop_new, most - stop_old)
    room = np.full_like(old, most)
    if step.upper is not None:
        room = np.minimum(room, np.maximum(step.upper - (old + new - stop_old - stop_new), 0))
    start_old = np.minimum(more(old, step.old), room)
    start_new = np.minimum(more(new, step.new), room - start_old)
    return [stop_old, stop_new], [start_old, start_new]
