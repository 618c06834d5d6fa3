"""Simulate AWS deployment strategies before you run them.

The names below are the whole public face; each is imported when it is first
used, so that ``import stratsim`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stratsim import cloudwatch as cloudwatch
    from stratsim import errors as errors
    from stratsim.risk import operating_characteristic as operating_characteristic
    from stratsim.scenario_io import load as load
    from stratsim.search import recommend_design as recommend
    from stratsim.sensitivity import sobol_indices as sobol
    from stratsim.sensitivity import sweep_scenario as sweep
    from stratsim.sensitivity import vary_one_by_one as tornado
    from stratsim.store import compare_kept as compare
    from stratsim.study import simulate as simulate
    from stratsim.study.first_stops import foresee as plan

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "cloudwatch",
    "compare",
    "errors",
    "load",
    "operating_characteristic",
    "plan",
    "recommend",
    "simulate",
    "sobol",
    "sweep",
    "tornado",
]

# Public name -> where it lives: "module:attribute", or a module of its own.
_HOMES = {
    "cloudwatch": "stratsim.cloudwatch",
    "compare": "stratsim.store:compare_kept",
    "errors": "stratsim.errors",
    "load": "stratsim.scenario_io:load",
    "operating_characteristic": "stratsim.risk:operating_characteristic",
    "plan": "stratsim.study.first_stops:foresee",
    "recommend": "stratsim.search:recommend_design",
    "simulate": "stratsim.study:simulate",
    "sobol": "stratsim.sensitivity:sobol_indices",
    "sweep": "stratsim.sensitivity:sweep_scenario",
    "tornado": "stratsim.sensitivity:vary_one_by_one",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    module, _, attribute = _HOMES[name].partition(":")
    found = import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
