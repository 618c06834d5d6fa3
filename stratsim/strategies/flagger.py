"""Flagger: a canary that climbs one weight per good tick.

Source: fluxcd/flagger, pkg/controller/scheduler.go (commit 15bd6ad). New pods run as
a canary of full size; when it has passed, the primary is rolled to the new revision
and takes all traffic back.
"""

from stratsim.model.analysis import Check, Ladder, Tick
from stratsim.model.plan import Launch, Lifecycle, Plan, Retire, Shift, Step
from stratsim.model.scaling import Scale
from stratsim.model.scenario import Scenario
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.families import Family, register
from stratsim.strategies.fields import span_s
from stratsim.strategies.flagger_shapes import (
    ASSUMPTIONS,
    KEY,
    check,
    metrics_of,
    spec_of,
    weights_given,
)
from stratsim.strategies.lifecycle import unused_events
from stratsim.strategies.measured import blind, query
from stratsim.strategies.neighbours import (
    ASSUME,
    FAILURE,
    assumed,
    pages_only,
    rolls_back,
    unwatched,
)
from stratsim.strategies.replicas import DEFAULT_BOUND, rolling_bounds
from stratsim.strategies.shapes import Config, part, whole
from stratsim.strategies.waves import Sizes, next_wave, reached

# pkg/apis/flagger/v1beta1/canary.go: defaults, and the shortest interval.
DEFAULT_INTERVAL_S, LEAST_INTERVAL_S = 60.0, 10.0
METRIC_INTERVAL_S = 60.0
PROGRESS_DEADLINE_S = 600
_UNITS = ("percent", "ms")


def interval_s(analysis: Config) -> float:
    """Return the seconds between two ticks; less than the least is lifted to it."""
    given = span_s(analysis["interval"]) if "interval" in analysis else DEFAULT_INTERVAL_S
    return max(given or 0.0, LEAST_INTERVAL_S)


def weights(analysis: Config, matched_share: float) -> tuple[float, ...]:
    """Return the canary's share at each level, as Flagger sets it.

    Iterations with a `match` send the matched share to the canary each time;
    without one nothing reaches it until all are done, and then everything.
    """
    iterations = whole(analysis, "iterations")
    if iterations and analysis.get("match"):
        return (matched_share,) * iterations
    if iterations:
        return (*(0.0,) * iterations, 1.0)
    step, listed = whole(analysis, "stepWeight"), weights_given(analysis)
    if listed and not step:
        return tuple(weight / 100 for weight in listed)
    most = min(listed[-1], 100) if listed else whole(analysis, "maxWeight") or 100
    levels = -(-most // step)
    return tuple(min(step * level, 100) / 100 for level in range(1, levels + 1))


def build(spec: StrategySpec, scenario: Scenario) -> Plan:
    """Return the plan: a canary of full size, the climb, and the promotion."""
    canary, known = spec_of(spec.config[KEY]), assumed(spec.config, ASSUMPTIONS)
    analysis = part(canary, "analysis")
    ladder = _ladder(spec, analysis, known)
    climbs = () if canary.get("skipAnalysis", False) else (ladder,)
    last = ladder.weights[-1] if climbs else 0.0
    steps: tuple[Step, ...] = (
        _launch(scenario, canary),
        *climbs,
        *_promotion(scenario, ladder, last, whole(analysis, "stepWeightPromotion")),
    )
    scrape_s = span_s(known["scrape"]) or ladder.interval_s
    queries = {check.name: check.query for check in ladder.checks}
    return Plan(
        strategy=spec.name,
        family=FAMILY.name,
        platform=scenario.platform,
        steps=steps,
        routing="weighted",
        undo="reroute",
        group=rolls_back(unwatched(spec.group), FAILURE),
        desired=scenario.desired,
        reroute_s=scenario.control.reroute,
        scrape_s=scrape_s,
        warnings=(
            *pages_only(spec.group, "Flagger"),
            *blind(queries, scrape_s),
            *_warnings(analysis),
            *unused_events(scenario, steps),
        ),
    )


def _ladder(spec: StrategySpec, analysis: Config, known: dict[str, object]) -> Ladder:
    share = known["matched_share"]
    assert isinstance(share, int | float)
    told = part(part(spec.config, ASSUME), "metrics")
    return Ladder(
        event="advance",
        weights=weights(analysis, float(share)),
        interval_s=interval_s(analysis),
        # A threshold of 0 is taken as the least that makes sense.
        threshold=max(whole(analysis, "threshold", 1), 1),
        checks=tuple(_check(metric, told) for metric in metrics_of(analysis)),
        unseen_passes=known["no_traffic"] == "passes",
    )


def _check(metric: Config, told: Config) -> Check:
    name = str(metric["name"])
    window_s = span_s(metric["interval"]) if "interval" in metric else METRIC_INTERVAL_S
    asked = query(name, part(told, name), window_s or METRIC_INTERVAL_S, _UNITS)
    limits = part(metric, "thresholdRange")
    low, high = _number(limits.get("min")), _number(limits.get("max"))
    if not limits:
        # The older threshold is the least success rate, and the most of all else.
        threshold = _number(metric.get("threshold"))
        low, high = (threshold, None) if asked.kind == "success" else (None, threshold)
    return Check(name=name, query=asked, low=low, high=high)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _launch(scenario: Scenario, canary: Config) -> Launch:
    return Launch(
        event="Initializing",
        count=scenario.desired,
        startup=scenario.service.startup,
        timeout_s=float(whole(canary, "progressDeadlineSeconds", PROGRESS_DEADLINE_S)),
    )


def _promotion(
    scenario: Scenario, ladder: Ladder, last: float, step_percent: int
) -> tuple[Step, ...]:
    """Return the primary's rolling update, its traffic, and the canary's end.

    The primary's pods serve with the new revision as they are replaced, so its share
    grows with them. Ticks route the traffic back to the primary, all of it or
    `step_percent` at a time, and one more scales the canary to zero.
    """
    steps: list[Step] = []
    for number, replaced in enumerate(_rolled(scenario)):
        steps.append(
            Lifecycle(
                event="Promoting",
                duration=scenario.service.startup,
                timeout_s=scenario.control.steady_state_timeout,
                occurrence=number,
            )
        )
        share = last + (1 - last) * replaced
        if share > last:
            steps.append(Shift(weight=share, event="PrimaryPods"))
    back = -(-round(100 * last) // step_percent) if step_percent else 1
    steps += [
        Tick(event="RouteToPrimary", interval_s=ladder.interval_s, count=max(back, 1)),
        Tick(event="Finalising", interval_s=ladder.interval_s),
        Retire(event="ScaleToZero", wait_s=0.0, action="TERMINATE"),
    ]
    return tuple(steps)


def _rolled(scenario: Scenario) -> list[float]:
    """Return which share of the primary's pods is new after each wave of its update."""
    n, service = scenario.desired, scenario.service
    lower, upper = rolling_bounds(DEFAULT_BOUND, DEFAULT_BOUND, n)
    step = Scale(event="", old=0, new=n, startup=service.startup, lower=lower, upper=upper)
    old, new = n, 0
    shares: list[float] = []
    while not reached(step, Sizes(old, new, old, new)):
        wave = next_wave(step, Sizes(old, new, old, new))
        old, new = old - wave.stop_old, new + wave.start_new
        if wave.start_new:
            shares.append(new / n)
    return shares


def _warnings(analysis: Config) -> tuple[str, ...]:
    warnings = []
    if whole(analysis, "iterations") and not analysis.get("match"):
        warnings.append(
            "blue/green iterations send nothing to the canary: without assume.no_traffic passes, "
            "as with a load tester, every check finds no values and fails"
        )
    hooks = analysis.get("webhooks", ())
    kinds = [part({"it": h}, "it").get("type") for h in hooks] if isinstance(hooks, list) else []
    if any(str(kind).startswith("confirm") for kind in kinds):
        warnings.append("webhooks are not called: nobody is waited for to confirm")
    return tuple(warnings)


_CHECKED = [{"name": "request-success-rate", "thresholdRange": {"min": 95}, "interval": "1m"}]
EXAMPLES = (
    {KEY: {"analysis": {"threshold": 3, "maxWeight": 50, "stepWeight": 20, "metrics": _CHECKED}}},
    {
        KEY: {
            "analysis": {
                "interval": "30s",
                "threshold": 2,
                "stepWeights": [5, 25, 60],
                "stepWeightPromotion": 30,
                "metrics": _CHECKED,
            }
        }
    },
    {KEY: {"analysis": {"iterations": 4, "match": [{}], "metrics": _CHECKED}}},
)

FAMILY = register(
    Family(
        name="flagger",
        platforms=("ecs",),
        keys=(KEY,),
        companions=(ASSUME,),
        check=check,
        build=build,
        measures_itself=True,
        examples=EXAMPLES,
    )
)
