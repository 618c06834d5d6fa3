"""Problems, and the errors that carry them.

Every message of the package has one form:
``where: must be RULE, but got VALUE. HINT``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what the user gave.

    Parameters
    ----------
    where
        ``file:line: key`` when read from a file, else the key or argument.
    rule
        What the value must be, as it reads after "must be".
    got
        The value that was given, already shortened for print.
    hint
        A full sentence that helps, or an empty string.
    """

    where: str
    rule: str
    got: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: must be {self.rule}, but got {self.got}."
        return f"{text} {self.hint}" if self.hint else text


class StratsimError(Exception):
    """Base of the package's errors; ``exit_code`` is that of the command line."""

    exit_code = 1


class InputError(StratsimError, ValueError):
    """The input is unusable; carries every problem that was found."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class UnsupportedError(StratsimError):
    """An engine or a target cannot do what was asked, and says so by name."""

    exit_code = 2


class MachineError(StratsimError):
    """The machine failed: disk full, no permission."""

    exit_code = 3


def shorten(value: object, limit: int = 60) -> str:
    """Return ``repr(value)`` cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def unknown_name(where: str, name: object, known: Iterable[str]) -> Problem:
    """Return the problem for a name that is not among `known`, with the nearest.

    A name that lacks what tables leave out, as in ``CodeDeployDefault.NAME``, is near.
    """
    names = list(known)
    near = [one for one in names if one.endswith(f".{name}")] if name else []
    if isinstance(name, str):
        near += get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]!r}?" if near else ""
    return Problem(where, f"one of {', '.join(names)}", shorten(name), hint)
