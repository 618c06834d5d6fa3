"""Two weeks of the service before a deployment, for what learns from history.

The old revision serves alone, with its usual errors; the days follow the traffic's
profile. Nothing of a run depends on these draws but the anomaly bands.
"""

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.anomaly import TRAINING_S, AnomalyModel, fit_anomaly
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario
from stratsim.queueing import response_times
from stratsim.signals import (
    CPU,
    ERRORS,
    HEALTHY,
    NEW,
    OLD,
    REJECTED,
    REQUESTS,
    WIDTH,
    Series,
    Telemetry,
    empty_row,
)
from stratsim.streams import Streams

MINUTE_S = 60


def draw_requests(mean: Array, dispersion: float, rng: np.random.Generator) -> Array:
    """Return counts of requests of the given variance/mean."""
    if dispersion > 1:
        shape = np.maximum(mean, 1e-12) / (dispersion - 1)
        return rng.poisson(mean * rng.gamma(shape, 1 / shape)).astype(float)
    if dispersion == 1:
        return rng.poisson(mean).astype(float)
    if dispersion == 0:
        return np.asarray(np.floor(mean + rng.random(mean.shape)))
    tries = np.rint(mean / (1 - dispersion)).astype(np.int64)
    return rng.binomial(tries, 1 - dispersion).astype(float)


def draw_background(
    n: NDArray[np.int64], p: float, dispersion: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return how many of `n` are bad on any day, beta-binomial."""
    if p <= 0 or p >= 1:
        return n * int(p >= 1)
    share: Array | float = p
    if dispersion > 1:
        rho = np.clip((dispersion - 1) / np.maximum(n - 1, 1e-9), 1e-12, 0.999)
        scale = (1 - rho) / rho
        least = np.finfo(float).tiny  # a product of tiny numbers may be 0, which beta refuses
        drawn = rng.beta(np.maximum(p * scale, least), np.maximum((1 - p) * scale, least))
        share = np.where(n < 2, p, drawn)
    found: NDArray[np.int64] = rng.binomial(n, share)
    return found


def train(scenario: Scenario, reader: Series, minutes: int) -> AnomalyModel | None:
    """Return a model of two weeks of a series, one value per `minutes`.

    None for a series of the new revision, which has no history.
    """
    if reader.sides == (NEW,):
        return None
    rng = Streams(scenario.seed).rng("anomaly", reader.statistic, reader.source.field)
    past = _past(scenario, rng)
    count = len(past.rows)
    values = [
        reader.value(past, range(at, min(at + minutes, count))) for at in range(0, count, minutes)
    ]
    if not np.isfinite(values).sum() > 1:
        return None
    highest = reader.source.factor if reader.source.field == CPU else None
    return fit_anomaly(values, MINUTE_S * minutes, -MINUTE_S * count, highest=highest)


def _past(scenario: Scenario, rng: np.random.Generator) -> Telemetry:
    service, traffic = scenario.service, scenario.traffic
    count = round(TRAINING_S / MINUTE_S)
    edges = MINUTE_S * np.arange(-count, 1, dtype=np.float64)
    means = np.maximum(np.diff(traffic.profile.arrivals(edges)), 0.0)
    requests = draw_requests(means, traffic.dispersion, rng)
    room = scenario.desired * service.capacity * MINUTE_S
    loads = means / room if room else np.zeros(count)
    shed = np.where(loads > 1, 1 - 1 / np.maximum(loads, 1.0), 0.0)
    rejected = rng.binomial(requests.astype(np.int64), shed)
    served = requests.astype(np.int64) - rejected
    errors = draw_background(served, service.error_rate, service.error_dispersion, rng)
    past = Telemetry(scenario, response_times(service), count)
    past.noise = rng
    for at in range(count):
        row = empty_row()
        fields = {
            REQUESTS: requests[at], ERRORS: errors[at], REJECTED: rejected[at],
            HEALTHY: scenario.desired, CPU: min(loads[at], 1.0),
        }  # fmt: skip
        for field, value in fields.items():
            row[OLD * WIDTH + field] = float(value)
        load = float(min(loads[at], 1.0))
        parts = [(OLD, float(served[at]), load, 1.0, 0.0)] if served[at] else []
        past.close(row, parts, 0)
    return past
