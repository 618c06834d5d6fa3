"""Whatever lawful scenario is asked for: advice, text, frames and exports are there."""

import json
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

import stratsim
from stratsim.errors import UnsupportedError
from stratsim.export import EXPORTERS, export_strategy

Lawful = Callable[..., SearchStrategy[dict[str, Any]]]

CALLS = {
    "application": ("codedeploy", "CreateApplication"),
    "deployment-config": ("codedeploy", "CreateDeploymentConfig"),
    "deployment-group": ("codedeploy", "CreateDeploymentGroup"),
    "composite-alarm-": ("cloudwatch", "PutCompositeAlarm"),
    "alarm-": ("cloudwatch", "PutMetricAlarm"),
    "service": ("ecs", "UpdateService"),
}


@pytest.fixture(scope="session")
def aws() -> ModuleType:
    """Return the check against AWS's own service models."""
    pytest.importorskip("botocore", reason="needs botocore, of the extra `test`")
    path = Path(__file__).parents[1] / "export" / "botocore_check.py"
    spec = spec_from_file_location("botocore_check_of_random_exports", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@settings(max_examples=40)
@given(data=st.data())
def test_aws_takes_the_inputs_that_are_exported(
    lawful: Lawful, aws: ModuleType, data: DataObject
) -> None:
    scenario = stratsim.load(data.draw(lawful()))

    for spec in scenario.strategies:
        for name, text in export_strategy(scenario, spec.name).files.items():
            if name.endswith(".json"):
                service, call = next(v for k, v in CALLS.items() if name.startswith(k))
                assert aws.problems(service, call, json.loads(text)) == [], name


@settings(max_examples=40)
@given(data=st.data())
def test_every_target_is_written_or_refused(lawful: Lawful, data: DataObject) -> None:
    scenario = stratsim.load(data.draw(lawful()))
    target = data.draw(st.sampled_from([name for name, _ in EXPORTERS.items()]))

    try:
        export = export_strategy(scenario, scenario.strategies[0].name, target)
    except UnsupportedError:
        return  # by name, before anything is written
    assert all(text.encode() for text in export.files.values())
    assert all("\n" not in line for line in export.messages())


@settings(max_examples=25)
@given(data=st.data())
def test_advice_says_why(lawful: Lawful, data: DataObject) -> None:
    scenario = stratsim.load(data.draw(lawful()))
    limits = {"missed": 0.5, "deployment_duration_s.p95": 3600}

    advice = stratsim.recommend(scenario, require=limits, replications=4)

    document = json.loads(json.dumps(advice.to_dict(), allow_nan=False))
    assert document["verdict"] in ("recommended", "none meets", "cannot tell")
    assert (document["strategy"] is not None) == (document["verdict"] == "recommended")
    assert document["reasons"]
    assert {requirement["key"] for requirement in document["requirements"]} == set(limits)
    assert advice.explain()


@settings(max_examples=25)
@given(data=st.data())
def test_results_are_texts_and_tidy_frames(lawful: Lawful, data: DataObject) -> None:
    scenario = stratsim.load(data.draw(lawful()))
    names = [spec.name for spec in scenario.strategies]

    comparison = stratsim.compare(scenario, replications=3)
    run = stratsim.simulate(scenario, names[0])

    assert list(comparison.table().index) == names
    assert set(comparison.differences(names[0])["strategy"]) == set(names) - {names[0]}
    assert not comparison.to_frame().empty
    assert all(name[:20] in str(comparison) for name in names)
    assert names[0] in str(run)
    assert list(run.weights.columns) == ["time_s", "new_share"]
