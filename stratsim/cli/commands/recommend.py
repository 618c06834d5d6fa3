"""``stratsim recommend``: choose among the scenario's strategies, or design a new one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stratsim.cli.exits import NO, tell
from stratsim.cli.options import (
    EngineOption,
    ForceOption,
    FormatOption,
    JsonOption,
    ReplicationsOption,
    ScenarioArgument,
    SeedOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from stratsim.recommendation import Recommendation

EXAMPLE = 'stratsim recommend checkout-ecs --require "missed<=0.02" --export out'


def command(
    scenario: ScenarioArgument,
    *,
    minimize: Annotated[
        str,
        typer.Option("--minimize", metavar="KEY", help="A measure, MEASURE.p95 or a probability."),
    ] = "failed_requests",
    search: Annotated[
        bool,
        typer.Option("--search", help="Design a new strategy with its alarm instead."),
    ] = False,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="LIMIT",
            help="KEY<=VALUE, KEY>=VALUE or KEY=VALUE; may be repeated.",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", help="Write the recommended strategy here."),
    ] = None,
    format: FormatOption = "codedeploy",  # noqa: A002  (the option's name)
    force: ForceOption = False,
    replications: ReplicationsOption = None,
    seed: SeedOption = None,
    engine: EngineOption = "auto",
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """Recommend a strategy within limits and say why; exit code 1 where there is none.

    Ctrl-C ends a search with the best design so far.
    """
    from stratsim.cli.output import filled, print_json, print_text, print_warnings
    from stratsim.cli.progress import progress_bar
    from stratsim.scenario_io import load
    from stratsim.search import recommend_design

    loaded = load(scenario)
    if export is not None:
        _check_format(format)
    with progress_bar("searching" if search else "comparing") as progress:
        found = recommend_design(
            loaded, minimize=minimize, require=require, replications=replications,
            seed=seed, engine=engine, workers=workers, progress=progress, search=search,
        )  # fmt: skip
    warnings = (*loaded.warnings, *found.comparison.warnings)
    print_warnings(_without_settled(warnings) if search else warnings)
    files, messages = ([], ()) if export is None else _export(found, export, format, force=force)
    if json:
        print_json(found.to_dict(files))
    else:
        print_text("\n".join([filled(found.explain()), *(f"wrote {file}" for file in files)]))
    for message in messages:
        tell(message)
    if found.interrupted:
        raise KeyboardInterrupt  # the best so far is told, and the search is not done
    if found.strategy is None:
        raise SystemExit(NO)


def _without_settled(warnings: tuple[str, ...]) -> list[str]:
    """Return the warnings but those that a search settles, as it brings its own alarm."""
    from stratsim.scenario_io.reader import NO_ALARM, NO_STOPPING_ALARM

    return [warning for warning in warnings if warning not in (NO_ALARM, NO_STOPPING_ALARM)]


def _check_format(target: str) -> None:
    """Refuse an unknown format before the work, not after it."""
    from stratsim.export import EXPORTERS

    EXPORTERS.get(target)


def _export(
    found: "Recommendation", folder: Path, target: str, *, force: bool
) -> tuple[list[Path], tuple[str, ...]]:
    """Write the recommended strategy; return the files and what must be told of them."""
    from stratsim.export import export_strategy, write_export

    if found.scenario is None or found.strategy is None:
        return [], ("nothing is exported, as no strategy is recommended",)
    export = export_strategy(found.scenario, found.strategy, target)
    return write_export(export, folder, force=force), export.messages()
