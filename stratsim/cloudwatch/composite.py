"""Rules of composite alarms: boolean expressions over the states of others.

Source: API reference, PutCompositeAlarm; user guide, alarm-combining. The
grammar is loaded on first use. Decided here, since AWS does not say: NOT binds
before AND before OR; a percentage of AT_LEAST is rounded up; a pair of grouping
brackets is one element.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from stratsim.cloudwatch import limits
from stratsim.cloudwatch.evaluation import State
from stratsim.cloudwatch.rule_nodes import Node
from stratsim.cloudwatch.syntax import ColumnError
from stratsim.errors import InputError, Problem, unknown_name
from stratsim.model.alarm import CompositeAlarm, MetricAlarm

States: TypeAlias = Mapping[str, State | int | str]

_ARN = re.compile(r"arn:[^:]+:cloudwatch:[^:]*:[^:]*:alarm:(?P<name>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled AlarmRule; ``children`` are alarm names, in order of first use."""

    text: str
    root: Node
    children: tuple[str, ...]

    def evaluate(self, states: States) -> bool:
        """Return whether the rule holds, which means ALARM.

        `states` maps alarm names to `State`, its number or AWS's word.
        """
        try:
            return self.root.evaluate(states)
        except KeyError as error:
            raise InputError([unknown_name("states", str(error.args[0]), states)]) from None


def alarm_name(reference: str) -> str:
    """Return the name in an ARN, or the name itself.

    A composite and its children live in one account and Region, so the name
    says which alarm is meant.
    """
    found = _ARN.fullmatch(reference)
    return found["name"] if found else reference


def compile_rule(text: str, where: str = "AlarmRule") -> Rule:
    """Return the compiled rule.

    Raises
    ------
    InputError
        Names `where` and the column, or the limit that the rule exceeds.
    """
    if not 1 <= len(text) <= limits.RULE_LENGTH:
        rule = f"1 to {limits.RULE_LENGTH} characters long"
        raise InputError([Problem(where, rule, f"{len(text)} characters")])
    try:
        compiled = _compile(text)
    except ColumnError as error:
        raise error.located(where) from None
    problems = []
    if len(compiled.children) > limits.RULE_CHILDREN:
        rule = f"a rule over at most {limits.RULE_CHILDREN} alarms"
        problems.append(Problem(where, rule, str(len(compiled.children))))
    if compiled.root.elements > limits.RULE_ELEMENTS:
        rule = f"a rule of at most {limits.RULE_ELEMENTS} elements"
        problems.append(Problem(where, rule, str(compiled.root.elements)))
    if problems:
        raise InputError(problems)
    return compiled


@lru_cache(maxsize=256)
def _compile(text: str) -> Rule:
    from stratsim.cloudwatch.rule_grammar import parse

    root = parse(text)
    names = dict.fromkeys(name for node in root.walk() for name in node.names)
    return Rule(text, root, tuple(names))


def composite_state(rule: Rule, states: States) -> State:
    """Return ALARM where the rule holds, else OK; a composite lacks no data [API]."""
    return State.ALARM if rule.evaluate(states) else State.OK


def order_composites(
    alarms: Sequence[MetricAlarm | CompositeAlarm], where: str = "alarms"
) -> tuple[CompositeAlarm, ...]:
    """Return the composites, each after those that its rule reads.

    Raises
    ------
    InputError
        Where a rule or a suppressor names an alarm that is not among `alarms`,
        or where rules read each other; the circle is named.
    """
    composites = {a.AlarmName: a for a in alarms if isinstance(a, CompositeAlarm)}
    problems = list(_unknown(alarms, where))
    reads = {name: compile_rule(a.AlarmRule, name).children for name, a in composites.items()}
    try:
        order = tuple(TopologicalSorter(reads).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        hint = "CloudWatch stops evaluating them; set one rule to FALSE to break the circle."
        problems.append(Problem(where, "free of composites that read each other", circle, hint))
    if problems:
        raise InputError(problems)
    return tuple(composites[name] for name in order if name in composites)


def _unknown(alarms: Sequence[MetricAlarm | CompositeAlarm], where: str) -> Iterable[Problem]:
    known = [alarm.AlarmName for alarm in alarms]
    for index, alarm in enumerate(alarms):
        if not isinstance(alarm, CompositeAlarm):
            continue
        at = f"{where}.{index}.AlarmRule"
        for name in compile_rule(alarm.AlarmRule, at).children:
            if name not in known:
                yield unknown_name(at, name, known)
        if alarm.ActionsSuppressor and alarm_name(alarm.ActionsSuppressor) not in known:
            suppressor = alarm_name(alarm.ActionsSuppressor)
            yield unknown_name(f"{where}.{index}.ActionsSuppressor", suppressor, known)
