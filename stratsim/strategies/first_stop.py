"""When an alarm could first stop a deployment, beside the timeline of its plan."""

from collections.abc import Sequence
from dataclasses import dataclass

from stratsim.wording import format_span, format_value


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStop:
    """The earliest moment at which one alarm could stop a deployment.

    ``time_s`` [s since creation] is None where it cannot, and ``note`` says why;
    ``new_share`` of the traffic is on the new revision by then. The alarm may stop
    the deployment until ``until_s``.
    """

    alarm: str
    time_s: float | None
    new_share: float | None
    until_s: float
    note: str = ""


HEAD = ("alarm", "could first stop it", "new", "")


def stop_cells(stops: Sequence[FirstStop]) -> list[list[str]]:
    """Return the table that people read, one row per alarm."""
    return [
        [
            stop.alarm,
            format_value(stop.time_s, "s") if stop.time_s != 0 else format_span(0),
            format_value(stop.new_share, "share"),
            stop.note,
        ]
        for stop in stops
    ]
