"""The designs of a search as plain data: ways to shift or roll, times alarms.

Nothing in here is a strategy of its own: a shape is an entry of ``strategies:`` and
an alarm is what PutMetricAlarm takes, so that a design is what a user could have
written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stratsim.cloudwatch.parse import parse_alarm
from stratsim.model.alarm import MetricAlarm
from stratsim.model.scenario import Scenario
from stratsim.model.settings import MINUTE_S, DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.search.recorder import Rule
from stratsim.strategies import classify
from stratsim.strategies.shapes import part

ALARM_NAME = "design"
ROLLS_BACK_ON = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM")


@dataclass(frozen=True, slots=True)
class Shape:
    """A deployment configuration with its wait before the old fleet goes.

    ``entry`` holds the keys of an entry of ``strategies:`` but for its name, ``words``
    what people call it; ``wait_min`` is None where there is no second fleet.
    """

    words: str
    entry: Mapping[str, object]
    wait_min: int | None = None

    @property
    def name(self) -> str:
        """The words with the wait."""
        if self.wait_min is None:
            return self.words
        return f"{self.words}, {self.wait_min} min wait"


@dataclass(frozen=True, slots=True)
class Probe:
    """What an alarm looks at: the metric's keys of PutMetricAlarm, and thresholds to try.

    ``name`` tells it in an alarm's name, ``unit`` follows a threshold in words.
    """

    name: str
    unit: str
    metric: Mapping[str, Any]
    period_s: int
    rules: tuple[Rule, ...]
    thresholds: tuple[float, ...]

    def alarm(self, rule: Rule, threshold: float) -> MetricAlarm:
        """Return the alarm in AWS's shape."""
        keys = {
            "AlarmName": self.alarm_name(rule, threshold),
            **self._metric(),
            "EvaluationPeriods": rule.n,
            "DatapointsToAlarm": rule.m,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": rule.treatment,
        }
        found = parse_alarm(keys)
        assert isinstance(found, MetricAlarm)
        return found

    def _metric(self) -> dict[str, object]:
        if "Metrics" not in self.metric:
            return {**self.metric, "Period": self.period_s}
        queries = [
            {**query, "MetricStat": {**query["MetricStat"], "Period": self.period_s}}
            if "MetricStat" in query
            else query
            for query in self.metric["Metrics"]
        ]
        return {"Metrics": queries}

    def alarm_name(self, rule: Rule, threshold: float) -> str:
        """Return a name that says what the alarm does."""
        often = f"{rule.m}-of-{rule.n}x{self.period_s // 60}min"
        return f"{self.name}-over-{threshold:g}-{often}-{rule.treatment}"

    def words(self, rule: Rule, threshold: float) -> str:
        """Return the alarm in a few words."""
        each = "" if self.period_s == 60 else f" of {self.period_s // 60} min"
        often = f"{rule.m} of {rule.n} periods{each}"
        missing = "" if rule.treatment == "notBreaching" else f", missing data {rule.treatment}"
        return f"{self.name} > {threshold:g}{self.unit} in {often}{missing}"


@dataclass(frozen=True, slots=True)
class Space:
    """All designs: every shape with every alarm, and with none."""

    shapes: tuple[Shape, ...]
    probes: tuple[Probe, ...]

    @property
    def alarms(self) -> int:
        """How many alarms there are."""
        return sum(len(probe.rules) * len(probe.thresholds) for probe in self.probes)

    def part(self, number: int) -> tuple[Probe, Rule, float]:
        """Return alarm number `number`: what it looks at, how it decides, its threshold."""
        for probe in self.probes:
            count = len(probe.rules) * len(probe.thresholds)
            if number < count:
                rule, bar = divmod(number, len(probe.thresholds))
                return probe, probe.rules[rule], probe.thresholds[bar]
            number -= count
        raise IndexError(number)

    def alarm(self, number: int) -> MetricAlarm:
        """Return alarm number `number` in AWS's shape."""
        probe, rule, threshold = self.part(number)
        return probe.alarm(rule, threshold)

    @property
    def size(self) -> int:
        """How many designs there are."""
        return len(self.shapes) * (self.alarms + 1)


def spec_of(scenario: Scenario, shape: Shape, name: str, alarms: tuple[str, ...]) -> StrategySpec:
    """Return a shape as a strategy whose deployment group watches `alarms`."""
    group = _group(scenario.deployment_group, shape, alarms)
    family, config = classify({"name": name, **shape.entry}, scenario.platform, name)
    return StrategySpec(name=name, family=family, config=config, group=group)


def _group(group: DeploymentGroup, shape: Shape, alarms: tuple[str, ...]) -> DeploymentGroup:
    raw = dict(group.raw)
    raw["alarmConfiguration"] = {"enabled": bool(alarms), "alarms": [{"name": a} for a in alarms]}
    raw["autoRollbackConfiguration"] = {"enabled": True, "events": list(ROLLS_BACK_ON)}
    style = shape.entry.get("deploymentStyle")
    if isinstance(style, Mapping):
        raw["deploymentStyle"] = dict(style)
        group = replace(group, deployment_type=style["deploymentType"])
    if shape.wait_min is not None:
        both = dict(part(raw, "blueGreenDeploymentConfiguration"))
        both["terminateBlueInstancesOnDeploymentSuccess"] = {
            "action": "TERMINATE",
            "terminationWaitTimeInMinutes": shape.wait_min,
        }
        raw["blueGreenDeploymentConfiguration"] = both
        wait_s = shape.wait_min * MINUTE_S
        group = replace(group, terminate_action="TERMINATE", termination_wait_s=wait_s)
    return replace(
        group,
        alarms_enabled=bool(alarms),
        alarm_names=alarms,
        rollback_enabled=True,
        rollback_events=ROLLS_BACK_ON,
        raw=raw,
    )
