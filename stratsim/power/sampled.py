"""The same numbers by drawing minutes, for alarms that no small chain describes.

Windows of several minutes slide and overlap, so their periods are not
independent; ranges of many periods make too many states.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.cloudwatch.evaluation import State, judge_many
from stratsim.model.quantities import Array
from stratsim.power.setting import PowerSetting
from stratsim.power.watched import Watched
from stratsim.watch.past import draw_background, draw_requests

DRAWS = 4000
MINUTE_S = 60.0
Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Minutes:
    """Rates of every minute, from some minutes before the shift."""

    mean: Array
    fault: Array
    dispersion: float


def first_alarms(
    watched: Watched,
    setting: PowerSetting,
    minutes: Minutes,
    history: int,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> NDArray[np.int64]:
    """Return the evaluation, from 0 at the shift's minute, of the first ALARM; -1: none.

    Runs that are in ALARM before the shift are left out.
    """
    requests, bad = _draw(setting, minutes, rng, draws)
    ends = np.arange(requests.shape[1])
    delays = setting.delay.sample(rng, requests.shape)
    seen = ends + np.ceil(delays / MINUTE_S - 1e-9)  # the evaluation that first sees a minute
    alarm = watched.alarm
    span = max(alarm.period_s // 60, 1)
    size = alarm.n + setting.metrics.evaluation_range_extra
    state = np.full(draws, State.INSUFFICIENT_DATA, np.int8)
    first = np.full(draws, -1, np.int64)
    for now in range(requests.shape[1]):
        cells = np.full((draws, size), -1, np.int8)
        for age in range(size):
            low, high = now + 1 - (age + 1) * span, now + 1 - age * span
            if high > 0:
                part = slice(max(low, 0), high)
                there = seen[:, part] <= now
                n = (requests[:, part] * there).sum(axis=1)
                k = (bad[:, part] * there).sum(axis=1)
                cells[:, size - 1 - age] = watched.judge(n, k)
        state = judge_many(cells, alarm.m, alarm.n, alarm.treatment, state)
        fired = (state == State.ALARM) & (first == -1)
        first[fired] = now
    counted = (first == -1) | (first >= history)
    return np.asarray(np.where(first >= 0, first - history, -1)[counted])


def _draw(
    setting: PowerSetting, minutes: Minutes, rng: np.random.Generator, draws: int
) -> tuple[Counts, Counts]:
    mean = np.broadcast_to(minutes.mean, (draws, len(minutes.mean)))
    requests = draw_requests(mean, minutes.dispersion, rng)
    whole = requests.astype(np.int64)
    by_fault = rng.binomial(whole, minutes.fault)
    rest = whole - by_fault
    others = draw_background(rest, setting.background, setting.error_dispersion, rng)
    return requests, (by_fault + others).astype(float)
