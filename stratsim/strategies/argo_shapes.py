"""``argoRollout:``: a Rollout's spec as Argo writes it, and what of it can be played.

Source: argoproj/argo-rollouts, pkg/apis/rollouts/v1alpha1/types.go (commit 9f8d111).
"""

import re
from collections.abc import Mapping

from stratsim.errors import Problem, shorten, unknown_name
from stratsim.model.service import Platform
from stratsim.strategies.argo_templates import TEMPLATES, check_named, check_templates
from stratsim.strategies.fields import (
    Rule,
    anything,
    fields,
    flag,
    list_of,
    one_of,
    span,
    text,
    whole_in,
)
from stratsim.strategies.limits import Quotas
from stratsim.strategies.measured import DEFAULT_SCRAPE_S, told_metrics
from stratsim.strategies.neighbours import ASSUME, Assumption, check_assumed
from stratsim.strategies.shapes import Config, part, whole

KEY = "argoRollout"
DEFAULT_MAX_WEIGHT = 100
_MANIFEST = ("apiVersion", "kind", "metadata", "spec", "status")
_BOUND = re.compile(r"\d+%?")


def bound(value: object, where: str) -> list[Problem]:
    """Take a number of pods or a percentage of them."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return []
    if isinstance(value, str) and _BOUND.fullmatch(value):
        return []
    return [Problem(where, "a number of pods or a percentage such as 25%", shorten(value))]


ASSUMPTIONS = {
    "person_after": Assumption(
        span, None, "when somebody comes to a rollout that waits; omitted: on_call.respond"
    ),
    "inconclusive": Assumption(
        one_of("resumes", "aborts"), "resumes", "what they do after an inconclusive analysis"
    ),
    "no_data": Assumption(
        one_of("error", "nan"), "error", "what a query without data returns: nothing, or NaN"
    ),
    "scrape": Assumption(
        span, DEFAULT_SCRAPE_S, "how often the monitoring system scrapes its counters"
    ),
    "metrics": Assumption(told_metrics, None, "what each metric's query measures"),
}

_ANALYSIS: dict[str, Rule] = {
    "templates": list_of(
        fields({"templateName": text, "clusterScope": flag}, required=("templateName",)), least=1
    ),
    "args": anything,
    "dryRun": anything,
    "analysisRunMetadata": anything,
    "measurementRetention": anything,
}
_KEPT = (
    *("canaryService", "stableService", "canaryMetadata", "stableMetadata", "antiAffinity"),
    *("pingPong", "scaleDownDelayRevisionLimit"),
)
_BLUE_GREEN_KEPT = (
    *("activeService", "previewService", "activeMetadata", "previewMetadata", "antiAffinity"),
    *("scaleDownDelayRevisionLimit", "maxUnavailable"),
)
_SCALE = fields({"replicas": whole_in(0), "weight": whole_in(0, 100), "matchTrafficWeight": flag})
STEPS: dict[str, Rule] = {
    "setWeight": whole_in(0),
    "pause": fields({"duration": span}),
    "setCanaryScale": _SCALE,
    "analysis": fields(_ANALYSIS, required=("templates",)),
}


_NOT_PLAYED = "stratsim plays these; header and mirror routes, experiments and plugins it cannot."


def _check_step(value: object, where: str) -> list[Problem]:
    rule = f"a step with one of the keys {', '.join(STEPS)}"
    if not isinstance(value, Mapping) or len(value) != 1 or not set(value) <= set(STEPS):
        keys = list(value) if isinstance(value, Mapping) else []
        near = [unknown_name(where, str(key), STEPS).hint for key in keys if key not in STEPS]
        hint = next(filter(None, near), _NOT_PLAYED)
        return [Problem(where, rule, shorten(value), hint)]
    (key, inner), *_ = value.items()
    if key == "pause" and inner is None:
        return []  # YAML's `pause:` without a value is Argo's `pause: {}`
    return STEPS[str(key)](inner, f"{where}.{key}")


_CANARY: dict[str, Rule] = {
    **dict.fromkeys(_KEPT, anything),
    "steps": list_of(_check_step),
    "maxSurge": bound,
    "maxUnavailable": bound,
    "trafficRouting": anything,
    "dynamicStableScale": flag,
    "scaleDownDelaySeconds": whole_in(0),
    "abortScaleDownDelaySeconds": whole_in(0),
    "minPodsPerReplicaSet": whole_in(1),
    "analysis": fields({**_ANALYSIS, "startingStep": whole_in(0)}, required=("templates",)),
}
_BLUE_GREEN: dict[str, Rule] = {
    **dict.fromkeys(_BLUE_GREEN_KEPT, anything),
    "previewReplicaCount": whole_in(1),
    "autoPromotionEnabled": flag,
    "autoPromotionSeconds": whole_in(0),
    "scaleDownDelaySeconds": whole_in(0),
    "abortScaleDownDelaySeconds": whole_in(0),
    "prePromotionAnalysis": fields(_ANALYSIS, required=("templates",)),
    "postPromotionAnalysis": fields(_ANALYSIS, required=("templates",)),
}
_SPEC: dict[str, Rule] = {
    **dict.fromkeys(
        ("selector", "template", "workloadRef", "analysis", "rollbackWindow", "restartAt"),
        anything,
    ),
    "replicas": whole_in(0),
    "minReadySeconds": whole_in(0),
    "progressDeadlineSeconds": whole_in(1),
    "progressDeadlineAbort": flag,
    "revisionHistoryLimit": whole_in(0),
    "paused": flag,
    "strategy": fields({"canary": fields(_CANARY), "blueGreen": fields(_BLUE_GREEN)}),
}


def spec_of(value: object) -> Config:
    """Return the spec of a Rollout: of the whole manifest, or as it stands."""
    config = value if isinstance(value, Mapping) else {}
    return part(config, "spec") if "spec" in config else config


def check(config: Config, where: str, platform: Platform, quotas: Quotas) -> list[Problem]:
    """Return what Argo would refuse about a Rollout, and what cannot be played."""
    at, value = f"{where}.{KEY}", config.get(KEY)
    if isinstance(value, Mapping) and "spec" in value:
        problems = fields(dict.fromkeys(_MANIFEST, anything))(value, at)
        value, at = value["spec"], f"{at}.spec"
    else:
        problems = []
    problems += fields(_SPEC, required=("strategy",))(value, at)
    problems += check_assumed(config, where, ASSUMPTIONS) + check_templates(config, where)
    if problems:
        return problems
    strategy, at = part(spec_of(config[KEY]), "strategy"), f"{at}.strategy"
    if len(strategy) != 1:
        return [Problem(at, "either canary or blueGreen", shorten(dict(strategy)))]
    if "canary" in strategy:
        problems += _check_canary(part(strategy, "canary"), f"{at}.canary")
    return problems + _check_names(strategy, config, at)


def _check_canary(canary: Config, where: str) -> list[Problem]:
    problems = []
    is_routed = "trafficRouting" in canary
    most = max_weight(canary)
    for number, step in enumerate(steps_of(canary)):
        at = f"{where}.steps[{number}]"
        if "setWeight" in step and whole(step, "setWeight") > most:
            rule = f"at most {most}"
            problems.append(Problem(f"{at}.setWeight", rule, str(step["setWeight"])))
        if "setCanaryScale" in step and not is_routed:
            # argo-rollouts, validation: SetCanaryScale needs a traffic router.
            rule = "absent without trafficRouting"
            problems.append(Problem(f"{at}.setCanaryScale", rule, shorten(step["setCanaryScale"])))
    if canary.get("dynamicStableScale", False) and not is_routed:
        rule = "false without trafficRouting"
        problems.append(Problem(f"{where}.dynamicStableScale", rule, "true"))
    return problems


def _check_names(strategy: Config, config: Config, where: str) -> list[Problem]:
    problems = []
    canary, green = part(strategy, "canary"), part(strategy, "blueGreen")
    places = [
        (f"{where}.canary.steps[{number}].analysis", part(step, "analysis"))
        for number, step in enumerate(steps_of(canary))
    ]
    places += [(f"{where}.canary.analysis", part(canary, "analysis"))]
    places += [
        (f"{where}.blueGreen.{key}", part(green, key))
        for key in ("prePromotionAnalysis", "postPromotionAnalysis")
    ]
    for place, analysis in places:
        problems += check_named(template_names(analysis), config, f"{place}.templates")
    return problems


def template_names(analysis: Config) -> tuple[str, ...]:
    """Return the names of the templates that an analysis uses."""
    listed = analysis.get("templates", ())
    templates = listed if isinstance(listed, list | tuple) else ()
    return tuple(str(template["templateName"]) for template in templates)


def steps_of(canary: Config) -> list[Config]:
    """Return the steps of a canary."""
    listed = canary.get("steps") or ()
    return list(listed) if isinstance(listed, list | tuple) else []


def max_weight(canary: Config) -> int:
    """Return the weight that is all traffic."""
    return whole(part(canary, "trafficRouting"), "maxTrafficWeight", DEFAULT_MAX_WEIGHT)


COMPANIONS = (TEMPLATES, ASSUME)
