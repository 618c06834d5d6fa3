"""Response times of windows in many runs: the rules of `stratsim.signals`, on arrays."""

from collections.abc import Sequence

import numpy as np

from stratsim.model.quantities import Array
from stratsim.queueing import ResponseTimes
from stratsim.signals.response_times import MIDDLES, bounds, percent

Mixed = tuple[Array, Array, Array, Array]
"""Answers of one kind, (rows,) each: number, utilisation, latency factor, added [s]."""

_CHUNK = 1024
"""Rows whose curves are held at once, to bound the memory."""


class Mixtures:
    """The response times of ``answered`` requests (rows,), of several kinds.

    ``below`` (rows, times) is the share of them up to each of the table's times.
    """

    def __init__(
        self, times: ResponseTimes, parts: Sequence[Mixed], noise: np.random.Generator | None
    ) -> None:
        self.times, self.noise = times, noise
        self.answered = np.sum([part[0] for part in parts], axis=0)
        self.some = np.where(self.answered > 0, self.answered, 1.0)
        self.below = np.empty((len(self.some), len(times.times)))
        for begin in range(0, len(self.some), _CHUNK):
            chunk = slice(begin, begin + _CHUNK)
            self.below[chunk] = self._below([[v[chunk] for v in part] for part in parts], chunk)

    def _below(self, parts: Sequence[Sequence[Array]], chunk: slice) -> Array:
        """Return the curves of some rows: each distinct kind of answer has one of its own."""
        number, rho, factor, add = (np.stack([p[k] for p in parts], axis=1) for k in range(4))
        row, part = np.nonzero(number > 0)
        keys = [np.unique(v[row, part], return_inverse=True) for v in (rho, factor, add)]
        code = np.zeros(len(row), dtype=np.int64)
        for values, place in keys:
            code = code * len(values) + place.reshape(-1)
        kinds, first, kind = np.unique(code, return_index=True, return_inverse=True)
        shape = (len(number), max(len(kinds), 1))
        counts = np.bincount(
            row * shape[1] + kind.reshape(-1), number[row, part], shape[0] * shape[1]
        ).reshape(shape)
        curves = [
            self.times.survival_at(*(float(v[row[at], part[at]]) for v in (rho, factor, add)))
            for at in first
        ]
        if not curves:
            return np.ones((shape[0], self.below.shape[1]))
        return 1.0 - (counts @ np.stack(curves)) / self.some[chunk][:, None]

    def quantile(self, at: Array) -> Array:
        """Return the times [s] below which the shares `at` lie, (rows,) or (rows, n)."""
        wide = at.reshape(len(at), -1)
        found = np.empty(wide.shape)
        for column in range(wide.shape[1]):
            found[:, column] = self._quantile(wide[:, column])
        return found.reshape(at.shape)

    def _quantile(self, at: Array) -> Array:
        rows = np.arange(len(at))
        last = self.below.shape[1] - 1
        place = (self.below <= at[:, None]).sum(axis=1) - 1
        low = np.clip(place, 0, last - 1)
        left, right = self.below[rows, low], self.below[rows, low + 1]
        logs = self.times.log_times
        slope = (logs[low + 1] - logs[low]) / np.where(right > left, right - left, 1.0)
        found = slope * (at - left) + logs[low]
        found = np.where(place < 0, logs[0], np.where(place >= last, logs[last], found))
        return np.asarray(np.exp(found))

    def ranked(self, share: float) -> Array:
        """Return the nearest-rank percentiles [s]; 0 and 1 are the extremes."""
        return self.quantile(self.cut(share))

    def cut(self, share: float) -> Array:
        """Return at which quantile the percentile's rank has fallen."""
        n = self.some
        rank = np.maximum(1, np.ceil(share * n - 1e-9))
        if self.noise is not None:
            return self.noise.beta(rank, np.maximum(n + 1 - rank, 1e-9))
        return np.full(len(n), share) if 0 < share < 1 else rank / (n + 1)

    def extended(self, statistic: str, unit_s: float) -> Array:
        """Return tm, tc, ts, wm, IQM, TM(), TC(), TS(), WM() or PR(); NaN where none is left.

        Times and bounds are in units of `unit_s`; see `stratsim.signals.response_times`.
        """
        kind, low, high = bounds(statistic)
        if (low or high).endswith("%"):
            begin, end, below, kept = self._by_rank(low, high)
        else:
            begin, end, below, kept = self._by_time(low, high, unit_s)
        if kind in ("PR", "TC"):
            return 100 * kept / self.some if kind == "PR" else kept
        mean = self._mean(begin, end, kept)
        if kind == "WM":
            above = self.some - below - kept
            edges = self.quantile(np.stack([begin, end], axis=1))
            sides = np.where(below > 0, below * edges[:, 0], 0.0)
            sides = sides + np.where(above > 0, above * edges[:, 1], 0.0)
            mean = (sides + kept * mean) / self.some
        found = (mean * kept if kind == "TS" else mean) / unit_s
        return np.where(kept > 0, found, 0.0 if kind == "TS" else np.nan)

    def _by_rank(self, low: str, high: str) -> tuple[Array, Array, Array, Array]:
        """Cut at ranks: quantiles of both cuts, how many lie below, how many between."""
        n = self.some
        first = np.ceil(np.round(percent(low, 0.0) * n, 9))
        last = np.maximum(np.ceil(np.round(percent(high, 1.0) * n, 9)), first)
        begin = np.where(first > 0, self._order(np.maximum(first, 1), n), 0.0)
        rest = n - first
        cut = begin + (1 - begin) * self._order(last - first + 1, rest)
        return begin, np.where(last < n, cut, 1.0), first, np.minimum(last, n) - first

    def _order(self, rank: Array, n: Array) -> Array:
        if self.noise is None:
            return np.minimum(rank / (n + 1), 1.0)
        return self.noise.beta(rank, np.maximum(n + 1 - rank, 1e-9))

    def _by_time(self, low: str, high: str, unit_s: float) -> tuple[Array, Array, Array, Array]:
        """Cut at times: the lower bound exclusive, the upper inclusive."""
        nothing, every = np.zeros(len(self.some)), np.ones(len(self.some))
        begin = self._share_below(float(low) * unit_s) if low else nothing
        end = np.maximum(self._share_below(float(high) * unit_s) if high else every, begin)
        if self.noise is None:
            return begin, end, begin * self.some, (end - begin) * self.some
        n = np.rint(self.some).astype(np.int64)
        below = self.noise.binomial(n, np.clip(begin, 0.0, 1.0))
        share = np.where(begin < 1, (end - begin) / np.where(begin < 1, 1 - begin, 1.0), 0.0)
        kept = self.noise.binomial(n - below, np.clip(share, 0.0, 1.0))
        return begin, end, below.astype(float), kept.astype(float)

    def _share_below(self, time_s: float) -> Array:
        """Return the share of times up to `time_s`."""
        if time_s <= 0:
            return np.zeros(len(self.some))
        logs = self.times.log_times
        at = np.interp(np.log(time_s), logs, np.arange(len(logs)))
        low = min(int(at), len(logs) - 2)
        left, right = self.below[:, low], self.below[:, low + 1]
        return np.asarray(left + (at - low) * (right - left))

    def _mean(self, begin: Array, end: Array, kept: Array) -> Array:
        """Return the mean of `kept` times that lie between two quantiles."""
        values = self.quantile(begin[:, None] + (end - begin)[:, None] * MIDDLES)
        mean = values.mean(axis=1)
        if self.noise is None:
            return np.asarray(mean)
        luck = self.noise.standard_normal(len(mean))
        spread = values.std(axis=1) / np.sqrt(np.maximum(kept, 1.0))
        return np.asarray(np.maximum(mean + spread * luck, 0.0))
