"""Alarms from a file of AWS's JSON or YAML, or from a scenario."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stratsim.cloudwatch.composite import compile_rule, order_composites
from stratsim.cloudwatch.parse import parse_alarm
from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.origin import Origin
from stratsim.model.scenario import Alarm, Scenario
from stratsim.scenario_io.loading import load, read_text
from stratsim.scenario_io.tree import Tree, parse_text

MAX_TOLD = 100
_LISTS = ("MetricAlarms", "CompositeAlarms")


def load_alarms(
    source: str, names: Sequence[str] = ()
) -> tuple[tuple[Alarm, ...], Scenario | None]:
    """Return alarms, and the scenario that they come from, if they do.

    Parameters
    ----------
    source
        A file with PutMetricAlarm's input, a list of such, or what
        ``describe-alarms`` prints; or a scenario, by path or bundled name.
    names
        Which of them; all without it.
    """
    tree, moved = _tree(source)
    scenario = None
    if tree is not None:
        alarms = _alarms(tree, source, moved)
    else:
        scenario = load(source)
        alarms = scenario.alarms
    if not alarms:
        raise InputError([Problem(source, "a file with at least one alarm", "none")])
    known = [alarm.AlarmName for alarm in alarms]
    unknown = [unknown_name("--alarm", name, known) for name in names if name not in known]
    if unknown:
        raise InputError(unknown)
    return _chosen(alarms, names), scenario


def _chosen(alarms: Sequence[Alarm], names: Sequence[str]) -> tuple[Alarm, ...]:
    """Return the alarms of these names, with those that composites among them read."""
    wanted = set(names) or {alarm.AlarmName for alarm in alarms}
    for alarm in reversed(order_composites(alarms)):
        if alarm.AlarmName in wanted:
            wanted |= set(compile_rule(alarm.AlarmRule).children)
    return tuple(alarm for alarm in alarms if alarm.AlarmName in wanted)


def _tree(source: str) -> tuple[Tree | None, int]:
    """Return the document, None for what is a scenario, and the lines put before it."""
    if not Path(source).is_file():
        return None, 0
    text = read_text(source)
    begin = text.lstrip()[:1]
    # A list is read under a key of its own: the reader wants a mapping.
    if begin == "[":
        return parse_text(f'{{"alarms": {text}}}', source), 0
    if begin == "-" and not text.lstrip().startswith("---"):
        return parse_text(f"alarms:\n{text}", source), 1
    tree = parse_text(text, source)
    is_alarms = bool({"AlarmName", *_LISTS} & set(tree.data))
    return (tree, 0) if is_alarms else (None, 0)


def _alarms(tree: Tree, source: str, moved: int) -> tuple[Alarm, ...]:
    problems = list(tree.problems)
    alarms = _parsed(tree.data, problems)
    if not problems:
        _try(lambda: order_composites(alarms), problems)
    if problems:
        raise InputError(_located(p, tree, source, moved) for p in problems[:MAX_TOLD])
    return alarms


def _parsed(data: Mapping[str, Any], problems: list[Problem]) -> tuple[Alarm, ...]:
    entries: list[tuple[str, Any]] = []
    if "AlarmName" in data:
        entries.append(("", data))
    for key in ("alarms", *_LISTS):
        listed = data.get(key)
        if listed is not None and not isinstance(listed, list):
            problems.append(Problem(key, "a list of alarms", shorten(listed)))
        elif listed:
            entries += [(f"{key}.{index}", entry) for index, entry in enumerate(listed)]
    alarms: list[Alarm] = []
    for path, entry in entries:
        _try(partial(_append, alarms, entry, path), problems)
    seen: set[str] = set()
    for alarm in alarms:
        if alarm.AlarmName in seen:
            rule = "a name that no other alarm has"
            problems.append(Problem("AlarmName", rule, shorten(alarm.AlarmName)))
        seen.add(alarm.AlarmName)
    return tuple(alarms)


def _append(alarms: list[Alarm], entry: Any, path: str) -> None:
    alarms.append(parse_alarm(entry, path))


def _try(work: Callable[[], object], problems: list[Problem]) -> None:
    try:
        work()
    except InputError as error:
        problems += error.problems


def _located(problem: Problem, tree: Tree, source: str, moved: int) -> Problem:
    path = problem.where.removeprefix(".")
    line = max(Origin(source, tree.lines).line(path) - moved, 1)
    return replace(problem, where=f"{source}:{line}: {path}")
