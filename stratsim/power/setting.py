"""What surrounds an alarm while a canary bakes."""

from dataclasses import dataclass, field

from stratsim.model.quantities import Distribution, Fixed
from stratsim.model.settings import MetricSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSetting:
    """Traffic, canary and telemetry.

    Parameters
    ----------
    rate_rps
        Requests per second of the whole service.
    weight
        Share of them on the new revision.
    bake_s
        How long the alarm has, from the shift on [s].
    background
        Share of requests that are bad on any day: failing, or too slow for an
        alarm on a response time.
    dispersion, error_dispersion
        Variance/mean of the requests and of the background errors per minute.
    retry_share, retry_limit
        Failed requests that clients send again, and how often.
    delay
        Publication delay after a period's end [s].
    metrics
        How metrics reach alarms; its own delay is not used.
    """

    rate_rps: float
    weight: float = 0.1
    bake_s: float = 300.0
    background: float = 0.0
    dispersion: float = 1.0
    error_dispersion: float = 1.0
    retry_share: float = 0.0
    retry_limit: int = 0
    delay: Distribution = field(default_factory=lambda: Fixed(60.0))
    metrics: MetricSettings = field(default_factory=MetricSettings)
    one_target_group: bool = False

    def load(self, bad: float) -> float:
        """Return requests/s with the retries that a share `bad` on new causes."""
        lost = (1 - self.weight) * self.background + self.weight * bad
        again = self.retry_share * lost
        return self.rate_rps * sum(again**k for k in range(self.retry_limit + 1))
