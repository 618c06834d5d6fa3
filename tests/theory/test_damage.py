"""Who is hurt by a deployment: each definition on a case small enough for paper.

Noise is off: 10 requests/s, so 600 a minute, unless a test says otherwise.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import stratsim

Make = Callable[..., Any]

HALF = "CodeDeployDefault.HalfAtATime"
TEN_MINUTES_EACH = {"Install": {"duration": "10m"}}


def hold(weight: float, pause: str) -> dict[str, Any]:
    """Weight for a while; what comes after it takes no time."""
    return {"name": "it", "steps": [{"weight": weight, "pause": pause}]}


def outcome_of(scenario_of: Make, strategy: Any, *faults: dict[str, Any], **more: Any) -> Any:
    """Return the measures of one run without noise."""
    scenario = scenario_of(strategy, faults=faults, noise="expected", **more)
    return stratsim.simulate(scenario, scenario.strategies[0].name).outcome


# -- failures by faults ---------------------------------------------------------------


def test_a_fault_fails_its_share_of_the_new_revision_s_requests(scenario_of: Make) -> None:
    found = outcome_of(scenario_of, hold(20, "10m"), {"kind": "errors", "rate": 0.1})

    assert found["exposed_requests"] == pytest.approx(0.2 * 6000)
    assert found["failed_requests"] == pytest.approx(0.1 * 0.2 * 6000)
    assert found["failed_requests_fault"] == found["failed_requests"]
    assert found["failed_requests_capacity"] == 0


def test_background_failures_happen_among_the_rest_and_count_for_nobody(
    scenario_of: Make, alarm_on: Make, alarm_minutes: Make
) -> None:
    """Half of all requests fail anyway; of 6,000 the fault's tenth is still 600.

    The metric shows both: a minute's 600 requests have 0.1 + 0.9 * 0.5 = 55 % errors.
    """
    fault = {"kind": "errors", "rate": 0.1}
    alarms = [alarm_on("330", above=329.9), alarm_on("331", above=330.1)]
    scenario = scenario_of(
        hold(100, "10m"),
        faults=[fault],
        alarms=alarms,
        watched=[],
        service={"error_rate": 0.5},
        noise="expected",
    )

    run = stratsim.simulate(scenario, "it")

    assert run.outcome["failed_requests"] == pytest.approx(600)
    assert (alarm_minutes(run, "330"), alarm_minutes(run, "331")) == (9, 0)


def test_two_faults_do_not_fail_a_request_twice(scenario_of: Make) -> None:
    faults = [{"kind": "errors", "rate": 0.5}, {"kind": "errors", "rate": 0.2}]

    found = outcome_of(scenario_of, hold(100, "1m"), *faults)

    assert found["failed_requests"] == pytest.approx((1 - 0.5 * 0.8) * 600)
    assert found["exposed_requests"] == pytest.approx(600)


@pytest.mark.parametrize(
    ("minutes", "exposed", "worth"), [(4, 0, 0), (5, 1, 0.25), (6, 2, 1), (10, 6, 5)]
)
def test_a_fault_waits_from_the_first_request_and_then_rises(
    minutes: int, exposed: float, worth: float, scenario_of: Make
) -> None:
    """20 % after 4 minutes of canary, in a ramp of 2, whose first half is an eighth of its square.

    Exposed is who comes while the fault is active, however weak.
    """
    fault = {"kind": "errors", "rate": 0.2, "after": "4m", "ramp": "2m"}

    found = outcome_of(scenario_of, hold(50, f"{minutes}m"), fault)

    assert found["exposed_requests"] == pytest.approx(0.5 * exposed * 600)
    assert found["failed_requests"] == pytest.approx(0.2 * 0.5 * worth * 600)


def test_a_fault_s_clock_starts_with_traffic_not_with_the_instance(scenario_of: Make) -> None:
    steps = [{"weight": 0, "pause": "30m"}, {"weight": 50, "pause": "10m"}]
    fault = {"kind": "errors", "rate": 0.2, "after": "4m"}

    found = outcome_of(scenario_of, {"name": "it", "steps": steps}, fault)

    assert found["exposed_requests"] == pytest.approx(0.5 * 6 * 600)


@pytest.mark.parametrize(
    ("limits", "share"), [({"zones": [2]}, 1 / 3), ({"instances": 0.25}, 0.25)]
)
def test_only_requests_to_struck_instances_are_exposed(
    limits: dict[str, Any], share: float, scenario_of: Make
) -> None:
    """Nine instances in three zones; with noise off a share of instances is an expectation."""
    fault = {"kind": "errors", "rate": 0.5, **limits}

    found = outcome_of(scenario_of, hold(50, "10m"), fault, service={"instances": 9, "zones": 3})

    assert found["exposed_requests"] == pytest.approx(share * 3000)
    assert found["failed_requests"] == pytest.approx(0.5 * share * 3000)


def test_a_share_of_instances_is_drawn_for_each_instance(
    scenario_of: Make, mean_is: Make, compare: Make
) -> None:
    """Each of 10 is struck with probability 0.3: exposed tenths are binomial over 2,000 runs."""
    fault = {"kind": "errors", "rate": 1, "instances": 0.3}
    traffic = {"rate": 10, "dispersion": 0}
    scenario = scenario_of(hold(100, "1m"), faults=[fault], traffic=traffic)

    failed = compare(scenario, replications=2000, seed=4).sample("it").measures["failed_requests"]

    mean_is(failed / 600, 0.3)
    expected = 0.3 * 0.7 / 10 + 0.3 * 0.7 / 600 * 0.9  # instances, then requests among them
    assert failed.var() / 600**2 == pytest.approx(expected, rel=3 * math.sqrt(2 / 2000))


@pytest.mark.parametrize(("instances", "exposed"), [(10, 0), (5, 6000)])
def test_a_fault_above_a_load_strikes_only_there(
    instances: int, exposed: float, scenario_of: Make
) -> None:
    """10 requests/s are 1/s for each of ten instances, and 2/s for each of five."""
    fault = {"kind": "errors", "rate": 0.5, "above_load": 1.5}

    found = outcome_of(scenario_of, hold(100, "10m"), fault, service={"instances": instances})

    assert found["exposed_requests"] == pytest.approx(exposed)
    assert found["failed_requests"] == pytest.approx(exposed / 2)


# -- failures by capacity -------------------------------------------------------------


def test_half_a_fleet_rejects_what_the_other_half_cannot_serve(scenario_of: Make) -> None:
    """10 instances serve 1 request/s each; for 20 minutes 5 of them face 10/s."""
    found = outcome_of(
        scenario_of,
        HALF,
        platform="ec2",
        service={"capacity": 1},
        lifecycle=TEN_MINUTES_EACH,
    )

    assert found["failed_requests_capacity"] == pytest.approx(5 * 1200)
    assert found["failed_requests_fault"] == 0
    assert found["failed_requests"] == found["failed_requests_capacity"]
    assert found["exposed_requests"] == 0
    assert found["min_capacity"] == 0.5
    assert found["peak_utilization"] == pytest.approx(2)


def test_what_the_old_fleet_would_reject_anyway_is_not_the_deployment_s(
    scenario_of: Make,
) -> None:
    """12/s on a fleet for 10/s: 2/s are lost on any day, 5/s more while half of it is away."""
    found = outcome_of(
        scenario_of,
        HALF,
        platform="ec2",
        service={"capacity": 1},
        traffic={"rate": 12},
        lifecycle=TEN_MINUTES_EACH,
    )

    assert found["failed_requests_capacity"] == pytest.approx(5 * 1200)


def test_overload_by_a_weak_revision_is_its_fault(scenario_of: Make) -> None:
    """The new revision serves half as much: of 12/s it rejects 7, of which 2 are of any day.

    Rejected requests are not exposed.
    """
    found = outcome_of(
        scenario_of,
        hold(100, "10m"),
        {"kind": "capacity", "factor": 0.5},
        service={"capacity": 1},
        traffic={"rate": 12},
    )

    assert found["failed_requests_fault"] == pytest.approx(5 * 600)
    assert found["failed_requests_capacity"] == 0
    assert found["exposed_requests"] == pytest.approx(5 * 600)
    assert found["peak_utilization"] == pytest.approx(12 / 5)


def test_weakness_and_absence_share_the_blame(scenario_of: Make) -> None:
    """First half away: 5/s too many, for want of capacity. Then the new half serves 2.5/s:

    7.5/s are rejected, 5 of which sound hosts would have rejected too.
    """
    found = outcome_of(
        scenario_of,
        HALF,
        {"kind": "capacity", "factor": 0.5},
        platform="ec2",
        service={"capacity": 1},
        lifecycle=TEN_MINUTES_EACH,
    )

    assert found["failed_requests_capacity"] == pytest.approx(5 * 600 + 5 * 600)
    assert found["failed_requests_fault"] == pytest.approx(2.5 * 600)


def test_overload_by_crashes_is_the_fault_s(scenario_of: Make, compare: Make) -> None:
    """Instances die six times an hour and take 20 minutes to come back: nothing else is to blame."""
    scenario = scenario_of(
        hold(100, "60m"),
        faults=[{"kind": "crash", "per_hour": 6}],
        service={"capacity": 1.1, "startup": "20m"},
    )

    runs = compare(scenario, replications=20, seed=1).sample("it")

    assert (runs.measures["failed_requests_fault"] > 1000).all()
    assert (runs.measures["failed_requests_capacity"] == 0).all()


ONE_IS_SICK = {"kind": "startup", "probability": 1, "zones": [1]}
"""Of four hosts in as many zones, host 0."""


def sick_host(scenario_of: Make, compare: Make, strategy: Any, **more: Any) -> dict[str, float]:
    """Return the measures of a deployment to four hosts of 100/s under 350/s, one of them sick.

    A host is away for 30 s of installation and 20 s of registration, which has 10 minutes.
    """
    scenario = scenario_of(
        {"name": "it", **strategy},
        platform="ec2",
        faults=[ONE_IS_SICK],
        service={"instances": 4, "zones": 4, "capacity": 100},
        traffic={"rate": 350},
        lifecycle={
            "Install": {"duration": "30s"},
            "AllowTraffic": {"duration": "20s", "timeout": "10m"},
        },
        noise="expected",
        **more,
    )
    runs = compare(scenario, replications=1).sample("it")
    return {name: float(values[0]) for name, values in runs.measures.items()}


@pytest.mark.parametrize("undone", [True, False])
def test_a_host_in_place_is_the_fault_s_loss_once_a_good_one_were_back(
    scenario_of: Make, compare: Make, undone: bool
) -> None:
    """Three hosts reject 50/s. For 50 s the first would be away in any case, and is in the

    rollback again; from 50 s to its timeout at 630 s the fault keeps it out.
    """
    events = {"enabled": undone, "events": ["DEPLOYMENT_FAILURE"]}
    found = sick_host(
        scenario_of,
        compare,
        {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 3}},
        group={"autoRollbackConfiguration": events},
    )

    assert found["deployment_duration_s"] == 630
    assert found["failed_requests_fault"] == pytest.approx(50 * 580, rel=1e-9)
    away = 100 if undone else 50
    assert found["failed_requests_capacity"] == pytest.approx(50 * away, rel=1e-9)
    assert found["exposed_requests"] == 0


def test_a_replacement_host_that_is_not_healthy_is_the_fault_s_loss(
    scenario_of: Make, compare: Make
) -> None:
    """While four old hosts serve nobody misses it; without them three face 350/s for the

    five minutes of the termination wait.
    """
    rule = {"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 0}}
    green = {**rule, "deploymentStyle": "BLUE_GREEN"}
    found = sick_host(scenario_of, compare, green, wait_min=5)

    assert found["deployment_duration_s"] == 30 + 600 + 300
    assert found["failed_requests_fault"] == pytest.approx(50 * 300, rel=1e-9)
    assert found["failed_requests_capacity"] == 0


def test_how_often_instances_crash(scenario_of: Make, mean_is: Make, compare: Make) -> None:
    """Ten instances that die once an hour each, back after 5 minutes: on average 10/13 of

    an hour are up in a long run, since 60 minutes up are followed by 5 down.
    """
    scenario = scenario_of(
        hold(100, "50h"),
        faults=[{"kind": "crash", "per_hour": 1}],
        service={"capacity": 1, "startup": "5m"},
        traffic={"rate": 100, "dispersion": 0},
    )

    runs = compare(scenario, replications=10, seed=1).sample("it")

    up = runs.measures["exposed_requests"] / (10 * 50 * 3600)  # each serves 1/s while it is up
    mean_is(up, 60 / 65, errors=3.5)


# -- slow requests --------------------------------------------------------------------


def test_slow_requests_are_those_beyond_the_usual_ones(scenario_of: Make) -> None:
    """Answers take twice as long: P(2 T > 1 s) - P(T > 1 s) of the log-normal T."""
    latency = {"median": "200ms", "p99": "800ms"}

    found = outcome_of(
        scenario_of,
        hold(50, "10m"),
        {"kind": "latency", "factor": 2},
        service={"latency": latency},
        slo={"latency": "1s"},
    )

    times = stats.lognorm(math.log(4) / stats.norm.isf(0.01), scale=0.2)
    expected = 3000 * (times.sf(0.5) - times.sf(1))
    assert found["slow_requests"] == pytest.approx(expected, rel=2e-3)  # read from a table
    assert found["failed_requests"] == 0
    assert found["exposed_requests"] == pytest.approx(3000)


def test_added_latency_and_cold_starts_reach_their_share(scenario_of: Make) -> None:
    """One invocation in ten of the new version takes 5 s longer, and so is late."""
    fault = {"kind": "cold_start", "latency": "5s", "share": 0.1}
    latency = {"median": "200ms", "p99": "800ms"}

    found = outcome_of(
        scenario_of,
        hold(50, "10m"),
        fault,
        platform="lambda",
        service={"latency": latency},
    )

    usual = stats.lognorm(math.log(4) / stats.norm.isf(0.01), scale=0.2).sf(1)
    assert found["exposed_requests"] == pytest.approx(0.1 * 3000)
    assert found["slow_requests"] == pytest.approx(0.1 * 3000 * (1 - usual), rel=1e-3)


# -- users ----------------------------------------------------------------------------


def distinct(draws: list[tuple[int, int]], repeats: int = 4000) -> float:
    """Return the mean number of distinct users, `n` of them drawn among the first `of` each time."""
    rng = np.random.default_rng(1)
    users = [
        len(np.unique(np.concatenate([rng.integers(0, of, n) for n, of in draws])))
        for _ in range(repeats)
    ]
    return float(np.mean(users))


def test_failures_of_anybody_touch_distinct_users(scenario_of: Make) -> None:
    """300 failures among 500 users, each anybody's: 225.8 distinct ones."""
    found = outcome_of(
        scenario_of,
        hold(50, "10m"),
        {"kind": "errors", "rate": 0.1},
        traffic={"users": {"active": 500}},
    )

    assert found["failed_requests"] == pytest.approx(300)
    assert found["affected_users"] == pytest.approx(500 * (1 - (1 - 1 / 500) ** 300))
    assert found["affected_users"] == pytest.approx(distinct([(300, 500)]), rel=5e-3)


def test_sticky_users_stay_on_their_revision(scenario_of: Make) -> None:
    """60 failures at a weight of 10 %, all among the first 50 of 500 users; then 150 at 50 %.

    Users below 10 % meet both; those from 10 to 50 % the second only.
    """
    steps = [{"weight": 10, "pause": "10m"}, {"weight": 50, "pause": "5m"}]

    found = outcome_of(
        scenario_of,
        {"name": "it", "steps": steps},
        {"kind": "errors", "rate": 0.1},
        traffic={"users": {"active": 500, "sticky": True}},
    )

    assert found["failed_requests"] == pytest.approx(60 + 150)
    missed, later = (1 - 1 / 50) ** 60, (1 - 1 / 250) ** 150
    expected = 50 * (1 - missed * later) + 200 * (1 - later)
    assert found["affected_users"] == pytest.approx(expected)
    assert found["affected_users"] == pytest.approx(distinct([(60, 50), (150, 250)]), rel=5e-3)


def test_stickiness_keeps_the_number_of_users_small(scenario_of: Make) -> None:
    """A canary of 10 % that fails everything hurts a tenth of the users, or nearly all."""
    scenario = {"strategy": hold(10, "60m")}
    fault = {"kind": "errors", "rate": 1}

    found = [
        outcome_of(
            scenario_of,
            scenario["strategy"],
            fault,
            traffic={"users": {"active": 1000, "sticky": sticky}},
        )["affected_users"]
        for sticky in (True, False)
    ]

    assert found == pytest.approx([100, 1000 * (1 - (1 - 1 / 1000) ** 3600)])


@pytest.mark.parametrize("engine", ["des", "batch"])
def test_a_weak_canary_turns_away_its_own_users_only(engine: str, scenario_of: Make) -> None:
    """Ten instances that serve 0.02 requests/s each get 1/s: 480 of 600 are rejected.

    Sticky: all of them from the first tenth of 1,000 users. Else from anybody.
    """
    found = []
    for sticky in (True, False):
        scenario = scenario_of(
            hold(10, "10m"),
            faults=[{"kind": "capacity", "factor": 0.02}],
            service={"capacity": 1},
            traffic={"users": {"active": 1000, "sticky": sticky}},
            noise="expected",
        )
        runs = stratsim.compare(scenario, engine=engine).sample("it").measures
        assert runs["failed_requests_fault"] == pytest.approx([480])
        found.append(runs["affected_users"][0])

    expected = [100 * (1 - (1 - 1 / 100) ** 480), 1000 * (1 - (1 - 1 / 1000) ** 480)]
    assert found == pytest.approx(expected)


def test_who_is_turned_away_where_one_revision_serves_everybody(scenario_of: Make) -> None:
    """Five of ten hosts are away, first the old ones' turn to be overloaded, then the new ones'.

    All users are on the one revision that serves, so everybody may be hit.
    """
    found = outcome_of(
        scenario_of,
        HALF,
        platform="ec2",
        service={"capacity": 1},
        traffic={"users": {"active": 1000, "sticky": True}},
        lifecycle=TEN_MINUTES_EACH,
    )

    assert found["failed_requests_capacity"] == pytest.approx(6000)
    assert found["affected_users"] == pytest.approx(1000 * (1 - (1 - 1 / 1000) ** 6000))


# -- shares, budget, retries, surroundings ----------------------------------------------


def test_peak_exposure_is_the_largest_weight(scenario_of: Make, alarm_on: Make) -> None:
    steps = [{"weight": 20, "pause": "1m"}, {"weight": 35, "pause": "1m"}]
    alarm = alarm_on(above=0, m=2, n=2)

    found = outcome_of(
        scenario_of,
        {"name": "it", "steps": steps},
        {"kind": "errors", "rate": 0.5},
        alarms=[alarm],
    )

    assert found["peak_exposure"] == 0.35


def test_error_budget_is_what_the_objective_allows(scenario_of: Make) -> None:
    """600 failures; 10/s for 10 days at 99.9 % allow 8,640."""
    found = outcome_of(
        scenario_of,
        hold(100, "10m"),
        {"kind": "errors", "rate": 0.1},
        slo={"availability": 0.999, "window": "10d"},
    )

    assert found["error_budget"] == pytest.approx(600 / 8640)


@pytest.mark.parametrize(("limit", "tries"), [(1, 1.2), (2, 1.24), (3, 1.248)])
def test_failed_requests_that_are_sent_again_can_fail_again(
    limit: int, tries: float, scenario_of: Make
) -> None:
    """40 % fail, half of which are sent again, at most so many times: 1 + 0.2 + 0.04 ..."""
    found = outcome_of(
        scenario_of,
        hold(100, "10m"),
        {"kind": "errors", "rate": 0.4},
        traffic={"retries": {"share": 0.5, "limit": limit}},
    )

    assert found["exposed_requests"] == pytest.approx(6000 * tries)
    assert found["failed_requests"] == pytest.approx(0.4 * 6000 * tries)


@pytest.mark.parametrize("engine", ["des", "batch"])
@pytest.mark.parametrize("capacity", [1.3, 0.8])
def test_what_is_sent_again_on_any_day_is_not_the_deployment_s(
    engine: str, capacity: float, scenario_of: Make
) -> None:
    """A fifth of all requests fail, healthy release or not, and all of these are sent again.

    10 requests/s become 12: ten instances that serve 1.3 each are busy, and reject at 0.8.
    The new fleet is as large, so nothing is slower or rejected on its account.
    """
    scenario = scenario_of(
        [hold(0, "5m"), {**hold(100, "5m"), "name": "all"}],
        traffic={"retries": {"share": 1, "limit": 1}},
        service={"error_rate": 0.2, "capacity": capacity},
        replications=20,
    )

    found = stratsim.compare(scenario, engine=engine)

    for sample in found.samples:
        for name in ("failed_requests", "slow_requests", "failed_requests_capacity"):
            assert not sample.measures[name].any(), (sample.strategy, name)
        assert (sample.measures["peak_utilization"] >= 1).all() == (capacity < 1)


def test_the_environment_s_failures_are_nobody_s(
    scenario_of: Make, alarm_on: Make, compare: Make
) -> None:
    """A third of all requests fail around a good release: it is rolled back and did no harm."""
    scenario = scenario_of(
        "CodeDeployDefault.ECSCanary10Percent5Minutes",
        alarms=[alarm_on(above=0, side=None)],
        environment=[{"kind": "errors", "rate": 0.33, "at": "2m", "for": "5m"}],
        noise="expected",
    )

    runs = compare(scenario).samples[0]

    assert runs.events["rollback"].all()
    assert runs.events["false_rollback"].all()
    assert runs.measures["failed_requests"] == [0]
    assert runs.measures["exposed_requests"] == [0]
    assert runs.measures["deployment_duration_s"] == [180]


def test_the_environment_s_failures_do_not_hide_the_fault_s(scenario_of: Make) -> None:
    found = outcome_of(
        scenario_of,
        hold(100, "10m"),
        {"kind": "errors", "rate": 0.1},
        environment=[{"kind": "errors", "rate": 0.5}, {"kind": "latency", "factor": 5}],
    )

    assert found["failed_requests"] == pytest.approx(600)
    assert found["slow_requests"] == pytest.approx(0, abs=1e-6)


def test_rejections_in_a_weak_environment_are_of_any_day(scenario_of: Make) -> None:
    """Everything serves half as much for a while: blue would have rejected as many as green."""
    found = outcome_of(
        scenario_of,
        hold(100, "10m"),
        {"kind": "errors", "rate": 0.1},
        service={"capacity": 1},
        environment=[{"kind": "capacity", "factor": 0.5}],
    )

    assert found["failed_requests_capacity"] == pytest.approx(0, abs=1e-9)
    assert found["failed_requests_fault"] == pytest.approx(0.1 * 5 * 600)


@pytest.mark.parametrize("at", ["0s", "65s", "100s"])
def test_a_dip_of_a_few_seconds_is_seen_as_deep_as_it_is(
    scenario_of: Make, compare: Make, at: str
) -> None:
    """10 requests/s at 40/s of capacity, of which a quarter is left for 20 s; never the mean."""
    scenario = scenario_of(
        hold(100, "10m"),
        service={"capacity": 4},
        environment=[{"kind": "capacity", "factor": 0.25, "at": at, "for": "20s"}],
        noise="expected",
    )

    assert compare(scenario).samples[0].measures["peak_utilization"] == pytest.approx(1)


def test_a_dip_of_a_few_seconds_rejects_what_it_cannot_serve(scenario_of: Make) -> None:
    """5 of 10 requests/s for 20 s, of which a fault of half of green would have failed half."""
    found = outcome_of(
        scenario_of,
        hold(100, "10m"),
        {"kind": "errors", "rate": 0.5},
        service={"capacity": 2},
        environment=[{"kind": "capacity", "factor": 0.25, "at": "65s", "for": "20s"}],
    )

    assert found["failed_requests_capacity"] == pytest.approx(0, abs=1e-9)
    assert found["failed_requests_fault"] == pytest.approx(0.5 * (6000 - 20 * 5))


def test_without_traffic_nothing_is_known(scenario_of: Make, compare: Make) -> None:
    """No request, no exposure; a budget that allows nothing is no number at all."""
    scenario = scenario_of(
        hold(50, "10m"), faults=[{"kind": "errors", "rate": 1}], traffic={"rate": 0}
    )

    document = compare(scenario, replications=5).to_dict()["strategies"][0]

    measures = document["measures"]
    assert measures["failed_requests"]["mean"] == 0
    assert measures["exposed_requests"]["count"] == 5
    assert measures["error_budget"] == dict.fromkeys(measures["error_budget"], None) | {"count": 0}
    assert measures["time_to_detect_s"]["count"] == 0
    assert measures["time_to_detect_s"]["mean"] is None
    assert document["probabilities"]["missed"]["mean"] == 0
