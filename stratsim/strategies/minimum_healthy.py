"""Minimum healthy hosts: how many hosts stay up and how many change at once.

Source: CodeDeploy User Guide, "Instance health" and "Deployment configurations on
an EC2/On-Premises compute platform"; CodeDeploy API, MinimumHealthyHosts, ZonalConfig.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stratsim.errors import Problem
from stratsim.strategies.limits import FLEET_PERCENT, Quotas
from stratsim.strategies.shapes import Config, part, whole, wrong_choice, wrong_integer, wrong_keys

TYPES = ("HOST_COUNT", "FLEET_PERCENT")
ZONAL_KEYS = (
    "firstZoneMonitorDurationInSeconds",
    "monitorDurationInSeconds",
    "minimumHealthyHostsPerZone",
)


@dataclass(frozen=True, slots=True)
class HostRule:
    """AWS's ``minimumHealthyHosts``: a number of hosts or a percentage of the fleet.

    ``MOST_CONCURRENCY`` is how AWS reports OneAtATime; nobody but AWS can set it.
    """

    type: str
    value: int

    def minimum(self, n: int) -> int:
        """Return M, the hosts of `n` that must stay healthy.

        A percentage is converted once, fractions rounded up, in integers: with
        floats 10 hosts at 70 % could come out as 8.
        """
        if self.type == "HOST_COUNT":
            return self.value
        if self.type == "FLEET_PERCENT":
            return -(-n * self.value // 100)
        return max(0, n - self.value)

    def concurrency(self, n: int) -> int:
        """Return how many of `n` healthy hosts may change at once.

        As many as do not take the fleet below its minimum; 0 where the minimum
        is the fleet, and such a deployment fails before it begins.
        """
        return max(0, n - self.minimum(n))

    @property
    def config_name(self) -> str:
        """The name of such a configuration."""
        unit = "Percent" if self.type == "FLEET_PERCENT" else "Hosts"
        return f"MinimumHealthy{self.value}{unit}"


def parse_rule(config: Config) -> HostRule:
    """Return the value of a ``minimumHealthyHosts`` that was checked before."""
    return HostRule(str(config["type"]), whole(config, "value"))


def check_rule(config: object, where: str, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a ``minimumHealthyHosts``."""
    problems = wrong_keys(config, where, ("type", "value"))
    if problems or not isinstance(config, Mapping):
        return problems
    problems = wrong_choice(config.get("type"), f"{where}.type", TYPES)
    if problems:
        return problems
    if config["type"] == "HOST_COUNT":
        return wrong_integer(config.get("value"), f"{where}.value", 0, float("inf"))
    most = FLEET_PERCENT.under(quotas)
    return wrong_integer(config.get("value"), f"{where}.value", 0, most, FLEET_PERCENT.hint)


@dataclass(frozen=True, slots=True)
class ZonalRule:
    """AWS's ``zonalConfig``: zone by zone, with a watch after each but the last."""

    first_monitor_s: float
    monitor_s: float
    per_zone: HostRule

    @property
    def config_name(self) -> str:
        """What the name of a configuration says about its zones."""
        unit = "Percent" if self.per_zone.type == "FLEET_PERCENT" else "Hosts"
        watch = f"{self.first_monitor_s:.0f}s{self.monitor_s:.0f}s"
        return f"Zonal{self.per_zone.value}{unit}{watch}"


def parse_zonal(config: Config) -> ZonalRule:
    """Return the value of a ``zonalConfig`` that was checked before.

    The first zone's watch defaults to that of the others, which defaults to none.
    """
    monitor = whole(config, "monitorDurationInSeconds")
    first = whole(config, "firstZoneMonitorDurationInSeconds", monitor)
    per_zone = part(config, "minimumHealthyHostsPerZone")
    rule = parse_rule(per_zone) if per_zone else HostRule("FLEET_PERCENT", 0)
    return ZonalRule(float(first), float(monitor), rule)


def check_zonal(config: object, where: str, quotas: Quotas) -> list[Problem]:
    """Return what AWS would refuse about a ``zonalConfig``."""
    problems = wrong_keys(config, where, ZONAL_KEYS)
    if problems or not isinstance(config, Mapping):
        return problems
    first, each, per_zone = ZONAL_KEYS
    for key in (first, each):
        if key in config:
            problems += wrong_integer(config[key], f"{where}.{key}", 0, float("inf"))
    if per_zone in config:
        problems += check_rule(config[per_zone], f"{where}.{per_zone}", quotas)
    return problems
