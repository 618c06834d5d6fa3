"""The JSON Schema of a scenario file, for editors and for other programs.

Made from the types that read a file, with descriptions and defaults from the
table of parameters. What ties keys together (sums, names that must exist) is
beyond a schema and checked when a file is loaded.
"""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from stratsim.model.markers import Number
from stratsim.model.quantities import DistributionMarker
from stratsim.model.service import Platform, Service
from stratsim.scenario_io.alarms import MAX_ALARMS
from stratsim.scenario_io.aws_schema import COMPOSITE_ALARM, METRIC_ALARM
from stratsim.scenario_io.checking import bare, marker_of
from stratsim.scenario_io.defaults import data, service_keys
from stratsim.scenario_io.events import EVENTS
from stratsim.scenario_io.faults import KINDS, MAX_FAULTS, MAX_OUTCOMES, OF_RELEASES, WHEN
from stratsim.scenario_io.group_shapes import GroupShape
from stratsim.scenario_io.keys import LEAVES, SECTION_TYPES
from stratsim.scenario_io.reader import PLATFORMS, known_quotas
from stratsim.scenario_io.shapes import PROFILES, FaultShape, OutcomeShape, TrafficShape
from stratsim.scenario_io.strategies import MAX_STRATEGIES

ADDRESS = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_DISTRIBUTIONS = {
    DistributionMarker(): "durations",
    DistributionMarker(duration=False, high=1.0): "shares",
    DistributionMarker(duration=False, high=1e6): "factors",
}
"""The distributions of the model, by the name of their definition."""


def json_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a scenario file."""
    single = {
        path: schema_of(kind, path)
        for path, kind in SECTION_TYPES.items()
        if path in ("metrics", "control", "on_call", "cost", "slo", "deployment_group")
    }
    properties: Schema = {
        **{path: schema_of(kind, path) for path, kind in LEAVES.items()},
        **single,
        "traffic": _traffic(),
        "service": {"type": "object"},
        "lifecycle": {"type": "object"},
        "hosts": _list_of(schema_of(SECTION_TYPES["hosts[]"], "hosts[]")),
        "release": _object({"outcomes": _outcomes()}),
        "environment": _list_of({"$ref": "#/$defs/environment_fault"}, MAX_FAULTS),
        "alarms": _alarms(),
        "quotas": _object(dict.fromkeys(known_quotas(), Number(0, 1e9).json_schema())),
        "names": _names(),
        "strategies": _strategies(),
    }
    for key, schema in properties.items():
        properties[key] = _told(schema, key)
    return {
        "$schema": ADDRESS,
        "title": "stratsim scenario",
        **_object(properties, ["name", "platform"]),
        "allOf": [_of_platform(platform) for platform in PLATFORMS],
        "$defs": {
            "fault": _fault(),
            "environment_fault": _fault(environment=True),
            **{name: marker.json_schema() for marker, name in _DISTRIBUTIONS.items()},
        },
    }


def schema_of(kind: Any, path: str) -> Schema:
    """Return the schema of what the type `kind` reads at `path`."""
    marker = marker_of(kind)
    kind = bare(kind)
    schema: Schema = {}
    if isinstance(marker, DistributionMarker):
        schema = {"$ref": f"#/$defs/{_DISTRIBUTIONS[marker]}"}
    elif marker is not None:
        schema = marker.json_schema()
    elif get_origin(kind) is Literal:
        schema = {"enum": list(get_args(kind))}
    elif get_origin(kind) is tuple:
        schema = _list_of(schema_of(get_args(kind)[0], f"{path}[]"))
    elif is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        needed = [f.name for f in fields(kind) if _is_required(f)]
        inner = {name: schema_of(hint, f"{path}.{name}") for name, hint in hints.items()}
        schema = _object(inner, needed)
    return _told(schema, path)


def _is_required(item: Any) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _told(schema: Schema, path: str) -> Schema:
    """Add the description and the default of the table of parameters."""
    entry = data("parameters")["keys"].get(path, {})
    told = dict(schema)
    if "text" in entry:
        unit = f" [{entry['unit']}]" if "unit" in entry else ""
        told["description"] = f"{entry['text']}{unit}"
    if "default" in entry:
        told["default"] = entry["default"]
    return told


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | ({"required": required} if required else {})


def _list_of(item: Schema, most: int | None = None, least: int | None = None) -> Schema:
    schema: Schema = {"type": "array", "items": item}
    if least is not None:
        schema["minItems"] = least
    return schema | ({} if most is None else {"maxItems": most})


def _traffic() -> Schema:
    schema = schema_of(TrafficShape, "traffic")
    variants = [schema_of(shape, f"traffic.profile[{kind}]") for kind, shape in PROFILES.items()]
    schema["properties"]["profile"] = _told({"oneOf": variants}, "traffic.profile")
    schema["not"] = {"required": ["rate", "profile"]}
    return schema


def _outcomes() -> Schema:
    outcome = schema_of(OutcomeShape, "release.outcomes[]")
    faults = _list_of({"$ref": "#/$defs/fault"}, MAX_FAULTS)
    outcome["properties"]["faults"] = _told(faults, "release.outcomes[].faults")
    return _list_of(outcome, MAX_OUTCOMES, 1)


def _fault(*, environment: bool = False) -> Schema:
    """Return one variant per kind, so that an editor offers only that kind's keys."""
    hints = get_type_hints(FaultShape, include_extras=True)
    variants = []
    for kind, rules in KINDS.items():
        if environment and not rules.environment:
            continue
        common = [key for key in rules.common if not (environment and key in OF_RELEASES)]
        properties: Schema = {"kind": {"const": kind}}
        for key in (*rules.own, *common):
            properties[key] = schema_of(hints[key], f"fault.{key}")
        if environment:
            for key in WHEN:
                properties[key] = _told(WHEN[key][1].json_schema(), f"fault.{key}")
        needed = [*rules.own] if rules.every else []
        variants.append(_object(properties, ["kind", *needed]))
    return {"oneOf": variants}


def _of_platform(platform: Platform) -> Schema:
    """Return what holds on one platform: the keys of its service and its events."""
    service = schema_of(Service, "service")
    keys = service_keys(platform)
    service["properties"] = {key: service["properties"][key] for key in keys}
    event = schema_of(SECTION_TYPES["lifecycle.EVENT"], "lifecycle.EVENT")
    events = _object(dict.fromkeys(EVENTS[platform], event))
    return {
        "if": {"properties": {"platform": {"const": platform}}, "required": ["platform"]},
        "then": {"properties": {"service": service, "lifecycle": events}},
    }


def _alarms() -> Schema:
    printed = _object(
        {"MetricAlarms": _list_of(METRIC_ALARM), "CompositeAlarms": _list_of(COMPOSITE_ALARM)}
    )
    written = _list_of({"anyOf": [METRIC_ALARM, COMPOSITE_ALARM]}, MAX_ALARMS)
    return {"anyOf": [written, printed]}


def _names() -> Schema:
    from stratsim.export._names import RULES

    return _object(
        {
            rule.key: {"type": ["string", "integer"], "description": rule.what}
            for rule in RULES.values()
        }
    )


def _strategies() -> Schema:
    from stratsim.strategies import FAMILIES
    from stratsim.strategies.predefined import predefined

    group = schema_of(GroupShape, "deployment_group")["properties"]
    kinds: Schema = {}
    for family in map(FAMILIES.get, FAMILIES):
        for key in (*family.keys, *family.companions):
            where = f"{family.name}, on {', '.join(family.platforms)}"
            kinds.setdefault(key, {"description": f"Configuration of {where}."})
    entry = _object({"name": {"type": "string"}, **kinds, **group}, ["name"])
    names = [name for platform in PLATFORMS for name in predefined(platform)]
    return _list_of({"anyOf": [{"enum": names}, entry]}, MAX_STRATEGIES, 1)
