"""A target group that fails open: with all its targets unhealthy it routes to them all.

Source: ELB User Guide for Application Load Balancers, "Target group health". What an
unhealthy target makes of its requests is the scenario's to say.
"""

from dataclasses import replace

from stratsim.engine.effects import Effect
from stratsim.engine.fleet import NEW, OLD, Fleet


class FailOpen:
    """Whether requests go to unhealthy targets, and what they meet there.

    Parameters
    ----------
    answered
        Share of its requests that an unhealthy target answers.
    fleet
        Its ``sick`` instances are registered and fail their health checks.
    """

    def __init__(self, answered: float, fleet: Fleet) -> None:
        self.answered, self.fleet = answered, fleet

    def share(self, otherwise: float) -> float:
        """Return the new revision's share of the traffic."""
        fleet = self.fleet
        if fleet.weight is None and not any(fleet.in_service) and any(fleet.sick):
            return fleet.sick[NEW] / sum(fleet.sick)
        return otherwise

    def opened(self) -> list[int]:
        """Return the unhealthy instances, old and new, that get requests."""
        fleet = self.fleet
        if fleet.weight is None:
            return [0, 0] if any(fleet.in_service) else list(fleet.sick)
        return [0 if fleet.in_service[s] else fleet.sick[s] for s in (OLD, NEW)]

    def met(self, effect: Effect, begin: int) -> Effect:
        """Return what requests to the new revision meet at unhealthy targets."""
        failing = 1.0 - (1.0 - effect.failing) * self.answered
        onset = begin if effect.onset_us < 0 else min(effect.onset_us, begin)
        return replace(effect, failing=failing, exposed=1.0, onset_us=onset)
