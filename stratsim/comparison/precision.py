"""How narrow intervals are, against how narrow they were asked to be."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from stratsim.comparison.diagnosis import FEW, effective_runs
from stratsim.comparison.keys import Key, design_of, key_of
from stratsim.errors import InputError, Problem, shorten
from stratsim.intervals.summary import finite
from stratsim.measures.sample import Sample
from stratsim.model.quantities import parse_duration
from stratsim.wording import counted, format_number, format_value

Wanted = str | Iterable[str] | None

_FORM = "KEY:SHARE% of the mean or KEY:VALUE, such as failed_requests:5% or missed:0.002"
_TEXT = re.compile(r"\s*([\w.]+)\s*:\s*(\S+?)\s*(%?)\s*")


@dataclass(frozen=True, slots=True)
class Target:
    """A half width that an interval has to keep: of the value itself, or a share of it."""

    key: Key
    limit: float
    relative: bool

    def __str__(self) -> str:
        return f"{self.key}:{self.in_words(self.limit)}"

    def in_words(self, width: float) -> str:
        """Return a half width as people read it; a share of the mean in percent."""
        if self.relative:
            return f"{format_number(100 * width)}%"
        if self.key.unit == "probability":
            return format_number(width)
        return format_value(width, self.key.unit)


@dataclass(frozen=True, slots=True)
class Width:
    """How narrow the interval of one strategy is.

    ``half_width`` is in the target's terms: a share of the value where the target
    is one. ``doubt`` says why an interval that narrow is not to be trusted yet.
    ``needed`` replications would be about enough; None where nobody can tell.
    """

    target: Target
    strategy: str
    half_width: float
    doubt: str = ""
    needed: int | None = None

    @property
    def reached(self) -> bool:
        """Whether the interval is narrow enough, and to be trusted."""
        return not self.doubt and self.half_width <= self.target.limit

    @property
    def words(self) -> str:
        """The half width as people read it."""
        return self.target.in_words(self.half_width)

    def to_dict(self) -> dict[str, object]:
        """Return the row of the JSON document."""
        return {
            "key": str(self.target.key),
            "limit": self.target.limit,
            "relative": self.target.relative,
            "strategy": self.strategy,
            "half_width": finite(self.half_width),
            "reached": self.reached,
            "doubt": self.doubt or None,
            "needed": self.needed,
        }


@dataclass(frozen=True, slots=True)
class Precision:
    """What was asked and what came of it: the widest interval for each target.

    ``looks`` are the numbers of replications after which the widths were looked at,
    ``most`` is how many there could have been.
    """

    widths: tuple[Width, ...]
    looks: tuple[int, ...]
    most: int

    @property
    def reached(self) -> bool:
        """Whether every interval is narrow enough."""
        return all(width.reached for width in self.widths)

    def to_dict(self) -> dict[str, object]:
        """Return the part of the JSON document."""
        return {
            "reached": self.reached,
            "looks": list(self.looks),
            "max_replications": self.most,
            "targets": [width.to_dict() for width in self.widths],
        }

    def sentences(self) -> list[str]:
        """Return a sentence for each target."""
        return [self._sentence(width) for width in self.widths]

    def _sentence(self, width: Width) -> str:
        runs = counted(self.looks[-1], "replication")
        if width.reached:
            where = f", widest for {width.strategy}: +-{width.words}" if width.strategy else ""
            count = len(self.looks)
            looks = f" ({count} looks)" if count > 1 else ""
            return f"Precision {width.target} reached after {runs}{looks}{where}."
        reason = f"; {width.doubt}" if width.doubt else ""
        needed = "" if width.needed is None else f"; about {width.needed:,} would do"
        known = math.isfinite(width.half_width)
        found = f"+-{width.words}" if known else "no width that is known"
        return (
            f"Precision {width.target} cannot be reached with {runs}, the most allowed: "
            f"{width.strategy} is at {found}{reason}{needed}."
        )


def read_targets(wanted: Wanted, measures: Iterable[str]) -> tuple[Target, ...]:
    """Return the targets that texts such as ``failed_requests:5%`` name.

    A percentage is a share of the value; anything else is in the measure's unit,
    and may be a duration where that is one.

    Raises
    ------
    InputError
        With all problems at once.
    """
    if not isinstance(wanted, str | Iterable | None):
        raise InputError([Problem("precision", _FORM, shorten(wanted))])
    texts = [] if wanted is None else [wanted] if isinstance(wanted, str) else list(wanted)
    names = list(measures)
    found: list[Target] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            found.append(_target(text, names))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(found)


def _target(text: object, measures: list[str]) -> Target:
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InputError([Problem("precision", _FORM, shorten(text))])
    key = key_of(match[1], measures, where="precision")
    if key.statistic == "max":
        rule = "a statistic with an interval: mean, p50, p95, p99 or cvar95"
        raise InputError([Problem("precision", rule, shorten(text))])
    relative = bool(match[3])
    try:
        duration = key.unit == "s" and not relative and match[2][-1].isalpha()
        limit = parse_duration(match[2]) if duration else float(match[2])
    except ValueError:
        limit = math.nan
    if not (math.isfinite(limit) and limit > 0):
        raise InputError([Problem(f"precision: {key}", _FORM, shorten(text))])
    return Target(key, limit / 100 if relative else limit, relative)


def widest(
    target: Target, samples: Iterable[Sample], outcomes: Mapping[str, float], replications: int
) -> Width:
    """Return the strategy whose interval is the widest, doubtful ones first.

    Strategies to which the measure does not apply in any run are left out.
    """
    widths = [
        _width(target, sample, outcomes, replications)
        for sample in samples
        if sample.exact or np.isfinite(target.key.values(sample)).any()
    ]
    if not widths:
        return Width(target, "", 0.0)
    return max(widths, key=lambda w: (bool(w.doubt), math.isnan(w.half_width), w.half_width))


def _width(
    target: Target, sample: Sample, outcomes: Mapping[str, float], replications: int
) -> Width:
    found = target.key.estimate(sample)
    half = 0.0
    if not sample.certain:
        half = float(np.maximum(found.high - found.value, found.value - found.low))
    if target.relative and half > 0:
        half = half / abs(found.value) if found.value else math.inf
    doubt = "" if sample.exact else next(_doubts(target, sample, outcomes, half), "")
    needed = None
    if math.isfinite(half) and half > target.limit:
        needed = _rounded_up(1.1 * replications * (half / target.limit) ** 2)
    return Width(target, sample.strategy, half, doubt, needed)


def _doubts(
    target: Target, sample: Sample, outcomes: Mapping[str, float], half: float
) -> Iterator[str]:
    """Yield why an interval is not to be trusted yet, however narrow."""
    if math.isinf(half):
        yield "it did not happen in any run; ask for a value, such as missed:0.002"
    if math.isnan(half):
        yield "the runs are too few for an interval"
    seen = set(sample.outcome.tolist())
    for index, (name, probability) in enumerate(outcomes.items()):
        if probability > 0 and index not in seen:
            yield f"outcome {name!r} never came up; stratify gives it runs of its own"
    if target.key.statistic == "mean" and target.key.name in sample.measures and half > 0:
        effective = effective_runs(target.key.values(sample), design_of(sample).weight)
        if effective < FEW:
            yield f"fewer than {FEW} runs carry its mean"


def _rounded_up(number: float) -> int:
    """Return the next number of two significant digits."""
    unit: int = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return math.ceil(number / unit) * unit
