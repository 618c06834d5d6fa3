"""What is wrong with a text, and at which column."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from stratsim.errors import InputError, Problem

if TYPE_CHECKING:
    from lark.exceptions import UnexpectedInput


class ColumnError(Exception):
    """A text breaks `rule` at the place `at`; never leaves this package.

    `at` counts characters from 0, over line breaks; messages count from 1.
    """

    def __init__(self, *, rule: str, got: str, at: int | None = None, hint: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.got = got
        self.at = at
        self.hint = hint

    def located(self, where: str) -> InputError:
        """Return the error as a user sees it, with the key that holds the text."""
        got = self.got if self.at is None else f"{self.got} at column {self.at + 1}"
        return InputError([Problem(where, self.rule, got, self.hint)])


def unexpected(
    text: str, error: "UnexpectedInput", rule: str, words: Mapping[str, str], hint: str = ""
) -> ColumnError:
    """Return what the parser met and, in `words`, what it could have met.

    `hint` takes the place of the list of what was expected.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    hint = hint or _expected(error, words)
    if isinstance(error, UnexpectedCharacters):
        got = repr(str(error.char))
        return ColumnError(rule=rule, got=got, at=error.pos_in_stream, hint=hint)
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        got = repr(str(error.token))
        return ColumnError(rule=rule, got=got, at=error.token.start_pos, hint=hint)
    return ColumnError(rule=rule, got="its end", at=len(text), hint=hint)


def _expected(error: Any, words: Mapping[str, str]) -> str:
    # What a token could have been is narrower than what the state lists.
    names: Collection[str] = (
        getattr(error, "accepts", None) or getattr(error, "allowed", None) or ()
    )
    known = [word for name, word in words.items() if name in names]
    if len(known) < 2:
        return "".join(f"Expected {word}." for word in known)
    return f"Expected {', '.join(known[:-1])} or {known[-1]}."
