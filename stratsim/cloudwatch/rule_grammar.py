"""The grammar of a composite alarm's rule: from text to tree.

Source: API reference, PutCompositeAlarm (AlarmRule); AT_LEAST: user guide,
alarm-combining. The parser builds from the leaves up, without recursion, and
`DEPTH` bounds the tree; AWS bounds its length and its elements only.
"""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

from stratsim.cloudwatch.composite import alarm_name
from stratsim.cloudwatch.evaluation import State
from stratsim.cloudwatch.rule_nodes import AllOf, AnyOf, AtLeast, Constant, Node, Opposite
from stratsim.cloudwatch.syntax import ColumnError, unexpected

RULE = "a rule of a composite alarm"
DEPTH = 64

GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction
     | conjunction (_OR conjunction)+  -> any_of
?conjunction: negation
     | negation (_AND negation)+  -> all_of
?negation: NOT negation  -> opposite
     | atom
?atom: "(" disjunction ")"  -> group
     | CONSTANT  -> constant
     | STATE "(" NAME ")"  -> child
     | AT_LEAST "(" COUNT "," [NOT] STATE "," "(" NAME ("," NAME)* ")" ")"  -> at_least

_OR: /OR(?![A-Za-z0-9_])/
_AND: /AND(?![A-Za-z0-9_])/
NOT: /NOT(?![A-Za-z0-9_])/
CONSTANT: /(TRUE|FALSE)(?![A-Za-z0-9_])/
STATE: /(ALARM|OK|INSUFFICIENT_DATA)(?![A-Za-z0-9_])/
AT_LEAST: /AT_LEAST(?![A-Za-z0-9_])/
COUNT: /[0-9]+%?/
NAME: /"(\\.|[^"\\])+"|[^\s(),"]+/
%ignore /\s+/
"""

_WORDS = {
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "_AND": "AND",
    "_OR": "OR",
    "NOT": "NOT",
    "STATE": "ALARM, OK or INSUFFICIENT_DATA",
    "AT_LEAST": "AT_LEAST",
    "CONSTANT": "TRUE or FALSE",
    "COUNT": "a number or a percentage",
    "NAME": "an alarm's name or ARN",
    "$END": "the end",
}


class _Builder(Transformer[Token, Node]):
    """Builds the tree; called from the leaves up."""

    def any_of(self, items: list[Node]) -> Node:
        return AnyOf(*_measure(items), tuple(items))

    def all_of(self, items: list[Node]) -> Node:
        return AllOf(*_measure(items), tuple(items))

    def opposite(self, items: list[Any]) -> Node:
        return Opposite(*_measure(items[1:], items[0]), (items[1],))

    def group(self, items: list[Node]) -> Node:
        return replace(items[0], elements=items[0].elements + 1)

    def constant(self, items: list[Token]) -> Node:
        return Constant(1, 1, value=items[0] == "TRUE")

    def child(self, items: list[Token]) -> Node:
        return AtLeast(1, 1, names=(_name(items[1]),), state=_state(items[0]))

    def at_least(self, items: list[Any]) -> Node:
        _, count, negation, state, *names = items
        return AtLeast(
            1,
            len(names),
            names=tuple(_name(name) for name in names),
            count=_count(count, len(names)),
            state=_state(state),
            negated=negation is not None,
        )


def _measure(parts: list[Node], token: Token | None = None) -> tuple[int, int]:
    """Return depth and elements of a node above `parts`."""
    depth = 1 + max(part.depth for part in parts)
    if depth > DEPTH:
        rule = f"nested at most {DEPTH} levels deep"
        raise ColumnError(rule=rule, got="more", at=token.start_pos if token else None)
    return depth, sum(part.elements for part in parts)


def _name(token: Token) -> str:
    text = str(token)
    if text.startswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return alarm_name(text)


def _state(token: Token) -> tuple[int, str]:
    return int(State[token]), str(token)


def _count(token: Token, names: int) -> int:
    """Return how many names must fit; a percentage of them is rounded up."""
    number = int(token.rstrip("%"))
    most = 100 if token.endswith("%") else names
    if not 1 <= number <= most:
        kind = "percentage" if token.endswith("%") else "number of the alarms listed"
        rule = f"AT_LEAST with a {kind} from 1 to {most}"
        raise ColumnError(rule=rule, got=repr(str(token)), at=token.start_pos)
    return -(-names * number // 100) if token.endswith("%") else number


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=True)


def parse(text: str) -> Node:
    """Return the tree of `text`; raises `ColumnError`."""
    try:
        return cast("Node", _parser().parse(text))  # what the builder makes of the tree
    except UnexpectedInput as error:
        raise unexpected(text, error, RULE, _WORDS) from None
