"""Reading one AWS mapping: typed getters that gather every problem."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite

from stratsim.cloudwatch import limits
from stratsim.errors import Problem, shorten, unknown_name


class Reader:
    """Typed access to one mapping; what is wrong goes to `problems`.

    A getter returns ``None`` both for an absent key and for an unusable one:
    the caller goes on, and the whole document is judged at once.
    """

    def __init__(self, mapping: Mapping[str, object], where: str, problems: list[Problem]) -> None:
        self.mapping = mapping
        self.where = where
        self.problems = problems

    def refuse(self, key: str, rule: str, got: object, hint: str = "") -> None:
        """Note that the value of `key` breaks `rule`; `got` is printed as it is."""
        where = f"{self.where}.{key}" if key else self.where
        self.problems.append(Problem(where, rule, str(got), hint))

    def has(self, key: str) -> bool:
        """Whether `key` says something; null and an empty list do not."""
        return self.mapping.get(key) not in (None, [], ())

    def check_keys(self, known: Iterable[str], silent: Iterable[str] = ()) -> None:
        """Refuse keys that are neither `known` nor `silent`, nearest name first."""
        names = tuple(known)
        for key in self.mapping:
            if key in names or key in silent:
                continue
            problem = unknown_name(f"{self.where}.{key}", str(key), names)
            self.problems.append(Problem(problem.where, "a known key", problem.got, problem.hint))

    def require(self, key: str, hint: str = "") -> bool:
        """Refuse an absent `key`; returns whether it is there."""
        if not self.has(key):
            self.refuse(key, "given", "nothing", hint)
            return False
        return True

    def text(self, key: str, *, low: int = 1, high: int = limits.NAME_LENGTH) -> str | None:
        """Return the text of `key` when its length is lawful."""
        value = self.mapping.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(key, "a text", shorten(value))
        elif not low <= len(value) <= high:
            self.refuse(key, f"{low} to {high} characters long", f"{len(value)} characters")
        else:
            return value
        return None

    def choice(self, key: str, choices: Sequence[str], hint: str = "") -> str | None:
        """Return the text of `key` when it is one of `choices`."""
        value = self.mapping.get(key)
        if value is None:
            return None
        if isinstance(value, str) and value in choices:
            return value
        problem = unknown_name(f"{self.where}.{key}", str(value), choices)
        self.refuse(key, problem.rule, shorten(value), problem.hint or hint)
        return None

    def integer(self, key: str, low: int = 1) -> int | None:
        """Return the whole number of `key` when it is at least `low`."""
        value = self.mapping.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            self.refuse(key, f"a whole number of at least {low}", shorten(value))
            return None
        return value

    def number(self, key: str) -> float | None:
        """Return the number of `key` when CloudWatch can store it."""
        value = self.mapping.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, "a number", shorten(value))
        elif not (isfinite_number(value) and abs(value) <= limits.LARGEST_VALUE):
            self.refuse(key, "a finite number within +-2^360", shorten(value))
        else:
            return float(value)
        return None

    def flag(self, key: str) -> bool | None:
        """Return the truth value of `key`."""
        value = self.mapping.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.refuse(key, "true or false", shorten(value))
        return None

    def texts(self, key: str, *, most: int, high: int) -> tuple[str, ...]:
        """Return the list of texts of `key`."""
        found = self.items(key, most)
        for index, item in enumerate(found):
            if not isinstance(item, str) or not 1 <= len(item) <= high:
                self.refuse(f"{key}.{index}", f"a text of 1 to {high} characters", shorten(item))
        return tuple(item for item in found if isinstance(item, str))

    def items(self, key: str, most: int) -> Sequence[object]:
        """Return the list of `key` when it is not longer than `most`."""
        value = self.mapping.get(key)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            self.refuse(key, "a list", shorten(value))
            return ()
        if len(value) > most:
            self.refuse(key, f"a list of at most {most}", f"{len(value)} entries")
            return ()
        return value

    def inner(self, key: str, value: object) -> "Reader | None":
        """Return a reader of the mapping `value` that stands at `key`."""
        if isinstance(value, Mapping):
            return Reader(value, f"{self.where}.{key}", self.problems)
        self.refuse(key, "a mapping", shorten(value))
        return None

    def each(self, key: str, most: int) -> Iterable[tuple[int, "Reader"]]:
        """Iterate over the readers of a list of mappings, with their index."""
        for index, item in enumerate(self.items(key, most)):
            reader = self.inner(f"{key}.{index}", item)
            if reader is not None:
                yield index, reader


def isfinite_number(value: float) -> bool:
    """Whether `value` is finite; integers too large for a float are not."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def checked(reader: Reader, key: str, check: Callable[[str], bool], rule: str) -> None:
    """Refuse the text of `key` where `check` does not hold."""
    value = reader.mapping.get(key)
    if isinstance(value, str) and value and not check(value):
        reader.refuse(key, rule, shorten(value))
