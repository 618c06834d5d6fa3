"""In which batches a roll works through its hosts if every one of them succeeds.

Source: CodeDeploy User Guide, "CodeDeploy instance health"; API reference, ZonalConfig.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from stratsim.model.plan import Roll, Zone


@dataclass(frozen=True, slots=True)
class Batch:
    """Hosts that begin together: `sick` ones begin Unhealthy, `sound` ones leave service."""

    zone: int
    sick: int
    sound: int

    @property
    def size(self) -> int:
        """All hosts of the batch; 0 where the minimum lets nobody go on."""
        return self.sick + self.sound


def invalid(step: Roll) -> str:
    """Return why `step` fails before it touches a host; empty where it does not."""
    if not step.count:
        return "NO_INSTANCES: there is no host to deploy to"
    if step.minimum_healthy >= step.count:
        least = f"{step.minimum_healthy} of {step.count}"
        return f"HEALTH_CONSTRAINTS_INVALID: minimum {least}"
    for number, zone in enumerate(step.zones, 1):
        if zone.minimum_healthy >= zone.count:
            least = f"{zone.minimum_healthy} of {zone.count}"
            return f"HEALTH_CONSTRAINTS_INVALID: minimum {least} in zone {number}"
    return ""


def batches(step: Roll) -> Iterator[Batch]:
    """Yield the batches; the last one is empty where the minimum stops the roll.

    Hosts that begin together end together when every duration is its mean, so a
    sliding window moves in batches too.
    """
    whole = Zone(count=step.count, unhealthy=step.unhealthy)
    healthy = step.count - sum(zone.unhealthy for zone in step.zones or (whole,))
    for number, zone in enumerate(step.zones or (whole,)):
        sick = zone.unhealthy
        sound = here = zone.count - sick
        while sick or sound:
            tried = min(sick, step.concurrency) if step.throttled else sick
            free = min(healthy - step.minimum_healthy, here - zone.minimum_healthy)
            if step.throttled:
                free = min(free, step.concurrency - tried)
            batch = Batch(number, tried, min(sound, max(free, 0)))
            yield batch
            if not batch.size:
                return
            sick, sound = sick - batch.sick, sound - batch.sound
            healthy, here = healthy + batch.sick, here + batch.sick
