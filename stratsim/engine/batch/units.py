"""Instances by number, each with its own times, for many replications at once.

Steps that scale fleets launch and stop instances one by one. A number is one
instance for all its life; numbers grow when instances are launched again.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Amount, Draft, Flags, Times
from stratsim.engine.batch.draws import Draws
from stratsim.model.scenario import Scenario
from stratsim.model.service import Autoscaling


def policy_of(scenario: Scenario) -> Autoscaling | None:
    """Return the policy that scales the fleet; none where it is fixed, or a function."""
    return None if scenario.platform == "lambda" else scenario.service.autoscaling


LONG_AGO = np.int64(-(1 << 60))
_FILL: dict[str, Any] = {"new": False, "sick": False}


@dataclass(slots=True)
class Units:
    """Times [us] of every instance, (rows, numbers); `NEVER` where it has none.

    ``launched``, ``joined`` (in service), ``out`` (stopped: takes no more
    requests) and ``gone`` (terminated); ``new`` says with which revision, and
    ``sick`` that a fault of the release keeps it from becoming healthy.
    """

    new: Flags
    sick: Flags
    launched: Times
    joined: Times
    out: Times
    gone: Times

    @classmethod
    def fleet(cls, draws: Draws) -> "Units":
        """Return the old fleet as it stands before a deployment."""
        shape = (len(draws.rows), draws.scenario.desired)
        healthy = draws.healthy[: shape[1]]
        return cls(
            new=np.zeros(shape, dtype=bool),
            sick=np.zeros(shape, dtype=bool),
            launched=np.full(shape, LONG_AGO),
            joined=np.broadcast_to(np.where(healthy, LONG_AGO, NEVER), shape).copy(),
            out=np.full(shape, NEVER),
            gone=np.full(shape, NEVER),
        )

    @property
    def numbers(self) -> int:
        """How many numbers there are columns for."""
        return int(self.launched.shape[1])

    def take(self, keep: NDArray[np.int64]) -> Self:
        """Return copies of the rows `keep`."""
        return type(self)(*(getattr(self, field.name)[keep] for field in fields(self)))

    def put(self, rows: NDArray[np.int64], other: "Units") -> None:
        """Replace some rows by those of `other`."""
        width = max(self.numbers, other.numbers)
        self.widen(width)
        other.widen(width)
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)

    def fill(self, name: str) -> Any:
        """Return what an instance has of a field before it is launched."""
        return _FILL.get(name, NEVER)

    def widen(self, numbers: int) -> None:
        """Make columns for so many numbers."""
        more = numbers - self.numbers
        if more <= 0:
            return
        for field in fields(self):
            values = getattr(self, field.name)
            fill = self.fill(field.name)
            setattr(self, field.name, np.pad(values, [(0, 0), (0, more)], constant_values=fill))

    def launch(self, counts: NDArray[np.int64], now: Times, *, new: bool) -> Flags:
        """Launch so many per row; return which they are, (rows, numbers)."""
        first = (self.launched < NEVER).sum(axis=1)
        self.widen(int((first + counts).max()))
        number = np.arange(self.numbers)
        fresh = (number >= first[:, None]) & (number < (first + counts)[:, None])
        self.new = np.where(fresh, new, self.new)
        self.launched = np.where(fresh, now[:, None], self.launched)
        return np.asarray(fresh)

    def stop(self, which: Flags, now: Times, gone: Times) -> None:
        """Take instances out `now`, (rows,) or one by one, and terminate them later."""
        self.out = np.where(which, now if now.ndim > 1 else now[:, None], self.out)
        self.gone = np.where(which, gone[:, None], self.gone)

    def turn(self, healthy: Flags, out: Times, back: Times, edge: Times | None = None) -> None:
        """Give first hosts the new revision, (rows, hosts): they go `out`, and come `back` with it.

        `healthy` (hosts,) were in service before. What falls to `edge` or later does not happen:
        with an edge nothing stays of an earlier turn.
        """
        until = NEVER if edge is None else edge[:, None]
        turned, hosts = back < until, slice(0, out.shape[1])
        touched = (out < NEVER) | (back < NEVER) | (edge is not None)
        here = np.where(healthy & (out >= until), LONG_AGO, NEVER)
        joined = np.where(touched, here, self.joined[:, hosts])
        self.joined[:, hosts] = np.where(turned, back, joined)
        self.new[:, hosts] = np.where(touched, turned, self.new[:, hosts])

    @property
    def entered(self) -> Times:
        """When each came into service; `NEVER` where it was stopped before."""
        return np.where(self.joined <= self.out, self.joined, NEVER)

    def serving(self, now: Times) -> Flags:
        """Return which are in service."""
        return (self.joined <= now[:, None]) & (self.out > now[:, None])

    def staying(self, now: Times) -> Flags:
        """Return which run and do not drain."""
        return (self.launched <= now[:, None]) & (self.out > now[:, None])

    def forget(self, edge: Times) -> None:
        """Undo what was to be done at `edge` and later; what was begun before goes on."""
        late = self.launched >= edge[:, None]
        self.launched = np.where(late, NEVER, self.launched)
        self.joined = np.where(late, NEVER, self.joined)
        self.sick &= ~late
        kept = self.out < edge[:, None]
        self.gone = np.where(kept, self.gone, NEVER)
        self.out = np.where(kept, self.out, NEVER)

    def changes(self, draft: Draft, edge: Times, before: "Units") -> None:
        """Put into `draft` what happens at `edge` and later, or was not so `before`."""
        before.widen(self.numbers)

        def due(at: Times, was: Times) -> Times:
            return np.where((at >= edge[:, None]) | (at != was), at, NEVER)

        launched, out, gone = (
            due(getattr(self, name), getattr(before, name)) for name in ("launched", "out", "gone")
        )
        joined = due(self.entered, before.entered)
        left = np.where(self.entered < NEVER, out, NEVER)
        for n in range(self.numbers):
            new, sick = self.new[:, n].astype(float), self.sick[:, n].astype(float)
            happenings: tuple[tuple[Times, dict[str, Amount]], ...] = (
                (launched[:, n], {"running": 1.0, "lost_new": sick}),
                (joined[:, n], {"new": new, "old": 1 - new}),
                (left[:, n], {"new": -new, "old": new - 1}),
                (np.where(sick > 0, out[:, n], NEVER), {"lost_new": -sick}),
                (gone[:, n], {"running": -1.0}),
            )
            for at, add in happenings:
                if (at < NEVER).any():
                    draft.put(at, add=add)


def never_healthy(draws: Draws, numbers: int) -> Flags:
    """Return which instances of the new revision never become healthy, by number.

    What replaces a failed instance meets the chance anew.
    """
    blocks = -(-numbers // draws.size)
    struck = [draws.struck("startup", "", max(block - 1, 0)) for block in range(blocks)]
    return np.concatenate(struck, axis=1)[:, :numbers]
