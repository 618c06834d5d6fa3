"""The engines' clock: whole microseconds, and an order within one instant.

Whole numbers make "the same instant" exact. Within one, the contract's order
holds: publish, evaluate, poll, shift; SimPy's queue takes it as a priority.
"""

from typing import Any

import simpy
from simpy.events import EventPriority

US = 1_000_000

# Priorities 0 and 1 are SimPy's own (urgent, normal).
PUBLISH, EVALUATE, POLL, PEOPLE, SHIFT, SCALE = map(EventPriority, (2, 3, 4, 5, 6, 7))


def us(seconds: float) -> int:
    """Return whole microseconds."""
    return round(seconds * US)


class At(simpy.Event):
    """An event that happens `delay` microseconds from now, in its turn."""

    def __init__(self, env: simpy.Environment, delay: int, priority: EventPriority = SHIFT) -> None:
        super().__init__(env)
        self._ok = True
        self._value: Any = None
        env.schedule(self, priority, delay)
