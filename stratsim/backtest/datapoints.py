"""Measured series on a grid of minutes, with the windows that somebody labelled."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby, pairwise
from math import floor

from stratsim.cloudwatch.statistic import aggregate
from stratsim.errors import InputError, Problem, unknown_name

MINUTE_S = 60
MOST_MINUTES = 2_000_000
_NO_LABEL = {"", "0", "0.0", "false", "no", "none", "normal", "healthy", "nan", "null"}


@dataclass(frozen=True, slots=True)
class Window:
    """A labelled stretch: minutes [begin, end) of the series."""

    begin: int
    end: int
    label: str


@dataclass(frozen=True)
class Datapoints:
    """What a file holds: stamps that start a period, and columns; None is missing.

    ``labels`` has a text per row, empty where nothing was wrong.
    """

    name: str
    stamps: tuple[datetime, ...]
    columns: Mapping[str, Sequence[float | None]]
    labels: Sequence[str] | None = None

    @property
    def start(self) -> datetime:
        """When the first period begins."""
        return self.stamps[0]

    @cached_property
    def step_s(self) -> float:
        """The commonest time between two rows [s]; a minute where there is one row."""
        steps = Counter((b - a).total_seconds() for a, b in pairwise(self.stamps))
        return steps.most_common(1)[0][0] if steps else float(MINUTE_S)

    @property
    def step_minutes(self) -> int:
        """Minutes that a datapoint stands for, at least one."""
        return max(1, round(self.step_s / MINUTE_S))

    @cached_property
    def places(self) -> tuple[int, ...]:
        """The minute, from 0, of each row."""
        start = self.start
        return tuple(floor((s - start).total_seconds() / MINUTE_S + 0.5) for s in self.stamps)

    @property
    def minutes(self) -> int:
        """Length of the series in minutes, its last period included."""
        count = self.places[-1] + self.step_minutes
        if count > MOST_MINUTES:
            rule = f"a series of at most {MOST_MINUTES:,} minutes"
            raise InputError([Problem(self.name, rule, f"{count:,}")])
        return count

    def at(self, minute: int) -> datetime:
        """Return when a minute begins."""
        return self.start + timedelta(minutes=minute)

    def series(self, column: str, statistic: str) -> list[float | None]:
        """Return a column per minute; several rows of one minute become one value."""
        if column not in self.columns:
            raise InputError([unknown_name(f"{self.name}: column", column, self.columns)])
        found: dict[int, list[float]] = {}
        for place, value in zip(self.places, self.columns[column], strict=True):
            if value is not None:
                found.setdefault(place, []).append(value)
        values: list[float | None] = [None] * self.minutes
        for place, samples in found.items():
            values[place] = samples[0] if len(samples) == 1 else aggregate(samples, statistic)
        return values

    def windows(self) -> tuple[Window, ...]:
        """Return the labelled windows: rows one after the other with one label."""
        return tuple(self._windows())

    def _windows(self) -> Iterator[Window]:
        rows = zip(self.places, self.labels or (), strict=False)
        for label, group in groupby(rows, key=lambda row: row[1]):
            if label.strip().lower() not in _NO_LABEL:
                places = [place for place, _ in group]
                yield Window(places[0], places[-1] + self.step_minutes, label)
