"""Counters of the new revision in many runs, as they are scraped.

See `stratsim.engine.scrapes`: an analysis sees what was counted at the scrapes
within its window.
"""

from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.readings import response_time
from stratsim.engine.batch.schedule import LOOKS
from stratsim.engine.clock import us
from stratsim.model.analysis import Query
from stratsim.model.quantities import Array
from stratsim.signals import ERRORS, NEW, REJECTED, REQUESTS, Series, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stratsim.engine.batch.run import Runs

    Rows = NDArray[np.int64]

_LATENCY = Source("time", unit_s=1.0)


class Scrapes:
    """The scrapes of many runs, every ``every_us`` since creation.

    Of the last ``kept`` of them, (rows, kept) each: requests and failures since
    the deployment, and how far the answers' times had come: the number of minutes
    that had ended, and the place among the parts of the open one.
    """

    def __init__(self, runs: "Runs", every_us: int, longest_us: int) -> None:
        rows = len(runs.draws.rows)
        self.runs, self.every_us = runs, every_us
        self.needed = any(isinstance(step, LOOKS) for step in runs.plan.steps)
        self.kept = -(-longest_us // every_us) + 2
        self.count = np.zeros(rows, dtype=np.int64)
        self.requests, self.errors = (np.zeros((rows, self.kept)) for _ in range(2))
        self.minute, self.part = (np.zeros((rows, self.kept), dtype=np.int64) for _ in range(2))
        self.closed_requests, self.closed_errors = np.zeros(rows), np.zeros(rows)

    def take(self, keep: "Rows") -> None:
        """Keep only some rows."""
        for name in (
            *("count", "requests", "errors", "minute", "part"),
            *("closed_requests", "closed_errors"),
        ):
            setattr(self, name, getattr(self, name)[keep])

    def next(self) -> Times:
        """Return when the next scrape is due."""
        going = (self.runs.state.ended == NEVER) & self.needed
        return np.where(going, self.count * self.every_us, NEVER)

    def close(self) -> None:
        """Add the minute that ends to the counters."""
        requests, errors = self._open()
        self.closed_requests, self.closed_errors = requests, errors

    def scrape(self, at: "Rows") -> None:
        """Scrape the rows `at` now; the time up to now has been accounted for."""
        place = self.count[at] % self.kept
        requests, errors = self._open()
        self.requests[at, place], self.errors[at, place] = requests[at], errors[at]
        self.minute[at, place] = self.runs.telemetry.count
        self.part[at, place] = len(self.runs.minute.parts)
        self.count[at] += 1

    def _open(self) -> tuple[Array, Array]:
        """Return requests and failures up to now; rejected requests have failed."""
        sums = self.runs.minute.sums
        requests = self.closed_requests + sums.get((NEW, REQUESTS), 0.0)
        errors = self.closed_errors + sums.get((NEW, ERRORS), 0.0)
        return requests, errors + sums.get((NEW, REJECTED), 0.0)

    def values(self, query: Query, at: "Rows") -> tuple[Array, Flags]:
        """Return what `query` finds now in the rows `at`, and where it finds nothing."""
        now = self.runs.state.now[at]
        oldest = -(-(now - us(query.window_s)) // self.every_us)
        last = self.count[at] - 1
        first = np.maximum(np.maximum(oldest, self.count[at] - self.kept), 0)
        two = first < last
        marks = np.where(two, first, last) % self.kept, last % self.kept
        requests = self.requests[at, marks[1]] - self.requests[at, marks[0]]
        lacking = ~two | (requests <= 0)
        if query.kind == "latency":
            found = self._latency(query.statistic, at, marks)
        else:
            errors = self.errors[at, marks[1]] - self.errors[at, marks[0]]
            found = errors / np.where(lacking, 1.0, requests)
            found = found if query.kind == "errors" else 1.0 - found
        return np.where(lacking, 0.0, query.factor * found), lacking

    def _latency(self, statistic: str, at: "Rows", marks: tuple["Rows", "Rows"]) -> Array:
        """Return a statistic of the response times between two scrapes [s]."""
        telemetry = self.runs.telemetry
        (begin, first), (end, last) = (
            (self.minute[at, mark], self.part[at, mark]) for mark in marks
        )
        parts = []
        for minute in range(int(begin.min()), int(end.max()) + 1):
            here = self.runs.minute if minute == telemetry.count else telemetry.minutes[minute]
            for number, (side, n, rho, factor, add) in enumerate(getattr(here, "parts", ())):
                after = (minute > begin) | ((minute == begin) & (number >= first))
                before = (minute < end) | ((minute == end) & (number < last))
                if side == NEW and (after & before).any():
                    counted = np.where(after & before, n[at], 0.0)
                    parts.append((counted, rho[at], factor[at], add[at]))
        percentile = float(statistic[1:]) / 100 if statistic[:1] == "p" else None
        series = Series(_LATENCY, (NEW,), statistic, percentile)
        return response_time(series, parts, telemetry, np.ones(len(at)))
