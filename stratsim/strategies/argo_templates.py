"""Argo's AnalysisTemplates: metrics with their conditions, counts and limits.

Source: argoproj/argo-rollouts, pkg/apis/rollouts/v1alpha1/analysis_types.go (commit 9f8d111).
"""

import re
from collections.abc import Mapping

from stratsim.analysis.conditions import ConditionError, compile_condition
from stratsim.errors import Problem, shorten, unknown_name
from stratsim.model.analysis import Metric
from stratsim.strategies.fields import (
    Rule,
    anything,
    fields,
    list_of,
    one_of,
    plain_values,
    span,
    span_s,
    text,
    whole_in,
)
from stratsim.strategies.measured import HINT, measured_by, query
from stratsim.strategies.shapes import Config, part, whole

TEMPLATES = "analysisTemplates"
DEFAULT_WINDOW_S = 60.0
"""What a query looks back on where nothing says so; a choice of stratsim's own."""

_RANGE = re.compile(r"\[(\d+[smh])\]")

UNITS = ("fraction", "s")


def condition(value: object, where: str) -> list[Problem]:
    """Take a condition on ``result``."""
    if not isinstance(value, str):
        return [Problem(where, "a condition on result", shorten(value))]
    try:
        compile_condition(value)
    except ConditionError as error:
        return [Problem(where, "a condition on one number, result", shorten(value), f"{error}.")]
    return []


_METRIC: dict[str, Rule] = {
    "name": text,
    "interval": span,
    "initialDelay": span,
    "count": whole_in(0),
    "successCondition": condition,
    "failureCondition": condition,
    "failureLimit": whole_in(-1),
    "inconclusiveLimit": whole_in(-1),
    "consecutiveErrorLimit": whole_in(-1),
    "consecutiveSuccessLimit": whole_in(0),
    "provider": anything,
}
_LIST = list_of(
    fields(
        {
            "apiVersion": anything,
            "kind": one_of("AnalysisTemplate", "ClusterAnalysisTemplate"),
            "metadata": anything,
            "spec": fields(
                {
                    "metrics": list_of(
                        lambda value, where: fields(_METRIC, ("name",))(_plain(value), where),
                        least=1,
                    ),
                    "args": anything,
                    "dryRun": list_of(fields({"metricName": text})),
                    "measurementRetention": anything,
                },
                required=("metrics",),
            ),
        },
        required=("spec",),
    )
)


def _plain(value: object) -> object:
    """Return a metric with its numbers as numbers: Kubernetes takes them as texts too."""
    return plain_values(value) if isinstance(value, Mapping) else value


def check_templates(config: Config, where: str) -> list[Problem]:
    """Return what is wrong with the templates, and metrics whose meaning is not known."""
    if TEMPLATES not in config:
        return []
    problems = _LIST(config[TEMPLATES], f"{where}.{TEMPLATES}")
    if problems:
        return problems
    told = part(part(config, "assume"), "metrics")
    for at, spec in enumerate(_specs(config)):
        for number, metric in enumerate(_metrics(spec)):
            place = f"{where}.{TEMPLATES}[{at}].spec.metrics[{number}]"
            problems += _check_metric(metric, told, place)
    return problems


def _check_metric(metric: Config, told: Config, where: str) -> list[Problem]:
    name = str(metric["name"])
    problems = []
    if name not in told and measured_by(name) is None:
        rule = f"a name that tells what is measured, or a key of assume.metrics ({name}: ...)"
        problems.append(Problem(f"{where}.name", rule, repr(name), HINT))
    if whole(metric, "count") > 1 and "interval" not in metric:
        # argo-rollouts, analysis: ValidateMetric.
        problems.append(Problem(f"{where}.interval", "given where count is above 1", "nothing"))
    return problems


def check_named(names: tuple[str, ...], config: Config, where: str) -> list[Problem]:
    """Return the problems of template names that no template has."""
    known = [_name(template) for template in _templates(config)]
    if names and not known:
        rule = "the name of a template under analysisTemplates, beside argoRollout"
        return [Problem(where, rule, repr(names[0]))]
    return [unknown_name(where, name, known) for name in names if name not in known]


def metrics_named(names: tuple[str, ...], config: Config) -> tuple[Metric, ...]:
    """Return the metrics of the templates with these names, which were checked before."""
    told = part(part(config, "assume"), "metrics")
    empty = part(config, "assume").get("no_data", "error")
    found: list[Metric] = []
    for template in _templates(config):
        if _name(template) in names:
            spec = part(template, "spec")
            dry = {str(entry.get("metricName")) for entry in _list(spec, "dryRun")}
            found += [_metric(metric, told, str(empty), dry) for metric in _metrics(spec)]
    return tuple(found)


def _metric(metric: Config, told: Config, empty: str, dry: set[str]) -> Metric:
    name = str(metric["name"])
    return Metric(
        name=name,
        query=query(name, part(told, name), _window_s(metric), UNITS),
        success=str(metric.get("successCondition", "")),
        failure=str(metric.get("failureCondition", "")),
        interval_s=span_s(metric["interval"]) if "interval" in metric else None,
        count=whole(metric, "count") or None,
        initial_delay_s=span_s(metric.get("initialDelay", 0)) or 0.0,
        failure_limit=whole(metric, "failureLimit"),
        inconclusive_limit=whole(metric, "inconclusiveLimit"),
        error_limit=whole(metric, "consecutiveErrorLimit", 4),
        success_limit=whole(metric, "consecutiveSuccessLimit"),
        empty="nan" if empty == "nan" else "error",
        dry_run=name in dry or ".*" in dry,
    )


def _window_s(metric: Config) -> float:
    """Return how far a query looks back: as it says itself, else as far as its interval."""
    found = _RANGE.search(str(metric.get("provider", "")))
    looks_back = found[1] if found else metric.get("interval", DEFAULT_WINDOW_S)
    return span_s(looks_back) or DEFAULT_WINDOW_S


def _list(config: Config, key: str) -> list[Config]:
    value = config.get(key, ())
    return [m for m in value if isinstance(m, Mapping)] if isinstance(value, list | tuple) else []


def _templates(config: Config) -> list[Config]:
    return _list(config, TEMPLATES)


def _specs(config: Config) -> list[Config]:
    return [part(template, "spec") for template in _templates(config)]


def _metrics(spec: Config) -> list[Config]:
    return [plain_values(metric) for metric in _list(spec, "metrics")]


def _name(template: Config) -> str:
    return str(part(template, "metadata").get("name", ""))
