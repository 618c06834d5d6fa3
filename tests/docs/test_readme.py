"""What the README shows runs as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import stratsim

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
PYTHON = [text for language, text in BLOCKS if language == "python"]
SCENARIOS = [text for language, text in BLOCKS if language == "yaml"]
COMMANDS = [
    line.partition(" #")[0].strip()
    for language, text in BLOCKS
    if language == "sh"
    for line in text.replace("\\\n", " ").splitlines()
    if line.startswith("stratsim ")
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("stratsim.cli") is None, reason="the command line is not built"),
]


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """An empty folder with the bundled scenarios beside it, as in the checkout."""
    (tmp_path / "scenarios").symlink_to(root / "scenarios")
    return tmp_path


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_there_is_something_to_run() -> None:
    assert PYTHON
    assert SCENARIOS
    assert COMMANDS


@pytest.mark.parametrize("code", PYTHON, ids=[f"block {n}" for n in range(len(PYTHON))])
def test_python_runs(code: str, folder: Path) -> None:
    done = run(["-c", code], folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("text", SCENARIOS, ids=[f"block {n}" for n in range(len(SCENARIOS))])
def test_a_scenario_loads(text: str) -> None:
    assert stratsim.load(text).name == "checkout"


@pytest.mark.parametrize("command", COMMANDS, ids=[line.split()[1] for line in COMMANDS])
def test_a_command_ends_well(command: str, folder: Path) -> None:
    done = run(["-m", *shlex.split(command)], folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout
