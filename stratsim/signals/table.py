"""What a deployment emits: the one table that engines, commands and docs read.

Names, dimensions and units: Application Load Balancer user guide, CloudWatch
metrics (2023 and 2025); Lambda developer guide, monitoring-metrics; ECS
developer guide, cloudwatch-metrics; EC2 user guide, viewing_metrics; API Gateway
developer guide, metrics and dimensions.
"""

from dataclasses import dataclass

from stratsim.signals.rows import CPU, ERRORS, HEALTHY, REJECTED, REQUESTS, UNHEALTHY
from stratsim.signals.sources import Source

ALB, LAMBDA, API = "AWS/ApplicationELB", "AWS/Lambda", "AWS/ApiGateway"
ECS, EC2 = "AWS/ECS", "AWS/EC2"

NAMESPACES = {
    "ecs": (ALB, ECS, API),
    "ec2": (ALB, EC2, API),
    "lambda": (LAMBDA, API),
}
"""Namespaces by platform."""

_LB = ("LoadBalancer",)
_LB_GROUP = ("LoadBalancer", "TargetGroup")
_FUNCTION = ("FunctionName", "Resource", "ExecutedVersion")
_STAGE = ("ApiName | ApiId", "Stage")
_PERCENTILES = ("p50", "p90", "p99", "tm99", "Average", "Maximum")
_ALB_PAGE = "Application Load Balancer user guide, CloudWatch metrics"
_LAMBDA_PAGE = "Lambda developer guide, monitoring-metrics"
_API_PAGE = "API Gateway developer guide, metrics and dimensions"
_ECS_PAGE = "ECS developer guide, cloudwatch-metrics"
_EC2_PAGE = "EC2 user guide, viewing_metrics"

ABSENT_ZERO = "while it is 0"
NO_TRAFFIC = "without requests"
NO_TARGET = "without targets"
SILENT = "always: nothing causes it here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric: how it is read, and what AWS says of it.

    ``statistics`` are those that make sense, best first; ``absent`` says when
    there is no datapoint; ``disputed_zero`` marks those for which
    ``metrics.target_5xx_when_zero`` decides.
    """

    namespace: str
    name: str
    source: Source
    dimensions: tuple[str, ...]
    statistics: tuple[str, ...]
    unit: str
    absent: str
    page: str
    note: str = ""
    disputed_zero: bool = False

    @property
    def by_revision(self) -> bool:
        """Whether a dimension can tell the new revision from the old one."""
        return bool({"TargetGroup", "ExecutedVersion"} & set(self.dimensions))


def _alb(
    name: str, source: Source, dimensions: tuple[str, ...], absent: str, **more: str
) -> Metric:
    statistics: tuple[str, ...] = (
        ("Sum",) if source.kind in ("count", "silent", "per_target") else _PERCENTILES
    )
    if source.kind == "level":
        statistics = ("Minimum", "Maximum", "Average")
    return Metric(
        namespace=ALB, name=name, source=source, dimensions=dimensions, statistics=statistics,
        unit=more.get("unit", "Count"), absent=absent, page=_ALB_PAGE, note=more.get("note", ""),
    )  # fmt: skip


def _target(status: str, source: Source, note: str = "") -> Metric:
    return Metric(
        namespace=ALB, name=f"HTTPCode_Target_{status}_Count", source=source,
        dimensions=_LB_GROUP, statistics=("Sum",), unit="Count",
        absent=ABSENT_ZERO if source.kind != "silent" else SILENT, page=_ALB_PAGE,
        note=note or "see metrics.target_5xx_when_zero",
        disputed_zero=source.kind == "count",
    )  # fmt: skip


def _one(
    namespace: str,
    name: str,
    source: Source,
    statistics: tuple[str, ...],
    unit: str,
    absent: str,
    note: str = "",
) -> Metric:
    """Return a metric whose dimensions and page its namespace tells."""
    dimensions, page = {
        LAMBDA: (_FUNCTION, _LAMBDA_PAGE),
        API: (_STAGE, _API_PAGE),
        ECS: (("ClusterName", "ServiceName"), _ECS_PAGE),
        EC2: (("AutoScalingGroupName | InstanceId",), _EC2_PAGE),
    }[namespace]
    return Metric(
        namespace=namespace, name=name, source=source, dimensions=dimensions,
        statistics=statistics, unit=unit, absent=absent, page=page, note=note,
    )  # fmt: skip


_NEVER = Source("silent")
_REJECTED = Source("count", REJECTED)
_ERRORS, _NO_ERRORS = Source("share", ERRORS), Source("share", ERRORS, factor=0.0)
_RATE = ("Average", "Sum")
_MILLISECONDS = Source("time", unit_s=0.001)
_NO_CONNECTIONS = "the model's targets answer too late, they do not refuse"

_ALL = (
    _alb("RequestCount", Source("count", REQUESTS, when_zero=True), _LB_GROUP, NO_TARGET),
    _alb(
        "RequestCountPerTarget", Source("per_target", REQUESTS), ("TargetGroup",), NO_TARGET,
        note="its Sum is the average of the targets",
    ),
    _target("2XX", Source("count", REQUESTS, less=(ERRORS, REJECTED))),
    _target("3XX", _NEVER, "the model's answers succeed or fail"),
    _target("4XX", _NEVER, "the model's answers succeed or fail"),
    _target("5XX", Source("count", ERRORS)),
    _alb("HTTPCode_ELB_5XX_Count", _REJECTED, _LB, ABSENT_ZERO, note="requests beyond capacity"),
    _alb("HTTPCode_ELB_502_Count", _NEVER, _LB, SILENT),
    _alb("HTTPCode_ELB_503_Count", _REJECTED, _LB, ABSENT_ZERO, note="requests beyond capacity"),
    _alb("HTTPCode_ELB_504_Count", _NEVER, _LB, SILENT),
    _alb("TargetResponseTime", Source("time", unit_s=1.0), _LB_GROUP, NO_TRAFFIC, unit="Seconds"),
    _alb("HealthyHostCount", Source("level", HEALTHY), _LB_GROUP, NO_TARGET),
    _alb("UnHealthyHostCount", Source("level", UNHEALTHY), _LB_GROUP, NO_TARGET),
    _alb("TargetConnectionErrorCount", _NEVER, _LB_GROUP, SILENT, note=_NO_CONNECTIONS),
    _alb("RejectedConnectionCount", _NEVER, _LB, SILENT, note=_NO_CONNECTIONS),
    _one(LAMBDA, "Invocations", Source("count", REQUESTS), ("Sum",), "Count", NO_TRAFFIC),
    _one(LAMBDA, "Errors", _ERRORS, ("Sum", "Average"), "Count", NO_TRAFFIC,
         "0 or 1 per invocation: its Average is the error rate"),
    _one(LAMBDA, "Duration", _MILLISECONDS, _PERCENTILES, "Milliseconds", NO_TRAFFIC),
    _one(LAMBDA, "Throttles", _REJECTED, ("Sum",), "Count", SILENT,
         "the model's functions have concurrency enough"),
    _one(LAMBDA, "ConcurrentExecutions", Source("busy", unit_s=1.0), ("Maximum", "Average"),
         "Count", NO_TRAFFIC, "by Little's law, so without peaks within the minute"),
    _one(ECS, "CPUUtilization", Source("level", CPU, factor=100.0), ("Average", "Maximum"),
         "Percent", "without running tasks",
         "the load over the capacity in service; both revisions together"),
    _one(ECS, "MemoryUtilization", _NEVER, ("Average",), "Percent", SILENT,
         "the model knows no memory"),
    _one(EC2, "CPUUtilization", Source("level", CPU, factor=100.0), ("Average", "Maximum"),
         "Percent", "without instances",
         "detailed monitoring (1 minute); basic monitoring has a datapoint per 5 minutes"),
    _one(EC2, "StatusCheckFailed", Source("level", HEALTHY, factor=0.0), ("Maximum",), "Count",
         "without instances",
         "always 0: the model's instances fail at the load balancer, not on EC2's checks"),
    _one(API, "Count", Source("count", REQUESTS), ("Sum", "SampleCount"), "Count", NO_TRAFFIC),
    _one(API, "5XXError", _ERRORS, _RATE, "Count", NO_TRAFFIC,
         "REST: its Average is the error rate"),
    _one(API, "4XXError", _NO_ERRORS, _RATE, "Count", NO_TRAFFIC, "REST: always 0 in the model"),
    _one(API, "5xx", _ERRORS, _RATE, "Count", NO_TRAFFIC, "HTTP API"),
    _one(API, "4xx", _NO_ERRORS, _RATE, "Count", NO_TRAFFIC, "HTTP API: always 0 in the model"),
    _one(API, "Latency", _MILLISECONDS, _PERCENTILES, "Milliseconds", NO_TRAFFIC),
    _one(API, "IntegrationLatency", _MILLISECONDS, _PERCENTILES, "Milliseconds", NO_TRAFFIC,
         "the same as Latency: the model's gateway takes no time"),
)  # fmt: skip

METRICS: dict[tuple[str, str], Metric] = {(m.namespace, m.name): m for m in _ALL}
"""The metrics a deployment emits, by namespace and name."""

SOURCES: dict[tuple[str, str], Source] = {key: m.source for key, m in METRICS.items()}
"""How each of them is read."""


def metrics_of(platform: str) -> tuple[Metric, ...]:
    """Return the metrics of a platform, in the table's order."""
    return tuple(m for m in _ALL if m.namespace in NAMESPACES[platform])
