"""Traffic: how many requests arrive, from whom, and how noisy the counts are."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np

from stratsim.model.quantities import Array, Flag, Number, Rate, Seconds, Share

DAY_S = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """The same rate at all times [requests/s]."""

    rate: Rate

    def arrivals(self, t_s: Array) -> Array:
        """Expected requests from time 0 to `t_s` (negative before 0), shape of `t_s`."""
        return self.rate * np.asarray(t_s, dtype=float)

    @property
    def mean_rps(self) -> float:
        """Long-run mean rate [requests/s]."""
        return self.rate

    @property
    def end_s(self) -> float:
        """Time after which nothing is known [s]."""
        return float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diurnal:
    """A sinusoidal day.

    ``rate(t) = mean * (1 + a * cos(2 pi (t - peak) / day))`` with ``a`` from the
    peak-to-trough ratio r, ``a = (r - 1) / (r + 1)``.
    """

    kind: Literal["diurnal"] = "diurnal"
    mean: Rate
    peak_to_trough: Annotated[float, Number(1, 1e6)] = 2.6
    peak_at_s: float = 17 * 3600.0
    start_s: float = 10 * 3600.0

    @property
    def _amplitude(self) -> float:
        return (self.peak_to_trough - 1) / (self.peak_to_trough + 1)

    def arrivals(self, t_s: Array) -> Array:
        """Expected requests from time 0 to `t_s`, shape of `t_s`."""
        turn = 2 * np.pi / DAY_S
        lead = self.start_s - self.peak_at_s
        t = np.asarray(t_s, dtype=float)
        wave = (np.sin(turn * (t + lead)) - np.sin(turn * lead)) / turn
        return np.asarray(self.mean * (t + self._amplitude * wave))

    @property
    def mean_rps(self) -> float:
        """Long-run mean rate [requests/s]."""
        return self.mean

    @property
    def end_s(self) -> float:
        """Time after which nothing is known [s]."""
        return float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Piecewise constant rates; the first also holds before, the last after."""

    kind: Literal["steps"] = "steps"
    points: tuple[tuple[Seconds, Rate], ...]

    def arrivals(self, t_s: Array) -> Array:
        """Expected requests from time 0 to `t_s`, shape of `t_s`."""
        times = np.array([0.0, *(t for t, _ in self.points if t > 0)])
        rates = np.array([r for _, r in self.points])
        if self.points[0][0] > 0:
            rates = np.concatenate([rates[:1], rates])
        totals = np.concatenate([[0.0], np.cumsum(np.diff(times) * rates[: len(times) - 1])])
        t = np.asarray(t_s, dtype=float)
        index = np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 1)
        return np.asarray(totals[index] + (t - times[index]) * rates[index])

    @property
    def mean_rps(self) -> float:
        """The last rate, which holds for ever [requests/s]."""
        return self.points[-1][1]

    @property
    def end_s(self) -> float:
        """Time after which nothing is known [s]."""
        return float("inf")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """Counts read from a series; time 0 is the series' ``start``.

    ``counts`` has shape (n,): expected requests in each period of ``period_s``
    seconds; ``before_s`` is how much of the series lies before time 0.
    """

    kind: Literal["trace"] = "trace"
    file: str
    period_s: float
    counts: Array
    before_s: float = 0.0
    gaps: int = 0

    def arrivals(self, t_s: Array) -> Array:
        """Expected requests from time 0 to `t_s`, shape of `t_s`.

        Before the series begins its first rate holds.
        """
        edges = np.arange(len(self.counts) + 1) * self.period_s - self.before_s
        totals = np.concatenate([[0.0], np.cumsum(self.counts)])
        totals -= np.interp(0.0, edges, totals)
        t = np.asarray(t_s, dtype=float)
        early = np.minimum(t - edges[0], 0.0) * self.counts[0] / self.period_s
        return np.asarray(np.interp(t, edges, totals) + early)

    @property
    def mean_rps(self) -> float:
        """Mean rate of the whole series [requests/s]."""
        return float(self.counts.mean() / self.period_s)

    @property
    def end_s(self) -> float:
        """End of the series [s]."""
        return len(self.counts) * self.period_s - self.before_s


Profile = Constant | Diurnal | Steps | Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Who sends the requests: `active` distinct users, pinned to a revision or not."""

    active: Annotated[int, Number(1, 10**10, whole=True)] = 10_000
    sticky: Flag = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Failed requests that clients send again: a share of them, at most `limit` times."""

    share: Share = 0.0
    limit: Annotated[int, Number(0, 10, whole=True)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The load on the service.

    ``dispersion`` is the variance over the mean of the requests per minute: 1 is
    Poisson, 0 fixed counts per revision, above 1 negative binomial.
    """

    profile: Profile = field(default_factory=lambda: Constant(rate=100.0))
    dispersion: Annotated[float, Number(0, 1e6)] = 2.0
    users: Users = field(default_factory=Users)
    retries: Retries = field(default_factory=Retries)
