"""A scenario in a few lines, for a terminal and a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from stratsim.wording import format_number, format_value

if TYPE_CHECKING:
    from stratsim.model.scenario import Scenario
    from stratsim.model.traffic import Profile

_UNITS = {"ec2": "instances", "ecs": "tasks"}
_LISTED = 12
_PREFIX = "CodeDeployDefault."


def as_text(scenario: Scenario) -> str:
    """Return the title and one line per subject."""
    rows = _rows(scenario)
    width = max(len(head) for head, _ in rows)
    return "\n".join([_title(scenario), *(f"  {head:<{width}}  {text}" for head, text in rows)])


def as_html(scenario: Scenario) -> str:
    """Return the same as a table."""
    style = "style='text-align:left'"
    rows = "".join(
        f"<tr><th {style}>{head}</th><td {style}>{escape(text)}</td></tr>"
        for head, text in _rows(scenario)
    )
    return f"<p><b>{escape(_title(scenario))}</b></p><table>{rows}</table>"


def _title(scenario: Scenario) -> str:
    first = scenario.description.strip().partition("\n")[0]
    return f"{scenario.name} ({scenario.platform})" + (f": {first}" if first else "")


def _rows(scenario: Scenario) -> list[tuple[str, str]]:
    outcomes = scenario.release.outcomes
    chances = [f"{o.name} {format_value(o.probability, 'probability')}" for o in outcomes]
    strategies = [spec.name.removeprefix(_PREFIX) for spec in scenario.strategies]
    return [
        ("traffic", _traffic(scenario.traffic.profile)),
        ("service", _service(scenario)),
        ("release", _listed(chances)),
        ("alarms", _listed(_alarms(scenario)) or "none"),
        ("strategies", _listed(strategies)),
        ("by default", f"{scenario.replications:,} replications, seed {scenario.seed}"),
    ]


def _traffic(profile: Profile) -> str:
    mean = f"{format_number(profile.mean_rps)} requests/s"
    kind = getattr(profile, "kind", "constant")
    words = {
        "diurnal": f"{mean} in the mean of a day",
        "steps": f"in steps, {mean} at last",
        "trace": f"{mean} in the mean of {getattr(profile, 'file', '')}",
    }
    return words.get(kind, mean)


def _service(scenario: Scenario) -> str:
    service = scenario.service
    if scenario.platform == "lambda":
        warm = service.provisioned_concurrency
        provisioned = f", provisioned concurrency {warm:,}" if warm else ""
        return f"{service.runtime}, {service.memory:,} MB{provisioned}"
    zones = "1 zone" if service.zones == 1 else f"{service.zones} zones"
    each = format_number(service.capacity)
    return f"{service.instances:,} {_UNITS[scenario.platform]} in {zones}, {each} requests/s each at most"


def _alarms(scenario: Scenario) -> list[str]:
    group = scenario.deployment_group
    watched = group.alarm_names if group.alarms_enabled else ()
    return [
        f"{alarm.AlarmName} ({'deployment group' if alarm.AlarmName in watched else 'pages people'})"
        for alarm in scenario.alarms
    ]


def _listed(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join([*names[:_LISTED], *([f"{more} more"] if more > 0 else [])])
