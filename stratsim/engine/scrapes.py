"""Counters of the new revision as a monitoring system scrapes them.

An analysis may ask for any window, not only for CloudWatch's minutes. It sees what
was counted at the scrapes within that window, so at most one interval less than it.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stratsim.engine.clock import PUBLISH, At, us
from stratsim.engine.fleet import NEVER
from stratsim.model.analysis import Query
from stratsim.signals import ERRORS, NEW, REJECTED, REQUESTS, WIDTH, Part, Series, Source, Telemetry

if TYPE_CHECKING:
    from stratsim.engine.deployment import Deployment

_LATENCY = Source("time", unit_s=1.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """One scrape: counters since the deployment, and how far the answers' times had come."""

    at_us: int
    requests: float
    errors: float
    minute: int
    parts: int


class Scrapes:
    """All scrapes of one run."""

    def __init__(self, run: "Deployment", every_us: int, longest_us: int) -> None:
        self.run, self.every_us = run, every_us
        kept = -(-longest_us // every_us) + 2
        self.marks: deque[Mark] = deque(maxlen=kept)
        self._closed, self._requests, self._errors = 0, 0.0, 0.0

    def take(self) -> None:
        """Scrape now, and again every so often while the deployment runs."""
        run = self.run
        if run.ended_us != NEVER:
            return
        run.advance()
        rows = run.telemetry.rows
        for row in rows[self._closed :]:
            requests, errors = _counters(row)
            self._requests += requests
            self._errors += errors
        self._closed = len(rows)
        requests, errors = _counters(run.flow.row)
        self.marks.append(
            Mark(
                run.now,
                self._requests + requests,
                self._errors + errors,
                len(rows),
                len(run.flow.parts),
            )
        )
        event = At(run.env, self.every_us, PUBLISH)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self.take())

    def value(self, query: Query) -> float | None:
        """Return what `query` finds now; None where the new revision had no requests."""
        marks = list(self.marks)
        begin = self.run.now - us(query.window_s)
        first = marks[bisect_left(marks, begin, key=lambda mark: mark.at_us) :]
        if len(first) < 2 or first[-1].requests <= first[0].requests:
            return None
        if query.kind == "latency":
            return query.factor * self._latency(first[0], first[-1], query.statistic)
        share = (first[-1].errors - first[0].errors) / (first[-1].requests - first[0].requests)
        return query.factor * (share if query.kind == "errors" else 1.0 - share)

    def _latency(self, begin: Mark, end: Mark, statistic: str) -> float:
        """Return a statistic of the response times between two scrapes [s]."""
        run = self.run
        window = Telemetry(run.scenario, run.telemetry.times, 0)
        window.noise = run.telemetry.noise
        minutes = [*run.telemetry.parts[begin.minute : end.minute + 1], run.flow.parts]
        parts: list[Part] = []
        for number, minute in enumerate(minutes[: end.minute - begin.minute + 1]):
            low = begin.parts if number == 0 else 0
            high = end.parts if begin.minute + number == end.minute else len(minute)
            parts += minute[low:high]
        window.close([], parts, 0)
        percentile = float(statistic[1:]) / 100 if statistic[:1] == "p" else None
        return Series(_LATENCY, (NEW,), statistic, percentile).value(window, [0])


def _counters(row: list[float]) -> tuple[float, float]:
    """Return requests and failed requests of the new revision, rejected ones among them."""
    at = NEW * WIDTH
    return row[at + REQUESTS], row[at + ERRORS] + row[at + REJECTED]
