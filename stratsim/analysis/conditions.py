"""Conditions of Argo's AnalysisTemplates: ``result[0] >= 0.95 || isNaN(result[0])``.

The part of the expression language that judges one number: comparisons, ``&&``,
``||``, ``!``, arithmetic, and the functions below. A query returns a list of one
number, or an empty one where there is no data; ``result`` is that number where it
is used like one. Conditions are judged on arrays of such numbers at once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!()\[\],]))"
)
_WORDS = {"and": "&&", "or": "||", "not": "!"}
Operator = Callable[[Floats, Floats], NDArray[np.generic]]
_LEVELS: tuple[dict[str, Operator], ...] = (
    {
        "==": np.equal,
        "!=": np.not_equal,
        "<=": np.less_equal,
        ">=": np.greater_equal,
        "<": np.less,
        ">": np.greater,
    },
    {"+": np.add, "-": np.subtract},
    {"*": np.multiply, "/": np.divide, "%": np.fmod},
)
"""Operators from loose to tight; ``||`` and ``&&`` are looser than all of them."""

FUNCTIONS = ("asFloat", "asInt", "default", "isInf", "isNaN", "len")


@dataclass(frozen=True, slots=True)
class Answer:
    """Numbers, and where there is none: the query found nothing, or they cannot be judged."""

    values: Floats
    wrong: Flags

    @property
    def true(self) -> Flags:
        """Where the number counts as true."""
        return np.asarray(self.values != 0)


Value = Callable[[Answer], Answer]


class ConditionError(ValueError):
    """A condition cannot be read, or cannot be judged on this result."""


def holds(text: str, result: float | None) -> bool:
    """Return whether the condition `text` holds for `result`, None where there is no data.

    Raises
    ------
    ConditionError
        Where it asks for a value that is not there.
    """
    found = np.array([np.nan if result is None else result])
    true, wrong = hold(text, found, np.array([result is None]))
    if wrong[0]:
        why = "the query found no data" if result is None else f"{text!r} has no value at {result}"
        raise ConditionError(why)
    return bool(true[0])


def hold(text: str, results: Floats, lacking: Flags) -> tuple[Flags, Flags]:
    """Return where the condition holds, and where it asks for a value that is not there.

    Parameters
    ----------
    text
        The condition.
    results
        The numbers to judge, (n,).
    lacking
        Where the query found no data, (n,).
    """
    with np.errstate(all="ignore"):
        answer = compile_condition(text)(Answer(results, lacking))
    return answer.true & ~answer.wrong, answer.wrong


@lru_cache(maxsize=256)
def compile_condition(text: str) -> Value:
    """Return the condition as a function of the result.

    Raises
    ------
    ConditionError
        Where `text` is not a condition that can be judged on one number.
    """
    reader = _Reader(_tokens(text))
    value = reader.either()
    if reader.tokens:
        msg = f"nothing more is expected at {reader.tokens[0]!r}"
        raise ConditionError(msg)
    return value


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            msg = f"{text[at : at + 10]!r} cannot be read"
            raise ConditionError(msg)
        token = match.group().strip()
        found.append(_WORDS.get(token, token))
        at = match.end()
    return found


class _Reader:
    """Reads tokens from the left; every method returns what it has read as a function."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def _take(self, *wanted: str) -> str:
        if self.tokens and self.tokens[0] in wanted:
            return self.tokens.pop(0)
        return ""

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            got = repr(self.tokens[0]) if self.tokens else "the end"
            msg = f"{sign!r} is expected, but there is {got}"
            raise ConditionError(msg)

    def either(self) -> Value:
        left = self.both()
        while self._take("||"):
            left = _or(left, self.both())
        return left

    def both(self) -> Value:
        left = self.level(0)
        while self._take("&&"):
            left = _and(left, self.level(0))
        return left

    def level(self, depth: int) -> Value:
        if depth == len(_LEVELS):
            return self.unary()
        left = self.level(depth + 1)
        while sign := self._take(*_LEVELS[depth]):
            left = _binary(_LEVELS[depth][sign], left, self.level(depth + 1))
        return left

    def unary(self) -> Value:
        if self._take("!"):
            return _each(self.unary(), lambda values: values == 0)
        if self._take("-"):
            return _each(self.unary(), np.negative)
        if self._take("("):
            inner = self.either()
            self._need(")")
            return inner
        return self.atom()

    def atom(self) -> Value:
        if not self.tokens:
            msg = "a value is expected at the end"
            raise ConditionError(msg)
        token = self.tokens.pop(0)
        if token[0].isdigit() or token[0] == ".":
            return _constant(float(token))
        if token == "result":
            return self.result()
        if token in FUNCTIONS:
            return self.call(token)
        msg = f"{token!r} is not known; there are result, {', '.join(FUNCTIONS)}"
        raise ConditionError(msg)

    def result(self) -> Value:
        if self._take("["):
            if self._take("0") != "0":
                msg = "result holds one number, result[0]"
                raise ConditionError(msg)
            self._need("]")
        return lambda result: result

    def call(self, name: str) -> Value:
        self._need("(")
        if name == "len":
            if not self._take("result"):
                msg = "len is known of result only"
                raise ConditionError(msg)
            self._need(")")
            return _length
        inner = self.either()
        other: Value = inner
        if name == "default":
            self._need(",")
            other = self.either()
        self._need(")")
        return _called(name, inner, other)


def _answer(values: NDArray[np.generic], *wrong: Flags) -> Answer:
    return Answer(np.asarray(values, dtype=np.float64), np.logical_or.reduce(wrong))


def _constant(number: float) -> Value:
    def value(result: Answer) -> Answer:
        return Answer(np.full_like(result.values, number), np.zeros_like(result.wrong))

    return value


def _length(result: Answer) -> Answer:
    return _answer(~result.wrong, np.zeros_like(result.wrong))


def _each(inner: Value, act: Callable[[Floats], NDArray[np.generic]]) -> Value:
    def value(result: Answer) -> Answer:
        found = inner(result)
        return _answer(act(found.values), found.wrong)

    return value


def _called(name: str, inner: Value, other: Value) -> Value:
    if name == "isNaN":
        return _each(inner, np.isnan)
    if name == "isInf":
        return _each(inner, np.isinf)
    if name == "default":
        return _default(inner, other)
    return _whole(inner) if name == "asInt" else inner


def _default(inner: Value, other: Value) -> Value:
    def value(result: Answer) -> Answer:
        found, instead = inner(result), other(result)
        values = np.where(result.wrong, instead.values, found.values)
        return _answer(values, np.where(result.wrong, instead.wrong, found.wrong))

    return value


def _whole(inner: Value) -> Value:
    def value(result: Answer) -> Answer:
        found = inner(result)
        return _answer(np.trunc(found.values), found.wrong, ~np.isfinite(found.values))

    return value


def _or(left: Value, right: Value) -> Value:
    def value(result: Answer) -> Answer:
        one, two = left(result), right(result)
        return _answer(one.true | two.true, one.wrong, ~one.true & two.wrong)

    return value


def _and(left: Value, right: Value) -> Value:
    def value(result: Answer) -> Answer:
        one, two = left(result), right(result)
        return _answer(one.true & two.true, one.wrong, one.true & two.wrong)

    return value


def _binary(act: Operator, left: Value, right: Value) -> Value:
    divides = act in (np.divide, np.fmod)

    def value(result: Answer) -> Answer:
        one, two = left(result), right(result)
        nothing = np.asarray(two.values == 0) & divides
        return _answer(act(one.values, two.values), one.wrong, two.wrong, nothing)

    return value
