"""What CodeDeploy does on EC2 hosts beyond the worked numbers, by the letter of its guide."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stratsim
from stratsim.model.scenario import Scenario
from stratsim.traced import Run

Deploy = Callable[..., Run]
ScenarioOf = Callable[..., Scenario]
NAME = "CodeDeployDefault."
ONE, HALF, ALL = (NAME + name for name in ("OneAtATime", "HalfAtATime", "AllAtOnce"))
NO_ROLLBACK = {"deployment_group": {"autoRollbackConfiguration": {"enabled": False}}}
_TARGET = re.compile(r"(host \d+).* (InProgress|Succeeded|Failed)")


def minimum(kind: str, value: int, **more: Any) -> dict[str, Any]:
    return {"minimumHealthyHosts": {"type": kind, "value": value}, **more}


def failing(*hosts: int) -> list[dict[str, Any]]:
    return [{"kind": "host", "index": host} for host in hosts]


def targets(run: Run, status: str) -> list[tuple[float, str]]:
    found = []
    for event in run.document["events"]:
        match = _TARGET.fullmatch(event["detail"])
        if event["kind"] == "target" and match and match[2] == status:
            found.append((event["time_s"], match[1]))
    return found


def tried(run: Run) -> list[str]:
    return [host for _, host in targets(run, "InProgress")]


def last_share(run: Run) -> float:
    return float(run.document["weights"][-1]["new_share"])


# -- health states and the order of hosts ---------------------------------------------


def test_unhealthy_then_unknown_then_old_then_current(deploy: Deploy) -> None:
    hosts = [
        {"index": 1, "revision": "old"},
        {"index": 3, "revision": "unknown"},
        {"index": 4, "healthy": False, "revision": "current"},
        {"index": 5, "healthy": False, "revision": "unknown"},
    ]
    run = deploy("ec2", ONE, n=6, hosts=hosts, lifecycle={"Install": 10})

    assert tried(run) == [f"host {i}" for i in (5, 4, 3, 1, 0, 2)]
    assert run.status == "Succeeded"


def test_hosts_of_equal_health_are_taken_at_random(scenario_of: ScenarioOf) -> None:
    scenario = scenario_of("ec2", ONE, noise="sampled", hosts=[{"index": 7, "healthy": False}])
    orders = {tuple(tried(stratsim.simulate(scenario, ONE, replication=r))) for r in range(3)}

    assert len(orders) == 3
    assert {order[0] for order in orders} == {"host 7"}


def test_an_unhealthy_host_is_out_of_service_until_it_is_deployed_to(deploy: Deploy) -> None:
    run = deploy("ec2", ONE, hosts=[{"index": 2, "healthy": False}], lifecycle={"Install": 10})

    # nine serve while the tenth is deployed to, and nine whenever another one is
    assert run.outcome["min_capacity"] == pytest.approx(0.9)
    assert run.document["weights"][1] == {"time_s": 10, "new_share": pytest.approx(1 / 9)}


def test_fewer_healthy_hosts_than_the_minimum_are_not_made_fewer(deploy: Deploy) -> None:
    """Six of ten begin Unhealthy under a minimum of 8: they come first, and they suffice."""
    hosts = [{"index": i, "healthy": False} for i in range(6)]
    entry = minimum("HOST_COUNT", 8)
    run = deploy("ec2", entry, hosts=hosts, lifecycle={"Install": 10})

    assert [time for time, _ in targets(run, "InProgress")] == [0] * 6 + [10] * 2 + [20] * 2
    assert run.outcome["min_capacity"] == pytest.approx(0.4)
    failed = deploy("ec2", entry, hosts=hosts, faults=failing(0, 1), **NO_ROLLBACK)
    assert (failed.status, len(tried(failed))) == ("Failed", 6)


def test_unhealthy_hosts_may_be_throttled(deploy: Deploy) -> None:
    """The letter does not say; a parameter lets the minimum hold them back too."""
    hosts = [{"index": i, "healthy": False} for i in range(6)]
    run = deploy(
        "ec2", minimum("HOST_COUNT", 8), hosts=hosts, lifecycle={"Install": 10},
        control={"agent_poll": "0s", "unhealthy_hosts": "throttled"},
    )  # fmt: skip

    assert [time for time, _ in targets(run, "InProgress")] == [
        *(0, 0, 10, 10, 20, 20), *(30, 30, 40, 40),
    ]  # fmt: skip


def test_a_first_deployment_is_not_throttled(deploy: Deploy) -> None:
    hosts = [{"index": i, "healthy": False, "revision": "unknown"} for i in range(10)]
    run = deploy("ec2", ONE, hosts=hosts, lifecycle={"Install": 10})

    assert run.outcome["deployment_duration_s"] == 10
    assert run.status == "Succeeded"


@pytest.mark.parametrize(("how", "status"), [("refused", "Failed"), ("deployed", "Succeeded")])
def test_a_percentage_of_a_lone_host(deploy: Deploy, how: str, status: str) -> None:
    control = {"agent_poll": "0s", "lone_host": how}

    assert deploy("ec2", HALF, n=1, control=control).status == status


NO_HOST_LEFT = {
    "minimumHealthyHosts": {"type": "HOST_COUNT", "value": 0},
    "zonalConfig": {"minimumHealthyHostsPerZone": {"type": "HOST_COUNT", "value": 4}},
}


@pytest.mark.parametrize("engine", ["des", "batch"])
@pytest.mark.parametrize(
    ("entry", "n"),
    [
        pytest.param({"deploymentConfigName": HALF}, 1, id="half of one host"),
        pytest.param(minimum("FLEET_PERCENT", 95), 10, id="W4"),
        pytest.param(NO_HOST_LEFT, 4, id="a zone's minimum"),
    ],
)
def test_what_is_refused_at_creation_is_not_rolled_back(
    scenario_of: ScenarioOf, engine: str, entry: dict[str, Any], n: int
) -> None:
    """Failed before any host is touched, with nothing to undo, whatever the group rolls back on."""
    events = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
    group = {"autoRollbackConfiguration": events}
    scenario = scenario_of("ec2", entry, n=n, deployment_group=group)
    runs = stratsim.compare(scenario, replications=2, engine=engine).sample("it")

    assert (runs.measures["deployment_duration_s"] == 0).all()
    assert not runs.events["rollback"].any()
    assert not runs.events["false_rollback"].any()
    assert np.isnan(runs.measures["rollback_latency_s"]).all()


@pytest.mark.parametrize("engine", ["des", "batch"])
def test_what_has_changed_a_host_is_rolled_back(scenario_of: ScenarioOf, engine: str) -> None:
    """The only host fails, which no minimum forbids; the same group rolls back then."""
    events = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
    group = {"autoRollbackConfiguration": events}
    scenario = scenario_of("ec2", ALL, n=1, faults=failing(0), deployment_group=group)
    runs = stratsim.compare(scenario, replications=2, engine=engine).sample(ALL)

    assert runs.events["rollback"].all()


# -- lifecycle events ------------------------------------------------------------------


EVENTS = (
    *("BeforeBlockTraffic", "BlockTraffic", "AfterBlockTraffic"),
    *("ApplicationStop", "DownloadBundle", "BeforeInstall", "Install", "AfterInstall"),
    *("ApplicationStart", "ValidateService"),
    *("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("how", ["fails", "times out"])
def test_every_event_can_fail_a_host(deploy: Deploy, event: str, how: str) -> None:
    """A host that fails before it is deregistered goes on serving the old revision, one
    that fails after its registration the new one; between the two it serves nothing."""
    setting = {"duration": 5, "failure": 1} if how == "fails" else {"duration": 50, "timeout": 5}
    run = deploy("ec2", ALL, n=1, lifecycle={event: setting}, **NO_ROLLBACK)
    serves = event in ("BeforeBlockTraffic", "AfterAllowTraffic")

    assert (run.status, run.document["error_code"]) == ("Failed", "HEALTH_CONSTRAINTS")
    assert run.outcome["deployment_duration_s"] == 5
    assert last_share(run) == (1 if event == "AfterAllowTraffic" else 0)
    assert run.outcome["min_capacity"] == (1 if serves else 0)


@pytest.mark.parametrize("event", ["ApplicationStop", "BeforeBlockTraffic", "AfterBlockTraffic"])
def test_failures_of_the_previous_revision_can_be_ignored(deploy: Deploy, event: str) -> None:
    wrong = {event: {"duration": 5, "failure": 1}}
    forgiving = {"deploymentConfigName": ONE, "ignoreApplicationStopFailures": True}

    assert deploy("ec2", ONE, n=3, lifecycle=wrong).status == "Failed"
    run = deploy("ec2", forgiving, n=3, lifecycle=wrong)
    assert (run.status, run.outcome["deployment_duration_s"]) == ("Succeeded", 15)


def test_an_event_that_is_ignored_takes_its_timeout_at_most(scenario_of: ScenarioOf) -> None:
    forgiving = {"deploymentConfigName": ONE, "ignoreApplicationStopFailures": True}
    slow = {"ApplicationStop": {"duration": 50, "timeout": 5}}
    scenario = scenario_of("ec2", forgiving, n=3, lifecycle=slow)
    plan, run = stratsim.plan(scenario, "it"), stratsim.simulate(scenario, "it")

    assert plan.status == run.status == "Succeeded"
    assert plan.duration_s == run.outcome["deployment_duration_s"] == 15


def test_other_failures_are_not_ignored(deploy: Deploy) -> None:
    forgiving = {"deploymentConfigName": ONE, "ignoreApplicationStopFailures": True}
    wrong = {"AfterInstall": {"duration": 5, "failure": 1}}

    assert deploy("ec2", forgiving, n=3, lifecycle=wrong).status == "Failed"


def test_a_host_without_a_revision_has_no_script_to_stop_it(deploy: Deploy) -> None:
    hosts = [{"index": i, "healthy": False, "revision": "unknown"} for i in range(3)]
    wrong = {"ApplicationStop": {"duration": 5, "failure": 1}}

    assert deploy("ec2", ALL, n=3, hosts=hosts, lifecycle=wrong).status == "Succeeded"
    known = [{**host, "revision": "current"} for host in hosts]
    assert deploy("ec2", ALL, n=3, hosts=known, lifecycle=wrong).status == "Failed"


def test_a_host_that_never_becomes_healthy_takes_its_hour(deploy: Deploy) -> None:
    """CodeDeploy waits an hour behind a load balancer, then tries the next host."""
    faults = [{"kind": "startup", "probability": 1}]
    run = deploy("ec2", minimum("HOST_COUNT", 1), n=3, faults=faults, **NO_ROLLBACK)

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Failed", 3600)
    assert len(tried(run)) == 2


def test_without_a_load_balancer_a_host_serves_until_it_is_stopped(deploy: Deploy) -> None:
    style = {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}
    group = {"deploymentStyle": style}
    events = {"ApplicationStop": 10, "Install": 20, "ValidateService": 30, "BlockTraffic": 1000}
    run = deploy("ec2", ONE, n=2, lifecycle=events, deployment_group=group)

    assert run.outcome["deployment_duration_s"] == 120
    # the first is back as the second is stopped
    assert run.document["weights"][1] == {"time_s": 60, "new_share": 1}
    assert run.outcome["min_capacity"] == 0.5


# -- rollback --------------------------------------------------------------------------

SLOW = {"Install": 10}


def restored_after(run: Run) -> float:
    latency = run.outcome["rollback_latency_s"]
    assert latency is not None
    return latency


def test_a_rollback_is_a_deployment_to_the_hosts_that_were_touched(deploy: Deploy) -> None:
    """Five updated, the sixth failed: it is Unhealthy and first, then one at a time."""
    run = deploy("ec2", ONE, faults=failing(5), lifecycle=SLOW)
    begun = [(time, host) for time, host in targets(run, "InProgress") if time >= 60]

    assert begun == [(60, "host 5"), *((70 + 10 * i, f"host {i}") for i in range(5))]
    # the last updated host leaves service at 110 s; nothing new serves from then on
    assert restored_after(run) == 50
    assert last_share(run) == 0


def test_a_rollback_may_go_over_the_whole_group(deploy: Deploy) -> None:
    control = {"agent_poll": "0s", "rollback_hosts": "whole_group"}
    run = deploy("ec2", ONE, faults=failing(5), lifecycle=SLOW, control=control)
    begun = [host for time, host in targets(run, "InProgress") if time >= 60]

    assert len(begun) == 10
    assert begun[0] == "host 5"


def test_a_rollback_is_not_zonal(deploy: Deploy) -> None:
    """Zone by zone with a watch of ten minutes there; back at once, as the minimum allows."""
    zonal = {
        "monitorDurationInSeconds": 600,
        "minimumHealthyHostsPerZone": {"type": "HOST_COUNT", "value": 3},
    }
    service = {"instances": 12, "zones": 3, "startup": "0s", "drain": "0s"}
    run = deploy(
        "ec2", minimum("HOST_COUNT", 6, zonalConfig=zonal), service=service, lifecycle=SLOW,
        faults=failing(2),
    )  # fmt: skip
    failed_s = run.outcome["deployment_duration_s"]
    back = [time for time, _ in targets(run, "InProgress") if time >= failed_s]

    # one at a time in a zone: four hosts, a watch, four, a watch, and the first of zone 3
    assert failed_s == 40 + 600 + 40 + 600 + 10
    assert back == [failed_s] * 6 + [failed_s + 10] * 3
    assert restored_after(run) == 10


def test_hosts_in_flight_are_left_where_they_are_when_people_stop(deploy: Deploy) -> None:
    """Nobody rolls back: the mix stays as it is, and the host in flight serves nothing."""
    run = deploy(
        "ec2", ONE, n=4, lifecycle={"Install": 100},
        faults=[{"kind": "errors", "rate": 1.0}],
        on_call={"respond": "0s", "notice": "150s"},
        deployment_group={"autoRollbackConfiguration": {"enabled": False}},
    )  # fmt: skip

    assert (run.status, run.document["error_code"]) == ("Stopped", "MANUAL_STOP")
    # the first exposed request comes at 100 s, so people act at 250 s: host 2 is in flight
    assert run.outcome["deployment_duration_s"] == 250
    back = [(time, host) for time, host in targets(run, "InProgress") if time >= 250]
    assert back[0] == (250, "host 2")
    assert sorted(host for _, host in back) == ["host 0", "host 1", "host 2"]
    assert last_share(run) == 0


def test_a_stop_by_people_rolls_back_where_the_group_says_so(deploy: Deploy) -> None:
    events = ["DEPLOYMENT_STOP_ON_REQUEST"]
    run = deploy(
        "ec2", ONE, n=4, lifecycle={"Install": 100},
        faults=[{"kind": "errors", "rate": 1.0}],
        on_call={"respond": "0s", "notice": "150s"},
        deployment_group={"autoRollbackConfiguration": {"enabled": True, "events": events}},
    )  # fmt: skip

    assert run.document["error_code"] == "MANUAL_STOP"
    assert restored_after(run) == 200


# -- blue/green ------------------------------------------------------------------------

GREEN = {"deploymentStyle": "BLUE_GREEN"}


def blue_green(name: str = ALL, **more: Any) -> dict[str, Any]:
    return {"deploymentConfigName": name, **GREEN, **more}


def waits(**options: Any) -> dict[str, Any]:
    blue = {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0}
    base = {"terminateBlueInstancesOnDeploymentSuccess": blue}
    return {"deployment_group": {"blueGreenDeploymentConfiguration": base | options}}


@pytest.mark.parametrize(("name", "batches"), [(ALL, 1), (HALF, 2), (ONE, 10)])
def test_the_rule_governs_the_installation_and_the_rerouting(
    deploy: Deploy, name: str, batches: int
) -> None:
    run = deploy("ec2", blue_green(name), lifecycle={"Install": 10, "AllowTraffic": 5})

    assert run.outcome["deployment_duration_s"] == 15 * batches
    assert run.outcome["min_capacity"] == 1


def test_a_copied_group_is_as_large_as_its_source_is_healthy(deploy: Deploy) -> None:
    hosts = [{"index": i, "healthy": False} for i in range(3)]
    copied = deploy("ec2", blue_green(), hosts=hosts)
    found = deploy(
        "ec2", blue_green(), hosts=hosts,
        **waits(greenFleetProvisioningOption={"action": "DISCOVER_EXISTING"}),
    )  # fmt: skip

    assert len(set(tried(copied))) == 7
    assert len(set(tried(found))) == 10


def test_a_replacement_host_that_failed_is_not_registered(deploy: Deploy) -> None:
    blue = {"action": "TERMINATE", "terminationWaitTimeInMinutes": 1}
    run = deploy(
        "ec2", blue_green(), faults=failing(0, 1), lifecycle={"AllowTraffic": 5},
        **waits(terminateBlueInstancesOnDeploymentSuccess=blue),
    )  # fmt: skip

    assert run.status == "Succeeded"
    # ten were tried to install, eight to register
    assert len(tried(run)) == 18
    assert run.outcome["min_capacity"] == pytest.approx(0.8)


def test_a_failure_while_deregistering_fails_the_deployment(deploy: Deploy) -> None:
    run = deploy(
        "ec2", blue_green(), lifecycle={"AfterBlockTraffic": {"duration": 5, "failure": 1}}
    )

    assert (run.status, run.document["error_code"]) == ("Failed", "HEALTH_CONSTRAINTS")
    assert last_share(run) == 0
    assert run.outcome["rollback_latency_s"] is not None


def test_nobody_continues_a_ready_deployment(deploy: Deploy) -> None:
    ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 30}
    run = deploy("ec2", blue_green(), **waits(deploymentReadyOption=ready))
    statuses = [e["detail"] for e in run.document["events"] if e["kind"] == "status"]

    assert statuses == ["InProgress", "Ready", "Stopped"]
    assert run.document["error_code"] is None
    assert run.outcome["deployment_duration_s"] == 30 * 60
    assert run.outcome["rollback_latency_s"] is None
    assert last_share(run) == 0


def test_somebody_continues_it(deploy: Deploy) -> None:
    ready = {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 30}
    control = {"agent_poll": "0s", "reroute": "0s", "continue_after": "20m"}
    run = deploy("ec2", blue_green(), control=control, **waits(deploymentReadyOption=ready))

    assert (run.status, run.outcome["deployment_duration_s"]) == ("Succeeded", 20 * 60)


LATE = [{"kind": "errors", "rate": 1.0, "after": "10m"}]


@pytest.mark.parametrize(
    ("action", "wait", "seconds"),
    [
        pytest.param("TERMINATE", 60, 7, id="the originals are still there"),
        pytest.param("TERMINATE", 5, 7 + 90, id="they are gone and start again"),
        pytest.param("KEEP_ALIVE", 0, 7, id="they were kept"),
    ],
)
def test_a_rollback_before_and_after_the_original_fleet_is_gone(
    deploy: Deploy, action: str, wait: int, seconds: float
) -> None:
    """Registered again in seconds, or launched first; people act a minute after the fault."""
    blue = {"action": action, "terminationWaitTimeInMinutes": wait}
    run = deploy(
        "ec2", blue_green(), faults=LATE, lifecycle={"AllowTraffic": 7},
        service={"instances": 10, "zones": 1, "startup": "90s", "drain": "0s"},
        on_call={"respond": "0s", "notice": "1m"},
        **waits(terminateBlueInstancesOnDeploymentSuccess=blue),
    )  # fmt: skip

    assert run.outcome["time_to_restore_s"] == pytest.approx(60 + seconds, abs=0.01)
    assert last_share(run) == 0


# -- limits ----------------------------------------------------------------------------


def test_an_in_place_deployment_ends_after_eight_hours(scenario_of: ScenarioOf) -> None:
    """Nine hosts of an hour each, one at a time: the ninth is in flight at 8 h."""
    events = {"Install": 3500}
    scenario = scenario_of("ec2", ONE, n=9, lifecycle=events, **NO_ROLLBACK)
    plan, run = stratsim.plan(scenario, ONE), stratsim.simulate(scenario, ONE)

    assert plan.status == run.status == "Failed"
    assert plan.duration_s == run.outcome["deployment_duration_s"] == 8 * 3600
    assert run.document["error_code"] == "TIMEOUT"
    assert (len(tried(run)), len(targets(run, "Succeeded"))) == (9, 8)
    raised = scenario_of("ec2", ONE, n=9, lifecycle=events, quotas={"in_place_hours": 9})
    assert stratsim.simulate(raised, ONE).status == "Succeeded"


def test_more_than_a_thousand_instances_are_refused_up_front(scenario_of: ScenarioOf) -> None:
    with pytest.raises(stratsim.errors.InputError, match="at most 1000 EC2 instances") as caught:
        stratsim.plan(scenario_of("ec2", ONE, n=1001), ONE)

    assert "userguide/limits.html" in str(caught.value)
    assert "quotas.instances_per_deployment" in str(caught.value)
    raised = {"instances_per_deployment": 1001}
    assert stratsim.plan(scenario_of("ec2", ONE, n=1001, quotas=raised), ONE).status == "Succeeded"


@pytest.mark.parametrize(
    ("how", "times"),
    [
        # left at once: the old revision is installed from 140 s on
        pytest.param("at_once", [170, 230], id="at once"),
        # the registration that runs ends first, then the host's agent is free
        pytest.param("after_event", [180, 210, 270], id="after the event"),
    ],
)
def test_an_event_in_flight_may_come_to_its_end(
    deploy: Deploy, how: str, times: list[float]
) -> None:
    """People stop at 140 s, 50 s after the first exposed request; host 1 is registering."""
    run = deploy(
        "ec2", ONE, n=3, lifecycle={"Install": 30, "AllowTraffic": 60},
        faults=[{"kind": "errors", "rate": 1.0}], on_call={"respond": "1h", "notice": "50s"},
        control={"agent_poll": "0s", "reroute": "0s", "stop_in_flight": how},
    )  # fmt: skip
    told = [
        event["time_s"]
        for event in run.document["events"]
        if event["kind"] == "host" and event["time_s"] > 140
        and event["detail"] in ("host 1 Install", "host 1 AllowTraffic")
    ]  # fmt: skip

    assert run.outcome["deployment_duration_s"] == 140
    assert told == times
    assert last_share(run) == 0


def test_hosts_that_end_in_one_instant_are_looked_at_together(deploy: Deploy) -> None:
    """A batch of two, of which the first fails and ends the deployment."""
    command = {"DeploymentPolicy": "Rolling", "BatchSizeType": "Fixed", "BatchSize": 2}
    entry = {"elasticBeanstalk": {"aws:elasticbeanstalk:command": command}}
    run = deploy("ec2", entry, n=4, lifecycle={"Install": 30}, faults=failing(0))

    assert run.status == "Failed"
    assert [host for _, host in targets(run, "Failed")] == ["host 0"]
    assert targets(run, "Succeeded") == [(run.outcome["deployment_duration_s"], "host 1")]


@pytest.mark.parametrize(
    ("how", "more"), [("at_once", set()), ("after_event", {"Install"})], ids=["at once", "after"]
)
def test_a_rollback_that_fails_leaves_its_hosts_as_any_stop_does(
    scenario_of: ScenarioOf, how: str, more: set[str]
) -> None:
    """One host that fails is one too many: three are healthy, five have to be.

    Hosts that fail at the very end of the way there serve, and at the very beginning
    of the way back still do, so that people come again an hour later.
    """
    rollback = {"autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}}
    risky = {"duration": 30, "failure": 0.4}
    scenario = scenario_of(
        "ec2", minimum("HOST_COUNT", 5), n=6, deployment_group=rollback,
        hosts=[{"index": at, "healthy": False} for at in range(3)],
        lifecycle={"BeforeBlockTraffic": risky, "Install": 60, "AfterAllowTraffic": risky},
        faults=[{"kind": "errors", "rate": 0.1}],
        on_call={"respond": "1h", "notice": "1h"},
        control={"stop_in_flight": how, "rollback_hosts": "whole_group"},
    )  # fmt: skip
    later = set()
    for number in range(20):
        events = stratsim.simulate(scenario, "it", replication=number).document["events"]
        failed = [event["time_s"] for event in events if event["detail"].startswith("failed: ")]
        later |= {
            event["detail"].split()[2]
            for event in events
            if failed and event["kind"] == "host" and failed[0] < event["time_s"] < failed[0] + 3600
        }

    assert later == more
