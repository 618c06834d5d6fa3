"""How a step fails."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stratsim.engine.fleet import Unit, strikes

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment


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
        chances = run.world.chances(size, f"{kind} fault", fault.number)
        hits = strikes(run.world, fault, units)
        for at, unit in enumerate(units):
            struck[at] |= chances[unit.number % size] < fault.spec.probability * hits[at]
    return struck
