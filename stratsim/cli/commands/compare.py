"""``stratsim compare``: Monte Carlo over the scenario's strategies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratsim.cli.exits import NO
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

    from stratsim.comparison import Comparison
    from stratsim.comparison.text import Block

EXAMPLE = "stratsim compare checkout-ecs --replications 500"


def command(
    scenario: ScenarioArgument,
    *,
    replications: ReplicationsOption = None,
    seed: SeedOption = None,
    engine: EngineOption = "auto",
    workers: WorkersOption = None,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask", metavar="ADDRESS", help="A Dask scheduler whose workers share them."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Keep finished blocks here.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the study that was begun in --out.")
    ] = False,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            "--precision",
            metavar="KEY:WIDTH",
            help="Make more runs until intervals are so narrow; failed_requests:5% or missed:0.002.",
        ),
    ] = None,
    max_replications: Annotated[
        int | None,
        typer.Option(
            "--max-replications", help="Where --precision gives up.", show_default="100,000"
        ),
    ] = None,
    stratify: StratifyOption = False,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference", metavar="NAME", help="Add the paired differences from this strategy."
        ),
    ] = None,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the scenario's strategies: failures, detection, time and money, with intervals."""
    from stratsim.cli.output import print_json, print_rich, print_warnings
    from stratsim.cli.progress import progress_bar
    from stratsim.scenario_io import load
    from stratsim.store import compare_kept
    from stratsim.study.precision import MOST

    check_plot(plot)
    loaded = load(scenario)
    if reference is not None:
        loaded.strategy(reference)  # a wrong name is told before the work
    with progress_bar("comparing") as progress:
        found = compare_kept(
            *(loaded, replications, seed, engine),
            workers=workers,
            dask=dask,
            out=out,
            resume=resume,
            progress=progress,
            stratify=stratify,
            precision=precision,
            max_replications=MOST if max_replications is None else max_replications,
        )
    print_warnings(loaded.warnings, found.warnings)
    if plot is not None:
        from stratsim.plot import plot_tradeoffs

        save_plot(plot_tradeoffs(found), plot)
    if json:
        print_json(found.to_dict() | _differences(found, reference))
    else:
        print_rich(*_page(found))
        if reference is not None:
            heading = f"Paired differences from {reference}; runs are those where both have a value"
            print_rich("", heading, *_difference_tables(found, reference))
    if found.precision is not None and not found.precision.reached:
        raise SystemExit(NO)


def _page(comparison: "Comparison") -> list[Any]:
    from stratsim.cli.output import width
    from stratsim.comparison.text import blocks, columns_in, notes, title

    columns = columns_in(comparison, width())
    tables = [_table(block) for block in blocks(comparison, columns)]
    spaced = [part for table in tables for part in ("", table)]
    return [title(comparison), *spaced, "", *notes(comparison)]


def _table(block: "Block") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("strategy", box=box.SIMPLE_HEAD, show_edge=False)
    table.columns[0].overflow = "fold"
    for head in block.heads:
        table.add_column(head, justify="right", no_wrap=False)
    for name, cells in block.rows:
        texts = [Text.assemble(value, "\n", (interval, "dim")) for value, interval in cells]
        table.add_row(Text(name), *texts)
    return table


def _differences(comparison: "Comparison", reference: str | None) -> dict[str, Any]:
    """Return what --reference adds to the document."""
    from stratsim.comparison.differences import difference_rows

    if reference is None:
        return {}
    return {"reference": reference, "differences": difference_rows(comparison, reference)}


def _difference_tables(comparison: "Comparison", reference: str) -> list[Any]:
    """Return a table under the name of each strategy: one of all would not fit a terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from stratsim.comparison.frames import table_keys
    from stratsim.comparison.text import short_name
    from stratsim.wording import format_interval, format_number, format_value

    base, parts = comparison.sample(reference), []
    for sample in (one for one in comparison.samples if one is not base):
        table = Table("measure", box=box.SIMPLE_HEAD, show_edge=False)
        table.columns[0].no_wrap = True  # names stay whole, as do numbers at 80 columns
        for head in (
            "difference\n95% interval",
            "worse\nin",
            "equal\nin",
            "runs",
            "variance\nratio",
        ):
            table.add_column(head, justify="right", overflow="fold")
        for key in table_keys(comparison):
            found = key.difference(sample, base)
            table.add_row(
                str(key),
                f"{format_value(found.estimate.value, key.unit)}\n"
                f"{format_interval(found.estimate.low, found.estimate.high, key.unit)}",
                format_value(found.worse, "share"),
                format_value(found.equal, "share"),
                f"{found.estimate.count:,}",
                format_number(found.variance_ratio),
            )
        parts += ["", Text(short_name(sample.strategy)), table]
    return parts
