"""How the command line ends: codes, one line each, never a traceback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stratsim.cli.exits import guarded
from stratsim.errors import MachineError

PROGRAM = [sys.executable, "-m", "stratsim"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["plan", "SCENARIO", "carefull"], "Did you mean 'careful'?"),
            (["run", "SCENARIO", "careful", "--outcome", "spike"], "outcome: must be one of"),
            (["run", "SCENARIO", "careful", "--seed", "-1"], "seed: must be a whole number"),
            (
                ["compare", "SCENARIO", "--replications", "0"],
                "replications: must be a whole number",
            ),
            (["compare", "SCENARIO", "--workers", "0"], "workers: must be a whole number"),
            (["compare", "SCENARIO", "--engine", "fast"], "engine: must be one of"),
            (
                ["compare", "ec2-blue-green", "--engine", "exact"],
                "CodeDeployDefault.AllAtOnce: the exact engine does not know a fleet that shares",
            ),
            (["compare", "SCENARIO", "--reference", "other"], "strategy: must be one of"),
            (["compare", "SCENARIO", "--plot", "x.gif"], "--plot: must be a file that ends in"),
            (["compare", "SCENARIO", "--plot", "no/x.png"], "in a folder that exists"),
            (["recommend", "SCENARIO", "--minimize", "failures"], "minimize: must be one of"),
            (["recommend", "SCENARIO", "--require", "mised=1"], "Did you mean 'missed'?"),
            (["recommend", "SCENARIO", "--export", "x", "--format", "y"], "export format: must be"),
            (["compare", "no-such-file.yaml"], "must be a file or a bundled scenario"),
        ],
    )
    def test_exit_2_with_a_message_of_one_form(
        self, cli: Any, scenario: str, arguments: list[str], message: str
    ) -> None:
        ended = cli(*(scenario if argument == "SCENARIO" else argument for argument in arguments))

        assert ended.code == 2
        assert message in ended.err
        assert ended.out == ""

    @pytest.mark.parametrize(
        "arguments", [["compare"], ["comp"], ["compare", "x", "--replications", "many"], ["--what"]]
    )
    def test_usage_is_exit_2_too(self, cli: Any, arguments: list[str]) -> None:
        ended = cli(*arguments)

        assert ended.code == 2
        assert "Traceback" not in ended.err

    def test_every_problem_has_its_line(self, cli: Any, tmp_path: Path) -> None:
        path = tmp_path / "bad.yaml"
        path.write_text("name: x\nplatform: ecz\ntrafic: {rate: 1}\n", encoding="utf-8")
        ended = cli("compare", str(path))

        assert ended.code == 2
        assert f"{path}:2: platform: must be" in ended.err
        assert f"{path}:3: " in ended.err
        assert len(ended.err.splitlines()) >= 2


class TestWarnings:
    def test_go_to_stderr(self, cli: Any, scenario: str) -> None:
        text = Path(scenario).read_text(encoding="utf-8")
        without = text.replace(
            "  autoRollbackConfiguration:\n"
            "    {enabled: true, events: [DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM]}\n",
            "",
        )
        Path(scenario).write_text(without, encoding="utf-8")
        ended = cli("plan", scenario, "careful", "--json")

        assert ended.document
        assert ended.err.startswith("warning: deployment_group.autoRollbackConfiguration")


class TestMachine:
    @pytest.mark.parametrize(
        ("error", "line"),
        [
            (MachineError("out: no space left"), "out: no space left"),
            (PermissionError(13, "Permission denied", "x.png"), "x.png: Permission denied"),
            (OSError(28, "No space left on device"), "stdout: No space left on device"),
            (MemoryError(), "out of memory"),
            (ZeroDivisionError("division\nby zero"), "internal error"),
        ],
    )
    def test_failures_are_one_line(
        self, error: Exception, line: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        @guarded
        def fail() -> None:
            raise error

        with pytest.raises(SystemExit) as end:
            fail()
        printed = capsys.readouterr().err

        assert end.value.code == 3
        assert line in printed
        assert len(printed.splitlines()) == 1

    def test_an_internal_error_tells_its_place(
        self, cli: Any, scenario: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stratsim.study.first_stops.foresee", lambda *_: 1 // 0)
        ended = cli("plan", scenario, "careful")

        assert ended.code == 3
        assert ended.err.startswith("internal error at plan.py:")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
    def test_a_full_disk_under_stdout(self, scenario: str) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [*PROGRAM, "plan", scenario, "careful"],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip

        assert done.returncode == 3
        assert done.stderr == "stdout: No space left on device\n"

    def test_a_reader_who_has_seen_enough(self, scenario: str) -> None:
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [*PROGRAM, "run", scenario, "careful", "--json"],
            stdout=write, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        os.close(write)

        assert (done.returncode, done.stderr) == (0, "")

    def test_characters_that_the_terminal_lacks(self, scenario: str) -> None:
        text = Path(scenario).read_text(encoding="utf-8").replace("careful", "größte Vorsicht")
        Path(scenario).write_text(text, encoding="utf-8")
        done = subprocess.run(
            [*PROGRAM, "compare", scenario, "--replications", "5"],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert done.returncode == 0
        assert "gr??te Vorsicht" in done.stdout


COMPARING = ["compare", "SCENARIO", "--replications", "2000000"]
PAUSED = """
import sys, time
from stratsim.cli import main

awaited = sys.argv.pop(1)

class Pause:
    def find_spec(name, path, target=None):
        if name == awaited:
            print("ready", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Pause)
main()
"""
"""The command, which says a word and waits where it begins to load a module.

The word is said inside `main`: a signal that came before it would end the
interpreter, not the command."""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
class TestInterrupt:
    """Ctrl-C reaches the whole group: parent, workers that start, workers at work."""

    @pytest.mark.parametrize("engine", ["des", "auto"])
    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_at_work_ends_at_once_with_one_line(
        self, interrupted: Any, scenario: str, workers: str, engine: str
    ) -> None:
        ended = interrupted(
            *command_on(scenario), "--workers", workers, "--engine", engine, bar="comparing"
        )

        assert (ended.code, ended.out, ended.err) == (130, "", "interrupted\n")

    @pytest.mark.parametrize(
        "module", ["stratsim.cli.app", "stratsim.cli.commands.compare", "numpy", "scipy"]
    )
    def test_while_modules_are_loaded(self, scenario: str, module: str) -> None:
        with begun([sys.executable, "-c", PAUSED, module, *command_on(scenario)]) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            os.killpg(running.pid, signal.SIGINT)
            out, err = running.communicate(timeout=20)

        assert (running.returncode, out, err) == (130, "", "interrupted\n")

    @pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no list of children")
    def test_while_workers_start(self, scenario: str) -> None:
        command = [*PROGRAM, *command_on(scenario), "--workers", "2", "--engine", "des"]
        with begun(command) as running:
            children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
            while not children.read_text():
                assert running.poll() is None
                time.sleep(0.001)
            os.killpg(running.pid, signal.SIGINT)
            out, err = running.communicate(timeout=20)

        assert (running.returncode, out, err) == (130, "", "interrupted\n")


def command_on(scenario: str) -> list[str]:
    return [scenario if argument == "SCENARIO" else argument for argument in COMPARING]


@contextmanager
def begun(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a group of its own; it is gone in the end."""
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield running
    finally:
        running.kill()
