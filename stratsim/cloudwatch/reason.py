"""Why an alarm changed its state, in the wording that CloudWatch uses.

Source: the sample events of the user guide, cloudwatch-and-eventbridge, and
reasons as they stand in public alarm histories of 2018 to 2026.
"""

from collections.abc import Sequence
from typing import TypeAlias

from stratsim.cloudwatch.evaluation import State
from stratsim.cloudwatch.thresholds import BREACHING, GOOD, MISSING
from stratsim.cloudwatch.windows import Edges, Values, cells_of
from stratsim.model.alarm import MetricAlarm

INITIAL = "Unchecked: Initial alarm creation"
MANY = 5  # datapoints, from which on only the newest ones are listed, at the end

Found: TypeAlias = list[tuple[float, str, Sequence[float | None] | None]]

_RELATIONS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
_TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


def state_reason(
    alarm: MetricAlarm,
    state: State,
    datapoints: Values,
    stamps: Sequence[str],
    band: Edges | None = None,
) -> str:
    """Return the StateReason of an evaluation that led to `state`.

    Parameters
    ----------
    alarm
        Whose rule was applied.
    state
        What the evaluation found.
    datapoints, stamps
        The evaluation range, oldest first, and when each period starts, as it
        shall be printed.
    band
        Lower and upper edge per datapoint on a band alarm.
    """
    cells = cells_of(alarm, datapoints, band)
    missing = alarm.n - min(sum(cell != MISSING for cell in cells), alarm.n)
    if state is State.INSUFFICIENT_DATA:
        return f"Insufficient Data: {_count(missing, 'datapoint')} {_were(missing)} unknown."
    treated = _treated(alarm, missing)
    found = _found(cells, datapoints, stamps, band)
    wanted = BREACHING if state is State.ALARM else GOOD
    telling = [entry for cell, entry in found[: alarm.n] if cell == wanted]
    if not telling:
        return f"{_head(alarm)}: {_received(alarm.n - missing, alarm.n)}{treated}."
    told = _told(alarm, telling, state)
    if treated or alarm.DatapointsToAlarm is None:
        return f"{_head(alarm)}: {_count(len(telling), 'datapoint')}{told}{treated}."
    minimum = _minimum(alarm, state)
    return f"{_head(alarm)}: {len(telling)} out of the last {alarm.n} datapoints{told} {minimum}."


def _found(
    cells: Sequence[int], datapoints: Values, stamps: Sequence[str], band: Edges | None
) -> list[tuple[int, tuple[float, str, Sequence[float | None] | None]]]:
    """Return the datapoints there are, newest first, as reasons list them."""
    edges = [None] * len(cells) if band is None else band
    rows = zip(cells, datapoints, stamps, edges, strict=True)
    return [
        (cell, (value, stamp, edge))
        for cell, value, stamp, edge in reversed(list(rows))
        if value is not None and cell != MISSING
    ]


def _head(alarm: MetricAlarm) -> str:
    return "Thresholds Crossed" if alarm.banded else "Threshold Crossed"


def _received(received: int, periods: int) -> str:
    datapoints = _count(received, "datapoint") if received else "no datapoints"
    return f"{datapoints} {'was' if received == 1 else 'were'} received for " + _count(
        periods, "period"
    )


def _treated(alarm: MetricAlarm, missing: int) -> str:
    word = _TREATED.get(alarm.treatment)
    if not missing or word is None:
        return ""
    return f" and {missing} missing {_plural(missing)} {_were(missing)} treated as [{word}]"


def _told(alarm: MetricAlarm, telling: Found, state: State) -> str:
    """Return the datapoints and how they stand to the threshold, newest first."""
    relation = _relation(alarm, telling, state)
    if len(telling) < MANY:
        return f" [{_listed(telling)}] {relation}"
    crossed = "crossed" if state is State.ALARM else "did not cross"
    recent = f"The most recent datapoints which {crossed} the threshold"
    return f" {relation}. {recent}: [{_listed(telling[:MANY])}]"


def _minimum(alarm: MetricAlarm, state: State) -> str:
    """Return how many datapoints it takes to change the state."""
    if state is State.ALARM:
        return f"(minimum {_count(alarm.m, 'datapoint')} for OK -> ALARM transition)"
    return f"(minimum {_count(alarm.n - alarm.m + 1, 'datapoint')} for ALARM -> OK transition)"


def _relation(alarm: MetricAlarm, telling: Found, state: State) -> str:
    verb = _were(len(telling)) + (" not" if state is State.OK else "")
    if not alarm.banded:
        relation = _RELATIONS[alarm.ComparisonOperator]
        return f"{verb} {relation} the threshold ({alarm.Threshold!r})"
    lower = f"less than the lower thresholds [{_edges(telling, 0)}]"
    upper = f"greater than the upper thresholds [{_edges(telling, 1)}]"
    sides = {"LessThanLowerThreshold": lower, "GreaterThanUpperThreshold": upper}
    return f"{verb} {sides.get(alarm.ComparisonOperator, f'{lower} or {upper}')}"


def _listed(telling: Found) -> str:
    return ", ".join(f"{float(value)!r} ({stamp})" for value, stamp, _ in telling)


def _edges(telling: Found, side: int) -> str:
    return ", ".join(repr(edge[side]) for _, _, edge in telling if edge is not None)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _plural(count: int) -> str:
    return "datapoint" if count == 1 else "datapoints"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
