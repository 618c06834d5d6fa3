"""Cold starts of a new Lambda version between any two moments.

What has been started only grows, so all that a stretch needs to know of those before
it are two maxima; see `stratsim.engine.batch.cold_starts`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import Flags
from stratsim.engine.batch.cold_starts import ColdStarts
from stratsim.engine.batch.dice import Rows
from stratsim.engine.batch.draws import Draws
from stratsim.model.quantities import Array
from stratsim.queueing import ResponseTimes

Index = NDArray[np.int64]


@dataclass(slots=True)
class Warmth:
    """Environments that have been needed [number] and the usual load, (tracks,) each."""

    needed: Array
    usual: Array

    @classmethod
    def none(cls, tracks: int) -> "Warmth":
        """Return that of versions that have not been called yet."""
        return cls(np.zeros(tracks), np.zeros(tracks))


class Warmed(ColdStarts):
    """Cold starts of many stretches at once: pieces of several tracks, in their order."""

    def __init__(self, draws: Draws, times: ResponseTimes) -> None:
        super().__init__(draws, times)
        self._added_by_world = self.added_s
        self.track: Index = np.zeros(0, dtype=np.int64)
        self.end = self.after = Warmth.none(0)

    def follow(self, world: Index, track: Index, begin: Warmth) -> None:
        """Begin with pieces; `end` is what each track leaves behind, `after` each piece."""
        self.added_s, self.track = self._added_by_world[world], track
        self.end = Warmth(begin.needed.copy(), begin.usual.copy())
        self.after = Warmth.none(len(track))

    def over(self, rate_rps: Array, share: Array, met: Flags, at: Rows) -> Array:
        """Return the cold starts of each piece, after those before it."""
        found, end, track = np.zeros(len(rate_rps)), self.end, self.track
        place = np.arange(len(track)) - np.searchsorted(track, track)
        for turn in range(int(place.max(initial=-1)) + 1):
            here = np.nonzero(place == turn)[0]
            self._warm, self._usual = end.needed[track[here]], end.usual[track[here]]
            found[here] = super().over(rate_rps[here], share[here], met[here], slice(None))
            end.needed[track[here]], end.usual[track[here]] = self._warm, self._usual
            self.after.needed[here], self.after.usual[here] = self._warm, self._usual
        return found
