"""The deployment itself: its duration and what it does to the fleet."""

from stratsim.engine.tally import Tally
from stratsim.measures._registry import measure
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario


@measure("deployment_duration_s", unit="s")
def deployment_duration_s(tally: Tally, scenario: Scenario) -> Array:
    """From creation to Succeeded, Failed or Stopped; the termination wait included."""
    return tally.duration_s


@measure("min_capacity", unit="share", better="higher")
def min_capacity(tally: Tally, scenario: Scenario) -> Array:
    """Smallest in-service capacity over the desired capacity; none on Lambda."""
    return tally.min_capacity


@measure("peak_utilization", unit="share")
def peak_utilization(tally: Tally, scenario: Scenario) -> Array:
    """Largest load over the in-service capacity of the revision that serves it."""
    return tally.peak_utilization
