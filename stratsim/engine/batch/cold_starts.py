"""Cold starts of a new Lambda version in many runs; see `stratsim.engine.cold_starts`."""

from collections.abc import Sequence

import numpy as np

from stratsim.engine.batch.changes import Flags
from stratsim.engine.batch.dice import Rows
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.faults import Part
from stratsim.model.quantities import Array
from stratsim.queueing import ResponseTimes


class ColdStarts:
    """The environments of one new version that have been started, in many runs."""

    def __init__(self, draws: Draws, times: ResponseTimes) -> None:
        service, rows = draws.scenario.service, len(draws.rows)
        self.busy_s = times.mean(0.0)
        self.provisioned = service.provisioned_concurrency
        self.added_s = draws.value(service.startup, "cold start")
        self._warm, self._usual = np.zeros(rows), np.zeros(rows)

    def take(self, keep: Rows) -> None:
        """Keep only some rows."""
        self.added_s = self.added_s[keep]
        self._warm, self._usual = self._warm[keep], self._usual[keep]

    def over(self, rate_rps: Array, share: Array, met: Flags, at: Rows) -> Array:
        """Return the cold starts of a stretch that the deployment is to blame for.

        `met` says which of the rows `at` send requests to the new version.
        """
        warm, usual = self._warm[at], self._usual[at]
        total = rate_rps * self.busy_s
        needed = np.maximum(total * share, 1.0)
        ready = np.maximum(warm, self.provisioned * share)
        grown = np.where(usual > 0, np.maximum(total - usual, 0.0), 0.0)
        self._usual[at] = np.where(met, np.maximum(usual, total), usual)
        self._warm[at] = np.where(met, np.maximum(warm, needed), warm)
        return np.where(met, np.maximum(needed - ready - grown * share, 0.0), 0.0)


def chilled(parts: Sequence[Part], share: Array, added_s: Array) -> Sequence[Part]:
    """Return a mixture (weight, factor, added) of which `share` meets a cold start."""
    if not share.any():
        return parts
    warm: list[Part] = [(weight * (1 - share), factor, add) for weight, factor, add in parts]
    return warm + [(weight * share, factor, add + added_s) for weight, factor, add in parts]
