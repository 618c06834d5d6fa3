"""Damage: requests and users hurt on account of the deployment."""

from stratsim.engine.tally import Tally
from stratsim.measures._registry import measure
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario


@measure("failed_requests", unit="requests")
def failed_requests(tally: Tally, scenario: Scenario) -> Array:
    """Blast radius: requests that failed on account of the deployment."""
    return tally.failed_fault + tally.failed_capacity


@measure("failed_requests_fault", unit="requests")
def failed_requests_fault(tally: Tally, scenario: Scenario) -> Array:
    """Served by the new revision and failed by its faults, or rejected because of them."""
    return tally.failed_fault


@measure("failed_requests_capacity", unit="requests")
def failed_requests_capacity(tally: Tally, scenario: Scenario) -> Array:
    """Rejected beyond what the untouched old fleet would have rejected."""
    return tally.failed_capacity


@measure("slow_requests", unit="requests")
def slow_requests(tally: Tally, scenario: Scenario) -> Array:
    """Answered later than the objective's latency on account of the deployment."""
    return tally.slow


@measure("exposed_requests", unit="requests")
def exposed_requests(tally: Tally, scenario: Scenario) -> Array:
    """Served by the new revision while one of its faults was active."""
    return tally.exposed


@measure("affected_users", unit="users")
def affected_users(tally: Tally, scenario: Scenario) -> Array:
    """Distinct users with at least one such failure, expected given the failures."""
    return tally.affected_users


@measure("peak_exposure", unit="share")
def peak_exposure(tally: Tally, scenario: Scenario) -> Array:
    """Largest share of the traffic on the new revision."""
    return tally.peak_exposure


@measure("error_budget", unit="share")
def error_budget(tally: Tally, scenario: Scenario) -> Array:
    """Failed requests over the failures that the objective allows in its window.

    NaN where it allows none because there is no traffic.
    """
    slo = scenario.slo
    allowed = (1 - slo.availability) * scenario.traffic.profile.mean_rps * slo.window
    failed = tally.failed_fault + tally.failed_capacity
    return failed / allowed if allowed > 0 else failed * float("nan")
