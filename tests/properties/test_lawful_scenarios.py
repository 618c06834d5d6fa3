"""Whatever lawful scenario is asked for: it runs, and its numbers mean something."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

import stratsim
from stratsim.model.scenario import Scenario

Lawful = Callable[..., SearchStrategy[dict[str, Any]]]

STATUSES = ("Succeeded", "Failed", "Stopped")
NULLABLE = {
    *("time_to_detect_s", "rollback_latency_s", "time_to_restore_s"),
    *("min_capacity", "peak_utilization", "error_budget"),
}


def _loaded(data: DataObject, lawful: Lawful, *platforms: str) -> tuple[dict[str, Any], Scenario]:
    written = data.draw(lawful(*platforms))
    return written, stratsim.load(written)


def _faults(written: dict[str, Any], outcome: str) -> list[dict[str, Any]]:
    outcomes = written["release"]["outcomes"]
    found: list[dict[str, Any]] = next(o["faults"] for o in outcomes if o["name"] == outcome)
    return found


def _check_outcome(written: dict[str, Any], outcome: dict[str, Any], name: str) -> None:
    missing = {key for key, value in outcome.items() if value is None}
    assert missing <= NULLABLE
    assert all(value >= 0 for value in outcome.values() if value is not None)
    assert outcome["peak_exposure"] <= 1
    parts = outcome["failed_requests_fault"] + outcome["failed_requests_capacity"]
    assert outcome["failed_requests"] == pytest.approx(parts)
    active = written["traffic"].get("users", {}).get("active", 10_000)
    assert outcome["affected_users"] <= active * (1 + 1e-9)
    faults = _faults(written, name)
    if not faults:
        assert outcome["failed_requests_fault"] == outcome["exposed_requests"] == 0
    if {fault["kind"] for fault in faults} <= {"errors", "latency", "cold_start"}:
        assert outcome["failed_requests_fault"] <= outcome["exposed_requests"] * (1 + 1e-9) + 1e-9


def _check_record(document: dict[str, Any]) -> None:
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text)["status"] in STATUSES
    assert all(0 <= weight["new_share"] <= 1 for weight in document["weights"])
    for log in ("events", "weights", "alarms", "metrics"):
        times = [entry["time_s"] for entry in document[log]]
        assert log == "metrics" or times == sorted(times)
    assert all(
        change["to"] in ("OK", "ALARM", "INSUFFICIENT_DATA") for change in document["alarms"]
    )
    assert document["end_s"] >= document["outcome"]["deployment_duration_s"]


@settings(max_examples=150)
@given(data=st.data())
def test_a_run_tells_lawful_numbers(lawful: Lawful, data: DataObject) -> None:
    written, scenario = _loaded(data, lawful)

    for spec in scenario.strategies:
        document = stratsim.simulate(scenario, spec.name).to_dict()
        _check_outcome(written, document["outcome"], document["outcome_name"])
        _check_record(document)


@settings(max_examples=60)
@given(data=st.data())
def test_a_plan_stands_before_any_run(lawful: Lawful, data: DataObject) -> None:
    _, scenario = _loaded(data, lawful)

    for spec in scenario.strategies:
        plan = stratsim.plan(scenario, spec.name)
        document = json.loads(json.dumps(plan.to_dict(), allow_nan=False))
        assert all(0 <= step["new_share"] <= 1 for step in document["steps"])
        last_s = max(step["time_s"] for step in document["steps"])
        stuck = document["duration_s"] is None  # a rolling update that can neither start nor stop
        assert stuck or document["duration_s"] >= last_s - 1e-6
        assert len(plan.to_frame()) == len(document["steps"])


@settings(max_examples=40)
@given(data=st.data(), replications=st.integers(1, 6))
def test_a_comparison_is_the_mean_of_its_runs(
    lawful: Lawful, data: DataObject, replications: int
) -> None:
    written, scenario = _loaded(data, lawful)

    comparison = stratsim.compare(scenario, replications=replications, engine="des")

    document = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert [entry["strategy"] for entry in document["strategies"]] == [
        spec.name for spec in scenario.strategies
    ]
    for entry in document["strategies"]:
        sample = comparison.sample(entry["strategy"])
        _check_estimates(entry)
        if written["noise"] == "sampled":
            _check_runs(scenario, sample, replications, entry)


def _check_estimates(entry: dict[str, Any]) -> None:
    for found in entry["measures"].values():
        assert (found["mean"] is None) == (found["count"] == 0)
        _check_interval(found)
    assert set(entry["probabilities"]) == {"rollback", "false_rollback", "missed"}
    for found in entry["probabilities"].values():
        assert 0 <= found["mean"] <= 1 + 1e-12
        _check_interval(found)


def _check_interval(found: dict[str, Any]) -> None:
    low, mean, high = found["ci_low"], found["mean"], found["ci_high"]
    assert (low is None) == (high is None)
    if low is not None:
        slack = 1e-9 * max(1.0, abs(mean))
        assert low - slack <= mean <= high + slack


def _check_runs(scenario: Scenario, sample: Any, replications: int, entry: dict[str, Any]) -> None:
    runs = [
        stratsim.simulate(scenario, sample.strategy, replication=k) for k in range(replications)
    ]
    for name, values in sample.measures.items():
        alone = [run.outcome[name] for run in runs]
        again = np.array([math.nan if value is None else value for value in alone])
        assert np.array_equal(values, again, equal_nan=True)
        known = again[~np.isnan(again)]
        assert entry["measures"][name]["count"] == len(known)
        if len(known):
            assert entry["measures"][name]["mean"] == pytest.approx(known.mean(), abs=1e-12)


@settings(max_examples=30)
@given(data=st.data())
def test_neither_order_nor_company_changes_the_numbers_of_a_strategy(
    lawful: Lawful, data: DataObject
) -> None:
    written, scenario = _loaded(data, lawful)
    entries = [*reversed(written["strategies"]), {"name": "more", "steps": [{"weight": 100}]}]
    other = stratsim.load({**written, "strategies": entries})

    first = stratsim.compare(scenario, replications=2, engine="des")
    second = stratsim.compare(other, replications=2, engine="des")

    for sample in first.samples:
        found = second.sample(sample.strategy)
        for name, values in sample.measures.items():
            assert np.array_equal(values, found.measures[name], equal_nan=True), name
        assert all(np.array_equal(sample.events[key], found.events[key]) for key in sample.events)


@settings(max_examples=30)
@given(data=st.data())
def test_the_same_seed_gives_the_same_document(lawful: Lawful, data: DataObject) -> None:
    written, scenario = _loaded(data, lawful)
    name = scenario.strategies[0].name

    first = stratsim.simulate(scenario, name).to_dict()
    second = stratsim.simulate(stratsim.load(written), name).to_dict()

    first.pop("provenance"), second.pop("provenance")
    assert first == second
