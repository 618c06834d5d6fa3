"""A folder with the finished blocks of one study."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from stratsim.errors import InputError, MachineError, Problem, shorten
from stratsim.store.blocks import decode, encode, parquet
from stratsim.store.files import TEMPORARY, hold, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stratsim.engine.tally import Tally
    from stratsim.model.plan import Plan
    from stratsim.study.jobs import Job

STUDY = "_study.json"
"""The study's identity; readers of a folder of Parquet files pass over a name like that."""

FORM = 1
"""Version of the files; it grows when older ones can no longer be read."""


HINT = "Another study needs another folder."


class Checkpoint:
    """Keeps the finished blocks of a study in a folder, from which it can go on.

    Every file is written beside its place, synced and moved there, so that a process
    that is killed leaves whole blocks and loses those in flight.

    Parameters
    ----------
    folder
        Where; it is made where it is missing.
    resume
        Go on with the study in the folder, where there is one. Without it, the
        folder must be empty.

    Raises
    ------
    InputError
        The folder holds something else, or another process has it.
    MachineError
        The machine cannot write: disk full, no permission.
    """

    def __init__(self, folder: str | Path, *, resume: bool = False) -> None:
        self.folder, self.resume = Path(folder), resume
        self._study = ""
        self._held = ExitStack()

    def __enter__(self) -> Self:
        parquet()  # a missing library is told before the work
        with self._told():
            self._make()
            held = hold(self.folder)
            if held is None:
                self._refuse("a folder that no other run is using")
            with ExitStack() as stack:
                stack.enter_context(held)
                self._check()
                self._held = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _make(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            self._refuse("a folder")
        self.folder.mkdir(parents=True, exist_ok=True)

    def _check(self) -> None:
        """Refuse a folder with something else in it; remove what a killed process left."""
        if self.resume:
            for path in self.folder.glob(TEMPORARY):
                path.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            return
        if not self.resume:
            hint = "To go on with a study that was begun there, use --resume (resume=True)."
            self._refuse("a new or an empty folder", hint)
        if not (self.folder / STUDY).exists():
            self._refuse(f"the folder of a study, with {STUDY} in it")

    def begin(self, study: Mapping[str, object]) -> None:
        """Write down what study this is, or refuse to go on with another."""
        text = json.dumps({"form": FORM, **study}, indent=1)
        self._study = sha256(text.encode()).hexdigest()
        path = self.folder / STUDY
        with self._told():
            if not path.exists():
                write_whole(path, text.encode())
                return
            there = self._read(path)
        now = _flat(json.loads(text))
        changed = [name for name in {**there, **now} if there.get(name) != now.get(name)]
        if changed:
            raise InputError(
                Problem(
                    name,
                    f"{_shown(there.get(name))} as in {self.folder}",
                    _shown(now.get(name)),
                    HINT,
                )
                for name in changed
            )

    def load(self, job: Job, plan: Plan) -> Tally | None:
        """Return the tally of a job that was kept, else None."""
        path = self._path(job)
        with self._told():
            if not path.exists():
                return None
            found = decode(path.read_bytes(), job, plan, self._study)
        if found is None:
            rule, hint = "a whole block of this study", "Delete it, and it is made anew."
            raise InputError([Problem(str(path), rule, "something else", hint)])
        return found

    def save(self, job: Job, tally: Tally) -> None:
        """Keep the tally of a finished job."""
        with self._told():
            write_whole(self._path(job), encode(job, tally, self._study))

    def _path(self, job: Job) -> Path:
        outcome = "" if job.outcome is None else f"-outcome-{job.outcome}"
        runs = f"{job.replications[0]:08}-{job.replications[-1]:08}"
        name = f"strategy-{job.strategy:03}{outcome}-runs-{runs}.parquet"
        return self.folder / name

    def _read(self, path: Path) -> dict[str, object]:
        try:
            return _flat(json.loads(path.read_bytes()))
        except (ValueError, AttributeError):
            self._refuse(f"the folder of a study, with a whole {STUDY} in it")

    def _refuse(self, rule: str, hint: str = "") -> NoReturn:
        raise InputError([Problem("out", rule, str(self.folder), hint)])

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what the machine could not do in one line."""
        try:
            yield
        except OSError as error:
            msg = f"{self.folder}: {error.strerror or type(error).__name__}"
            raise MachineError(msg) from error


def _flat(study: Mapping[str, object]) -> dict[str, object]:
    """Return the identity with the versions side by side with the rest."""
    flat: dict[str, object] = {}
    for name, value in study.items():
        flat |= (
            {f"{name}.{k}": v for k, v in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
    return flat


def _shown(value: object) -> str:
    if isinstance(value, list):
        value = ", ".join(dict.fromkeys(str(item) for item in value))
    return shorten(value)
