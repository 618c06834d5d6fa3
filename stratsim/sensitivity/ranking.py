"""Sobol indices as plain data with thin methods."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING

from stratsim.comparison import Key
from stratsim.comparison.text import short_name
from stratsim.wording import format_number, format_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Index:
    """One field's share of the variance: by itself, and with all its interactions.

    Each with the half width of its 95 % interval, from resampling.
    """

    path: str
    first: float
    first_half: float
    total: float
    total_half: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """Which fields explain a measure, and which decide the recommendation.

    Parameters
    ----------
    strategy, key
        Whose number is explained, and which.
    indices
        The indices of that number, in the order of the fields.
    deciding
        The indices of whether another strategy than in the unchanged scenario is
        the best; NaN where that never or always happens.
    leader, leaders
        The best strategy of the unchanged scenario, and the share of the sampled
        fields' values at which each strategy (None: none) is the best.
    samples, studies
        Base samples, and the studies that were made.
    """

    scenario: str
    strategy: str
    key: Key
    indices: tuple[Index, ...]
    deciding: tuple[Index, ...]
    leader: str | None
    leaders: Mapping[str | None, float]
    minimize: str
    samples: int
    studies: int
    replications: int
    seed: int
    engine: str
    provenance: Mapping[str, object] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per field.

        Columns ``parameter``, ``first_order`` and ``total`` of the measure,
        ``decides_first_order`` and ``decides_total`` of the recommendation, each with
        the half width of its 95 % interval in ``X_half``.
        """
        import pandas as pd

        rows = [
            {
                "parameter": one.path,
                "first_order": one.first,
                "first_order_half": one.first_half,
                "total": one.total,
                "total_half": one.total_half,
                "decides_first_order": other.first,
                "decides_first_order_half": other.first_half,
                "decides_total": other.total,
                "decides_total_half": other.total_half,
            }
            for one, other in zip(self.indices, self.deciding, strict=True)
        ]
        return pd.DataFrame(rows)

    def explain(self) -> str:
        """Return in words which fields matter, and which decide the recommendation."""
        head = (
            f"{self.scenario}: what explains {self.key} of {short_name(self.strategy)} "
            f"({self.studies:,} studies of {self.replications:,} replications)"
        )
        shares = ", ".join(
            f"{'none' if name is None else short_name(name)} {format_value(share, 'share')}"
            for name, share in sorted(self.leaders.items(), key=lambda item: -item[1])
        )
        return "\n".join(
            [
                head,
                *(f"- {one.path}: {_share(one)}" for one in _ranked(self.indices)),
                f"Least {self.minimize}: {shares}",
                *(
                    f"- {one.path} decides that: {_total(one)}"
                    for one in _ranked(self.deciding)
                    if not isnan(one.total)
                ),
            ]
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw first-order and total indices of the measure as bars; return the axes."""
        from stratsim.plot import plot_ranking

        return plot_ranking(self, ax)

    def __str__(self) -> str:
        return self.explain()

    __repr__ = __str__


def _ranked(indices: Iterable[Index]) -> list[Index]:
    return sorted(indices, key=lambda one: math.inf if isnan(one.total) else -one.total)


def _share(one: Index) -> str:
    if isnan(one.total):
        return "nothing to explain, as all studies have the same"
    return f"{format_number(one.first)} by itself, {_total(one)}"


def _total(one: Index) -> str:
    return f"{format_number(one.total)} +-{format_number(one.total_half)} in all"
