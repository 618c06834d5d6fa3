"""What an export is, and where exporters register themselves."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stratsim.export._names import Names, Placeholder, names_in_alarms, names_in_group
from stratsim.model.plan import Plan
from stratsim.model.scenario import Alarm, Scenario
from stratsim.model.strategy import StrategySpec
from stratsim.registry import Registry

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The files of one target, and what has to be told beside them.

    ``files`` maps file names to texts. ``losses`` is what the target cannot
    express, ``notes`` what its reader should know, ``placeholders`` the values
    that were made up, ``commands`` the shell commands that use the files, in
    the order in which they have to run.
    """

    format: str
    files: Mapping[str, str]
    losses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    placeholders: tuple[Placeholder, ...] = ()
    commands: tuple[str, ...] = ()

    def messages(self) -> tuple[str, ...]:
        """Return everything that must be told, one line each."""
        return (
            *(f"lost: {loss}" for loss in self.losses),
            *(f"note: {note}" for note in self.notes),
            *(f"placeholder: {line}" for line in self._placeholder_lines()),
        )

    def _placeholder_lines(self) -> list[str]:
        """Return one line for each made-up value, with all its places."""
        places: dict[tuple[str, str], list[str]] = {}
        for made_up in self.placeholders:
            places.setdefault((made_up.key, made_up.value), []).append(made_up.where)
        return [
            f"names.{key}: {value} ({'; '.join(where)})" for (key, value), where in places.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an exporter works on: one planned strategy of one scenario.

    ``alarms`` are all alarms to write, ``stopping`` the names of those that
    stop the deployment.
    """

    scenario: Scenario
    spec: StrategySpec
    plan: Plan
    alarms: tuple[Alarm, ...]
    stopping: tuple[str, ...]


@dataclass(slots=True)
class Draft:
    """A request on its way to an export: the names used, and what to tell.

    ``new_version`` is the target's own word for the version that it deploys, for
    a target that has one; elsewhere a version is a number.
    """

    request: Request
    names: Names
    new_version: str = ""
    losses: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, request: Request) -> "Draft":
        """Return an empty draft that knows the names the scenario mentions."""
        grouped = names_in_group(request.spec.group.raw)
        names = Names(request.scenario.names, names_in_alarms(request.alarms) | grouped)
        draft = cls(request, names)
        draft.notes += [
            f"names.{key} ({given}) replaces {grouped[key]} of the deployment group."
            for key, given in request.scenario.names.items()
            if key in grouped and grouped[key] != given
        ]
        return draft

    def lose(self, text: str) -> None:
        """Tell, once, what the target cannot express."""
        if text not in self.losses:
            self.losses.append(text)

    def note(self, text: str) -> None:
        """Tell, once, what the reader should know."""
        if text not in self.notes:
            self.notes.append(text)

    def finish(
        self, target: str, files: Mapping[str, str], commands: tuple[str, ...] = ()
    ) -> Export:
        """Return the export with everything that was told on the way."""
        return Export(
            format=target,
            files=files,
            losses=tuple(self.losses),
            notes=tuple(self.notes),
            placeholders=self.names.placeholders,
            commands=commands,
        )


Exporter = Callable[[Request], Export]
EXPORTERS: Registry[Exporter] = Registry("export format")


def exporter(name: str) -> Callable[[Exporter], Exporter]:
    """Register the decorated builder as the export format `name`."""

    def add(function: Exporter) -> Exporter:
        return EXPORTERS.add(name, function)

    return add


def json_text(document: object) -> str:
    """Return `document` as the text of a file; ASCII, so any locale reads it."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def plain(value: object) -> object:
    """Return `value` as JSON has it: dicts, lists, and whole numbers without a point."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_FLOAT:
        return int(value)
    return value


_EXACT_FLOAT = 2**53
