"""tools/setup.sh says what to install where Python does not suffice."""

import shutil
import subprocess
from pathlib import Path

import pytest

NO_PYTHON = "exit 127"
OLD = 'case "$2" in *platform*) echo 3.9.2 ;; *) exit 1 ;; esac'
NO_VENV = 'case "$2" in *ensurepip*) exit 1 ;; *) exit 0 ;; esac'
PYTHONS = ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python")


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A folder with a space in its name, with what the script reads."""
    folder = tmp_path / "a checkout"
    shutil.copytree(root / "tools", folder / "tools")
    shutil.copy(root / "pyproject.toml", folder)
    return folder


def setup(checkout: Path, scripts: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the script where the only Pythons are these shell scripts."""
    binaries = checkout.parent / "bin"
    binaries.mkdir()
    for name in ("cat", "cksum", "dirname", "mkdir", "rm", "sed", "sh"):
        (binaries / name).symlink_to(shutil.which(name) or name)
    for name in PYTHONS:
        script = binaries / name
        script.write_text(f"#!/bin/sh\n{scripts.get(name, NO_PYTHON)}\n", encoding="utf-8")
        script.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", "tools/setup.sh", "test"],
        cwd=checkout,
        env={"PATH": str(binaries)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    ("scripts", "told"),
    [
        ({}, "Python must be 3.11 or later, but none was found."),
        ({"python3": OLD}, "Python must be 3.11 or later, but python3 is 3.9.2."),
        ({"python3": NO_VENV}, "apt-get install python3-venv\n"),
        ({"python3": OLD, "python3.12": NO_VENV}, "apt-get install python3.12-venv\n"),
    ],
)
def test_what_is_missing_is_named(checkout: Path, scripts: dict[str, str], told: str) -> None:
    done = setup(checkout, scripts)

    assert done.returncode == 1
    assert told in done.stderr
    assert "apt-get install" in done.stderr
    assert done.stdout == ""
    assert not (checkout / ".venv").exists()


def test_a_linked_environment_is_refused(checkout: Path) -> None:
    (checkout / ".venv").symlink_to(checkout.parent)

    done = setup(checkout, {})

    assert done.returncode == 1
    assert ".venv must be a folder of this checkout" in done.stderr
