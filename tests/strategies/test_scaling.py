"""Waves of instances, on paper and in a run: bounds, failures, what is seen of them."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stratsim
from stratsim.model.quantities import Fixed
from stratsim.model.scaling import Scale
from stratsim.strategies.waves import Sizes, Wave, next_wave, reached, resized
from stratsim.traced import Run

STEP = Scale(event="it", old=0, new=10, startup=Fixed(60.0))


@pytest.mark.parametrize(
    ("changes", "sizes", "wave"),
    [
        ({}, (10, 0), Wave(stop_old=10, start_new=10)),
        ({"lower": 8, "upper": 10}, (10, 0), Wave(stop_old=2, start_new=2)),
        ({"lower": 10, "upper": 11}, (10, 0), Wave(start_new=1)),
        ({"lower": 10, "upper": 11}, (10, 1), Wave(stop_old=1, start_new=1)),
        ({"lower": 0, "batch": 3}, (10, 0), Wave(stop_old=3, start_new=3)),
        ({"old": None, "new": 3}, (10, 0), Wave(start_new=3)),
        ({"old": 6, "new": 4}, (6, 9), Wave(stop_new=5)),
        ({"lower": 10, "upper": 10}, (10, 0), Wave()),
    ],
)
def test_one_wave(changes: dict[str, Any], sizes: tuple[int, int], wave: Wave) -> None:
    assert next_wave(replace(STEP, **changes), Sizes(*sizes, *sizes)) == wave


def test_what_is_not_up_stops_first() -> None:
    """Two of the old ones are down: they may go although nobody else could."""
    step = replace(STEP, lower=8, upper=10)

    assert next_wave(step, Sizes(10, 0, 8, 0)) == Wave(stop_old=2, start_new=2)
    assert next_wave(step, Sizes(10, 0, 9, 0)) == Wave(stop_old=2, start_new=2)


@given(
    n=st.integers(1, 40), low=st.integers(0, 40), more=st.integers(0, 20), size=st.integers(1, 40)
)
def test_waves_come_to_an_end_within_their_bounds(n: int, low: int, more: int, size: int) -> None:
    low = min(low, n)
    step = replace(STEP, new=n, lower=low, upper=n + more, batch=size)
    old, new, waves = n, 0, 0
    while not reached(step, Sizes(old, new, old, new)):
        wave = next_wave(step, Sizes(old, new, old, new))
        if not wave:
            assert (low, more) == (n, 0)
            return
        assert max(wave.stops, wave.starts) <= size
        assert old + new - wave.stops >= low
        old, new = old - wave.stop_old, new + wave.start_new
        assert old + new <= n + more
        waves += 1
    assert waves <= 2 * n + 1


@pytest.mark.parametrize(
    ("changes", "size", "wanted"),
    [
        ({"lower": 9, "upper": 11}, 20, {"new": 20, "lower": 18, "upper": 22}),
        # room for one is left, as where the bounds are percentages from the start
        ({"lower": 9, "upper": 11}, 5, {"new": 5, "lower": 4, "upper": 6}),
        ({"lower": 9, "upper": 10}, 4, {"new": 4, "lower": 3, "upper": 4}),
        ({"lower": 10, "upper": 11}, 12, {"new": 12, "lower": 12, "upper": 13}),
        # a canary of a fifth: 3.2 pods of 16 become 4, and 12 stay
        ({"old": 8, "new": 2, "lower": 8}, 16, {"old": 12, "new": 4, "lower": 13}),
        ({"old": None, "new": 2}, 16, {"old": None, "new": 4}),
        # CloudFormation's numbers stay: at least 8, three at a time, 11 at most
        (
            {"lower": 8, "upper": 11, "batch": 3, "fixed": True},
            20,
            {"new": 20, "lower": 8, "upper": 20},
        ),
        (
            {"lower": 8, "upper": 11, "batch": 3, "fixed": True},
            6,
            {"new": 6, "lower": 6, "upper": 11},
        ),
        ({"lower": 9, "upper": 11}, 10, {}),
    ],
)
def test_a_step_for_a_fleet_of_another_size(
    changes: dict[str, Any], size: int, wanted: dict[str, Any]
) -> None:
    step = replace(STEP, **changes)

    assert resized(step, size, 10) == replace(step, **wanted)


@given(
    n=st.integers(1, 30),
    low=st.integers(0, 29),
    more=st.integers(0, 10),
    sizes=st.lists(st.integers(1, 60), max_size=4),
    fixed=st.booleans(),
)
def test_waves_come_to_an_end_whatever_the_size_becomes(
    n: int, low: int, more: int, sizes: list[int], fixed: bool
) -> None:
    """After each wave the fleet gets another size, as long as there are any."""
    low = min(low, n - (not more))  # room for one
    planned = step = replace(STEP, new=n, lower=low, upper=n + more, batch=3, fixed=fixed)
    old, new, size = n, 0, n
    for _ in range(200):
        if reached(step, Sizes(old, new, old, new)):
            break
        wave = next_wave(step, Sizes(old, new, old, new))
        assert wave
        old += wave.start_old - wave.stop_old
        new += wave.start_new - wave.stop_new
        if sizes:
            size = sizes.pop()
            step = resized(planned, size, n)

    assert (old, new) == (0, size)


def run_of(entry: dict[str, Any], *faults: dict[str, Any], **sections: Any) -> Run:
    scenario = stratsim.load(scenario_of(entry, *faults) | sections)
    return stratsim.simulate(scenario, "it")


def scenario_of(entry: dict[str, Any], *faults: dict[str, Any]) -> dict[str, Any]:
    """Ten instances that start in a minute, noise off."""
    return {
        "name": "shop",
        "platform": "ec2",
        "traffic": {"rate": 100},
        "service": {
            "instances": 10, "zones": 1, "capacity": 50, "startup": "60s", "drain": "30s",
            "health_check": {"interval": "10s", "unhealthy": 3, "grace": "0s"},
        },
        "metrics": {"phase": "0s"},
        "release": {"outcomes": [{"name": "it", "probability": 1, "faults": list(faults)}]},
        "control": {"reroute": "0s"},
        "noise": "expected",
        "strategies": [{"name": "it", **entry}],
    }  # fmt: skip


REFRESH = {"instanceRefresh": {"MinHealthyPercentage": 80, "AutoRollback": True}}
HALF = {"kind": "startup", "probability": 0.5}


def targets(run: Run, status: str) -> list[float]:
    events = run.document["events"]
    return [e["time_s"] for e in events if e["kind"] == "target" and e["detail"].endswith(status)]


def told(run: Run) -> list[tuple[str, str, float]]:
    """(host, status, seconds) of everything that is told of an instance."""
    events = [e for e in run.document["events"] if e["kind"] == "target"]
    return [(*e["detail"].rsplit(" ", 1), e["time_s"]) for e in events]


def test_what_fails_to_start_is_launched_again() -> None:
    """Every second instance fails; its health checks take half a minute to say so."""
    run = run_of(REFRESH, HALF)

    assert run.status == "Succeeded"
    assert len(targets(run, "Failed")) > 0
    assert len(targets(run, "InProgress")) == 10 + len(targets(run, "Failed"))
    begun = {host: when for host, status, when in told(run) if status == "InProgress"}
    assert {when - begun[host] for host, status, when in told(run) if status == "Failed"} == {90}
    assert run.outcome["min_capacity"] == pytest.approx(0.8)


def test_after_an_hour_of_failures_it_gives_up() -> None:
    run = run_of(REFRESH, {"kind": "startup", "probability": 1})

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Failed", 3600)
    assert run.document["weights"][-1]["new_share"] == 0


def test_the_way_back_keeps_the_bounds_and_takes_its_time() -> None:
    """An alarm in the middle: waves of two, a minute each, until the old ones are back."""
    alarm = {
        "AlarmName": "errors", "Namespace": "AWS/ApplicationELB", "Period": 60,
        "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum", "EvaluationPeriods": 1,
        "Threshold": 300, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }  # fmt: skip
    preferences = {**REFRESH["instanceRefresh"], "AlarmSpecification": {"Alarms": ["errors"]}}
    run = run_of({"instanceRefresh": preferences}, {"kind": "errors", "rate": 0.2}, alarms=[alarm])

    assert (run.status, run.document["error_code"]) == ("Stopped", "ALARM_ACTIVE")
    back = [r["new_share"] for r in run.document["weights"]]
    assert max(back) > back[-1] == 0
    assert run.outcome["rollback_latency_s"] > 60
    assert run.outcome["min_capacity"] == pytest.approx(0.8)


def test_draining_instances_cost_and_are_waited_for() -> None:
    cost = {"instance_hour": 1.0}
    run = run_of(REFRESH, cost=cost)

    # five waves of two, whose old instances drain half a minute each
    assert run.outcome["deployment_duration_s"] == 5 * 60
    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(10 * 30 / 3600, rel=1e-3)


def test_people_may_stop_a_refresh_between_waves() -> None:
    entry = {"instanceRefresh": {"MinHealthyPercentage": 80}}
    run = run_of(entry, {"kind": "errors", "rate": 0.2}, on_call={"notice": "90s"})

    assert (run.status, run.document["error_code"]) == ("Stopped", "MANUAL_STOP")
    assert run.document["weights"][-1]["new_share"] == 0
    assert run.outcome["rollback_latency_s"] is None


def test_both_engines_know_waves() -> None:
    scenario = replace(stratsim.load(scenario_of(REFRESH)), noise="expected")

    slow, fast = (stratsim.compare(scenario, replications=4, engine=e) for e in ("des", "batch"))

    for name, values in slow.samples[0].measures.items():
        assert fast.samples[0].measures[name] == pytest.approx(values, rel=1e-9, nan_ok=True), name


ANALYSIS = {
    "interval": "1m", "threshold": 9, "stepWeight": 10,
    "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 100}}],
}  # fmt: skip


def test_an_analysis_sees_what_the_metrics_tell() -> None:
    """A tick at the end of a minute judges the requests that CloudWatch counts in it."""
    scenario = scenario_of({"flagger": {"analysis": ANALYSIS}}, {"kind": "errors", "rate": 0.03})
    scenario |= {"platform": "ecs", "noise": "sampled"}
    run = stratsim.simulate(stratsim.load(scenario), "it")

    def minutes(metric: str) -> dict[float, float]:
        rows = run.document["metrics"]
        new = [r for r in rows if r["dimensions"].get("TargetGroup") == "new"]
        return {r["time_s"]: r["value"] for r in new if r["metric"] == metric}

    requests, errors = minutes("RequestCount"), minutes("HTTPCode_Target_5XX_Count")
    seen = {
        event["time_s"]: float(event["detail"].rsplit(" ", 1)[-1])
        for event in run.document["events"]
        if event["detail"].startswith("halt: request-success-rate")
    }
    assert len(seen) > 3
    for when, percent in seen.items():
        at = when - 60
        expected = 100 * (1 - errors.get(at, 0.0) / requests[at])
        assert percent == pytest.approx(expected, rel=1e-5)


def test_the_same_seed_makes_the_same_analysis() -> None:
    scenario = scenario_of({"flagger": {"analysis": ANALYSIS}}, {"kind": "errors", "rate": 0.01})
    loaded = stratsim.load(scenario | {"platform": "ecs", "noise": "sampled"})
    first = stratsim.compare(loaded, replications=40, seed=5).to_dict()
    second = stratsim.compare(loaded, replications=40, seed=5, workers=2).to_dict()

    assert first["strategies"] == second["strategies"]
