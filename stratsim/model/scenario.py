"""The scenario: everything the user declares, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.alarm import CompositeAlarm, MetricAlarm
from stratsim.model.origin import Origin
from stratsim.model.quantities import Fixed
from stratsim.model.release import Fault, Release
from stratsim.model.service import Host, LifecycleEvent, Platform, Service
from stratsim.model.settings import Control, Cost, DeploymentGroup, MetricSettings, OnCall, Slo
from stratsim.model.strategy import StrategySpec
from stratsim.model.summary import as_html, as_text
from stratsim.model.traffic import Traffic

Alarm = MetricAlarm | CompositeAlarm


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Scenario:
    """A service, its release, its alarms and the strategies under discussion."""

    name: str
    platform: Platform
    description: str = ""
    traffic: Traffic = field(default_factory=Traffic)
    service: Service = field(default_factory=Service)
    lifecycle: Mapping[str, LifecycleEvent] = field(default_factory=dict)
    hosts: tuple[Host, ...] = ()
    release: Release = field(default_factory=Release)
    environment: tuple[Fault, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    metrics: MetricSettings = field(default_factory=MetricSettings)
    deployment_group: DeploymentGroup = field(default_factory=DeploymentGroup)
    control: Control = field(default_factory=Control)
    quotas: Mapping[str, float] = field(default_factory=dict)
    on_call: OnCall = field(default_factory=OnCall)
    strategies: tuple[StrategySpec, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    slo: Slo = field(default_factory=Slo)
    noise: Literal["sampled", "expected"] = "sampled"
    replications: int = 2000
    seed: int = 7
    source: Mapping[str, object] = field(default_factory=dict)
    folder: str = field(default="", compare=False)
    origin: Origin = field(default_factory=Origin, compare=False)
    warnings: tuple[str, ...] = ()

    def strategy(self, name: str) -> StrategySpec:
        """Return the strategy called `name`; unknown: `InputError` with the nearest."""
        for spec in self.strategies:
            if spec.name == name:
                return spec
        raise InputError([unknown_name("strategy", name, [s.name for s in self.strategies])])

    def alarm(self, name: str) -> Alarm:
        """Return the alarm called `name`."""
        for alarm in self.alarms:
            if alarm.AlarmName == name:
                return alarm
        raise InputError([unknown_name("alarm", name, [a.AlarmName for a in self.alarms])])

    @property
    def desired(self) -> int:
        """Desired number of instances; 0 on Lambda, which has none."""
        return 0 if self.platform == "lambda" else self.service.instances

    def faults(self, outcome: int) -> tuple[Fault, ...]:
        """Return the faults of outcome number `outcome` as the platform meets them.

        Nothing on Lambda waits for a version to become healthy: an environment that
        cannot start fails the requests that it is given.
        """
        found = self.release.outcomes[outcome].faults
        if self.platform != "lambda":
            return found
        return tuple(
            replace(fault, kind="errors", rate=Fixed(fault.probability))
            if fault.kind == "startup"
            else fault
            for fault in found
        )

    def with_values(self, values: Mapping[str, object]) -> "Scenario":
        """Return this scenario with other values at some paths, read and checked anew.

        Parameters
        ----------
        values
            New values by path, as they would stand in a file. A path is dotted; an
            entry of a list is named by its place or its name, such as
            ``"alarms.0.Threshold"``, ``"alarms.checkout-5xx.Threshold"`` or
            ``"release.outcomes.error spike.probability"``. Where probabilities of
            outcomes are set, the others share what is left in proportion.

        Raises
        ------
        InputError
            For a path or a value that cannot be, with the nearest known key.
        """
        from stratsim.scenario_io.changing import change_scenario

        return change_scenario(self, values)

    def __str__(self) -> str:
        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self)


def check_scenario(value: object) -> None:
    """Refuse what is no scenario, such as the name of one.

    Raises
    ------
    InputError
        Telling how to get one.
    """
    if not isinstance(value, Scenario):
        got = shorten(value)
        hint = f"Use stratsim.load({got})." if isinstance(value, str | Mapping) else ""
        raise InputError([Problem("scenario", "what stratsim.load returns", got, hint)])
