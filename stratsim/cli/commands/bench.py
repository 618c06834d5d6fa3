"""``stratsim bench``: how fast the engines are, beside the bare random draws."""

from typing import Annotated

import typer

from stratsim.cli.options import JsonOption

EXAMPLE = "stratsim bench --replications 50000"


def command(
    replications: Annotated[
        int,
        typer.Option("--replications", "-n", min=100, max=10_000_000, help="Runs in each round."),
    ] = 50_000,
    json: JsonOption = False,
) -> None:
    """Time the common job in all engines, as ratios to the draws alone."""
    from stratsim.benchmark import EXPECTED, measure
    from stratsim.cli.output import own_version, print_json, print_rich, print_text
    from stratsim.comparison.result import SCHEMA_VERSION
    from stratsim.wording import format_number

    speeds = measure(replications)
    if json:
        rows = [
            {
                "name": s.name,
                "workers": s.workers,
                "replications_per_second": s.per_second,
                "ratio": s.ratio,
                "gain": s.gain,
                "failed_requests": s.failed_requests,
            }
            for s in speeds
        ]
        made_by = {"versions": {"stratsim": own_version()}, "command": "bench"}
        document = {"schema_version": SCHEMA_VERSION, "replications": replications}
        print_json({**document, "speeds": rows, "expected": EXPECTED, "provenance": made_by})
        return
    from rich import box
    from rich.table import Table

    heads = ("", "workers", "replications/s", "to the draws", "to one worker", "failed requests")
    table = Table(*heads, box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for speed in speeds:
        failed = "" if speed.failed_requests is None else format_number(speed.failed_requests)
        gain = format_number(speed.gain) if speed.workers > 1 else ""
        numbers = (format_number(speed.per_second), format_number(speed.ratio), gain)
        table.add_row(speed.name, str(speed.workers), *numbers, failed)
    print_rich(table)
    by = {(speed.name.split()[0], speed.workers): speed for speed in speeds}
    times = by["batch", 1].ratio / by["des", 1].ratio
    gains = by["batch", 2].gain / by["bare", 2].gain
    print_text(f"Medians of rounds taken in turns; {EXPECTED:g} failed requests are expected.")
    print_text(
        f"batch makes {format_number(times)} times as many runs as des; a second worker gives it "
        f"{format_number(gains)} of the gain that it gives the draws."
    )
    solved = by["exact", 1].per_second
    print_text(
        f"exact takes {format_number(1000 / solved)} ms for a strategy, as long as batch takes for "
        f"{format_number(by['batch', 1].ratio / by['exact', 1].ratio)} runs."
    )
