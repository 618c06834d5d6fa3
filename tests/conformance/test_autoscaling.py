"""Auto Scaling while a deployment runs."""

from collections.abc import Callable
from typing import Any

import pytest

from stratsim.engine.autoscaling import Tracker
from stratsim.model.service import Autoscaling
from stratsim.traced import Run

Deploy = Callable[..., Run]
ONE = "CodeDeployDefault.OneAtATime"
POLICY = {"target_utilization": 0.5, "min": 4, "max": 20, "warmup": "2m"}


def service(**changes: Any) -> dict[str, Any]:
    base = {"instances": 10, "zones": 1, "capacity": 20, "startup": "60s", "drain": "0s"}
    return base | {"autoscaling": POLICY} | changes


def jump(minute: int, before: float, after: float) -> dict[str, Any]:
    """Traffic that jumps once; 10 instances of 20 rps are on target at 100 rps."""
    points = [["0s", before], [f"{minute}m", before], [f"{60 * minute + 1}s", after]]
    return {"profile": {"kind": "steps", "points": points}}


def scalings(run: Run) -> list[tuple[float, str]]:
    return [
        (event["time_s"], event["detail"])
        for event in run.document["events"]
        if event["kind"] == "scaling"
    ]


# -- the policy --------------------------------------------------------------------------


def sizes(levels: list[float], size: int = 10, warming: int = 0) -> list[int]:
    tracker = Tracker(Autoscaling(target_utilization=0.5, min=4, max=20))
    return [tracker.size(level, size, warming) for level in levels]


def test_three_minutes_above_the_target_make_it_grow() -> None:
    assert sizes([0.75, 0.75, 0.75]) == [10, 10, 15]
    assert sizes([0.75, 0.5, 0.75, 0.75, 0.75]) == [10, 10, 10, 10, 15]


def test_on_target_nothing_happens() -> None:
    assert set(sizes([0.5] * 30)) == {10}
    assert set(sizes([0.46] * 30)) == {10}  # not below 90 % of the target


def test_fifteen_minutes_below_make_it_shrink() -> None:
    assert sizes([0.25] * 15) == [*[10] * 14, 5]


def test_bounds_hold() -> None:
    assert sizes([1.0] * 3, size=18)[-1] == 20
    assert sizes([0.01] * 15)[-1] == 4


def test_warming_instances_hold_back_a_shrink_and_count_for_a_growth() -> None:
    assert set(sizes([0.2] * 30, warming=2)) == {10}
    # eight warm instances at 62.5 % want ten, and ten there are
    assert sizes([0.625] * 3, warming=2) == [10, 10, 10]


# -- in place ----------------------------------------------------------------------------


def test_newcomers_get_the_previous_revision_and_a_deployment_of_their_own(
    deploy: Deploy,
) -> None:
    """Traffic jumps by half in minute 5, while hosts are updated one by one for 20 minutes."""
    run = deploy(
        "ec2", ONE, service=service(), traffic=jump(5, 100, 150), lifecycle={"Install": 120}
    )
    told = {event["kind"]: event for event in run.document["events"]}

    assert run.status == "Succeeded"
    assert scalings(run)[0][1].startswith("from 10 to ")
    assert run.outcome["deployment_duration_s"] == 1200
    assert told["follow-on"]["detail"].startswith("CodeDeployAutoUpdate: ")
    shares = {row["time_s"]: row["new_share"] for row in run.document["weights"]}
    at_success = [share for time, share in shares.items() if time <= 1200][-1]
    assert at_success < 1
    assert run.document["weights"][-1]["new_share"] == 1


def test_outdated_instances_are_left_alone_where_told(deploy: Deploy) -> None:
    run = deploy(
        "ec2", ONE, service=service(), traffic=jump(5, 100, 150), lifecycle={"Install": 120},
        deployment_group={"outdatedInstancesStrategy": "IGNORE"},
    )  # fmt: skip

    assert run.status == "Succeeded"
    assert run.document["weights"][-1]["new_share"] < 1


@pytest.mark.parametrize(("suspended", "minute"), [([], 16), (["Terminate"], 40)])
def test_a_suspended_group_takes_no_instance_away(
    deploy: Deploy, suspended: list[str], minute: int
) -> None:
    """Traffic falls to a fifth in minute 1; ten hosts of four minutes each are done after 40."""
    options = {"autoScalingGroupProcessesToSuspend": suspended}
    run = deploy(
        "ec2", ONE, service=service(), traffic=jump(1, 100, 20), lifecycle={"Install": 240},
        deployment_group={"ec2DeploymentOptions": options}, control={"follow_up": "30m"},
    )  # fmt: skip
    shrunk = [time for time, told in scalings(run) if told.startswith("from 10 to ")]

    if suspended:
        assert all(time >= minute * 60 for time in shrunk)
    else:
        assert shrunk[0] // 60 == minute


def test_a_bad_release_meets_no_newcomer(deploy: Deploy) -> None:
    """What joins while the deployment runs is old, and a rollback leaves it so."""
    run = deploy(
        "ec2", ONE, service=service(), traffic=jump(5, 100, 150), lifecycle={"Install": 120},
        faults=[{"kind": "host", "index": 7}],
    )  # fmt: skip

    assert run.status == "Failed"
    assert run.document["weights"][-1]["new_share"] == 0


# -- blue/green on ECS ---------------------------------------------------------------------


def blue_green(minutes: int) -> dict[str, Any]:
    blue = {"action": "TERMINATE", "terminationWaitTimeInMinutes": minutes}
    return {"blueGreenDeploymentConfiguration": {"terminateBlueInstancesOnDeploymentSuccess": blue}}


def test_two_task_sets_look_half_as_busy(deploy: Deploy) -> None:
    """Green beside blue halves the average, so the service shrinks under steady traffic."""
    run = deploy(
        "ecs", "CodeDeployDefault.ECSAllAtOnce", traffic={"rate": 100},
        service=service(), deployment_group=blue_green(40),
    )  # fmt: skip

    assert run.status == "Succeeded"
    assert scalings(run)[0][1] == "from 10 to 5 instances"
    assert run.outcome["peak_utilization"] == pytest.approx(1.0)


def test_without_autoscaling_it_does_not(deploy: Deploy) -> None:
    fixed = {key: value for key, value in service().items() if key != "autoscaling"}
    run = deploy(
        "ecs", "CodeDeployDefault.ECSAllAtOnce", traffic={"rate": 100},
        service=fixed, deployment_group=blue_green(40),
    )  # fmt: skip

    assert run.outcome["peak_utilization"] == pytest.approx(0.5)


def test_what_the_untouched_fleet_would_do_is_no_harm_of_the_deployment(deploy: Deploy) -> None:
    """A jump of traffic overloads any fleet until it has grown; a hook just waits meanwhile."""
    run = deploy(
        "ecs", "CodeDeployDefault.ECSAllAtOnce", service=service(), traffic=jump(5, 100, 260),
        lifecycle={"BeforeInstall": {"duration": "60m"}}, deployment_group=blue_green(0),
        cost={"instance_hour": 1.0},
    )  # fmt: skip

    assert run.outcome["peak_utilization"] > 1
    assert run.outcome["failed_requests"] == 0
    assert scalings(run)


def test_a_rolling_update_takes_over_the_new_count(deploy: Deploy) -> None:
    entry = {"ecs": {"minimumHealthyPercent": 100, "maximumPercent": 110}}
    run = deploy("ecs", entry, service=service(), traffic=jump(2, 100, 150))

    assert run.status == "Succeeded"
    assert scalings(run)
    healthy = [
        point["value"] for point in run.document["metrics"] if point["metric"] == "HealthyHostCount"
    ]
    assert max(healthy) >= 14


def test_a_rolling_update_goes_back_to_the_count_of_the_moment(deploy: Deploy) -> None:
    """Traffic has grown by half before an alarm sends a slow rolling update back."""
    entry = {"ecs": {"minimumHealthyPercent": 100, "maximumPercent": 110}}
    run = deploy(
        "ecs", entry, service=service(), traffic=jump(1, 100, 150), on_call={"notice": "6m"},
        faults=[{"kind": "errors", "rate": 0.2}],
    )  # fmt: skip
    healthy = [point for point in run.document["metrics"] if point["metric"] == "HealthyHostCount"]

    assert run.document["weights"][-1]["new_share"] == 0
    assert scalings(run)[0][1] == "from 10 to 15 instances"
    assert healthy[-1]["value"] >= 15


# -- Elastic Beanstalk -------------------------------------------------------------------

BATCHES = {
    "elasticBeanstalk": {
        "aws:elasticbeanstalk:command": {"DeploymentPolicy": "Rolling", "BatchSize": 20}
    }
}


def test_a_batch_that_auto_scaling_has_taken_away_is_done(deploy: Deploy) -> None:
    """Ten instances shrink to four while the first two of five batches deploy for 5 min each."""
    policy = POLICY | {"scale_in_periods": 2}
    run = deploy(
        "ec2", BATCHES, service=service(autoscaling=policy), traffic={"rate": 30},
        lifecycle={"Install": {"duration": "5m"}},
    )  # fmt: skip
    begun = [
        e["detail"] for e in run.document["events"] if e["detail"].startswith("Rolling begins")
    ]

    assert scalings(run)[0][1] == "from 10 to 4 instances"
    assert run.status == "Succeeded"
    assert begun == ["Rolling begins: 2 hosts"] * 2
    assert run.document["weights"][-1]["new_share"] == 1


def test_an_instance_of_elastic_beanstalk_joins_by_itself_with_the_last_version(
    deploy: Deploy,
) -> None:
    """No agent installs anything on it, and no deployment follows: it serves after its start."""
    run = deploy(
        "ec2", BATCHES, service=service(), traffic=jump(1, 100, 150),
        lifecycle={"Install": {"duration": "5m"}},
    )  # fmt: skip
    shares = {point["time_s"]: point["new_share"] for point in run.document["weights"]}

    assert run.status == "Succeeded"
    assert not any("CodeDeploy" in event["detail"] for event in run.document["events"])
    # two of ten are done and two away when five join a minute after they were launched
    assert scalings(run)[0] == (270, "from 10 to 15 instances")
    assert (shares[315], shares[330]) == (2 / 8, 2 / 13)
    assert run.document["weights"][-1]["new_share"] == 10 / 15


# -- fleets that start and stop in waves ----------------------------------------------------


def launched(run: Run) -> list[tuple[float, int]]:
    """Return when how many instances were healthy at last, as waves launch them."""
    times = [
        event["time_s"]
        for event in run.document["events"]
        if event["kind"] == "target" and event["detail"].endswith("Succeeded")
    ]
    return [(time, times.count(time)) for time in dict.fromkeys(times)]


def healthy(run: Run) -> float:
    """Return how many instances were healthy in the last minute."""
    counts = [p["value"] for p in run.document["metrics"] if p["metric"] == "HealthyHostCount"]
    return float(counts[-1])


def rolling(**keys: Any) -> dict[str, Any]:
    """Return a rolling update of two at a time, each wave as long as an instance starts."""
    policy = {"MaxBatchSize": 2, "MinInstancesInService": 8, "PauseTime": "PT10M", **keys}
    return {"AutoScalingRollingUpdate": {"WaitOnResourceSignals": True, **policy}}


def test_a_group_that_is_updated_in_waves_grows_at_once_with_the_new_revision(
    deploy: Deploy,
) -> None:
    """Traffic grows by a fifth in minute 2, and eight of ten serve it: at 75 %, 15 are wanted.

    They are known at 210 s, after three waves of two a minute and with the fourth under way.
    Five start then, and the last wave of the ten that were there comes as it would have.
    """
    run = deploy("ec2", rolling(), service=service(), traffic=jump(1, 100, 120))

    assert scalings(run)[0] == (210, "from 10 to 15 instances")
    assert run.outcome["deployment_duration_s"] == 300
    assert launched(run) == [(60 * minute, 2) for minute in (1, 2, 3, 4, 5)]
    assert run.document["weights"][-1]["new_share"] == 1
    assert healthy(run) == 13  # the five from 210 s on joined at 270 s, the last two at 300 s


def test_a_group_that_suspends_alarms_keeps_its_size_until_the_update_is_over(
    deploy: Deploy,
) -> None:
    """The same traffic: the update ends at 300 s, and the minute that ends then is read at 330 s."""
    run = deploy(
        "ec2", rolling(SuspendProcesses=["AlarmNotification"]), service=service(),
        traffic=jump(1, 100, 120), faults=[{"kind": "errors", "rate": 0.01}],
    )  # fmt: skip

    assert run.outcome["deployment_duration_s"] == 300
    assert scalings(run)[0][0] == 330


def test_what_is_too_much_is_left_to_the_waves(deploy: Deploy) -> None:
    """Traffic falls to 40 % at once; after four minutes below the group wants 5 of its 10.

    At 270 s, eight new ones serve and a wave of two is under way. It is the last: of the ten
    that are new then, five go in two waves of two and one of one, with nothing to wait for.
    """
    policy = {**POLICY, "scale_in_periods": 4}
    run = deploy("ec2", rolling(), service=service(autoscaling=policy), traffic={"rate": 40})

    assert scalings(run)[0] == (240 + 30, "from 10 to 5 instances")
    assert run.outcome["deployment_duration_s"] == 300
    assert run.document["weights"][-1]["new_share"] == 1


def test_a_refresh_goes_back_to_the_size_of_the_moment(deploy: Deploy) -> None:
    """Nine of ten serve 150 requests/s at 83 %: 17 are wanted, and more when errors call people."""
    entry = {"instanceRefresh": {"InstanceWarmup": 60, "AutoRollback": True}}
    run = deploy(
        "ec2", entry, service=service(), traffic=jump(1, 100, 150), on_call={"notice": "6m"},
        faults=[{"kind": "errors", "rate": 0.2}],
    )  # fmt: skip

    assert scalings(run)[0] == (210, "from 10 to 17 instances")
    assert run.document["weights"][-1]["new_share"] == 0
    assert healthy(run) >= 17


def test_a_canary_keeps_its_share_of_the_pods(deploy: Deploy) -> None:
    """Two pods beside ten; at 15, three beside 15.

    180 requests/s, a fifth of them on two pods of 20 each, are 75 % of twelve pods.
    """
    canary = {"steps": [{"setWeight": 20}, {"pause": {"duration": "10m"}}], "trafficRouting": {}}
    run = deploy(
        "ecs", {"argoRollout": {"strategy": {"canary": canary}}}, service=service(),
        traffic=jump(2, 100, 180),
    )  # fmt: skip
    found = {
        (point["dimensions"]["TargetGroup"], point["time_s"]): point["value"]
        for point in run.document["metrics"]
        if point["metric"] == "HealthyHostCount"
    }

    assert scalings(run)[0] == (330, "from 10 to 15 instances")
    assert [found[side, 300] for side in ("old", "new")] == [10, 2]
    assert [found[side, 360] for side in ("old", "new")] == [15, 3]
