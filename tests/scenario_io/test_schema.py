"""The JSON Schema for editors."""

import json
from pathlib import Path
from typing import Any

import pytest

from stratsim.scenario_io.bundled import bundled_names, open_bundled
from stratsim.scenario_io.keys import walk_keys
from stratsim.scenario_io.schema import ADDRESS, json_schema
from stratsim.scenario_io.tree import parse_text

jsonschema = pytest.importorskip("jsonschema")

CONTRACT = Path(__file__).parent / "data" / "contract.yaml"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> Any:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", bundled_names())
def test_every_bundled_scenario_is_valid(validator: Any, name: str) -> None:
    data = parse_text(open_bundled(name).path.read_text()).data

    assert [error.message for error in validator.iter_errors(data)] == []


def test_the_contract_s_example_is_valid(validator: Any) -> None:
    assert list(validator.iter_errors(parse_text(CONTRACT.read_text()).data)) == []


@pytest.mark.parametrize(
    "sections",
    [
        {"sevice": {}},
        {"platform": "esc"},
        {"service": {"memory": 512}},
        {"service": {"instances": 0}},
        {"service": {"drain": "5 minutes"}},
        {"lifecycle": {"ValidateService": {"duration": 1}}},
        {"traffic": {"rate": 1, "profile": {"kind": "diurnal", "mean": 1}}},
        {"traffic": {"profile": {"kind": "diurnal"}}},
        {"release": {"outcomes": [{"name": "a", "probability": 1, "faults": [{"kind": "crash"}]}]}},
        {"environment": [{"kind": "startup", "probability": 1}]},
        {"alarms": [{"AlarmName": "a"}]},
        {"deployment_group": {"alarmConfiguration": {"enabld": True}}},
        {"strategies": ["CodeDeployDefault.ECSAllAtOnc"]},
        {"strategies": [{"name": "x", "trafficRoutingConfg": {}}]},
        {"names": {"rol": "x"}},
        {"quotas": {"shift_minutes": -1}},
    ],
    ids=str,
)
def test_an_editor_can_tell_these_mistakes(validator: Any, sections: dict[str, Any]) -> None:
    assert not validator.is_valid({"name": "x", "platform": "ecs", **sections})


def test_every_key_of_a_section_is_described(schema: dict[str, Any]) -> None:
    for key in walk_keys():
        section, _, rest = key.path.partition(".")
        if section in ("metrics", "control", "on_call", "cost", "slo") and "." not in rest:
            assert schema["properties"][section]["properties"][rest]["description"], key.path


def test_it_is_plain_json_with_its_address(schema: dict[str, Any]) -> None:
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == ADDRESS
    assert schema["properties"]["control"]["properties"]["reroute"]["default"] == "5s"


def test_references_lead_somewhere(schema: dict[str, Any]) -> None:
    text = json.dumps(schema)

    for name in ("fault", "environment_fault", "durations", "shares", "factors"):
        assert f"#/$defs/{name}" in text
        assert name in schema["$defs"]
