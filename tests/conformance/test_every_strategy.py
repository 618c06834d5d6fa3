"""One battery for every strategy there is: what a deployment may never do.

The members are AWS's predefined configurations and the examples that each
registered family brings along; a family without either fails here.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

import stratsim
from stratsim.engine import des
from stratsim.engine.deployment import Deployment
from stratsim.engine.setup import prepare
from stratsim.engine.trace import Result
from stratsim.model.analysis import Gate, Ladder, Watch
from stratsim.model.plan import Hold, Launch, Lifecycle, Retire
from stratsim.model.scaling import Configure, Scale
from stratsim.model.scenario import Scenario
from stratsim.strategies import FAMILIES, build_plan
from stratsim.strategies.predefined import predefined
from stratsim.traced import Run
from stratsim.world import Block

PLATFORMS = ("ec2", "ecs", "lambda")
RATE = 300.0
HOSTS = 12


def members() -> Iterator[Any]:
    for platform in PLATFORMS:
        for name in predefined(platform):
            yield pytest.param((platform, name), id=f"{platform}-{name}")
        for name, family in FAMILIES.items():
            for number, example in enumerate(family.examples):
                if platform in family.platforms:
                    yield pytest.param((platform, example), id=f"{platform}-{name}-{number}")


FAULTY = {"kind": "errors", "rate": 0.5}
OUTCOMES: dict[str, list[dict[str, Any]]] = {
    "healthy": [],
    "errors": [FAULTY],
    "never healthy": [{"kind": "startup", "probability": 1}],
    "sometimes unhealthy": [{"kind": "startup", "probability": 0.3}],
}
HOOK = {"ec2": "AfterInstall", "ecs": "AfterAllowTraffic", "lambda": "AfterAllowTraffic"}


def alarm(metric: str, namespace: str) -> dict[str, Any]:
    return {
        "AlarmName": "errors", "Namespace": namespace, "MetricName": metric,
        "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 100,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
    }  # fmt: skip


def scenario_for(platform: str, entry: Any, *, noise: str, **more: Any) -> Scenario:
    """Twelve instances in three zones that are half idle, and an alarm that rolls back."""
    service: dict[str, Any] = {"error_rate": 0.0005, "latency": {"median": "50ms", "p99": "300ms"}}
    watched = alarm("Errors", "AWS/Lambda")
    if platform != "lambda":
        service |= {"instances": HOSTS, "zones": 3, "capacity": 50, "drain": "10s"}
        service["startup"] = {"median": "30s", "p95": "40s"}
        watched = alarm("HTTPCode_Target_5XX_Count", "AWS/ApplicationELB")
    outcomes = [
        {"name": name, "probability": 1 / 5, "faults": faults} for name, faults in OUTCOMES.items()
    ]
    hook = {"kind": "hook", "event": HOOK[platform], "probability": 1}
    outcomes.append({"name": "hook", "probability": 1 / 5, "faults": [hook]})
    base: dict[str, Any] = {
        "name": "battery",
        "platform": platform,
        "traffic": {"rate": RATE, "dispersion": 1.5},
        "service": service,
        "release": {"outcomes": outcomes},
        "alarms": [watched],
        "deployment_group": {
            "alarmConfiguration": {"enabled": True, "alarms": [{"name": "errors"}]},
        },
        "control": {"steady_state_timeout": "20m"},
        "noise": noise,
        "strategies": [entry if isinstance(entry, str) else {"name": "it", **entry}],
    }
    return stratsim.load(base | more)


Member = tuple[str, Any]
Simulate = Callable[..., Run]


@pytest.fixture(params=members())
def member(request: pytest.FixtureRequest) -> Member:
    return request.param


@pytest.fixture(params=["expected", "sampled"])
def noise(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def scenario(member: Member, noise: str) -> Scenario:
    platform, entry = member
    return scenario_for(platform, entry, noise=noise)


def by_itself(scenario: Scenario, event: str) -> bool:
    """Whether the strategy rolls back for `event` of its own accord, or leaves it to people."""
    plan = build_plan(scenario, scenario.strategies[0].name)
    if event == "alarm":
        watched = plan.group.alarms_enabled and plan.group.alarm_names
        return bool(watched) and plan.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM")
    lawful = all(getattr(step, "can_roll_back", True) for step in plan.steps)
    return lawful and plan.group.rolls_back_on("DEPLOYMENT_FAILURE")


def analyses(scenario: Scenario) -> bool:
    """Whether the strategy measures the new revision itself, whatever the alarms say."""
    steps = build_plan(scenario, scenario.strategies[0].name).steps
    return any(isinstance(step, Ladder | Gate | Watch) for step in steps)


def automatic(run: Run) -> bool:
    events = run.document["events"]
    return any(e["kind"] == "rollback" and "automatic" in e["detail"] for e in events)


def run_of(scenario: Scenario, outcome: str, seed: int = 7) -> Run:
    return stratsim.simulate(scenario, scenario.strategies[0].name, outcome=outcome, seed=seed)


def inside(scenario: Scenario, outcome: str) -> tuple[Result, Deployment]:
    """A run with what no report tells: the finished deployment itself."""
    chosen = [o.name for o in scenario.release.outcomes].index(outcome)
    setup = prepare(scenario, build_plan(scenario, scenario.strategies[0].name))
    return des.trace_one(setup, Block(scenario, 7, 0).row(0, chosen))


def weights(run: Run) -> list[tuple[float, float]]:
    return [(row["time_s"], row["new_share"]) for row in run.document["weights"]]


def test_every_family_has_something_to_try() -> None:
    bare = [n for n, family in FAMILIES.items() if not (family.named or family.examples)]

    assert not bare, f"give {bare} examples"


def test_a_healthy_release_takes_all_traffic(scenario: Scenario) -> None:
    run = run_of(scenario, "healthy")

    assert run.status == "Succeeded"
    assert weights(run)[0] == (0, 0)
    assert weights(run)[-1][1] == 1
    assert all(0 <= share <= 1 for _, share in weights(run))
    assert [time for time, _ in weights(run)] == sorted(time for time, _ in weights(run))


@pytest.mark.parametrize("outcome", ["healthy", "errors", "sometimes unhealthy"])
def test_requests_are_conserved(scenario: Scenario, outcome: str) -> None:
    """What came is what one revision or the other got; none is lost or counted twice."""
    result, deployment = inside(scenario, outcome)
    closed = sum(row[0] + row[6] for row in deployment.telemetry.rows)
    length_s = deployment.telemetry.next_minute * 60 - deployment.phase_us / 1e6
    history_s = deployment.telemetry.first * 60 - deployment.phase_us / 1e6

    slack = 1e-6 if scenario.noise == "expected" else 5 * (1.5 / max(RATE * result.end_s, 1)) ** 0.5
    assert result.requests == pytest.approx(RATE * result.end_s, rel=slack)
    assert closed == pytest.approx(RATE * (length_s - history_s), rel=slack)
    assert 0 <= result.new_requests <= result.requests
    assert 0 <= result.rejected <= result.requests
    assert result.failed_fault <= result.new_requests + result.rejected
    assert result.exposed <= result.new_requests


def test_nothing_serves_before_it_is_healthy(scenario: Scenario) -> None:
    """Instances start in about 30 s; what never becomes healthy never serves."""
    starts = [when for when, share in weights(run_of(scenario, "healthy")) if share > 0]
    never = run_of(scenario, "never healthy")

    if scenario.platform == "lambda":
        assert never.outcome["failed_requests_fault"] == never.outcome["exposed_requests"] > 0
        return
    steps = build_plan(scenario, scenario.strategies[0].name).steps
    if any(isinstance(step, Configure) for step in steps):
        return  # a configuration reaches instances that serve already
    assert min(starts) > 10
    assert max(share for _, share in weights(never)) == 0
    assert never.outcome["exposed_requests"] == 0
    unseen = any(isinstance(step, Scale) and not step.watched for step in steps)
    assert never.status in ({"Succeeded", "Stopped"} if unseen else {"Failed"})


def test_old_capacity_is_kept_as_the_rule_has_it(scenario: Scenario) -> None:
    """Also while a bad release is rolled back, as no host fails in it."""
    plan = build_plan(scenario, scenario.strategies[0].name)
    least = HOSTS if plan.minimum_healthy is None else plan.minimum_healthy
    if plan.routing == "pooled" and plan.undo == "reregister":
        least = HOSTS
    for outcome in ("healthy", "errors"):
        kept = run_of(scenario, outcome).outcome["min_capacity"]
        if scenario.platform == "lambda":
            assert kept is None
        else:
            assert kept is not None
            assert round(kept * HOSTS, 6) >= least


@pytest.mark.parametrize("outcome", ["errors", "never healthy", "sometimes unhealthy", "hook"])
def test_a_rollback_ends_on_the_old_revision(scenario: Scenario, outcome: str) -> None:
    result, deployment = inside(scenario, outcome)
    run = run_of(scenario, outcome)

    if not result.automatic:
        event = "alarm" if outcome == "errors" else "failure"
        assert run.status == "Succeeded" or not by_itself(scenario, event)
        return
    assert run.status in ("Failed", "Stopped")
    assert weights(run)[-1][1] == 0
    assert run.outcome["rollback_latency_s"] is not None
    assert deployment.fleet.restored
    if scenario.platform != "lambda":
        assert deployment.fleet.in_service == [HOSTS, 0]


def too_late(run: Run) -> bool:
    """Whether the alarm came when the deployment had ended, and was people's to act on."""
    fired = [row["time_s"] for row in run.document["alarms"] if row["to"] == "ALARM"]
    return run.status == "Succeeded" and min(fired) > run.outcome["deployment_duration_s"]


def test_a_bad_release_is_rolled_back(scenario: Scenario) -> None:
    run = run_of(scenario, "errors")

    assert run.outcome["time_to_restore_s"] is not None
    if by_itself(scenario, "alarm") and not too_late(run):
        assert run.status in ("Failed", "Stopped")
        assert run.document["error_code"] == "ALARM_ACTIVE"
    elif analyses(scenario):
        # people may have come before the analysis had its say
        assert run.status in ("Failed", "Stopped")


PHASES = (Lifecycle, Launch, Hold, Retire)


def test_the_plan_is_the_run_without_noise(member: Member) -> None:
    """Statuses, shares and the times of everything that a timeline tells."""
    scenario = scenario_for(*member, noise="expected", metrics={"phase": "0s"})
    name = scenario.strategies[0].name
    plan, run = stratsim.plan(scenario, name), run_of(scenario, "healthy")

    assert plan.status == run.status
    assert plan.duration_s == pytest.approx(run.outcome["deployment_duration_s"], abs=1e-4)
    told = changes([(row.time_s, row.new_share) for row in plan.rows])
    real = changes(weights(run))
    assert [share for _, share in told] == pytest.approx([share for _, share in real])
    assert [when for when, _ in told] == pytest.approx([when for when, _ in real], abs=1e-4)
    phases = [step.event for step in plan.plan.steps if isinstance(step, PHASES)]
    rows = [(row.event, row.time_s) for row in plan.rows if row.event in phases]
    begun = [
        (event["detail"].split()[0], event["time_s"])
        for event in run.document["events"]
        if event["kind"] == "lifecycle" and " begins" in event["detail"]
    ]
    begun = [(event, when) for event, when in begun if event in phases]
    assert [event for event, _ in rows] == [event for event, _ in begun]
    assert [when for _, when in rows] == pytest.approx([when for _, when in begun], abs=1e-4)


def changes(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """When a share changes, and to what; of an instant the last word holds."""
    found: list[tuple[float, float]] = []
    share = 0.0
    for when, value in {round(when, 4): value for when, value in points}.items():
        if abs(value - share) > 1e-9:
            found.append((when, value))
            share = value
    return found


NO_FLEET = {"min_capacity", "peak_utilization"}
WHEN_DETECTED = {"time_to_detect_s", "rollback_latency_s", "time_to_restore_s"}


def test_no_value_is_missing_where_one_is_due(scenario: Scenario) -> None:
    fleetless = NO_FLEET if scenario.platform == "lambda" else set()
    healthy, bad = run_of(scenario, "healthy"), run_of(scenario, "errors")
    # utilisation leaves out moments without capacity, and a run may have no others
    idle = {"peak_utilization"} if healthy.outcome["min_capacity"] == 0 else set()

    missing = {key for key, value in healthy.outcome.items() if value is None}
    assert missing - idle == WHEN_DETECTED | fleetless
    missing = set() if automatic(bad) else {"rollback_latency_s"}
    if not prepare(scenario, build_plan(scenario, scenario.strategies[0].name)).group:
        missing |= {"time_to_detect_s"}
    assert {key for key, value in bad.outcome.items() if value is None} == fleetless | missing
    for run in (healthy, bad):
        frame = run.metrics
        assert frame["value"].notna().all()
        assert (frame["value"] >= 0).all()


def test_a_healthy_release_does_no_harm(scenario: Scenario) -> None:
    """But for the capacity that a rule lets go, and the slow answers that come of it."""
    run = run_of(scenario, "healthy")

    assert run.outcome["failed_requests_fault"] == 0
    assert run.outcome["exposed_requests"] == 0
    if run.outcome["min_capacity"] in (None, 1):
        assert run.outcome["failed_requests"] == 0


def test_the_same_seed_makes_the_same_run(scenario: Scenario) -> None:
    first, second = run_of(scenario, "errors"), run_of(scenario, "errors")

    assert first.document["events"] == second.document["events"]
    assert first.outcome == second.outcome
