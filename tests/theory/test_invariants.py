"""What must hold whatever the scenario: nothing from nothing, and nothing lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stratsim

Make = Callable[..., Any]

DAMAGE = (
    *("failed_requests", "failed_requests_fault", "failed_requests_capacity"),
    *("slow_requests", "exposed_requests", "affected_users", "error_budget", "failure_cost_usd"),
)
GREEN = {"deploymentStyle": {"deploymentType": "BLUE_GREEN"}}
STRATEGIES: list[tuple[str, str | dict[str, Any]]] = [
    ("ecs", "CodeDeployDefault.ECSAllAtOnce"),
    ("ecs", "CodeDeployDefault.ECSCanary10Percent5Minutes"),
    ("ecs", "CodeDeployDefault.ECSLinear10PercentEvery1Minutes"),
    ("ecs", {"name": "rolling", "ecs": {"minimumHealthyPercent": 50, "maximumPercent": 150}}),
    ("ecs", {"name": "steps", "steps": [{"weight": 5, "pause": "2m"}, {"weight": 60}]}),
    ("lambda", "CodeDeployDefault.LambdaCanary10Percent5Minutes"),
    ("lambda", {"name": "steps", "steps": [{"weight": 5, "pause": "2m"}, {"weight": 60}]}),
    ("ec2", "CodeDeployDefault.OneAtATime"),
    ("ec2", "CodeDeployDefault.HalfAtATime"),
    ("ec2", {"name": "green", "deploymentConfigName": "CodeDeployDefault.AllAtOnce", **GREEN}),
    ("ec2", {"name": "steps", "steps": [{"weight": 5, "pause": "2m"}, {"weight": 60}]}),
]


def noisy(platform: str) -> dict[str, Any]:
    """A day like any other: background errors in clumps, slow starts, faults around.

    Functions start at once: where they do not, a new version's cold starts are
    slow requests on account of the deployment, without any fault.
    """
    service: dict[str, Any] = {"error_rate": 0.02, "error_dispersion": 4}
    if platform != "lambda":
        service |= {"drain": 20, "startup": "30s"}
    return {
        "service": service,
        "traffic": {"rate": 40, "dispersion": 2, "users": {"active": 1000}},
        "environment": [
            {"kind": "errors", "rate": 0.2, "at": "1m", "for": "3m"},
            {"kind": "latency", "factor": 3, "at": "2m", "for": "3m"},
        ],
    }


@pytest.mark.parametrize(("platform", "strategy"), STRATEGIES)
def test_no_fault_no_blast_radius(
    platform: str, strategy: str | dict[str, Any], scenario_of: Make, compare: Make
) -> None:
    """A good release on a fleet with room to spare hurts nobody, however bad the day."""
    scenario = scenario_of(strategy, platform=platform, wait_min=2, **noisy(platform))

    runs = compare(scenario, replications=20, seed=1).samples[0]

    assert {name: runs.measures[name].max() for name in DAMAGE} == dict.fromkeys(DAMAGE, 0)
    assert all(np.isnan(runs.measures["time_to_detect_s"]))
    assert all(np.isnan(runs.measures["time_to_restore_s"]))
    assert not runs.events["missed"].any()
    assert (runs.measures["peak_exposure"] == 1).all()


@pytest.mark.parametrize("noise", ["sampled", "expected"])
@pytest.mark.parametrize("platform", ["ecs", "lambda", "ec2"])
def test_no_weight_no_exposure(platform: str, noise: str, scenario_of: Make) -> None:
    """The worst release does nothing as long as it gets no traffic."""
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 0, "pause": "1h"}]},
        platform=platform,
        faults=[{"kind": "errors", "rate": 1}, {"kind": "latency", "factor": 100}],
        noise=noise,
    )

    run = stratsim.simulate(scenario, "it")

    assert {name: run.outcome[name] for name in DAMAGE} == dict.fromkeys(DAMAGE, 0)
    assert run.outcome["time_to_restore_s"] is None


def test_a_deployment_that_is_never_continued_exposes_nobody(scenario_of: Make) -> None:
    ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 10}
    scenario = scenario_of(
        {
            "name": "it",
            "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
            "blueGreenDeploymentConfiguration": {"deploymentReadyOption": ready},
        },
        faults=[{"kind": "errors", "rate": 1}],
    )

    run = stratsim.simulate(scenario, "it")

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Stopped", 600)
    assert run.outcome["peak_exposure"] == 0
    assert run.outcome["exposed_requests"] == 0


@pytest.mark.parametrize("noise", ["sampled", "expected"])
@pytest.mark.parametrize(
    ("platform", "all_at_once"),
    [
        ("ecs", "CodeDeployDefault.ECSAllAtOnce"),
        ("lambda", "CodeDeployDefault.LambdaAllAtOnce"),
        ("ecs", {"name": "pasted", "trafficRoutingConfig": {"type": "AllAtOnce"}}),
    ],
)
def test_one_step_of_everything_is_all_at_once(
    platform: str,
    all_at_once: str | dict[str, Any],
    noise: str,
    scenario_of: Make,
    alarm_on: Make,
    compare: Make,
) -> None:
    """Every measure of every run, to the last bit."""
    names = {"ecs": {}, "lambda": {"metric": "Errors", "namespace": "AWS/Lambda"}}
    scenario = scenario_of(
        [all_at_once, {"name": "steps", "steps": [{"weight": 100}]}],
        platform=platform,
        faults=[{"kind": "errors", "rate": {"min": 0, "max": 0.1}, "after": "90s"}],
        alarms=[alarm_on(above=1100, m=2, n=3, **names[platform])],
        wait_min=20,
        noise=noise,
        metrics={"delay": {"median": "45s", "p95": "90s"}, "phase": "random"},
        control={"alarm_poll": 10, "reroute": 5, "follow_up": "1h"},
        on_call={"respond": "10m", "notice": "30m"},
        **{**noisy(platform), "traffic": {"rate": 400}},
    )

    a, b = compare(scenario, replications=40, seed=3).samples

    assert {name: values.tobytes() for name, values in a.measures.items()} == {
        name: values.tobytes() for name, values in b.measures.items()
    }
    assert {name: list(values) for name, values in a.events.items()} == {
        name: list(values) for name, values in b.events.items()
    }
    assert np.isfinite(a.measures["time_to_restore_s"]).all()


def counted(run: Any, metric: str) -> float:
    """Return the sum of a count over all whole minutes of the deployment."""
    frame = run.metrics[(run.metrics["metric"] == metric) & (run.metrics["time_s"] >= 0)]
    return float(frame["value"].sum())


@pytest.mark.parametrize("platform", ["ecs", "lambda", "ec2"])
def test_every_request_of_a_changing_day_is_counted_once(platform: str, scenario_of: Make) -> None:
    """Steps of traffic under steps of weight: the counts add up to the arrivals."""
    profile = {"kind": "steps", "points": [[0, 10], ["90s", 70], ["10m", 20]]}
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 7, "pause": "100s"}, {"weight": 40, "pause": "1000s"}]},
        platform=platform,
        faults=[{"kind": "errors", "rate": 0.3}],
        traffic={"rate": None, "profile": profile},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    # the run ends after 1,100 s, within a minute that is never published
    arrivals = 90 * 10 + 510 * 70 + 480 * 20
    metric = "Invocations" if platform == "lambda" else "RequestCount"
    assert counted(run, metric) == pytest.approx(arrivals, rel=1e-12)
    exposed = 0.07 * (90 * 10 + 10 * 70) + 0.4 * (500 * 70 + 500 * 20)
    assert run.outcome["exposed_requests"] == pytest.approx(exposed, rel=1e-12)


def test_what_is_not_rejected_is_served(scenario_of: Make) -> None:
    """12 requests/s come to a new revision that serves 5: rejected and served make up all."""
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 100, "pause": "10m"}]},
        faults=[{"kind": "capacity", "factor": 0.5}],
        service={"capacity": 1},
        traffic={"rate": 12},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert counted(run, "RequestCount") == pytest.approx(12 * 600)
    assert counted(run, "HTTPCode_ELB_5XX_Count") == pytest.approx(7 * 600)
    assert run.outcome["exposed_requests"] == pytest.approx(5 * 600)


@pytest.mark.parametrize("dispersion", [0, 0.5, 1, 4])
def test_noise_moves_requests_but_makes_none(
    dispersion: float, scenario_of: Make, mean_is: Make, compare: Make
) -> None:
    """Counts are whole; those that failed are among those exposed; the mean stays."""
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 25, "pause": "4m"}]},
        faults=[{"kind": "errors", "rate": 0.3}],
        traffic={"rate": 20, "dispersion": dispersion},
    )

    runs = compare(scenario, replications=400, seed=5).sample("it")

    exposed, failed = runs.measures["exposed_requests"], runs.measures["failed_requests"]
    assert (exposed % 1 == 0).all()
    assert (failed % 1 == 0).all()
    assert (failed <= exposed).all()
    mean_is(failed, 0.3 * 0.25 * 20 * 240)
    if dispersion > 0:
        mean_is(exposed, 0.25 * 20 * 240)
    else:
        assert set(exposed) == {0.25 * 20 * 240}


CSV = "timestamp,value\n" + "".join(
    f"2024-01-01 0{minute // 60}:{minute % 60:02d}:00,{value}\n"
    for minute, value in zip(range(0, 60, 5), range(100, 1300, 100), strict=True)
)


def test_a_trace_gives_back_its_counts(scenario_of: Make, tmp_path: Path) -> None:
    """5-minute counts 100, 200, ... 1,200; the deployment sees those of its 50 minutes."""
    file = tmp_path / "elb.csv"
    file.write_text(CSV)
    profile = {"kind": "trace", "file": str(file), "period": "5m", "unit": "count"}
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 100, "pause": "50m"}]},
        faults=[{"kind": "errors", "rate": 0.5}],
        traffic={"rate": None, "profile": profile},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    total = sum(range(100, 1100, 100))
    assert counted(run, "RequestCount") == pytest.approx(total, rel=1e-12)
    assert run.outcome["exposed_requests"] == pytest.approx(total, rel=1e-12)


def test_the_totals_of_a_real_trace(scenario_of: Make, shared: Path, compare: Make) -> None:
    """Requests of a real load balancer in five minutes each, two weeks, with gaps."""
    file = shared / "data" / "traces" / "nab_elb_request_count_5min.csv"
    if not file.is_file():
        pytest.skip("needs the trace among the reference data")
    profile = {"kind": "trace", "file": str(file), "period": "5m", "unit": "count"}
    scenario = scenario_of(
        {"name": "it", "steps": [{"weight": 100, "pause": "30h"}]},
        faults=[{"kind": "errors", "rate": 0.5}],
        traffic={"rate": None, "profile": profile},
        noise="expected",
    )

    comparison = compare(scenario)

    values = [float(line.split(",")[1]) for line in file.read_text().splitlines()[1:]]
    # 30 hours are 359 rows and one that is missing after 11.5 hours: the mean of its neighbours
    gap = (values[137] + values[138]) / 2
    exposed = comparison.sample("it").measures["exposed_requests"]
    assert exposed == pytest.approx([sum(values[:359]) + gap], rel=1e-12)
    assert any("gap" in warning for warning in comparison.warnings)
