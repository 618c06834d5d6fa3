"""What CodeDeploy does on ECS and Lambda, and ECS by itself, beyond the worked numbers."""

from collections.abc import Callable
from typing import Any

import pytest

import stratsim
from stratsim.model.scenario import Scenario
from stratsim.traced import Run

Deploy = Callable[..., Run]
ScenarioOf = Callable[..., Scenario]
ECS, LAMBDA = "CodeDeployDefault.ECS", "CodeDeployDefault.Lambda"
CANARY = f"{ECS}Canary10Percent5Minutes"
HOOKS = (
    *("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic"),
    *("BeforeAllowTraffic", "AfterAllowTraffic"),
)
ERRORS = [{"kind": "errors", "rate": 1.0}]


def weights(run: Run) -> list[tuple[float, float]]:
    return [(row["time_s"], row["new_share"]) for row in run.document["weights"]]


def begun(run: Run) -> list[str]:
    """Lifecycle events in the order in which they began."""
    return [
        event["detail"].split()[0]
        for event in run.document["events"]
        if event["kind"] == "lifecycle" and " begins" in event["detail"]
    ]


def statuses(run: Run) -> list[str]:
    return [event["detail"] for event in run.document["events"] if event["kind"] == "status"]


def alarm(name: str = "errors", side: str = "new", **changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": name, "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum", "Period": 60,
        "Dimensions": [{"Name": "TargetGroup", "Value": side}], "EvaluationPeriods": 1,
        "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching", **changes,
    }  # fmt: skip


def watching(*names: str, **group: Any) -> dict[str, Any]:
    alarms = {"enabled": True, "alarms": [{"name": name} for name in names], **group}
    return {"alarms": [alarm()], "deployment_group": {"alarmConfiguration": alarms}}


# -- ECS with CodeDeploy ---------------------------------------------------------------


def test_the_order_of_the_hooks(deploy: Deploy) -> None:
    run = deploy("ecs", CANARY, lifecycle=dict.fromkeys(HOOKS, 10))

    assert begun(run) == [
        *("BeforeInstall", "Install", "AfterInstall"),
        *("AllowTestTraffic", "AfterAllowTestTraffic", "BeforeAllowTraffic"),
        *("canaryInterval", "AfterAllowTraffic", "TERMINATION_WAIT"),
    ]
    assert weights(run) == [(0, 0), (40, 0.1), (340, 1)]
    assert run.outcome["deployment_duration_s"] == 350


@pytest.mark.parametrize(("listeners", "tested"), [([], False), (["arn:test"], True)])
def test_without_a_test_listener_its_hook_is_ignored(
    deploy: Deploy, listeners: list[str], tested: bool
) -> None:
    pair = {
        "targetGroups": [{"name": "blue"}, {"name": "green"}],
        "prodTrafficRoute": {"listenerArns": ["arn:prod"]},
        "testTrafficRoute": {"listenerArns": listeners},
    }
    group = {"loadBalancerInfo": {"targetGroupPairInfoList": [pair]}}
    run = deploy("ecs", CANARY, lifecycle={"AfterAllowTestTraffic": 10}, deployment_group=group)

    assert ("AfterAllowTestTraffic" in begun(run)) is tested
    assert any("AfterAllowTestTraffic" in warning for warning in run.warnings) is not tested


@pytest.mark.parametrize("event", HOOKS)
def test_a_hook_that_fails_rolls_back_except_before_install(deploy: Deploy, event: str) -> None:
    hook = [{"kind": "hook", "event": event, "probability": 1}]
    run = deploy("ecs", CANARY, lifecycle={event: 10}, faults=hook)

    assert (run.status, run.document["error_code"]) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert (run.outcome["rollback_latency_s"] is None) == (event == "BeforeInstall")
    assert weights(run)[-1][1] == 0


def test_without_a_rollback_the_weights_stay(deploy: Deploy) -> None:
    hook = [{"kind": "hook", "event": "AfterAllowTraffic", "probability": 1}]
    group = {"autoRollbackConfiguration": {"enabled": False}}
    run = deploy(
        "ecs", CANARY, lifecycle={"AfterAllowTraffic": 10}, faults=hook, deployment_group=group
    )

    assert run.status == "Failed"
    assert weights(run)[-1][1] == 1


def test_a_task_set_that_never_becomes_steady_fails_after_an_hour(deploy: Deploy) -> None:
    run = deploy("ecs", CANARY, faults=[{"kind": "startup", "probability": 1}])

    assert (run.status, run.document["error_code"]) == ("Failed", "TIMEOUT")
    assert run.outcome["deployment_duration_s"] == 3600
    assert run.outcome["peak_exposure"] == 0


def test_tasks_that_fail_are_started_again(deploy: Deploy) -> None:
    """Half of all starts fail: each takes its 10 s and two checks of 30 s, then another."""
    run = deploy(
        "ecs", f"{ECS}AllAtOnce", faults=[{"kind": "startup", "probability": 0.5}],
        service={"instances": 10, "zones": 1, "startup": "10s", "drain": "0s"},
    )  # fmt: skip
    shifted = weights(run)[1][0]

    assert run.status == "Succeeded"
    assert shifted > 10
    assert (shifted - 10) % 70 == 0


def test_a_network_load_balancer_takes_all_at_once_only(scenario_of: ScenarioOf) -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/net/shop/aaaa/bbbb"
    pair = {"targetGroupPairInfoList": [{"prodTrafficRoute": {"listenerArns": [arn]}}]}
    group = {"loadBalancerInfo": pair}

    assert scenario_of("ecs", f"{ECS}AllAtOnce", deployment_group=group)
    with pytest.raises(stratsim.errors.InputError, match="Network Load Balancer"):
        scenario_of("ecs", CANARY, deployment_group=group)


# -- alarms, stops, rollbacks ----------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "rolled_back"),
    [
        (["DEPLOYMENT_STOP_ON_ALARM"], True),
        (["DEPLOYMENT_FAILURE"], False),
        (["DEPLOYMENT_STOP_ON_REQUEST"], False),
    ],
)
def test_an_alarm_stops_and_rolls_back_only_where_told(
    deploy: Deploy, events: list[str], rolled_back: bool
) -> None:
    sections = watching("errors")
    sections["deployment_group"]["autoRollbackConfiguration"] = {"enabled": True, "events": events}
    run = deploy("ecs", CANARY, faults=ERRORS, **sections)

    assert (run.status, run.document["error_code"]) == ("Stopped", "ALARM_ACTIVE")
    assert (run.outcome["rollback_latency_s"] is not None) == rolled_back
    assert weights(run)[-1][1] == 0  # people do it otherwise


def test_an_alarm_that_is_active_at_creation_stops_at_once(deploy: Deploy) -> None:
    sections = watching("errors")
    sections["alarms"] = [alarm(side="old", Threshold=-1)]
    run = deploy("ecs", CANARY, **sections)

    assert (run.status, run.document["error_code"]) == ("Stopped", "ALARM_ACTIVE")
    assert run.outcome["deployment_duration_s"] == 0
    assert run.outcome["rollback_latency_s"] is None
    assert weights(run)[-1][1] == 0


def test_alarms_are_watched_in_the_termination_wait_unless_told(deploy: Deploy) -> None:
    blue = {"terminateBlueInstancesOnDeploymentSuccess": {"terminationWaitTimeInMinutes": 30}}
    faults = [{"kind": "errors", "rate": 1.0, "after": "12m"}]
    sections = watching("errors")
    sections["deployment_group"]["blueGreenDeploymentConfiguration"] = blue
    sections["on_call"] = {"respond": "1h", "notice": "1h"}
    watched = deploy("ecs", CANARY, faults=faults, **sections)
    control = {"watch_termination_wait": False, "reroute": "0s"}
    blind = deploy("ecs", CANARY, faults=faults, control=control, **sections)

    assert watched.status == "Stopped"
    assert watched.outcome["rollback_latency_s"] is not None
    assert blind.status == "Succeeded"


@pytest.mark.parametrize(("ignored", "status"), [(False, "Stopped"), (True, "Succeeded")])
def test_alarms_that_cannot_be_read(deploy: Deploy, ignored: bool, status: str) -> None:
    sections = watching("errors", ignorePollAlarmFailure=ignored)
    control = {"reroute": "0s", "alarm_poll_failure": 1.0}
    run = deploy("ecs", CANARY, control=control, **sections)

    assert run.status == status
    if not ignored:
        assert run.outcome["deployment_duration_s"] == 0


def test_an_alarm_after_the_end_leaves_it_to_people(deploy: Deploy) -> None:
    """On Lambda nothing is kept: the deployment has Succeeded, and the alias is flipped."""
    watched = alarm(MetricName="Errors", Namespace="AWS/Lambda",
                    Dimensions=[{"Name": "ExecutedVersion", "Value": "new"}])  # fmt: skip
    sections = watching("errors") | {"alarms": [watched]}
    run = deploy(
        "lambda", f"{LAMBDA}AllAtOnce", faults=ERRORS, on_call={"respond": "10m"}, **sections
    )

    assert run.status == "Succeeded"
    assert run.outcome["rollback_latency_s"] is None
    assert run.outcome["time_to_detect_s"] is not None
    assert run.outcome["time_to_restore_s"] == run.outcome["time_to_detect_s"] + 600


# -- Lambda ----------------------------------------------------------------------------


def test_hooks_around_the_shift(deploy: Deploy) -> None:
    hooks = {"BeforeAllowTraffic": 10, "AfterAllowTraffic": 20}
    run = deploy("lambda", f"{LAMBDA}Canary10Percent5Minutes", lifecycle=hooks)

    assert weights(run) == [(0, 0), (10, 0.1), (310, 1)]
    assert run.outcome["deployment_duration_s"] == 330


def test_a_version_that_cannot_start_fails_its_requests(deploy: Deploy) -> None:
    """Nothing waits for a version to become healthy, so its callers find out."""
    run = deploy(
        "lambda", f"{LAMBDA}Canary10Percent5Minutes",
        faults=[{"kind": "startup", "probability": 1}], on_call={"notice": "1h", "respond": "0s"},
    )  # fmt: skip
    exposed = 100 * (0.1 * 300 + 3300)

    assert run.outcome["failed_requests_fault"] == pytest.approx(exposed)


# -- ECS rolling update ----------------------------------------------------------------


def rolling(**more: Any) -> dict[str, Any]:
    return {"ecs": {"minimumHealthyPercent": 100, "maximumPercent": 150, **more}}


SERVICE = {"instances": 10, "zones": 1, "startup": "60s", "drain": "30s"}


def test_a_rolling_update_bakes_as_long_as_its_slowest_alarm(scenario_of: ScenarioOf) -> None:
    alarms = {"alarmNames": ["errors", "slow"], "enable": True, "rollback": True}
    scenario = scenario_of(
        "ecs", rolling(alarms=alarms), service=SERVICE,
        alarms=[alarm(), alarm("slow", EvaluationPeriods=5, Period=300), alarm("other", Period=3600)],
    )  # fmt: skip
    run, plan = stratsim.simulate(scenario, "it"), stratsim.plan(scenario, "it")

    assert run.outcome["deployment_duration_s"] == plan.duration_s == 150 + 1500
    assert begun(run) == ["ROLLING", "BAKE_TIME"]


def test_the_bake_can_be_told_or_switched_off(scenario_of: ScenarioOf) -> None:
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    told = scenario_of(
        "ecs", rolling(alarms=alarms, bakeTimeInMinutes=7), alarms=[alarm()], service=SERVICE
    )
    off = scenario_of(
        "ecs", rolling(alarms=alarms), alarms=[alarm()], service=SERVICE,
        control={"rolling_bake": False},
    )  # fmt: skip

    assert stratsim.plan(told, "it").duration_s == 150 + 420
    assert stratsim.plan(off, "it").duration_s == 150


def test_ecs_passes_over_an_alarm_that_is_active_at_the_start(deploy: Deploy) -> None:
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    run = deploy(
        "ecs", rolling(alarms=alarms), alarms=[alarm(side="old", Threshold=-1)], service=SERVICE
    )

    assert run.status == "Succeeded"


@pytest.mark.parametrize("rollback", [True, False])
def test_an_alarm_fails_a_deployment_of_ecs(deploy: Deploy, rollback: bool) -> None:
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": rollback}
    run = deploy("ecs", rolling(alarms=alarms), alarms=[alarm()], service=SERVICE, faults=ERRORS)

    assert (run.status, run.document["error_code"]) == ("Failed", "ALARM_ACTIVE")
    assert (run.outcome["rollback_latency_s"] is not None) == rollback
    assert weights(run)[-1][1] == 0


BREAKER = {"enable": True, "rollback": True}


@pytest.mark.parametrize("resets", [True, False])
def test_a_healthy_task_begins_the_count_anew(deploy: Deploy, resets: bool) -> None:
    """Half of all starts fail, one at a time: four in all soon, four in a row not here."""
    threshold = {"type": "COUNT", "value": 4}
    breaker = {**BREAKER, "resetOnHealthyTask": resets, "thresholdConfiguration": threshold}
    faults = [{"kind": "startup", "probability": 0.5}]
    entry = {"ecs": {"maximumPercent": 110, "deploymentCircuitBreaker": breaker}}
    run = deploy("ecs", entry, service=SERVICE, faults=faults, seed=1)

    assert (run.status == "Succeeded") == resets


@pytest.mark.parametrize(
    ("kind", "value", "failures"),
    [("COUNT", 2, 2), ("BOUNDED_PERCENT", 10, 3), ("UNBOUNDED_PERCENT", 10, 2)],
)
def test_the_breaker_s_threshold_can_be_set(
    deploy: Deploy, kind: str, value: int, failures: int
) -> None:
    breaker = BREAKER | {"thresholdConfiguration": {"type": kind, "value": value}}
    entry = {"ecs": {"maximumPercent": 105, "deploymentCircuitBreaker": breaker}}
    run = deploy("ecs", entry, n=20, faults=[{"kind": "startup", "probability": 1}])
    told = [e["detail"] for e in run.document["events"] if "circuit breaker" in e["detail"]]

    assert told == [f"circuit breaker: {failures} tasks failed"]


def test_without_a_breaker_a_bad_update_is_stuck(deploy: Deploy) -> None:
    """ECS goes on starting tasks; whoever waits for it gives up after an hour."""
    run = deploy("ecs", rolling(), service=SERVICE, faults=[{"kind": "startup", "probability": 1}])

    assert (run.status, run.document["error_code"]) == ("Failed", "TIMEOUT")
    assert run.outcome["deployment_duration_s"] == 3600
    assert run.outcome["min_capacity"] == 1


def test_a_rollback_restarts_tasks_by_the_same_bounds(deploy: Deploy) -> None:
    """Ten new tasks serve when the alarm comes: two waves of a minute bring the old back."""
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    late = [{"kind": "errors", "rate": 1.0, "after": "2m"}]
    run = deploy(
        "ecs", rolling(alarms=alarms, bakeTimeInMinutes=30), alarms=[alarm()], service=SERVICE,
        faults=late,
    )  # fmt: skip

    assert run.status == "Failed"
    assert run.outcome["rollback_latency_s"] == pytest.approx(120, abs=10)
    assert run.outcome["min_capacity"] == 1


# -- ECS's own blue/green --------------------------------------------------------------


def native(strategy: str = "BLUE_GREEN", bake: int = 10, **more: Any) -> dict[str, Any]:
    return {"ecs": {"strategy": strategy, "bakeTimeInMinutes": bake, **more}}


def hook(*stages: str, **more: Any) -> dict[str, Any]:
    return {"lifecycleHooks": [{"lifecycleStages": list(stages), **more}]}


STAGES = (
    *("PRE_SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"),
    *("PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"),
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)


def test_stages_run_in_order_and_two_recur_at_every_step(deploy: Deploy) -> None:
    canary = native("CANARY", 0, canaryConfiguration={"canaryBakeTimeInMinutes": 1})
    run = deploy("ecs", canary, lifecycle=dict.fromkeys(STAGES, 1))
    first, shift = begun(run), ["PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"]

    assert first == [
        *("PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP"),
        *("TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"),
        *(*shift, "canaryBakeTimeInMinutes", *shift),
        *("POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME"),
    ]
    assert weights(run) == [(0, 0), (5, 0.05), (67, 1)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_fails_is_always_rolled_back(deploy: Deploy, stage: str) -> None:
    group = {"autoRollbackConfiguration": {"enabled": False}}
    wrong = {stage: {"duration": 10, "failure": 1}}
    run = deploy("ecs", native(), lifecycle=wrong, deployment_group=group)

    assert run.status == "Failed"
    assert run.outcome["rollback_latency_s"] is not None
    assert weights(run)[-1][1] == 0


@pytest.mark.parametrize(("action", "status"), [("ROLLBACK", "Failed"), ("CONTINUE", "Succeeded")])
def test_what_follows_a_hook_that_times_out(deploy: Deploy, action: str, status: str) -> None:
    timeout = {"timeoutInMinutes": 5, "action": action}
    entry = native(**hook("PRE_SCALE_UP", timeoutConfiguration=timeout))
    run = deploy("ecs", entry, lifecycle={"PRE_SCALE_UP": "10m"})

    assert run.status == status
    assert run.outcome["deployment_duration_s"] == 300 + (600 if status == "Succeeded" else 0)


@pytest.mark.parametrize(("after", "seconds"), [("20m", 1200), (None, 86400)])
def test_a_pause_waits_for_somebody(deploy: Deploy, after: str | None, seconds: int) -> None:
    entry = native(bake=0, **hook("POST_SCALE_UP", targetType="PAUSE"))
    control = {"reroute": "0s"} | ({} if after is None else {"continue_after": after})
    run = deploy("ecs", entry, control=control)

    assert run.outcome["deployment_duration_s"] == seconds
    assert run.status == ("Failed" if after is None else "Succeeded")


def test_an_alarm_in_the_bake_brings_blue_back(deploy: Deploy) -> None:
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    late = [{"kind": "errors", "rate": 1.0, "after": "3m"}]
    run = deploy("ecs", native(alarms=alarms), alarms=[alarm()], faults=late)

    assert (run.status, run.document["error_code"]) == ("Failed", "ALARM_ACTIVE")
    assert run.outcome["rollback_latency_s"] is not None
    assert run.outcome["rollback_latency_s"] <= 10


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"ecs": {"strategy": "BLUE_GREEN"}}, "bakeTimeInMinutes: must be an integer in"),
        (native("LINEAR", canaryConfiguration={}), "must be absent beside strategy LINEAR"),
        (native("LINEAR", linearConfiguration={"stepPercent": 2.9}), r"0.1 in \[3.0, 100.0\]"),
        (native("CANARY", canaryConfiguration={"canaryPercent": 0.15}), "a multiple of 0.1"),
        (native("LINEAR", linearConfiguration={"stepBakeTimeInMinutes": 1441}), "1440"),
        (native(**hook("SCALE_UP")), r"lifecycleStages\[0\]: must be one of RECONCILE_SERVICE"),
        (native(**hook("PRODUCTION_TRAFFIC_SHIFT", targetType="PAUSE")), "must be one of"),
        (native(bake=1441), "bakeTimeInMinutes: must be an integer in"),
    ],
)
def test_what_ecs_refuses(scenario_of: ScenarioOf, entry: Any, message: str) -> None:
    with pytest.raises(stratsim.errors.InputError, match=message):
        scenario_of("ecs", entry)


# -- Lambda's cold starts ----------------------------------------------------------------


def cold(**service: Any) -> dict[str, Any]:
    """100 requests/s of 0.2 s each keep 20 environments busy; a start takes 2 s."""
    latency = {"median": "200ms", "p99": "200ms"}
    return {"service": {"startup": "2s", "latency": latency} | service, "slo": {"latency": "1s"}}


def test_the_first_answer_of_every_new_environment_is_late(deploy: Deploy) -> None:
    """All at once 20 at the shift; 10 % first are 2, and 18 more five minutes later."""
    at_once = deploy("lambda", f"{LAMBDA}AllAtOnce", on_call={}, **cold())
    canary = deploy("lambda", f"{LAMBDA}Canary10Percent5Minutes", **cold())

    assert canary.outcome["slow_requests"] == pytest.approx(2, rel=0.01)
    assert at_once.outcome["slow_requests"] == 0  # the run ends with the shift


def test_each_step_of_a_linear_shift_starts_its_own(deploy: Deploy) -> None:
    run = deploy("lambda", f"{LAMBDA}Linear10PercentEvery1Minute", lifecycle=AFTER, **cold())

    assert run.outcome["slow_requests"] == pytest.approx(20, rel=0.01)


AFTER = {"AfterAllowTraffic": {"duration": "5m"}}


def test_provisioned_concurrency_is_warm(deploy: Deploy) -> None:
    name = f"{LAMBDA}AllAtOnce"
    runs = {
        warm: deploy("lambda", name, lifecycle=AFTER, **cold(provisioned_concurrency=warm))
        for warm in (0, 15, 25)
    }

    slow = {warm: run.outcome["slow_requests"] for warm, run in runs.items()}
    assert slow == {0: pytest.approx(20, rel=0.01), 15: pytest.approx(5, rel=0.01), 25: 0}


def test_cold_starts_can_be_left_out(deploy: Deploy) -> None:
    run = deploy("lambda", f"{LAMBDA}AllAtOnce", lifecycle=AFTER, **cold(cold_starts=False))

    assert run.outcome["slow_requests"] == 0


def test_a_cold_start_shows_in_the_duration_of_the_new_version(deploy: Deploy) -> None:
    """18 of the 6,000 of its first minute at 100 %: seen at the 99.9th percentile, not before."""
    run = deploy("lambda", f"{LAMBDA}AllAtOnce", lifecycle=AFTER, **cold())
    new = [
        point
        for point in run.document["metrics"]
        if point["metric"] == "Duration" and point["dimensions"] == {"ExecutedVersion": "new"}
    ]
    mean = {p["time_s"]: p["value"] for p in new if p["statistic"] == "Average"}

    assert mean[0] == pytest.approx(200 + 2000 * 20 / 6000, rel=0.01)
    assert mean[60] == pytest.approx(200, rel=0.01)
