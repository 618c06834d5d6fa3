"""Reading AWS's shapes: what is wrong with them, in the one message form."""

from collections.abc import Collection, Mapping

from stratsim.errors import Problem, shorten, unknown_name

Config = Mapping[str, object]


def wrong_keys(value: object, where: str, known: Collection[str]) -> list[Problem]:
    """Return the problems of a value that must be a mapping with `known` keys only."""
    if not isinstance(value, Mapping):
        return [Problem(where, f"a mapping with keys among {', '.join(known)}", shorten(value))]
    return [unknown_name(f"{where}.{key}", str(key), known) for key in value if key not in known]


def wrong_integer(
    value: object, where: str, low: int, high: float, hint: str = ""
) -> list[Problem]:
    """Return the problem of a value that must be an integer in [`low`, `high`]."""
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return []
    rule = f"an integer in [{low}, {high:g}]" if high < float("inf") else f"an integer >= {low}"
    return [Problem(where, rule, shorten(value), hint)]


def wrong_choice(value: object, where: str, choices: Collection[str]) -> list[Problem]:
    """Return the problem of a value that must be one of `choices`."""
    if isinstance(value, str) and value in choices:
        return []
    if isinstance(value, str):
        return [unknown_name(where, value, choices)]
    return [Problem(where, f"one of {', '.join(choices)}", shorten(value))]


def wrong_flag(value: object, where: str) -> list[Problem]:
    """Return the problem of a value that must be true or false."""
    return [] if isinstance(value, bool) else [Problem(where, "true or false", shorten(value))]


def part(config: Config, key: str) -> Config:
    """Return the mapping under `key`; an empty one where there is none."""
    value = config.get(key)
    return value if isinstance(value, Mapping) else {}


def parts(config: Config, key: str) -> list[Config]:
    """Return the mappings of the list under `key`; none where there is no list."""
    value = config.get(key)
    found = value if isinstance(value, list | tuple) else []
    return [one for one in found if isinstance(one, Mapping)]


def whole(config: Config, key: str, default: int = 0) -> int:
    """Return the integer under `key`, which was checked before."""
    value = config.get(key, default)
    return value if isinstance(value, int) else default
