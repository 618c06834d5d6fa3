"""CloudFormation's RollbackConfiguration: alarms that roll a stack back, and a watch after it.

Source: CloudFormation API reference, RollbackConfiguration and RollbackTrigger.
"""

from stratsim.errors import Problem
from stratsim.model.plan import Hold
from stratsim.model.scenario import Scenario
from stratsim.model.settings import MINUTE_S, DeploymentGroup
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.fields import Rule, fields, list_of, one_of, text, whole_in
from stratsim.strategies.neighbours import FAILURE, ON_ALARM, borrowed_alarms, rolls_back, watching
from stratsim.strategies.shapes import Config, part, whole

TRIGGERS = "RollbackConfiguration"
MAX_MONITORING_MINUTES = 180
MAX_TRIGGERS = 5
_TYPES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_RULE: Rule = fields(
    {
        "MonitoringTimeInMinutes": whole_in(0, MAX_MONITORING_MINUTES),
        "RollbackTriggers": list_of(
            fields({"Arn": text, "Type": one_of(*_TYPES)}, required=("Arn",)), most=MAX_TRIGGERS
        ),
    }
)


def check_triggers(config: Config, where: str) -> list[Problem]:
    """Return what CloudFormation would refuse about the triggers."""
    return _RULE(config[TRIGGERS], f"{where}.{TRIGGERS}") if TRIGGERS in config else []


def triggered(spec: StrategySpec, scenario: Scenario) -> DeploymentGroup:
    """Return the group of a stack: it rolls back for failures and for its triggers.

    An alarm's name is the last part of its ARN. Without triggers the deployment
    group's alarms stand in for them.
    """
    group = rolls_back(spec.group, FAILURE, ON_ALARM)
    if TRIGGERS not in spec.config:
        return group
    listed = part(spec.config, TRIGGERS).get("RollbackTriggers", ())
    triggers = listed if isinstance(listed, list | tuple) else ()
    names = [str(trigger["Arn"]).rpartition(":")[2] for trigger in triggers]
    where = f"strategies.{spec.name}.{TRIGGERS}.RollbackTriggers"
    return watching(group, names, scenario, where)


def borrowed_triggers(spec: StrategySpec) -> tuple[str, ...]:
    """Say that the deployment group's alarms stand in for triggers."""
    return () if TRIGGERS in spec.config else borrowed_alarms(spec.group, TRIGGERS)


def monitored(config: Config) -> tuple[Hold, ...]:
    """Return the time that CloudFormation keeps watching after the update."""
    minutes = whole(part(config, TRIGGERS), "MonitoringTimeInMinutes")
    return (Hold(duration_s=minutes * MINUTE_S, event="MonitoringTime"),) if minutes else ()
