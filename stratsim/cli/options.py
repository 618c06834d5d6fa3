"""Arguments and options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stratsim.errors import InputError, MachineError, Problem, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ScenarioArgument = Annotated[
    str,
    typer.Argument(metavar="SCENARIO", help="A scenario file, or the name of a bundled one."),
]
StrategyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STRATEGY",
        help="A strategy of the scenario, or a predefined configuration of its platform.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Seed of the worlds.", show_default="the scenario's")
]
ReplicationsOption = Annotated[
    int | None,
    typer.Option("--replications", "-n", help="Runs per strategy.", show_default="the scenario's"),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", metavar="auto|des|batch|exact", help="What makes the runs; auto: batch or des."
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", help="How many share the runs; one per core if not given."),
]
StratifyOption = Annotated[
    bool, typer.Option("--stratify", help="Give rare outcomes runs of their own.")
]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw a picture: .png, .svg or .pdf."),
]
FormatOption = Annotated[
    str,
    typer.Option(
        "--format", metavar="NAME", help="codedeploy, cloudformation, sam, terraform: the form."
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")]

PICTURES = (".png", ".svg", ".pdf")


def check_plot(path: Path | None) -> None:
    """Refuse, before any work, a picture that could not be written."""
    if path is None:
        return
    _hush_matplotlib()
    if path.suffix.lower() not in PICTURES:
        rule = f"a file that ends in {', '.join(PICTURES)}"
        raise InputError([Problem("--plot", rule, shorten(str(path)))])
    if not path.parent.is_dir():
        raise InputError([Problem("--plot", "a file in a folder that exists", shorten(str(path)))])
    if path.is_dir():
        raise InputError([Problem("--plot", "a file", f"the folder {shorten(str(path))}")])


def _hush_matplotlib() -> None:
    """Keep to itself that matplotlib works in a temporary folder, where it has no other."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def save_plot(figure: "Figure", path: Path) -> None:
    """Write the picture whole or not at all: drawn, then written beside its place, then moved."""
    from io import BytesIO

    from stratsim.store.files import write_whole

    page = BytesIO()
    figure.savefig(page, format=path.suffix.lower()[1:], dpi=150)
    try:
        write_whole(path, page.getvalue())
    except OSError as error:
        msg = f"{path}: {error.strerror or type(error).__name__}"
        raise MachineError(msg) from None
