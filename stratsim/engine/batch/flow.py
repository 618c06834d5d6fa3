"""Requests over one stretch for many replications at once.

The arithmetic of `stratsim.engine.flow`, on arrays of (rows,). Errors and
successes are drawn as independent Poisson counts where nothing is rejected: a
Poisson count that is split at random splits into independent Poisson counts.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Times
from stratsim.engine.batch.faults import Effects, Part
from stratsim.engine.batch.surroundings import surroundings
from stratsim.engine.clock import US
from stratsim.engine.environment import Environment
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario
from stratsim.model.traffic import Constant
from stratsim.queueing import ResponseTimes
from stratsim.signals import ERRORS, NEW, OLD, REJECTED, REQUESTS
from stratsim.streams import CountStream

Pair = tuple[Array, Array]


@dataclass(slots=True)
class Minute:
    """Sums of one minute: by (side, field), and the response times' mixture."""

    rows: int
    sums: dict[tuple[int, int], Array] = field(default_factory=dict)
    parts: list[tuple[int, Array, Array, Array, Array]] = field(default_factory=list)

    def add(self, side: int, fld: int, values: Array, at: slice | NDArray[np.int64]) -> None:
        """Add what some rows had of a field."""
        if (side, fld) in self.sums:
            self.sums[side, fld][at] += values
        elif isinstance(at, slice):
            self.sums[side, fld] = np.array(values, dtype=float)
        else:
            whole = self.sums[side, fld] = np.zeros(self.rows)
            whole[at] = values

    def add_times(
        self, part: tuple[int, Array, Array, Array, Array], at: slice | NDArray[np.int64]
    ) -> None:
        """Add a part of the mixture of response times."""
        if not isinstance(at, slice):
            spread = [np.zeros(self.rows) for _ in part[1:]]
            for whole, values in zip(spread, part[1:], strict=True):
                whole[at] = values
            part = (part[0], *spread)  # type: ignore[assignment]
        self.parts.append(part)

    def take(self, keep: NDArray[np.int64]) -> "Minute":
        """Return the rows `keep`."""
        return Minute(
            len(keep),
            {key: values[keep] for key, values in self.sums.items()},
            [(side, n[keep], rho[keep], f[keep], a[keep]) for side, n, rho, f, a in self.parts],
        )


class Dice:
    """Draws counts for a minute, from a stream per purpose."""

    def __init__(self, streams: dict[str, CountStream], *, expected: bool) -> None:
        self.streams, self.expected = streams, expected
        self.rngs: dict[str, np.random.Generator] = {}

    def wind(self, minute: int) -> None:
        """Begin a minute."""
        if not self.expected:
            self.rngs = {name: stream.wind(minute) for name, stream in self.streams.items()}

    def poisson(self, purpose: str, mean: Array) -> Array:
        """Return Poisson counts."""
        return mean if self.expected else self.rngs[purpose].poisson(mean).astype(float)

    def some(self, purpose: str, n: Array, p: Array | float) -> Array:
        """Return how many of `n` happen, each with probability `p`."""
        p = np.clip(p, 0.0, 1.0)
        if self.expected:
            return n * p
        return self.rngs[purpose].binomial(n.astype(np.int64), p).astype(float)

    def clumped(self, purpose: str, n: Array, p: float, dispersion: float) -> Array:
        """Return beta-binomial counts of variance/mean `dispersion`."""
        if p <= 0:
            return np.zeros_like(n)
        if self.expected or dispersion <= 1 or p >= 1:
            return self.some(purpose, n, p)
        rho = np.minimum((dispersion - 1) / np.maximum(n - 1, 1e-9), 0.999)
        scale = (1 - rho) / rho
        rng = self.rngs[purpose]
        share = np.where(n < 2, p, rng.beta(np.maximum(p * scale, 1e-9), (1 - p) * scale + 1e-9))
        return self.some(purpose, n, share)


@dataclass(slots=True)
class Stretch:
    """What one stretch needs to know; arrays of (rows here,), each of some length.

    ``rows`` are their places among all rows.
    """

    begin: Times
    end: Times
    share: Array
    in_old: Array
    in_new: Array
    lost_old: Array
    lost_new: Array
    pooled: bool
    effect: Effects | None
    rows: slice | NDArray[np.int64]


@dataclass(slots=True)
class Outcome:
    """What happened in one stretch; arrays of (rows,), or None where nothing did."""

    failed_fault: Array | float = 0.0
    failed_capacity: Array | float = 0.0
    slow: Array | float = 0.0
    exposed: Array | float = 0.0
    first: Times | None = None
    room: Array | None = None
    load: Array | None = None
    rejected: Array | float = 0.0
    user_fault: Array | None = None
    user_any: Array | None = None


class Flow:
    """The stream of requests of many runs."""

    def __init__(
        self, scenario: Scenario, times: ResponseTimes, dice: Dice, *, watches_old: bool
    ) -> None:
        service, traffic = scenario.service, scenario.traffic
        self.scenario, self.times, self.dice = scenario, times, dice
        self.watches_old = watches_old
        self.profile, self.retries = traffic.profile, traffic.retries
        self.dispersion = traffic.dispersion
        self.capacity, self.desired = service.capacity, scenario.desired
        self.base_errors, self.clumping = service.error_rate, service.error_dispersion
        self.serverless = scenario.platform == "lambda"
        self.late_s = scenario.slo.latency
        self.environment = Environment(scenario)
        self.factor: Array | float = 1.0
        self.due: list[Array] = []
        self.sent: list[Array] = []
        self.keeps_times = False

    def arrivals(self, begin: Times, end: Times) -> Array:
        """Return the expected requests of [begin, end) microseconds."""
        if isinstance(self.profile, Constant):
            return self.profile.rate * (end - begin) / US
        counts = self.profile.arrivals(end / US) - self.profile.arrivals(begin / US)
        return np.maximum(counts, 0.0)

    def serve(self, at: Stretch, minute: Minute) -> Outcome:
        """Account for one stretch."""
        out = Outcome()
        span = (at.end - at.begin) / US
        offered = self.arrivals(at.begin, at.end)
        around = surroundings(self.environment, at.begin, at.end)
        calm = around is None
        failing, slower, later, shrunk = (0.0, 1.0, 0.0, 1.0) if around is None else around
        effect = at.effect
        cap = self.capacity * shrunk * span
        scale = 1.0 if effect is None else effect.capacity
        rooms = (at.in_old * cap, at.in_new * scale * cap)
        wrong = 0.0 if effect is None else effect.failing
        base = 1 - (1 - self.base_errors) * (1 - failing)
        sent = offered * self._again(offered, at.share, rooms, wrong, base)
        means = (sent * (1 - at.share), sent * at.share)
        self._note(at, rooms, cap, means, out)
        over = [np.maximum(means[s] - rooms[s], 0.0) for s in (OLD, NEW)]
        shed: list[Array | None] = [None, None]
        if not self.serverless:
            for side in (OLD, NEW):
                if over[side].any():
                    shed[side] = over[side] / np.where(over[side] > 0, means[side], 1.0)
        rho = [self._rho(means[s], rooms[s]) for s in (OLD, NEW)]
        rho0 = self._rho(offered, self.desired * cap)
        parts = None if effect is None else effect.parts
        changed_old = not self.serverless and bool(((rho[OLD] > rho0) & (means[OLD] > 0)).any())
        if self.watches_old or shed[OLD] is not None or shed[NEW] is not None or changed_old:
            self._side(OLD, means, at, shed[OLD], None, failing, minute, out, rho, rho0,
                       (slower, later), None, calm=calm)
        if (at.share > 0).any():
            self._side(NEW, means, at, shed[NEW], effect, failing, minute, out, rho, rho0,
                       (slower, later), parts, calm=calm)
        if shed[OLD] is not None or shed[NEW] is not None:
            self._blame(minute, means, rooms, cap, offered, over, at, out)
        return out

    def _note(self, at, rooms, cap, means, out) -> None:  # type: ignore[no-untyped-def]
        if self.serverless:
            return
        old, new = rooms
        if not at.pooled:
            old = np.where(at.share < 1, old, 0.0)
            new = np.where(at.share > 0, new, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            out.room = np.where(cap > 0, (old + new) / cap / self.desired, np.inf)
            loads = [
                np.where((rooms[s] > 0) & (means[s] > 0), means[s] / rooms[s], -np.inf)
                for s in (OLD, NEW)
            ]
        out.load = np.maximum(loads[0], loads[1])

    def _rho(self, mean: Array, room: Array) -> Array:
        if self.serverless:
            return np.zeros_like(mean)
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = np.where(room > 0, np.minimum(mean / room, 1.0), 1.0)
        return np.where(mean > 0, rho, 0.0)

    def _again(self, offered, share, rooms, wrong, base):  # type: ignore[no-untyped-def]
        retries = self.retries
        if retries.share <= 0 or retries.limit == 0:
            return 1.0
        factor = np.ones_like(offered)
        some = np.maximum(offered, 1e-300)
        for _ in range(3):
            means = (offered * factor * (1 - share), offered * factor * share)
            lost = np.zeros_like(offered)
            for side, fails in ((OLD, base), (NEW, 1 - (1 - base) * (1 - wrong))):
                over = 0.0 if self.serverless else np.maximum(means[side] - rooms[side], 0.0)
                lost = lost + over + (means[side] - over) * fails
            again = retries.share * lost / (some * factor)
            factor = sum(again**k for k in range(retries.limit + 1))
        return factor

    def _side(self, side, means, at, shed, effect, failing, minute, out, rho, rho0, env, parts, *, calm):  # type: ignore[no-untyped-def]
        """Draw one revision's requests and what becomes of them."""
        dice, name = self.dice, ("old", "new")[side]
        mean = means[side]
        thinned = effect is not None and shed is None and self.dispersion >= 1 and not dice.expected
        met = failed = None
        if thinned:
            counts, met, failed = self._thinned(name, self._factor(at.rows) * mean, effect)
        else:
            counts = self._counts(side, means, at.share, at.rows)
        rejected = None if shed is None else dice.some(name, counts, shed)
        served = counts if rejected is None else counts - rejected
        if effect is not None and not thinned:
            met, failed = self._meet(name, served, effect)
        rest = served if failed is None else served - failed
        outside = None if calm else dice.some(name, rest, failing)
        rest = rest if outside is None else rest - outside
        errors = dice.clumped(name, rest, self.base_errors, self.clumping)
        for extra in (outside, failed):
            errors = errors if extra is None else errors + extra
        for fld, values in ((REQUESTS, counts), (ERRORS, errors), (REJECTED, rejected)):
            if values is not None:
                minute.add(side, fld, values, at.rows)
        if rejected is not None:
            out.rejected = out.rejected + rejected
        if failed is not None:
            out.failed_fault = out.failed_fault + failed
            out.user_fault = failed
            self._first(met, at, effect, out)
            out.exposed = out.exposed + met
        self._slow(side, served, rho, rho0, env, parts, minute, out, at.rows)

    def _counts(
        self, side: int, means: Pair, share: Array, at: slice | NDArray[np.int64]
    ) -> Array:
        dice, name = self.dice, ("old", "new")[side]
        if dice.expected:
            return means[side]
        if self.dispersion >= 1:
            return dice.poisson(name, self._factor(at) * means[side])
        if self.serverless:
            if side == OLD or not self.watches_old:
                self._total = self._steady(OLD, means[OLD] + means[NEW], at)
                self._split = dice.some("new", self._total, share)
            return self._total - self._split if side == OLD else self._split
        return self._steady(side, means[side], at)

    def _factor(self, at: slice | NDArray[np.int64]) -> Array | float:
        return self.factor[at] if isinstance(self.factor, np.ndarray) else self.factor

    def _steady(self, side: int, mean: Array, at: slice | NDArray[np.int64]) -> Array:
        if self.dispersion == 0:
            due, sent = self.due[side], self.sent[side]
            due[at] += mean
            count = np.floor(due[at] + 0.5) - sent[at]
            sent[at] += count
            return np.asarray(count)
        tries = np.rint(mean / (1 - self.dispersion))
        return self.dice.some(("old", "new")[side], tries, 1 - self.dispersion)

    def _thinned(self, name: str, mean: Array, effect: Effects) -> tuple[Array, Array, Array]:
        """Draw requests by fate: failed, met the fault and survived, never met it."""
        dice = self.dice
        failed = dice.poisson(name, mean * effect.failing)
        spared = np.clip(effect.exposed - effect.failing, 0.0, None)
        met = failed + (dice.poisson(name, mean * spared) if spared.any() else 0.0)
        away = np.clip(1.0 - effect.exposed, 0.0, None)
        counts = met + (dice.poisson(name, mean * away) if (away * mean).any() else 0.0)
        return counts, met, failed

    def _meet(self, name: str, served: Array, effect: Effects) -> Pair:
        met = self.dice.some(name, served, effect.exposed)
        share = effect.failing / np.where(effect.exposed > 0, effect.exposed, 1.0)
        return met, self.dice.some(name, met, share)

    def _first(self, met: Array, at: Stretch, effect: Effects, out: Outcome) -> None:
        """Note when the first request met a fault, `NEVER` where none did."""
        hit = met > 0
        if not hit.any():
            return
        onset = np.maximum(at.begin, effect.onset)
        wait = np.zeros(len(met))
        if not self.dice.expected:
            luck = self.dice.rngs["first"].random(len(met))
            wait = (at.end - onset) * -np.expm1(np.log1p(-luck) / np.maximum(met, 1.0))
        first = onset + np.rint(np.where(hit, wait, 0.0)).astype(np.int64)
        out.first = np.where(hit, first, NEVER)

    def _slow(self, side, served, rho, rho0, env, parts, minute, out, rows) -> None:  # type: ignore[no-untyped-def]
        slower, later = env
        one = np.ones_like(served)
        mixture: list[Part] = [(one, one, 0 * one)] if parts is None else parts
        mixture = [(w, f * slower, a * slower + later) for w, f, a in mixture]
        if self.keeps_times:
            for weight, f, a in mixture:
                minute.add_times((side, served * weight, rho[side], f, a), rows)
        if parts is None and not ((rho[side] > rho0) & (served > 0)).any():
            return  # less loaded than usual, and nothing slows it
        usual = self._late(rho0, (self.late_s - later) / slower * one)
        late = sum(w * self._late(rho[side], (self.late_s - a) / f) for w, f, a in mixture)
        excess = np.where((rho[side] == rho0) & self._clean(mixture, env), 0.0, late - usual)
        out.slow = out.slow + self.dice.some("slow", served, excess)

    def _late(self, rho: Array, t_s: Array) -> Array:
        """P(response time > t); one look-up where all rows are alike, as they often are."""
        if rho.min() == rho.max() and t_s.min() == t_s.max():
            return np.full(len(rho), self.times.survival(float(rho[0]), float(t_s[0])))
        return self.times.survival_many(rho, t_s)

    @staticmethod
    def _clean(mixture, env):  # type: ignore[no-untyped-def]
        """Whether no part of the mixture is slower than the environment makes it."""
        slower, later = env
        same = np.ones_like(mixture[0][0], dtype=bool)
        for w, f, a in mixture:
            same &= (w == 0) | ((f == slower) & (a == later))
        return same

    def _blame(self, minute, means, rooms, cap, offered, over, at, out) -> None:  # type: ignore[no-untyped-def]
        """Divide rejections into the faults', the deployment's and those of any day."""
        total = out.rejected
        all_over = over[OLD] + over[NEW]
        if at.pooled:
            whole = at.in_old + at.in_new + at.lost_old + at.lost_new
            sound = np.maximum(means[OLD] + means[NEW] - whole * cap, 0.0)
        else:
            sound = np.maximum(means[OLD] - (at.in_old + at.lost_old) * cap, 0.0)
            sound = sound + np.maximum(means[NEW] - (at.in_new + at.lost_new) * cap, 0.0)
        always = np.minimum(np.maximum(offered - self.desired * cap, 0.0), all_over)
        some = np.where(all_over > 0, all_over, 1.0)
        fault = np.minimum(np.maximum(all_over - sound, 0.0), all_over - always) / some
        taken = (all_over - always) / some - fault
        by_fault = self.dice.some("blame", total, fault)
        share = np.where(fault < 1, taken / np.where(fault < 1, 1 - fault, 1.0), 0.0)
        by_change = self.dice.some("blame", total - by_fault, share)
        out.failed_fault = out.failed_fault + by_fault
        out.failed_capacity = out.failed_capacity + by_change
        out.user_any = by_fault + by_change
