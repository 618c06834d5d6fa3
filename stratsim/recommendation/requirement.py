"""Requirements: limits that a strategy has to keep to be recommended."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from stratsim.comparison import Key, key_of
from stratsim.errors import InputError, Problem, shorten
from stratsim.intervals import Estimate
from stratsim.intervals.summary import finite
from stratsim.measures.sample import Sample
from stratsim.model.quantities import parse_duration
from stratsim.wording import format_interval, format_value

Sense = Literal["<=", ">="]
Require = Mapping[str, object] | Iterable[str] | str | None

_TEXT = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|=)\s*(\S.*?)\s*")
_FORM = "KEY<=VALUE, KEY>=VALUE or KEY=VALUE, such as missed<=0.02"
_TOLERANCE = 1e-9  # a mean over enumerated outcomes misses a round limit by its last digit


@dataclass(frozen=True, slots=True)
class Requirement:
    """One limit; ``str`` gives it as it is written on the command line."""

    key: Key
    sense: Sense
    limit: float

    def __str__(self) -> str:
        return f"{self.key}{self.sense}{self.limit:g}"

    @property
    def words(self) -> str:
        """The requirement with its limit as people read it."""
        return f"{self.key} {self.sense} {format_value(self.limit, self.key.unit)}"

    def judge(self, sample: Sample) -> "Finding":
        """Return whether the runs of `sample` keep the limit."""
        return Finding(self, sample.strategy, self.key.estimate(sample), sample.certain)

    def allows(self, value: float) -> bool:
        """Return whether `value` keeps the limit; False for NaN."""
        slack = _TOLERANCE * max(1.0, abs(self.limit)) if self.limit else 0.0
        return value <= self.limit + slack if self.sense == "<=" else value >= self.limit - slack


@dataclass(frozen=True, slots=True)
class Finding:
    """What the runs of a strategy say about a requirement.

    ``exact`` runs have no sampling error, so the value itself is judged, also
    where a single run has no interval.
    """

    requirement: Requirement
    strategy: str
    estimate: Estimate
    exact: bool = False

    @property
    def worst(self) -> float:
        """The end of the interval that the limit has to allow."""
        high = self.requirement.sense == "<="
        return self._end(self.estimate.high if high else self.estimate.low)

    @property
    def best(self) -> float:
        """The other end."""
        high = self.requirement.sense == "<="
        return self._end(self.estimate.low if high else self.estimate.high)

    def _end(self, end: float) -> float:
        return self.estimate.value if self.exact else end

    @property
    def met(self) -> bool | None:
        """True if the whole interval keeps the limit, False if none does, else None."""
        if self.requirement.allows(self.worst):
            return True
        if not math.isnan(self.best) and not self.requirement.allows(self.best):
            return False
        return None

    @property
    def words(self) -> str:
        """The estimate as people read it: ``1.9% [1.2%, 2.8%]``."""
        unit = self.requirement.key.unit
        value = format_value(self.estimate.value, unit)
        return f"{value} {format_interval(self.estimate.low, self.estimate.high, unit)}".strip()

    def to_dict(self) -> dict[str, object]:
        """Return the row of the JSON document."""
        numbers = (self.estimate.value, self.estimate.low, self.estimate.high)
        mean, low, high = map(finite, numbers)
        return {
            "key": str(self.requirement.key),
            "operator": self.requirement.sense,
            "limit": self.requirement.limit,
            "strategy": self.strategy,
            "mean": mean,
            "ci_low": low,
            "ci_high": high,
            "met": self.met,
        }


def read_requirements(require: Require, measures: Iterable[str]) -> tuple[Requirement, ...]:
    """Return the requirements that a mapping, texts or one text name.

    ``KEY=VALUE``, like an entry of a mapping, is an upper limit, or a lower one
    where higher is better. A value may be a number, a duration (``1h``) where the
    measure is one, or a percentage of a share.

    Raises
    ------
    InputError
        With all problems at once.
    """
    if require is None:
        return ()
    if isinstance(require, str):
        require = [require]
    names = list(measures)
    found: list[Requirement] = []
    problems: list[Problem] = []
    parts = (
        [(str(key), "=", value) for key, value in require.items()]
        if isinstance(require, Mapping)
        else [_split(text) for text in require]
    )
    for part in parts:
        try:
            found.append(_requirement(part, names))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(found)


def _split(text: object) -> tuple[object, str, object]:
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    # What does not match is kept whole, for the message.
    return (match[1], match[2], match[3]) if match else (text, "", None)


def _requirement(part: tuple[object, str, object], measures: list[str]) -> Requirement:
    name, operator, value = part
    if not operator:
        raise InputError([Problem("require", _FORM, shorten(name))])
    key = key_of(name, measures, where="require")
    sense: Sense = ">=" if key.higher_is_better else "<="
    if operator in ("<=", ">="):
        sense = "<=" if operator == "<=" else ">="
    return Requirement(key, sense, _limit(key, value))


def _limit(key: Key, value: object) -> float:
    try:
        limit = _number(key.unit, value)
    except ValueError:
        limit = math.nan
    if math.isfinite(limit):
        return limit
    rule = {
        "s": "a duration such as 90s, 5m, 1h30m or a number of seconds",
        "share": "a number or a percentage",
        "probability": "a number in [0, 1] or a percentage",
    }.get(key.unit, "a number")
    raise InputError([Problem(f"require: {key}", rule, shorten(value))])


def _number(unit: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    if isinstance(value, str) and value.endswith("%") and unit in ("share", "probability"):
        number = float(value[:-1]) / 100
    elif isinstance(value, str) and unit == "s" and value[-1:].isalpha():
        number = parse_duration(value)
    else:
        number = float(value)
    return math.nan if unit == "probability" and not 0 <= number <= 1 else number
