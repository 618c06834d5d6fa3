"""``stratsim metrics``: the metrics that a deployment emits."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stratsim.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.table import Table

    from stratsim.signals import Metric

EXAMPLE = "stratsim metrics ecs"
TABLE_COLUMNS = 130
"""A narrower terminal gets a list: a table would fold its words."""


def command(
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="ecs, ec2 or lambda.")],
    *,
    json: JsonOption = False,
) -> None:
    """List the CloudWatch metrics that a deployment emits, as alarms of a scenario see them."""
    from stratsim.cli.output import filled, own_version, print_json, print_rich, print_text, width
    from stratsim.comparison.result import SCHEMA_VERSION
    from stratsim.errors import InputError, unknown_name
    from stratsim.signals.table import NAMESPACES, metrics_of

    if platform not in NAMESPACES:
        raise InputError([unknown_name("PLATFORM", platform, NAMESPACES)])
    metrics = metrics_of(platform)
    if json:
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "platform": platform,
                "publication_delay": _delay(),
                "metrics": [_row(metric) for metric in metrics],
                "provenance": {"versions": {"stratsim": own_version()}, "command": "metrics"},
            }
        )
    elif width() < TABLE_COLUMNS:
        print_text(filled("\n".join([*_listed(metrics), "", " ".join(_notes(metrics))])))
    else:
        print_rich(_table(metrics), "", *_notes(metrics))


def _delay() -> dict[str, float]:
    """Return the default of ``metrics.delay``, which holds for every metric."""
    from stratsim.model.quantities import LogNormal
    from stratsim.model.settings import MetricSettings

    delay = MetricSettings().delay
    assert isinstance(delay, LogNormal)
    return {"median_s": delay.median, "sigma": delay.sigma, "mean_s": delay.mean}


def _row(metric: "Metric") -> dict[str, Any]:
    return {
        "namespace": metric.namespace,
        "metric": metric.name,
        "dimensions": list(metric.dimensions),
        "by_revision": metric.by_revision,
        "statistics": list(metric.statistics),
        "unit": metric.unit,
        "absent": metric.absent,
        "note": metric.note or None,
        "published": metric.source.kind != "silent",
        "source": metric.page,
    }


def _table(metrics: "tuple[Metric, ...]") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for head in ("metric", "dimensions", "statistics", "unit", "no datapoint", "note"):
        table.add_column(head, overflow="fold", no_wrap=head in ("metric", "dimensions", "unit"))
    namespace = ""
    for metric in metrics:
        if metric.namespace != namespace:
            namespace = metric.namespace
            table.add_section()
            table.add_row(namespace)
        table.add_row(
            f"  {metric.name}",
            ", ".join(metric.dimensions),
            ", ".join(metric.statistics),
            metric.unit,
            metric.absent,
            metric.note,
        )
    return table


def _listed(metrics: "tuple[Metric, ...]") -> list[str]:
    """Return the table as lines, a line or two for a metric."""
    lines: list[str] = []
    namespace = ""
    for metric in metrics:
        if metric.namespace != namespace:
            lines += ["", metric.namespace] if lines else [metric.namespace]
            namespace = metric.namespace
        facts = [", ".join(metric.statistics), metric.unit, f"no datapoint {metric.absent}"]
        facts += [metric.note] if metric.note else []
        lines.append(f"- {metric.name} by {', '.join(metric.dimensions)}: {'; '.join(facts)}.")
    return lines


def _notes(metrics: "tuple[Metric, ...]") -> list[str]:
    delay = _delay()
    pages = dict.fromkeys(metric.page for metric in metrics)
    return [
        "TargetGroup and ExecutedVersion take `new` or `old` in a scenario; without them a metric",
        "is of both revisions. Every metric has a datapoint per minute, and any CloudWatch",
        f"statistic can be asked for. It is published {delay['median_s']:g} s after its period",
        "ends (median; a random delay, 95 % within 102 s): metrics.delay in a scenario.",
        f"Sources: {'; '.join(pages)}.",
    ]
