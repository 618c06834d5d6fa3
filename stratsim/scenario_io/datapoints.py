"""Metric series from a CSV file, or from what the AWS command line prints.

JSON is that of ``aws cloudwatch get-metric-data`` (``MetricDataResults``, one
series per Id) or ``get-metric-statistics`` (``Datapoints``, one per statistic).
"""

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import StringIO
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from stratsim.backtest import Datapoints
from stratsim.errors import InputError, MachineError, Problem, shorten, unknown_name

MAX_BYTES = 50_000_000
MAX_ROWS = 1_000_000
MAX_TOLD = 10
STAMP = "timestamp"

Cell = str | float | None
Rows = list[tuple[int, datetime, dict[str, Cell]]]
_KNOWN = ("MetricDataResults", "Datapoints")


def read_datapoints(source: str, label: str | None = None) -> Datapoints:
    """Return the series of a file.

    Parameters
    ----------
    source
        Path of a CSV or JSON file.
    label
        Column that marks faults; without it a column ``label``, if there is one.
    """
    text = _text(Path(source), source)
    problems: list[Problem] = []
    if text.lstrip()[:1] in ("{", "["):
        rows = _from_json(text, source, problems)
    else:
        rows = _from_csv(text, source, problems)
    if not problems and not rows:
        problems.append(Problem(source, "a file with at least one datapoint", "none"))
    rows.sort(key=lambda row: row[1])
    for before, after in pairwise(rows):
        if before[1] == after[1]:
            stamp = shorten(after[1].isoformat())
            problems.append(Problem(f"{source}:{after[0]}: {STAMP}", "given once", stamp))
    names = list(dict.fromkeys(name for _, _, cells in rows for name in cells))
    if label is not None and label not in names and not problems:
        problems.append(unknown_name("--label", label, names))
    chosen = label or ("label" if "label" in names else None)
    labels = None if chosen is None else [_word(cells.get(chosen)) for _, _, cells in rows]
    columns = {
        name: _numbers(source, name, rows, problems)
        for name in names
        if name != chosen and _looks_numeric(name, rows)
    }
    if not columns and not problems:
        problems.append(Problem(source, "a file with a column of numbers", shorten(names)))
    if problems:
        raise InputError(_bounded(problems, source))
    return Datapoints(source, tuple(row[1] for row in rows), columns, labels)


def _text(path: Path, source: str) -> str:
    rule = "a CSV or JSON file that can be read"
    try:
        if not path.is_file():
            got = "a folder" if path.is_dir() else "no such file"
            raise InputError([Problem(source, rule, got)])
        if path.stat().st_size > MAX_BYTES:
            got = f"{path.stat().st_size:,} bytes"
            raise InputError([Problem(source, f"a file of at most {MAX_BYTES:,} bytes", got)])
        return path.read_text("utf-8-sig")
    except PermissionError:
        msg = f"{source}: no permission to read it"
        raise MachineError(msg) from None
    except UnicodeDecodeError:
        raise InputError([Problem(source, rule, "a file that is not UTF-8 text")]) from None
    except ValueError:  # a name that no file can have
        raise InputError([Problem("DATA", rule, shorten(source))]) from None


def _bounded(problems: list[Problem], source: str) -> list[Problem]:
    rest = len(problems) - MAX_TOLD
    if rest <= 0:
        return problems
    return [*problems[:MAX_TOLD], Problem(source, "free of further problems", f"{rest:,} more")]


# -- CSV ---------------------------------------------------------------------------


def _from_csv(text: str, source: str, problems: list[Problem]) -> Rows:
    reader = csv.reader(StringIO(text))
    rows: Rows = []
    try:
        header = [name.strip() for name in next(reader, [])]
        at = next((i for i, name in enumerate(header) if name.lower() == STAMP), None)
        if at is None:
            got = shorten(",".join(header))
            hint = "The file needs a header such as timestamp,value."
            problems.append(Problem(f"{source}:1: header", f"one that names {STAMP}", got, hint))
            return []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) >= MAX_ROWS:
                problems.append(Problem(source, f"at most {MAX_ROWS:,} rows", "more"))
                break
            stamp = _stamp(cells[at] if at < len(cells) else "")
            if stamp is None:
                got = shorten(cells[at]) if at < len(cells) else "nothing"
                where = f"{source}:{reader.line_num}: {STAMP}"
                problems.append(Problem(where, "an ISO 8601 time stamp", got))
                continue
            named: dict[str, Cell] = {
                name: cell.strip() or None
                for place, (name, cell) in enumerate(zip(header, cells, strict=False))
                if place != at and name
            }
            rows.append((reader.line_num, stamp, named))
    except csv.Error as error:
        where = f"{source}:{reader.line_num}"
        problems.append(Problem(where, "a row of comma-separated values", shorten(str(error))))
    return rows


# -- JSON --------------------------------------------------------------------------


def _from_json(text: str, source: str, problems: list[Problem]) -> Rows:
    hint = "Give what `aws cloudwatch get-metric-data` prints."
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        problems.append(Problem(f"{source}:{line}", "JSON", shorten(str(error)), hint))
        return []
    found: dict[datetime, dict[str, Cell]] = {}
    if isinstance(document, Mapping) and isinstance(document.get("MetricDataResults"), list):
        series = _results(document["MetricDataResults"], source, problems)
    elif isinstance(document, Mapping) and isinstance(document.get("Datapoints"), list):
        series = _statistics(document["Datapoints"], source, problems)
    else:
        rule = f"a mapping with {' or '.join(_KNOWN)}"
        problems.append(Problem(source, rule, shorten(document), hint))
        return []
    for name, stamp, value in series:
        if name in found.setdefault(stamp, {}):
            where = f"{source}: {name}"
            problems.append(Problem(where, "one value per time stamp", shorten(str(stamp))))
        found[stamp][name] = value
    return [(1, stamp, cells) for stamp, cells in found.items()]


def _results(
    results: list[Any], source: str, problems: list[Problem]
) -> Iterator[tuple[str, datetime, Cell]]:
    """Iterate over the points of get-metric-data; pages of one Id follow each other."""
    for index, result in enumerate(results):
        where = f"{source}: MetricDataResults.{index}"
        entry = result if isinstance(result, Mapping) else {}
        stamps, values = entry.get("Timestamps"), entry.get("Values")
        if not isinstance(stamps, list) or not isinstance(values, list):
            problems.append(Problem(where, "a mapping with Timestamps and Values", shorten(result)))
            continue
        if len(stamps) != len(values):
            got = f"{len(stamps)} and {len(values)}"
            problems.append(Problem(where, "as many Timestamps as Values", got))
            continue
        name = str(entry.get("Id") or entry.get("Label") or f"m{index + 1}")
        for at, (raw, value) in enumerate(zip(stamps, values, strict=True)):
            stamp = _stamp(raw)
            if stamp is None:
                at_key = f"{where}.Timestamps.{at}"
                problems.append(Problem(at_key, "an ISO 8601 time stamp", shorten(raw)))
            else:
                yield name, stamp, value


def _statistics(
    points: list[Any], source: str, problems: list[Problem]
) -> Iterator[tuple[str, datetime, Cell]]:
    for index, point in enumerate(points):
        entry = dict(point) if isinstance(point, Mapping) else {}
        entry |= entry.pop("ExtendedStatistics", None) or {}
        stamp = _stamp(entry.pop("Timestamp", None))
        entry.pop("Unit", None)
        if stamp is None:
            where = f"{source}: Datapoints.{index}.Timestamp"
            problems.append(Problem(where, "an ISO 8601 time stamp", shorten(point)))
            continue
        for name, value in entry.items():
            yield str(name), stamp, value


# -- cells -------------------------------------------------------------------------


def _stamp(raw: object) -> datetime | None:
    """Return a time stamp; one without a zone is UTC, a number seconds since 1970."""
    try:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return datetime.fromtimestamp(raw, UTC)
        stamp = datetime.fromisoformat(str(raw).strip())
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _word(cell: Cell) -> str:
    return "" if cell is None else str(cell)


def _looks_numeric(name: str, rows: Rows) -> bool:
    """Whether the first value of a column is a number: others are texts by intent."""
    first = next((cells[name] for _, _, cells in rows if cells.get(name) is not None), None)
    return first is None or _number(first) is not None


def _numbers(source: str, name: str, rows: Rows, problems: list[Problem]) -> list[float | None]:
    values: list[float | None] = []
    for line, _, cells in rows:
        cell = cells.get(name)
        value = None if cell is None else _number(cell)
        if cell is not None and value is None:
            where = f"{source}:{line}: {name}"
            problems.append(Problem(where, "a number, or empty for no datapoint", shorten(cell)))
        values.append(value)
    return values


def _number(cell: object) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    try:
        value = float(cell)
    except (ValueError, OverflowError):
        return None
    return value if isfinite(value) else None
