"""What makes the same numbers again, and nothing that differs between machines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stratsim.provenance import provenance, scenario_hash
from stratsim.scenario_io import load

TEXT = "name: x\nplatform: ecs\ntraffic: {rate: 5}\n"


def test_the_hash_is_the_same_in_every_process() -> None:
    code = (
        "from stratsim.provenance import scenario_hash; from stratsim.scenario_io import load;"
        f"print(scenario_hash(load({TEXT!r})))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert found.stdout.strip() == scenario_hash(load(TEXT))


def test_order_and_layout_do_not_change_the_hash() -> None:
    other = "platform: ecs  # a comment\nname: 'x'\ntraffic:\n  rate: 5\n"

    assert scenario_hash(load(other)) == scenario_hash(load(TEXT))


def test_any_value_changes_the_hash() -> None:
    assert scenario_hash(load(TEXT.replace("5", "6"))) != scenario_hash(load(TEXT))


def test_the_series_is_part_of_the_hash(tmp_path: Path) -> None:
    hashes = set()
    for value in ("5", "5", "6"):
        (tmp_path / "a.csv").write_text(f"timestamp,value\n2020-01-01T00:00:00Z,{value}\n")
        file = tmp_path / "s.yaml"
        profile = "{kind: trace, file: a.csv, period: 5m}"
        file.write_text(f"name: x\nplatform: ecs\ntraffic: {{profile: {profile}}}\n")
        hashes.add(scenario_hash(load(file)))

    assert len(hashes) == 2


@pytest.mark.parametrize("seed", [None, 3])
def test_provenance_is_plain_and_complete(seed: int | None) -> None:
    found = provenance(
        load(TEXT), command="stratsim compare s.yaml", engine="des", replications=10, seed=seed
    )

    assert json.loads(json.dumps(found)) == found
    assert found["seed"] == (7 if seed is None else 3)
    assert {"stratsim", "numpy", "python"} <= set(found["versions"])
    assert str(Path.home()) not in json.dumps(found)
