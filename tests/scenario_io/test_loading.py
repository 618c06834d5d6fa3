"""Where a scenario may come from, and what becomes of files that cannot be read."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stratsim.errors import InputError, MachineError
from stratsim.scenario_io import load

MINIMAL = "name: x\nplatform: ecs\n"


def refused(source: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(source)
    return str(caught.value)


def test_path_text_and_mapping_give_the_same_scenario(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(MINIMAL)

    found = [load(file), load(str(file)), load(MINIMAL), load({"name": "x", "platform": "ecs"})]

    assert all(scenario == found[0] for scenario in found)
    assert found[0].source == {"name": "x", "platform": "ecs"}


def test_json_is_a_scenario_too() -> None:
    assert load('{"name": "x", "platform": "lambda"}').platform == "lambda"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())

    assert load(file).name == "x"


def test_a_bundled_scenario_is_found_by_its_name() -> None:
    assert load("checkout-ecs").name == "checkout"


def test_a_file_of_that_name_wins_over_a_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checkout-ecs").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)

    assert load("checkout-ecs").name == "x"


def test_an_unknown_name_gets_the_nearest_bundled_one() -> None:
    message = refused("checkout-esc")

    assert message == (
        "checkout-esc: must be a file or a bundled scenario, but got no such file. "
        "Did you mean 'checkout-ecs'?"
    )


@pytest.mark.parametrize("name", ["no/such/file.yaml", "x" * 5000, "a\0b"])
def test_no_such_file(name: str) -> None:
    assert "must be a file or a bundled scenario, but got no such file" in refused(name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path}: must be a file, but got a folder."


def test_a_file_without_permission_is_the_machine_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(MINIMAL)

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", denied)

    with pytest.raises(MachineError, match="no permission to read it"):
        load(file)


def test_a_large_file_is_refused_with_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(b"#" * 10_000_000)

    assert (
        refused(file) == f"{file}: must be a file of at most 1,000,000 bytes, but got a larger one."
    )


def test_bytes_that_are_no_text_name_their_line(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(b"name: x\nplatform: \xff\n")

    assert refused(file) == f"{file}:2: must be text in UTF-8, but got the byte 0xff."


@pytest.mark.parametrize("source", [5, None, b"name: x", ["name"]])
def test_other_things_are_no_scenario(source: Any) -> None:
    assert "scenario: must be a path, a mapping or a text" in refused(source)


@pytest.mark.parametrize("source", ["", " ", "\n"])
def test_an_empty_text_is_no_scenario(source: str) -> None:
    assert "must be a mapping of scenario keys, but got nothing" in refused(source)


def test_messages_of_a_file_carry_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(MINIMAL + "traffic:\n  rate: -1\nsevice: {}\n")

    assert refused(file).splitlines() == [
        f"{file}:4: traffic.rate: must be a number in [0, 1e+07], but got -1.",
        f"{file}:5: sevice: must be a known key, but got 'sevice'. Did you mean 'service'?",
    ]


def test_messages_without_a_file_carry_the_key_path() -> None:
    assert refused({"name": "x", "platform": "ecs", "seed": -1}) == (
        "seed: must be a whole number in [0, 9223372036854775807], but got -1."
    )


class TestMappings:
    def test_numbers_of_numpy_and_tuples_are_taken(self) -> None:
        scenario = load(
            {
                "name": "x",
                "platform": "ecs",
                "traffic": {"profile": {"kind": "steps", "points": ((0, np.float64(5)), (60, 7))}},
                "service": {"instances": np.int64(4)},
            }
        )

        assert scenario.service.instances == 4
        assert scenario.source["service"] == {"instances": 4}

    def test_the_caller_s_mapping_is_left_alone(self) -> None:
        mapping = {"name": "x", "platform": "ecs", "cost": {"attended": 0.5}}

        scenario = load(mapping)
        mapping["cost"]["attended"] = 7

        assert scenario.source["cost"] == {"attended": 0.5}

    def test_a_mapping_that_contains_itself_is_refused(self) -> None:
        mapping: dict[str, Any] = {"name": "x", "platform": "ecs"}
        mapping["traffic"] = mapping

        assert "nested at most 50 deep" in refused(mapping)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
    def test_what_no_file_can_hold_is_refused(self, value: Any) -> None:
        message = refused({"name": "x", "platform": "ecs", "seed": value})

        assert message.startswith("seed: must be ")
        assert len(message.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_for_real(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(MINIMAL)
    file.chmod(0)

    with pytest.raises(MachineError):
        load(file)
