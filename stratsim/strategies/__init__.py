"""Strategies: from a deployment configuration and a fleet to a plan, without a clock.

Every module of this package is imported here, so that a family is one new file
that registers itself.
"""

from importlib import import_module
from pkgutil import iter_modules

from stratsim.strategies.families import (
    FAMILIES,
    OVERRIDE_KEYS,
    Family,
    build_plan,
    check_spec,
    classify,
    find_spec,
)
from stratsim.strategies.limits import LIMITS
from stratsim.strategies.predefined import predefined

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")

__all__ = [
    "FAMILIES",
    "LIMITS",
    "OVERRIDE_KEYS",
    "Family",
    "build_plan",
    "check_spec",
    "classify",
    "find_spec",
    "predefined",
]
