"""``stratsim schema``: the JSON Schema of a scenario."""

from stratsim.cli.options import JsonOption

EXAMPLE = "stratsim schema > scenario.schema.json"


def command(json: JsonOption = True) -> None:
    """Print the JSON Schema of a scenario file, for editors."""
    from stratsim.cli.output import print_json
    from stratsim.scenario_io.schema import json_schema

    print_json(json_schema())
