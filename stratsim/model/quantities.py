"""Numbers with a range and a unit, and the few distributions a scenario may name.

The markers below speak to pydantic only when a file is read (`scenario_io`);
the values themselves are plain floats, in seconds and fractions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

Array = NDArray[np.float64]

MAX_DURATION_S = 366 * 86400.0
"""Longest duration a scenario may name: one year; bounds the work of one run."""
MAX_RATE_RPS = 1e7
MAX_COUNT = 100_000

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: object) -> float:
    """Return seconds from ``90s``, ``5m``, ``1h30m``, ``80ms`` or a number.

    Raises
    ------
    ValueError
        Where the text is not a duration.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip() if isinstance(value, str) else ""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        msg = "a duration such as 90s, 5m, 1h30m or a number of seconds"
        raise ValueError(msg)
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """Return ``1h30m``, ``90s`` or ``80ms`` for people.

    >>> format_duration(5400)
    '1h30m'
    """
    if seconds == 0:
        return "0s"
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    if seconds % 60 and seconds < 120:
        return f"{seconds:.4g}s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


@dataclass(frozen=True, slots=True)
class DurationMarker:
    """Tells the reader that a field is a duration in seconds, within bounds."""

    low: float = 0.0
    high: float = MAX_DURATION_S

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        from pydantic_core import core_schema

        number = core_schema.float_schema(ge=self.low, le=self.high, allow_inf_nan=False)
        return core_schema.no_info_before_validator_function(
            parse_duration, number, ref=None
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> Any:
        return {
            "anyOf": [
                {"type": "number", "minimum": self.low, "maximum": self.high},
                {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"},
            ]
        }


Seconds = Annotated[float, DurationMarker()]
Share = Annotated[float, Ge(0), Le(1)]
Rate = Annotated[float, Ge(0), Le(MAX_RATE_RPS)]
Count = Annotated[int, Ge(1), Le(MAX_COUNT)]
Positive = Annotated[float, Gt(0), Le(1e9)]
NonNegative = Annotated[float, Ge(0), Le(1e12)]
Minutes = Annotated[int, Ge(0)]


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


Distribution = Fixed | Uniform | LogNormal

_FORMS = (
    "a value, {min, max}, {median, p90}, {median, p95}, {median, p99} or {median, sigma}"
)


def parse_distribution(value: object, number: Callable[[object], float]) -> Distribution:
    """Return the distribution that a scenario names in one of its short forms.

    Raises
    ------
    ValueError
        Where the form is unknown or its numbers contradict each other; the
        message completes "must be ...".
    """
    if isinstance(value, Fixed | Uniform | LogNormal):
        return value
    if not isinstance(value, dict):
        return Fixed(number(value))
    keys = set(value)
    if keys == {"min", "max"}:
        low, high = number(value["min"]), number(value["max"])
        if low > high:
            msg = "a range whose min is at most its max"
            raise ValueError(msg)
        return Uniform(low, high)
    return _log_normal(value, keys, number)


def _log_normal(
    value: dict[Any, object], keys: set[Any], number: Callable[[object], float]
) -> LogNormal:
    if keys == {"median", "sigma"}:
        sigma = float(value["sigma"])  # type: ignore[arg-type]
        if not 0 <= sigma <= 10:
            msg = "a sigma in [0, 10]"
            raise ValueError(msg)
        return LogNormal(number(value["median"]), sigma)
    for key, share in (("p90", 0.90), ("p95", 0.95), ("p99", 0.99)):
        if keys == {"median", key}:
            median, upper = number(value["median"]), number(value[key])
            if not 0 < median <= upper:
                msg = f"a median above 0 and at most its {key}"
                raise ValueError(msg)
            return LogNormal(median, math.log(upper / median) / NormalDist().inv_cdf(share))
    raise ValueError(_FORMS)


@dataclass(frozen=True, slots=True)
class DistributionMarker:
    """Tells the reader that a field is a distribution (of seconds or numbers)."""

    duration: bool = True
    low: float = 0.0
    high: float = MAX_DURATION_S

    def _number(self, value: object) -> float:
        if self.duration:
            number = parse_duration(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
        else:
            raise ValueError(_FORMS)
        if not self.low <= number <= self.high:
            msg = f"in [{self.low:g}, {self.high:g}]"
            raise ValueError(msg)
        return number

    def parse(self, value: object) -> Distribution:
        """Return the distribution; raises ``ValueError`` completing "must be"."""
        return parse_distribution(value, self._number)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> Any:
        leaf: dict[str, Any] = {"type": ["number", "string"] if self.duration else "number"}
        names = ("min", "max", "median", "p90", "p95", "p99", "sigma")
        mapping = {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(names, leaf),
        }
        return {"anyOf": [leaf, mapping]}


RandomSeconds = Annotated[Distribution, DistributionMarker()]
RandomShare = Annotated[Distribution, DistributionMarker(duration=False, high=1.0)]
RandomFactor = Annotated[Distribution, DistributionMarker(duration=False, high=1e6)]
