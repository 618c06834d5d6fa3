"""Money: extra infrastructure, failed requests, people's time [USD]."""

import numpy as np

from stratsim.engine.tally import Tally
from stratsim.measures._registry import measure
from stratsim.model.alarm import MetricAlarm
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario

HOUR_S = 3600.0
MONTH_S = 730 * HOUR_S
"""AWS's month of 730 hours, by which monthly prices are spread."""


@measure("infrastructure_cost_usd", unit="USD")
def infrastructure_cost_usd(tally: Tally, scenario: Scenario) -> Array:
    """Extra instances and the deployment group's alarms while the deployment lasts."""
    instances = tally.extra_instance_s / HOUR_S * (scenario.cost.instance_hour or 0.0)
    names = tally.plan.group.alarm_names if tally.plan.group.alarms_enabled else ()
    alarms = sum(_alarm_month_usd(scenario, name) for name in names)
    return instances + _provisioned_usd(tally, scenario) + alarms * tally.duration_s / MONTH_S


def _alarm_month_usd(scenario: Scenario, name: str) -> float:
    """Return the monthly price of an alarm: by metric, three times that at high resolution."""
    alarm = scenario.alarm(name)
    if not isinstance(alarm, MetricAlarm):
        return scenario.cost.alarm_composite_month
    resolution = 3.0 if alarm.period_s < 60 else 1.0
    return max(len(alarm.metric_stats), 1) * resolution * scenario.cost.alarm_metric_month


def _provisioned_usd(tally: Tally, scenario: Scenario) -> Array:
    """Return the price of the new version's provisioned concurrency while both run."""
    service = scenario.service
    if scenario.platform != "lambda" or service.provisioned_concurrency == 0:
        return np.zeros_like(tally.duration_s)
    gb_s = service.provisioned_concurrency * service.memory / 1024 * tally.duration_s
    return gb_s * scenario.cost.provisioned_gb_second


@measure("failure_cost_usd", unit="USD")
def failure_cost_usd(tally: Tally, scenario: Scenario) -> Array:
    """Failed requests times their price."""
    return (tally.failed_fault + tally.failed_capacity) * scenario.cost.failed_request


@measure("delay_cost_usd", unit="USD")
def delay_cost_usd(tally: Tally, scenario: Scenario) -> Array:
    """People's time: the attended part of the deployment, and from the page to restored."""
    incident = np.nan_to_num(np.maximum(tally.restored_s - tally.paged_s, 0.0), nan=0.0)
    hours = (scenario.cost.attended * tally.duration_s + incident) / HOUR_S
    return np.asarray(scenario.cost.engineer_hour * hours)


@measure("total_cost_usd", unit="USD")
def total_cost_usd(tally: Tally, scenario: Scenario) -> Array:
    """Infrastructure, failures and delay together."""
    return (
        infrastructure_cost_usd(tally, scenario)
        + failure_cost_usd(tally, scenario)
        + delay_cost_usd(tally, scenario)
    )
