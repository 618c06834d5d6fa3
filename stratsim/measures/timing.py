"""Time: how long it takes to detect, to roll back and to restore."""

import numpy as np

from stratsim.engine.tally import Tally
from stratsim.measures._registry import measure
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario


@measure("time_to_detect_s", unit="s")
def time_to_detect_s(tally: Tally, scenario: Scenario) -> Array:
    """First ALARM of a deployment-group alarm minus the first exposed request."""
    return tally.detected_s - tally.first_exposed_s


@measure("rollback_latency_s", unit="s")
def rollback_latency_s(tally: Tally, scenario: Scenario) -> Array:
    """All traffic back on the old revision minus what triggered the automatic rollback."""
    latency = tally.restored_s - tally.trigger_s
    return np.where(tally.automatic, latency, np.nan)


@measure("time_to_restore_s", unit="s")
def time_to_restore_s(tally: Tally, scenario: Scenario) -> Array:
    """All traffic back on the old revision minus the first exposed request."""
    return np.maximum(tally.restored_s - tally.first_exposed_s, 0.0)
