"""``flagger:``: a Canary's spec as Flagger writes it, and what of it can be played.

Source: fluxcd/flagger, pkg/apis/flagger/v1beta1/canary.go (commit 15bd6ad).
"""

from collections.abc import Mapping

from stratsim.errors import Problem, shorten
from stratsim.model.service import Platform
from stratsim.strategies.fields import (
    Rule,
    anything,
    fields,
    flag,
    list_of,
    one_of,
    real_in,
    span,
    text,
    whole_in,
)
from stratsim.strategies.limits import Quotas
from stratsim.strategies.measured import DEFAULT_SCRAPE_S, HINT, measured_by, told_metrics
from stratsim.strategies.neighbours import ASSUME, Assumption, check_assumed
from stratsim.strategies.shapes import Config, part, whole

KEY = "flagger"
ASSUMPTIONS = {
    "matched_share": Assumption(
        real_in(0, 1), 0.10, "the share of the traffic that `match` sends to the canary"
    ),
    "no_traffic": Assumption(
        one_of("fails", "passes"),
        "fails",
        "a check without any requests; `passes` where a load tester makes some",
    ),
    "scrape": Assumption(span, DEFAULT_SCRAPE_S, "how often counters are scraped"),
    "metrics": Assumption(told_metrics, None, "what each metric's query measures"),
}
_MANIFEST = ("apiVersion", "kind", "metadata", "spec", "status")
_RANGE = fields({"min": real_in(0, 1e12), "max": real_in(0, 1e12)})
_METRIC = fields(
    {
        "name": text,
        "interval": span,
        "threshold": real_in(0, 1e12),
        "thresholdRange": _RANGE,
        "query": anything,
        "templateRef": anything,
        "templateVariables": anything,
    },
    required=("name",),
)
_ANALYSIS: dict[str, Rule] = {
    "interval": span,
    "iterations": whole_in(0, 10_000),
    "threshold": whole_in(0),
    "maxWeight": whole_in(0, 100),
    "stepWeight": whole_in(0, 100),
    "stepWeights": list_of(whole_in(1, 100), most=100),
    "stepWeightPromotion": whole_in(0, 100),
    "mirror": flag,
    "mirrorWeight": whole_in(0, 100),
    "match": anything,
    "metrics": list_of(_METRIC),
    "webhooks": list_of(anything),
    "alerts": anything,
    "sessionAffinity": anything,
    "primaryReadyThreshold": whole_in(0, 100),
    "canaryReadyThreshold": whole_in(0, 100),
}
_SPEC: dict[str, Rule] = {
    **dict.fromkeys(
        (
            *("provider", "metricsServer", "insecureSkipVerify", "targetRef", "autoscalerRef"),
            *("ingressRef", "upstreamRef", "routeRef", "service", "revertOnDeletion"),
        ),
        anything,
    ),
    "suspend": flag,
    "skipAnalysis": flag,
    "progressDeadlineSeconds": whole_in(1),
    "analysis": fields(_ANALYSIS),
}


def spec_of(value: object) -> Config:
    """Return the spec of a Canary: of the whole manifest, or as it stands."""
    config = value if isinstance(value, Mapping) else {}
    return part(config, "spec") if "spec" in config else config


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what Flagger would refuse about a Canary, and what cannot be played."""
    at, value = f"{where}.{KEY}", config.get(KEY)
    problems = []
    if isinstance(value, Mapping) and "spec" in value:
        problems = fields(dict.fromkeys(_MANIFEST, anything))(value, at)
        value, at = value["spec"], f"{at}.spec"
    problems += fields(_SPEC, required=("analysis",))(value, at)
    problems += check_assumed(config, where, ASSUMPTIONS)
    if problems:
        return problems
    analysis = part(spec_of(config[KEY]), "analysis")
    told = part(part(config, ASSUME), "metrics")
    return _check_steps(analysis, f"{at}.analysis") + _check_metrics(
        analysis, told, f"{at}.analysis.metrics"
    )


def _check_steps(analysis: Config, where: str) -> list[Problem]:
    """Return the problems of weights that Flagger would never climb."""
    problems = []
    if analysis.get("mirror", False):
        hint = "stratsim does not play mirrored traffic."
        problems.append(Problem(f"{where}.mirror", "false", "true", hint))
    weights = list(weights_given(analysis))
    if weights != sorted(set(weights)):
        rule = "in ascending order, each once"
        hint = "Flagger finds its place among them by their value."
        problems.append(Problem(f"{where}.stepWeights", rule, str(weights), hint))
    if not (weights or whole(analysis, "stepWeight") or whole(analysis, "iterations")):
        rule = "given, where neither stepWeights nor iterations is"
        problems.append(Problem(f"{where}.stepWeight", rule, "nothing"))
    return problems


def weights_given(analysis: Config) -> tuple[int, ...]:
    """Return ``stepWeights``."""
    listed = analysis.get("stepWeights", ())
    return tuple(listed) if isinstance(listed, list | tuple) else ()


def metrics_of(analysis: Config) -> list[Config]:
    """Return the metrics of an analysis."""
    listed = analysis.get("metrics", ())
    return list(listed) if isinstance(listed, list | tuple) else []


def _check_metrics(analysis: Config, told: Config, where: str) -> list[Problem]:
    problems = []
    for number, metric in enumerate(metrics_of(analysis)):
        name = str(metric["name"])
        at = f"{where}[{number}]"
        if name not in told and measured_by(name) is None:
            rule = f"a name that tells what is measured, or a key of assume.metrics ({name}: ...)"
            problems.append(Problem(f"{at}.name", rule, repr(name), HINT))
        if not {"threshold", "thresholdRange"} & set(metric):
            rule = "given: without it the check passes whatever is measured"
            problems.append(Problem(f"{at}.thresholdRange", rule, shorten(dict(metric))))
    return problems
