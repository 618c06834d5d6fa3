"""What is written down of runs that have settled."""

from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.timetable import SUCCEEDED
from stratsim.engine.clock import US
from stratsim.engine.users import touched_many
from stratsim.model.quantities import Array

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

NUMBERS = (
    "failed_fault",
    "failed_capacity",
    "slow",
    "exposed",
    "affected_users",
    "peak_exposure",
    "min_capacity",
    "peak_utilization",
    "extra_instance_s",
    "duration_s",
    "first_exposed_s",
    "detected_s",
    "trigger_s",
    "restored_s",
    "paged_s",
)


class Results:
    """Numbers and truths of all runs of a batch; ``numbers`` by `NUMBERS`."""

    def __init__(self, rows: int) -> None:
        self.numbers = {name: np.full(rows, np.nan) for name in NUMBERS}
        self.flags: dict[str, Flags] = {
            name: np.zeros(rows, dtype=bool) for name in ("succeeded", "automatic")
        }

    def write(self, runs: "Runs", rows: Index) -> None:
        """Write down the runs `rows`, which have settled."""
        state = runs.state
        at = state.index[rows]
        active = runs.scenario.traffic.users.active
        values = {
            "failed_fault": state.failed_fault,
            "failed_capacity": state.failed_capacity,
            "slow": state.slow,
            "exposed": state.exposed,
            "affected_users": touched_many(active, state.spared),
            "peak_exposure": np.maximum(state.peak, runs.serving.share()),
            "min_capacity": np.where(np.isfinite(state.room), state.room, np.nan),
            "peak_utilization": np.where(np.isfinite(state.load), state.load, np.nan),
            "extra_instance_s": state.extra,
            "duration_s": _seconds(state.ended),
            "first_exposed_s": _seconds(state.exposed_at),
            "detected_s": _seconds(state.detected),
            "trigger_s": _seconds(state.trigger),
            "restored_s": _seconds(state.restored),
            "paged_s": _seconds(_paged(runs)),
        }
        for name, column in values.items():
            self.numbers[name][at] = column[rows]
        self.flags["succeeded"][at] = state.status[rows] == SUCCEEDED
        self.flags["automatic"][at] = state.automatic[rows]


def _paged(runs: "Runs") -> Times:
    """Return when people were paged or noticed by themselves, whichever was first."""
    state = runs.state
    noticed = np.where(state.exposed_at < NEVER, state.exposed_at + runs.watching.notice_us, NEVER)
    noticed = np.where(noticed > state.now, NEVER, noticed)
    return np.minimum(state.paged, noticed)


def _seconds(at: Times) -> Array:
    return np.where(at < NEVER, at / US, np.nan)
