"""What a measure is, and where measures register themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stratsim.model.quantities import Array
from stratsim.registry import Registry

if TYPE_CHECKING:
    from stratsim.engine.tally import Tally
    from stratsim.model.scenario import Scenario

Better = Literal["lower", "higher"]
MeasureFunction = Callable[["Tally", "Scenario"], Array]


@dataclass(frozen=True, slots=True)
class Measure:
    """A named quantity of one run.

    ``compute`` maps tallies of shape (runs,) and the scenario to values of shape
    (runs,), NaN where the measure does not apply.
    """

    name: str
    unit: str
    better: Better
    definition: str
    compute: MeasureFunction


MEASURES: Registry[Measure] = Registry("measure")


def measure(
    name: str, *, unit: str, better: Better = "lower"
) -> Callable[[MeasureFunction], MeasureFunction]:
    """Register the decorated function; its docstring's first line is the definition."""

    def add(function: MeasureFunction) -> MeasureFunction:
        definition = (function.__doc__ or "").strip().split("\n")[0]
        MEASURES.add(name, Measure(name, unit, better, definition, function))
        return function

    return add
