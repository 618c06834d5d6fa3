"""The actions suppressor of a composite alarm, as a pure state machine.

A suppressor holds back actions only; the composite changes its state all the
same. Source: API reference, PutCompositeAlarm (ActionsSuppressor and its two
periods); user guide, Create_Composite_Alarm, with its timelines.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Literal, TypeAlias

SuppressedBy: TypeAlias = Literal["WaitPeriod", "ExtensionPeriod", "Alarm"]


@dataclass(frozen=True, slots=True)
class Suppression:
    """Whether actions of a change are held back, by what, and until when.

    ``by`` is AWS's ActionsSuppressedBy, ``None`` when nothing is held.
    ``until_s`` is when the timer expires; infinite when none runs.
    """

    wait_s: float
    extension_s: float
    by: SuppressedBy | None = None
    until_s: float = inf
    in_alarm: bool = False

    def step(
        self, now_s: float, *, changed: bool, suppressor_in_alarm: bool
    ) -> tuple["Suppression", bool]:
        """Return what follows at `now_s`, and whether actions run now.

        To be called when the composite changed, when the suppressor changed and
        when the timer expires (``until_s``). The actions that run are those of
        the composite's state at that time. In one instant an expired timer
        comes first, then the suppressor, then the composite.
        """
        expired = now_s >= self.until_s  # infinite while no timer runs
        state = replace(self, by=None, until_s=inf) if expired else self
        if suppressor_in_alarm != state.in_alarm:
            state = _after_suppressor(state, now_s)
        if changed:
            state = _after_change(state, now_s)
        # A wait of 0 s is over as it starts.
        if now_s >= state.until_s:
            return replace(state, by=None, until_s=inf), True
        return state, expired


def _after_suppressor(state: Suppression, now_s: float) -> Suppression:
    """The suppressor turned; where nothing is held there is nothing to extend."""
    state = replace(state, in_alarm=not state.in_alarm)
    if state.by is None:
        return state
    if state.in_alarm:
        return replace(state, by="Alarm", until_s=inf)
    return replace(state, by="ExtensionPeriod", until_s=now_s + state.extension_s)


def _after_change(state: Suppression, now_s: float) -> Suppression:
    """A change drops whichever timer runs; a new wait begins unless suppressed."""
    if state.in_alarm:
        return replace(state, by="Alarm", until_s=inf)
    return replace(state, by="WaitPeriod", until_s=now_s + state.wait_s)
