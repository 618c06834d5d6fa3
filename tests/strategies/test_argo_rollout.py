"""Argo Rollouts: steps, pods, analyses, and what an abort does."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stratsim
from stratsim.model.analysis import Gate, Query, Watch
from stratsim.model.plan import Hold, Retire, Shift
from stratsim.model.scaling import Scale
from stratsim.model.settings import DeploymentGroup
from stratsim.strategies import PlanResult
from stratsim.strategies.replicas import rolling_bounds, unrouted
from stratsim.traced import Run

Planned = Callable[..., PlanResult]
Refusal = Callable[..., str]
Steps = list[dict[str, Any]]
ROUTED = {"trafficRouting": {"alb": {"ingress": "shop"}}}
PAUSE = {"pause": {"duration": "10m"}}
CHECK = {"analysis": {"templates": [{"templateName": "rate"}]}}


def canary(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"argoRollout": {"strategy": {"canary": {"steps": list(steps), **more}}}}


def blue_green(**more: Any) -> dict[str, Any]:
    return {"argoRollout": {"strategy": {"blueGreen": {"activeService": "shop", **more}}}}


def with_template(entry: dict[str, Any], **metric: Any) -> dict[str, Any]:
    whole = {
        "name": "success-rate", "interval": "1m", "count": 5, "failureLimit": 1,
        "successCondition": "result[0] >= 0.95", **metric,
    }  # fmt: skip
    return {
        **entry,
        "analysisTemplates": [{"metadata": {"name": "rate"}, "spec": {"metrics": [whole]}}],
    }


def run_of(entry: dict[str, Any], *faults: dict[str, Any], **sections: Any) -> Run:
    """Ten pods that start in a minute, noise off."""
    scenario = stratsim.load(
        {
            "name": "shop",
            "platform": "ecs",
            "traffic": {"rate": 100},
            "service": {"instances": 10, "zones": 1, "capacity": 50, "startup": "60s", "drain": 0},
            "metrics": {"phase": "0s"},
            "release": {"outcomes": [{"name": "it", "probability": 1, "faults": list(faults)}]},
            "control": {"reroute": "0s"},
            "noise": "expected",
            "strategies": [{"name": "it", **entry}],
        }
        | sections
    )
    return stratsim.simulate(scenario, "it")


def weights(run: Run) -> list[tuple[float, float]]:
    return [(r["time_s"] / 60, round(100 * r["new_share"], 6)) for r in run.document["weights"]]


def told(run: Run, kind: str) -> list[str]:
    return [e["detail"] for e in run.document["events"] if e["kind"] == kind]


# -- pods and weights ----------------------------------------------------------------------


@given(n=st.integers(1, 80), percent=st.integers(0, 100), surge=st.booleans())
def test_pods_stand_in_for_a_weight(n: int, percent: int, surge: bool) -> None:
    new, old = unrouted(n, percent, surge=surge)

    assert n <= new + old <= n + surge
    if 0 < percent < 100 and n > 1:
        assert min(new, old) >= 1
    assert abs(new / (new + old) - percent / 100) <= 1 / n


@pytest.mark.parametrize(
    ("surge", "unavailable", "n", "expected"),
    [
        ("25%", "25%", 10, (8, 13)),
        ("25%", 0, 10, (10, 13)),
        (1, 0, 10, (10, 11)),
        (0, 0, 10, (9, 10)),
        ("0%", "5%", 10, (9, 10)),
        ("25%", "25%", 1, (1, 2)),
    ],
)
def test_surge_rounds_up_and_unavailable_down(
    surge: Any, unavailable: Any, n: int, expected: tuple[int, int]
) -> None:
    assert rolling_bounds(surge, unavailable, n) == expected


def test_pods_come_before_their_weight(planned: Planned) -> None:
    steps = planned("ecs", canary({"setWeight": 25}, PAUSE, **ROUTED)).plan.steps

    assert [type(step) for step in steps] == [Scale, Shift, Hold, Scale, Shift, Retire]
    assert [step.new for step in steps if isinstance(step, Scale)] == [3, 10]
    assert [step.weight for step in steps if isinstance(step, Shift)] == [0.25, 1]
    assert steps[-1] == Retire(event="scaleDownDelay", wait_s=30.0, action="TERMINATE")


def test_a_dynamic_stable_set_shrinks_after_the_shift(planned: Planned) -> None:
    entry = canary({"setWeight": 40}, PAUSE, **ROUTED, dynamicStableScale=True)
    steps = planned("ecs", entry, reroute_s=5.0).plan.steps
    moves = [(s.old, s.new) for s in steps if isinstance(s, Scale)]

    assert moves == [(None, 4), (6, 4), (None, 10), (0, 10)]
    assert Hold(duration_s=5.0, event="weightVerified") in steps
    assert not any(isinstance(step, Retire) for step in steps)


def test_weights_may_go_back(planned: Planned) -> None:
    """Then the stable pods come first."""
    entry = canary({"setWeight": 60}, {"setWeight": 20}, **ROUTED, dynamicStableScale=True)
    steps = planned("ecs", entry).plan.steps
    moves = [(s.old, s.new) for s in steps if isinstance(s, Scale)]

    assert moves[2:4] == [(8, 6), (None, 2)]


@pytest.mark.parametrize(
    ("scale", "pods"),
    [
        ({"replicas": 4}, [4, 4, 10]),
        ({"weight": 70}, [7, 7, 10]),
        ({"matchTrafficWeight": True}, [2, 10]),
    ],
)
def test_the_canary_s_pods_may_be_set(
    planned: Planned, scale: dict[str, Any], pods: list[int]
) -> None:
    entry = canary({"setCanaryScale": scale}, {"setWeight": 20}, PAUSE, **ROUTED)
    steps = planned("ecs", entry).plan.steps
    moves = [s.new for s in steps if isinstance(s, Scale)]

    assert list(dict.fromkeys(moves)) == list(dict.fromkeys(pods))


def test_too_few_pods_for_their_weight_are_overloaded() -> None:
    """One pod of 50 requests/s gets half of 200."""
    entry = canary({"setCanaryScale": {"replicas": 1}}, {"setWeight": 50}, PAUSE, **ROUTED)
    run = run_of(entry, traffic={"rate": 200})

    assert run.outcome["failed_requests_capacity"] == pytest.approx(50 * 600, rel=0.2)


def test_another_weight_may_be_all(planned: Planned) -> None:
    routing = {"trafficRouting": {"maxTrafficWeight": 1000}}
    steps = planned("ecs", canary({"setWeight": 5}, PAUSE, **routing)).plan.steps

    assert [step.weight for step in steps if isinstance(step, Shift)] == [0.005, 1]


def test_a_replica_set_has_a_least_size(planned: Planned) -> None:
    entry = canary({"setWeight": 1}, PAUSE, **ROUTED, minPodsPerReplicaSet=3)

    assert planned("ecs", entry).plan.steps[0].new == 3


def test_without_steps_it_is_a_rolling_update(planned: Planned) -> None:
    result = planned("ecs", canary(maxSurge="25%", maxUnavailable=0), startup_s=60.0)

    assert min(row.in_service for row in result.rows) == 10
    assert max(row.instances for row in result.rows) == 13
    assert result.rows[-1].new_share == 1


def test_a_whole_manifest_may_be_pasted(planned: Planned) -> None:
    strategy = canary({"setWeight": 20}, PAUSE, **ROUTED)["argoRollout"]["strategy"]
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "shop"},
        "spec": {"replicas": 10, "minReadySeconds": 30, "selector": {}, "strategy": strategy},
    }  # fmt: skip
    result = planned("ecs", {"argoRollout": manifest}, startup_s=20.0)

    assert [row.time_s for row in result.rows if row.event == "setWeight"] == [30, 660]
    assert result.plan.warnings == ()


def test_the_scenario_s_fleet_holds(planned: Planned) -> None:
    entry = {"argoRollout": {"replicas": 4, "strategy": {"canary": {}}}}

    assert any("the latter holds" in w for w in planned("ecs", entry, n=6).plan.warnings)


# -- blue/green ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({}, 30),
        ({"autoPromotionSeconds": 120}, 150),
        ({"autoPromotionEnabled": False}, 930),
        ({"scaleDownDelaySeconds": 600}, 600),
        ({"prePromotionAnalysis": CHECK["analysis"]}, 270),
        ({"postPromotionAnalysis": CHECK["analysis"]}, 270),
    ],
)
def test_how_long_blue_green_takes(planned: Planned, more: dict[str, Any], seconds: float) -> None:
    """A person comes after on_call.respond, here a quarter of an hour."""
    assert planned("ecs", with_template(blue_green(**more))).duration_s == seconds


def test_a_preview_may_be_smaller(planned: Planned) -> None:
    steps = planned("ecs", blue_green(previewReplicaCount=2, autoPromotionSeconds=60)).plan.steps

    assert [step.new for step in steps if isinstance(step, Scale)] == [2, 10]


def test_a_bad_analysis_after_the_switch_switches_back() -> None:
    entry = with_template(blue_green(postPromotionAnalysis=CHECK["analysis"]), initialDelay="1m")
    run = run_of(entry, {"kind": "errors", "rate": 0.2})

    assert weights(run) == [(0, 0), (1, 100), (3, 0)]
    assert (run.status, run.outcome["rollback_latency_s"]) == ("Failed", 0)


# -- analyses ------------------------------------------------------------------------------


def test_an_analysis_step_blocks() -> None:
    """Five good measurements a minute apart, the first of them at once."""
    entry = with_template(canary({"setWeight": 20}, PAUSE, CHECK, **ROUTED))
    run = run_of(entry)

    assert weights(run) == [(0, 0), (1, 20), (16, 100)]
    assert len([t for t in told(run, "analysis") if t.endswith("Successful")]) == 5


@pytest.mark.parametrize(("limit", "minutes"), [(0, 2), (1, 3), (3, 5)])
def test_it_aborts_at_one_failure_more_than_the_limit(limit: int, minutes: float) -> None:
    entry = canary({"setWeight": 20}, CHECK, **ROUTED)
    run = run_of(
        with_template(entry, initialDelay="1m", failureLimit=limit, count=9),
        {"kind": "errors", "rate": 0.2},
    )

    assert weights(run) == [(0, 0), (1, 20), (minutes, 0)]
    assert run.status == "Failed"
    assert run.document["error_code"] is None


def test_a_background_analysis_begins_at_its_step() -> None:
    """At step 2, the pause at 20 %; it aborts in the middle of the pause."""
    analysis = {**CHECK["analysis"], "startingStep": 3}
    steps = ({"setWeight": 10}, PAUSE, {"setWeight": 20}, PAUSE)
    entry = with_template(canary(*steps, **ROUTED, analysis=analysis))
    plan = stratsim.plan(_scenario(entry), "it").plan

    assert [type(step) for step in plan.steps].index(Watch) == 5
    run = run_of(entry, {"kind": "errors", "rate": 0.2})
    assert weights(run) == [(0, 0), (1, 10), (12, 20), (13, 0)]


def _scenario(entry: dict[str, Any]) -> Any:
    return stratsim.load(
        {"name": "shop", "platform": "ecs", "strategies": [{"name": "it", **entry}]}
    )


def test_a_background_analysis_without_a_count_ends_with_the_rollout() -> None:
    template = with_template(
        canary({"setWeight": 20}, PAUSE, **ROUTED, analysis=CHECK["analysis"]),
        count=0, initialDelay="2m",
    )  # fmt: skip
    run = run_of(template)

    assert run.status == "Succeeded"
    assert len(told(run, "analysis")) == 11  # at minute 2 and then until 12


def test_nothing_measured_is_an_error_and_errors_add_up() -> None:
    """Before any traffic a query finds nothing: the fifth error in a row ends the analysis."""
    entry = with_template(canary(CHECK, {"setWeight": 20}, PAUSE, **ROUTED), interval="30s")
    run = run_of(entry)

    assert run.status == "Failed"
    assert run.outcome["deployment_duration_s"] == 120
    patient = with_template(canary(CHECK, **ROUTED), consecutiveErrorLimit=9, interval="30s")
    assert run_of(patient).outcome["deployment_duration_s"] == 270


def test_no_data_may_come_as_nan() -> None:
    entry = with_template(
        canary(CHECK, {"setWeight": 20}, **ROUTED),
        successCondition="isNaN(result[0]) || result[0] > 0.9",
    )

    assert run_of({**entry, "assume": {"no_data": "nan"}}).status == "Succeeded"


INCONCLUSIVE = {
    "initialDelay": "1m",
    "successCondition": "result[0] >= 0.95",
    "failureCondition": "result[0] < 0.5",
}


@pytest.mark.parametrize(
    ("assumed", "status", "minutes"),
    [
        ({}, "Succeeded", 18),
        ({"person_after": "5m"}, "Succeeded", 8),
        ({"person_after": "5m", "inconclusive": "aborts"}, "Failed", 7),
    ],
)
def test_an_inconclusive_analysis_waits_for_somebody(
    assumed: dict[str, Any], status: str, minutes: float
) -> None:
    """80 % is neither good nor bad. They come after on_call.respond, if nothing else is said."""
    entry = with_template(canary({"setWeight": 20}, CHECK, **ROUTED), **INCONCLUSIVE)
    run = run_of({**entry, "assume": assumed}, {"kind": "errors", "rate": 0.2})

    assert (run.status, weights(run)[2][0]) == (status, minutes)


def test_an_inconclusive_background_analysis_pauses_the_steps() -> None:
    """It is known at minute 2; somebody comes at 12, and the pause is over long before."""
    steps = ({"setWeight": 20}, {"pause": {"duration": "4m"}}, {"setWeight": 50}, PAUSE)
    entry = with_template(
        canary(*steps, **ROUTED, analysis={**CHECK["analysis"], "startingStep": 1}), **INCONCLUSIVE
    )
    run = run_of({**entry, "assume": {"person_after": "10m"}}, {"kind": "errors", "rate": 0.2})

    assert weights(run)[:3] == [(0, 0), (1, 20), (13, 50)]
    assert told(run, "people")[0] == "let it go on"


def test_a_dry_run_only_measures() -> None:
    entry = with_template(canary({"setWeight": 20}, CHECK, **ROUTED), initialDelay="1m")
    entry["analysisTemplates"][0]["spec"]["dryRun"] = [{"metricName": "success-rate"}]
    run = run_of(entry, {"kind": "errors", "rate": 0.2})

    assert run.status == "Succeeded"
    assert any("ends Failed" in text for text in told(run, "analysis"))


def test_latency_is_measured_in_the_query_s_unit() -> None:
    """Three times slower is over 500 ms at the 99th percentile; the plain one is not."""
    entry = with_template(
        canary({"setWeight": 20}, CHECK, **ROUTED),
        name="p99", initialDelay="1m", successCondition="result[0] <= 500",
    )  # fmt: skip
    entry |= {"assume": {"metrics": {"p99": {"measures": "latency-p99", "unit": "ms"}}}}
    latency = {"latency": {"median": "80ms", "p99": "300ms"}}
    service = {"instances": 10, "zones": 1, "capacity": 50, "startup": "60s", "drain": 0, **latency}

    assert run_of(entry, service=service).status == "Succeeded"
    slow = run_of(entry, {"kind": "latency", "factor": 3}, service=service)
    assert slow.status == "Failed"


@pytest.mark.parametrize(
    ("metric", "assumed", "query"),
    [
        ({}, {}, Query(kind="success", window_s=60.0)),
        (
            {"provider": {"prometheus": {"query": "rate(ok[5m])"}}},
            {},
            Query(kind="success", window_s=300.0),
        ),
        ({"name": "error-rate"}, {}, Query(kind="errors", window_s=60.0)),
        ({"name": "http-duration"}, {}, Query(kind="latency", window_s=60.0, statistic="p99")),
        (
            {"name": "apdex"},
            {"apdex": {"measures": "latency-mean", "unit": "ms", "window": "2m"}},
            Query(kind="latency", window_s=120.0, statistic="Average", factor=1000.0),
        ),
        (
            {"name": "rate"},
            {"rate": {"measures": "success-rate", "unit": "percent"}},
            Query(kind="success", window_s=60.0, factor=100.0),
        ),
    ],
)
def test_what_a_query_measures(
    planned: Planned, metric: dict[str, Any], assumed: dict[str, Any], query: Query
) -> None:
    entry = with_template(canary(CHECK, **ROUTED), **metric)
    gate = planned("ecs", {**entry, "assume": {"metrics": assumed}}).plan.steps[0]

    assert isinstance(gate, Gate)
    assert gate.metrics[0].query == query


def test_a_window_shorter_than_a_scrape_is_told(planned: Planned) -> None:
    entry = with_template(canary(CHECK, **ROUTED), interval="10s")

    assert any("it never finds any data" in w for w in planned("ecs", entry).plan.warnings)


# -- aborts --------------------------------------------------------------------------------


def test_an_abort_waits_for_a_dynamic_stable_set() -> None:
    """Pods take a minute, and so does the way back; a kept set takes none."""
    entry = with_template(canary({"setWeight": 60}, CHECK, **ROUTED), initialDelay="1m")
    dynamic = with_template(
        canary({"setWeight": 60}, CHECK, **ROUTED, dynamicStableScale=True), initialDelay="1m"
    )
    bad = {"kind": "errors", "rate": 0.2}

    assert run_of(entry, bad).outcome["rollback_latency_s"] == 0
    assert run_of(dynamic, bad).outcome["rollback_latency_s"] == 60


def test_without_a_router_an_abort_is_a_rolling_update() -> None:
    """Eight of ten stay available, so six new pods need more than one wave to go."""
    entry = with_template(
        canary({"setWeight": 60}, CHECK, maxSurge=0, maxUnavailable=2), initialDelay="1m"
    )
    run = run_of(entry, {"kind": "errors", "rate": 0.2})

    assert run.outcome["rollback_latency_s"] == 120
    assert run.outcome["min_capacity"] == pytest.approx(0.8)


NEVER = {"kind": "startup", "probability": 1}


def test_a_deadline_aborts_only_where_it_is_told_to() -> None:
    late = canary({"setWeight": 20}, PAUSE, **ROUTED)
    late["argoRollout"]["progressDeadlineSeconds"] = 300
    hung = run_of(late, NEVER)
    assert (hung.status, hung.outcome["deployment_duration_s"]) == ("Failed", 3600)
    assert hung.outcome["rollback_latency_s"] is None

    late["argoRollout"]["progressDeadlineAbort"] = True
    aborted = run_of(late, NEVER)
    assert (aborted.status, aborted.outcome["deployment_duration_s"]) == ("Failed", 300)
    assert aborted.outcome["rollback_latency_s"] == 0


def test_no_alarm_is_looked_at(planned: Planned) -> None:
    group = DeploymentGroup(alarm_names=("errors",))
    plan = planned("ecs", canary({"setWeight": 5}, **ROUTED), group=group).plan

    assert plan.group.alarm_names == ()
    assert any(w.startswith("Argo Rollouts looks at no alarm") for w in plan.warnings)


# -- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (canary({"setWeight": 101}, **ROUTED), "setWeight: must be at most 100, but got 101"),
        (canary({"setWait": 1}), "a step with one of the keys setWeight, pause, setCanaryScale"),
        (canary({"setMirrorRoute": {}}), "header and mirror routes, experiments and plugins"),
        (canary({"pause": {"duration": "soon"}}), r"steps\[0\].pause.duration: .*a duration"),
        (canary({"setCanaryScale": {"replicas": 1}}), "absent without trafficRouting"),
        (canary(dynamicStableScale=True), "false without trafficRouting"),
        (canary(maxSurge="a few"), "a number of pods or a percentage such as 25%"),
        (canary(CHECK), r"steps\[0\].analysis.templates: must be the name of a template under"),
        (canary({"setWeigh": 10}), "Did you mean 'setWeight'"),
        ({"argoRollout": {"strategy": {}}}, "either canary or blueGreen"),
        ({"argoRollout": {"replica": 3, "strategy": {"canary": {}}}}, "Did you mean 'replicas'"),
        (
            with_template(canary(CHECK), successCondition="result[0] >= ok"),
            "a condition on one number, result, but got .*'ok' is not known",
        ),
        (with_template(canary(CHECK), name="apdex"), "a name that tells what is measured"),
        (with_template(canary(CHECK), failureLimit=-2), "an integer >= -1"),
        ({**canary(), "assume": {"persons_after": 1}}, "Did you mean 'person_after'"),
        (
            {**canary(), "assume": {"metrics": {"x": {"measures": "mood"}}}},
            "assume.metrics.x.measures: must be one of success-rate",
        ),
    ],
)
def test_a_rollout_that_is_refused(refusal: Refusal, entry: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal("ecs", entry))
