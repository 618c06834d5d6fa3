"""``recommend --search`` from the command line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stratsim

pytestmark = pytest.mark.slow

QUIET = """\
name: quiet
platform: lambda
traffic: {rate: 0.5}
service: {error_rate: 0.001}
release:
  outcomes:
    - {name: healthy, probability: 0.9}
    - {name: bad, probability: 0.1, faults: [{kind: errors, rate: 0.5}]}
"""


@pytest.fixture
def quiet(tmp_path: Path) -> str:
    path = tmp_path / "quiet.yaml"
    path.write_text(QUIET)
    return str(path)


def test_writes_the_best_design(cli: Callable[..., Any], quiet: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = cli("recommend", quiet, "--search", "--export", str(out), "--json")
    document = ended.document
    alarm = document["design"]["alarms"][-1]

    assert (ended.code, document["verdict"]) == (0, "recommended")
    assert "alarms: none are defined" not in ended.err  # the design has one
    assert document["designs"] == document["rounds"][0]["designs"] > 10_000
    assert (
        json.loads((out / f"alarm-{alarm['AlarmName']}.json").read_text())["Threshold"]
        == (alarm["Threshold"])
    )
    design = stratsim.load(
        {**stratsim.load(quiet).source, **document["design"]}  # as a user would paste it
    )
    assert design.strategies[0].name == document["strategy"]


def test_without_a_search_it_is_told_that_there_is_no_alarm(
    cli: Callable[..., Any], quiet: str
) -> None:
    ended = cli("recommend", quiet, "--replications", "10")

    assert "warning: alarms: none are defined" in ended.err


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_it_with_130(interrupted: Callable[..., Any]) -> None:
    """Whenever it comes, there is no traceback; later than the first round, a design."""
    ended = interrupted("recommend", "checkout-ecs", "--search", bar="searching")

    assert ended.code == 130
    assert ended.err.endswith("interrupted\n")
    assert "Traceback" not in ended.err
    assert ended.out == "" or ended.out.startswith("Interrupted; the best so far: ")
