"""The syntax tree of metric math, and how its nodes meet missing data.

A value is a scalar (one number, or one per row), a series ``(..., T)`` with NaN
for a missing datapoint, or an array of series; which of them is known before
anything is evaluated. Source: user guide, page using-metric-math. Decided here:

- a scalar makes no datapoint: ``100*e`` and ``r >= 50`` are missing where the
  series is (the page has a missing operand count as 0 between two series);
- two missing operands make no datapoint;
- what CloudWatch cannot store (infinity, no number) is no datapoint.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Series: TypeAlias = NDArray[np.float64]
# A float, a Series or a tuple of Series: `Kind` says which, once per node.
Value: TypeAlias = Any


class Kind(IntEnum):
    """What a node yields; of two operands the larger kind wins."""

    WORD = -1  # a name such as DESC that a function takes; no value
    SCALAR = 0
    SERIES = 1
    ARRAY = 2


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression is evaluated with.

    ``starts_s`` is when each datapoint's period begins, in seconds since 1970 UTC;
    None where nobody knows.
    """

    series: Mapping[str, Series]
    period_s: float
    metrics: Sequence[str]
    shape: tuple[int, ...]
    starts_s: Series | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """Any node; ``depth`` counts its levels, ``parts`` are the nodes below."""

    kind: Kind
    depth: int
    parts: tuple["Node", ...]

    def evaluate(self, context: Context) -> Value:
        """Return the node's value."""
        raise NotImplementedError

    def walk(self) -> Iterator["Node"]:
        """Iterate over the node and all nodes below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A literal."""

    value: float

    def evaluate(self, context: Context) -> Value:
        """Return the literal."""
        return self.value


@dataclass(frozen=True, slots=True)
class Word(Node):
    """A name that a function takes as an argument."""

    text: str

    def evaluate(self, context: Context) -> Value:
        """Return the name."""
        return self.text


@dataclass(frozen=True, slots=True)
class Reference(Node):
    """The series of an Id."""

    name: str

    def evaluate(self, context: Context) -> Value:
        """Return the series."""
        return context.series[self.name]


@dataclass(frozen=True, slots=True)
class Metrics(Node):
    """``METRICS()``: every series of the request whose Id contains a text."""

    text: str

    def evaluate(self, context: Context) -> Value:
        """Return the series, in the order of the request."""
        return tuple(context.series[name] for name in context.metrics if self.text in name)


@dataclass(frozen=True, slots=True)
class Collected(Node):
    """``[m1, METRICS("5xx")]``: an array written out, of series and of arrays of them."""

    def evaluate(self, context: Context) -> Value:
        """Return the series in the order written."""
        found: list[Series] = []
        for part in self.parts:
            value = part.evaluate(context)
            found.extend(value if part.kind is Kind.ARRAY else (value,))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Operands of one precedence level, worked off from left to right."""

    operators: tuple[str, ...]

    def evaluate(self, context: Context) -> Value:
        """Return the value of the chain."""
        left, kind = self.parts[0].evaluate(context), self.parts[0].kind
        for symbol, part in zip(self.operators, self.parts[1:], strict=True):
            left = _apply(symbol, left, kind, part.evaluate(context), part.kind)
            kind = max(kind, part.kind)
        return left


@dataclass(frozen=True, slots=True)
class Negative(Node):
    """A leading minus."""

    def evaluate(self, context: Context) -> Value:
        """Return the value with its sign turned."""
        value = self.parts[0].evaluate(context)
        return tuple(-one for one in value) if self.kind is Kind.ARRAY else -value


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of its arguments."""

    name: str
    function: Callable[..., Value]

    def evaluate(self, context: Context) -> Value:
        """Return what the function makes of its arguments."""
        values = [part.evaluate(context) for part in self.parts]
        return self.function(context, self, *values)


def _apply(symbol: str, left: Value, left_kind: Kind, right: Value, right_kind: Kind) -> Value:
    """Apply a binary operator; with an array it is applied to each series."""
    if left_kind is Kind.ARRAY:
        return tuple(_apply(symbol, one, Kind.SERIES, right, right_kind) for one in left)
    if right_kind is Kind.ARRAY:
        return tuple(_apply(symbol, left, left_kind, one, Kind.SERIES) for one in right)
    both = left_kind is right_kind is Kind.SERIES
    logical = _LOGIC.get(symbol)
    if logical is not None:
        return _decide(logical, left, right) if both else _decide_with_scalar(logical, left, right)
    function = _ARITHMETIC[symbol]
    result = function(left, right)
    # A missing operand and a division by zero show in the result; else all is
    # said. A power hides them: whatever to the power of 0 is 1.
    if symbol != "^" and np.isfinite(result).all():
        return result
    return _between_series(function, left, right) if both else _between(result, left, right)


def _between_series(function: Callable[..., Value], left: Series, right: Series) -> Series:
    """A missing operand counts as 0; two of them make no datapoint."""
    no_left, no_right = np.isnan(left), np.isnan(right)
    result = function(np.where(no_left, 0.0, left), np.where(no_right, 0.0, right))
    return np.where(np.isfinite(result) & ~(no_left & no_right), result, np.nan)


def _between(result: Value, left: Value, right: Value) -> Series:
    """A scalar makes no datapoint where the series has none."""
    return np.where(np.isfinite(result) & ~np.isnan(left) & ~np.isnan(right), result, np.nan)


def _decide(function: Callable[..., Value], left: Series, right: Series) -> Series:
    no_left, no_right = np.isnan(left), np.isnan(right)
    result = function(np.where(no_left, 0.0, left), np.where(no_right, 0.0, right))
    return np.where(no_left & no_right, np.nan, result)


def _decide_with_scalar(function: Callable[..., Value], left: Value, right: Value) -> Series:
    return np.where(np.isnan(left) | np.isnan(right), np.nan, function(left, right))


_ARITHMETIC: dict[str, Callable[..., Value]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": np.divide,  # two literals too: no ZeroDivisionError
    "^": lambda left, right: np.power(np.asarray(left, np.float64), right),
}
_LOGIC: dict[str, Callable[..., Value]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "AND": np.logical_and,
    "OR": np.logical_or,
}
