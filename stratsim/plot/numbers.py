"""The numbers behind the pictures, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stratsim.comparison import Key
from stratsim.comparison.text import short_name
from stratsim.wording import format_span

if TYPE_CHECKING:
    from stratsim.comparison import Comparison
    from stratsim.intervals import Estimate
    from stratsim.strategies import FirstStop, PlanResult
    from stratsim.traced import Run

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Point:
    """A strategy in the plane of two measures; ``pareto``: no other beats it."""

    name: str
    x: Estimate
    y: Estimate
    pareto: bool


def comparison_points(comparison: Comparison, x: Key, y: Key) -> list[Point]:
    """Return one point per strategy, in the comparison's order."""
    return [
        Point(
            short_name(sample.strategy),
            x.estimate(sample),
            y.estimate(sample),
            sample.strategy in comparison.pareto,
        )
        for sample in comparison.samples
    ]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time [min] in which something holds."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """One run over time [min]: shares, error rates, alarm states, what happened.

    ``share_times`` and ``shares`` are the steps of the new revision's share;
    ``errors`` maps "new", "old" or "service" to (minute, failing share);
    ``alarms`` maps names to spans of one state each; ``marks`` are moments.
    """

    share_times: tuple[float, ...]
    shares: tuple[float, ...]
    errors: Mapping[str, Sequence[tuple[float, float]]]
    alarms: Mapping[str, Sequence[Span]]
    marks: tuple[tuple[float, str], ...]
    end: float


def run_numbers(run: Run) -> RunNumbers:
    """Return the numbers of `run`, up to its last event or weight."""
    document = run.to_dict()
    times = [row["time_s"] for key in ("events", "weights", "alarms") for row in document[key]]
    end = max([*times, MINUTE_S]) / MINUTE_S
    weights = document["weights"]
    return RunNumbers(
        share_times=(*(row["time_s"] / MINUTE_S for row in weights), end),
        shares=(*(row["new_share"] for row in weights), weights[-1]["new_share"]),
        errors=_error_rates(document["metrics"], end),
        alarms=_alarm_spans(document["alarms"], end),
        marks=tuple(_marks(document["events"])),
        end=end,
    )


def _error_rates(metrics: Sequence[Mapping[str, Any]], end: float) -> dict[str, Any]:
    """Return failing shares by minute; minutes without a request have none."""
    counts: dict[tuple[str, float], dict[str, float]] = {}
    for row in metrics:
        if row["statistic"] == "Sum":
            side = next(iter(row["dimensions"].values()), "service")
            counts.setdefault((side, row["time_s"]), {})[row["metric"]] = row["value"]
    rates: dict[str, list[tuple[float, float]]] = {}
    for (side, time_s), sums in sorted(counts.items()):
        requests = sums.get("RequestCount", sums.get("Invocations", 0.0))
        failed = sums.get("HTTPCode_Target_5XX_Count", 0.0) + sums.get("Errors", 0.0)
        # A datapoint stands in the middle of its minute.
        middle = time_s / MINUTE_S + 0.5
        if requests > 0 and 0 <= middle <= end:
            rates.setdefault(side, []).append((middle, failed / requests))
    return rates


def _alarm_spans(changes: Sequence[Mapping[str, Any]], end: float) -> dict[str, list[Span]]:
    spans: dict[str, list[Span]] = {}
    for change in changes:
        own = spans.setdefault(change["alarm"], [])
        start = change["time_s"] / MINUTE_S
        if own:
            own[-1] = Span(own[-1].start, start, own[-1].label)
        own.append(Span(start, end, change["to"]))
    return {name: [span for span in own if span.end > span.start] for name, own in spans.items()}


def _marks(events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, str]]:
    """Yield how the deployment ended and when traffic was back."""
    for event in events:
        kind, detail = event["kind"], event["detail"]
        if kind == "status" and not detail.startswith("InProgress"):
            yield event["time_s"] / MINUTE_S, detail
        elif kind == "rollback" and "all traffic" in detail:
            yield event["time_s"] / MINUTE_S, "traffic back"


def _stopping(stop: FirstStop) -> Span | None:
    if stop.time_s is None:
        return None
    return Span(stop.time_s / MINUTE_S, stop.until_s / MINUTE_S, format_span(stop.time_s))


@dataclass(frozen=True, slots=True)
class PlanNumbers:
    """A plan over time [min]: one lane of spans per event, the share, the fleet in service.

    ``alarms`` maps names to the span in which each could stop the deployment, None
    where it never could.
    """

    lanes: Mapping[str, Sequence[Span]]
    alarms: Mapping[str, Span | None]
    times: tuple[float, ...]
    shares: tuple[float, ...]
    in_service: tuple[float, ...] | None
    end: float


def plan_numbers(result: PlanResult) -> PlanNumbers:
    """Return the numbers of a plan; what takes no time is a span of no length."""
    rows = result.rows
    lanes: dict[str, list[Span]] = {}
    for row in rows:
        span = Span(row.time_s / MINUTE_S, row.end_s / MINUTE_S, row.note)
        lanes.setdefault(row.event, []).append(span)
    desired = result.plan.desired
    serving = [row.in_service for row in rows if row.in_service is not None]
    return PlanNumbers(
        lanes=lanes,
        alarms={stop.alarm: _stopping(stop) for stop in result.stops or ()},
        times=tuple(row.time_s / MINUTE_S for row in rows),
        shares=tuple(row.new_share for row in rows),
        in_service=tuple(n / desired for n in serving) if serving and desired else None,
        # what ends at once, or never begins, is drawn as a minute of nothing
        end=max(row.end_s for row in rows) / MINUTE_S or 1.0,
    )


def unbroken(values: Sequence[float | None], step_minutes: int) -> list[list[tuple[int, float]]]:
    """Return (minute, value) in stretches without a gap: rows a step apart, half a step off.

    >>> unbroken([1.0, None, 3.0, None, None, None, 7.0], 2)
    [[(0, 1.0), (2, 3.0)], [(6, 7.0)]]
    """
    pieces: list[list[tuple[int, float]]] = []
    for minute, value in enumerate(values):
        if value is None:
            continue
        if not pieces or minute - pieces[-1][-1][0] > 1.5 * step_minutes:
            pieces.append([])
        pieces[-1].append((minute, value))
    return pieces
