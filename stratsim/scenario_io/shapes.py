"""What a scenario file may hold where it differs from the model's own values."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, Literal

from stratsim.model.markers import DurationMarker, RuleError, Text, _Marker
from stratsim.model.quantities import (
    MAX_RATE_RPS,
    Name,
    NonNegative,
    Number,
    RandomFactor,
    RandomSeconds,
    RandomShare,
    Rate,
    Share,
)
from stratsim.model.release import FaultKind
from stratsim.model.traffic import Retries, Users

DAY_S = 86400
MAX_POINTS = 10_000
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"


@dataclass(frozen=True, slots=True)
class Clock(_Marker):
    """A time of day, ``HH:MM``, as seconds after midnight."""

    def parse(self, value: object) -> float:
        """Return seconds after midnight; raises `RuleError`."""
        text = Text(5, 5, _CLOCK)
        try:
            hours, minutes = text.parse(value).split(":")
        except RuleError:
            rule = "a time of day from 00:00 to 23:59"
            raise RuleError(rule, 'Write it as HH:MM, such as "14:00".') from None
        return int(hours) * 3600.0 + int(minutes) * 60.0

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        return {"type": "string", "pattern": f"^{_CLOCK}$"}


@dataclass(frozen=True, slots=True)
class Points(_Marker):
    """The points of stepped traffic: ``[[time, rate], ...]``, times rising."""

    def parse(self, value: object) -> tuple[tuple[float, float], ...]:
        """Return pairs of seconds and requests per second; raises `RuleError`."""
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_POINTS:
            rule = f"a list of 1 to {MAX_POINTS} pairs [time, requests per second]"
            raise RuleError(rule)
        points = tuple(self._point(item, index) for index, item in enumerate(value))
        times = [time for time, _ in points]
        if any(later <= sooner for sooner, later in pairwise(times)):
            rule = "a list of pairs whose times rise"
            raise RuleError(rule)
        return points

    def _point(self, item: object, index: int) -> tuple[float, float]:
        if not isinstance(item, list) or len(item) != 2:
            rule = f"a list of pairs [time, requests per second]; number {index + 1} is none"
            raise RuleError(rule)
        try:
            return DurationMarker().parse(item[0]), Number(0, MAX_RATE_RPS).parse(item[1])
        except RuleError as error:
            rule = f"a list of pairs [time, rate]; in number {index + 1} expected is {error.rule}"
            raise RuleError(rule, error.hint) from None

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what may be written."""
        pair = [DurationMarker().json_schema(), Number(0, MAX_RATE_RPS).json_schema()]
        item = {"type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_POINTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiurnalShape:
    """A sinusoidal day."""

    kind: Literal["diurnal"]
    mean: Rate
    peak_to_trough: Annotated[float, Number(1, 1e6)] = 2.6
    peak_at: Annotated[float, Clock()] = 17 * 3600.0
    start: Annotated[float, Clock()] = 10 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsShape:
    """Piecewise constant rates."""

    kind: Literal["steps"]
    points: Annotated[tuple[tuple[float, float], ...], Points()]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceShape:
    """A series in a CSV file."""

    kind: Literal["trace"]
    file: Annotated[str, Text(1, 1024, kind="the name of a CSV file")]
    period: Annotated[float, DurationMarker(1, 86_400)] | None = None
    unit: Literal["count", "rate"] = "count"
    start: Annotated[str, Text(1, 40, kind="an ISO 8601 time stamp")] | None = None
    scale: Annotated[float, Number(0, 1e6, open_low=True)] = 1.0


PROFILES: dict[str, type[DiurnalShape | StepsShape | TraceShape]] = {
    "diurnal": DiurnalShape,
    "steps": StepsShape,
    "trace": TraceShape,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficShape:
    """``traffic:``; exactly one of ``rate`` and ``profile``."""

    rate: Rate | None = None
    profile: dict[str, Any] | None = None
    dispersion: Annotated[float, Number(0, 1e6)] = 2.0
    users: Users = field(default_factory=Users)
    retries: Retries = field(default_factory=Retries)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultShape:
    """A fault; which keys a kind takes stands in `faults.KINDS`."""

    kind: FaultKind
    rate: RandomShare | None = None
    factor: RandomFactor | None = None
    add: RandomSeconds | None = None
    per_hour: Annotated[float, Number(0, 3600, open_low=True)] | None = None
    probability: Share | None = None
    event: Name | None = None
    latency: RandomSeconds | None = None
    share: Share | None = None
    index: Annotated[int, Number(0, 99_999, whole=True)] | None = None
    after: RandomSeconds | None = None
    ramp: RandomSeconds | None = None
    zones: tuple[Annotated[int, Number(1, 20, whole=True)], ...] | None = None
    instances: Annotated[float, Number(0, 1, open_low=True)] | None = None
    above_load: NonNegative | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeShape:
    """What a release may turn out to be."""

    name: Name
    probability: Share
    faults: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseShape:
    """``release:``."""

    outcomes: tuple[OutcomeShape, ...] | None = None


__all__ = ["PROFILES", "FaultShape", "OutcomeShape", "ReleaseShape", "TrafficShape"]
