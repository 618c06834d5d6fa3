"""JSON Schema of AWS's alarm shapes, as far as an editor needs it."""

from typing import Any

from stratsim.cloudwatch import limits

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_WHOLE: Schema = {"type": "integer", "minimum": 1}
_ANY: Schema = {}
_DIMENSIONS: Schema = {
    "type": "array",
    "description": "TargetGroup and ExecutedVersion take new or old; omitted: both revisions.",
    "items": {
        "type": "object",
        "properties": {"Name": _TEXT, "Value": _TEXT},
        "required": ["Name", "Value"],
        "additionalProperties": False,
    },
}
_TYPES: Schema = {
    "ActionsEnabled": {"type": "boolean"},
    "OKActions": _TEXTS,
    "AlarmActions": _TEXTS,
    "InsufficientDataActions": _TEXTS,
    "Dimensions": _DIMENSIONS,
    "Statistic": {"enum": list(limits.STATISTICS)},
    "Period": {**_WHOLE, "description": "Seconds: 10, 20, 30 or a multiple of 60."},
    "EvaluationPeriods": {**_WHOLE, "description": "N: how many datapoints are judged."},
    "DatapointsToAlarm": {**_WHOLE, "description": "M: how many of them must breach."},
    "Threshold": {"type": "number"},
    "ComparisonOperator": {"enum": [*limits.OPERATORS, *limits.BAND_OPERATORS]},
    "TreatMissingData": {"enum": list(limits.TREATMENTS)},
    "EvaluateLowSampleCountPercentile": {"enum": list(limits.LOW_SAMPLES)},
    "Metrics": {"type": "array", "items": {"type": "object"}, "maxItems": 500},
    "ActionsSuppressorWaitPeriod": {"type": "integer"},
    "ActionsSuppressorExtensionPeriod": {"type": "integer"},
}


def _shape(keys: tuple[str, ...], carried: tuple[str, ...], required: list[str]) -> Schema:
    properties = {key: _TYPES.get(key, _TEXT) for key in keys}
    extra = dict.fromkeys((*carried, *sorted(limits.READ_ONLY_KEYS)), _ANY)
    return {
        "type": "object",
        "properties": {**properties, **extra},
        "required": required,
        "additionalProperties": False,
    }


METRIC_ALARM = _shape(
    limits.METRIC_ALARM_KEYS,
    limits.METRIC_ALARM_CARRIED,
    ["AlarmName", "EvaluationPeriods", "ComparisonOperator"],
)
"""PutMetricAlarm."""

COMPOSITE_ALARM = _shape(
    limits.COMPOSITE_KEYS, limits.COMPOSITE_CARRIED, ["AlarmName", "AlarmRule"]
)
"""PutCompositeAlarm."""
