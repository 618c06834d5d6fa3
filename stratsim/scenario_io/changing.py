"""A scenario with some of its keys changed, read anew like the file it came from."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.scenario import Scenario
from stratsim.scenario_io.checking import joined
from stratsim.scenario_io.loading import read_data

_NAMES = ("name", "AlarmName", "Id", "Name")
"""Keys by whose value an entry of a list is found."""
_OUTCOMES = "release.outcomes."


def change_scenario(scenario: Scenario, values: Mapping[str, object]) -> Scenario:
    """Return `scenario` with other values at some paths.

    See `stratsim.model.scenario.Scenario.with_values`.
    """
    if not scenario.source:
        rule = "a scenario that stratsim.load has made"
        raise InputError([Problem("scenario", rule, "one without a source")])
    data: dict[str, Any] = deepcopy(dict(scenario.source))
    for path, value in values.items():
        _put(data, path, deepcopy(value), "")
    _share_out(data, values)
    return read_data(data, Path(scenario.folder))


def _put(node: Any, rest: str, value: object, done: str) -> None:
    """Set what stands at the path `rest` below `node`."""
    key, after = _step(node, rest, done)
    here = joined(done, key)
    if not after:
        node[key] = value
        return
    inner = node[key] if isinstance(node, list) else node.setdefault(key, {})
    if isinstance(inner, str) and done == "strategies":  # a predefined configuration's name
        inner = node[key] = {"name": inner, "deploymentConfigName": inner}
    if not isinstance(inner, dict | list):
        rule = f"a path to a value: {here} holds no keys"
        raise InputError([Problem(here, rule, shorten(after))])
    _put(inner, after, value, here)


def _step(node: dict[str, Any] | list[Any], rest: str, done: str) -> tuple[Any, str]:
    """Return the key or place that `rest` begins with, and what follows it.

    Names may hold dots, so the longest that fits is taken.
    """
    if isinstance(node, dict):
        known: dict[str, Any] = {key: key for key in node}
    else:
        known = {str(place): place for place in range(len(node))}
        known |= {name: place for place, entry in enumerate(node) for name in _names(entry)}
    fitting = [key for key in known if rest == key or rest.startswith(f"{key}.")]
    if fitting:
        name = max(fitting, key=len)
        return known[name], rest[len(name) + 1 :]
    first, _, after = rest.partition(".")
    if isinstance(node, dict) and first:
        return first, after  # where there is no such key, the reader says so
    names = [name for entry in node for name in _names(entry)] or list(known)
    raise InputError([unknown_name(done or "path", first, names)])


def _names(entry: object) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    if isinstance(entry, Mapping):
        return [str(entry[key]) for key in _NAMES if isinstance(entry.get(key), str)]
    return []


def _share_out(data: dict[str, Any], values: Mapping[str, object]) -> None:
    """Let the outcomes that were not set share what the set probabilities leave."""
    if not any(p.startswith(_OUTCOMES) and p.endswith(".probability") for p in values):
        return
    outcomes = data["release"]["outcomes"]
    if not isinstance(outcomes, list) or not all(map(_has_chance, outcomes)):
        return  # the reader says what is wrong
    inside = [path.removeprefix(_OUTCOMES) for path in values if path.startswith(_OUTCOMES)]
    chosen = {_step(outcomes, path, "release.outcomes")[0] for path in inside}
    others = [outcome for place, outcome in enumerate(outcomes) if place not in chosen]
    numbers = [outcome["probability"] for outcome in outcomes]
    held = sum(outcome["probability"] for outcome in others)
    left = 1 - sum(numbers) + held
    if held > 0 and left >= 0:
        for outcome in others:
            outcome["probability"] *= left / held


def _has_chance(outcome: object) -> bool:
    if not isinstance(outcome, Mapping):
        return False
    chance = outcome.get("probability")
    return isinstance(chance, int | float) and not isinstance(chance, bool)
