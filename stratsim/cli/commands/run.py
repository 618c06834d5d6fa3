"""``stratsim run``: one traced deployment."""

from typing import TYPE_CHECKING, Annotated

import typer

from stratsim.cli.options import (
    JsonOption,
    PlotOption,
    ScenarioArgument,
    SeedOption,
    StrategyArgument,
    check_plot,
    save_plot,
)

if TYPE_CHECKING:
    from rich.table import Table

    from stratsim.traced import Run

EXAMPLE = "stratsim run checkout-ecs CodeDeployDefault.ECSAllAtOnce --replication 3"

FIRST, LAST = 40, 10
"""Events that are printed of a long run; --json holds all of them."""


def command(
    scenario: ScenarioArgument,
    strategy: StrategyArgument,
    *,
    seed: SeedOption = None,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", metavar="NAME", help="What the new revision turns out to be."),
    ] = None,
    replication: Annotated[
        int, typer.Option("--replication", metavar="K", help="Which of the seed's worlds, from 0.")
    ] = 0,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Simulate one deployment and tell what happened."""
    from stratsim.cli.output import print_json, print_rich, print_warnings
    from stratsim.scenario_io import load
    from stratsim.study import simulate

    check_plot(plot)
    loaded = load(scenario)
    found = simulate(loaded, strategy, seed=seed, outcome=outcome, replication=replication)
    print_warnings(loaded.warnings, found.warnings)
    if plot is not None:
        from stratsim.plot import plot_run
        from stratsim.plot.style import new_figure

        figure = new_figure(9.0, 5.6)
        plot_run(found, figure.subplots())
        save_plot(figure, plot)
    if json:
        print_json(found.to_dict())
    else:
        print_rich(_title(found), "", _events(found), "", _measures(found))


def _title(run: "Run") -> str:
    code = f" ({run.code})" if run.code else ""
    return (
        f"{run.scenario}: {run.strategy}, outcome {run.outcome_name!r}, seed {run.seed}, "
        f"replication {run.replication}: {run.status}{code}"
    )


def _events(run: "Run") -> "Table":
    """Return events and alarm changes in one table, in order of time."""
    from rich import box
    from rich.table import Table

    from stratsim.wording import format_span

    document = run.to_dict()
    rows = [(row["time_s"], row["kind"], row["detail"]) for row in document["events"]]
    rows += [
        (row["time_s"], "alarm", f"{row['alarm']}: {row['from']} -> {row['to']}")
        for row in document["alarms"]
        if row["from"]
    ]
    rows.sort(key=lambda row: row[0])
    table = Table("time", "kind", "what happened", box=box.SIMPLE_HEAD, show_edge=False)
    hidden = len(rows) - FIRST - LAST
    for at, (time_s, kind, detail) in enumerate(rows):
        if hidden > 1 and at == FIRST:
            table.add_row("...", "", f"{hidden} more; --json holds all")
        if hidden <= 1 or at < FIRST or at >= len(rows) - LAST:
            table.add_row(format_span(time_s), kind, detail)
    return table


def _measures(run: "Run") -> "Table":
    from rich import box
    from rich.table import Table

    from stratsim.comparison.keys import unit_of
    from stratsim.wording import with_unit

    table = Table("measure", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("value", justify="right")
    for name, value in run.outcome.items():
        table.add_row(name, with_unit(value, unit_of(name)) if value is not None else "-")
    return table
