"""What an engine returns: the result of a run, and its record if it was traced."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Record:
    """The log of one traced run; times in microseconds since creation."""

    events: list[tuple[int, str, str]] = field(default_factory=list)
    weights: list[tuple[int, float]] = field(default_factory=list)
    alarms: list[tuple[int, str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run in plain numbers; NaN where something did not happen.

    Counts are in requests, times in seconds since creation, shares in [0, 1].
    """

    outcome: int
    status: str
    code: str
    failed_fault: float
    failed_capacity: float
    slow: float
    exposed: float
    affected_users: float
    peak_exposure: float
    min_capacity: float
    peak_utilization: float
    extra_instance_s: float
    duration_s: float
    first_exposed_s: float
    detected_s: float
    trigger_s: float
    restored_s: float
    paged_s: float
    automatic: bool
    requests: float
    new_requests: float
    rejected: float
    end_s: float


FIELDS = tuple(Result.__dataclass_fields__)
