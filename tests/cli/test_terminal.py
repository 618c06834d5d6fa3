"""Help, start-up time, progress, and what only a terminal sees."""

import io
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
