"""The setting of an alarm that a scenario and one of its strategies tell."""

from dataclasses import dataclass

import numpy as np

from stratsim.model.alarm import MetricAlarm
from stratsim.model.scenario import Scenario
from stratsim.power.setting import PowerSetting
from stratsim.queueing import response_times
from stratsim.signals.table import METRICS
from stratsim.strategies import PlanResult, plan_strategy


@dataclass(frozen=True, slots=True)
class Stage:
    """The first share of the traffic that a strategy moves, and for how long."""

    weight: float
    bake_s: float
    begin_s: float
    one_target_group: bool


def first_stage(scenario: Scenario, strategy: str) -> Stage:
    """Return the first stage in which the new revision takes traffic."""
    result: PlanResult = plan_strategy(scenario, strategy)
    rows = [(row.time_s, row.new_share) for row in result.rows]
    begin, weight = next(((t, s) for t, s in rows if s), (0.0, 1.0))
    later = [t for t, s in rows if t > begin and s > weight]
    end = later[0] if later else max(t for t, _ in rows)
    return Stage(weight or 1.0, end - begin, begin, result.plan.one_target_group)


def setting_of(
    alarm: MetricAlarm,
    scenario: Scenario,
    stage: Stage,
) -> PowerSetting:
    """Return the setting of `alarm` in the first stage of a strategy."""
    traffic = scenario.traffic
    span = np.array([stage.begin_s, stage.begin_s + max(stage.bake_s, 60.0)])
    low, high = traffic.profile.arrivals(span).tolist()
    rate = (high - low) / (span[1] - span[0])
    return PowerSetting(
        rate_rps=float(rate),
        weight=stage.weight,
        bake_s=stage.bake_s,
        background=_background(alarm, scenario, float(rate)),
        dispersion=traffic.dispersion,
        error_dispersion=scenario.service.error_dispersion,
        retry_share=traffic.retries.share,
        retry_limit=traffic.retries.limit,
        delay=scenario.metrics.delay,
        metrics=scenario.metrics,
        one_target_group=stage.one_target_group,
    )


def _background(alarm: MetricAlarm, scenario: Scenario, rate_rps: float) -> float:
    """Return the share that is bad on any day: failing, or slower than a threshold."""
    service = scenario.service
    for stat in alarm.metric_stats:
        metric = METRICS.get((stat.Namespace, stat.MetricName))
        if metric is not None and metric.source.kind == "time" and alarm.Threshold is not None:
            room = scenario.desired * service.capacity
            load = 0.0 if scenario.platform == "lambda" else min(rate_rps / room, 1.0)
            limit_s = alarm.Threshold * metric.source.unit_s
            return response_times(service).survival(load, limit_s)
    return service.error_rate
