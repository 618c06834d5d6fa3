"""Requests over one stretch for many replications at once.

The arithmetic of `stratsim.engine.flow`, on arrays of (rows,). Errors and
successes are drawn as independent Poisson counts where nothing is rejected: a
Poisson count that is split at random splits into independent Poisson counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Times
from stratsim.engine.batch.cold_starts import ColdStarts, chilled
from stratsim.engine.batch.dice import Dice, Minute, Rows
from stratsim.engine.batch.faults import Effects, Part
from stratsim.engine.batch.surroundings import Around, surroundings
from stratsim.engine.clock import US
from stratsim.engine.environment import Environment
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario
from stratsim.model.traffic import Constant
from stratsim.queueing import SAME, ResponseTimes
from stratsim.signals import CPU, ERRORS, NEW, OLD, REJECTED, REQUESTS

NAMES = ("old", "new")
Side = tuple[Array | float, Array, Array | float]
"""A revision's share of the traffic, its capacity [requests], and the share that fails."""
USUAL: Sequence[Part] = [(1.0, 1.0, 0.0)]
"""The service's own response times: nothing slows it."""


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
    rows: Rows
    warm: Array | None = None


@dataclass(slots=True)
class Outcome:
    """What happened in one stretch; arrays of (rows here,), None or 0 where nothing did."""

    failed_fault: Array | float = 0.0
    failed_capacity: Array | float = 0.0
    slow: Array | float = 0.0
    exposed: Array | float = 0.0
    rejected: Array | float = 0.0
    first: Times | None = None
    room: Array | None = None
    load: Array | None = None
    user_fault: Array | None = None
    user_new: Array | None = None
    user_old: Array | None = None


@dataclass(slots=True)
class Load:
    """How much is sent to whom in one stretch; pairs are (old, new).

    ``usual`` is what would arrive at the untouched fleet, ``cap`` what one instance
    can serve, ``means`` and ``rooms`` what each revision gets and can serve, ``over``
    what it cannot; ``busy`` is load over capacity (-inf where there is neither),
    ``rho`` the utilisation and ``rho0`` that of the untouched fleet. ``low`` and
    ``high`` are the smallest and the largest share of the new revision.
    """

    at: Stretch
    around: Around
    usual: Array
    cap: Array
    means: tuple[Array, Array]
    rooms: tuple[Array, Array]
    over: tuple[Array, Array] | None
    busy: tuple[Array, Array]
    rho: tuple[Array, Array]
    rho0: Array
    low: float
    high: float


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
        self.capacity = service.capacity
        # what scales the fleets puts arrays in their place, and keeps them
        self.usual: Array | Times | float = scenario.desired
        self.untouched: Array | float = scenario.desired
        self.base_errors, self.clumping = service.error_rate, service.error_dispersion
        self.serverless = scenario.platform == "lambda"
        self.late_s = scenario.slo.latency
        self.environment = Environment(scenario)
        self.factor: Array | float = 1.0
        self.due: list[Array] = []
        self.sent: list[Array] = []
        self.keeps_times = self.keeps_load = False
        self._split: tuple[Array, Array] | None = None
        self.cold: ColdStarts | None = None

    def take(self, keep: NDArray[np.int64]) -> None:
        """Keep only some rows."""
        self.due = [due[keep] for due in self.due]
        self.sent = [sent[keep] for sent in self.sent]
        self.factor = of_rows(self.factor, keep)
        if self.cold is not None:
            self.cold.take(keep)

    def arrivals(self, begin: Times, end: Times) -> Array:
        """Return the expected requests of [begin, end) microseconds."""
        if isinstance(self.profile, Constant):
            return np.asarray(self.profile.rate * (end - begin) / US)
        counts = self.profile.arrivals(end / US) - self.profile.arrivals(begin / US)
        return np.maximum(counts, 0.0)

    def serve(self, at: Stretch, minute: Minute) -> Outcome:
        """Account for one stretch."""
        out = Outcome()
        with np.errstate(divide="ignore", invalid="ignore"):
            load = self._load(at)
            self._note(load, out)
        if self.keeps_load:
            for side in (OLD, NEW):
                minute.put(side, CPU, load.rho[side], at.rows)
        self._split = None
        busy = self.watches_old or load.over is not None or self._crowded(load)
        if busy and load.low < 1:
            self._side(OLD, load, None, minute, out)
        if load.high > 0:
            self._side(NEW, load, at.effect, minute, out)
        if load.over is not None:
            self._blame(load, load.over, out)
        return out

    def _crowded(self, load: Load) -> bool:
        """Whether the old revision is busier somewhere than it would be alone."""
        if self.serverless:
            return False
        return bool(((load.rho[OLD] > load.rho0 * SAME) & (load.means[OLD] > 0)).any())

    # -- load -----------------------------------------------------------------------

    def _load(self, at: Stretch) -> Load:
        span = (at.end - at.begin) / US
        offered = self.arrivals(at.begin, at.end)
        around = surroundings(self.environment, at.begin, at.end)
        cap = self.capacity * around.capacity * span
        shares = (1 - at.share, at.share)
        low, high = float(at.share.min()), float(at.share.max())
        in_new = at.in_new if at.effect is None else at.in_new * at.effect.capacity
        rooms = (at.in_old * cap, in_new * cap)
        base = 1 - (1 - self.base_errors) * (1 - around.failing)
        worse = base if at.effect is None else 1 - (1 - base) * (1 - at.effect.failing)
        sides: list[Side] = []
        if low < 1:
            sides.append((shares[OLD], rooms[OLD], base))
        if high > 0:
            sides.append((shares[NEW], rooms[NEW], worse))
        sent = offered * self._again(offered, sides)
        untouched = of_rows(self.untouched, at.rows) * cap
        usual = offered * self._again(offered, [(1.0, untouched, base)])
        means = (sent * shares[OLD], sent * shares[NEW])
        if self.serverless:
            none = np.zeros_like(sent)
            pair = (none, none)
            return Load(at, around, usual, cap, means, rooms, None, pair, pair, none, low, high)
        loads = [_busy(mean, room) for mean, room in zip(means, rooms, strict=True)]
        over = None
        if (means[OLD] > rooms[OLD]).any() or (means[NEW] > rooms[NEW]).any():
            over = (
                np.maximum(means[OLD] - rooms[OLD], 0.0),
                np.maximum(means[NEW] - rooms[NEW], 0.0),
            )
        (old_busy, old_rho), (new_busy, new_rho) = loads
        return Load(
            at,
            around,
            usual,
            cap,
            means,
            rooms,
            over,
            (old_busy, new_busy),
            (old_rho, new_rho),
            _busy(usual, untouched)[1],
            low,
            high,
        )

    def _again(self, offered: Array, sides: Sequence[Side]) -> Array | float:
        """Return the factor by which retries raise the load; see `stratsim.engine.flow`."""
        retries = self.retries
        if retries.share <= 0 or retries.limit == 0:
            return 1.0
        alike = sides[0][2]
        if isinstance(alike, float) and all(fails is alike for _, _, fails in sides):
            even = sum((retries.share * alike) ** k for k in range(retries.limit + 1))
            if self.serverless or not any(
                (offered * even * share > room).any() for share, room, _ in sides
            ):
                return even  # nothing is rejected, and all fail alike
        factor: Array | float = 1.0
        for _ in range(3):
            sent = offered * factor
            lost: Array | float = 0.0
            for share, room, fails in sides:
                mean = sent * share
                if not self.serverless and (mean > room).any():
                    over = np.maximum(mean - room, 0.0)
                    lost, mean = lost + over, mean - over
                lost = lost + mean * fails
            again = retries.share * lost / np.maximum(sent, 1e-300)
            factor = 1.0 + again
            for k in range(2, retries.limit + 1):
                factor = factor + again**k
        return factor

    def _note(self, load: Load, out: Outcome) -> None:
        """Note the capacity that takes traffic, and the largest utilisation."""
        if self.serverless:
            return
        (old, new), share = load.rooms, load.at.share
        if not load.at.pooled:
            if load.high >= 1:
                old = np.where(share < 1, old, 0.0)
            if load.low <= 0:
                new = np.where(share > 0, new, 0.0)
        usual = of_rows(self.usual, load.at.rows)
        out.room = np.where(load.cap > 0, (old + new) / load.cap / usual, np.inf)
        out.load = np.maximum(load.busy[OLD], load.busy[NEW])

    # -- one revision ---------------------------------------------------------------

    def _side(
        self, side: int, load: Load, effect: Effects | None, minute: Minute, out: Outcome
    ) -> None:
        """Draw one revision's requests and what becomes of them."""
        name, at = NAMES[side], load.at
        over = None if load.over is None or not load.over[side].any() else load.over[side]
        met = failed = None
        if effect is not None and over is None and self.dispersion >= 1 and not self.dice.expected:
            counts, met, failed = self._thinned(name, self._scaled(load.means[side], at), effect)
        else:
            counts = self._counts(side, load)
        served = counts
        if over is not None:
            shed = over / np.where(over > 0, load.means[side], 1.0)
            rejected = self.dice.some(name, counts, shed)
            served = counts - rejected
            out.rejected = out.rejected + rejected
            minute.add(side, REJECTED, rejected, at.rows)
        if effect is not None and failed is None:
            met, failed = self._meet(name, served, effect)
        if effect is not None and met is not None and failed is not None:
            out.failed_fault = out.failed_fault + failed
            out.exposed = out.exposed + met
            out.user_fault = failed
            self._first(met, at, effect, out)
        minute.add(side, REQUESTS, counts, at.rows)
        minute.add(side, ERRORS, self._errors(name, served, failed, load.around), at.rows)
        self._slow(side, served, load, effect, minute, out)

    def _errors(self, name: str, served: Array, failed: Array | None, around: Around) -> Array:
        """Return all errors: the fault's, the environment's, and those of any day."""
        rest = served if failed is None else served - failed
        errors = np.zeros_like(served) if failed is None else failed
        if not around.calm:
            outside = self.dice.some(name, rest, around.failing)
            rest, errors = rest - outside, errors + outside
        return errors + self.dice.clumped(name, rest, self.base_errors, self.clumping)

    def _scaled(self, mean: Array, at: Stretch) -> Array:
        """Return a mean times the minute's gamma factor."""
        return mean * of_rows(self.factor, at.rows)

    def _counts(self, side: int, load: Load) -> Array:
        dice, means, at = self.dice, load.means, load.at
        if dice.expected:
            return means[side]
        if self.dispersion >= 1:
            return dice.poisson(NAMES[side], self._scaled(means[side], at))
        if not self.serverless:
            return self._steady(side, means[side], at.rows)
        if self._split is None:  # one total for the function, split at random
            total = self._steady(OLD, means[OLD] + means[NEW], at.rows)
            new = dice.some("new", total, at.share)
            self._split = (total - new, new)
        return self._split[side]

    def _steady(self, side: int, mean: Array, at: Rows) -> Array:
        """Return counts less noisy than Poisson: binomial, of whole tries that follow the mean.

        A stretch may be short: what is rounded off is due in the next one.
        """
        chance = 1 - self.dispersion
        due, sent = self.due[side], self.sent[side]
        due[at] += mean / chance
        tries = np.floor(due[at] + 0.5) - sent[at]
        sent[at] += tries
        return self.dice.some(NAMES[side], tries, chance) if chance < 1 else np.asarray(tries)

    def _thinned(self, name: str, mean: Array, effect: Effects) -> tuple[Array, Array, Array]:
        """Draw requests by fate: failed, met the fault and survived, never met it."""
        dice = self.dice
        failed = dice.poisson(name, mean * effect.failing)
        spared = np.clip(effect.exposed - effect.failing, 0.0, None)
        met = failed + (dice.poisson(name, mean * spared) if spared.any() else 0.0)
        away = mean * np.clip(1.0 - effect.exposed, 0.0, None)
        counts = met + (dice.poisson(name, away) if away.any() else 0.0)
        return counts, met, failed

    def _meet(self, name: str, served: Array, effect: Effects) -> tuple[Array, Array]:
        met = self.dice.some(name, served, effect.exposed)
        share = effect.failing / np.where(effect.exposed > 0, effect.exposed, 1.0)
        return met, self.dice.some(name, met, share)

    def _first(self, met: Array, at: Stretch, effect: Effects, out: Outcome) -> None:
        """Note when the first request met a fault, `NEVER` where none did."""
        hit = met > 0
        if not hit.any():
            return
        onset = np.maximum(at.begin, effect.onset)
        wait: Array = np.zeros(len(met))
        if not self.dice.expected:
            luck = self.dice.rngs["first"].random(len(met))
            wait = np.asarray(at.end - onset, dtype=float) * -np.expm1(
                np.log1p(-luck) / np.maximum(met, 1.0)
            )
        first = onset + np.rint(np.where(hit, wait, 0.0)).astype(np.int64)
        out.first = np.where(hit, first, NEVER)

    # -- response times ---------------------------------------------------------------

    def _slow(
        self,
        side: int,
        served: Array,
        load: Load,
        effect: Effects | None,
        minute: Minute,
        out: Outcome,
    ) -> None:
        """Count answers that are late on account of the deployment."""
        around, rho = load.around, load.rho[side]
        parts = USUAL if effect is None or effect.parts is None else effect.parts
        if side == NEW and load.at.warm is not None:
            parts = [(w, f * load.at.warm, a) for w, f, a in parts]
        if side == NEW and self.cold is not None:
            parts = self._chilled(self.cold, parts, load)
        mixture = [(w, f * around.factor, a * around.factor + around.add_s) for w, f, a in parts]
        if self.keeps_times:
            for weight, f, a in mixture:
                minute.add_times((side, served * weight, rho, f, a), load.at.rows)
        if parts is USUAL and not ((rho > load.rho0 * SAME) & (served > 0)).any():
            return  # less loaded than usual, and nothing slows it
        usual = self._late(load.rho0, (self.late_s - around.add_s) / around.factor)
        late = sum(w * self._late(rho, (self.late_s - a) / f) for w, f, a in mixture)
        as_usual = (rho <= load.rho0 * SAME) & _clean(parts)
        out.slow = out.slow + self.dice.some("slow", served, np.where(as_usual, 0.0, late - usual))

    def _chilled(self, cold: ColdStarts, parts: Sequence[Part], load: Load) -> Sequence[Part]:
        """Return the response times of the new version with its cold starts."""
        at, requests = load.at, load.means[NEW]
        rate = (load.means[OLD] + load.means[NEW]) / ((at.end - at.begin) / US)
        started = cold.over(rate, at.share, (at.share > 0) & (requests > 0), at.rows)
        share = np.minimum(started, requests) / np.where(requests > 0, requests, 1.0)
        return chilled(parts, share, cold.added_s[at.rows])

    def _late(self, rho: Array, t_s: Array | float) -> Array:
        """P(response time > t); one look-up where all rows are alike, as they often are."""
        if isinstance(t_s, np.ndarray) and t_s.min() == t_s.max():
            t_s = float(t_s[0])
        if isinstance(t_s, np.ndarray):
            return self.times.survival_many(rho, t_s)
        if rho.min() == rho.max():
            return np.full(len(rho), self.times.survival(float(rho[0]), t_s))
        return self.times.survival_along(rho, t_s)

    # -- blame ------------------------------------------------------------------------

    def _blame(self, load: Load, over: tuple[Array, Array], out: Outcome) -> None:
        """Divide rejections into the faults', the deployment's and those of any day."""
        at, cap, means = load.at, load.cap, load.means
        every = over[OLD] + over[NEW]
        if at.pooled:
            whole = at.in_old + at.in_new + at.lost_old + at.lost_new
            sound = np.maximum(means[OLD] + means[NEW] - whole * cap, 0.0)
        else:
            sound = np.maximum(means[OLD] - (at.in_old + at.lost_old) * cap, 0.0)
            sound = sound + np.maximum(means[NEW] - (at.in_new + at.lost_new) * cap, 0.0)
        always = np.minimum(
            np.maximum(load.usual - of_rows(self.untouched, at.rows) * cap, 0.0), every
        )
        some = np.where(every > 0, every, 1.0)
        fault = np.minimum(np.maximum(every - sound, 0.0), every - always) / some
        taken = (every - always) / some - fault
        total = np.asarray(out.rejected + np.zeros_like(every))
        by_fault = self.dice.some("blame", total, fault)
        share = np.where(fault < 1, taken / np.where(fault < 1, 1 - fault, 1.0), 0.0)
        by_change = self.dice.some("blame", total - by_fault, share)
        out.failed_fault = out.failed_fault + by_fault
        out.failed_capacity = out.failed_capacity + by_change
        blamed, of_new = by_fault + by_change, over[NEW] / some
        out.user_new, out.user_old = blamed * of_new, blamed * (1 - of_new)


def of_rows(value: NDArray[Any] | float, rows: Rows) -> NDArray[Any] | float:
    """Return what some rows have of a value, which may be the same for all."""
    return value[rows] if isinstance(value, np.ndarray) else value


def _busy(mean: Array, room: Array) -> tuple[Array, Array]:
    """Return load over capacity, -inf where there is neither, and the utilisation."""
    busy = mean / room
    if room.min() > 0 and mean.min() > 0:
        return busy, np.minimum(busy, 1.0)
    some, able = mean > 0, room > 0
    rho = np.where(some, np.where(able, np.minimum(busy, 1.0), 1.0), 0.0)
    return np.where(some & able, busy, -np.inf), rho


def _clean(parts: Sequence[Part]) -> NDArray[np.bool_] | bool:
    """Return where no part of a mixture is slower than the service itself."""
    same: NDArray[np.bool_] | bool = True
    for weight, factor, add in parts:
        same = same & ((weight == 0) | ((factor == 1) & (add == 0)))
    return same
