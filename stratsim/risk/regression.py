"""Regressions of one kind and many sizes, as the outcomes of a release."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from stratsim.errors import InputError, Problem, shorten, unknown_name
from stratsim.model.quantities import Fixed
from stratsim.model.release import Fault, Outcome, Release
from stratsim.model.scenario import Scenario

HEALTHY = "healthy"
"""The outcome without the regression: what is rolled back here is rolled back falsely."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the size of a kind of fault is, where it is nothing, and where it may end."""

    field: str
    what: str
    nothing: float
    most: float
    grid: tuple[float, ...]


_SHARES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_PROBABILITIES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)

SCALES = {
    "errors": Scale("rate", "share of its requests that the new revision fails", 0.0, 1.0, _SHARES),
    "latency": Scale(
        "factor", "response times of the new revision, times", 1.0, 1000.0,
        (1.1, 1.25, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0),
    ),
    "startup": Scale(
        "probability", "share of instances that never start", 0.0, 1.0, _PROBABILITIES
    ),
    "hook": Scale(
        "probability", "probability that the lifecycle event fails", 0.0, 1.0, _PROBABILITIES
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Regression:
    """A fault whose size is varied; ``others`` happen with it at their own size."""

    fault: Fault
    others: tuple[Fault, ...] = ()

    @classmethod
    def of(cls, scenario: Scenario, outcome: str | None) -> "Regression":
        """Return the regression that an outcome of the scenario is an example of.

        Its first fault with a size is varied: what else it says of it (``after``,
        ``ramp``, ``zones``, ...) stays. Without a name, plain errors from the first
        request on.
        """
        if outcome is None:
            return cls(Fault(kind="errors"))
        names = [one.name for one in scenario.release.outcomes]
        if outcome not in names:
            raise InputError([unknown_name("outcome", outcome, names)])
        faults = scenario.release.outcomes[names.index(outcome)].faults
        for index, fault in enumerate(faults):
            sized = fault.kind in SCALES and (fault.kind != "latency" or fault.factor is not None)
            if sized:
                return cls(fault, faults[:index] + faults[index + 1 :])
        rule = f"an outcome with a fault among {', '.join(SCALES)} (latency: with a factor)"
        raise InputError([Problem("outcome", rule, shorten(outcome))])

    @property
    def scale(self) -> Scale:
        """What its size is."""
        return SCALES[self.fault.kind]

    def sized(self, size: float) -> tuple[Fault, ...]:
        """Return the faults of the regression with this size."""
        plain = self.scale.field == "probability"
        changes: dict[str, Any] = {self.scale.field: size if plain else Fixed(size)}
        return (replace(self.fault, **changes), *self.others)

    def check(self, sizes: Sequence[float]) -> tuple[float, ...]:
        """Return the sizes in order, each once, without the healthy one."""
        low, high = self.scale.nothing, self.scale.most
        wrong = [size for size in sizes if not _lawful(size, low, high)]
        if wrong or not sizes:
            rule = f"numbers of {low:g} to {high:g}: {self.scale.what}"
            got = shorten(wrong[0]) if wrong else "none"
            raise InputError([Problem("rates", rule, got)])
        found = tuple(sorted({float(size) for size in sizes if size > low}))
        if not found:
            hint = "The healthy release is looked at in any case."
            raise InputError([Problem("rates", f"at least one above {low:g}", f"{low:g}", hint)])
        return found

    def release(self, sizes: Sequence[float]) -> Release:
        """Return a release that is healthy or has the regression in one of its sizes."""
        chance = 1 / (len(sizes) + 1)
        sized = (
            Outcome(name=f"{size:g}", probability=chance, faults=self.sized(size)) for size in sizes
        )
        return Release(outcomes=(Outcome(name=HEALTHY, probability=chance), *sized))


def _lawful(size: object, low: float, high: float) -> bool:
    if isinstance(size, bool) or not isinstance(size, int | float):
        return False
    return low <= float(size) <= high
