"""The grammar of metric math: from text to a typed tree.

The parser is LALR and builds the tree from the leaves up, without recursion, so
no text can exhaust the stack; `DEPTH` then bounds the tree itself. Operators of
one level form one flat node, so a long sum is not a deep one.

Precedence, tightest first: ``^``, sign, ``* /``, ``+ -``, comparison, AND, OR.
AWS documents the operators but not their precedence; this is the usual one.
"""

from functools import lru_cache
from math import isfinite
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken

from stratsim.cloudwatch.math_functions import FUNCTIONS, REFUSED
from stratsim.cloudwatch.math_nodes import (
    Call,
    Chain,
    Collected,
    Kind,
    Metrics,
    Negative,
    Node,
    Number,
    Reference,
)
from stratsim.cloudwatch.syntax import ColumnError, unexpected
from stratsim.errors import unknown_name

RULE = "a metric math expression"
DEPTH = 64  # levels of nesting; AWS bounds the length only

GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction
     | conjunction (OR conjunction)+  -> chain
?conjunction: comparison
     | comparison (AND comparison)+  -> chain
?comparison: sum
     | sum (COMPARE sum)+  -> chain
?sum: product
     | product (SIGN product)+  -> chain
?product: signed
     | signed (FACTOR signed)+  -> chain
?signed: SIGN signed                           -> sign
       | power
?power: atom
     | atom POWER signed  -> chain
?atom: NUMBER                                  -> number
     | ID                                      -> reference
     | NAME "(" [arguments] ")"                -> call
     | "[" arguments "]"                       -> collected
     | "(" disjunction ")"
arguments: argument ("," argument)*
?argument: disjunction | WORD | TEXT

OR: /OR(?![A-Za-z0-9_])|\|\|/
AND: /AND(?![A-Za-z0-9_])|&&/
COMPARE: /[<>]=?|==|!=/
SIGN: /[+-]/
FACTOR: /[*\/]/
POWER: "^"
NUMBER: /([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?/
ID: /[a-z][A-Za-z0-9_]*/
WORD.2: /(REPEAT|LINEAR)(?![A-Za-z0-9_])/
NAME: /[A-Z][A-Z0-9_]*/
TEXT: /"[^"]*"|'[^']*'/
%ignore /[ \t\r\n]+/
"""

# How a message names what could have stood at a place.
_WORDS = {
    "NUMBER": "a number",
    "ID": "an Id",
    "NAME": "a function",
    "LPAR": "(",
    "LSQB": "[",
    "RPAR": ")",
    "RSQB": "]",
    "COMMA": ",",
    "SIGN": "+ or -",
    "FACTOR": "* or /",
    "POWER": "^",
    "COMPARE": "a comparison",
    "AND": "AND",
    "OR": "OR",
    "TEXT": "a text",
    "WORD": "REPEAT or LINEAR",
    "$END": "the end",
}
_KIND_WORDS = {Kind.SCALAR: "a number", Kind.SERIES: "a series", Kind.ARRAY: "an array of series"}


class _Builder(Transformer[Token, Node]):
    """Builds and types the tree; called from the leaves up."""

    def chain(self, items: list[Any]) -> Node:
        operands, symbols = items[0::2], tuple(_symbol(token) for token in items[1::2])
        arrays = [node for node in operands if node.kind is Kind.ARRAY]
        if len(arrays) > 1:
            hint = "Aggregate them first, as in SUM(METRICS())."
            got = f"two arrays around {items[1].value!r}"
            raise ColumnError(
                rule="an operation with at most one array",
                got=got,
                column=items[1].column,
                hint=hint,
            )
        kind = max(node.kind for node in operands)
        return Chain(kind, _depth(operands, items[1]), tuple(operands), symbols)

    def sign(self, items: list[Any]) -> Node:
        token, node = items
        if token == "+":
            return node  # type: ignore[no-any-return]
        return Negative(node.kind, _depth([node], token), (node,))

    def number(self, items: list[Any]) -> Node:
        value = float(items[0])
        if not isfinite(value):
            raise ColumnError(
                rule="a finite number", got=repr(str(items[0])), column=items[0].column
            )
        return Number(Kind.SCALAR, 1, (), value)

    def reference(self, items: list[Any]) -> Node:
        return Reference(Kind.SERIES, 1, (), str(items[0]))

    def collected(self, items: list[Any]) -> Node:
        for item in items[0]:
            if not isinstance(item, Node) or item.kind is not Kind.SERIES:
                raise ColumnError(
                    rule="an array of series", got=_describe(item), column=_column(item)
                )
        return Collected(Kind.ARRAY, _depth(items[0], None), tuple(items[0]))

    def arguments(self, items: list[Any]) -> list[Any]:
        return items

    def call(self, items: list[Any]) -> Node:
        name, arguments = items[0], items[1] or []
        if name == "METRICS":
            return _metrics(name, arguments)
        return _call(name, arguments)


def _symbol(token: Token) -> str:
    return {"&&": "AND", "||": "OR"}.get(token.value, str(token.value))


def _depth(nodes: list[Node], token: Token | None) -> int:
    depth = 1 + max((node.depth for node in nodes), default=0)
    if depth > DEPTH:
        column = token.column if token is not None and token.column else 1
        raise ColumnError(rule=f"nested at most {DEPTH} levels deep", got="more", column=column)
    return depth


def _column(item: object) -> int:
    return item.column or 1 if isinstance(item, Token) else 1


def _describe(item: object) -> str:
    return _KIND_WORDS[item.kind] if isinstance(item, Node) else repr(str(item))


def _metrics(name: Token, arguments: list[Any]) -> Node:
    if not arguments:
        return Metrics(Kind.ARRAY, 1, (), "")
    first = arguments[0]
    if len(arguments) == 1 and isinstance(first, Token) and first.type == "TEXT":
        return Metrics(Kind.ARRAY, 1, (), first.value[1:-1])
    raise ColumnError(
        rule='METRICS() or METRICS("text")', got=_describe(first), column=name.column or 1
    )


def _call(name: Token, arguments: list[Any]) -> Node:
    column = name.column or 1
    function = FUNCTIONS.get(name)
    if function is None:
        known = unknown_name("", str(name), [*FUNCTIONS, "METRICS"])
        hint = REFUSED.get(name, known.hint)
        raise ColumnError(
            rule="a function that an alarm can use", got=repr(str(name)), column=column, hint=hint
        )
    most, least = len(function.takes), len(function.takes) - function.optional
    if not least <= len(arguments) <= most:
        count = f"{least} or {most}" if function.optional else str(most)
        rule = f"{name} with {count} argument{'s' if most > 1 else ''}"
        raise ColumnError(rule=rule, got=str(len(arguments)), column=column)
    words = tuple(str(item) for item in arguments[-1:] if item in function.words)
    nodes = arguments[:-1] if words else arguments
    for place, (node, kinds) in enumerate(zip(nodes, function.takes, strict=False), start=1):
        if not isinstance(node, Node) or node.kind not in kinds:
            wanted = " or ".join(_KIND_WORDS[kind] for kind in sorted(kinds))
            raise ColumnError(
                rule=f"{name} with {wanted} as argument {place}", got=_describe(node), column=column
            )
    kind = function.yields(*(node.kind for node in nodes))
    depth = _depth(nodes, name)
    return Call(kind, depth, tuple(nodes), str(name), words, function.compute)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=True)


def parse(text: str) -> Node:
    """Return the tree of `text`; raises `ColumnError`."""
    try:
        return _parser().parse(text)  # type: ignore[return-value]
    except UnexpectedInput as error:
        raise unexpected(text, error, RULE, _WORDS, _hint(error)) from None


def _hint(error: UnexpectedInput) -> str:
    """A bracket after an Id is a function in lower case, or a product."""
    if isinstance(error, UnexpectedToken) and error.token == "(":
        return "Names of functions are upper case, and * is written out."
    return ""
