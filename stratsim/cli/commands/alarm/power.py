"""``stratsim alarm power``: what an alarm can see of a canary."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratsim.cli.options import JsonOption, PlotOption, check_plot, save_plot

if TYPE_CHECKING:
    from rich.table import Table

    from stratsim.model.alarm import MetricAlarm
    from stratsim.model.scenario import Scenario
    from stratsim.power import AlarmPower, PowerSetting

EXAMPLE = "stratsim alarm power checkout-ecs --alarm checkout-5xx --strategy careful"


def command(
    alarm: Annotated[
        str,
        typer.Argument(
            metavar="ALARM",
            help="A scenario, PutMetricAlarm JSON or YAML, or what describe-alarms prints.",
        ),
    ],
    *,
    name: Annotated[
        str | None, typer.Option("--alarm", metavar="NAME", help="Which of the alarms.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            metavar="NAME",
            help="Weight and bake are those of its first stage (of a scenario).",
        ),
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", help="Requests per second of the whole service.")
    ] = None,
    weight: Annotated[
        float | None, typer.Option("--weight", help="Share of the traffic on the new revision.")
    ] = None,
    bake: Annotated[
        str | None, typer.Option("--bake", help="How long the alarm has, such as 5m.")
    ] = None,
    background: Annotated[
        float | None,
        typer.Option("--background", help="Share of requests that are bad on any day."),
    ] = None,
    error_rate: Annotated[
        list[float] | None,
        typer.Option("--error-rate", help="A true rate to tell about; may be repeated."),
    ] = None,
    plot: PlotOption = None,
    json: JsonOption = False,
) -> None:
    """Tell what an alarm can see: time to detect, false alarms, the smallest regression caught."""
    from stratsim.cli.output import own_version, print_json, print_rich, print_warnings
    from stratsim.power import alarm_power
    from stratsim.scenario_io.alarm_files import load_alarms

    check_plot(plot)
    alarms, scenario = load_alarms(alarm, (name,) if name else ())
    one = _the_one(alarms, name)
    given = {"rate": rate, "weight": weight, "background": background}
    setting = _setting(one, scenario, strategy, given, bake)
    found = alarm_power(one, setting, _rates(error_rate))
    print_warnings(found.notes)
    if plot is not None:
        from stratsim.plot import plot_power
        from stratsim.plot.style import new_figure

        figure = new_figure(8.0, 4.8)
        plot_power(alarm_power(one, setting, _near(found)), figure.subplots())
        save_plot(figure, plot)
    if json:
        made_by = {"versions": {"stratsim": own_version()}, "command": "alarm power"}
        print_json(found.to_dict() | {"provenance": made_by})
    else:
        print_rich(*_page(found))


def _the_one(alarms: Any, name: str | None) -> "MetricAlarm":
    from stratsim.errors import InputError, Problem
    from stratsim.model.alarm import MetricAlarm

    metric = [a for a in alarms if isinstance(a, MetricAlarm) and name in (None, a.AlarmName)]
    if len(metric) == 1:
        return metric[0]
    names = ", ".join(a.AlarmName for a in alarms if isinstance(a, MetricAlarm)) or "none"
    rule = "the name of one metric alarm"
    hint = f"The metric alarms are {names}."
    raise InputError([Problem("--alarm", rule, repr(name) if name else "nothing", hint)])


def _setting(
    alarm: "MetricAlarm",
    scenario: "Scenario | None",
    strategy: str | None,
    given: dict[str, float | None],
    bake: str | None,
) -> "PowerSetting":
    """Return the setting: of the scenario's strategy, options first."""
    from dataclasses import replace

    from stratsim.power import PowerSetting

    changed: dict[str, Any] = {
        key: _checked(name, given[name])
        for name, key in (("rate", "rate_rps"), ("weight", "weight"), ("background", "background"))
        if given[name] is not None
    }
    if bake is not None:
        changed["bake_s"] = _bake(bake)
    if scenario is not None:
        from stratsim.power.from_scenario import first_stage, setting_of

        named = strategy or scenario.strategies[0].name
        return replace(setting_of(alarm, scenario, first_stage(scenario, named)), **changed)
    from stratsim.errors import InputError, Problem

    if strategy is not None or given["rate"] is None:
        where, got = ("--strategy", strategy) if strategy is not None else ("--rate", "nothing")
        rule = "absent without a scenario" if strategy is not None else "given without a scenario"
        raise InputError([Problem(where, rule, str(got))])
    return PowerSetting(**changed)


def _checked(name: str, value: float | None) -> float:
    from math import isfinite

    from stratsim.errors import InputError, Problem
    from stratsim.model.quantities import MAX_RATE_RPS

    lawful = {"rate": (0.0, MAX_RATE_RPS), "weight": (0.0, 1.0), "background": (0.0, 0.999999)}
    low, high = lawful[name]
    above = name != "background"
    if value is None or not isfinite(value) or not low <= value <= high or (above and value == 0):
        rule = f"a number in {'(' if above else '['}0, {high:g}]"
        raise InputError([Problem(f"--{name}", rule, f"{value:g}")])
    return value


def _bake(text: str) -> float:
    from stratsim.errors import InputError, Problem, shorten
    from stratsim.model.markers import RuleError, parse_duration

    rule = "a duration of 1s to 30d, such as 5m"
    try:
        bake_s = float(parse_duration(text))
    except (RuleError, ValueError):
        raise InputError([Problem("--bake", rule, shorten(text))]) from None
    if not 1 <= bake_s <= 30 * 86_400:
        raise InputError([Problem("--bake", rule, shorten(text))])
    return bake_s


def _rates(given: list[float] | None) -> list[float] | None:
    from stratsim.errors import InputError, Problem

    for rate in given or ():
        if not 0 < rate <= 1:
            raise InputError([Problem("--error-rate", "a number in (0, 1]", f"{rate:g}")])
    return sorted(set(given)) if given else None


def _near(found: "AlarmPower") -> list[float]:
    """Return the rates of the table, and more of them where the curve rises."""
    steep = (0.3, 0.5, 0.65, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0)
    more = [factor * (found.smallest_80 or 0.0) for factor in steep]
    return sorted({point.rate for point in found.points[1:]} | {r for r in more if 0 < r < 1})


def _page(found: "AlarmPower") -> list[Any]:
    from stratsim.wording import format_number, format_span, format_value

    def share(value: float | None) -> str:
        return "none" if value is None else format_value(value, "share")

    bake = format_span(found.bake_s)
    return [
        (
            f"{found.alarm}: {share(found.weight)} of {format_number(found.rate_rps)} requests/s "
            f"on the new revision, {share(found.background)} {found.what} on any day"
        ),
        (
            f"It sees {format_number(found.requests_per_period)} requests per period, "
            f"{share(found.share_of_new)} of them of the new revision."
        ),
        f"False alarm within the bake of {bake}: {share(found.false_alarm)}",
        (
            f"Smallest rate caught within it: {share(found.smallest_80)} with 80 %, "
            f"{share(found.smallest_95)} with 95 % ({found.method})"
        ),
        "",
        _table(found),
    ]


def _table(found: "AlarmPower") -> "Table":
    from rich import box
    from rich.table import Table

    from stratsim.wording import format_span, format_value

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    heads = (f"{found.what}, new", "seen", "period breaches", "no data")
    for head in (*heads, "ALARM within bake", "time p50", "time p95"):
        table.add_column(head, justify="right")
    for point in found.points:
        late = [
            f"over {format_span(found.times_s[-1])}" if t is None else format_span(t)
            for t in (point.time_p50_s, point.time_p95_s)
        ]
        chances = (point.rate, point.seen, point.breach, point.missing, point.detected)
        table.add_row(*(format_value(value, "share") for value in chances), *late)
    return table
