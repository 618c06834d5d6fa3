"""Reading ``Metrics``: series and expressions of one alarm [API, UG]."""

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.parse_rules import is_period, is_statistic
from stratsim.cloudwatch.reader import Reader, checked
from stratsim.errors import InputError
from stratsim.model.alarm import Dimension, MetricDataQuery, MetricStat

STAT_RULE = f"one of {', '.join(limits.STATISTICS)} or an extended statistic such as p99"


def read_dimensions(reader: Reader) -> tuple[Dimension, ...]:
    """Return the dimensions; a name may be given once."""
    found: list[Dimension] = []
    for index, item in reader.each("Dimensions", limits.DIMENSIONS):
        item.check_keys(("Name", "Value"))
        for key in ("Name", "Value"):
            item.require(key)
        name = item.text("Name") or ""
        value = item.text("Value", high=limits.DIMENSION_VALUE_LENGTH) or ""
        if name and name in [dimension.Name for dimension in found]:
            reader.refuse(f"Dimensions.{index}.Name", "given once", repr(name))
        found.append(Dimension(name, value))
    return tuple(found)


def read_metrics(reader: Reader) -> tuple[MetricDataQuery, ...]:
    """Return the entries of ``Metrics`` and check them against each other."""
    queries = []
    for index, item in reader.each("Metrics", limits.METRICS):
        queries.append(_query(item))
        if queries[-1].Id in [query.Id for query in queries[:-1]]:
            reader.refuse(f"Metrics.{index}.Id", "given once", repr(queries[-1].Id))
    if queries:
        _check_periods(reader, queries)
        _check_answers(reader, queries)
        _check_expressions(reader, queries)
    return tuple(queries)


def _query(item: Reader) -> MetricDataQuery:
    item.check_keys(limits.QUERY_KEYS)
    item.require("Id")
    rule = "a lower-case letter followed by letters, digits and underscores"
    checked(item, "Id", lambda text: limits.METRIC_ID.fullmatch(text) is not None, rule)
    if item.has("MetricStat") == item.has("Expression"):
        got = "both" if item.has("Expression") else "neither"
        item.refuse("", "either a MetricStat or an Expression", got)
    return MetricDataQuery(
        Id=item.text("Id") or "",
        MetricStat=_metric_stat(item),
        Expression=item.text("Expression", high=limits.EXPRESSION_LENGTH),
        Label=item.text("Label", low=0, high=limits.EXPRESSION_LENGTH),
        ReturnData=item.flag("ReturnData"),
        Period=_period(item),
        AccountId=item.text("AccountId"),
    )


def _metric_stat(item: Reader) -> MetricStat | None:
    if not item.has("MetricStat"):
        return None
    stat = item.inner("MetricStat", item.mapping["MetricStat"])
    if stat is None:
        return None
    stat.check_keys(limits.METRIC_STAT_KEYS)
    for key in limits.METRIC_STAT_KEYS[:3]:
        stat.require(key)
    metric = stat.inner("Metric", stat.mapping.get("Metric") or {})
    if metric is None:
        return None
    metric.check_keys(limits.METRIC_KEYS)
    for key in ("Namespace", "MetricName"):
        metric.require(key)
    checked(stat, "Stat", lambda text: text in limits.STATISTICS or is_statistic(text), STAT_RULE)
    return MetricStat(
        Namespace=metric.text("Namespace") or "",
        MetricName=metric.text("MetricName") or "",
        Dimensions=read_dimensions(metric),
        Period=_period(stat) or limits.MINUTE_S,
        Stat=stat.text("Stat") or "Sum",
        Unit=stat.choice("Unit", limits.UNITS),
    )


def _period(reader: Reader) -> int | None:
    period = reader.integer("Period")
    if period is not None and not is_period(period):
        reader.refuse("Period", "10, 20, 30 or a multiple of 60 seconds", period)
    return period


def _check_periods(reader: Reader, queries: list[MetricDataQuery]) -> None:
    """Every series of an alarm has the same period [UG, using-metric-math]."""
    first: int | None = None
    for index, query in enumerate(queries):
        period = query.MetricStat.Period if query.MetricStat else query.Period
        if first is None:
            first = period
        elif period not in (None, first):
            key = (
                f"Metrics.{index}.MetricStat.Period"
                if query.MetricStat
                else f"Metrics.{index}.Period"
            )
            reader.refuse(key, f"the one period of all metrics ({first})", period)


def _check_answers(reader: Reader, queries: list[MetricDataQuery]) -> None:
    """One answer; a band alarm has two, the watched series and the band."""
    band = reader.mapping.get("ThresholdMetricId")
    answers = [query.Id for query in queries if query.returned and query.Id != band]
    if len(answers) != 1:
        got = f"{len(answers)} ({', '.join(answers)})" if answers else "none"
        rule = "exactly one entry with ReturnData true"
        reader.refuse("Metrics", rule, got, "An absent ReturnData counts as true.")


def _check_expressions(reader: Reader, queries: list[MetricDataQuery]) -> None:
    from stratsim.cloudwatch.math_alarm import compile_queries  # lark is loaded on first use

    if not any(query.Expression for query in queries):
        return
    try:
        compile_queries(queries, f"{reader.where}.Metrics", reader.mapping.get("ThresholdMetricId"))
    except InputError as error:
        reader.problems.extend(error.problems)
