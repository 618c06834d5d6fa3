"""What the neighbours of CodeDeploy share: whom they roll back for, and what is assumed.

A neighbour's key holds its own tool's shape. What the tool leaves open stands
beside it under ``assume``, each assumption with its default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stratsim.errors import InputError, Problem, unknown_name
from stratsim.model.plan import Hold, Launch, Retire, Shift, Step
from stratsim.model.scenario import Scenario
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies.fields import Rule, fields
from stratsim.strategies.shapes import Config, part

ASSUME = "assume"
FAILURE, ON_ALARM = "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that a tool's documents leave open: its lawful values and its default."""

    rule: Rule
    default: object
    meaning: str


Assumptions = Mapping[str, Assumption]


def check_assumed(config: Config, where: str, known: Assumptions) -> list[Problem]:
    """Return the problems of what stands under ``assume``."""
    if ASSUME not in config:
        return []
    rules = {name: assumption.rule for name, assumption in known.items()}
    return fields(rules)(config[ASSUME], f"{where}.{ASSUME}")


def assumed(config: Config, known: Assumptions) -> dict[str, object]:
    """Return every assumption with the value that holds."""
    given = part(config, ASSUME)
    return {name: given.get(name, assumption.default) for name, assumption in known.items()}


def rolls_back(group: DeploymentGroup, *events: str) -> DeploymentGroup:
    """Return the group of a tool that rolls back for `events` of its own accord, and no others."""
    return replace(group, rollback_enabled=bool(events), rollback_events=events)


def unwatched(group: DeploymentGroup) -> DeploymentGroup:
    """Return the group of a tool that looks at no alarm."""
    return replace(group, alarms_enabled=False, alarm_names=())


def watching(
    group: DeploymentGroup, names: object, scenario: Scenario, where: str
) -> DeploymentGroup:
    """Return the group of a tool that looks at alarms of its own.

    Raises
    ------
    InputError
        For a name that no alarm of the scenario has.
    """
    alarms = tuple(str(name) for name in names) if isinstance(names, list | tuple) else ()
    known = [alarm.AlarmName for alarm in scenario.alarms]
    rule = f"an alarm under alarms ({', '.join(known) or 'which has none'})"
    strange = [name for name in alarms if name not in known]
    if strange:
        raise InputError(replace(unknown_name(where, name, known), rule=rule) for name in strange)
    return replace(group, alarms_enabled=bool(alarms), alarm_names=alarms)


def borrowed_alarms(group: DeploymentGroup, key: str) -> tuple[str, ...]:
    """Say that the deployment group's alarms stand in for those that `key` would name."""
    if not (group.alarms_enabled and group.alarm_names):
        return ()
    return (f"{key} is not given, so the alarms of deployment_group are watched instead",)


def pages_only(group: DeploymentGroup, tool: str) -> tuple[str, ...]:
    """Say that a tool does not look at the deployment group's alarms."""
    if not (group.alarms_enabled and group.alarm_names):
        return ()
    return (f"{tool} looks at no alarm: those of deployment_group page people only",)


def side_by_side(scenario: Scenario, moves: tuple[Step, ...], end: Retire) -> tuple[Step, ...]:
    """Return a second fleet's launch, some moves of traffic, and the end of the first fleet."""
    if scenario.platform == "lambda":
        return moves
    launch = Launch(
        event="Launch",
        count=scenario.desired,
        startup=scenario.service.startup,
        timeout_s=scenario.control.steady_state_timeout,
    )
    return (launch, *moves, end)


def steps_at(
    weights: tuple[float, ...], waits_s: tuple[float, ...], shift: str, wait: str
) -> tuple[Step, ...]:
    """Return shifts to `weights`, each followed by its wait where it has one."""
    moves: list[Step] = []
    for weight, wait_s in zip(weights, waits_s, strict=True):
        moves.append(Shift(weight=weight, event=shift))
        if wait_s > 0:
            moves.append(Hold(duration_s=wait_s, event=wait))
    return tuple(moves)
