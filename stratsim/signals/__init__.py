"""Telemetry: what CloudWatch could know of a run, minute by minute.

A row holds one minute's sums for both revisions. Sources turn rows into
datapoints by AWS's names; alarms read nothing else. The table of what a
deployment emits is `stratsim.signals.table`, for the engines and for people.
"""

from stratsim.signals.readings import Series, series, sides_of
from stratsim.signals.rows import (
    CPU,
    ERRORS,
    HEALTHY,
    NEW,
    OLD,
    REJECTED,
    REQUESTS,
    UNHEALTHY,
    WIDTH,
    Part,
    Row,
    Telemetry,
    empty_row,
)
from stratsim.signals.sources import Points, Source
from stratsim.signals.table import METRICS, SOURCES, Metric

__all__ = [
    "CPU",
    "ERRORS",
    "HEALTHY",
    "METRICS",
    "NEW",
    "OLD",
    "REJECTED",
    "REQUESTS",
    "SOURCES",
    "UNHEALTHY",
    "WIDTH",
    "Metric",
    "Part",
    "Points",
    "Row",
    "Series",
    "Source",
    "Telemetry",
    "empty_row",
    "series",
    "sides_of",
]
