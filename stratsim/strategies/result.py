"""What ``stratsim.plan`` returns: a plan with its timeline, as table, JSON or text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING

from stratsim.model.plan import Plan
from stratsim.strategies.first_stop import HEAD, FirstStop, stop_cells
from stratsim.strategies.timeline import timeline
from stratsim.strategies.timeline_rows import TimelineRow, duration_s
from stratsim.wording import format_span, format_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SHOWN_FIRST, SHOWN_LAST = 30, 5
"""Rows that are printed of a long timeline; the data hold all of them."""

_FLEET_COLUMNS = ("in_service", "instances", "batch")


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The plan of one strategy of one scenario and what it will do when.

    ``rows`` hold expected durations: nothing in them is random. ``stops`` say when each
    alarm of the deployment could first stop it; None where nobody asked.
    """

    scenario: str
    plan: Plan
    rows: tuple[TimelineRow, ...]
    stops: tuple[FirstStop, ...] | None = None

    @classmethod
    def of(cls, scenario: str, plan: Plan) -> PlanResult:
        """Return the result for `plan`, with its timeline."""
        return cls(scenario, plan, timeline(plan))

    @property
    def strategy(self) -> str:
        """Name of the strategy."""
        return self.plan.strategy

    @property
    def duration_s(self) -> float | None:
        """Expected seconds from creation to end; None where it never ends."""
        return duration_s(self.rows)

    @property
    def status(self) -> str:
        """How the deployment ends if nothing goes wrong, in CodeDeploy's words."""
        return self.rows[-1].event

    def to_frame(self) -> pd.DataFrame:
        """Return one row per thing that happens; hosts are missing on Lambda."""
        import pandas as pd

        frame = pd.DataFrame([asdict(row) for row in self.rows])
        return frame.astype(dict.fromkeys(_FLEET_COLUMNS, "Int64"))

    def to_dict(self) -> dict[str, object]:
        """Return the plan as plain values for JSON."""
        return {
            "scenario": self.scenario,
            "strategy": self.strategy,
            "deployment_config": self.plan.deployment_config or None,
            "status": self.status,
            "duration_s": self.duration_s,
            "steps": [asdict(row) for row in self.rows],
            "minimum_healthy": self.plan.minimum_healthy,
            "concurrency": self.plan.concurrency,
            "alarms": [asdict(stop) for stop in self.stops or ()],
            "warnings": list(self.plan.warnings),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of the new revision and one lane per event; return the axes."""
        from stratsim.plot import plot_plan

        return plot_plan(self, ax)

    def __str__(self) -> str:
        lines = [*_facts(self), "", *_aligned(_columns(self.plan), _cells(self))]
        if self.stops:
            lines += ["", *_aligned(HEAD, stop_cells(self.stops))]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        facts = "".join(f"<p>{escape(line)}</p>" for line in _facts(self))
        stops = _html(HEAD, stop_cells(self.stops)) if self.stops else ""
        return facts + _html(_columns(self.plan), _cells(self)) + stops


def _aligned(head: Sequence[str], table: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose columns stand below each other."""
    widths = [max(len(row[i]) for row in [head, *table]) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *table]
    ]


def _html(head: Sequence[str], table: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table
    )
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _facts(result: PlanResult) -> list[str]:
    plan, length = result.plan, result.duration_s
    name = plan.deployment_config
    config = f" ({name})" if name and name != plan.strategy else ""
    ends = "never ends" if length is None else f"{result.status} after {format_span(length)}"
    lines = [f"{plan.strategy}{config} on {result.scenario}: {ends}"]
    if plan.minimum_healthy is not None:
        lines.append(f"at least {plan.minimum_healthy} healthy, {plan.concurrency} at a time")
    return lines + [f"note: {warning}" for warning in plan.warnings]


def _columns(plan: Plan) -> list[str]:
    fleet = [] if plan.platform == "lambda" else ["in service", "running"]
    batch = [] if plan.minimum_healthy is None else ["batch"]
    return ["time", "event", "new", *fleet, *batch, ""]


def _cells(result: PlanResult) -> list[list[str]]:
    rows, columns = result.rows, _columns(result.plan)
    hidden = len(rows) - SHOWN_FIRST - SHOWN_LAST
    if hidden <= 1:
        return [_row(row, columns) for row in rows]
    gap = ["...", f"{hidden} more rows", *[""] * (len(columns) - 2)]
    first = [_row(row, columns) for row in rows[:SHOWN_FIRST]]
    return [*first, gap, *(_row(row, columns) for row in rows[-SHOWN_LAST:])]


def _row(row: TimelineRow, columns: list[str]) -> list[str]:
    cells = {
        "time": format_span(row.time_s),
        "event": row.event,
        "new": format_value(row.new_share, "share"),
        "in service": _count(row.in_service),
        "running": _count(row.instances),
        "batch": _count(row.batch),
        "": row.note,
    }
    return [cells[column] for column in columns]


def _count(value: int | None) -> str:
    return "" if value is None else str(value)
