"""The comparison as data frames; pandas is loaded when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stratsim.comparison.differences import COLUMNS, difference_rows
from stratsim.comparison.keys import Key, design_of, unit_of
from stratsim.intervals import estimate_quantile
from stratsim.intervals.summary import finite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from stratsim.comparison.result import Comparison
    from stratsim.measures.sample import Sample

TABLE_KEYS = (
    Key("failed_requests"),
    Key("failed_requests", "p95"),
    Key("missed"),
    Key("rollback"),
    Key("false_rollback"),
    Key("time_to_detect_s"),
    Key("rollback_latency_s"),
    Key("deployment_duration_s"),
    Key("infrastructure_cost_usd"),
    Key("total_cost_usd"),
)
"""The columns of the table: harm, chances, time, money."""

ALL_OUTCOMES = "(all)"
"""The ``outcome`` of rows over all outcomes together."""


def table_keys(comparison: Comparison) -> list[Key]:
    """Return those of `TABLE_KEYS` that the comparison holds."""
    held = {*comparison.samples[0].measures, *comparison.samples[0].events}
    return [key for key in TABLE_KEYS if key.name in held]


def table_frame(comparison: Comparison) -> pd.DataFrame:
    """Return strategies x key measures, as numbers."""
    import pandas as pd

    rows = []
    for sample in comparison.samples:
        values: dict[str, object] = {"strategy": sample.strategy}
        ends: dict[str, object] = {}
        for key in table_keys(comparison):
            found, name = key.estimate(sample), str(key).replace(".", "_")
            values[name] = found.value
            ends |= {f"{name}_low": found.low, f"{name}_high": found.high}
        judgement = {
            "pareto": sample.strategy in comparison.pareto,
            "diagnosis": "; ".join(comparison.diagnosis(sample.strategy)),
        }
        rows.append(values | ends | judgement)
    return pd.DataFrame(rows).set_index("strategy")


def long_frame(comparison: Comparison) -> pd.DataFrame:
    """Return one row per strategy, outcome, measure and statistic."""
    import pandas as pd

    rows: list[tuple[object, ...]] = []
    for entry in comparison.to_dict()["strategies"]:
        strategy = entry["strategy"]
        rows += _long_rows(strategy, ALL_OUTCOMES, entry)
        for outcome, inside in entry["by_outcome"].items():
            rows += _long_rows(strategy, outcome, inside)
    for sample in comparison.samples:
        rows += _quantile_rows(sample)
    columns = ["strategy", "outcome", "measure", "unit", "statistic", "value"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"value": np.float64})


def _long_rows(strategy: str, outcome: str, entry: Mapping[str, Any]) -> list[tuple[object, ...]]:
    return [
        (strategy, outcome, name, unit_of(name), statistic, value)
        for group in ("measures", "probabilities")
        for name, statistics in entry[group].items()
        for statistic, value in statistics.items()
    ]


def _quantile_rows(sample: Sample) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name, values in sample.measures.items():
        for statistic in ("p50", "p95", "p99"):
            found = estimate_quantile(values, design_of(sample), int(statistic[1:]) / 100)
            for end, value in (("low", found.low), ("high", found.high)):
                text = f"{statistic}_{end}"
                rows.append(
                    (sample.strategy, ALL_OUTCOMES, name, unit_of(name), text, finite(value))
                )
    return rows


def differences_frame(
    comparison: Comparison, reference: str, keys: Sequence[Key] | None = None
) -> pd.DataFrame:
    """Return the paired differences of every other strategy from `reference`."""
    import pandas as pd

    frame = pd.DataFrame(difference_rows(comparison, reference, keys), columns=[*COLUMNS])
    numbers = [name for name in COLUMNS[4:] if name != "count"]
    return frame.astype(dict.fromkeys(numbers, np.float64) | {"count": np.int64})
