"""Exports on disk: whole files or none, and nothing overwritten unasked."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stratsim.errors import InputError, MachineError, Problem, StratsimError, shorten
from stratsim.export._base import Export

_TRIES = 100


def write_export(export: Export, out_dir: str | Path, *, force: bool = False) -> list[Path]:
    """Write every file of `export` into the folder `out_dir` and return their paths.

    All files are written beside their places first and moved there when the last
    one is safely on disk. When anything fails the folder is as it was before.

    Parameters
    ----------
    export
        What to write.
    out_dir
        The folder; it is made where it is missing.
    force
        Overwrite files that exist.

    Raises
    ------
    InputError
        A file exists and `force` was not given, or the folder is no folder.
    MachineError
        The machine cannot write: disk full, no permission.
    """
    folder = Path(out_dir)
    job = _Job(folder, {folder / _plain_name(name): text for name, text in export.files.items()})
    try:
        _check(job, force=force)
        with job.undone_on_failure():
            job.make_folder()
            job.write_temporaries()
            job.move(force=force)
    except OSError as error:
        raise MachineError(_reason(folder, error)) from error
    except ValueError as error:
        if isinstance(error, StratsimError):
            raise
        # A path with a null character, say.
        raise InputError([Problem("out", "a path", shorten(str(folder)))]) from error
    return list(job.texts)


def _plain_name(name: str) -> str:
    """Return `name`; a name that could leave the folder is a mistake of its exporter."""
    if name in {"", ".", ".."} or any(character in name for character in "/\\\0:"):
        msg = f"an export may not write to {name!r}"
        raise RuntimeError(msg)
    return name


def _check(job: "_Job", *, force: bool) -> None:
    if os.path.lexists(job.folder) and not job.folder.is_dir():
        raise InputError([Problem(str(job.folder), "a folder", "something else")])
    problems = []
    for path in job.texts:
        if path.is_dir() and not path.is_symlink():
            problems.append(Problem(str(path), "a file", "a folder"))
        elif os.path.lexists(path) and not force:
            hint = "Use --force to overwrite."
            problems.append(Problem(str(path), "a new file", "one that exists", hint))
    if problems:
        raise InputError(problems)


def _reason(folder: Path, error: OSError) -> str:
    why = error.strerror or type(error).__name__
    return str(Problem(str(folder), "a folder that can be written", f"the error {why!r}"))


@dataclass(slots=True)
class _Job:
    """The files of one call, and how to take back what was done."""

    folder: Path
    texts: dict[Path, str]
    temporaries: dict[Path, Path] = field(default_factory=dict)
    backups: dict[Path, Path] = field(default_factory=dict)
    moved: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    @contextlib.contextmanager
    def undone_on_failure(self) -> Iterator[None]:
        """Take everything back when the body fails, Ctrl-C included."""
        try:
            yield
        except BaseException:
            self._undo()
            raise
        finally:
            for path in (*self.temporaries.values(), *self.backups.values()):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    def make_folder(self) -> None:
        """Make the folder and its parents, remembering which were missing."""
        missing = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            self.folders.append(path)

    def write_temporaries(self) -> None:
        """Write and sync every text under a temporary name in the same folder."""
        for path, text in self.texts.items():
            temporary, descriptor = _new_file(path)
            self.temporaries[path] = temporary
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())

    def move(self, *, force: bool) -> None:
        """Move every temporary file to its place."""
        for path, temporary in self.temporaries.items():
            if force and os.path.lexists(path):
                self._back_up(path)
            if force:
                temporary.replace(path)
            else:
                _move_to_free_place(temporary, path)
            self.moved.append(path)
        _sync_folder(self.folder)

    def _back_up(self, path: Path) -> None:
        backup = _free_name(path, "bak")
        self.backups[path] = backup
        try:
            os.link(path, backup, follow_symlinks=False)
        except (OSError, NotImplementedError):  # a file system without hard links
            shutil.copy2(path, backup, follow_symlinks=False)

    def _undo(self) -> None:
        for path in self.moved:
            with contextlib.suppress(OSError):
                if path in self.backups:
                    self.backups[path].replace(path)
                else:
                    path.unlink()
        for path in self.temporaries.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        for path in reversed(self.folders):
            with contextlib.suppress(OSError):
                path.rmdir()


def _new_file(path: Path) -> tuple[Path, int]:
    """Create a temporary file beside `path` that nobody had before."""
    for _ in range(_TRIES):
        temporary = _free_name(path, "tmp")
        with contextlib.suppress(FileExistsError):
            # 0o666 less the umask, as any other file would have.
            return temporary, os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    msg = "no free temporary name"
    raise OSError(msg)


def _free_name(path: Path, kind: str) -> Path:
    for number in range(_TRIES):
        name = path.with_name(f".{path.name}.{os.getpid()}-{number}.{kind}")
        if not os.path.lexists(name):
            return name
    msg = "no free temporary name"
    raise OSError(msg)


def _move_to_free_place(temporary: Path, path: Path) -> None:
    """Move without overwriting what may have appeared since the check."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        hint = "Use --force to overwrite."
        raise InputError([Problem(str(path), "a new file", "one that exists", hint)]) from None
    except (OSError, NotImplementedError):  # a file system without hard links
        temporary.replace(path)


def _sync_folder(folder: Path) -> None:
    """Make the moves last; not every system can sync a folder."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
