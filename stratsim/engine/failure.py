"""How a step fails, and CodeDeploy's error codes.

Source: CodeDeploy API reference, ErrorInformation, for the codes' names; which
cause has which code is told by its guide for host health only, and inferred else.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stratsim.engine.fleet import Unit, strikes
from stratsim.errors import InputError, Problem
from stratsim.model.quantities import format_duration
from stratsim.model.scenario import Scenario

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

HEALTH_CONSTRAINTS = "HEALTH_CONSTRAINTS"
HEALTH_CONSTRAINTS_INVALID = "HEALTH_CONSTRAINTS_INVALID"
NO_INSTANCES = "NO_INSTANCES"
TIMEOUT = "TIMEOUT"
ECS_UPDATE_ERROR = "ECS_UPDATE_ERROR"
HOOK_FAILED = HOOK_TIMED_OUT = "HOOK_EXECUTION_FAILURE"
ALARM_ACTIVE = "ALARM_ACTIVE"
MANUAL_STOP = "MANUAL_STOP"
ALARMS_UNREADABLE = "IAM_ROLE_PERMISSIONS"
NO_CODE = ""


class StepFailedError(Exception):
    """A step failed; `code` is CodeDeploy's error code, empty where it has none."""

    def __init__(self, code: str, *, can_roll_back: bool = True, stopped: bool = False) -> None:
        super().__init__(code)
        self.code, self.can_roll_back, self.stopped = code, can_roll_back, stopped


def never_healthy(run: "Deployment", units: Sequence[Unit]) -> list[bool]:
    """Return which of `units` never become healthy with the new revision."""
    return _struck(run, units, "startup", "")


def failing_hook(run: "Deployment", units: Sequence[Unit], event: str) -> list[bool]:
    """Return on which of `units` the lifecycle event `event` fails."""
    return _struck(run, units, "hook", event)


def _struck(run: "Deployment", units: Sequence[Unit], kind: str, event: str) -> list[bool]:
    struck = [False] * len(units)
    size = max(run.scenario.service.instances, 1)
    for fault in run.world.faults:
        if fault.kind != kind or fault.spec.event != event:
            continue
        hits = strikes(run.world, fault, units)
        for at, unit in enumerate(units):
            # what replaces a failed instance meets the chance anew
            again = max(unit.number // size - 1, 0)
            key: tuple[str | int, ...] = (f"{kind} fault", fault.number)
            chance = run.world.chances(size, *key, *(again,) * bool(again))[unit.number % size]
            struck[at] |= chance < fault.spec.probability * hits[at]
    return struck


def trace_too_short(scenario: Scenario, strategy: str) -> InputError:
    """Return the error of a run of `strategy` that would go past the end of its traffic."""
    rule = f"long enough for the run of {strategy!r}"
    got = f"a trace that ends after {format_duration(scenario.traffic.profile.end_s)}"
    hint = "Let it start earlier, or give a longer trace."
    problem = Problem("traffic.profile", rule, got, hint)
    return InputError([scenario.origin.located(problem)])
