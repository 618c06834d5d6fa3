"""Strategies: from a deployment configuration and a fleet to a plan, without a clock.

Every module of this package is imported here, so that a family is one new file
that registers itself.
"""

from importlib import import_module
from pkgutil import iter_modules

from stratsim.model.scenario import Scenario
from stratsim.model.strategy import StrategySpec
from stratsim.strategies.families import (
    FAMILIES,
    OVERRIDE_KEYS,
    Family,
    build_plan,
    check_spec,
    classify,
    find_spec,
)
from stratsim.strategies.first_stop import FirstStop
from stratsim.strategies.limits import LIMITS
from stratsim.strategies.result import PlanResult
from stratsim.strategies.timeline_rows import TimelineRow

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")


def plan_strategy(scenario: Scenario, name: str | StrategySpec) -> PlanResult:
    """Return the timeline of a strategy of `scenario`, without what its alarms could do.

    `name` is a strategy of the scenario, or any of the platform's predefined
    configurations; `InputError` where there is none, or AWS would refuse it.
    """
    return PlanResult.of(scenario.name, build_plan(scenario, name))


__all__ = [
    "FAMILIES",
    "LIMITS",
    "OVERRIDE_KEYS",
    "Family",
    "FirstStop",
    "PlanResult",
    "TimelineRow",
    "build_plan",
    "check_spec",
    "classify",
    "find_spec",
    "plan_strategy",
]
