"""What an alarm can see of a canary: chances, times to detect, smallest regression.

The new revision takes its share at a moment that is uniform in the minute; the
first minute is seen in part. An alarm on a period of one minute is a chain of
independent periods, and everything is computed; any other is drawn. A datapoint
that comes later than the quickest delays the detection it makes; the gap that it
leaves meanwhile is counted only where minutes are drawn.
"""

from collections.abc import Sequence
from functools import partial
from math import ceil, exp, log

import numpy as np

from stratsim.model.alarm import MetricAlarm
from stratsim.model.quantities import Array
from stratsim.power.chain import Chain, Chances, fits
from stratsim.power.law import period_law
from stratsim.power.result import AlarmPower, Point
from stratsim.power.sampled import DRAWS, MINUTE_S, Minutes, first_alarms
from stratsim.power.setting import PowerSetting
from stratsim.power.watched import Watched, watched
from stratsim.streams import Streams

PHASES = tuple((i + 0.5) / 6 for i in range(6))
HORIZON = 60
"""Minutes that are looked at, or the bake where that is longer."""

LAGS = 20_000
STEPS = 24
"""Halvings of the interval in which the smallest regression is sought."""

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)


def alarm_power(
    alarm: MetricAlarm, setting: PowerSetting, rates: Sequence[float] | None = None, seed: int = 0
) -> AlarmPower:
    """Return what `alarm` can see of a canary in `setting`.

    Parameters
    ----------
    alarm
        On counts or shares of requests and errors, on an expression of them, or
        on a percentile of response times.
    setting
        Traffic, weight, bake.
    rates
        True rates of bad requests on the new revision; a grid where not given.
    seed
        Of what is drawn.
    """
    seen = watched(alarm, setting)
    grid = rates if rates is not None else [r for r in RATES if r > setting.background]
    work = _Work(seen, setting, seed)
    whole = [setting.background, *(rate for rate in grid if rate > setting.background)]
    rows = [work.distribution(rate) for rate in whole]
    bake = setting.bake_s
    points = tuple(work.point(rate, row, bake) for rate, row in zip(whole, rows, strict=True))
    smallest = partial(_smallest, work, bake)
    return AlarmPower(
        alarm=alarm.AlarmName,
        what=seen.what,
        method="exact" if work.exact else f"{DRAWS * len(PHASES):,} drawn canaries",
        rate_rps=setting.rate_rps,
        weight=setting.weight,
        bake_s=bake,
        background=setting.background,
        requests_per_period=work.mean(setting.background, alarm.period_s),
        share_of_new=seen.share_of_new(setting.weight),
        false_alarm=points[0].detected,
        smallest_80=smallest(0.80),
        smallest_95=smallest(0.95),
        points=points,
        times_s=tuple(work.times_s.tolist()),
        distributions=tuple(tuple(row.tolist()) for row in rows),
        notes=_notes(seen, setting, work),
    )


class _Work:
    """One alarm in one setting."""

    def __init__(self, seen: Watched, setting: PowerSetting, seed: int) -> None:
        self.seen, self.setting, self.seed = seen, setting, seed
        alarm = seen.alarm
        self.size = alarm.n + setting.metrics.evaluation_range_extra
        self.exact = alarm.period_s == MINUTE_S and fits(self.size)
        self.part = seen.share_of_new(setting.weight)
        self.minutes = max(HORIZON, ceil(setting.bake_s / MINUTE_S))
        grid = np.arange(1, len(PHASES) * self.minutes + 1) * MINUTE_S / len(PHASES)
        self.times_s = np.unique(np.append(grid, setting.bake_s))
        share = seen.share_of_all(setting.weight)
        self.dispersion = 1 + share * (setting.dispersion - 1)
        self.share = share
        if setting.dispersion < 1:
            self.dispersion = setting.dispersion
        rng = Streams(seed).rng("power", "delay")
        delays = setting.delay.sample(rng, LAGS)
        lags = np.ceil(delays / MINUTE_S - 1e-9).astype(np.int64)
        self.lags = np.bincount(lags) / LAGS
        self._known: dict[tuple[float, float, bool], Chances] = {}

    def fault(self, rate: float) -> float:
        """Return the share of watched requests that a fault makes bad."""
        base = self.setting.background
        return self.part * (rate - base) / (1 - base) if base < 1 else 0.0

    def mean(self, rate: float, span_s: float) -> float:
        """Return the expected requests that the alarm sees in so many seconds."""
        return self.setting.load(rate) * self.share * span_s

    def chances(self, rate: float, part: float = 1.0, *, before: bool = False) -> Chances:
        """Return breach and missing of a period of which `part` lies after the shift."""
        key = (rate, part, before)
        if key not in self._known:
            self._known[key] = self._chances(rate, part, before=before)
        return self._known[key]

    def _chances(self, rate: float, part: float, *, before: bool) -> Chances:
        setting = self.setting
        span = float(self.seen.alarm.period_s)
        scale = part if self.part == 1.0 else 1.0
        fault = 0.0 if before else self.fault(rate) * (1.0 if self.part == 1.0 else part)
        mean = self.mean(setting.background if before else rate, span * scale)
        law = period_law(mean, self.dispersion, fault, setting.background, setting.error_dispersion)
        cells = self.seen.judge(law.requests[:, np.newaxis], law.bad[np.newaxis, :])
        return law.chances(cells)

    def distribution(self, rate: float) -> Array:
        """Return P(ALARM by each of ``times_s``), averaged over the phase."""
        rows = [self._of_phase(rate, phase) for phase in PHASES]
        return np.asarray(np.mean(rows, axis=0))

    def _of_phase(self, rate: float, phase: float) -> Array:
        """`phase` is the share of the shift's minute that lies before the shift."""
        if self.exact:
            fired = self._chained(rate, phase)
            at = (np.arange(len(fired)) + 1 - phase) * MINUTE_S
        else:
            fired = self._drawn(rate, phase)
            at = (np.arange(len(fired)) + 1 - phase) * MINUTE_S
        cumulated = np.concatenate([[0.0], np.cumsum(fired)])
        places = np.searchsorted(at, self.times_s + 1e-6, side="right")
        return np.asarray(np.minimum(cumulated[places], 1.0))

    def _chained(self, rate: float, phase: float) -> Array:
        # The quickest datapoint's delay leaves the newest periods empty at every evaluation.
        chain = Chain(self.seen.alarm, self.size, int(np.argmax(self.lags > 0)))
        start = chain.empty()
        if self.part < 1.0:
            start = chain.settled(self.chances(rate, before=True))
        full = self.chances(rate)
        periods = [self.chances(rate, 1 - phase), *[full] * (self.minutes - 1)]
        return np.convolve(chain.first_alarm(start, periods), self.lags)[: self.minutes]

    def _drawn(self, rate: float, phase: float) -> Array:
        history = 0
        if self.part < 1.0:
            history = self.size * self.seen.alarm.period_s // 60 + 5
        scale = np.ones(history + self.minutes + 1)
        after = np.concatenate([np.zeros(history), [1 - phase], np.ones(self.minutes)])
        full = self.mean(rate, MINUTE_S)
        if self.part == 1.0:
            scale = after
            fault = np.full(len(after), self.fault(rate))
        else:
            fault = self.fault(rate) * after
        rng = Streams(self.seed).rng("power", "draws", round(1000 * phase))
        minutes = Minutes(full * scale, fault, self.dispersion)
        first = first_alarms(self.seen, self.setting, minutes, history, rng)
        if not len(first):
            return np.zeros(self.minutes)
        return np.bincount(first[first >= 0], minlength=self.minutes) / len(first)

    def point(self, rate: float, row: Array, bake_s: float) -> Point:
        """Return one point of the curve."""
        breach, missing = self.chances(rate)
        base = self.setting.background
        return Point(
            rate=rate,
            seen=base + self.part * (rate - base),
            breach=breach,
            missing=missing,
            detected=_at(self.times_s, row, bake_s),
            time_p50_s=_quantile(self.times_s, row, 0.5),
            time_p95_s=_quantile(self.times_s, row, 0.95),
        )


def _at(times_s: Array, row: Array, time_s: float) -> float:
    return float(row[np.searchsorted(times_s, time_s)])


def _quantile(times_s: Array, row: Array, share: float) -> float | None:
    """Return when the distribution first reaches `share`, between two of its times."""
    at = int(np.searchsorted(row, share))
    if at == len(row):
        return None
    low, before = (times_s[at - 1], row[at - 1]) if at else (0.0, 0.0)
    part = (share - before) / (row[at] - before)
    return float(low + part * (times_s[at] - low))


def _smallest(work: _Work, bake_s: float, wanted: float) -> float | None:
    """Return the smallest rate that is caught with probability `wanted`; None: no rate is.

    The chance grows with the rate, so halving a logarithmic interval finds it.
    """

    def caught(rate: float) -> bool:
        return _at(work.times_s, work.distribution(rate), bake_s) >= wanted

    base = work.setting.background
    low, high = max(base, 1e-6), 1.0
    if not caught(high):
        return None
    if caught(low):
        return low
    for _ in range(STEPS if work.exact else STEPS // 3):
        middle = exp((log(low) + log(high)) / 2)
        low, high = (low, middle) if caught(middle) else (middle, high)
        if high / low < 1.002:
            break
    return high


def _notes(seen: Watched, setting: PowerSetting, work: _Work) -> tuple[str, ...]:
    notes = []
    if seen.share_of_new(setting.weight) == 0:
        notes.append("the alarm watches the old revision only, so it cannot see a bad release")
    elif seen.share_of_new(setting.weight) < 1:
        factor = 1 / setting.weight if setting.weight else float("inf")
        notes.append(
            f"diluted: the alarm watches the whole service, in which the new revision's "
            f"errors are {factor:.3g} times rarer; the dimension TargetGroup or "
            "ExecutedVersion tells the new revision apart"
        )
    if setting.delay.mean > MINUTE_S and not work.exact:
        notes.append("datapoints that come late leave gaps meanwhile, which is counted")
    return tuple(notes)
