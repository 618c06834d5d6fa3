"""The results of many runs as arrays, which measures read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.trace import FIELDS, Result
from stratsim.model.plan import Plan
from stratsim.model.quantities import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """Columns of `Result`, each of shape (runs,), and the plan they belong to."""

    plan: Plan
    outcome: NDArray[np.int64]
    succeeded: NDArray[np.bool_]
    automatic: NDArray[np.bool_]
    failed_fault: Array
    failed_capacity: Array
    slow: Array
    exposed: Array
    affected_users: Array
    peak_exposure: Array
    min_capacity: Array
    peak_utilization: Array
    extra_instance_s: Array
    duration_s: Array
    first_exposed_s: Array
    detected_s: Array
    trigger_s: Array
    restored_s: Array
    paged_s: Array


_NUMBERS = [name for name in Tally.__dataclass_fields__ if name in FIELDS]
_NUMBERS = [name for name in _NUMBERS if name not in ("outcome", "automatic")]


def tally(plan: Plan, results: Sequence[Result]) -> Tally:
    """Return the columns of `results`."""
    return Tally(
        plan=plan,
        outcome=np.array([r.outcome for r in results], dtype=np.int64),
        succeeded=np.array([r.status == "Succeeded" for r in results], dtype=bool),
        automatic=np.array([r.automatic for r in results], dtype=bool),
        **{name: np.array([getattr(r, name) for r in results], dtype=float) for name in _NUMBERS},
    )


def joined(parts: Sequence[Tally]) -> Tally:
    """Return the tallies of one plan behind each other."""
    names = [name for name in Tally.__dataclass_fields__ if name != "plan"]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Tally(plan=parts[0].plan, **columns)


def taken(whole: Tally, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Tally:
    """Return some runs of a tally."""
    names = [name for name in Tally.__dataclass_fields__ if name != "plan"]
    return Tally(plan=whole.plan, **{name: getattr(whole, name)[rows] for name in names})
