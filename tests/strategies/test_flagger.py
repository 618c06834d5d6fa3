"""Flagger: weights, ticks, checks, promotion."""

import re
from collections.abc import Callable
from typing import Any

import pytest

import stratsim
from stratsim.model.analysis import Check, Ladder, Query
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult
from stratsim.strategies.flagger import interval_s, weights
from stratsim.traced import Run

Planned = Callable[..., PlanResult]
Refusal = Callable[..., str]
SUCCESS = {"name": "request-success-rate", "thresholdRange": {"min": 99}}
DURATION = {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "30s"}


def flagger(*metrics: dict[str, Any], **analysis: Any) -> dict[str, Any]:
    return {"flagger": {"analysis": {"metrics": list(metrics or (SUCCESS,)), **analysis}}}


def run_of(entry: dict[str, Any], *faults: dict[str, Any], **sections: Any) -> Run:
    """Ten pods that start at once, noise off, a tick every minute."""
    scenario = stratsim.load(
        {
            "name": "shop",
            "platform": "ecs",
            "traffic": {"rate": 100},
            "service": {"instances": 10, "zones": 1, "capacity": 50, "startup": "0s", "drain": 0},
            "metrics": {"phase": "0s"},
            "release": {"outcomes": [{"name": "it", "probability": 1, "faults": list(faults)}]},
            "control": {"reroute": "0s"},
            "noise": "expected",
            "strategies": [{"name": "it", **entry}],
        }
        | sections
    )
    return stratsim.simulate(scenario, "it")


def shares(run: Run) -> list[tuple[float, float]]:
    return [(r["time_s"] / 60, round(100 * r["new_share"], 6)) for r in run.document["weights"]]


def halts(run: Run) -> list[str]:
    return [e["detail"] for e in run.document["events"] if e["detail"].startswith("halt")]


@pytest.mark.parametrize(
    ("analysis", "percents"),
    [
        ({"stepWeight": 10, "maxWeight": 50}, [10, 20, 30, 40, 50]),
        ({"stepWeight": 20, "maxWeight": 50}, [20, 40, 60]),
        ({"stepWeight": 30}, [30, 60, 90, 100]),
        ({"stepWeights": [1, 5, 60]}, [1, 5, 60]),
        ({"stepWeights": [10, 20, 70], "stepWeight": 35}, [35, 70]),
        ({"iterations": 3, "match": [{}]}, [25, 25, 25]),
        ({"iterations": 2}, [0, 0, 100]),
    ],
)
def test_weights(analysis: dict[str, Any], percents: list[float]) -> None:
    found = [100 * weight for weight in weights(analysis, 0.25)]

    assert found == pytest.approx(percents)


@pytest.mark.parametrize(
    ("analysis", "seconds"), [({}, 60), ({"interval": "1s"}, 10), ({"interval": "15s"}, 15)]
)
def test_a_short_interval_is_lifted_to_ten_seconds(
    analysis: dict[str, Any], seconds: float
) -> None:
    assert interval_s(analysis) == seconds


def test_the_first_weight_waits_for_the_first_tick_after_the_pods(planned: Planned) -> None:
    rows = planned("ecs", flagger(stepWeight=50), startup_s=70.0).rows

    assert [row.time_s for row in rows if row.event == "advance"] == [120, 180]


def test_the_canary_has_full_size_throughout(planned: Planned) -> None:
    result = planned("ecs", flagger(stepWeight=10, maxWeight=50), startup_s=30.0)

    assert {row.instances for row in result.rows[1:-2]} == {20}
    assert result.rows[-1].instances == 10


def test_the_primary_is_rolled_at_the_last_weight(planned: Planned) -> None:
    """Its pods serve with the new revision as they come: 8 to 13 of ten run, in two waves."""
    result = planned("ecs", flagger(stepWeight=20, maxWeight=20), startup_s=30.0)
    rows = [(r.time_s, r.event, round(100 * r.new_share)) for r in result.rows]

    assert rows[3:] == [
        (120, "Promoting", 20),
        (150, "PrimaryPods", 60),
        (150, "Promoting", 60),
        (180, "PrimaryPods", 100),
        (180, "RouteToPrimary", 100),
        (240, "Finalising", 100),
        (300, "ScaleToZero", 100),
        (300, "Succeeded", 100),
    ]


@pytest.mark.parametrize(("step", "ticks"), [(0, 1), (25, 2), (10, 5), (50, 1)])
def test_traffic_goes_back_to_the_primary_in_steps(planned: Planned, step: int, ticks: int) -> None:
    entry = flagger(stepWeight=50, maxWeight=50, stepWeightPromotion=step)
    rows = planned("ecs", entry).rows
    route = next(row for row in rows if row.event == "RouteToPrimary")

    assert route.end_s - route.time_s == 60 * ticks


def test_failures_hold_the_weight_and_add_up() -> None:
    """Faults for minutes 3 to 5 and for good from 8: two and one make three."""
    faults = [
        {"kind": "errors", "rate": 0.5, "at": "2m", "for": "2m"},
        {"kind": "errors", "rate": 0.5, "at": "7m"},
    ]
    run = run_of(flagger(stepWeight=10, maxWeight=90, threshold=3), environment=faults)

    assert shares(run) == [(0, 0), (1, 10), (2, 20), (5, 30), (6, 40), (7, 50), (9, 0)]
    assert len(halts(run)) == 3
    assert run.status == "Failed"


def test_a_check_fails_on_latency_in_milliseconds() -> None:
    entry = flagger(SUCCESS, DURATION, stepWeight=10, maxWeight=20, threshold=2)
    latency = {"latency": {"median": "80ms", "p99": "300ms"}}
    service = {"instances": 10, "zones": 1, "capacity": 50, "startup": "0s", "drain": 0, **latency}
    assert run_of(entry, service=service).status == "Succeeded"
    slow = run_of(entry, {"kind": "latency", "factor": 3}, service=service)

    assert shares(slow) == [(0, 0), (1, 10), (4, 0)]
    assert halts(slow)[0].startswith("halt: request-duration 9")


def test_no_traffic_is_a_failed_check() -> None:
    """Blue/green iterations send the canary nothing, unless a load tester does."""
    entry = flagger(iterations=3, threshold=2)
    run = run_of(entry)
    assert halts(run) == ["halt: request-success-rate no values found"] * 2
    assert (run.status, run.outcome["deployment_duration_s"]) == ("Failed", 240)

    tested = run_of({**entry, "assume": {"no_traffic": "passes"}})
    assert tested.status == "Succeeded"
    assert shares(tested) == [(0, 0), (4, 100)]


def test_with_noise_a_quiet_canary_fails_now_and_then() -> None:
    """A hundredth of 12 requests a minute: a check sees none with probability e^-0.12."""
    scenario = stratsim.load(
        {
            "name": "quiet",
            "platform": "ecs",
            "traffic": {"rate": 0.2, "dispersion": 1},
            "service": {"instances": 2, "startup": "0s", "drain": 0, "error_rate": 0},
            "release": {"outcomes": [{"name": "healthy", "probability": 1}]},
            "strategies": [{"name": "it", **flagger(stepWeight=1, maxWeight=5, threshold=3)}],
        }
    )
    rolled = [stratsim.simulate(scenario, "it", replication=k).status for k in range(20)]

    assert rolled.count("Failed") >= 18


def test_a_canary_that_never_gets_ready_meets_its_deadline() -> None:
    entry = flagger(stepWeight=10)
    entry["flagger"]["progressDeadlineSeconds"] = 300
    run = run_of(entry, {"kind": "startup", "probability": 1})

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Failed", 300)
    assert run.outcome["exposed_requests"] == 0


def test_an_analysis_may_be_skipped(planned: Planned) -> None:
    entry = flagger(stepWeight=10)
    entry["flagger"]["skipAnalysis"] = True

    assert not any(isinstance(s, Ladder) for s in planned("ecs", entry).plan.steps)


def test_a_whole_manifest_may_be_pasted(planned: Planned) -> None:
    analysis = flagger(stepWeight=50)["flagger"]["analysis"]
    manifest = {
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "shop"},
        "spec": {"targetRef": {"kind": "Deployment"}, "service": {"port": 80}, "analysis": analysis},
    }  # fmt: skip

    assert planned("ecs", {"flagger": manifest}).plan.steps[1].weights == (0.5, 1.0)


@pytest.mark.parametrize(
    ("metric", "assumed", "check"),
    [
        (SUCCESS, {}, Check(name="", query=Query(kind="success", window_s=60, factor=100), low=99)),
        (
            DURATION,
            {},
            Check(name="", query=Query(kind="latency", window_s=30, factor=1000), high=500),
        ),
        (
            {"name": "request-success-rate", "threshold": 95},
            {},
            Check(name="", query=Query(kind="success", window_s=60, factor=100), low=95),
        ),
        (
            {"name": "error-share", "threshold": 1, "templateRef": {"name": "x"}},
            {"error-share": {"measures": "error-rate", "unit": "fraction", "window": "2m"}},
            Check(name="", query=Query(kind="errors", window_s=120), high=1),
        ),
    ],
)
def test_what_a_metric_checks(
    planned: Planned, metric: dict[str, Any], assumed: dict[str, Any], check: Check
) -> None:
    entry = {**flagger(metric, stepWeight=10), "assume": {"metrics": assumed}}
    ladder = planned("ecs", entry).plan.steps[1]

    assert isinstance(ladder, Ladder)
    found = ladder.checks[0]
    assert (found.query, found.low, found.high) == (check.query, check.low, check.high)


def test_what_is_not_played_is_told(planned: Planned) -> None:
    hooks = [{"name": "ask", "type": "confirm-promotion", "url": "http://gate"}]
    group = DeploymentGroup(alarm_names=("errors",))
    warnings = planned("ecs", flagger(iterations=2, webhooks=hooks), group=group).plan.warnings

    assert [w.split()[0] for w in warnings] == ["Flagger", "blue/green", "webhooks"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (flagger(), "stepWeight: must be given, where neither stepWeights nor iterations is"),
        (flagger(stepWeights=[10, 10]), "in ascending order, each once"),
        (flagger(stepWeights=[50, 20]), "in ascending order, each once"),
        (flagger(stepWeight=101), r"an integer in \[0, 100\]"),
        (flagger(stepWeight=5, mirror=True), "stratsim does not play mirrored traffic"),
        (flagger({"name": "request-success-rate"}, stepWeight=5), "whatever is measured"),
        (flagger({"name": "mood", "threshold": 1}, stepWeight=5), "a name that tells what is"),
        (flagger(stepWeight=5, intervall="1m"), "Did you mean 'interval'"),
        ({"flagger": {}}, "analysis: must be given"),
        (
            {**flagger(stepWeight=5), "assume": {"matched_share": 2}},
            r"matched_share: must be a number in \[0, 1\]",
        ),
    ],
)
def test_a_canary_that_is_refused(refusal: Refusal, entry: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal("ecs", entry))
