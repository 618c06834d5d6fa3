"""What a rollout tool's metrics measure of the new revision.

A provider's query cannot be run here. What it measures is told under
``assume.metrics``, or follows from the metric's name.
"""

import re
from collections.abc import Mapping
from typing import Literal

from stratsim.errors import Problem, shorten
from stratsim.model.analysis import Query
from stratsim.strategies.fields import Rule, fields, one_of, span, span_s
from stratsim.strategies.shapes import Config

DEFAULT_SCRAPE_S = 15.0
"""How often counters are scraped; Prometheus asks every minute where nothing is set,
installations for meshes every 5 to 15 s."""

MEASURES = (
    *("success-rate", "error-rate", "latency-mean"),
    *("latency-p50", "latency-p90", "latency-p95", "latency-p99"),
)
# Words by which templates in use call what they measure.
_BY_NAME = (
    (re.compile(r"success|availab"), "success-rate"),
    (re.compile(r"error|fail|5xx"), "error-rate"),
    (re.compile(r"latency|duration|response|p99"), "latency-p99"),
)
_FACTORS = {"fraction": 1.0, "percent": 100.0, "s": 1.0, "ms": 1000.0}

MEASURED: Rule = fields(
    {"measures": one_of(*MEASURES), "unit": one_of(*_FACTORS), "window": span},
)
HINT = f"{{measures: success-rate, window: 5m}} would do; there are {', '.join(MEASURES)}."


def told_metrics(value: object, where: str) -> list[Problem]:
    """Take a mapping from metrics to what they measure."""
    if not isinstance(value, Mapping):
        return [Problem(where, "a mapping from metrics to what they measure", shorten(value))]
    return [p for name, told in value.items() for p in MEASURED(told, f"{where}.{name}")]


def measured_by(name: str) -> str | None:
    """Return what a metric with this name measures, as far as a name can tell."""
    return next((measure for word, measure in _BY_NAME if word.search(name.lower())), None)


def query(name: str, told: Config, window_s: float, units: tuple[str, str]) -> Query:
    """Return the query of the metric `name`.

    `told` is what ``assume.metrics`` says of it, `units` the tool's own for shares
    and for response times.
    """
    measure = str(told.get("measures") or measured_by(name))
    latency = measure.startswith("latency")
    factor = _FACTORS[str(told.get("unit", units[latency]))]
    given_s = span_s(told["window"]) if "window" in told else None
    looks_back_s = window_s if given_s is None else given_s
    if latency:
        statistic = measure.removeprefix("latency-")
        return Query(
            kind="latency",
            window_s=looks_back_s,
            statistic="Average" if statistic == "mean" else statistic,
            factor=factor,
        )
    kind: Literal["errors", "success"] = "errors" if measure == "error-rate" else "success"
    return Query(kind=kind, window_s=looks_back_s, factor=factor)


def blind(queries: Mapping[str, Query], scrape_s: float) -> tuple[str, ...]:
    """Say which queries look back less far than the counters are scraped."""
    return tuple(
        f"metric {name!r} looks back {query.window_s:g} s and counters are scraped every "
        f"{scrape_s:g} s: it never finds any data"
        for name, query in queries.items()
        if query.window_s < scrape_s
    )
