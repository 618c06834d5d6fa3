"""The comparison for people: two blocks of a table, as text, as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from stratsim.comparison.frames import table_keys
from stratsim.wording import counted, format_interval, format_value

if TYPE_CHECKING:
    from stratsim.comparison.keys import Key
    from stratsim.comparison.result import Comparison
    from stratsim.measures.sample import Sample

_HEADS = {
    "failed_requests": "failed requests",
    "failed_requests.p95": "its 95th percentile",
    "missed": "missed",
    "rollback": "rollback",
    "false_rollback": "false rollback",
    "time_to_detect_s": "time to detect",
    "rollback_latency_s": "rollback latency",
    "deployment_duration_s": "deployment duration",
    "infrastructure_cost_usd": "infrastructure cost",
    "total_cost_usd": "total cost",
}
_PER_BLOCK = 5
_COLUMN_WIDTH = 20

PREFIX = "CodeDeployDefault."


class Block(NamedTuple):
    """A table narrow enough for a terminal: heads, and rows of (value, interval) cells."""

    heads: list[str]
    rows: list[tuple[str, list[tuple[str, str]]]]


def columns_in(comparison: Comparison, width: int) -> int:
    """Return the columns of measures that fit beside the names."""
    names = max(len(row_name(comparison, name)) for name in comparison.strategies)
    return min(_PER_BLOCK, max(1, (width - names) // _COLUMN_WIDTH))


def blocks(comparison: Comparison, columns: int = _PER_BLOCK) -> list[Block]:
    """Return the table for people: harm and chances first, then time and money."""
    keys = table_keys(comparison)
    return [
        Block(
            [_HEADS[str(key)] for key in part],
            [
                (row_name(comparison, sample.strategy), [_cell(key, sample) for key in part])
                for sample in comparison.samples
            ],
        )
        for part in (keys[at : at + columns] for at in range(0, len(keys), columns))
    ]


def row_name(comparison: Comparison, strategy: str) -> str:
    """Return the strategy's short name, starred where it is in the Pareto set."""
    return short_name(strategy) + (" *" if strategy in comparison.pareto else "")


def short_name(strategy: str) -> str:
    """Return a predefined configuration's name without its prefix."""
    return strategy.removeprefix(PREFIX)


def _cell(key: Key, sample: Sample) -> tuple[str, str]:
    found = key.estimate(sample)
    return (
        format_value(found.value, key.unit),
        format_interval(found.low, found.high, key.unit),
    )


def title(comparison: Comparison) -> str:
    """Return the line above the table."""
    return (
        f"{comparison.scenario}: {counted(len(comparison.samples), 'strategy', 'strategies')}, "
        f"{effort(comparison)}, seed {comparison.seed}, engine {comparison.engine}"
    )


def effort(comparison: Comparison) -> str:
    """Return how many runs were made of each strategy; the exact engine makes none."""
    what = "world" if comparison.engine == "exact" else "replication"
    return counted(comparison.replications, what)


def notes(comparison: Comparison) -> list[str]:
    """Return the lines below the table: how to read it, and when not to trust it."""
    lines = [
        "Means with 95% intervals; - where a measure does not apply.",
        "* nothing is better in failed requests, deployment duration and infrastructure cost.",
    ]
    if any(name.startswith(PREFIX) for name in comparison.strategies):
        lines.append(f"{PREFIX} is left out of the names.")
    if comparison.precision is not None:
        lines += comparison.precision.sentences()
    doubts: dict[str, list[str]] = {}
    for name in comparison.strategies:
        for doubt in comparison.diagnosis(name):
            doubts.setdefault(doubt, []).append(short_name(name))
    everyone = len(comparison.samples)
    for doubt, names in doubts.items():
        whom = "all strategies" if len(names) == everyone > 1 else ", ".join(names)
        lines.append(f"Look out: {whom}: {doubt}.")
    return lines


def as_text(comparison: Comparison) -> str:
    """Return the table as plain text."""
    lines = [title(comparison), ""]
    for block in blocks(comparison):
        lines += [*_text_block(block), ""]
    return "\n".join(lines + notes(comparison))


def _text_block(block: Block) -> list[str]:
    grid = [["", *block.heads]]
    for name, cells in block.rows:
        grid.append([name, *(value for value, _ in cells)])
        grid.append(["", *(interval for _, interval in cells)])
    widths = [max(len(row[column]) for row in grid) for column in range(len(grid[0]))]
    lines = []
    for row in grid:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([first, *rest]).rstrip())
    return [line for line in lines if line]


def as_html(comparison: Comparison) -> str:
    """Return the table as HTML for a notebook."""
    parts = [f"<p><b>{escape(title(comparison))}</b></p>"]
    for block in blocks(comparison):
        heads = "".join(f"<th>{escape(head)}</th>" for head in ["strategy", *block.heads])
        rows = "".join(_html_row(name, cells) for name, cells in block.rows)
        parts.append(f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
    parts += [f"<p><small>{escape(note)}</small></p>" for note in notes(comparison)]
    return "\n".join(parts)


def _html_row(name: str, cells: list[tuple[str, str]]) -> str:
    inner = "".join(
        f"<td>{escape(value)}<br><small>{escape(interval)}</small></td>"
        for value, interval in cells
    )
    return f"<tr><th style='text-align:left'>{escape(name)}</th>{inner}</tr>"
