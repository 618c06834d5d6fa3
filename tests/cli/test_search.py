"""``recommend --search`` from the command line."""

import json
import os
import signal
import subprocess
import sys
import time
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
    assert document["designs"] == document["rounds"][0]["designs"] > 10_000
    assert (
        json.loads((out / f"alarm-{alarm['AlarmName']}.json").read_text())["Threshold"]
        == (alarm["Threshold"])
    )
    design = stratsim.load(
        {**stratsim.load(quiet).source, **document["design"]}  # as a user would paste it
    )
    assert design.strategies[0].name == document["strategy"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_ctrl_c_ends_it_with_130(quiet: str) -> None:
    """Whenever it comes, there is no traceback; later than the first round, a design."""
    running = subprocess.Popen(
        [sys.executable, "-m", "stratsim", "recommend", "checkout-ecs", "--search"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    time.sleep(4)
    os.killpg(running.pid, signal.SIGINT)
    try:
        out, err = running.communicate(timeout=30)
    finally:
        running.kill()

    assert running.returncode == 130
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err
    assert out == "" or out.startswith("Interrupted; the best so far: ")
