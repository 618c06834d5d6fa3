"""The reference page of the scenario file, made from the code that reads it."""

import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from stratsim.model.quantities import DistributionMarker, DurationMarker, Number
from stratsim.scenario_io import defaults
from stratsim.scenario_io.alarms import MAX_ALARMS
from stratsim.scenario_io.checking import bare, marker_of
from stratsim.scenario_io.defaults import LAMBDA_KEYS, data
from stratsim.scenario_io.events import EVENTS, HOOKS
from stratsim.scenario_io.faults import KINDS, OF_RELEASES
from stratsim.scenario_io.keys import Key, walk_keys
from stratsim.scenario_io.tree import MAX_BYTES, MAX_DEPTH

CARRIED = "As in CreateDeploymentGroup; carried into exports."

_INTRO = f"""\
# The scenario file

<!-- Made by `python -m stratsim.scenario_io.reference`; a test holds this page to the code. -->

One YAML or JSON document of at most {MAX_BYTES // 1_000_000} MB, nested at most {MAX_DEPTH} deep.
`name` and `platform` have to be given; every other key has a default. A key without a value, an
unknown key, a key given twice and a name given twice are errors, and all errors of a file are told
at once, as `file:line: key: must be RULE, but got VALUE. HINT`.

- What AWS defines is written in AWS's own JSON: alarms, the deployment group, configurations. It
  can be pasted from `aws cloudwatch describe-alarms`, `aws deploy get-deployment-group` and
  `aws deploy get-deployment-config`, and keeps AWS's units (minutes, percent).
- **Durations** are `90s`, `5m`, `1h30m`, `80ms`, `2d` or a number of seconds. **Rates** are
  requests per second. **Shares** and **probabilities** are fractions from 0 to 1.
- **Distributions** are a value (always the same), `{{min, max}}` (uniform), `{{median, p90}}`,
  `{{median, p95}}`, `{{median, p99}}` or `{{median, sigma}}` (log-normal), or a list of these,
  each with a `weight`, that sum to 1 (a mixture).
- Scalars follow YAML 1.2: `1e3` is a number, `14:00` and `yes` are texts.
- `stratsim schema` prints the JSON Schema for editors.

The last two columns say where a default comes from and how far to trust it:
{{grades}}.
Collected {{collected}}; prices are in `stratsim/data/prices.json`, everything else in
`stratsim/data/parameters.json`.
"""

_SECTIONS = (
    ("The scenario", ("",)),
    ("traffic", ("traffic",)),
    ("service", ("service",)),
    ("lifecycle and hosts", ("lifecycle", "hosts[]")),
    ("release and environment", ("release", "environment")),
    ("Faults", ("fault",)),
    ("alarms and metrics", ("alarms", "metrics")),
    ("deployment_group", ("deployment_group",)),
    ("control", ("control",)),
    ("on_call, cost, slo", ("on_call", "cost", "slo")),
    ("strategies", ("strategies",)),
    ("quotas and names", ("quotas", "names")),
)


def reference_page() -> str:
    """Return the page in Markdown."""
    table = data("parameters")
    grades = "; ".join(f"**{grade}** {text}" for grade, text in table["grades"].items())
    page = [_INTRO.replace("{grades}", grades).replace("{collected}", table["collected"])]
    page[0] = page[0].replace("{{", "{").replace("}}", "}")
    keys = {key.path: key for key in walk_keys()}
    carried = dict.fromkeys(_member(path) for path in keys if path not in table["keys"])
    listed = [*table["keys"], *carried]
    for title, heads in _SECTIONS:
        page.append(f"## {title}\n")
        rows = [path for path in listed if _head(path) in heads]
        page.append(_table(rows, keys, table["keys"]))
        page.extend(_EXTRAS[title]() if title in _EXTRAS else ())
    return "\n".join(page).rstrip() + "\n"


def _member(path: str) -> str:
    """Return the member of CreateDeploymentGroup that `path` lies in."""
    return ".".join(path.replace("[]", "").split(".")[:2])


def _head(path: str) -> str:
    """Return the section of a path; empty for the single values of the scenario."""
    first = path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
    whole = ("alarms", "environment", "quotas", "names", "strategies")
    return f"{first}[]" if first == "hosts" else first if "." in path or first in whole else ""


def _table(paths: list[str], keys: dict[str, Key], known: dict[str, Any]) -> str:
    lines = ["| key | what | takes | default | grade | source |", "|---|---|---|---|---|---|"]
    for path in paths:
        entry = known.get(path, {"text": CARRIED})
        cells = (
            f"`{path}`",
            entry["text"],
            _takes(keys.get(path), entry),
            _default(path, keys.get(path), entry),
            entry.get("grade", ""),
            entry.get("source", ""),
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _takes(key: Key | None, entry: dict[str, Any]) -> str:
    unit = entry.get("unit", "")
    if key is None:
        return str(unit)
    marker = marker_of(key.kind)
    kind = bare(key.kind)
    if isinstance(marker, DistributionMarker):
        return str(unit)
    if isinstance(marker, Number | DurationMarker):
        shown = marker.rule.removeprefix("a ")
        return f"{shown} {unit}".strip() if isinstance(marker, Number) else shown
    if get_origin(kind) is Literal:
        return ", ".join(f"`{name}`" for name in get_args(kind))
    return str(unit or {bool: "true or false", str: "text"}.get(kind, ""))


def _default(path: str, key: Key | None, entry: dict[str, Any]) -> str:
    if "defaults" in entry:
        values = entry["defaults"].items()
        return "; ".join(f"{platform}: {_shown(value)}" for platform, value in values)
    if "default" in entry:
        return _shown(entry["default"])
    needed = path in ("name", "platform") or (key is not None and key.default == "required")
    return "**required**" if needed and not path.startswith("deployment_group") else ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and " " in value else f"`{json.dumps(value)}`"


def _service() -> Iterator[str]:
    keys = ", ".join(f"`{key}`" for key in LAMBDA_KEYS)
    yield f"Lambda has {keys} and no others; EC2 and ECS have all but `runtime`, `memory` and"
    yield "`provisioned_concurrency`.\n"
    runtimes = data("parameters")["lambda_init"]
    yield f"{runtimes['text']} Grade {runtimes['grade']}; {runtimes['source']}. A runtime that is"
    yield f"not here starts as its language's first; times {defaults.INIT_FACTOR:g} by default.\n"
    yield "| runtime | mean | sd |\n|---|---|---|"
    for name, (mean, deviation) in runtimes["ln_ms"].items():
        yield f"| `{name}` | {mean} | {deviation} |"
    yield ""


def _events() -> Iterator[str]:
    yield "| platform | lifecycle events | those that a `hook` fault may fail |\n|---|---|---|"
    for platform, events in EVENTS.items():
        yield f"| {platform} | {', '.join(events)} | {', '.join(HOOKS[platform])} |"
    yield ""


def _faults() -> Iterator[str]:
    yield "| kind | needs | takes also | platforms | in `environment` |\n|---|---|---|---|---|"
    for kind, rules in KINDS.items():
        own = " and ".join(rules.own) if rules.every else " or ".join(rules.own)
        where = (
            f"yes, with at and for, without {' and '.join(OF_RELEASES)}"
            if rules.environment
            else "no"
        )
        names = ", ".join(rules.platforms)
        yield f"| `{kind}` | {own} | {', '.join(rules.common)} | {names} | {where} |"
    yield "\nOn Lambda, and for the hooks of ECS, there are no zones, instances and above_load.\n"


def _alarms() -> Iterator[str]:
    yield f"At most {MAX_ALARMS} alarms. The keys are those of PutMetricAlarm and"
    yield "PutCompositeAlarm; a composite may name only alarms that are defined beside it.\n"


def _strategies() -> Iterator[str]:
    from stratsim.strategies import FAMILIES
    from stratsim.strategies.predefined import predefined

    yield "Kinds of configuration:\n\n| key | beside it | platforms | kind |\n|---|---|---|---|"
    for family in map(FAMILIES.get, FAMILIES):
        keys = ", ".join(f"`{key}`" for key in family.keys)
        beside = ", ".join(f"`{key}`" for key in family.companions)
        yield f"| {keys} | {beside} | {', '.join(family.platforms)} | {family.name} |"
    yield "\nPredefined configurations, by name alone or as `deploymentConfigName`:\n"
    for platform in EVENTS:
        yield f"- {platform}: {', '.join(f'`{name}`' for name in predefined(platform))}"
    yield ""


def _quotas_and_names() -> Iterator[str]:
    from stratsim.export._names import RULES
    from stratsim.strategies import LIMITS

    yield "| quota | AWS's limit | meaning |\n|---|---|---|"
    for key, limit in LIMITS.items():
        yield f"| `{key}` | {limit.value:g} | {limit.meaning} ({limit.page}) |"
    yield "| `alarms_per_deployment_group` | 10 | AWS takes at most 10 alarms in a deployment group |"
    yield "\n| name | what |\n|---|---|"
    for rule in RULES.values():
        yield f"| `{rule.key}` | {rule.what} |"
    yield ""


_EXTRAS = {
    "service": _service,
    "lifecycle and hosts": _events,
    "Faults": _faults,
    "alarms and metrics": _alarms,
    "strategies": _strategies,
    "quotas and names": _quotas_and_names,
}

if __name__ == "__main__":
    import sys

    sys.stdout.write(reference_page())
