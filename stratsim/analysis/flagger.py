"""How Flagger counts failed checks, tick by tick.

Source: fluxcd/flagger, pkg/controller/scheduler.go (commit 15bd6ad), advanceCanary:
the counter is tested before anything is measured, so the rollback comes one tick
after the check that filled it. Failures add up over the whole analysis.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum


class Action(Enum):
    """What a tick does."""

    ADVANCE = "advance"
    HALT = "halt"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Climb:
    """Where an analysis stands: ``level`` weights were set, ``failed`` checks counted."""

    level: int = 0
    failed: int = 0


def tick(
    climb: Climb, check: Callable[[], bool], *, levels: int, threshold: int
) -> tuple[Climb, Action]:
    """Return the state after a tick, and what it does.

    `check` measures and says whether all is well; it is asked only where Flagger
    measures: not before the first weight, and not when the counter is full.
    """
    if climb.failed >= threshold:
        return climb, Action.ROLL_BACK
    if climb.level and not check():
        return replace(climb, failed=climb.failed + 1), Action.HALT
    if climb.level >= levels:
        return climb, Action.PROMOTE
    return replace(climb, level=climb.level + 1), Action.ADVANCE
