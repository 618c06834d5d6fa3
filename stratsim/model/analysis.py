"""Analyses: what a rollout tool measures while it shifts, and when it gives up.

Steps of a plan, and the values inside them. What they read is telemetry of the
new revision, as a monitoring system would scrape it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What one measurement asks of the new revision over the last ``window_s``.

    ``kind`` "errors" is the share of requests that failed, "success" the share
    that did not, "latency" a response time [s]: its mean (``statistic`` Average)
    or a percentile (p99). ``factor`` brings the value into the tool's unit.
    """

    kind: Literal["errors", "success", "latency"]
    window_s: float
    statistic: str = "p99"
    factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of an analysis by Argo Rollouts: measured `count` times, every `interval_s`.

    ``success`` and ``failure`` are conditions on ``result``. ``empty`` says what a
    query without data returns: an empty list, on which most conditions are in
    error, or one NaN. A limit is passed by one more than it: ``failure_limit`` 3
    gives up at the fourth failure; -1 switches it off.
    """

    name: str
    query: Query
    success: str = ""
    failure: str = ""
    interval_s: float | None = None
    count: int | None = None
    initial_delay_s: float = 0.0
    failure_limit: int = 0
    inconclusive_limit: int = 0
    error_limit: int = 4
    success_limit: int = 0
    empty: Literal["error", "nan"] = "error"
    dry_run: bool = False

    @property
    def measurements(self) -> int | None:
        """How many are taken; None: until the analysis is ended from outside."""
        if self.count:
            return self.count
        return 1 if self.interval_s is None else None

    @property
    def length_s(self) -> float:
        """Seconds until the last of its measurements, where it has one and all are good."""
        last = self.success_limit or self.measurements or 1
        return self.initial_delay_s + (last - 1) * (self.interval_s or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Wait for an analysis; a failed or erroneous one fails the deployment.

    After an inconclusive one the deployment pauses until somebody comes, which
    takes ``person_s``; they let it go on, or with ``person_aborts`` end it.
    """

    event: str
    metrics: tuple[Metric, ...]
    person_s: float = 0.0
    person_aborts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Begin an analysis that runs beside the steps that follow, until they are done."""

    event: str
    metrics: tuple[Metric, ...]
    person_s: float = 0.0
    person_aborts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of a Flagger tick: a value has to lie in a range; no value is a failure."""

    name: str
    query: Query
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Climb through `weights` as Flagger does: one tick, one check, one weight.

    Ticks come every ``interval_s`` since the deployment was created. A failed
    check holds the weight and counts; ``threshold`` of them in all, found at the
    next tick, fail the deployment. With ``unseen_passes`` a check without data
    passes.
    """

    event: str
    weights: tuple[float, ...]
    interval_s: float
    threshold: int
    checks: tuple[Check, ...]
    unseen_passes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Wait for the next tick of a controller that looks every ``interval_s`` since creation."""

    event: str
    interval_s: float
    count: int = 1


def longest_window_s(steps: Iterable[object]) -> float:
    """Return the longest window that the analyses of some steps ask for [s]; 0 without any."""
    queries = [
        asked.query
        for step in steps
        if isinstance(step, Gate | Watch | Ladder)
        for asked in (step.checks if isinstance(step, Ladder) else step.metrics)
    ]
    return max((query.window_s for query in queries), default=0.0)
