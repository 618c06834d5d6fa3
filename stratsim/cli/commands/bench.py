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
    """Time the common job in both engines, as ratios to the draws alone."""
    from stratsim.benchmark import EXPECTED, measure
    from stratsim.cli.output import own_version, print_json, print_rich, print_text
    from stratsim.comparison.result import SCHEMA_VERSION
    from stratsim.wording import format_number

    speeds = measure(replications)
    if json:
        rows = [
            {
                "name": s.name,
                "replications_per_second": s.per_second,
                "ratio": s.ratio,
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

    table = Table("", "replications/s", "ratio", "failed requests", box=box.SIMPLE_HEAD)
    for speed in speeds:
        failed = "" if speed.failed_requests is None else format_number(speed.failed_requests)
        table.add_row(
            speed.name, format_number(speed.per_second), format_number(speed.ratio), failed
        )
    print_rich(table)
    print_text(f"Medians of rounds taken in turns; {EXPECTED:g} failed requests are expected.")
