"""Alarms in AWS's own words: the shapes of PutMetricAlarm and PutCompositeAlarm.

Values only. Field names are spelt as AWS spells them, an absent key is ``None``
(or an empty tuple), and ``to_aws`` writes back what was read. The limits are
checked where alarms are read, in `stratsim.cloudwatch.parse`.

Source: API reference of Amazon CloudWatch, PutMetricAlarm, MetricDataQuery,
MetricStat and PutCompositeAlarm (service model of botocore 1.44.5).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dimension:
    """One name and value that tell a metric from its namesakes."""

    Name: str
    Value: str

    def to_aws(self) -> dict[str, object]:
        """Return the AWS JSON mapping."""
        return {"Name": self.Name, "Value": self.Value}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricStat:
    """One series that CloudWatch can be asked for.

    AWS nests the first three fields under ``Metric``; they are flat here, so
    that this is the one value by which a series is fetched.
    """

    Namespace: str
    MetricName: str
    Dimensions: tuple[Dimension, ...] = ()
    Period: int
    Stat: str
    Unit: str | None = None

    def to_aws(self) -> dict[str, object]:
        """Return the AWS JSON mapping, nested as AWS nests it."""
        metric: dict[str, object] = {"Namespace": self.Namespace, "MetricName": self.MetricName}
        if self.Dimensions:
            metric["Dimensions"] = [dimension.to_aws() for dimension in self.Dimensions]
        return _given(Metric=metric, Period=self.Period, Stat=self.Stat, Unit=self.Unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDataQuery:
    """One entry of ``Metrics``: a series or an expression, never both."""

    Id: str
    MetricStat: "MetricStat | None" = None
    Expression: str | None = None
    Label: str | None = None
    ReturnData: bool | None = None
    Period: int | None = None
    AccountId: str | None = None

    @property
    def returned(self) -> bool:
        """Whether the entry is an answer; AWS takes an absent key as true."""
        return self.ReturnData is not False

    def to_aws(self) -> dict[str, object]:
        """Return the AWS JSON mapping."""
        return _given(
            Id=self.Id,
            MetricStat=None if self.MetricStat is None else self.MetricStat.to_aws(),
            Expression=self.Expression,
            Label=self.Label,
            ReturnData=self.ReturnData,
            Period=self.Period,
            AccountId=self.AccountId,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricAlarm:
    """An alarm on one series or on one expression.

    ``extra`` carries the keys of PutMetricAlarm that are written back on export
    but do not change an evaluation here (tags, warm-up, wall-clock windows).
    """

    AlarmName: str
    AlarmDescription: str | None = None
    ActionsEnabled: bool | None = None
    OKActions: tuple[str, ...] = ()
    AlarmActions: tuple[str, ...] = ()
    InsufficientDataActions: tuple[str, ...] = ()
    Namespace: str | None = None
    MetricName: str | None = None
    Dimensions: tuple[Dimension, ...] = ()
    Statistic: str | None = None
    ExtendedStatistic: str | None = None
    Period: int | None = None
    Unit: str | None = None
    Metrics: tuple[MetricDataQuery, ...] = ()
    EvaluationPeriods: int
    DatapointsToAlarm: int | None = None
    Threshold: float | None = None
    ThresholdMetricId: str | None = None
    ComparisonOperator: str
    TreatMissingData: str | None = None
    EvaluateLowSampleCountPercentile: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def n(self) -> int:
        """Evaluation periods: how many of the newest datapoints are judged."""
        return self.EvaluationPeriods

    @property
    def m(self) -> int:
        """Datapoints to alarm: how many of them must breach; all when not given."""
        return self.DatapointsToAlarm or self.EvaluationPeriods

    @property
    def treatment(self) -> str:
        """How missing data is treated; AWS takes an absent key as ``missing``."""
        return self.TreatMissingData or "missing"

    @property
    def statistic(self) -> str | None:
        """The statistic or extended statistic; none on an expression."""
        return self.Statistic or self.ExtendedStatistic

    @property
    def period_s(self) -> int:
        """Seconds that one datapoint aggregates, wherever the period is written."""
        if self.Period is not None:
            return self.Period
        for query in self.Metrics:
            if query.MetricStat is not None:
                return query.MetricStat.Period
            if query.Period is not None:
                return query.Period
        return 60

    @property
    def banded(self) -> bool:
        """Whether the alarm compares with an anomaly band instead of a number."""
        return self.ThresholdMetricId is not None

    @property
    def metric_stats(self) -> tuple[MetricStat, ...]:
        """Every series that the alarm reads, in the order written."""
        if self.Metrics:
            return tuple(q.MetricStat for q in self.Metrics if q.MetricStat is not None)
        if self.Namespace is None or self.MetricName is None:
            return ()
        return (
            MetricStat(
                Namespace=self.Namespace,
                MetricName=self.MetricName,
                Dimensions=self.Dimensions,
                Period=self.period_s,
                Stat=self.statistic or "Average",
                Unit=self.Unit,
            ),
        )

    def to_aws(self) -> dict[str, object]:
        """Return the AWS JSON mapping, without the keys that were not given."""
        return _alarm_to_aws(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeAlarm:
    """An alarm on the states of other alarms."""

    AlarmName: str
    AlarmRule: str
    AlarmDescription: str | None = None
    ActionsEnabled: bool | None = None
    OKActions: tuple[str, ...] = ()
    AlarmActions: tuple[str, ...] = ()
    InsufficientDataActions: tuple[str, ...] = ()
    ActionsSuppressor: str | None = None
    ActionsSuppressorWaitPeriod: int | None = None
    ActionsSuppressorExtensionPeriod: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    def to_aws(self) -> dict[str, object]:
        """Return the AWS JSON mapping, without the keys that were not given."""
        return _alarm_to_aws(self)


def _alarm_to_aws(alarm: MetricAlarm | CompositeAlarm) -> dict[str, object]:
    names = [name for name in alarm.__dataclass_fields__ if name != "extra"]
    return _given(**{name: _plain(getattr(alarm, name)) for name in names}) | dict(alarm.extra)


def _plain(value: object) -> object:
    if not isinstance(value, tuple):
        return value
    # An empty list says nothing that an absent key does not say.
    return [item if isinstance(item, str) else item.to_aws() for item in value] or None


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
