"""Numbers with a range and a unit, and the few distributions a scenario may name.

The values are plain floats, in seconds and fractions; what a reader may accept
for them stands in `stratsim.model.markers`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from stratsim.model.markers import (
    MAX_DURATION_S,
    DurationMarker,
    FlagMarker,
    Number,
    RuleError,
    Text,
    _Marker,
    format_duration,
    parse_duration,
)

__all__ = [
    "MAX_COUNT",
    "MAX_DURATION_S",
    "MAX_RATE_RPS",
    "Array",
    "Count",
    "Distribution",
    "DistributionMarker",
    "DurationMarker",
    "Fixed",
    "Flag",
    "LogNormal",
    "Minutes",
    "Mixture",
    "Name",
    "NonNegative",
    "Number",
    "Positive",
    "RandomFactor",
    "RandomSeconds",
    "RandomShare",
    "Rate",
    "Seconds",
    "Share",
    "Uniform",
    "format_duration",
    "parse_distribution",
    "parse_duration",
]

Array = NDArray[np.float64]

MAX_RATE_RPS = 1e7
MAX_COUNT = 100_000

Seconds = Annotated[float, DurationMarker()]
Share = Annotated[float, Number(0, 1)]
Rate = Annotated[float, Number(0, MAX_RATE_RPS)]
Count = Annotated[int, Number(1, MAX_COUNT, whole=True)]
Positive = Annotated[float, Number(0, 1e9, open_low=True)]
NonNegative = Annotated[float, Number(0, 1e12)]
Minutes = Annotated[int, Number(0, 1_000_000, whole=True)]
Flag = Annotated[bool, FlagMarker()]
Name = Annotated[str, Text(1, 255, kind="a name")]


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same value."""

    value: float

    @property
    def mean(self) -> float:
        """The mean."""
        return self.value

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> Array:
        """Draw `size` values."""
        return np.full(size, self.value)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform between two bounds."""

    low: float
    high: float

    @property
    def mean(self) -> float:
        """The mean."""
        return (self.low + self.high) / 2

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> Array:
        """Draw `size` values."""
        return rng.uniform(self.low, self.high, size)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Log-normal with a given median and standard deviation of the logarithm."""

    median: float
    sigma: float

    @property
    def mean(self) -> float:
        """The mean, ``median * exp(sigma^2 / 2)``."""
        return self.median * math.exp(self.sigma**2 / 2)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> Array:
        """Draw `size` values."""
        if self.sigma == 0 or self.median == 0:
            return np.full(size, self.median)
        return rng.lognormal(math.log(self.median), self.sigma, size)


@dataclass(frozen=True, slots=True)
class Mixture:
    """One of two or more distributions, each with its probability."""

    weights: tuple[float, ...]
    parts: tuple[Fixed | Uniform | LogNormal, ...]

    @property
    def mean(self) -> float:
        """The mean, the weighted mean of the parts' means."""
        return sum(w * part.mean for w, part in zip(self.weights, self.parts, strict=True))

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> Array:
        """Draw `size` values."""
        edges = np.cumsum(self.weights[:-1])
        chosen = np.searchsorted(edges, rng.random(size), side="right")
        # every part is drawn in full, so that one draw never moves the others
        draws = np.stack([part.sample(rng, size) for part in self.parts])
        return np.asarray(np.take_along_axis(draws, chosen[np.newaxis], axis=0)[0])


Distribution = Fixed | Uniform | LogNormal | Mixture

_FORMS = "a value, {min, max}, {median, p90}, {median, p95}, {median, p99} or {median, sigma}"
_MOST_PARTS = 10
_SIGMA = Number(0, 10)
_WEIGHT = Number(0, 1)


def parse_distribution(value: object, number: Callable[[object], float]) -> Distribution:
    """Return the distribution that a scenario names in one of its short forms.

    Raises
    ------
    RuleError
        Where the form is unknown or its numbers contradict each other; the
        message completes "must be ...", and ``at`` names the key at fault.
    """
    if isinstance(value, Fixed | Uniform | LogNormal | Mixture):
        return value
    if isinstance(value, list):
        return _mixture(value, number)
    return _simple(value, number)


def _part(value: dict[Any, object], key: str, parse: Callable[[object], float]) -> float:
    """Return the number under `key`; what is wrong with it is told of the key."""
    try:
        return parse(value[key])
    except RuleError as error:
        raise error.inside(key, value[key]) from None


def _simple(value: object, number: Callable[[object], float]) -> Fixed | Uniform | LogNormal:
    if not isinstance(value, dict):
        return Fixed(number(value))
    keys = set(value)
    if keys == {"min", "max"}:
        low, high = _part(value, "min", number), _part(value, "max", number)
        if low > high:
            msg = "a range whose min is at most its max"
            raise RuleError(msg)
        return Uniform(low, high)
    return _log_normal(value, keys, number)


def _log_normal(
    value: dict[Any, object], keys: set[Any], number: Callable[[object], float]
) -> LogNormal:
    if keys == {"median", "sigma"}:
        return LogNormal(_part(value, "median", number), _part(value, "sigma", _SIGMA.parse))
    for key, share in (("p90", 0.90), ("p95", 0.95), ("p99", 0.99)):
        if keys == {"median", key}:
            median, upper = _part(value, "median", number), _part(value, key, number)
            if not 0 < median <= upper:
                msg = f"a median above 0 and at most its {key}"
                raise RuleError(msg)
            return LogNormal(median, math.log(upper / median) / NormalDist().inv_cdf(share))
    raise RuleError(_FORMS)


def _mixture(value: list[object], number: Callable[[object], float]) -> Mixture:
    rule = "a list of 2 to 10 forms, each with a weight, whose weights sum to 1"
    if not 2 <= len(value) <= _MOST_PARTS:
        raise RuleError(rule)
    weights: list[float] = []
    parts: list[Fixed | Uniform | LogNormal] = []
    for place, item in enumerate(value):
        if not (isinstance(item, dict) and "weight" in item):
            raise RuleError(rule)
        try:
            weights.append(_part(item, "weight", _WEIGHT.parse))
            parts.append(_weighted(item, number))
        except RuleError as error:
            raise error.inside(place, item) from None
    if abs(sum(weights) - 1) > 1e-9:
        raise RuleError(rule)
    return Mixture(tuple(weights), tuple(parts))


def _weighted(
    item: dict[Any, object], number: Callable[[object], float]
) -> Fixed | Uniform | LogNormal:
    """Return the form that stands beside a weight, or under ``value`` beside it."""
    rest, key = {name: inner for name, inner in item.items() if name != "weight"}, "value"
    if set(rest) != {key}:
        return _simple(rest, number)
    try:
        return _simple(rest[key], number)
    except RuleError as error:
        raise error.inside(key, rest[key]) from None


@dataclass(frozen=True, slots=True)
class DistributionMarker(_Marker):
    """A distribution, of seconds or of numbers, whose values lie in an interval."""

    duration: bool = True
    low: float = 0.0
    high: float = MAX_DURATION_S

    def _number(self, value: object) -> float:
        if self.duration:
            return DurationMarker(self.low, self.high).parse(value)
        return Number(self.low, self.high).parse(value)

    def parse(self, value: object) -> Distribution:
        """Return the distribution; raises `RuleError`."""
        return parse_distribution(value, self._number)

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        kind = DurationMarker(self.low, self.high) if self.duration else Number(self.low, self.high)
        leaf = kind.json_schema()
        names = ("min", "max", "median", "p90", "p95", "p99")
        pairs = (("min", "max"), *(("median", n) for n in ("p90", "p95", "p99", "sigma")))
        properties = dict.fromkeys(names, leaf) | {"sigma": Number(0, 10).json_schema()}
        forms = [
            {
                "type": "object",
                "additionalProperties": False,
                "required": list(pair),
                "properties": {name: properties[name] for name in pair},
            }
            for pair in pairs
        ]
        mixed = {"type": "array", "items": {"type": "object"}, "minItems": 2, "maxItems": 10}
        return {"anyOf": [leaf, *forms, mixed]}


RandomSeconds = Annotated[Distribution, DistributionMarker()]
RandomShare = Annotated[Distribution, DistributionMarker(duration=False, high=1.0)]
RandomFactor = Annotated[Distribution, DistributionMarker(duration=False, high=1e6)]
