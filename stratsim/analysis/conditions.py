"""Conditions of Argo's AnalysisTemplates: ``result[0] >= 0.95 || isNaN(result[0])``.

The part of the expression language that judges one number: comparisons, ``&&``,
``||``, ``!``, arithmetic, and the functions below. A query returns a list of one
number, or an empty one where there is no data; ``result`` is that number where it
is used like one.
"""

import math
import operator
import re
from collections.abc import Callable
from functools import lru_cache

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!()\[\],]))"
)
_WORDS = {"and": "&&", "or": "||", "not": "!"}
_LEVELS: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<=": operator.le,
        ">=": operator.ge,
        "<": operator.lt,
        ">": operator.gt,
    },
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv, "%": math.fmod},
)
"""Operators from loose to tight; ``||`` and ``&&`` are looser than all of them."""

Result = float | None
Value = Callable[[Result], float]
FUNCTIONS = ("asFloat", "asInt", "default", "isInf", "isNaN", "len")


class ConditionError(ValueError):
    """A condition cannot be read, or cannot be judged on this result."""


def holds(text: str, result: Result) -> bool:
    """Return whether the condition `text` holds for `result`, None where there is no data.

    Raises
    ------
    ConditionError
        Where it asks for a value that is not there.
    """
    try:
        return bool(compile_condition(text)(result))
    except ConditionError:
        raise
    except (ArithmeticError, ValueError) as error:  # a division by zero, asInt of NaN
        msg = f"{text!r} has no value: {error}"
        raise ConditionError(msg) from None


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


def _number(result: Result) -> float:
    if result is None:
        msg = "the query found no data"
        raise ConditionError(msg)
    return result


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
            inner = self.unary()
            return lambda result: not inner(result)
        if self._take("-"):
            inner = self.unary()
            return lambda result: -inner(result)
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
            number = float(token)
            return lambda _: number
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
        return _number

    def call(self, name: str) -> Value:
        self._need("(")
        if name == "len":
            if not self._take("result"):
                msg = "len is known of result only"
                raise ConditionError(msg)
            self._need(")")
            return lambda result: float(result is not None)
        inner = self.either()
        other: Value = inner
        if name == "default":
            self._need(",")
            other = self.either()
        self._need(")")
        return _called(name, inner, other)


def _called(name: str, inner: Value, other: Value) -> Value:
    if name == "isNaN":
        return lambda result: math.isnan(inner(result))
    if name == "isInf":
        return lambda result: math.isinf(inner(result))
    if name == "default":
        return lambda result: other(result) if result is None else inner(result)
    if name == "asInt":
        return lambda result: float(int(inner(result)))
    return inner


def _or(left: Value, right: Value) -> Value:
    return lambda result: bool(left(result)) or bool(right(result))


def _and(left: Value, right: Value) -> Value:
    return lambda result: bool(left(result)) and bool(right(result))


def _binary(act: Callable[[float, float], float], left: Value, right: Value) -> Value:
    return lambda result: act(left(result), right(result))
