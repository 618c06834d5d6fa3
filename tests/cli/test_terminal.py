"""Help, start-up time, progress, and what only a terminal sees."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stratsim.cli import commands, progress
from stratsim.cli.progress import progress_bar
from stratsim.export import EXPORTERS

FOLDER = Path(commands.__file__).parent
COMMANDS = sorted(
    " ".join(path.relative_to(FOLDER).with_suffix("").parts).rstrip("_").replace("_", "-")
    for path in FOLDER.rglob("[!_]*.py")
)
HEAVY = {"numpy", "pandas", "scipy", "matplotlib", "simpy", "pydantic", "yaml"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_shows_an_example(self, cli: Any, command: str) -> None:
        ended = cli(*command.split(), "--help")

        assert ended.code == 0
        assert "Example:" in ended.out
        assert f" stratsim {command} " in ended.out

    def test_lists_the_commands(self, cli: Any) -> None:
        out = cli("--help").out

        assert {"alarm power", "compare", "metrics"} <= set(COMMANDS)
        assert all(f" {command.split()[0]} " in out for command in COMMANDS)

    @pytest.mark.parametrize("command", ["export", "recommend"])
    def test_lists_the_formats(self, cli: Any, command: str) -> None:
        out = cli(command, "--help").out

        assert all(name in out for name in EXPORTERS)

    def test_version(self, cli: Any) -> None:
        assert cli("--version").out.startswith("stratsim ")

    def test_loads_nothing_heavy(self) -> None:
        code = (
            "import sys; sys.argv = ['stratsim', '--help']\n"
            "from stratsim.cli import main\n"
            "try: main()\n"
            "except SystemExit: print('loaded', *sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        loaded = set(done.stdout.rpartition("loaded ")[2].split())

        assert loaded & HEAVY == set()


@pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")
class TestNoColor:
    """On a terminal there are escape codes, and none where NO_COLOR is set."""

    @pytest.mark.parametrize(
        "arguments", [["bogus"], ["compare"], ["compare", "--help"], ["scenarios"]]
    )
    def test_leaves_no_escape_code(self, arguments: list[str]) -> None:
        assert "\x1b" in on_terminal(arguments)
        assert "\x1b" not in on_terminal(arguments, NO_COLOR="1")


def on_terminal(arguments: list[str], **environment: str) -> str:
    """What a command tells on a terminal, on stdout and stderr."""
    inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    master, slave = os.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "stratsim", *arguments],
        stdout=slave, stderr=slave, env={**inherited, "TERM": "xterm", **environment},
    )  # fmt: skip
    os.close(slave)
    told = b""
    with contextlib.suppress(OSError):  # so a terminal tells its end
        while part := os.read(master, 65536):
            told += part
    os.close(master)
    running.wait(timeout=20)
    return told.decode(errors="replace")


class TestPlot:
    def test_tells_nothing_of_a_home_that_cannot_be_written(
        self, scenario: str, tmp_path: Path
    ) -> None:
        home = tmp_path / "file"
        home.touch()  # no folder, so nobody can make one in it
        inherited = {
            key: value
            for key, value in os.environ.items()
            if key not in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
        }
        done = subprocess.run(
            [sys.executable, "-m", "stratsim", "plan", scenario, "careful",
             "--plot", str(tmp_path / "plan.png")],
            env={**inherited, "HOME": str(home / "home"), "TMPDIR": str(tmp_path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "plan.png").stat().st_size > 1000


class TestProgress:
    def test_nobody_watches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr", io.StringIO())

        with progress_bar("comparing") as update:
            assert update is None

    def test_short_work_shows_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        screen = Terminal()
        monkeypatch.setattr("sys.stderr", screen)

        with progress_bar("comparing") as update:
            assert update is not None
            update(1, 2)

        assert screen.getvalue() == ""

    def test_long_work_shows_a_bar_on_stderr(self, monkeypatch: pytest.MonkeyPatch) -> None:
        screen = Terminal()
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.setattr(progress, "PATIENCE_S", 0.0)

        with progress_bar("comparing") as update:
            assert update is not None
            update(50, 100)

        assert "comparing" in screen.getvalue()
        assert "50/100" in screen.getvalue()
