"""The grammar of metric math: from text to a typed tree.

The parser is LALR and builds the tree from the leaves up, without recursion, so
no text can exhaust the stack; `math_types.DEPTH` then bounds the tree itself. Operators of
one level form one flat node, so a long sum is not a deep one.

Precedence, tightest first: ``^``, sign, ``* /``, ``+ -``, comparison, AND, OR.
AWS documents the operators but not their precedence; this is the usual one.
"""

from functools import lru_cache
from math import isfinite
from typing import Any, cast

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
    Word,
)
from stratsim.cloudwatch.math_types import (
    call_kind,
    chain_kind,
    collected_kind,
    depth_above,
    describe,
)
from stratsim.cloudwatch.syntax import ColumnError, unexpected
from stratsim.errors import unknown_name

RULE = "a metric math expression"

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
     | LSQB arguments "]"                       -> collected
     | "(" disjunction ")"
arguments: argument ("," argument)*
?argument: disjunction | TEXT
         | NAME                                -> word

OR: /OR(?![A-Za-z0-9_])|\|\|/
AND: /AND(?![A-Za-z0-9_])|&&/
COMPARE: /[<>]=?|==|!=/
SIGN: /[+-]/
FACTOR: /[*\/]/
POWER: "^"
LSQB: "["
NUMBER: /([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?/
ID: /[a-z][A-Za-z0-9_]*/
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
    "$END": "the end",
}


class _Builder(Transformer[Token, Node]):
    """Builds and types the tree; called from the leaves up."""

    def chain(self, items: list[Any]) -> Node:
        parts, symbols = tuple(items[0::2]), tuple(_symbol(token) for token in items[1::2])
        at = items[1].start_pos
        return Chain(chain_kind(parts, at), depth_above(parts, at), parts, symbols)

    def sign(self, items: list[Any]) -> Node:
        token: Token = items[0]
        node: Node = items[1]
        if token == "+":
            return node
        return Negative(node.kind, depth_above([node], token.start_pos), (node,))

    def number(self, items: list[Token]) -> Node:
        value = float(items[0])
        if not isfinite(value):
            got = repr(str(items[0]))
            raise ColumnError(rule="a finite number", got=got, at=items[0].start_pos)
        return Number(Kind.SCALAR, 1, (), value)

    def reference(self, items: list[Token]) -> Node:
        return Reference(Kind.SERIES, 1, (), str(items[0]))

    def word(self, items: list[Token]) -> Node:
        return Word(Kind.WORD, 1, (), str(items[0]))

    def collected(self, items: list[Any]) -> Node:
        bracket, parts = items
        at = bracket.start_pos
        return Collected(collected_kind(parts, at), depth_above(parts, at), tuple(parts))

    def arguments(self, items: list[Any]) -> list[Any]:
        return items

    def call(self, items: list[Any]) -> Node:
        name, arguments = items[0], items[1] or []
        return (_metrics if name == "METRICS" else _call)(name, arguments)


def _symbol(token: Token) -> str:
    return {"&&": "AND", "||": "OR"}.get(token.value, str(token.value))


def _metrics(name: Token, arguments: list[Any]) -> Node:
    if not arguments:
        return Metrics(Kind.ARRAY, 1, (), "")
    first = arguments[0]
    if len(arguments) == 1 and isinstance(first, Token) and first.type == "TEXT":
        return Metrics(Kind.ARRAY, 1, (), first.value[1:-1])
    rule = 'METRICS() or METRICS("text")'
    raise ColumnError(rule=rule, got=describe(first), at=name.start_pos)


def _call(name: Token, arguments: list[Any]) -> Node:
    at, function = name.start_pos, FUNCTIONS.get(name)
    if function is None:
        near = unknown_name("", str(name), [*FUNCTIONS, "METRICS"]).hint
        hint, got = REFUSED.get(name, near), repr(str(name))
        raise ColumnError(rule="a function that an alarm can use", got=got, at=at, hint=hint)
    most, least = len(function.takes), len(function.takes) - function.optional
    if not least <= len(arguments) <= most:
        count = f"{least} or {most}" if function.optional else str(most)
        rule = f"{name} with {count} argument{'s' if most > 1 else ''}"
        raise ColumnError(rule=rule, got=str(len(arguments)), at=at)
    kind = call_kind(name, arguments, at)
    parts = tuple(item for item in arguments if isinstance(item, Node))
    return Call(kind, depth_above(parts, at), parts, str(name), function.compute)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=True)


def parse(text: str) -> Node:
    """Return the tree of `text`; raises `ColumnError`."""
    try:
        return cast("Node", _parser().parse(text))  # what the builder makes of the tree
    except UnexpectedInput as error:
        raise unexpected(text, error, RULE, _WORDS, _hint(error)) from None


def _hint(error: UnexpectedInput) -> str:
    """A bracket after an Id is a function in lower case, or a product."""
    if isinstance(error, UnexpectedToken) and error.token == "(":
        return "Names of functions are upper case, and * is written out."
    return ""
