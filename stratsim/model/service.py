"""The service: its fleet, its latency, how instances start and stop."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Annotated, Literal

from stratsim.model.markers import RuleError, Text
from stratsim.model.quantities import (
    Count,
    DurationMarker,
    Flag,
    LogNormal,
    Name,
    Number,
    Positive,
    RandomSeconds,
    Seconds,
    Share,
)

Platform = Literal["ec2", "ecs", "lambda"]
PositiveSeconds = Annotated[float, DurationMarker(open_low=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Log-normal response time at low load, by its median and 99th percentile [s]."""

    median: PositiveSeconds = 0.1
    p99: PositiveSeconds = 0.81

    def __post_init__(self) -> None:
        if self.p99 < self.median:
            msg = "a p99 of at least the median"
            raise RuleError(msg)

    @property
    def sigma(self) -> float:
        """Standard deviation of the logarithm."""
        return math.log(self.p99 / self.median) / NormalDist().inv_cdf(0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """The load balancer's health check of a target.

    ``fail_open`` is the share of its requests that an unhealthy target answers; it
    gets any only where all targets of its group are unhealthy.
    """

    interval: Annotated[float, DurationMarker(low=1, high=300)] = 30.0
    healthy: Annotated[int, Number(1, 10, whole=True)] = 1
    unhealthy: Annotated[int, Number(1, 10, whole=True)] = 2
    grace: Seconds = 0.0
    fail_open: Share = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling:
    """Target tracking on utilisation; absent means a fixed fleet.

    It grows after ``scale_out_periods`` minutes above the target and shrinks after
    ``scale_in_periods`` minutes below ``scale_in_margin`` of it. A new instance is
    not counted for ``warmup`` seconds, in which the fleet does not shrink.
    """

    target_utilization: Annotated[float, Number(0, 1, open_low=True)] = 0.6
    min: Count = 1
    max: Count = 100
    warmup: Seconds = 120.0
    scale_out_periods: Annotated[int, Number(1, 60, whole=True)] = 3
    scale_in_periods: Annotated[int, Number(1, 60, whole=True)] = 15
    scale_in_margin: Share = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """How much slower an instance answers at first: ``factor``, fading with ``time``.

    The factor on its response times is 1 + (factor - 1) exp(-t / time), t seconds
    after its first request.
    """

    factor: Annotated[float, Number(1, 1000)] = 1.0
    time: PositiveSeconds = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A fleet of instances (EC2), tasks (ECS) or a function (Lambda).

    ``capacity`` is what one instance can serve [requests/s]; ``concurrency``
    how many requests it works on at once; ``error_rate`` the share of requests
    that fail whatever the revision; ``error_dispersion`` the variance over the
    mean of the background errors' count. With ``cold_starts`` the environments of a
    new Lambda version take ``startup`` before their first answer. ``slow_start`` is
    the load balancer's, 0 where it is off.
    """

    instances: Count = 10
    zones: Annotated[int, Number(1, 20, whole=True)] = 3
    capacity: Positive = 20.0
    concurrency: Count = 8
    error_rate: Share = 0.001
    error_dispersion: Annotated[float, Number(1, 1e6)] = 3.0
    latency: Latency = field(default_factory=Latency)
    startup: RandomSeconds = field(default_factory=lambda: LogNormal(56.0, 0.08))
    drain: Annotated[float, DurationMarker(high=3600)] = 300.0
    health_check: HealthCheck = field(default_factory=HealthCheck)
    slow_start: Annotated[float, DurationMarker(high=900)] = 0.0
    warm_up: WarmUp = field(default_factory=WarmUp)
    autoscaling: Autoscaling | None = None
    runtime: Name = "python3.12"
    memory: Annotated[int, Number(128, 10_240, whole=True)] = 512
    provisioned_concurrency: Annotated[int, Number(0, 100_000, whole=True)] = 0
    cold_starts: Flag = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEvent:
    """Duration [s], chance of failure and timeout [s] of one lifecycle event."""

    duration: RandomSeconds
    failure: Share = 0.0
    timeout: Seconds = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host of an EC2 fleet where it differs from the rest.

    ``healthy`` is CodeDeploy's instance health: no where the last deployment to
    the host failed or it never had one, and such a host is out of service until
    it has been deployed to. ``revision`` is its revision health; ``group`` names
    its Auto Scaling group.
    """

    index: Annotated[int, Number(0, 99_999, whole=True)]
    healthy: Flag = True
    revision: Literal["unknown", "old", "current"] = "current"
    group: Annotated[str, Text(0, 255)] = ""
