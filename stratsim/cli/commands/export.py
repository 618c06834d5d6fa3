"""``stratsim export``: a strategy in the form of another tool."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stratsim.cli.exits import tell
from stratsim.cli.options import (
    ForceOption,
    FormatOption,
    JsonOption,
    ScenarioArgument,
    StrategyArgument,
)

EXAMPLE = "stratsim export checkout-ecs CodeDeployDefault.ECSAllAtOnce --out out"


def command(
    scenario: ScenarioArgument,
    strategy: StrategyArgument,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write into.")],
    format: FormatOption = "codedeploy",  # noqa: A002  (the option's name)
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write a strategy, its group and its alarms for CodeDeploy and CloudWatch."""
    from stratsim.cli.output import print_json, print_text, print_warnings
    from stratsim.comparison.result import SCHEMA_VERSION
    from stratsim.export import export_strategy, write_export
    from stratsim.provenance import provenance
    from stratsim.scenario_io import load

    loaded = load(scenario)
    export = export_strategy(loaded, strategy, format)
    files = write_export(export, out, force=force)
    print_warnings(loaded.warnings)
    if json:
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "scenario": loaded.name,
                "strategy": strategy,
                "format": format,
                "files": [str(file) for file in files],
                "losses": list(export.losses),
                "notes": list(export.notes),
                "placeholders": [asdict(placeholder) for placeholder in export.placeholders],
                "commands": list(export.commands),
                "provenance": provenance(loaded, command="export"),
            }
        )
    else:
        lines = [f"wrote {file}" for file in files]
        if export.commands:
            lines += ["", "To use them:", *(f"  {line}" for line in export.commands), ""]
        print_text("\n".join(lines))
    for message in export.messages():
        tell(message)
