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

    SCALAR = 0
    SERIES = 1
    ARRAY = 2


@dataclass(frozen=True, slots=True)
class Context:
    """What an expression is evaluated with."""

    series: Mapping[str, Series]
    period_s: float
    metrics: Sequence[str]
    shape: tuple[int, ...]


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
    """``[m1, m2]``: an array written out."""

    def evaluate(self, context: Context) -> Value:
        """Return the series in the order written."""
        return tuple(part.evaluate(context) for part in self.parts)


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
    """A function of values; ``words`` are the arguments that are no values."""

    name: str
    words: tuple[str, ...]
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
    function, watched = _OPERATORS[symbol]
    if not watched:
        result = function(left, right)
        # A missing operand or a division by zero shows; else all is said.
        if np.isfinite(result).all():
            return result
    if left_kind is right_kind is Kind.SERIES:
        return _between_series(function, left, right)
    missing = np.isnan(left) | np.isnan(right)
    return _storable(np.where(missing, np.nan, function(left, right)))


def _between_series(function: Callable[..., Value], left: Series, right: Series) -> Series:
    no_left, no_right = np.isnan(left), np.isnan(right)
    result = function(np.where(no_left, 0.0, left), np.where(no_right, 0.0, right))
    return _storable(np.where(no_left & no_right, np.nan, result))


def _storable(result: Value) -> Series:
    stored: Series = np.where(np.isfinite(result), result, np.nan)
    return stored


def _truth(function: Callable[..., Value]) -> Callable[..., Value]:
    return lambda left, right: np.asarray(function(left, right), np.float64)


def _divide(left: Value, right: Value) -> Value:
    return np.divide(left, right)  # two literals too: no ZeroDivisionError


def _power(left: Value, right: Value) -> Value:
    return np.power(np.asarray(left, np.float64), right)


# Operator -> function, and whether it hides a missing operand (a comparison
# with NaN is false, NaN to the power of 0 is 1), so that it must be looked for.
_OPERATORS: dict[str, tuple[Callable[..., Value], bool]] = {
    "+": (operator.add, False),
    "-": (operator.sub, False),
    "*": (operator.mul, False),
    "/": (_divide, False),
    "^": (_power, True),
    "==": (_truth(operator.eq), True),
    "!=": (_truth(operator.ne), True),
    "<": (_truth(operator.lt), True),
    "<=": (_truth(operator.le), True),
    ">": (_truth(operator.gt), True),
    ">=": (_truth(operator.ge), True),
    "AND": (_truth(lambda left, right: (left != 0) & (right != 0)), True),
    "OR": (_truth(lambda left, right: (left != 0) | (right != 0)), True),
}
