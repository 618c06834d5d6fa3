"""``stratsim power``: what a strategy with its alarms does about regressions."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratsim.cli.options import (
    EngineOption,
    JsonOption,
    PlotOption,
    ScenarioArgument,
    SeedOption,
    WorkersOption,
    check_plot,
    save_plot,
)

if TYPE_CHECKING:
    from rich.table import Table

    from stratsim.risk import Curve, OperatingCharacteristic

EXAMPLE = "stratsim power checkout-ecs careful --plot power.png"


def command(
    scenario: ScenarioArgument,
    strategies: Annotated[
        list[str],
        typer.Argument(
            metavar="STRATEGY...",
            help="Strategies of the scenario, or predefined configurations of its platform.",
        ),
    ],
    *,
    error_rate: Annotated[
        list[float] | None,
        typer.Option("--error-rate", help="A size to look at, instead of a grid; may be repeated."),
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            "--outcome", metavar="NAME", help="Regressions like this outcome, in other sizes."
        ),
    ] = None,
    replications: Annotated[
        int, typer.Option("--replications", "-n", help="Runs of each size and strategy.")
    ] = 1000,
    seed: SeedOption = None,
    engine: EngineOption = "auto",
    workers: WorkersOption = None,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Tell what strategies with their alarms do about regressions, by size."""
    from stratsim.cli.output import print_json, print_rich, print_warnings
    from stratsim.cli.progress import progress_bar
    from stratsim.risk import operating_characteristic
    from stratsim.scenario_io import load

    check_plot(plot)
    loaded = load(scenario)
    with progress_bar("regressing") as progress:
        found = operating_characteristic(
            *(loaded, strategies, error_rate or None),
            outcome=outcome,
            replications=replications,
            seed=seed,
            engine=engine,
            workers=workers,
            progress=progress,
        )
    print_warnings(loaded.warnings, found.warnings)
    if plot is not None:
        from stratsim.plot import plot_characteristic
        from stratsim.plot.style import new_figure

        figure = new_figure(8.0, 7.0)
        plot_characteristic(found, figure.subplots())
        save_plot(figure, plot)
    if json:
        print_json(found.to_dict())
    else:
        print_rich(*_page(found))


def _page(found: "OperatingCharacteristic") -> list[Any]:
    from stratsim.risk.text import sentences, title

    page: list[Any] = [title(found)]
    for curve in found.curves:
        page += ["", *sentences(found, curve), "", _table(found, curve)]
    page += ["", "Means with 95% intervals; - where a measure does not apply."]
    return page


def _table(found: "OperatingCharacteristic", curve: "Curve") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from stratsim.risk.text import HEADS, rows

    table = Table("size", box=box.SIMPLE_HEAD, show_edge=False)
    table.columns[0].justify = "right"
    for head in HEADS.values():
        table.add_column(head, justify="right", no_wrap=False)
    for size, cells in rows(found, curve):
        texts = [Text.assemble(value, "\n", (interval, "dim")) for value, interval in cells]
        table.add_row(Text(size), *texts)
    return table
