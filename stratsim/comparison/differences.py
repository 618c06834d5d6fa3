"""Paired differences from a reference strategy, as plain rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratsim.comparison.keys import Key
from stratsim.intervals.summary import finite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stratsim.comparison.result import Comparison

Row = dict[str, str | int | float | None]

COLUMNS = (
    *("strategy", "reference", "measure", "unit", "difference", "standard_error"),
    *("ci_low", "ci_high", "p_worse", "p_equal", "count", "variance_ratio"),
)


def difference_rows(
    comparison: Comparison, reference: str, keys: Sequence[Key] | None = None
) -> list[Row]:
    """Return one row per other strategy and key; None where a number is not known."""
    base = comparison.sample(reference)
    chosen = [Key(name) for name in (*base.measures, *base.events)] if keys is None else keys
    rows = []
    for sample in comparison.samples:
        for key in chosen if sample is not base else ():
            found = key.difference(sample, base)
            estimate = found.estimate
            numbers = (estimate.value, estimate.error, estimate.low, estimate.high)
            row: tuple[str | int | float | None, ...] = (
                *(sample.strategy, reference, str(key), key.unit),
                *map(finite, numbers),
                *(finite(found.worse), finite(found.equal)),
                *(estimate.count, finite(found.variance_ratio)),
            )
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows
