"""How metrics are read from rows: counts, shares, levels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stratsim.cloudwatch.statistic import aggregate
from stratsim.signals.rows import CPU, HEALTHY, REQUESTS, UNHEALTHY, WIDTH, Row

Sides = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Points:
    """Sums over a window for the asked revisions: ``total`` over ``samples``.

    ``low`` and ``high`` are the extreme samples; ``values`` the samples of a
    metric that is sampled once a minute. All others have samples of 0 and 1.
    """

    total: float
    samples: float
    low: float
    high: float
    values: tuple[float, ...] = ()

    def statistic(self, name: str) -> float:
        """Return the statistic; NaN where nothing is left of the samples."""
        if name == "Sum":
            return self.total
        if name == "Average":
            return self.total / self.samples
        if name == "SampleCount":
            return self.samples
        if name == "Minimum":
            return self.low
        if name == "Maximum":
            return self.high
        value = aggregate(self.values or self._binary(), name)
        return float("nan") if value is None else value

    def _binary(self) -> list[float]:
        ones = round(self.total)
        return [0.0] * (round(self.samples) - ones) + [1.0] * ones


@dataclass(frozen=True, slots=True)
class Source:
    """How one metric is read from rows.

    ``kind`` is "count" (every sample 1, absent at zero unless ``when_zero`` and
    there are targets), "share" (a 0/1 indicator per request), "level" (sampled
    once a minute), "per_target" (requests per healthy target),
    "time" (response times in ``unit_s``), "busy" (requests in progress) or
    "silent" (never published). Values are multiplied by ``factor``; ``less`` are fields that a count is reduced by.
    """

    kind: str
    field: int = REQUESTS
    when_zero: bool = False
    factor: float = 1.0
    unit_s: float = 0.0
    less: tuple[int, ...] = ()

    def read(self, rows: Sequence[Row], sides: Sides) -> Points | None:
        """Return the sums over `rows` for the asked revisions, None where no data."""
        return READERS[self.kind](self, rows, sides)

    def total(self, rows: Sequence[Row], sides: Sides) -> float:
        """Return what the source counts, summed."""
        total = _sum(rows, sides, self.field)
        for field in self.less:
            total -= _sum(rows, sides, field)
        return self.factor * total


def _sum(rows: Sequence[Row], sides: Sides, field: int) -> float:
    return sum(row[side * WIDTH + field] for row in rows for side in sides)


def _count(source: Source, rows: Sequence[Row], sides: Sides) -> Points | None:
    """Read a count whose every sample is 1; a minute without any may report a 0."""
    total = source.total(rows, sides)
    if total > 0:
        return Points(total, total, 1.0, 1.0)
    if source.when_zero and _present(rows, sides):
        return Points(0.0, float(len(rows)), 0.0, 0.0)
    return None


def _present(rows: Sequence[Row], sides: Sides) -> bool:
    return _sum(rows, sides, REQUESTS) > 0 or _sum(rows, sides, HEALTHY) > 0


def _share(source: Source, rows: Sequence[Row], sides: Sides) -> Points | None:
    """Read a 0/1 indicator per request: its average is a rate."""
    requests = _sum(rows, sides, REQUESTS)
    if requests <= 0:
        return None
    total = source.total(rows, sides)
    return Points(total, requests, 0.0 if total < requests else 1.0, 1.0 if total else 0.0)


def _level(source: Source, rows: Sequence[Row], sides: Sides) -> Points | None:
    """Read a level sampled once a minute: hosts, utilisation."""
    measure = _utilization if source.field == CPU else _hosts
    return _sampled([source.factor * measure(source, r, sides) for r in rows if _any(r, sides)])


def _per_target(source: Source, rows: Sequence[Row], sides: Sides) -> Points | None:
    """Read requests per healthy target, once a minute."""
    values = [
        _sum((row,), sides, REQUESTS) / hosts
        for row in rows
        if (hosts := _sum((row,), sides, HEALTHY)) > 0
    ]
    return _sampled(values)


def _any(row: Row, sides: Sides) -> bool:
    """Whether there is a host, healthy or not."""
    return any(row[side * WIDTH + HEALTHY] + row[side * WIDTH + UNHEALTHY] > 0 for side in sides)


def _hosts(source: Source, row: Row, sides: Sides) -> float:
    return sum(row[side * WIDTH + source.field] for side in sides)


def _utilization(source: Source, row: Row, sides: Sides) -> float:
    """Average over the hosts of all asked revisions."""
    hosts = _sum((row,), sides, HEALTHY)
    busy = sum(row[side * WIDTH + CPU] * row[side * WIDTH + HEALTHY] for side in sides)
    return busy / hosts if hosts > 0 else 0.0


def _sampled(values: list[float]) -> Points | None:
    if not values:
        return None
    return Points(sum(values), len(values), min(values), max(values), tuple(values))


def _nothing(source: Source, rows: Sequence[Row], sides: Sides) -> Points | None:
    return None


Reader = Callable[[Source, Sequence[Row], Sides], Points | None]

READERS: dict[str, Reader] = {
    "count": _count,
    "share": _share,
    "level": _level,
    "per_target": _per_target,
    # Those of response times do not come from rows.
    "time": _nothing,
    "busy": _nothing,
    "silent": _nothing,
}
