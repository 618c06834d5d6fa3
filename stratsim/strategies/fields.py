"""Rules for the fields of a tool's own shape, put together like sentences.

A rule takes a value and its place and returns the problems; `fields` makes one
rule for a mapping out of the rules for its keys.
"""

import re
from collections.abc import Callable, Mapping

from stratsim.errors import Problem, shorten
from stratsim.model.quantities import MAX_DURATION_S, parse_duration
from stratsim.strategies.shapes import Config, wrong_choice, wrong_flag, wrong_integer, wrong_keys

Rule = Callable[[object, str], list[Problem]]

_ISO = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
ISO_RULE = "an ISO 8601 duration such as PT5M or PT1H30M"
SPAN_RULE = "a duration such as 30s, 5m or 1h30m, or a number of seconds"


def anything(value: object, where: str) -> list[Problem]:
    """Take any value: what it says is kept, and plays no part in a run."""
    return []


def flag(value: object, where: str) -> list[Problem]:
    """Take true or false."""
    return wrong_flag(value, where)


def text(value: object, where: str) -> list[Problem]:
    """Take a text."""
    return [] if isinstance(value, str) else [Problem(where, "a text", shorten(value))]


def span(value: object, where: str) -> list[Problem]:
    """Take a duration as Kubernetes and stratsim write it."""
    return [] if span_s(value) is not None else [Problem(where, SPAN_RULE, shorten(value))]


def span_s(value: object) -> float | None:
    """Return the seconds of a duration; None where it is none."""
    try:
        seconds = parse_duration(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= MAX_DURATION_S else None


def iso_s(value: object) -> float | None:
    """Return the seconds of an ISO 8601 duration of hours, minutes and seconds."""
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600.0 * hours + 60.0 * minutes + seconds


def iso(most_s: float, hint: str = "") -> Rule:
    """Take an ISO 8601 duration of at most `most_s`."""

    def rule(value: object, where: str) -> list[Problem]:
        seconds = iso_s(value)
        if seconds is not None and seconds <= most_s:
            return []
        most = f" of at most {most_s / 3600:g} h" if most_s < float("inf") else ""
        return [Problem(where, ISO_RULE + most, shorten(value), hint)]

    return rule


def whole_in(low: int, high: float = float("inf"), hint: str = "") -> Rule:
    """Take a whole number within bounds."""
    return lambda value, where: wrong_integer(value, where, low, high, hint)


def real_in(low: float, high: float, hint: str = "") -> Rule:
    """Take a number within bounds."""

    def rule(value: object, where: str) -> list[Problem]:
        # A NaN is in no interval, so this refuses it too.
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return []
        bounds = f"in [{low:g}, {high:g}]" if high < float("inf") else f">= {low:g}"
        return [Problem(where, f"a number {bounds}", shorten(value), hint)]

    return rule


def one_of(*choices: str) -> Rule:
    """Take one of some words."""
    return lambda value, where: wrong_choice(value, where, choices)


def list_of(rule: Rule, least: int = 0, most: int = 1000, hint: str = "") -> Rule:
    """Take a list whose members follow `rule`."""

    def check(value: object, where: str) -> list[Problem]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            got = f"{len(value)} of them" if isinstance(value, list | tuple) else shorten(value)
            return [Problem(where, f"a list of {least} to {most}", got, hint)]
        return [p for at, member in enumerate(value) for p in rule(member, f"{where}[{at}]")]

    return check


def fields(rules: Mapping[str, Rule], required: tuple[str, ...] = ()) -> Rule:
    """Take a mapping with some keys, each by its rule."""

    def check(value: object, where: str) -> list[Problem]:
        problems = wrong_keys(value, where, tuple(rules))
        if not isinstance(value, Mapping):
            return problems
        for key in required:
            if key not in value:
                problems.append(Problem(f"{where}.{key}", "given", "nothing"))
        for key, inner in value.items():
            if key in rules:
                problems += rules[key](inner, f"{where}.{key}")
        return problems

    return check


def plain(value: object) -> object:
    """Return numbers and flags that AWS hands out as texts as what they mean."""
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def plain_values(config: Config) -> dict[str, object]:
    """Return a mapping with its values made plain."""
    return {key: plain(value) for key, value in config.items()}
