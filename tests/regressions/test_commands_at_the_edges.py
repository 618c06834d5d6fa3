"""Commands that once ended badly where the machine, not the scenario, was at fault."""

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stratsim.cli.options import save_plot
from stratsim.errors import MachineError

SCENARIO = "name: edge\nplatform: lambda\n"
STRATEGY = "CodeDeployDefault.LambdaAllAtOnce"


class _Figure:
    """A picture of a few bytes."""

    def savefig(self, page: Any, **_: object) -> None:
        page.write(b"new picture")


def test_a_full_disk_leaves_the_old_picture_and_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "plan.png"
    picture.write_bytes(b"old picture")

    def full(_: int) -> None:  # where a disk that writes late says that it is full
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(MachineError, match=r"plan\.png: No space left on device"):
        save_plot(_Figure(), picture)

    assert [path.name for path in tmp_path.iterdir()] == ["plan.png"]
    assert picture.read_bytes() == b"old picture"


def test_a_picture_replaces_an_older_one(tmp_path: Path) -> None:
    picture = tmp_path / "plan.png"
    picture.write_bytes(b"old picture")

    save_plot(_Figure(), picture)

    assert [path.name for path in tmp_path.iterdir()] == ["plan.png"]
    assert picture.read_bytes() == b"new picture"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("strategy", "closed", "code"), [(STRATEGY, ">&-", 0), (STRATEGY, "2>&-", 0), ("?", "2>&-", 2)]
)
def test_a_closed_stream_is_written_to_in_vain(
    tmp_path: Path, strategy: str, closed: str, code: int
) -> None:
    path = tmp_path / "edge.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    script = f'"$0" -m stratsim plan "$1" "$2" --json {closed}'

    done = subprocess.run(
        ["sh", "-c", script, sys.executable, str(path), strategy],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
