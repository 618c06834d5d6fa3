"""An alarm's ``Metrics`` as a whole: which expression reads which.

Source: user guide, pages using-metric-math and
Create_Anomaly_Detection_Alarm; API reference, MetricDataQuery.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.limits import BAND_FUNCTION
from stratsim.cloudwatch.metric_math import Expression, compile_expression
from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.alarm import MetricAlarm, MetricDataQuery, MetricStat

Fetch: TypeAlias = Callable[[MetricStat], NDArray[np.float64]]

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


def check_queries(queries: Sequence[MetricDataQuery], where: str, band_id: object = None) -> None:
    """Refuse expressions that CloudWatch could not evaluate in an alarm.

    Raises
    ------
    InputError
        With every problem: syntax, unknown Ids, circles, an answer that is no
        series, and what does not go with an anomaly band.
    """
    problems: list[Problem] = []
    reads: dict[str, tuple[str, ...]] = {}
    for index, query in enumerate(queries):
        if query.Expression is None:
            continue
        at = f"{where}.{index}.Expression"
        try:
            reads[query.Id] = _check_query(query, queries, at, band_id)
        except InputError as error:
            problems.extend(error.problems)
    problems.extend(_circle(reads, where))
    if problems:
        raise InputError(problems)


def _check_query(
    query: MetricDataQuery, queries: Sequence[MetricDataQuery], at: str, band_id: object
) -> tuple[str, ...]:
    """Return the Ids that the expression reads."""
    text = query.Expression or ""
    if query.Id == band_id or BAND_FUNCTION in text:
        names: tuple[str, ...] = (band_of(text, at).watched,)
    else:
        expression = compile_expression(text, at)
        names = expression.ids
        if query.returned and not expression.is_series:
            hint = "METRICS() and [..] want SUM, AVG, MIN or MAX; a number wants TIME_SERIES."
            raise InputError([Problem(at, "one series", shorten(text), hint)])
        if expression.uses_metrics and band_id is not None:
            raise InputError([Problem(at, "without METRICS() beside a band", shorten(text))])
    known = [other.Id for other in queries]
    unknown = [unknown_name(at, name, known) for name in names if name not in known]
    if unknown:
        raise InputError(unknown)
    return names


def _circle(reads: Mapping[str, Sequence[str]], where: str) -> list[Problem]:
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        return [Problem(where, "free of expressions that read each other", circle)]
    return []


def alarm_values(alarm: MetricAlarm, fetch: Fetch) -> NDArray[np.float64]:
    """Return the series that the alarm compares with its threshold.

    Parameters
    ----------
    alarm
        On one metric or on an expression.
    fetch
        Gives the series of a `MetricStat`, shape ``(..., T)``, NaN for missing.
    """
    return resolver(alarm)(fetch)


@lru_cache(maxsize=256)
def resolver(alarm: MetricAlarm) -> Callable[[Fetch], NDArray[np.float64]]:
    """Return `alarm_values` prepared for one alarm, for callers in a loop."""
    if not alarm.Metrics:
        (stat,) = alarm.metric_stats
        return lambda fetch: fetch(stat)
    stats = {q.Id: q.MetricStat for q in alarm.Metrics if q.MetricStat is not None}
    expressions = _ordered_expressions(alarm)
    # A band alarm returns two series; the one that is watched is the answer.
    answers = [q.Id for q in alarm.Metrics if q.returned and q.Id != alarm.ThresholdMetricId]
    if len(answers) != 1:
        rule = "an alarm with exactly one ReturnData"
        raise InputError([Problem(alarm.AlarmName, rule, f"{len(answers)}")])
    return _Resolver(stats, expressions, tuple(stats), float(alarm.period_s), answers[0])


@dataclass(frozen=True, slots=True)
class _Resolver:
    stats: Mapping[str, MetricStat]
    expressions: tuple[tuple[str, Expression], ...]
    metrics: tuple[str, ...]
    period_s: float
    answer: str

    def __call__(self, fetch: Fetch) -> NDArray[np.float64]:
        series = {name: fetch(stat) for name, stat in self.stats.items()}
        for name, expression in self.expressions:
            series[name] = expression.evaluate(series, self.period_s, self.metrics)
        return series[self.answer]


def _ordered_expressions(alarm: MetricAlarm) -> tuple[tuple[str, Expression], ...]:
    """Return the expressions, each after those that it reads; bands left out."""
    check_queries(alarm.Metrics, f"{alarm.AlarmName}.Metrics", alarm.ThresholdMetricId)
    compiled = {
        query.Id: compile_expression(query.Expression)
        for query in alarm.Metrics
        if query.Expression is not None and BAND_FUNCTION not in query.Expression
    }
    order = TopologicalSorter({name: one.ids for name, one in compiled.items()}).static_order()
    return tuple((name, compiled[name]) for name in order if name in compiled)
