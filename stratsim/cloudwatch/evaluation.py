"""One evaluation of an alarm: which state a row of datapoints asks for.

CloudWatch asks for more datapoints than it judges: the *evaluation range* is
longer than EvaluationPeriods. Sources: user guide, pages AlarmThatSendsEmail
and alarms-and-missing-data (the tables of missing data), read 2023 and 2025.
What those pages leave open is decided here, and named where it is:

A1  premature alarm: no good datapoint may lie anywhere in the range;
A2  a breach too young to alarm, under ``missing``: INSUFFICIENT_DATA;
A3  a breach too young to alarm, under ``ignore``: the state is kept;
A4  ``ignore`` with enough breaches but too few datapoints: ALARM;
A5  a value without a band datapoint counts as missing.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stratsim.cloudwatch.thresholds import BREACHING, GOOD, MISSING
from stratsim.model.alarm import MetricAlarm

Cells = NDArray[np.int8]
States = NDArray[np.int8]


KEEP = -1  # a verdict that leaves the state as it was


class State(IntEnum):
    """States of an alarm; ``name`` is AWS's word."""

    OK = 0
    ALARM = 1
    INSUFFICIENT_DATA = 2


# Plain ints for the loops below: reading a member of an enum costs more than
# all the comparisons of one evaluation.
_OK, _ALARM, _INSUFFICIENT = 0, 1, 2
STATES = tuple(State)


def judge(cells: Sequence[int], m: int, n: int, treatment: str, previous: int) -> State:
    """Return the state that one evaluation range asks for.

    Parameters
    ----------
    cells
        The range, oldest first: 0 good, 1 breaching, -1 missing.
    m, n
        DatapointsToAlarm and EvaluationPeriods.
    treatment
        TreatMissingData.
    previous
        The state before, kept where the rules keep it.
    """
    verdict = _verdict(cells, m, n, treatment)
    return STATES[previous if verdict == KEEP else verdict]


def _verdict(cells: Sequence[int], m: int, n: int, treatment: str) -> int:
    real = breaching = 0
    for cell in reversed(cells):
        if cell >= 0:
            real += 1
            breaching += cell
            if real == n:  # enough datapoints: the treatment is not consulted
                return _ALARM if breaching >= m else _OK
    if breaching >= m:  # A4; no filling could undo it
        return _ALARM
    return _verdict_with_gaps(cells, m, n - real, breaching, treatment)


def _verdict_with_gaps(
    cells: Sequence[int], m: int, gap: int, breaching: int, treatment: str
) -> int:
    """Judge fewer than n datapoints, fewer than m of them breaching.

    Only as many datapoints are made up as are needed: `gap`.
    """
    if treatment == "breaching":
        return _ALARM if breaching + gap >= m else _OK
    if treatment == "notBreaching" or 0 in cells:  # A1
        return _OK
    if treatment == "ignore":  # A3
        return KEEP
    oldest = next((len(cells) - at for at, cell in enumerate(cells) if cell == BREACHING), 0)
    return _ALARM if oldest >= m else _INSUFFICIENT  # premature alarm, else A2


def judge_many(cells: Cells, m: int, n: int, treatment: str, previous: States) -> States:
    """Return `judge` of every row: `cells` is ``(..., R)``, oldest first."""
    columns = [cells[..., at] for at in range(cells.shape[-1])]
    verdicts = _verdicts(columns, m, n, treatment)
    states: States = np.where(verdicts == KEEP, previous, verdicts).astype(np.int8, copy=False)
    return states


def judge_over_time(
    cells: Cells,
    m: int,
    n: int,
    treatment: str,
    size: int,
    initial: States | int,
    hold: NDArray[np.bool_] | None = None,
) -> States:
    """Return the states of evaluations that each see one more period.

    Parameters
    ----------
    cells
        ``(..., T)``, one period per column; nothing exists before the first.
        An alarm with history gets it as leading columns.
    m, n, treatment
        As in `judge`.
    size
        The evaluation range in periods.
    initial
        The state before the first evaluation, one or one per row.
    hold
        Where an evaluation keeps the state whatever it sees, ``(..., T)``.

    Returns
    -------
    states
        ``(..., T)``: evaluation t sees the columns up to and including t.
    """
    size = min(size, cells.shape[-1])  # what lies before the first column is missing anyway
    width = [(0, 0)] * (cells.ndim - 1) + [(size - 1, 0)]
    padded = np.pad(cells, width, constant_values=MISSING)
    windows = sliding_window_view(padded, size, axis=-1)
    verdicts = _verdicts([windows[..., at] for at in range(size)], m, n, treatment)
    if hold is not None:
        verdicts[hold] = KEEP
    # Only where a state may be kept is time a loop.
    return _carry(verdicts, initial) if treatment == "ignore" or hold is not None else verdicts


def _verdicts(columns: Sequence[Cells], m: int, n: int, treatment: str) -> States:
    """Return the verdict of every row; `columns` are the range, oldest first."""
    real = np.zeros(columns[0].shape, np.int8 if len(columns) < 127 else np.int32)
    breaching = real.copy()
    mature = np.zeros(columns[0].shape, bool)
    for age, column in enumerate(reversed(columns), start=1):
        present = column >= GOOD
        if age > n:
            present &= real < n
        breaching += present & (column == BREACHING)
        real += present
        if age >= m:
            mature |= present
    return _fill(real, breaching, mature, m, n, treatment)


def _fill(
    real: NDArray[Any],
    breaching: NDArray[Any],
    mature: NDArray[np.bool_],
    m: int,
    n: int,
    treatment: str,
) -> States:
    """Decide; with n datapoints every branch says what they say alone."""
    alarm: NDArray[np.bool_] = breaching >= m
    if treatment == "breaching":
        # Made-up breaches fill what good datapoints leave of the n.
        alarm = real - breaching <= n - m
    states: States = alarm.astype(np.int8)
    if treatment in {"missing", "ignore"}:
        only_breaching = (real == breaching) & ~alarm
        if treatment == "ignore":
            states[only_breaching] = KEEP
        else:
            states[only_breaching & mature] = _ALARM
            states[only_breaching & ~mature] = _INSUFFICIENT
    return states


def _carry(verdicts: States, initial: States | int) -> States:
    """Replace every KEEP by the state before it along the last axis."""
    states = np.empty_like(verdicts)
    state = np.broadcast_to(np.asarray(initial, np.int8), verdicts.shape[:-1])
    for at in range(verdicts.shape[-1]):
        now = verdicts[..., at]
        state = np.where(now == KEEP, state, now)
        states[..., at] = state
    return states


def evaluation_range(alarm: MetricAlarm, extra: int = 2) -> int:
    """Return how many periods an evaluation asks for: EvaluationPeriods + `extra`.

    AWS publishes one figure, 5 periods of five minutes for 3 evaluation
    periods; what it does at other settings is not known, so `extra` is a
    parameter of the simulation.
    """
    return alarm.n + extra


def not_evaluated(alarm: MetricAlarm) -> list[str]:
    """Return what an alarm asks for that no evaluation here heeds, in words."""
    found = []
    window = alarm.extra.get("EvaluationWindow")
    if isinstance(window, Mapping) and "WallClockWindow" in window:
        found.append("EvaluationWindow: WallClockWindow is not simulated; the windows slide.")
    if "WarmUpConfiguration" in alarm.extra:
        found.append("WarmUpConfiguration is not simulated; the alarm is judged from the start.")
    return [f"{alarm.AlarmName}: {text}" for text in found]
