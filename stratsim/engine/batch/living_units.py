"""Instances of fleets whose size changes on the way, and their draws, by number.

What an instance is to do next is kept beside what it has done: see
`stratsim.engine.fleet.Unit` and `stratsim.engine.batch.units`.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.scripts import Script
from stratsim.engine.batch.units import LONG_AGO, Units
from stratsim.model.quantities import Array, Distribution

Counts = NDArray[np.int64]

_FILL: dict[str, Any] = {
    "healthy": True,
    **dict.fromkeys(("tried", "leaving", "to_new"), False),
    "rank": 2,
    **dict.fromkeys(("busy", "starting"), LONG_AGO),
}


@dataclass(slots=True)
class Instances(Units):
    """Arrays (rows, numbers); ``sick`` says that a fault of the release keeps it out of service.

    ``healthy``, ``tried``, ``leaving`` and ``rank`` are those of `Unit`. Deployments and
    health checks will take it out of service at ``takes``, put it back with the
    revision ``to_new`` at ``turns``, lose it to a fault at ``loses``, give it up at
    ``fails``, and find it unhealthy from ``ill`` to ``well`` [us]. Its agent is
    ``busy`` until then, and Auto Scaling is ``starting`` it. What Auto Scaling has launched is
    ``warm`` at that time, `NEVER` where it did not launch it. That it ``came`` and
    ``went`` at these times has been told.
    """

    healthy: Flags
    tried: Flags
    leaving: Flags
    to_new: Flags
    rank: Counts
    busy: Times
    starting: Times
    takes: Times
    turns: Times
    loses: Times
    fails: Times
    ill: Times
    well: Times
    warm: Times
    came: Times
    went: Times

    @classmethod
    def first(cls, draws: Draws) -> "Instances":
        """Return the old fleet as it stands before a deployment."""
        fleet = Units.fleet(draws)
        shape = fleet.launched.shape
        known = {field.name: getattr(fleet, field.name) for field in fields(Units)}
        for field in fields(cls):
            if field.name not in known:
                known[field.name] = np.full(shape, _FILL.get(field.name, NEVER))
        known["healthy"] = np.broadcast_to(draws.healthy[: shape[1]], shape).copy()
        known["rank"] = np.broadcast_to(draws.revisions[: shape[1]], shape).copy()
        known["came"] = known["joined"].copy()
        return cls(**known)

    def fill(self, name: str) -> Any:
        """Return what an instance has of a field before it is launched."""
        return _FILL[name] if name in _FILL else Units.fill(self, name)

    def running(self, now: Times) -> Flags:
        """Return which run."""
        return (self.launched <= now[:, None]) & (self.gone > now[:, None])

    def open(self, now: Times) -> Flags:
        """Return to which something can be deployed: they neither come nor go."""
        return self.running(now) & ~self.leaving & (self.starting <= now[:, None])

    def ahead(self, now: Times) -> Times:
        """Return when something happens to any of a row's instances next."""
        coming = np.where(self.joined != self.came, self.joined, NEVER)
        soonest = np.minimum(coming, np.where(self.gone != self.went, self.gone, NEVER))
        for at in (self.takes, self.turns, self.loses, self.fails):
            soonest = np.minimum(soonest, at)
        for at in (self.ill, self.well):
            soonest = np.minimum(soonest, np.where(at > now[:, None], at, NEVER))
        return np.asarray(soonest.min(axis=1))

    def news(self, now: Times, rows: Flags) -> tuple[Flags, Flags]:
        """Return which have come into service and which are gone in `rows`: each is told once."""
        came = (self.joined <= now[:, None]) & (self.joined != self.came) & rows[:, None]
        gone = (self.gone <= now[:, None]) & (self.gone != self.went) & rows[:, None]
        self.came = np.where(came, self.joined, self.came)
        self.went = np.where(gone, self.gone, self.went)
        return came, gone

    def drop(self, which: Flags) -> None:
        """Let nothing more be done on those hosts."""
        for name in ("takes", "turns", "loses", "ill", "well"):
            setattr(self, name, np.where(which, NEVER, getattr(self, name)))


class ByNumber(Draws):
    """Draws of instances by number: each has those of its place, and new luck in later fleets.

    ``revisions`` and ``healthy`` are what each of them has now, (rows, numbers).
    """

    def __init__(self, draws: Draws, rank: Counts, serving: Flags) -> None:
        super().__init__(draws.worlds, draws.rows, draws.outcome)
        self.inner, self.size = draws, rank.shape[1]
        self.places = np.arange(self.size) % draws.size
        self._rank, self._serving = rank, serving

    def values(self, distribution: Distribution, *key: str | int) -> Array:
        """Return one draw per row and instance."""
        return self.inner.values(distribution, *key)[:, self.places]

    def chances(self, *key: str | int, kept: bool = True) -> Array:
        """Return one uniform per row and instance."""
        return self.inner.chances(*key, kept=kept)[:, self.places]

    def struck(self, kind: str, event: str, again: int = 0) -> NDArray[np.bool_]:
        """Return on which instances the faults of a kind strike."""
        blocks = range(-(-self.size // self.inner.size))
        parts = [self.inner.struck(kind, event, max(block - 1, 0)) for block in blocks]
        return np.concatenate(parts, axis=1)[:, : self.size]

    @property
    def healthy(self) -> NDArray[np.bool_]:
        """Which are in service."""
        return self._serving

    @property
    def revisions(self) -> NDArray[np.int64]:
        """Each one's revision health."""
        return self._rank

    def places_of(self, index: int) -> Flags:
        """Return which stand in the place of the first fleet's instance `index`."""
        return np.asarray(self.places == index)

    def zones(self) -> NDArray[np.int64]:
        """Return each one's zone."""
        return self.places % self.scenario.service.zones + 1

    def order(self, count: int | None = None) -> NDArray[np.int64]:
        """Return the order in which they are taken."""
        return self.inner.order(self.size if count is None else count)


def shifted(play: Script, start: Times, which: Flags) -> dict[str, Times]:
    """Return when hosts come to what a script says, from `start` on; `NEVER` for others."""
    found = {}
    for name in ("out", "back", "done", "lost", "ill", "well"):
        at = getattr(play, name)
        ever = which & (at < NEVER)
        found[name] = np.where(ever, np.where(ever, start, 0) + np.where(ever, at, 0), NEVER)
    return found
