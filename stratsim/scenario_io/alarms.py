"""``alarms:`` in AWS's shapes, and what they may refer to."""

from collections.abc import Iterator, Mapping
from typing import Any

from stratsim.errors import InputError, shorten
from stratsim.model.scenario import Alarm
from stratsim.scenario_io.checking import Problems, joined, shown

MAX_ALARMS = 200
REVISION_DIMENSIONS = ("TargetGroup", "ExecutedVersion")
"""Dimensions whose value says which revision a metric is about."""

REVISIONS = ("new", "old")
_LISTS = ("MetricAlarms", "CompositeAlarms")
"""The lists in what ``aws cloudwatch describe-alarms`` prints."""


def read_alarms(
    value: object, problems: Problems
) -> tuple[tuple[Alarm, ...] | None, list[str] | None]:
    """Return the alarms and the names of all that were tried.

    The alarms are ``None`` where a problem was noted, and the names where not
    even these are known.
    """
    if value is None:
        return (), []
    if isinstance(value, Mapping) and value and set(value) <= set(_LISTS):
        lists = {key: [] if value.get(key) is None else value[key] for key in _LISTS}
        odd = [key for key, entry in lists.items() if not isinstance(entry, list)]
        for key in odd:
            problems.add(joined("alarms", key), "a list of alarms", shorten(lists[key]))
        if odd:
            return None, None
        entries = [
            (joined("alarms", key, index), entry)
            for key in _LISTS
            for index, entry in enumerate(lists[key])
        ]
    elif isinstance(value, list):
        entries = [(joined("alarms", index), entry) for index, entry in enumerate(value)]
    else:
        problems.add("alarms", "a list of alarms", shorten(value))
        return None, None
    if len(entries) > MAX_ALARMS:
        problems.add("alarms", f"a list of at most {MAX_ALARMS} alarms", f"{len(entries)} of them")
        return None, None
    return _read(entries, problems)


def _read(
    entries: list[tuple[str, Any]], problems: Problems
) -> tuple[tuple[Alarm, ...] | None, list[str] | None]:
    from stratsim.cloudwatch.parse import parse_alarm

    before = len(problems.found)
    alarms: list[Alarm] = []
    names: list[str] = []
    for path, entry in entries:
        name = entry.get("AlarmName") if isinstance(entry, Mapping) else None
        if isinstance(name, str) and name in names:
            problems.add(joined(path, "AlarmName"), "a name that no other alarm has", repr(name))
        elif isinstance(name, str):
            names.append(name)
        _check_revisions(entry, path, problems)
        try:
            alarms.append(parse_alarm(entry, path))
        except InputError as error:
            problems.found += error.problems
    if len(problems.found) > before:
        return None, names
    return _composites(tuple(alarms), problems), names


def _composites(alarms: tuple[Alarm, ...], problems: Problems) -> tuple[Alarm, ...] | None:
    from stratsim.cloudwatch.composite import order_composites

    try:
        order_composites(alarms)
    except InputError as error:
        problems.found += error.problems
        return None
    return alarms


def _check_revisions(entry: Any, path: str, problems: Problems) -> None:
    """A series is of the new or the old revision, whatever the resource is called."""
    for where, dimension in _dimensions(entry, path):
        name, value = dimension.get("Name"), dimension.get("Value")
        if name in REVISION_DIMENSIONS and value not in REVISIONS:
            hint = "Leave the dimension out for both revisions."
            problems.add(joined(where, "Value"), "new or old", shown(value), hint)


def _dimensions(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Dimensions" and isinstance(inner, list):
                for index, item in enumerate(inner):
                    if isinstance(item, Mapping):
                        yield joined(path, key, index), item
            else:
                yield from _dimensions(inner, joined(path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _dimensions(inner, joined(path, index))
