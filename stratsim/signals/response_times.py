"""Statistics of a window's response times, with the noise of their number.

The times are never drawn one by one. The k-th smallest of n sits at the mixture's
quantile Beta(k, n + 1 - k), which is exact; between two such cuts the times are
independent again, and the mean of many of them is normal about theirs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stratsim.cloudwatch.limits import EXTENDED_STATISTIC
from stratsim.model.quantities import Array
from stratsim.queueing import ResponseTimes
from stratsim.signals.rows import Part

_GRID = np.linspace(0.0, 1.0, 129)
MIDDLES = (_GRID[:-1] + _GRID[1:]) / 2
"""Shares between two cuts at which a mean looks."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """The response times of `answered` requests, of several kinds."""

    times: ResponseTimes
    below: Array
    answered: float
    noise: np.random.Generator | None

    @classmethod
    def of(
        cls, times: ResponseTimes, parts: Sequence[Part], noise: np.random.Generator | None
    ) -> "Mixture":
        """Return the mixture of `parts`, of which there is at least one."""
        answered = sum(part[1] for part in parts)
        survival = sum(n * times.survival_at(rho, f, add) for _, n, rho, f, add in parts)
        return cls(times, 1.0 - np.asarray(survival) / answered, answered, noise)

    def quantile(self, at: float | Array) -> Array:
        """Return the times [s] below which a share `at` lies."""
        return np.exp(np.interp(at, self.below, self.times.log_times))

    def share_below(self, time_s: float) -> float:
        """Return the share of times up to `time_s`."""
        if time_s <= 0:
            return 0.0
        return float(np.interp(math.log(time_s), self.times.log_times, self.below))

    def ranked(self, share: float) -> float:
        """Return the nearest-rank percentile [s]; 0 and 1 are the extremes."""
        return float(self.quantile(self.cut(share)))

    def cut(self, share: float) -> float:
        """Return at which quantile the percentile's rank has fallen."""
        n = self.answered
        rank = max(1, math.ceil(share * n - 1e-9))
        if self.noise is not None:
            return float(self.noise.beta(rank, max(n + 1 - rank, 1e-9)))
        return share if 0 < share < 1 else rank / (n + 1)

    def extended(self, statistic: str, unit_s: float) -> float:
        """Return tm, tc, ts, wm, IQM, TM(), TC(), TS(), WM() or PR(); NaN where none is left.

        Times and bounds are in units of `unit_s`.
        """
        kind, low, high = bounds(statistic)
        if (low or high).endswith("%"):
            begin, end, below, kept = self._by_rank(low, high)
        else:
            begin, end, below, kept = self._by_time(low, high, unit_s)
        if kind in ("PR", "TC"):
            return 100 * kept / self.answered if kind == "PR" else kept
        if kept <= 0:
            return math.nan if kind != "TS" else 0.0
        mean = self._mean(begin, end, kept)
        if kind == "WM":
            above = self.answered - below - kept
            edges = self.quantile(np.array([begin, end]))
            sides = (float(below * edges[0]) if below else 0.0) + (
                float(above * edges[1]) if above else 0.0
            )
            mean = (sides + kept * mean) / self.answered
        return (mean * kept if kind == "TS" else mean) / unit_s

    def _by_rank(self, low: str, high: str) -> tuple[float, float, float, float]:
        """Cut at ranks: quantiles of both cuts, how many lie below, how many between."""
        n = self.answered
        first = math.ceil(round(percent(low, 0.0) * n, 9))
        last = max(math.ceil(round(percent(high, 1.0) * n, 9)), first)
        begin = self._order(first, n) if first else 0.0
        rest = n - first
        end = 1.0
        if last < n:
            end = begin + (1 - begin) * self._order(last - first + 1, rest)
        return begin, end, first, min(last, n) - first

    def _order(self, rank: float, n: float) -> float:
        if self.noise is None:
            return min(rank / (n + 1), 1.0)
        return float(self.noise.beta(rank, max(n + 1 - rank, 1e-9)))

    def _by_time(self, low: str, high: str, unit_s: float) -> tuple[float, float, float, float]:
        """Cut at times: the lower bound exclusive, the upper inclusive."""
        begin = self.share_below(float(low) * unit_s) if low else 0.0
        end = max(self.share_below(float(high) * unit_s) if high else 1.0, begin)
        if self.noise is None:
            return begin, end, begin * self.answered, (end - begin) * self.answered
        n = round(self.answered)
        below = int(self.noise.binomial(n, begin))
        share = (end - begin) / (1 - begin) if begin < 1 else 0.0
        return begin, end, below, float(self.noise.binomial(n - below, min(share, 1.0)))

    def _mean(self, begin: float, end: float, kept: float) -> float:
        """Return the mean of `kept` times that lie between two quantiles."""
        values = self.quantile(begin + (end - begin) * MIDDLES)
        mean = float(values.mean())
        if self.noise is None:
            return mean
        luck = float(self.noise.standard_normal())
        return max(mean + float(values.std()) / math.sqrt(kept) * luck, 0.0)


def bounds(statistic: str) -> tuple[str, str, str]:
    """Return the kind and both bounds as written, empty where open."""
    found = EXTENDED_STATISTIC.fullmatch(statistic)
    assert found is not None, statistic
    if statistic == "IQM":
        return "TM", "25%", "75%"
    if found["short"]:
        return found["short"].upper(), "", f"{found['percent']}%"
    if found["range"]:
        return found["range"], found["low"] or "", found["high"] or ""
    return "PR", found["from"] or "", found["to"] or ""


def percent(bound: str, default: float) -> float:
    """Return a bound in percent as a share; `default` where it is open."""
    return float(bound[:-1]) / 100 if bound else default
