"""The worked numbers of CodeDeploy's neighbours, on the public API with noise off.

W58-W68, W72 and W75, and the rows of P6, P19 and P20 that Argo Rollouts and Flagger
own. Each test bears the numbers it holds.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

import stratsim
from stratsim.model.plan import Plan
from stratsim.model.scaling import Scale
from stratsim.model.scenario import Scenario
from stratsim.strategies import PlanResult
from stratsim.traced import Run

Deploy = Callable[..., Run]
ScenarioOf = Callable[..., Scenario]
Planned = tuple[PlanResult, Run]

COMMAND = "aws:elasticbeanstalk:command"
HOUR = 60


def weights(run: Run) -> list[tuple[float, float]]:
    """(minute, percent) of every change of the share on the new revision."""
    rows = run.document["weights"][1:]
    return [(round(r["time_s"] / 60, 9), round(100 * r["new_share"], 9)) for r in rows]


def rows_with(result: PlanResult, event: str) -> list[tuple[float, float]]:
    """(minute, percent) of the rows of an event."""
    return [(r.time_s / 60, round(100 * r.new_share, 9)) for r in result.rows if r.event == event]


def both(scenario_of: ScenarioOf, platform: str, entry: dict[str, Any], **more: Any) -> Planned:
    """The plan and the run of one entry."""
    scenario = scenario_of(platform, entry, **more)
    return stratsim.plan(scenario, "it"), stratsim.simulate(scenario, "it")


def launched_at(run: Run) -> list[float]:
    """Minutes at which instances were launched, one entry for each."""
    return [
        event["time_s"] / 60
        for event in run.document["events"]
        if event["kind"] == "target" and event["detail"].endswith("InProgress")
    ]


def first_scale(plan: Plan) -> Scale:
    step = plan.steps[0]
    assert isinstance(step, Scale)
    return step


# -- Auto Scaling instance refresh ---------------------------------------------------------


def refresh(**preferences: Any) -> dict[str, Any]:
    return {"instanceRefresh": {"InstanceWarmup": 60, **preferences}}


@pytest.mark.parametrize(("low", "at_once"), [(90, 1), (80, 2), (100, 1), (0, 10)])
def test_w58_replaced_at_a_time(scenario_of: ScenarioOf, low: int, at_once: int) -> None:
    """Of ten instances 90 / 80 / 100 / 0 % let 1 / 2 / 1 / 10 be replaced at a time."""
    plan, run = both(scenario_of, "ec2", refresh(MinHealthyPercentage=low))

    assert plan.plan.concurrency == at_once
    assert launched_at(run) == [k // at_once for k in range(10)]
    assert run.outcome["deployment_duration_s"] == plan.duration_s == 60 * 10 / at_once


def test_w58_all_but_one_stay_in_service(scenario_of: ScenarioOf) -> None:
    """What starts in half a minute is away that long; the rest serves."""
    service = {"instances": 10, "zones": 1, "drain": "0s", "startup": "30s"}
    run = both(scenario_of, "ec2", refresh(MinHealthyPercentage=80), service=service)[1]

    assert run.outcome["min_capacity"] == pytest.approx(0.8)


def test_w59_one_extra_is_launched_first(scenario_of: ScenarioOf) -> None:
    entry = refresh(MinHealthyPercentage=100, MaxHealthyPercentage=110)
    service = {"instances": 10, "zones": 1, "drain": "0s", "startup": "30s"}
    plan, run = both(scenario_of, "ec2", entry, service=service)

    assert max(row.instances for row in plan.rows) == 11
    assert min(row.in_service for row in plan.rows) == 10
    assert run.outcome["min_capacity"] == 1
    # one instance more for ten minutes, at a dollar each hour
    cost = {"instance_hour": 1.0}
    dear = both(scenario_of, "ec2", entry, service=service, cost=cost)[1]
    assert dear.outcome["infrastructure_cost_usd"] == pytest.approx(10 / 60, rel=1e-3)


def test_a_hundred_in_so_many_words_launches_first(scenario_of: ScenarioOf) -> None:
    """Left out it terminates first: one instance is its own outage."""
    given = refresh(MinHealthyPercentage=100, MaxHealthyPercentage=100)
    service = {"instances": 1, "zones": 1, "drain": "0s", "startup": "30s", "capacity": 500}

    def kept(entry: dict[str, Any]) -> float | None:
        return both(scenario_of, "ec2", entry, service=service)[1].outcome["min_capacity"]

    assert kept(given) == 1
    assert kept(refresh(MinHealthyPercentage=100)) == 0


def test_w60_the_documented_timeline(scenario_of: ScenarioOf) -> None:
    """Two at 0:00, two at 0:25, one at 0:35; half of the group is new at 0:45."""
    entry = refresh(
        MinHealthyPercentage=80,
        InstanceWarmup=600,
        CheckpointPercentages=[20, 50],
        CheckpointDelay=900,
    )
    plan, run = both(scenario_of, "ec2", entry)

    assert launched_at(run) == [0, 0, 25, 25, 35]
    assert run.outcome["deployment_duration_s"] == plan.duration_s == 45 * 60
    assert run.document["weights"][-1]["new_share"] == 0.5
    assert any("the refresh ends there" in warning for warning in run.warnings)


def test_w61_a_checkpoint_is_skipped(scenario_of: ScenarioOf) -> None:
    """One of two is 50 %: the checkpoint at 10 is passed over, that at 40 is waited at."""
    entry = refresh(CheckpointPercentages=[10, 40, 100], CheckpointDelay=600)
    plan, run = both(scenario_of, "ec2", entry, n=2)

    assert rows_with(plan, "CheckpointDelay") == [(1, 50)]
    assert launched_at(run) == [0, 11]


# -- CloudFormation ------------------------------------------------------------------------


def test_w62_signals_that_are_needed(scenario_of: ScenarioOf) -> None:
    """50 % of five instances are three signals: two may fail, a third one may not."""
    policy = {
        "MaxBatchSize": 5,
        "WaitOnResourceSignals": True,
        "PauseTime": "PT10M",
        "MinSuccessfulInstancesPercent": 50,
    }
    entry = {"AutoScalingRollingUpdate": policy}
    plan = both(scenario_of, "ec2", entry, n=5)[0].plan
    assert 5 - first_scale(plan).forgiven == 3

    def status(zones: list[int]) -> str:
        faults = [{"kind": "startup", "probability": 1, "zones": zones}]
        service = {"instances": 5, "zones": 5, "startup": "30s", "drain": "0s"}
        return both(scenario_of, "ec2", entry, faults=faults, service=service)[1].status

    assert status([1, 2]) == "Succeeded"
    assert status([1, 2, 3]) == "Failed"


@pytest.mark.parametrize("key", ["AWS::CodeDeploy::BlueGreen", "codeDeployBlueGreenHook"])
def test_w72_the_hook_s_defaults(scenario_of: ScenarioOf, key: str) -> None:
    plan, run = both(scenario_of, "ecs", {key: {}})

    assert rows_with(plan, "AllowTraffic") == [(0, 15), (5, 100)]
    assert weights(run) == [(0, 15), (5, 100)]
    assert run.outcome["deployment_duration_s"] == 10 * 60  # blue is kept 5 min more


def test_w72_a_step_of_13_percent_is_refused(scenario_of: ScenarioOf) -> None:
    canary = {"StepPercentage": 13, "BakeTimeMins": 5}
    routing = {"Type": "TimeBasedCanary", "TimeBasedCanary": canary}

    def entry() -> dict[str, Any]:
        return {"AWS::CodeDeploy::BlueGreen": {"TrafficRoutingConfig": routing}}

    with pytest.raises(stratsim.errors.InputError, match=r"an integer in \[14, 99\], but got 13"):
        scenario_of("ecs", entry())
    canary["StepPercentage"] = 14
    assert weights(both(scenario_of, "ecs", entry())[1]) == [(0, 14), (5, 100)]


# -- Elastic Beanstalk ---------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "status"), [(840, "Succeeded"), (841, "Failed")])
def test_w63_the_timeout_is_four_minutes_longer(
    scenario_of: ScenarioOf, seconds: int, status: str
) -> None:
    entry = {"elasticBeanstalk": {COMMAND: {"Timeout": 600}}}
    plan, run = both(scenario_of, "ec2", entry, lifecycle={"Install": seconds})

    assert (plan.status, run.status) == (status, status)
    assert run.outcome["deployment_duration_s"] == plan.duration_s == 840


def test_w64_traffic_splitting(scenario_of: ScenarioOf) -> None:
    """10 % for five minutes, then all."""
    entry = {"elasticBeanstalk": {COMMAND: {"DeploymentPolicy": "TrafficSplitting"}}}
    plan, run = both(scenario_of, "ec2", entry)

    assert weights(run) == [(0, 10), (5, 100)]
    assert rows_with(plan, "TrafficSplitting")[-2:] == [(0, 10), (5, 100)]


def test_w75_a_configuration_update_s_defaults(scenario_of: ScenarioOf) -> None:
    """MinSize 7, MaxSize 8: batches of three, seven in service; so one at a time has room."""
    settings = {
        "aws:autoscaling:asg": {"MinSize": 7, "MaxSize": 8},
        "aws:autoscaling:updatepolicy:rollingupdate": {
            "RollingUpdateEnabled": True,
            "RollingUpdateType": "Health",
        },
    }
    entry = {"elasticBeanstalk": settings, "update": "configuration"}
    service = {"instances": 7, "zones": 1, "startup": "60s", "drain": "0s"}
    plan, run = both(scenario_of, "ec2", entry, service=service)
    step = first_scale(plan.plan)

    assert (step.batch, step.lower) == (3, 7)
    assert launched_at(run) == [0, 1, 2, 3, 4, 5, 6]
    assert run.outcome["min_capacity"] == 1


# -- AppConfig -----------------------------------------------------------------------------


def app_config(minutes: int, factor: float, kind: str, bake: int = 0) -> dict[str, Any]:
    return {
        "appConfig": {
            "DeploymentDurationInMinutes": minutes,
            "GrowthFactor": factor,
            "GrowthType": kind,
            "FinalBakeTimeInMinutes": bake,
        }
    }


@pytest.mark.parametrize("platform", ["lambda", "ecs", "ec2"])
def test_w65_linear_begins_after_its_first_interval(scenario_of: ScenarioOf, platform: str) -> None:
    entry = app_config(10 * HOUR, 20, "LINEAR")
    plan, run = both(scenario_of, platform, entry)
    expected = [(2 * k * HOUR, 20.0 * k) for k in range(1, 6)]

    assert weights(run) == rows_with(plan, "PERCENTAGE_UPDATED") == expected


def test_w66_half_every_thirty_seconds(scenario_of: ScenarioOf) -> None:
    entry = {"appConfig": "AppConfig.Linear50PercentEvery30Seconds"}
    run = both(scenario_of, "lambda", entry)[1]

    assert run.document["weights"][0] == {"time_s": 0, "new_share": 0}
    assert weights(run) == [(0.5, 50), (1, 100)]
    assert run.outcome["deployment_duration_s"] == 120


def test_w67_doubling_from_two(scenario_of: ScenarioOf) -> None:
    run = both(scenario_of, "lambda", app_config(70, 2, "EXPONENTIAL"))[1]

    assert [share for _, share in weights(run)] == [2, 4, 8, 16, 32, 64, 100]


def test_w68_canary_10_percent_20_minutes(scenario_of: ScenarioOf) -> None:
    """10, 20, 40, 80, 100 over twenty minutes, ten of bake: complete at 30."""
    run = both(scenario_of, "lambda", {"appConfig": "AppConfig.Canary10Percent20Minutes"})[1]

    assert weights(run) == [(4, 10), (8, 20), (12, 40), (16, 80), (20, 100)]
    assert run.outcome["deployment_duration_s"] == 30 * 60


# -- Flagger: P6 ---------------------------------------------------------------------------


def flagger(**analysis: Any) -> dict[str, Any]:
    metrics = [{"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"}]
    return {"flagger": {"analysis": {"interval": "1m", "metrics": metrics, **analysis}}}


def minute_of(run: Run, what: str) -> float:
    """The minute of the first event whose text begins so."""
    events = run.document["events"]
    return next(e["time_s"] / 60 for e in events if e["detail"].startswith(what))


def test_p6_two_percent_a_minute_up_to_fifty_is_25_minutes(scenario_of: ScenarioOf) -> None:
    """From the first weight to the promotion; the first one is set at the first tick."""
    run = both(scenario_of, "ecs", flagger(maxWeight=50, stepWeight=2, threshold=10))[1]
    first = weights(run)[0]

    assert first == (1, 2)
    assert minute_of(run, "Promoting begins") - first[0] == 25
    assert weights(run)[24] == (25, 50)


def test_p6_ten_failed_checks_are_eleven_minutes_of_exposure(scenario_of: ScenarioOf) -> None:
    """The counter is tested before anything is measured, so one tick later than its documents."""
    faults = [{"kind": "errors", "rate": 0.05}]
    entry = flagger(maxWeight=50, stepWeight=2, threshold=10)
    run = both(scenario_of, "ecs", entry, faults=faults)[1]

    assert weights(run) == [(1, 2), (12, 0)]
    assert run.status == "Failed"
    assert run.outcome["exposed_requests"] == pytest.approx(0.02 * 100 * 11 * 60)


def test_p6_weights_may_pass_the_maximum(scenario_of: ScenarioOf) -> None:
    plan, run = both(scenario_of, "ecs", flagger(maxWeight=50, stepWeight=20))

    assert weights(run)[:3] == rows_with(plan, "advance") == [(1, 20), (2, 40), (3, 60)]


# -- Argo Rollouts: P19 and P20 ------------------------------------------------------------


def argo(*steps: dict[str, Any], **canary: Any) -> dict[str, Any]:
    return {"argoRollout": {"strategy": {"canary": {"steps": list(steps), **canary}}}}


ROUTED = {"trafficRouting": {"alb": {"ingress": "shop"}}, "scaleDownDelaySeconds": 0}


@pytest.mark.parametrize(
    ("replicas", "weight", "surge", "canary", "stable"),
    [(10, 41, 0, 4, 6), (3, 50, 0, 2, 1), (3, 50, 1, 2, 2), (5, 1, 0, 1, 4), (10, 5, 1, 1, 10)],
)
def test_p19_pods_without_a_router(
    scenario_of: ScenarioOf, replicas: int, weight: int, surge: int, canary: int, stable: int
) -> None:
    entry = argo({"setWeight": weight}, {"pause": {"duration": "10m"}}, maxSurge=surge)
    plan, run = both(scenario_of, "ecs", entry, n=replicas)
    share = 100 * canary / (canary + stable)

    assert rows_with(plan, "pause") == [(0, pytest.approx(share))]
    assert weights(run)[0][1] == pytest.approx(share)
    assert [row.instances for row in plan.rows if row.event == "pause"] == [canary + stable]


THREE = [
    step
    for percent in (10, 50, 100)
    for step in ({"setWeight": percent}, {"pause": {"duration": "10m"}})
]


@pytest.mark.parametrize(("dynamic", "pod_minutes"), [(False, 160), (True, 0)])
def test_p20_what_a_kept_stable_set_costs(
    scenario_of: ScenarioOf, dynamic: bool, pod_minutes: float
) -> None:
    """Ten pods, 10 % 50 % 100 % for ten minutes each: 160 pod-minutes more, or none."""
    entry = argo(*THREE, **ROUTED, dynamicStableScale=dynamic)
    plan, run = both(scenario_of, "ecs", entry, cost={"instance_hour": 1.0})

    extra = sum((a.instances - 10) * (b.time_s - a.time_s) for a, b in pairwise(plan.rows))
    assert extra / 60 == pod_minutes
    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(pod_minutes / 60, abs=1e-3)


@pytest.mark.parametrize(("dynamic", "extra"), [(False, 3), (True, 1)])
def test_p20_a_quarter_of_ten_pods(scenario_of: ScenarioOf, dynamic: bool, extra: int) -> None:
    """Three pods more, or 3 + 8 - 10."""
    pause = {"pause": {"duration": "10m"}}
    entry = argo({"setWeight": 25}, pause, **ROUTED, dynamicStableScale=dynamic)
    plan = both(scenario_of, "ecs", entry)[0]

    assert [row.instances - 10 for row in plan.rows if row.event == "pause"] == [extra]
