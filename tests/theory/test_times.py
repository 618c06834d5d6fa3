"""When what happens: each measure of time, and the order of things within one instant.

Noise is off: 10 requests/s, minutes begin with the deployment, and nothing takes
time but what a test gives it.
"""

from collections.abc import Callable
from typing import Any

import pytest

import stratsim

Make = Callable[..., Any]

ALL, CANARY5 = "CodeDeployDefault.ECSAllAtOnce", "CodeDeployDefault.ECSCanary10Percent5Minutes"
BAD = {"kind": "errors", "rate": 0.1}
PEOPLE = {"follow_up": "2d"}


def run_of(scenario_of: Make, strategy: Any, *faults: dict[str, Any], **more: Any) -> Any:
    """Return one run without noise."""
    scenario = scenario_of(strategy, faults=faults, **{"noise": "expected", **more})
    return stratsim.simulate(scenario, scenario.strategies[0].name)


def weights(run: Any) -> list[tuple[float, float]]:
    return [(time, share) for time, share in run.weights.itertuples(index=False)]


def canary(percentage: int, minutes: int) -> dict[str, Any]:
    rule = {"canaryPercentage": percentage, "canaryInterval": minutes}
    config = {"type": "TimeBasedCanary", "timeBasedCanary": rule}
    return {"name": "it", "trafficRoutingConfig": config}


def hook(seconds: float, **more: Any) -> dict[str, Any]:
    return {"duration": seconds, **more}


# -- detection ------------------------------------------------------------------------


def test_time_to_detect_counts_from_the_first_exposed_request(
    scenario_of: Make, alarm_on: Make
) -> None:
    """Traffic comes after a hook of 100 s; the second of two bad minutes ends at 180 s.

    The first, from 60 to 120 s, has 20 s of it.
    """
    run = run_of(
        scenario_of,
        ALL,
        BAD,
        alarms=[alarm_on(above=0, m=2, n=2)],
        lifecycle={"BeforeAllowTraffic": hook(100)},
        wait_min=30,
    )

    assert run.outcome["time_to_detect_s"] == 180 - 100


def test_a_fault_that_sleeps_is_not_exposed(scenario_of: Make, alarm_on: Make) -> None:
    run = run_of(
        scenario_of,
        ALL,
        {**BAD, "after": "150s"},
        alarms=[alarm_on(above=0)],
        wait_min=30,
    )

    assert run.outcome["time_to_detect_s"] == 180 - 150
    assert run.outcome["time_to_restore_s"] == 180 - 150


def test_publication_and_evaluation_delay_detection(scenario_of: Make, alarm_on: Make) -> None:
    """The minute to 60 s is published at 105 s; the evaluations are at 75, 135 ... s."""
    run = run_of(
        scenario_of,
        ALL,
        BAD,
        alarms=[alarm_on(above=0)],
        metrics={"delay": 45, "evaluation_offset": 15, "evaluation_range_extra": 2},
        wait_min=30,
    )

    assert run.outcome["time_to_detect_s"] == 135


def test_the_phase_moves_the_minutes(scenario_of: Make, alarm_on: Make) -> None:
    """A deployment created 45 s into a minute sees that minute end after 15 s."""
    run = run_of(
        scenario_of, ALL, BAD, alarms=[alarm_on(above=0)], metrics={"phase": 45}, wait_min=30
    )

    assert run.outcome["time_to_detect_s"] == 15


def test_an_alarm_that_is_on_already_detects_at_once(scenario_of: Make, alarm_on: Make) -> None:
    """ALARM at 120 s by the environment, polled at 600 s only; traffic comes at 150 s."""
    run = run_of(
        scenario_of,
        ALL,
        BAD,
        alarms=[alarm_on(above=0, side=None)],
        environment=[{"kind": "errors", "rate": 0.5, "at": 60}],
        lifecycle={"BeforeAllowTraffic": hook(150)},
        control={"alarm_poll": 600},
        wait_min=30,
    )

    assert run.alarms["time_s"].tolist() == [0, 120]
    assert run.outcome["time_to_detect_s"] == 0
    assert run.outcome["time_to_restore_s"] == 600 - 150


def test_an_alarm_of_no_deployment_group_detects_nothing(scenario_of: Make, alarm_on: Make) -> None:
    run = run_of(scenario_of, ALL, BAD, alarms=[alarm_on(above=0)], watched=[], wait_min=30)

    assert (run.status, run.outcome["time_to_detect_s"]) == ("Succeeded", None)
    assert run.alarms["to"].tolist() == ["OK", "ALARM"]


def test_detection_goes_on_after_the_deployment(scenario_of: Make, alarm_on: Make) -> None:
    """The deployment has succeeded at 0 s; the alarm of its group fires at 120 s."""
    run = run_of(
        scenario_of, ALL, BAD, alarms=[alarm_on(above=0, m=2, n=2)], control={"follow_up": "10m"}
    )

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Succeeded", 0)
    assert run.outcome["time_to_detect_s"] == 120
    assert run.outcome["rollback_latency_s"] is None


# -- rollback -------------------------------------------------------------------------


def test_codedeploy_polls_on_its_grid_and_reroutes(scenario_of: Make, alarm_on: Make) -> None:
    """ALARM at 60 s, polled at 2 x 45 s, rerouted 7 s later."""
    run = run_of(
        scenario_of,
        CANARY5,
        BAD,
        alarms=[alarm_on(above=0)],
        control={"alarm_poll": 45, "reroute": 7},
    )

    assert (run.status, run.code) == ("Stopped", "ALARM_ACTIVE")
    assert weights(run) == [(0, 0), (7, 0.1), (97, 0)]
    assert run.outcome["deployment_duration_s"] == 90
    assert run.outcome["rollback_latency_s"] == 97 - 60
    assert run.outcome["time_to_restore_s"] == 97 - 7
    assert run.outcome["exposed_requests"] == pytest.approx(1 * 90)


@pytest.mark.parametrize(("poll", "stopped"), [(0, 60), (10, 60), (60, 60), (61, 61), (7, 63)])
def test_a_poll_in_the_instant_of_the_alarm_sees_it(
    poll: float, stopped: float, scenario_of: Make, alarm_on: Make
) -> None:
    run = run_of(
        scenario_of, CANARY5, BAD, alarms=[alarm_on(above=0)], control={"alarm_poll": poll}
    )

    assert run.outcome["deployment_duration_s"] == stopped


def test_the_poll_comes_before_the_shift(scenario_of: Make, alarm_on: Make) -> None:
    """All at 60 s: the minute is published, the alarm fires, CodeDeploy polls, no more shifts."""
    run = run_of(scenario_of, canary(10, 1), BAD, alarms=[alarm_on(above=0)], wait_min=30)

    assert weights(run) == [(0, 0), (0, 0.1), (60, 0)]


def test_an_alarm_one_poll_late_lets_the_shift_happen(scenario_of: Make, alarm_on: Make) -> None:
    run = run_of(
        scenario_of,
        canary(10, 1),
        BAD,
        alarms=[alarm_on(above=0)],
        control={"alarm_poll": 61},
        wait_min=30,
    )

    assert weights(run) == [(0, 0), (0, 0.1), (60, 1), (61, 0)]
    assert run.outcome["failed_requests"] == pytest.approx(0.1 * 0.1 * 600 + 0.1 * 10)


def test_a_shift_that_was_ordered_still_takes_effect(scenario_of: Make, alarm_on: Make) -> None:
    """Everything ordered at 60 s arrives at 80; the way back, ordered at 61, at 81."""
    run = run_of(
        scenario_of,
        canary(10, 1),
        BAD,
        alarms=[alarm_on(above=0)],
        control={"alarm_poll": 61, "reroute": 20},
        wait_min=30,
    )

    assert weights(run) == [(0, 0), (20, 0.1), (80, 1), (81, 0)]
    assert run.outcome["rollback_latency_s"] == 81 - 60
    assert run.outcome["time_to_restore_s"] == 81 - 20


def test_an_alarm_that_calms_down_before_the_poll_stops_nothing(
    scenario_of: Make, alarm_on: Make
) -> None:
    run = run_of(
        scenario_of,
        CANARY5,
        alarms=[alarm_on(above=0, side=None)],
        environment=[{"kind": "errors", "rate": 0.5, "at": 0, "for": "60s"}],
        control={"alarm_poll": 150},
    )

    assert run.alarms["time_s"].tolist() == [0, 60, 120]
    assert run.status == "Succeeded"


def test_a_deployment_that_fails_without_an_alarm_rolls_back(scenario_of: Make) -> None:
    """The hook after the traffic fails at 45 s: Failed, and rerouted 7 s later."""
    run = run_of(
        scenario_of,
        ALL,
        {"kind": "hook", "event": "AfterAllowTraffic", "probability": 1},
        BAD,
        lifecycle={"AfterAllowTraffic": hook(38)},
        control={"reroute": 7},
    )

    assert (run.status, run.code) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert run.outcome["deployment_duration_s"] == 45
    assert run.outcome["rollback_latency_s"] == 7
    assert run.outcome["time_to_restore_s"] == 45
    assert run.outcome["failed_requests"] == pytest.approx(0.1 * 10 * 45)


def test_a_hook_that_takes_too_long_fails(scenario_of: Make) -> None:
    run = run_of(scenario_of, ALL, lifecycle={"BeforeAllowTraffic": hook(100, timeout=40)})

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Failed", 40)
    assert run.outcome["peak_exposure"] == 0
    assert run.outcome["rollback_latency_s"] == 0


def test_without_automatic_rollback_the_weights_stay(scenario_of: Make, alarm_on: Make) -> None:
    """The alarm stops the deployment; the canary goes on until somebody comes, and nobody does."""
    off = {"autoRollbackConfiguration": {"enabled": False}}
    run = run_of(
        scenario_of,
        CANARY5,
        BAD,
        alarms=[alarm_on(above=0)],
        group=off,
        control={"follow_up": "1h"},
    )

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Stopped", 60)
    assert weights(run) == [(0, 0), (0, 0.1)]
    assert run.outcome["time_to_restore_s"] is None
    assert run.outcome["rollback_latency_s"] is None
    assert run.outcome["exposed_requests"] == pytest.approx(1 * 3660)


def test_a_rollback_in_place_is_a_deployment_of_the_old_revision(
    scenario_of: Make, alarm_on: Make
) -> None:
    """Halves of ten hosts, 100 s each. ALARM at 120 s: five are new, five on their way.

    Those on their way, which serve nobody, get the old revision first, until
    220 s; then the other five leave, and all traffic is on the old revision.
    """
    run = run_of(
        scenario_of,
        "CodeDeployDefault.HalfAtATime",
        BAD,
        platform="ec2",
        alarms=[alarm_on(above=0)],
        lifecycle={"Install": hook(100)},
    )

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Stopped", 120)
    assert weights(run) == [(0, 0), (100, 1), (220, 0)]
    assert run.outcome["rollback_latency_s"] == 100
    assert run.outcome["time_to_restore_s"] == 120
    assert run.outcome["min_capacity"] == 0.5


def test_a_rollback_to_blue_hosts_registers_them_again(scenario_of: Make, alarm_on: Make) -> None:
    """Ten new hosts: 60 s to start, 30 to install, 10 to register; then the old ones leave.

    ALARM at 120 s, 20 s after the first request. The old hosts are registered
    within 10 s, beside the new ones, which leave 5 s later.
    """
    green = {"deploymentStyle": {"deploymentType": "BLUE_GREEN"}}
    run = run_of(
        scenario_of,
        {"name": "it", "deploymentConfigName": "CodeDeployDefault.AllAtOnce", **green},
        BAD,
        platform="ec2",
        alarms=[alarm_on(above=0)],
        service={"startup": 60},
        lifecycle={"Install": hook(30), "AllowTraffic": hook(10), "BlockTraffic": hook(20)},
        control={"reroute": 5},
        cost={"instance_hour": 36, "alarm_metric_month": 0},
        wait_min=10,
    )

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Stopped", 120)
    assert weights(run) == [(0, 0), (100, 1), (130, 0.5), (135, 0)]
    assert run.outcome["rollback_latency_s"] == 15
    assert run.outcome["exposed_requests"] == pytest.approx(10 * 30 + 5 * 5)
    assert run.outcome["min_capacity"] == 1
    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(10 * 135 * 0.01)


def test_a_rolling_update_rolls_back_by_rolling(scenario_of: Make, alarm_on: Make) -> None:
    """Ten tasks start in 60 s and bake; ALARM at 120 s; ten old ones start in 60 s."""
    rolling = {"minimumHealthyPercent": 100, "maximumPercent": 200, "bakeTimeInMinutes": 5}
    run = run_of(
        scenario_of,
        {"name": "it", "ecs": rolling},
        BAD,
        alarms=[alarm_on(above=0)],
        service={"startup": 60},
        cost={"instance_hour": 36, "alarm_metric_month": 0},
    )

    assert run.outcome["deployment_duration_s"] == 120
    assert weights(run) == [(0, 0), (60, 1), (180, 0)]
    assert run.outcome["rollback_latency_s"] == 60
    assert run.outcome["exposed_requests"] == pytest.approx(10 * 120)
    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(10 * 2 * 60 * 0.01)


def test_a_revision_that_never_starts_exposes_nobody(scenario_of: Make) -> None:
    """Green is given up after 20 minutes; traffic has never left blue."""
    run = run_of(
        scenario_of,
        ALL,
        {"kind": "startup", "probability": 1},
        control={"steady_state_timeout": "20m"},
    )

    assert (run.status, run.code) == ("Failed", "TIMEOUT")
    assert run.outcome["deployment_duration_s"] == 1200
    assert (run.outcome["exposed_requests"], run.outcome["peak_exposure"]) == (0, 0)
    assert run.outcome["rollback_latency_s"] == 0
    assert run.outcome["time_to_restore_s"] is None


# -- the termination wait -----------------------------------------------------------------


def test_the_termination_wait_is_part_of_the_deployment(scenario_of: Make) -> None:
    run = run_of(scenario_of, CANARY5, wait_min=15)

    assert run.status == "Succeeded"
    assert run.outcome["deployment_duration_s"] == (5 + 15) * 60


def test_an_alarm_in_the_termination_wait_is_one_reroute_away_from_blue(
    scenario_of: Make, alarm_on: Make
) -> None:
    """A leak 6 minutes after the first request, at 365 s; ALARM at 420 s, blue is still there."""
    run = run_of(
        scenario_of,
        CANARY5,
        {**BAD, "after": "6m"},
        alarms=[alarm_on(above=0)],
        wait_min=15,
        control={"reroute": 5},
    )

    assert run.status == "Stopped"
    assert run.outcome["deployment_duration_s"] == 420
    assert run.outcome["rollback_latency_s"] == 5
    assert run.outcome["time_to_restore_s"] == 425 - 365


def test_a_termination_wait_that_nobody_watches(scenario_of: Make, alarm_on: Make) -> None:
    run = run_of(
        scenario_of,
        CANARY5,
        {**BAD, "after": "6m"},
        alarms=[alarm_on(above=0)],
        wait_min=15,
        control={"watch_termination_wait": False},
    )

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Succeeded", 1200)
    assert run.outcome["time_to_detect_s"] == 60
    assert run.outcome["rollback_latency_s"] is None


def test_a_fleet_that_is_kept_alive_is_not_waited_for(scenario_of: Make) -> None:
    """Blue stays and is paid to the run's end, which is told."""
    blue = {"action": "KEEP_ALIVE", "terminationWaitTimeInMinutes": 15}
    keep = {"terminateBlueInstancesOnDeploymentSuccess": blue}
    run = run_of(
        scenario_of,
        CANARY5,
        group={"blueGreenDeploymentConfiguration": keep},
        cost={"instance_hour": 1},
    )

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Succeeded", 300)
    assert run.outcome["infrastructure_cost_usd"] == pytest.approx(10 * 5 / 60)
    assert any("KEEP_ALIVE" in warning for warning in run.warnings)


# -- before the deployment -----------------------------------------------------------------


def test_an_alarm_that_is_on_at_creation_ends_the_deployment_at_once(
    scenario_of: Make, alarm_on: Make, compare: Make
) -> None:
    """Neither a rollback nor a false one, and nothing ever shifts."""
    scenario = scenario_of(
        CANARY5, faults=[BAD], alarms=[alarm_on(above=0, metric="RequestCount", side=None)]
    )

    run = stratsim.simulate(scenario, CANARY5)
    runs = compare(scenario, replications=10).samples[0]

    assert (run.status, run.code) == ("Stopped", "ALARM_ACTIVE")
    assert run.outcome["deployment_duration_s"] == 0
    assert run.outcome["peak_exposure"] == 0
    assert run.outcome["infrastructure_cost_usd"] == 0
    assert not runs.events["rollback"].any()
    assert not runs.events["false_rollback"].any()
    assert not runs.events["missed"].any()


def test_an_alarm_on_the_new_revision_has_no_history(scenario_of: Make, alarm_on: Make) -> None:
    """`breaching` missing data would be ALARM before there is any: that is AWS's trap."""
    calm = alarm_on(above=0, TreatMissingData="missing")
    trap = alarm_on(above=0, TreatMissingData="breaching")

    states = [
        run_of(scenario_of, CANARY5, BAD, alarms=[alarm]).alarms["to"].iloc[0]
        for alarm in (calm, trap)
    ]

    assert states == ["INSUFFICIENT_DATA", "ALARM"]


def test_alarm_states_have_settled_before_the_deployment(scenario_of: Make, alarm_on: Make) -> None:
    alarm = alarm_on(above=10**6, m=3, n=5, metric="RequestCount", side="old")

    run = run_of(scenario_of, CANARY5, alarms=[alarm], metrics={"delay": 150})

    assert run.alarms[["time_s", "to"]].to_numpy().tolist() == [[0, "OK"]]


# -- people -------------------------------------------------------------------------------


def test_people_come_when_an_alarm_pages_them(scenario_of: Make, alarm_on: Make) -> None:
    """Paged at 120 s, there 15 minutes later: stopped, and rerouted in 7 s."""
    run = run_of(
        scenario_of,
        canary(10, 60),
        BAD,
        alarms=[alarm_on(above=0, m=2, n=2)],
        watched=[],
        on_call={"respond": "15m", "notice": "1h"},
        control={**PEOPLE, "reroute": 7},
    )

    assert run.status == "Stopped"
    assert run.outcome["deployment_duration_s"] == 120 + 900
    assert run.outcome["time_to_restore_s"] == 120 + 900  # exposed from 7 to 1,027 s
    assert run.outcome["rollback_latency_s"] is None
    assert weights(run)[-1] == (1027, 0)


def test_people_notice_what_no_alarm_tells_them(scenario_of: Make) -> None:
    """An hour after the first exposed request, which came at 100 s."""
    run = run_of(
        scenario_of,
        canary(10, 300),
        BAD,
        lifecycle={"BeforeAllowTraffic": hook(100)},
        on_call={"respond": "15m", "notice": "1h"},
        control=PEOPLE,
    )

    assert run.outcome["deployment_duration_s"] == 3700
    assert run.outcome["time_to_restore_s"] == 3600


@pytest.mark.parametrize("notice", [5, 30, 61])
@pytest.mark.parametrize("noise", ["sampled", "expected"])
def test_people_may_notice_within_a_minute(notice: float, noise: str, scenario_of: Make) -> None:
    run = run_of(
        scenario_of,
        canary(10, 300),
        BAD,
        lifecycle={"BeforeAllowTraffic": hook(100)},
        on_call={"notice": notice},
        control=PEOPLE,
        noise=noise,
    )

    assert run.outcome["time_to_restore_s"] == pytest.approx(notice, abs=1e-5)


def test_people_come_to_whatever_is_first(scenario_of: Make, alarm_on: Make) -> None:
    """An alarm at 120 s with 15 minutes to respond; noticed after 10."""
    run = run_of(
        scenario_of,
        canary(10, 300),
        BAD,
        alarms=[alarm_on(above=0, m=2, n=2)],
        watched=[],
        on_call={"respond": "15m", "notice": "10m"},
        control=PEOPLE,
    )

    assert run.outcome["time_to_restore_s"] == 600


def test_people_leave_a_rollback_alone(scenario_of: Make, alarm_on: Make) -> None:
    """The rollback in place takes minutes; people who come meanwhile do not begin another."""
    run = run_of(
        scenario_of,
        "CodeDeployDefault.OneAtATime",
        BAD,
        platform="ec2",
        alarms=[alarm_on(above=0)],
        lifecycle={"Install": hook(100)},
        on_call={"respond": "1m", "notice": "1h"},
        control=PEOPLE,
    )

    assert run.code == "ALARM_ACTIVE"
    assert run.outcome["rollback_latency_s"] == run.outcome["time_to_restore_s"] + 100 - 120
    assert "people" not in set(run.events["kind"])


def test_people_deploy_the_old_revision_again_where_blue_is_gone(scenario_of: Make) -> None:
    """Blue is terminated at 5 minutes; noticed at 60; the old revision starts in 90 s."""
    run = run_of(
        scenario_of,
        ALL,
        BAD,
        wait_min=5,
        service={"startup": 90},
        on_call={"notice": "1h"},
        control={**PEOPLE, "reroute": 7},
    )

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Succeeded", 90 + 7 + 300)
    assert run.outcome["time_to_restore_s"] == 3600 + 90 + 7


def test_people_reroute_to_blue_while_it_is_kept(scenario_of: Make) -> None:
    blue = {"action": "KEEP_ALIVE"}
    run = run_of(
        scenario_of,
        ALL,
        BAD,
        group={
            "blueGreenDeploymentConfiguration": {"terminateBlueInstancesOnDeploymentSuccess": blue}
        },
        service={"startup": 90},
        on_call={"notice": "1h"},
        control={**PEOPLE, "reroute": 7},
    )

    assert run.status == "Succeeded"
    assert run.outcome["time_to_restore_s"] == 3600 + 7


def test_a_stop_by_people_may_be_a_rollback_of_codedeploy_s_own(scenario_of: Make) -> None:
    """Where the group rolls back when somebody stops a deployment."""
    events = ["DEPLOYMENT_STOP_ON_REQUEST"]
    scenario = scenario_of(
        canary(10, 300),
        faults=[BAD],
        group={"autoRollbackConfiguration": {"enabled": True, "events": events}},
        on_call={"notice": "1h"},
        control={**PEOPLE, "reroute": 7},
        noise="expected",
    )

    runs = stratsim.compare(scenario).sample("it")

    assert runs.events["rollback"].all()
    assert runs.measures["rollback_latency_s"] == [7]
    assert runs.measures["time_to_restore_s"] == [3607]  # exposed from 7 to 3,614 s


def test_people_flip_the_alias_of_a_function(scenario_of: Make) -> None:
    run = run_of(
        scenario_of,
        "CodeDeployDefault.LambdaAllAtOnce",
        BAD,
        platform="lambda",
        on_call={"notice": "1h"},
        control={**PEOPLE, "reroute": 7},
    )

    assert run.status == "Succeeded"
    assert run.outcome["time_to_restore_s"] == 3600 + 7


def test_a_missed_release_stays_missed_though_people_saw_it(
    scenario_of: Make, alarm_on: Make, compare: Make
) -> None:
    """Exposed, Succeeded, no automatic rollback: missed, whatever people did later."""
    scenario = scenario_of(
        [ALL, CANARY5],
        faults=[BAD],
        alarms=[alarm_on(above=0, m=2, n=2)],
        on_call={"respond": "5m", "notice": "1h"},
        control=PEOPLE,
        noise="expected",
    )

    quick, slow = compare(scenario).samples

    assert (list(quick.events["missed"]), list(slow.events["missed"])) == ([True], [False])
    assert quick.measures["time_to_restore_s"] == [120 + 300]
    assert slow.measures["time_to_restore_s"] == [120]


def test_a_deployment_that_people_stop_is_not_missed(scenario_of: Make, compare: Make) -> None:
    scenario = scenario_of(
        canary(10, 300),
        faults=[BAD],
        on_call={"notice": "1h"},
        control=PEOPLE,
        noise="expected",
    )

    runs = compare(scenario).samples[0]

    assert not runs.events["missed"].any()
    assert not runs.events["rollback"].any()
