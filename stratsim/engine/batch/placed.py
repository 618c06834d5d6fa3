"""Where hosts are between two passes in place, for many replications at once."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.scripts import Pass, Script


@dataclass(slots=True)
class Placed:
    """Arrays (rows, hosts): what `stratsim.engine.fleet.Unit` tells of each host.

    ``tried`` says that a deployment has come to it, ``healthy`` that the last one to it
    worked; ``struck`` that a fault of the release keeps it out of service.
    """

    tried: Flags
    healthy: Flags
    serves_new: Flags
    serves_old: Flags
    struck: Flags

    @classmethod
    def before(cls, healthy: Flags, rows: int) -> "Placed":
        """Return where hosts are that nobody has deployed to; (hosts,) are `healthy`."""
        shape = (rows, len(healthy))
        well = np.broadcast_to(healthy, shape)
        tried, new, struck = (np.zeros(shape, dtype=bool) for _ in range(3))
        return cls(tried, well.copy(), new, well.copy(), struck)

    @property
    def touched(self) -> Flags:
        """Hosts that are not as they were before."""
        return self.tried & (self.serves_new | ~self.serves_old | ~self.healthy)

    def take(self, keep: NDArray[np.int64]) -> "Placed":
        """Return the rows `keep`."""
        return Placed(*(getattr(self, field.name)[keep] for field in fields(self)))

    def put(self, rows: NDArray[np.int64], values: "Placed") -> None:
        """Replace some rows."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(values, field.name)

    def then(self, play: Script, ran: Pass, edge: Times | None = None) -> "Placed":
        """Return where hosts are after a pass; what falls to `edge` or later has not happened."""
        until = NEVER if edge is None else edge[:, None]
        taken = ran.start < until
        out, back, over = (ran.at(at) < until for at in (play.out, play.back, play.done))
        failed = ran.at(np.where(play.failed, play.free, NEVER)) < until
        stays = ~out & ~back
        serves_new = (self.serves_new & stays) | (back & play.new)
        serves_old = (self.serves_old & stays) | (back & ~play.new)
        serving = back | (self.healthy & (serves_new | serves_old))
        return Placed(
            self.tried | taken,
            np.where(over, ~play.failed, np.where(taken, serving, self.healthy)),
            serves_new,
            serves_old,
            (self.struck & stays & ~failed) | (ran.at(play.lost) < until),
        )
