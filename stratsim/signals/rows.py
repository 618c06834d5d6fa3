"""The minutes of a run as rows of sums."""

import numpy as np

from stratsim.model.scenario import Scenario
from stratsim.queueing import ResponseTimes

OLD, NEW = 0, 1
REQUESTS, ERRORS, REJECTED, HEALTHY, UNHEALTHY, CPU = range(6)
WIDTH = 6
"""Fields of one revision in a row; a row is old's fields, then new's."""

Row = list[float]
Part = tuple[int, float, float, float, float]
"""Answers of one kind: revision, number, utilisation, latency factor, latency added [s]."""


def empty_row() -> Row:
    """Return a row of a minute in which nothing happened."""
    return [0.0] * (2 * WIDTH)


class Telemetry:
    """The minutes of one run, from some minutes before its creation.

    Minute k spans [60 k - phase, 60 (k + 1) - phase) seconds of the deployment.
    """

    def __init__(self, scenario: Scenario, times: ResponseTimes, history: int) -> None:
        self.scenario = scenario
        self.times = times
        self.first = -history
        self.rows: list[Row] = []
        self.parts: list[list[Part]] = []
        self.published_us: list[int] = []
        self.noise: np.random.Generator | None = None

    @property
    def next_minute(self) -> int:
        """Number of the minute that is still open."""
        return self.first + len(self.rows)

    def close(self, row: Row, parts: list[Part], published_us: int) -> None:
        """Add the minute that has just ended."""
        self.rows.append(row)
        self.parts.append(parts)
        self.published_us.append(published_us)

    def window(self, begin: int, end: int, now_us: int) -> list[int]:
        """Return list positions of minutes [begin, end) that are published by `now_us`."""
        low, high = max(begin - self.first, 0), min(end - self.first, len(self.rows))
        published = self.published_us
        return [at for at in range(low, high) if published[at] <= now_us]
