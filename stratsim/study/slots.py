"""Memory that forked workers share with their parent, for the tallies they hand back.

Through a pipe a tally is copied some times over, 64 KiB at a time, on both sides.
"""

import mmap
import pickle
from typing import NamedTuple

from stratsim.engine.tally import Tally

COLUMN_BYTES = 8
"""Most bytes that one run takes in one column of a tally."""


class Parcel(NamedTuple):
    """A tally whose columns, of so many bytes each, lie in a slot."""

    slot: int
    rest: bytes
    sizes: tuple[int, ...]


class Slots:
    """So many places for tallies of up to so many runs; made before the fork.

    The parent hands a free one to each part that it submits.
    """

    def __init__(self, count: int, runs: int) -> None:
        self._size = runs * COLUMN_BYTES * len(Tally.__dataclass_fields__)
        self._memory = mmap.mmap(-1, max(count * self._size, 1))
        self.free = list(range(count))

    def put(self, slot: int, tally: Tally) -> Parcel:
        """Leave a tally in a slot; a worker does."""
        columns: list[pickle.PickleBuffer] = []
        rest = pickle.dumps(tally, protocol=5, buffer_callback=columns.append)
        at, sizes = slot * self._size, []
        for column in columns:
            with column.raw() as raw:
                self._memory[at : at + raw.nbytes] = raw
                at += raw.nbytes
                sizes.append(raw.nbytes)
        return Parcel(slot, rest, tuple(sizes))

    def take(self, parcel: Parcel) -> Tally:
        """Return the tally of a slot, which is free from then on; the parent does."""
        at, columns = parcel.slot * self._size, []
        with memoryview(self._memory) as memory:
            for size in parcel.sizes:
                columns.append(bytearray(memory[at : at + size]))
                at += size
        self.free.append(parcel.slot)
        tally: Tally = pickle.loads(parcel.rest, buffers=columns)  # noqa: S301  (our own worker's)
        return tally
