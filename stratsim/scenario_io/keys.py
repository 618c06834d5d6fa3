"""Every key that a scenario may hold, gathered from the types that read it.

The JSON Schema, the reference page and the table of defaults are all made from
this one list, so none of them can forget a key.
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from stratsim.model.scenario import Scenario
from stratsim.model.service import Host, LifecycleEvent, Service
from stratsim.model.settings import Control, Cost, MetricSettings, OnCall, Slo
from stratsim.scenario_io import reader
from stratsim.scenario_io.checking import bare, marker_of
from stratsim.scenario_io.group_shapes import GroupShape
from stratsim.scenario_io.shapes import (
    PROFILES,
    FaultShape,
    OutcomeShape,
    ReleaseShape,
    TrafficShape,
)

REQUIRED = "required"
SECTION_TYPES: dict[str, Any] = {
    "traffic": TrafficShape,
    "service": Service,
    "lifecycle.EVENT": LifecycleEvent,
    "hosts[]": Host,
    "release": ReleaseShape,
    "release.outcomes[]": OutcomeShape,
    "fault": FaultShape,
    "metrics": MetricSettings,
    "deployment_group": GroupShape,
    "control": Control,
    "on_call": OnCall,
    "cost": Cost,
    "slo": Slo,
    **{f"traffic.profile[{kind}]": shape for kind, shape in PROFILES.items()},
}
"""Where each type stands; ``[]`` marks an entry of a list, ``[kind]`` a variant."""

LEAVES: dict[str, Any] = {
    "name": Annotated[str, reader.NAME],
    "description": Annotated[str, reader.DESCRIPTION],
    "platform": Literal["ec2", "ecs", "lambda"],
    "noise": Literal["sampled", "expected"],
    "replications": Annotated[int, reader.REPLICATIONS],
    "seed": Annotated[int, reader.SEED],
}
SECTIONS = tuple(item.name for item in fields(Scenario) if item.name in reader.SECTIONS)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its path, the type that reads it, and its default.

    ``default`` is `REQUIRED` for a key that has to be given.
    """

    path: str
    kind: Any
    default: Any


def walk_keys() -> Iterator[Key]:
    """Iterate over the keys of every section that a type of ours describes."""
    for path, kind in LEAVES.items():
        default = getattr(Scenario.__dataclass_fields__[path], "default", MISSING)
        yield Key(path, kind, REQUIRED if default is MISSING else default)
    for path, kind in SECTION_TYPES.items():
        yield from _walk(path, kind)


def _walk(path: str, kind: Any) -> Iterator[Key]:
    hints = get_type_hints(kind, include_extras=True)
    for item in fields(kind):
        inner = hints[item.name]
        here = f"{path}.{item.name}"
        if kind is ReleaseShape:
            continue
        nested = _nested(inner)
        if nested is None:
            yield Key(here, inner, _default(item))
        else:
            suffix = "[]" if get_origin(bare(inner)) is tuple else ""
            yield from _walk(here + suffix, nested)


def _nested(kind: Any) -> Any:
    """Return the dataclass inside `kind`, of which the keys are told one by one."""
    while marker_of(kind) is None:
        kind = bare(kind)
        if get_origin(kind) is not tuple:
            return kind if is_dataclass(kind) else None
        kind = get_args(kind)[0]
    return None


def _default(item: Any) -> Any:
    if item.default is not MISSING:
        return item.default
    return REQUIRED if item.default_factory is MISSING else item.default_factory()
