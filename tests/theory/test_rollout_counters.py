"""Flagger's race and Argo's failure limit against their closed forms (P6 and P7).

First exactly, by walking through every state of the counters; then by simulation on
the public API, with a check whose chance to fail is known. There a check fails if
one request of a minute does: of Poisson(60) requests, each of which fails with
probability p, none does with probability exp(-60 p). A correct simulator misses
three standard errors with probability 0.27 % per test; the seed is fixed.
"""

import math
from collections import defaultdict
from typing import Any

import pytest
from scipy import stats
from scipy.special import betainc

import stratsim
from stratsim.analysis.argo import Counts, Phase, assess
from stratsim.analysis.flagger import Action, Climb, tick
from stratsim.comparison import Comparison
from stratsim.model.analysis import Metric, Query

RUNS = 10_000
PER_MINUTE = 60.0

# K passes, F failures, chance q of a check to fail, chance to be promoted
RACES = [(10, 5, 0.3, 0.584201), (5, 5, 0.5, 0.5), (10, 1, 0.05, 0.598737)]
# count C, failureLimit L, chance q, chance that more than L of C fail
LIMITS = [(10, 3, 0.05, 0.00102850), (10, 3, 0.6, 0.945238), (36, 4, 0.1, 0.289227)]


def promoted(levels: int, threshold: int, q: float) -> float:
    """The exact chance of a promotion, state by state."""
    total, states = 0.0, {Climb(): 1.0}
    while states:
        after: dict[Climb, float] = defaultdict(float)
        for state, chance in states.items():
            for passed, share in ((True, 1 - q), (False, q)):
                found, action = tick(
                    state, lambda passed=passed: passed, levels=levels, threshold=threshold
                )
                if action is Action.PROMOTE:
                    total += chance * share
                elif action is not Action.ROLL_BACK:
                    after[found] += chance * share
        states = after
    return total


def failed(count: int, limit: int, q: float) -> float:
    """The exact chance of a failed analysis, state by state."""
    query = Query(kind="success", window_s=60.0)
    metric = Metric(name="m", query=query, count=count, interval_s=60.0, failure_limit=limit)
    total, states = 0.0, {Counts(): 1.0}
    while states:
        after: dict[Counts, float] = defaultdict(float)
        for state, chance in states.items():
            for outcome, share in ((Phase.SUCCESSFUL, 1 - q), (Phase.FAILED, q)):
                found = state.after(outcome)
                phase = assess(metric, found)
                if phase is Phase.FAILED:
                    total += chance * share
                elif phase is Phase.RUNNING:
                    after[found] += chance * share
        states = after
    return total


@pytest.mark.parametrize(("levels", "threshold", "q", "chance"), RACES)
def test_p6_exactly(levels: int, threshold: int, q: float, chance: float) -> None:
    """K passes come before F failures with probability I_{1-q}(K, F)."""
    assert betainc(levels, threshold, 1 - q) == pytest.approx(chance, abs=1e-6)
    assert promoted(levels, threshold, q) == pytest.approx(chance, abs=1e-6)


@pytest.mark.parametrize(("count", "limit", "q", "chance"), LIMITS)
def test_p7_exactly(count: int, limit: int, q: float, chance: float) -> None:
    assert stats.binom.sf(limit, count, q) == pytest.approx(chance, rel=1e-5)
    assert failed(count, limit, q) == pytest.approx(chance, rel=1e-5)


def share_that_fails(q: float) -> float:
    """The share of failing requests with which a check of one minute fails with chance q."""
    return -math.log1p(-q) / PER_MINUTE


def compare(entry: dict[str, Any], *, fault: float, background: float) -> Comparison:
    """Runs of one strategy at ten requests a second, a tenth of them on the new revision."""
    faults = [{"kind": "errors", "rate": fault}] if fault else []
    scenario = stratsim.load(
        {
            "name": "counters",
            "platform": "ecs",
            "traffic": {"rate": 10, "dispersion": 1},
            "service": {
                "instances": 10, "zones": 1, "capacity": 100, "startup": "0s", "drain": "0s",
                "error_rate": background, "error_dispersion": 1,
            },
            "release": {"outcomes": [{"name": "it", "probability": 1, "faults": faults}]},
            "control": {"reroute": "0s", "follow_up": "0s"},
            "on_call": {"notice": "1d"},
            "strategies": [{"name": "it", **entry}],
        }
    )  # fmt: skip
    return stratsim.compare(scenario, replications=RUNS, seed=7)


def assert_close(found: float, chance: float) -> None:
    """Within three standard errors of the closed form."""
    error = math.sqrt(chance * (1 - chance) / RUNS)
    assert found == pytest.approx(chance, abs=3 * error)


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "threshold", "q", "chance"), RACES)
def test_p6_by_simulation(levels: int, threshold: int, q: float, chance: float) -> None:
    """An A/B test keeps a tenth of the traffic on the canary, so that q never changes."""
    metric = {"name": "request-success-rate", "thresholdRange": {"min": 100}, "interval": "1m"}
    analysis = {
        "interval": "1m", "iterations": levels, "match": [{"headers": {"x-canary": {}}}],
        "threshold": threshold, "metrics": [metric],
    }  # fmt: skip
    entry = {"flagger": {"analysis": analysis}, "assume": {"matched_share": 0.1}}
    found = compare(entry, fault=share_that_fails(q), background=0.0).to_dict()

    rollback = found["strategies"][0]["probabilities"]["rollback"]["mean"]
    assert_close(1 - rollback, chance)


def argo(count: int, limit: int) -> dict[str, Any]:
    metric = {
        "name": "success-rate", "initialDelay": "1m", "interval": "1m", "count": count,
        "failureLimit": limit, "successCondition": "result[0] >= 1",
        "provider": {"prometheus": {"query": "sum(rate(ok[1m])) / sum(rate(all[1m]))"}},
    }  # fmt: skip
    templates = [{"metadata": {"name": "t"}, "spec": {"metrics": [metric]}}]
    steps = [{"setWeight": 10}, {"analysis": {"templates": [{"templateName": "t"}]}}]
    canary = {"steps": steps, "trafficRouting": {}}
    return {"argoRollout": {"strategy": {"canary": canary}}, "analysisTemplates": templates}


@pytest.mark.slow
def test_p7_a_bad_version_by_simulation() -> None:
    count, limit, q, chance = LIMITS[1]
    found = compare(argo(count, limit), fault=share_that_fails(q), background=0.0).to_dict()

    assert_close(found["strategies"][0]["probabilities"]["rollback"]["mean"], chance)


@pytest.mark.slow
def test_p7_a_good_version_by_simulation() -> None:
    """A check that is flaky one time in ten aborts 29 % of releases without any fault."""
    count, limit, q, chance = LIMITS[2]
    found = compare(argo(count, limit), fault=0.0, background=share_that_fails(q)).to_dict()

    assert_close(found["strategies"][0]["probabilities"]["false_rollback"]["mean"], chance)
