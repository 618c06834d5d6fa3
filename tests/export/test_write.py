"""Files on disk: all of them or none, and nothing overwritten unasked."""

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from stratsim.errors import InputError, MachineError
from stratsim.export import Export, write_export

FILES = {"application.json": "{}\n", "appspec.yaml": "version: 0.0\n", "zeta.json": "[1]\n"}
EXPORT = Export(format="codedeploy", files=FILES)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def test_every_file_appears_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "with space"

    paths = write_export(EXPORT, str(folder))

    assert paths == [folder / name for name in FILES]
    assert contents(folder) == FILES


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_files_have_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        paths = write_export(EXPORT, tmp_path)
    finally:
        os.umask(before)

    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o640}


def test_existing_files_are_all_named_and_stay(tmp_path: Path) -> None:
    for name in ("application.json", "zeta.json"):
        (tmp_path / name).write_text("mine", encoding="utf-8")

    with pytest.raises(InputError) as caught:
        write_export(EXPORT, tmp_path)

    assert str(caught.value).splitlines() == [
        f"{tmp_path / name}: must be a new file, but got one that exists. Use --force to overwrite."
        for name in ("application.json", "zeta.json")
    ]
    assert contents(tmp_path) == {"application.json": "mine", "zeta.json": "mine"}


def test_force_overwrites_and_leaves_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "application.json").write_text("old", encoding="utf-8")
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")

    write_export(EXPORT, tmp_path, force=True)

    assert contents(tmp_path) == FILES | {"mine.txt": "mine"}


def test_a_symbolic_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "out", tmp_path / "outside.json"
    folder.mkdir()
    outside.write_text("mine", encoding="utf-8")
    (folder / "application.json").symlink_to(outside)

    with pytest.raises(InputError, match="Use --force"):
        write_export(EXPORT, folder)
    write_export(EXPORT, folder, force=True)

    assert outside.read_text(encoding="utf-8") == "mine"
    assert not (folder / "application.json").is_symlink()


def test_a_dangling_link_counts_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "application.json").symlink_to(tmp_path / "nowhere")

    with pytest.raises(InputError, match="Use --force"):
        write_export(EXPORT, tmp_path)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_in_the_way_is_bad_input(tmp_path: Path, force: bool) -> None:
    (tmp_path / "application.json").mkdir()

    with pytest.raises(InputError, match="must be a file, but got a folder"):
        write_export(EXPORT, tmp_path, force=force)


def test_a_file_in_place_of_the_folder_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")

    with pytest.raises(InputError, match="must be a folder"):
        write_export(EXPORT, tmp_path / "out")
    with pytest.raises((InputError, MachineError)):
        write_export(EXPORT, tmp_path / "out" / "below")
    with pytest.raises(InputError, match="must be a path"):
        write_export(EXPORT, "a\0b")


@pytest.mark.parametrize("name", ["../x.json", "/etc/x", "a/b.json", "..", "", "c:x", "a\\b"])
def test_a_name_that_could_leave_the_folder_is_a_mistake(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeError, match="may not write"):
        write_export(Export(format="x", files={name: ""}), tmp_path)
    assert contents(tmp_path) == {}


# ------------------------------------------------------------- when things fail
class Failing:
    """A system call that works `times` times and then raises."""

    def __init__(self, call: object, error: BaseException, times: int) -> None:
        self.call, self.error, self.left = call, error, times

    def __call__(self, *arguments: object, **options: object) -> object:
        if not self.left:
            raise self.error
        self.left -= 1
        return self.call(*arguments, **options)


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("times", [0, 1, 2])
@pytest.mark.parametrize("call", ["fsync", "open"])
def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, times: int
) -> None:
    monkeypatch.setattr(os, call, Failing(getattr(os, call), FULL, times))

    with pytest.raises(MachineError) as caught:
        write_export(EXPORT, tmp_path / "a" / "b")

    monkeypatch.undo()
    assert str(caught.value) == (
        f"{tmp_path / 'a' / 'b'}: must be a folder that can be written,"
        " but got the error 'No space left on device'."
    )
    assert contents(tmp_path) == {}, "no file, no temporary file, no folder"


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_failure_while_moving_brings_the_old_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    before = {"appspec.yaml": "old", "mine.txt": "mine", "zeta.json": "old"}
    for name, text in before.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    real = Path.replace
    left = [times]

    def replace(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            if not left[0]:
                raise FULL
            left[0] -= 1
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)

    with pytest.raises(MachineError):
        write_export(EXPORT, tmp_path, force=True)

    assert contents(tmp_path) == before


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", Failing(os.fsync, KeyboardInterrupt(), 2))

    with pytest.raises(KeyboardInterrupt):
        write_export(EXPORT, tmp_path / "out")

    monkeypatch.undo()
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("force", [False, True])
def test_a_file_system_without_hard_links_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    monkeypatch.setattr(os, "link", Failing(os.link, OSError(errno.EPERM, "no links"), 0))
    if force:
        (tmp_path / "zeta.json").write_text("old", encoding="utf-8")

    write_export(EXPORT, tmp_path, force=force)

    assert contents(tmp_path) == FILES


def test_a_file_that_appears_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        (tmp_path / "zeta.json").write_text("theirs", encoding="utf-8")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(InputError, match="Use --force"):
        write_export(EXPORT, tmp_path)

    assert contents(tmp_path) == {"zeta.json": "theirs"}


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_no_permission_is_the_machines_failure(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(MachineError, match="Permission denied"):
            write_export(EXPORT, tmp_path / "out")
    finally:
        tmp_path.chmod(0o700)
