"""Metric math: expressions over series, with CloudWatch's rules of missing data.

Source: user guide, page using-metric-math. The grammar is loaded on first use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.math_arrays import BY_ROW
from stratsim.cloudwatch.math_clock import CLOCK
from stratsim.cloudwatch.math_nodes import Call, Context, Kind, Metrics, Node, Reference
from stratsim.cloudwatch.math_types import with_parts
from stratsim.cloudwatch.syntax import ColumnError
from stratsim.errors import InputError, Problem, shorten, unknown_name

# Ten expressions that each name another a thousand times would never end.
LARGEST_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    ``ids`` are the Ids it names, in the order of first use; ``functions`` are the
    names of what it calls; ``uses_metrics`` tells whether it also reads whatever
    ``METRICS()`` finds. ``size`` counts the nodes of its tree.
    """

    text: str
    root: Node
    ids: tuple[str, ...]
    functions: frozenset[str]
    uses_metrics: bool
    size: int

    @property
    def is_series(self) -> bool:
        """Whether it yields one series, as an alarm wants, and no number or array."""
        return self.root.kind is Kind.SERIES

    @property
    def reads_clock(self) -> bool:
        """Whether it needs to know when its datapoints are, as HOUR does."""
        return not self.functions.isdisjoint(CLOCK)

    def evaluate(
        self,
        series: Mapping[str, NDArray[np.float64]],
        period_s: float = 60.0,
        metrics: Sequence[str] | None = None,
        starts_s: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the result as a series.

        Parameters
        ----------
        series
            Per Id an array ``(..., T)``, NaN where there is no datapoint.
        period_s
            Seconds between two datapoints.
        metrics
            The Ids that ``METRICS()`` means; all of `series` when not given.
        starts_s
            When each datapoint's period begins, ``(T,)``, in seconds since 1970
            UTC, for functions that read the clock.
        """
        shape = next((values.shape for values in series.values()), (1,))
        if len(shape) > 1 and not self.functions.isdisjoint(BY_ROW):
            return self._row_by_row(series, shape, period_s, metrics, starts_s)
        names = tuple(series) if metrics is None else metrics
        context = Context(series, period_s, names, shape, starts_s)
        try:
            with np.errstate(all="ignore"):  # dropped points are what the rules are about
                result = self.root.evaluate(context)
        except KeyError as error:
            raise InputError([unknown_name("expression", str(error.args[0]), series)]) from None
        if self.root.kind is Kind.ARRAY:
            got = f"an array from {shorten(self.text)}"
            raise InputError([Problem("expression", "one series", got)])
        return result if self.is_series else np.broadcast_to(result, shape).astype(np.float64)

    def _row_by_row(
        self, series: Mapping[str, NDArray[np.float64]], shape: tuple[int, ...], *rest: Any
    ) -> NDArray[np.float64]:
        result = np.empty(shape)
        for row in np.ndindex(shape[:-1]):
            result[row] = self.evaluate({name: one[row] for name, one in series.items()}, *rest)
        return result


def compile_expression(text: str, where: str = "expression") -> Expression:
    """Return the compiled expression.

    Raises
    ------
    InputError
        Names `where` and the column of what cannot stand there.
    """
    if not 1 <= len(text) <= limits.EXPRESSION_LENGTH:
        rule = f"1 to {limits.EXPRESSION_LENGTH} characters long"
        raise InputError([Problem(where, rule, f"{len(text)} characters")])
    try:
        return _compile(text)
    except ColumnError as error:
        raise error.located(where) from None


@lru_cache(maxsize=512)
def _compile(text: str) -> Expression:
    from stratsim.cloudwatch.math_grammar import parse

    return _of(text, parse(text))


def inlined(
    expression: Expression, others: Mapping[str, Expression], where: str = "expression"
) -> Expression:
    """Return `expression` with the Ids of `others` replaced by what they stand for.

    A number that is an expression of its own must not become a series on the
    way: a number makes no datapoint, a series does.
    """
    if not any(name in others for name in expression.ids):
        return expression
    size = sum(
        others[node.name].size if isinstance(node, Reference) and node.name in others else 1
        for node in expression.root.walk()
    )
    if size > LARGEST_SIZE:
        rule = f"at most {LARGEST_SIZE} operands once every Id stands for its expression"
        raise InputError([Problem(where, rule, str(size))])
    try:
        return _of(expression.text, _inlined(expression.root, others))
    except ColumnError as error:
        raise error.located(where) from None


def _inlined(node: Node, others: Mapping[str, Expression]) -> Node:
    if isinstance(node, Reference):
        return others[node.name].root if node.name in others else node
    if not node.parts:
        return node
    return with_parts(node, tuple(_inlined(part, others) for part in node.parts))


def _of(text: str, root: Node) -> Expression:
    nodes = list(root.walk())
    names = dict.fromkeys(node.name for node in nodes if isinstance(node, Reference))
    functions = frozenset(node.name for node in nodes if isinstance(node, Call))
    uses_metrics = any(isinstance(node, Metrics) for node in nodes)
    return Expression(text, root, tuple(names), functions, uses_metrics, len(nodes))
