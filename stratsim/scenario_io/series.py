"""A traffic series from a CSV file of time stamps and values.

The file's columns are found by their names, ``timestamp`` and ``value``; others
are passed over. A stamp (ISO 8601, UTC where it has no zone) starts its period.
"""

import csv
import math
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TextIO

import numpy as np

from stratsim.errors import MachineError, Problem, shorten
from stratsim.model.markers import format_duration
from stratsim.model.quantities import MAX_RATE_RPS, Array
from stratsim.model.traffic import Trace
from stratsim.scenario_io.checking import Problems, joined, shown
from stratsim.scenario_io.shapes import TraceShape

MAX_FILE_BYTES = 50_000_000
MAX_ROWS = 1_000_000
MAX_TOLD = 10
_PATH = "traffic.profile"
_HINT = "The file needs a header timestamp,value and one row per period."

Row = tuple[int, datetime, float]


class _Series:
    """The rows of one file and what is wrong with them."""

    def __init__(self, name: str, problems: Problems) -> None:
        self.name = name
        self.problems = problems
        self.told = 0

    def add(self, line: int, key: str, rule: str, got: str) -> None:
        self.told += 1
        if self.told <= MAX_TOLD:
            self.problems.elsewhere.append(Problem(f"{self.name}:{line}: {key}", rule, got))

    def finish(self) -> bool:
        """Say how many problems were left out; returns whether there were none."""
        if self.told > MAX_TOLD:
            rule, got = "free of such rows", f"{self.told - MAX_TOLD} more"
            self.problems.elsewhere.append(Problem(self.name, rule, got))
        return self.told == 0


def read_trace(
    shape: TraceShape, folder: Path, problems: Problems, warnings: list[str]
) -> Trace | None:
    """Return the trace that `shape` names, or ``None`` with its problems noted."""
    series = _Series(shape.file, problems)
    rows = _read(folder / shape.file, series, problems)
    if rows is None:
        return None
    period = shape.period or _common_step(rows)
    if period is None:
        problems.add(joined(_PATH, "period"), "given for a series of one row", "nothing")
        return None
    gaps = _check_steps(rows, period, series)
    if not series.finish():
        return None
    counts = _counts(rows, period) * shape.scale
    if shape.unit == "rate":
        counts *= period
    if float(counts.max()) > MAX_RATE_RPS * period:
        rule = f"a series of at most {MAX_RATE_RPS:g} requests/s"
        problems.add(_PATH, rule, f"{float(counts.max()) / period:g}")
        return None
    if gaps:
        warnings.append(
            f"{shape.file}: {gaps} gap{'s' if gaps > 1 else ''} in the series, filled by linear "
            f"interpolation (in all {len(counts) - len(rows)} x {format_duration(period)})."
        )
    before = _before(shape, rows[0][1], len(counts) * period, problems)
    if before is None:
        return None
    counts.flags.writeable = False
    return Trace(file=shape.file, period_s=period, counts=counts, before_s=before, gaps=gaps)


def _read(path: Path, series: _Series, problems: Problems) -> list[Row] | None:
    where = joined(_PATH, "file")
    rule = "a CSV file that can be read"
    try:
        if not path.is_file():
            got = "a folder" if path.is_dir() else f"no such file: {series.name}"
            hint = "Its place is relative to the scenario file."
            problems.add(where, rule, got, hint)
            return None
        if path.stat().st_size > MAX_FILE_BYTES:
            got = f"{path.stat().st_size:,} bytes"
            problems.add(where, f"a file of at most {MAX_FILE_BYTES:,} bytes", got)
            return None
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(file, series))
    except PermissionError:
        msg = f"{path}: no permission to read it"
        raise MachineError(msg) from None
    except (OSError, ValueError, csv.Error) as error:
        # not UTF-8, a field beyond the reader's limit, a name that no file can have
        problems.add(where, rule, type(error).__name__, _HINT)
        return None
    if not rows and not series.told:
        series.add(1, "timestamp", "followed by at least one row", "none")
    return rows if series.finish() else None


def _rows(file: TextIO, series: _Series) -> Iterator[Row]:
    reader = csv.reader(file)
    header = [name.strip() for name in next(reader, [])]
    if "timestamp" not in header or "value" not in header:
        got = shown(",".join(header)[:60] or None)
        series.add(1, "header", "a header that names timestamp and value", got)
        return
    stamp_at, value_at = header.index("timestamp"), header.index("value")
    last: datetime | None = None
    for count, cells in enumerate(reader):
        if not any(cell.strip() for cell in cells):
            continue
        if count >= MAX_ROWS:
            series.add(reader.line_num, "timestamp", f"at most {MAX_ROWS:,} rows", "more")
            return
        line = reader.line_num
        stamp = _stamp(cells[stamp_at].strip() if stamp_at < len(cells) else "")
        value = _value(cells[value_at].strip() if value_at < len(cells) else "")
        if stamp is None:
            got = shown((cells[stamp_at] if stamp_at < len(cells) else "") or None)
            series.add(line, "timestamp", "an ISO 8601 time stamp", got)
        elif last is not None and stamp <= last:
            got = shorten(cells[stamp_at])
            series.add(line, "timestamp", "later than the row before", got)
        if value is None:
            got = shown((cells[value_at] if value_at < len(cells) else "") or None)
            series.add(line, "value", "a number in [0, 1e+12]", got)
        if stamp is not None and value is not None:
            yield line, stamp, value
        last = stamp or last


def _stamp(text: str) -> datetime | None:
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except OverflowError:
        return None


def _value(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= 1e12 else None


def _common_step(rows: list[Row]) -> float | None:
    """Return the commonest step between stamps [s]."""
    steps = Counter((later[1] - sooner[1]).total_seconds() for sooner, later in pairwise(rows))
    if not steps:
        return None
    most = max(steps.values())
    return statistics.median_low([step for step, count in steps.items() if count == most])


def _check_steps(rows: list[Row], period: float, series: _Series) -> int:
    """Note stamps off the grid of periods; returns the number of gaps."""
    gaps = 0
    for sooner, later in pairwise(rows):
        periods = (later[1] - sooner[1]).total_seconds() / period
        if abs(periods - round(periods)) > 1e-6 or round(periods) < 1:
            rule = f"a whole number of periods of {format_duration(period)} after the row before"
            got = f"{format_duration((later[1] - sooner[1]).total_seconds())} after it"
            series.add(later[0], "timestamp", rule, got)
        elif round(periods) > 1:
            gaps += 1
    total = (rows[-1][1] - rows[0][1]).total_seconds() / period
    if total > MAX_ROWS:
        series.add(rows[-1][0], "timestamp", f"within {MAX_ROWS:,} periods of the first", "more")
    return gaps


def _counts(rows: list[Row], period: float) -> Array:
    places = np.array([round((row[1] - rows[0][1]).total_seconds() / period) for row in rows])
    values = np.array([row[2] for row in rows])
    counts: Array = np.interp(np.arange(places[-1] + 1), places, values)
    return counts


def _before(
    shape: TraceShape, first: datetime, length_s: float, problems: Problems
) -> float | None:
    """Return how much of the series lies before ``start`` [s]."""
    if shape.start is None:
        return 0.0
    where = joined(_PATH, "start")
    stamp = _stamp(shape.start)
    if stamp is None:
        problems.add(where, "an ISO 8601 time stamp", shorten(shape.start))
        return None
    before = (stamp - first).total_seconds()
    if not 0 <= before < length_s:
        last = datetime.fromtimestamp(first.timestamp() + length_s, UTC)
        rule = f"in [{_iso(first)}, {_iso(last)}), the time of the series"
        problems.add(where, rule, shorten(shape.start))
        return None
    return before


def _iso(stamp: datetime) -> str:
    return stamp.isoformat().replace("+00:00", "Z")
