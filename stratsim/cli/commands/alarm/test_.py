"""``stratsim alarm test``: alarms replayed over a measured series."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratsim.cli.options import JsonOption, PlotOption, check_plot, save_plot

if TYPE_CHECKING:
    from rich.table import Table

    from stratsim.backtest import Backtest

EXAMPLE = "stratsim alarm test checkout-ecs metric-data.json --alarm checkout-5xx --plot out.png"

SHOWN = 50
"""Transitions that are printed of an alarm; --json holds all of them."""

AlarmArgument = Annotated[
    str,
    typer.Argument(
        metavar="ALARM",
        help="PutMetricAlarm JSON or YAML, what describe-alarms prints, or a scenario.",
    ),
]
NameOption = Annotated[
    list[str] | None,
    typer.Option("--alarm", metavar="NAME", help="Which of the alarms; may be repeated."),
]


def command(
    alarm: AlarmArgument,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A CSV file (timestamp,value), or get-metric-data's JSON."
        ),
    ],
    *,
    name: NameOption = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="[ID=]NAME", help="The column to read; ID=NAME per metric Id."
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", metavar="COLUMN", help="Marks faults.", show_default="label, if there is one"
        ),
    ] = None,
    delay: Annotated[
        int, typer.Option("--delay", min=0, max=1440, help="Publication delay in minutes.")
    ] = 1,
    extra: Annotated[
        int,
        typer.Option(
            "--extra", min=0, max=100, help="Periods read beyond EvaluationPeriods (undocumented)."
        ),
    ] = 2,
    grace: Annotated[
        int | None,
        typer.Option(
            "--grace",
            min=0,
            help="Minutes after a labelled window that still count for it.",
            show_default="the alarm's window and the delay",
        ),
    ] = None,
    resample: Annotated[
        bool,
        typer.Option("--resample", help="Judge each datapoint as one period of a faster alarm."),
    ] = False,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Replay a metric series through alarms: each transition, its reason, the false alarms."""
    from stratsim.backtest import backtest
    from stratsim.cli.output import print_json, print_rich, print_warnings
    from stratsim.scenario_io.alarm_files import load_alarms
    from stratsim.scenario_io.datapoints import read_datapoints

    check_plot(plot)
    alarms, _ = load_alarms(alarm, name or ())
    found = backtest(
        alarms,
        read_datapoints(data, label),
        columns=_columns(column or ()),
        delay_minutes=delay,
        evaluation_range_extra=extra,
        resample=resample,
        grace_minutes=grace,
    )
    print_warnings(found.notes)
    if plot is not None:
        from stratsim.plot.drawn_backtest import SHOWN as DRAWN
        from stratsim.plot.drawn_backtest import plot_backtest
        from stratsim.plot.style import new_figure

        figure = new_figure(11.0, 1.2 + 2.2 * min(len(found.replays), DRAWN))
        plot_backtest(found, figure.subplots())
        save_plot(figure, plot)
    if json:
        print_json(found.to_dict() | {"provenance": _provenance()})
    else:
        print_rich(*_page(found))


def _columns(given: "list[str] | tuple[()]") -> dict[str, str]:
    """Return columns by metric Id; one without an Id under an empty name."""
    from stratsim.errors import InputError, Problem, shorten

    columns: dict[str, str] = {}
    for text in given:
        name, found, column = text.partition("=")
        key, value = (name.strip(), column.strip()) if found else ("", text.strip())
        if not value or key in columns:
            rule = "NAME, or ID=NAME once per metric Id"
            raise InputError([Problem("--column", rule, shorten(text))])
        columns[key] = value
    return columns


def _provenance() -> dict[str, Any]:
    from stratsim.cli.output import own_version

    return {"versions": {"stratsim": own_version()}, "command": "alarm test"}


def _page(found: "Backtest") -> list[Any]:
    document = found.to_dict()
    data = document["data"]
    rows = f"{data['rows']:,} datapoints, one per {data['step_s']:g} s"
    title = f"{data['file']}: {data['from']} to {data['to']}, {rows}"
    page: list[Any] = [title, "", _summary(found, document)]
    for replay, row in zip(found.replays, document["alarms"], strict=True):
        if row["transitions"]:
            page += ["", f"{replay.name}:", _transitions(row["transitions"])]
    if any(row["labels"] for row in document["alarms"]):
        page += ["", "Labelled windows:", _windows(document)]
    return page


def _summary(found: "Backtest", document: dict[str, Any]) -> "Table":
    from rich import box
    from rich.table import Table

    from stratsim.wording import format_span

    table = Table("alarm", box=box.SIMPLE_HEAD, show_edge=False)
    heads = ["fired", "in ALARM", "no data"]
    labelled = any(row["labels"] is not None for row in document["alarms"])
    heads += ["caught", "missed", "false alarms"] if labelled else []
    for head in heads:
        table.add_column(head, justify="right")
    for row in document["alarms"]:
        minutes, labels = row["minutes_in"], row["labels"]
        cells = [
            f"{row['firings']:,}",
            format_span(60 * minutes["ALARM"]),
            format_span(60 * minutes["INSUFFICIENT_DATA"]),
        ]
        if labels is not None:
            cells += [str(labels[key]) for key in ("caught", "missed", "false_alarms")]
        table.add_row(row["alarm"], *cells)
    return table


def _transitions(rows: list[dict[str, Any]]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table("time", "to", "reason", box=box.SIMPLE_HEAD, show_edge=False)
    for row in rows[:SHOWN]:
        table.add_row(row["time"], row["to"], row["reason"])
    if len(rows) > SHOWN:
        table.add_row("...", "", f"{len(rows) - SHOWN:,} more; --json holds all")
    return table


def _windows(document: dict[str, Any]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table("from", "to", "label", box=box.SIMPLE_HEAD, show_edge=False)
    alarms = document["alarms"]
    for row in alarms:
        table.add_column(row["alarm"], justify="right")
    for at, window in enumerate(alarms[0]["labels"]["windows"]):
        cells = [_told(row["labels"]["windows"][at]["delay_s"]) for row in alarms]
        table.add_row(window["from"], window["to"], window["label"], *cells)
    return table


def _told(delay_s: float | None) -> str:
    """Tell of a window; an alarm of which it was 0 s was in ALARM already."""
    from stratsim.wording import format_span

    if delay_s is None:
        return "missed"
    return f"after {format_span(delay_s)}" if delay_s else "in ALARM before"
