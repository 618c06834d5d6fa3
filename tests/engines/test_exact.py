"""The exact engine: against closed forms, and against the batch engine."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from math import exp
from typing import Any

import numpy as np
import pytest
from scipy import stats

import stratsim
from stratsim.engine.batch import simulate_many
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.exact import Solution, solve, states, unsupported
from stratsim.engine.setup import Setup, prepare
from stratsim.engine.tally import Tally, joined
from stratsim.errors import UnsupportedError
from stratsim.measures import MEASURES, events
from stratsim.model.quantities import Fixed
from stratsim.model.scenario import Scenario
from stratsim.scenario_io.bundled import bundled_names
from stratsim.strategies import build_plan

YEAR = "366d"
ERRORS = 4.5


def percent_alarm(above: float, side: str | None = "new", m: int = 1, n: int = 1) -> dict[str, Any]:
    """100 * errors / requests of a target group above a threshold, M of N minutes."""
    where = [{"Name": "TargetGroup", "Value": side}] if side else []

    def series(name: str, metric: str) -> dict[str, Any]:
        one = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": where}
        stat = {"Metric": one, "Period": 60, "Stat": "Sum"}
        return {"Id": name, "MetricStat": stat, "ReturnData": False}

    return {
        "AlarmName": "alarm",
        "Metrics": [
            series("e", "HTTPCode_Target_5XX_Count"),
            series("r", "RequestCount"),
            {"Id": "share", "Expression": "100 * FILL(e, 0) / r"},
        ],
        "EvaluationPeriods": n,
        "DatapointsToAlarm": m,
        "Threshold": above,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def make(
    *,
    per_minute: float,
    rate: float,
    alarm: dict[str, Any],
    steps: list[dict[str, Any]] | None = None,
    dispersion: float = 0,
    background: float = 0.0,
) -> Scenario:
    """One outcome that fails `rate` of the new revision's requests; delays are all 0."""
    faults = [{"kind": "errors", "rate": rate}] if rate else []
    return stratsim.load(
        {
            "name": "bench",
            "platform": "ecs",
            "service": {
                "error_rate": background, "error_dispersion": 1, "startup": 0,
                "instances": 10, "zones": 1, "capacity": 1000, "drain": 0,
            },
            "release": {"outcomes": [{"name": "it", "probability": 1, "faults": faults}]},
            "alarms": [alarm],
            "deployment_group": {
                "autoRollbackConfiguration": {
                    "enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"],
                },
                "alarmConfiguration": {"enabled": True, "alarms": [{"name": alarm["AlarmName"]}]},
                "blueGreenDeploymentConfiguration": {
                    "terminateBlueInstancesOnDeploymentSuccess": {
                        "action": "TERMINATE", "terminationWaitTimeInMinutes": 0,
                    }
                },
            },
            "strategies": [{"name": "it", "steps": steps or [{"weight": 50, "pause": "60m"}]}],
            "traffic": {"rate": per_minute / 60, "dispersion": dispersion, "users": {"active": 10**9}},
            "metrics": {"delay": 0, "phase": 0, "evaluation_range_extra": 0},
            "control": {"alarm_poll": 0, "reroute": 0, "follow_up": 0},
            "on_call": {"respond": YEAR, "notice": YEAR},
        }
    )  # fmt: skip


def setup_of(scenario: Scenario, strategy: str | None = None) -> Setup:
    return prepare(scenario, build_plan(scenario, strategy or scenario.strategies[0].name))


def stopped_in(solution: Solution) -> dict[int, float]:
    """Probability by the minute after which the alarm fired."""
    at = solution.tally.trigger_s / 60
    return {int(k): float(solution.weight[at == k].sum()) for k in np.unique(at[np.isfinite(at)])}


def fixed(n: int, p: float, share: float) -> float:
    return float(stats.binom.sf(np.floor(share * n + 1e-9), n, p))


def m_of_n(q: float, m: int, n: int, last: int) -> np.ndarray[Any, Any]:
    """Probability that period k is the first with m breaches among its last n."""
    alive, found = {(0,) * (n - 1): 1.0}, np.zeros(last)
    for period in range(last):
        after: dict[tuple[int, ...], float] = {}
        for past, p in alive.items():
            for breach, chance in ((0, 1 - q), (1, q)):
                window = (*past, breach)
                if sum(window) >= m:
                    found[period] += p * chance
                else:
                    after[window[1:]] = after.get(window[1:], 0.0) + p * chance
        alive = after
    return found


def mean_of(values: Any, solution: Solution) -> float:
    there = np.isfinite(values)
    return float(np.average(values[there], weights=solution.weight[there]))


# -- closed forms: P2 to P5, P11, P12 --------------------------------------------------


@pytest.mark.parametrize(("p", "q"), [(0.01, 0.0132436), (0.03, 0.8852125)])
def test_a_breach_of_fixed_counts_is_a_binomial_tail(p: float, q: float) -> None:
    scenario = make(per_minute=1000, rate=p, alarm=percent_alarm(2))

    found = stopped_in(solve(setup_of(scenario), 7))[1]

    assert found == pytest.approx(fixed(500, p, 0.02), abs=1e-9)
    assert found == pytest.approx(q, rel=1e-5)


def test_a_breach_of_poisson_arrivals_is_a_sum_of_tails() -> None:
    scenario = make(per_minute=200, rate=0.05, alarm=percent_alarm(2), dispersion=1)
    n = np.arange(1, 400)
    q = float(stats.poisson.pmf(n, 100) @ stats.binom.sf(np.floor(0.02 * n + 1e-9), n, 0.05))

    found = stopped_in(solve(setup_of(scenario), 7))[1]

    assert found == pytest.approx(q, abs=1e-9)
    assert found == pytest.approx(0.9265019, rel=1e-6)


def test_three_breaches_in_a_row() -> None:
    scenario = make(
        per_minute=200, rate=0.05, alarm=percent_alarm(2, m=3, n=3),
        steps=[{"weight": 50, "pause": "300m"}],
    )  # fmt: skip
    solution = solve(setup_of(scenario), 7)
    q, found = fixed(100, 0.05, 0.02), stopped_in(solution)

    mean = sum(k * p for k, p in found.items())

    assert mean == pytest.approx((1 - q**3) / ((1 - q) * q**3), abs=1e-6)
    assert sum(p for k, p in found.items() if k <= 5) == pytest.approx(0.8476576, abs=1e-6)


@pytest.mark.parametrize(
    ("m", "n", "mean", "false"),
    [(1, 1, 1.12967, 0.550636), (2, 3, 2.27443, 0.0196930),
     (3, 5, 3.39719, 0.000752588), (3, 3, 3.84747, 0.000132962)],
)  # fmt: skip
def test_m_of_n_trades_delay_for_false_alarms(m: int, n: int, mean: float, false: float) -> None:
    alarm = percent_alarm(2, m=m, n=n)
    steps = [{"weight": 50, "pause": "60m"}]
    good = make(per_minute=1000, rate=0, background=0.01, alarm=alarm, steps=steps)
    bad = make(per_minute=1000, rate=0.03, alarm=alarm, steps=[{"weight": 50, "pause": "200m"}])

    rolled = stopped_in(solve(setup_of(good), 7))
    detected = stopped_in(solve(setup_of(bad), 7))

    q = [fixed(500, p, 0.02) for p in (0.01, 0.03)]
    expected = m_of_n(q[1], m, n, 200)
    assert sum(rolled.values()) == pytest.approx(float(m_of_n(q[0], m, n, 60).sum()), abs=1e-9)
    assert sum(rolled.values()) == pytest.approx(false, rel=1e-5)
    found = sum(k * p for k, p in detected.items())
    assert found == pytest.approx(float(expected @ np.arange(1, 201)), abs=1e-6)
    assert found == pytest.approx(mean, rel=1e-5)


def test_an_alarm_on_the_whole_service_is_blind_to_a_small_canary() -> None:
    steps = [{"weight": 10, "pause": "1m"}]
    more = {"per_minute": 6000, "background": 0.001, "steps": steps}
    rate = (0.05 - 0.001) / (1 - 0.001)
    wide = make(rate=rate, alarm=percent_alarm(1, side=None), **more)
    narrow = make(rate=rate, alarm=percent_alarm(1), **more)
    k = np.arange(601)
    old = stats.binom.sf(60 - k, 5400, 0.001)

    assert stopped_in(solve(setup_of(wide), 7))[1] == pytest.approx(
        float(stats.binom.pmf(k, 600, 0.05) @ old), abs=1e-12
    )
    assert stopped_in(solve(setup_of(narrow), 7))[1] > 0.9999999


def test_blast_radius_of_a_linear_shift() -> None:
    """P12: 200 requests a minute, one tenth more each minute, 1 of 1 above 2 %."""
    steps = [{"weight": 10 * i, "pause": "1m"} for i in range(1, 11)]
    scenario = make(per_minute=200, rate=0.03, alarm=percent_alarm(2), steps=steps)
    solution = solve(setup_of(scenario), 7)
    alive, harm = 1.0, 0.0
    for i in range(1, 11):
        harm += alive * 20 * i * 0.03
        alive *= 1 - fixed(20 * i, 0.03, 0.02)

    failed = mean_of(solution.tally.failed_fault, solution)

    assert failed == pytest.approx(harm, abs=1e-6)
    assert 1 - sum(stopped_in(solution).values()) == pytest.approx(alive, abs=1e-9)


def test_failures_are_those_that_the_alarm_has_seen() -> None:
    """Any error stops it at once: given a stop there was one, given none there was none."""
    alarm = {
        "AlarmName": "alarm", "Namespace": "AWS/ApplicationELB",
        "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum", "Period": 60,
        "Dimensions": [{"Name": "TargetGroup", "Value": "new"}], "EvaluationPeriods": 1,
        "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }  # fmt: skip
    scenario = make(
        per_minute=100, rate=0.01, alarm=alarm, dispersion=1, steps=[{"weight": 50, "pause": "1m"}]
    )
    solution = solve(setup_of(scenario), 7)
    first = solution.tally.trigger_s == 60

    # 50 requests of which 1 % fail: 0.5 on average
    assert solution.weight[first].sum() == pytest.approx(1 - exp(-0.5), abs=1e-9)
    given = np.average(solution.tally.failed_fault[first], weights=solution.weight[first])
    assert given == pytest.approx(0.5 / (1 - exp(-0.5)), rel=1e-9)


# -- against the batch engine -----------------------------------------------------------


def supported() -> Iterator[tuple[str, str]]:
    """Up to four strategies of each scenario that the exact engine takes."""
    for name in bundled_names():
        scenario = stratsim.load(name)
        taken = (s.name for s in scenario.strategies if not unsupported(setup_of(scenario, s.name)))
        yield from ((name, strategy) for strategy in islice(taken, 4))


CASES = list(supported())


def batch(setup: Setup, runs: int) -> Tally:
    parts, block = [], 0
    while runs > 0:
        worlds = Worlds(setup.scenario, 99, block)
        parts.append(simulate_many(setup, worlds, range(min(runs, worlds.size))))
        runs, block = runs - worlds.size, block + 1
    return joined(parts)


def values(tally: Tally, scenario: Scenario) -> dict[str, Any]:
    measures = {name: m.compute(tally, scenario) for name, m in MEASURES.items()}
    happened = {name: v.astype(float) for name, v in events(tally, scenario).items()}
    present = {f"has {name}": np.isfinite(v).astype(float) for name, v in measures.items()}
    return measures | happened | present


def disagreements(setup: Setup, solution: Solution, other: Tally) -> list[str]:
    """Return the means that lie more than `ERRORS` standard errors apart."""
    scenario, wrong = setup.scenario, []
    ours, theirs = values(solution.tally, scenario), values(other, scenario)
    for name, mine in ours.items():
        sample = theirs[name][np.isfinite(theirs[name])]
        there = np.isfinite(mine)
        if len(sample) < 50 or not there.any():
            continue
        weight = solution.weight[there] / solution.weight[there].sum()
        mean = float(weight @ mine[there])
        spread = max(float(np.sqrt(weight @ (mine[there] - mean) ** 2)), float(sample.std(ddof=1)))
        world = np.bincount(
            solution.world[there], weight * (mine[there] - mean), minlength=solution.worlds
        )
        between = solution.worlds * float(world.std()) / np.sqrt(solution.worlds)
        error = np.hypot(spread / np.sqrt(len(sample)), between) + 1e-9 * (1 + abs(mean))
        if abs(mean - sample.mean()) > ERRORS * error:
            wrong.append(f"{name}: {mean:.6g}, batch {sample.mean():.6g}, error {error:.3g}")
    return wrong


def still(distribution: Any) -> Any:
    return None if distribution is None else Fixed(distribution.mean)


def settled(scenario: Scenario) -> Scenario:
    """Leave nothing to chance but the outcome, the counts and the alarms' delays."""
    severities = ("rate", "factor", "add", "latency", "after", "ramp")
    outcomes = tuple(
        replace(
            outcome,
            faults=tuple(
                replace(fault, **{name: still(getattr(fault, name)) for name in severities})
                for fault in outcome.faults
            ),
        )
        for outcome in scenario.release.outcomes
    )
    return replace(
        scenario,
        release=replace(scenario.release, outcomes=outcomes),
        metrics=replace(scenario.metrics, phase=17.0),
        service=replace(scenario.service, startup=still(scenario.service.startup)),
    )


QUICK = [
    ("lambda-canary-any-error-1of1", "CodeDeployDefault.LambdaCanary10Percent5Minutes"),
    ("lambda-linear20-1m-guarded", "CodeDeployDefault.LambdaAllAtOnce"),
]


@pytest.mark.parametrize(("name", "strategy"), QUICK)
def test_it_agrees_where_phases_and_severities_are_drawn(name: str, strategy: str) -> None:
    setup = setup_of(stratsim.load(name), strategy)

    assert disagreements(setup, solve(setup, 7, worlds=16), batch(setup, 20_000)) == []


@pytest.mark.parametrize(("rate", "dispersion"), [(0.5, 1), (0.01, 1), (0.01, 5)])
def test_it_agrees_where_few_requests_come(rate: float, dispersion: float) -> None:
    scenario = make(
        per_minute=60 * rate,
        rate=0.05,
        alarm=percent_alarm(200),
        steps=[{"weight": 1, "pause": "1m"}],
        dispersion=dispersion,
    )
    setup = setup_of(
        replace(
            scenario,
            control=replace(scenario.control, follow_up=86_400.0),
            on_call=replace(scenario.on_call, notice=1800.0),
            metrics=replace(scenario.metrics, phase=17.0),
        )
    )

    assert disagreements(setup, solve(setup, 7), batch(setup, 20_000)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "strategy"), CASES)
def test_it_agrees_on_every_bundled_scenario(name: str, strategy: str) -> None:
    """25 means and chances each, 30 strategies: false failures below 1 in 100 (seeds are fixed)."""
    setup = setup_of(settled(stratsim.load(name)), strategy)
    solution = solve(setup, 7)

    assert solution.worlds == 1
    assert disagreements(setup, solution, batch(setup, 100_000)) == []


# -- what is shared between outcomes, and between solutions -------------------------------


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("checkout-ecs", "CodeDeployDefault.ECSCanary10Percent5Minutes"),
        ("lambda-linear20-1m-guarded", "CodeDeployDefault.LambdaAllAtOnce"),
    ],
)
def test_outcomes_solved_together_are_those_solved_alone(name: str, strategy: str) -> None:
    """Among them healthy ones, faults that begin later, and starts and hooks that fail."""
    setup = setup_of(stratsim.load(name), strategy)
    whole = solve(setup, 7, worlds=3)

    for number, outcome in enumerate(setup.scenario.release.outcomes):
        alone = solve(setup, 7, worlds=3, outcome=number)
        here = whole.tally.outcome == number
        assert whole.weight[here].sum() == pytest.approx(outcome.probability, rel=1e-12)
        chance = whole.weight[here] / outcome.probability
        assert np.array_equal(np.unique(whole.world[here]), np.unique(alone.world))
        for measure in ("failed_fault", "exposed", "slow", "peak_exposure", "duration_s"):
            mean = float(getattr(whole.tally, measure)[here] @ chance)
            expected = float(getattr(alone.tally, measure) @ alone.weight)
            assert mean == pytest.approx(expected, rel=1e-11, abs=1e-12), measure


def test_what_was_solved_before_changes_no_bit() -> None:
    """The chain of alarms is kept, and its states are numbered as they are found."""
    scenario = settled(stratsim.load("checkout-ecs"))
    one = setup_of(scenario, "CodeDeployDefault.ECSCanary10Percent5Minutes")
    other = setup_of(scenario, "CodeDeployDefault.ECSAllAtOnce")
    states._MADE.machines.clear()
    first = solve(one, 7)
    states._MADE.machines.clear()
    solve(other, 7)
    second = solve(one, 7)

    assert len(states._MADE.machines) == 1
    assert np.array_equal(first.weight, second.weight)
    assert np.array_equal(first.tally.failed_fault, second.tally.failed_fault)


# -- what it refuses, and how it is called ------------------------------------------------


def test_it_refuses_by_name() -> None:
    with pytest.raises(UnsupportedError, match="alarm 'response-time', which watches something"):
        stratsim.compare(stratsim.load("ecs-all-at-once-no-alarm"), engine="exact")
    with pytest.raises(UnsupportedError, match="a fleet that shares its traffic out evenly"):
        stratsim.compare(stratsim.load("ec2-one-at-a-time-drain-30s"), engine="exact")
    scenario = make(per_minute=60, rate=0.05, alarm=percent_alarm(2))
    spec = scenario.strategies[0]
    halted = replace(spec, group=replace(spec.group, rollback_enabled=False))
    with pytest.raises(UnsupportedError, match="stop a deployment and do not roll it back"):
        stratsim.compare(replace(scenario, strategies=(halted,)), engine="exact")


def test_compare_takes_it() -> None:
    scenario = make(per_minute=1000, rate=0.03, alarm=percent_alarm(2))

    found = stratsim.compare(scenario, engine="exact").to_dict()
    strategy = found["strategies"][0]

    assert found["engine"] == "exact"
    assert strategy["probabilities"]["rollback"]["mean"] == pytest.approx(1)
    inside = strategy["by_outcome"]["it"]["measures"]["failed_requests"]["mean"]
    assert inside == pytest.approx(strategy["measures"]["failed_requests"]["mean"])
    assert inside == pytest.approx(15 / fixed(500, 0.03, 0.02), rel=1e-6)
