"""What AWS's own service models say about the input of a call.

botocore checks names, types, required members and minima by itself; enums, maxima
and patterns stand in its models too, and the walk below reads them. It knows no
rule that ties members together.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

_SESSION = botocore.session.get_session()


@cache
def input_shape(service: str, operation: str) -> Any:
    return _SESSION.get_service_model(service).operation_model(operation).input_shape


def problems(service: str, operation: str, document: Mapping[str, Any]) -> list[str]:
    """Everything that the model refuses about the input of an operation."""
    shape = input_shape(service, operation)
    report = ParamValidator().validate(document, shape).generate_report()
    return [*report.splitlines(), *_walk(document, shape, operation)]


def _walk(value: Any, shape: Any, where: str) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for key, item in value.items():
            if key in shape.members:
                yield from _walk(item, shape.members[key], f"{where}.{key}")
    elif shape.type_name == "list" and isinstance(value, list):
        yield from _too_many(len(value), shape, f"{where} (length)")
        for index, item in enumerate(value):
            yield from _walk(item, shape.member, f"{where}[{index}]")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _too_many(len(value), shape, f"{where} (length)")
        yield from _text(value, shape, where)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _too_many(value, shape, where)


def _too_many(value: float, shape: Any, where: str) -> Iterator[str]:
    most = shape.metadata.get("max")
    if most is not None and value > most:
        yield f"{where}: {value} is more than {most}"


def _text(value: str, shape: Any, where: str) -> Iterator[str]:
    enum = getattr(shape, "enum", None)
    if enum and value not in enum:
        yield f"{where}: {value!r} is none of {enum}"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield f"{where}: {value!r} does not match {pattern}"
