"""What surrounds a deployment: metrics, control plane, people, money, objectives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from stratsim.model.markers import OrRandom
from stratsim.model.quantities import (
    DurationMarker,
    Fixed,
    Flag,
    LogNormal,
    NonNegative,
    Number,
    RandomSeconds,
    Seconds,
    Share,
)

MINUTE_S = 60.0

InMinute = Annotated[
    Literal["random"] | float, OrRandom(DurationMarker(high=MINUTE_S, open_high=True))
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSettings:
    """How metrics reach alarms.

    ``delay`` is the publication delay after a period's end; ``phase`` where in
    the minute the deployment starts, in [0, 60) s; ``evaluation_offset`` where in
    the minute alarms are evaluated; ``evaluation_range_extra`` how many more
    periods than EvaluationPeriods an evaluation reads (AWS does not publish it);
    ``target_5xx_when_zero`` whether HTTPCode_Target counts of 0 are published where
    there are targets (the user guides of 2023 and 2025 disagree).
    """

    delay: RandomSeconds = field(default_factory=lambda: LogNormal(45.0, 0.5))
    evaluation_range_extra: Annotated[int, Number(0, 100, whole=True)] = 2
    phase: InMinute = "random"
    evaluation_offset: InMinute = 0.0
    target_5xx_when_zero: Literal["absent", "zero"] = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The control plane's own habits, which AWS does not document.

    ``alarm_poll``: CodeDeploy looks at its alarms at creation + k x this.
    ``reroute``: a weight change takes effect so long after it is ordered.
    ``agent_poll``: an EC2 host picks up its command after so long.
    ``steady_state_timeout``: a fleet that never becomes healthy fails the
    deployment after so long. ``follow_up``: how long after its end a deployment
    is followed while a fault is still being served. ``unhealthy_hosts``: whether
    hosts that begin Unhealthy, which the minimum does not count on, are all tried
    at once. ``lone_host``: a percentage of a group of one host asks for that very
    host, so by the letter the deployment fails at once. ``continue_after``:
    somebody continues a deployment that is ready so long after; absent: nobody.
    ``rolling_bake``: ECS watches its alarms after a rolling update for as long as
    the longest of their evaluation windows. ``alarm_poll_failure``: the chance that
    a poll cannot read the alarms, which stops a deployment unless its group says
    ``ignorePollAlarmFailure``. ``stop_in_flight``: what a stopped deployment does on
    a host whose event is running: leave it, or let the event end.
    ``linear_remainder``: a percentage that does not divide 100 leaves its rest to a
    shift of its own, or to the last whole one. ``zone_order`` and ``zone_tail_wait``:
    in which order a zonal deployment takes the zones, and whether it watches the
    last one too.
    """

    alarm_poll: Annotated[float, DurationMarker(high=3600)] = 10.0
    reroute: Annotated[float, DurationMarker(high=3600)] = 5.0
    agent_poll: RandomSeconds = field(default_factory=lambda: Fixed(1.0))
    watch_termination_wait: Flag = True
    steady_state_timeout: Seconds = 3600.0
    rollback_hosts: Literal["touched_only", "whole_group"] = "touched_only"
    batches: Literal["sliding_window", "barrier"] = "sliding_window"
    linear_tail_wait: Flag = False
    linear_remainder: Literal["own_shift", "last_shift"] = "own_shift"
    zone_order: Literal["in_order", "random"] = "in_order"
    zone_tail_wait: Flag = False
    follow_up: Seconds = 86400.0
    unhealthy_hosts: Literal["at_once", "throttled"] = "at_once"
    lone_host: Literal["refused", "deployed"] = "refused"
    continue_after: Seconds | None = None
    rolling_bake: Flag = True
    alarm_poll_failure: Share = 0.0
    stop_in_flight: Literal["at_once", "after_event"] = "at_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCall:
    """When people act: so long after the first alarm, or after noticing by themselves."""

    respond: Seconds = 900.0
    notice: Seconds = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Prices in USD; ``attended`` is the share of a deployment that is watched."""

    instance_hour: NonNegative | None = None
    failed_request: NonNegative = 0.002
    engineer_hour: NonNegative = 95.0
    attended: Share = 0.25
    alarm_metric_month: NonNegative = 0.10
    alarm_composite_month: NonNegative = 0.50
    provisioned_gb_second: NonNegative = 0.0000041667


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """Service level objective: availability, latency [s], window [s]."""

    availability: Annotated[float, Number(0, 1, open_low=True, open_high=True)] = 0.999
    latency: Annotated[float, DurationMarker(open_low=True)] = 1.0
    window: Annotated[float, DurationMarker(low=1)] = 30 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentGroup:
    """CreateDeploymentGroup's own keys, as far as they steer a run.

    ``raw`` keeps the whole mapping as written, for exports.
    """

    rollback_enabled: bool = True
    rollback_events: tuple[str, ...] = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM")
    alarms_enabled: bool = True
    alarm_names: tuple[str, ...] = ()
    ignore_poll_alarm_failure: bool = False
    deployment_type: Literal["IN_PLACE", "BLUE_GREEN"] | None = None
    traffic_control: bool = True
    ready_action: Literal["CONTINUE_DEPLOYMENT", "STOP_DEPLOYMENT"] = "CONTINUE_DEPLOYMENT"
    ready_wait_s: float = 0.0
    terminate_action: Literal["TERMINATE", "KEEP_ALIVE"] = "TERMINATE"
    termination_wait_s: float = 300.0
    green_fleet: Literal["DISCOVER_EXISTING", "COPY_AUTO_SCALING_GROUP"] = "COPY_AUTO_SCALING_GROUP"
    raw: Mapping[str, object] = field(default_factory=dict)

    def rolls_back_on(self, event: str) -> bool:
        """Whether `event` (AWS's word) leads to an automatic rollback."""
        return self.rollback_enabled and event in self.rollback_events
