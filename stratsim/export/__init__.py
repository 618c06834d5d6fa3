"""Exports: from a strategy to what other tools read, as pure builders.

Every module of this package is imported here, so that a target is one new file
that registers itself. Only `stratsim.export.write` touches files.
"""

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules

from stratsim.export._base import EXPORTERS, Export, Request
from stratsim.export._names import RULES, NameRule, Placeholder, check_names
from stratsim.export.write import write_export
from stratsim.model.scenario import Alarm, Scenario
from stratsim.strategies import build_plan, find_spec

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")

__all__ = [
    "EXPORTERS",
    "RULES",
    "Export",
    "NameRule",
    "Placeholder",
    "check_names",
    "export_strategy",
    "write_export",
]


def export_strategy(
    scenario: Scenario,
    strategy_name: str,
    format: str = "codedeploy",  # noqa: A002  (the word of the command line)
    alarms: Iterable[Alarm] | None = None,
) -> Export:
    """Return a strategy of `scenario` in the form of another tool; writes nothing.

    Parameters
    ----------
    scenario
        Where the strategy, the alarms, the deployment group and ``names:`` come from.
    strategy_name
        A strategy of the scenario or a predefined configuration of its platform.
    format
        A name in `EXPORTERS`.
    alarms
        Alarms to write instead of the scenario's; all of them stop the deployment.

    Raises
    ------
    InputError
        An unknown strategy or format, or what AWS would refuse.
    UnsupportedError
        The target cannot hold the scenario's platform at all.
    """
    build = EXPORTERS.get(format)
    spec = find_spec(scenario, strategy_name)
    plan = build_plan(scenario, spec)
    if alarms is None:
        chosen, stopping = scenario.alarms, plan.group.alarm_names
    else:
        chosen = tuple(alarms)
        stopping = tuple(alarm.AlarmName for alarm in chosen)
    return build(Request(scenario=scenario, spec=spec, plan=plan, alarms=chosen, stopping=stopping))
