"""An alarm's ``Metrics`` as a whole: which expression reads which.

Source: user guide, pages using-metric-math and
Create_Anomaly_Detection_Alarm; API reference, MetricDataQuery.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.limits import BAND_FUNCTION
from stratsim.cloudwatch.metric_math import Expression, compile_expression, inlined
from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.alarm import MetricAlarm, MetricDataQuery, MetricStat

Fetch: TypeAlias = Callable[[MetricStat], NDArray[np.float64]]


class Resolver(Protocol):
    """Gives an alarm's values: of what it fetches, at times where they are known."""

    def __call__(
        self, fetch: Fetch, starts_s: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the values, shape ``(..., T)``."""


_BAND = re.compile(
    rf"\s*{BAND_FUNCTION}\s*\(\s*(?P<id>[a-z][A-Za-z0-9_]*)"
    r"\s*(,\s*(?P<width>[0-9]+(\.[0-9]*)?|\.[0-9]+)\s*)?\)\s*",
    re.ASCII,
)
BAND_WIDTH = 2.0  # standard deviations where the expression gives none [UG]


@dataclass(frozen=True, slots=True)
class Band:
    """``ANOMALY_DETECTION_BAND(watched, width)``, width in standard deviations."""

    watched: str
    width: float


def band_of(text: str, where: str = "expression") -> Band:
    """Return the band that `text` asks for."""
    found = _BAND.fullmatch(text)
    width = float((found and found["width"]) or BAND_WIDTH)
    if found is None or width <= 0:
        rule = f"{BAND_FUNCTION}(Id, standard deviations above 0)"
        raise InputError([Problem(where, rule, shorten(text))])
    return Band(found["id"], width)


def compile_queries(
    queries: Sequence[MetricDataQuery], where: str, band_id: object = None
) -> dict[str, Expression]:
    """Return each expression over series alone, other expressions put in place.

    Raises
    ------
    InputError
        With every problem: syntax, unknown Ids, circles, an answer that is no
        series, and what does not go with an anomaly band.
    """
    problems: list[Problem] = []
    found: dict[str, Expression] = {}
    places = {q.Id: f"{where}.{at}.Expression" for at, q in enumerate(queries)}
    for query in queries:
        if query.Expression is not None:
            try:
                _check_names(query, queries, places[query.Id], band_id, found)
            except InputError as error:
                problems.extend(error.problems)
    problems.extend(_circle(found, where))
    if problems:
        raise InputError(problems)
    return _joined(queries, found, places)


def _check_names(
    query: MetricDataQuery,
    queries: Sequence[MetricDataQuery],
    at: str,
    band_id: object,
    found: dict[str, Expression],
) -> None:
    """Compile one expression into `found`, bands aside; its Ids must exist."""
    text = query.Expression or ""
    if query.Id == band_id or BAND_FUNCTION in text:
        names: tuple[str, ...] = (band_of(text, at).watched,)
    else:
        found[query.Id] = compile_expression(text, at)
        names = found[query.Id].ids
        if found[query.Id].uses_metrics and band_id is not None:
            raise InputError([Problem(at, "without METRICS() beside a band", shorten(text))])
    known = [other.Id for other in queries]
    unknown = [unknown_name(at, name, known) for name in names if name not in known]
    if unknown:
        raise InputError(unknown)


def _circle(found: Mapping[str, Expression], where: str) -> list[Problem]:
    try:
        TopologicalSorter({name: one.ids for name, one in found.items()}).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        return [Problem(where, "free of expressions that read each other", circle)]
    return []


def _joined(
    queries: Sequence[MetricDataQuery],
    found: Mapping[str, Expression],
    places: Mapping[str, str],
) -> dict[str, Expression]:
    order = TopologicalSorter({name: one.ids for name, one in found.items()}).static_order()
    joined: dict[str, Expression] = {}
    for name in order:
        if name in found:
            joined[name] = inlined(found[name], joined, places[name])
    hint = "METRICS() and [..] want SUM, AVG, MIN or MAX; a number wants TIME_SERIES."
    problems = [
        Problem(places[query.Id], "one series", shorten(query.Expression), hint)
        for query in queries
        if query.returned and query.Id in joined and not joined[query.Id].is_series
    ]
    if problems:
        raise InputError(problems)
    return joined


def alarm_values(
    alarm: MetricAlarm, fetch: Fetch, starts_s: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the series that the alarm compares with its threshold.

    Parameters
    ----------
    alarm
        On one metric or on an expression.
    fetch
        Gives the series of a `MetricStat`, shape ``(..., T)``, NaN for missing.
    starts_s
        When each period begins, in seconds since 1970 UTC, for expressions that
        read the clock.
    """
    return resolver(alarm)(fetch, starts_s)


@lru_cache(maxsize=256)
def resolver(alarm: MetricAlarm) -> Resolver:
    """Return `alarm_values` prepared for one alarm, for callers in a loop."""
    if not alarm.Metrics:
        (stat,) = alarm.metric_stats
        return lambda fetch, starts_s=None: fetch(stat)
    stats = {q.Id: q.MetricStat for q in alarm.Metrics if q.MetricStat is not None}
    where = f"{alarm.AlarmName}.Metrics"
    expressions = compile_queries(alarm.Metrics, where, alarm.ThresholdMetricId)
    # A band alarm returns two series; the one that is watched is the answer.
    answers = [q.Id for q in alarm.Metrics if q.returned and q.Id != alarm.ThresholdMetricId]
    if len(answers) != 1:
        raise InputError([Problem(where, "exactly one ReturnData", str(len(answers)))])
    if answers[0] in stats:
        stat = stats[answers[0]]
        return lambda fetch, starts_s=None: fetch(stat)
    return _Resolver(stats, expressions[answers[0]], tuple(stats), float(alarm.period_s))


@dataclass(frozen=True, slots=True)
class _Resolver:
    stats: Mapping[str, MetricStat]
    expression: Expression
    metrics: tuple[str, ...]
    period_s: float

    def __call__(
        self, fetch: Fetch, starts_s: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        series = {name: fetch(stat) for name, stat in self.stats.items()}
        return self.expression.evaluate(series, self.period_s, self.metrics, starts_s)
