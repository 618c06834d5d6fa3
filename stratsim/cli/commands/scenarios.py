"""``stratsim scenarios``: the bundled scenarios."""

from typing import Annotated

import typer

from stratsim.cli.options import JsonOption

EXAMPLE = "stratsim scenarios checkout-ecs > mine.yaml"


def command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Print this scenario, to begin your own with."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the bundled scenarios, or print one."""
    from stratsim.cli.output import own_version, print_json, print_rich, print_text
    from stratsim.comparison.result import SCHEMA_VERSION
    from stratsim.scenario_io.bundled import list_bundled, open_bundled

    found = list_bundled() if name is None else (open_bundled(name),)
    if json:
        rows = [
            {"name": s.name, "platform": s.platform, "title": s.title, "path": str(s.path)}
            for s in found
        ]
        made_by = {"versions": {"stratsim": own_version()}, "command": "scenarios"}
        print_json({"schema_version": SCHEMA_VERSION, "scenarios": rows, "provenance": made_by})
    elif name is not None:
        print_text(found[0].path.read_text("utf-8").rstrip("\n"))
    else:
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for head in ("name", "platform", "what it is"):
            table.add_column(head, overflow="fold")
        for scenario in found:
            table.add_row(scenario.name, scenario.platform, scenario.title)
        print_rich(table)
