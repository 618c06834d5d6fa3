"""``stratsim sweep``: the comparison for every combination of some fields' values."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratsim.cli.options import (
    EngineOption,
    JsonOption,
    PlotOption,
    ReplicationsOption,
    ScenarioArgument,
    SeedOption,
    StratifyOption,
    WorkersOption,
    check_plot,
    save_plot,
)

if TYPE_CHECKING:
    from rich.table import Table

    from stratsim.sensitivity import Sweep

EXAMPLE = "stratsim sweep checkout-ecs --set alarms.checkout-5xx.Threshold=20,50,100"


def command(
    scenario: ScenarioArgument,
    *,
    set_: Annotated[
        list[str],
        typer.Option("--set", metavar="PATH=V1,V2,...", help="Values of a key; may be repeated."),
    ],
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", metavar="NAME", help="Compare these only; may be repeated."),
    ] = None,
    measure: Annotated[
        str, typer.Option("--measure", metavar="KEY", help="What to show of each strategy.")
    ] = "failed_requests",
    minimize: Annotated[
        str, typer.Option("--minimize", metavar="KEY", help="What the best strategy has least of.")
    ] = "failed_requests",
    require: Annotated[
        list[str] | None,
        typer.Option("--require", metavar="LIMIT", help="A limit that the best one has to keep."),
    ] = None,
    replications: ReplicationsOption = None,
    seed: SeedOption = None,
    engine: EngineOption = "auto",
    workers: WorkersOption = None,
    stratify: StratifyOption = False,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the strategies for every combination of some keys' values, in the same worlds."""
    from stratsim.cli.output import print_json, print_rich, print_warnings
    from stratsim.cli.progress import progress_bar
    from stratsim.scenario_io import load
    from stratsim.sensitivity import sweep_scenario

    check_plot(plot)
    parameters = _parameters(set_)
    if plot is not None:
        _check_paths(parameters)
    loaded = load(scenario)
    with progress_bar("sweeping") as progress:
        found = sweep_scenario(
            loaded,
            parameters,
            measures=[measure],
            strategies=strategy,
            minimize=minimize,
            require=require,
            replications=replications,
            seed=seed,
            engine=engine,
            workers=workers,
            stratify=stratify,
            progress=progress,
        )
    print_warnings(loaded.warnings, found.warnings)
    if plot is not None:
        _save(found, plot)
    if json:
        print_json(found.to_dict())
    else:
        print_rich(found.explain(), "", _table(found))


def _parameters(texts: list[str]) -> dict[str, list[Any]]:
    """Return the values of each path; a value is written as in a scenario file."""
    from stratsim.errors import InputError, Problem, shorten
    from stratsim.scenario_io.tree import parse_text

    found: dict[str, list[Any]] = {}
    for text in texts:
        path, equals, values = text.partition("=")
        if not (path.strip() and equals and values.strip()):
            raise InputError([Problem("--set", "PATH=V1,V2,...", shorten(text))])
        tree = parse_text(f"values: [{values}]", f"--set {path.strip()}")
        found.setdefault(path.strip(), []).extend(tree.data["values"])
    return found


def _check_paths(parameters: dict[str, list[Any]]) -> None:
    """Refuse, before any work, a picture of more paths than a heatmap has sides."""
    from stratsim.errors import InputError, Problem

    if len(parameters) > 2:
        rule, got = "asked of a sweep over one or two paths", f"{len(parameters)} paths"
        hint = "Leave it out: the table and --json hold all of it."
        raise InputError([Problem("--plot", rule, got, hint)])


def _save(found: "Sweep", plot: Any) -> None:
    from stratsim.plot import plot_sweep
    from stratsim.plot.drawn_sensitivity import sweep_size
    from stratsim.plot.numbers_sensitivity import sweep_numbers
    from stratsim.plot.style import new_figure

    key = str(found.keys[0])
    figure = new_figure(*sweep_size(sweep_numbers(found, key, None)))
    plot_sweep(found, key, ax=figure.subplots())
    save_plot(figure, plot)


def _table(found: "Sweep") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from stratsim.comparison.text import short_name
    from stratsim.plot.numbers_sensitivity import short_path
    from stratsim.sensitivity.studies import shown
    from stratsim.wording import format_interval, format_value

    heads = map(short_path, found.parameters)
    table = Table(*heads, box=box.SIMPLE_HEAD, show_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for head in ("strategy", str(found.keys[0]), "95% interval"):
        table.add_column(head, justify="left" if head == "strategy" else "right")
    for combination in found.combinations:
        for (name, key), estimate in combination.estimates.items():
            star = " *" if name == combination.leader else ""
            table.add_row(
                *(Text(shown(value)) for value in combination.settings),
                Text(short_name(name) + star),
                format_value(estimate.value, key.unit),
                format_interval(estimate.low, estimate.high, key.unit),
            )
    table.caption = f"* the least {found.minimize}"
    table.caption_justify = "left"
    return table
