"""Requests through the service during one stretch of time, and what becomes of them.

A stretch lies within one minute, and nothing changes in it: the split of the
traffic, the instances in service. With noise off every count is its expectation.
"""

import math
import sys
from dataclasses import dataclass, field

import numpy as np

from stratsim.engine.clock import US
from stratsim.engine.cold_starts import ColdStarts, chilled
from stratsim.engine.effects import CLEAN, Effect, Faults, combine
from stratsim.engine.environment import Environment, Surroundings
from stratsim.engine.fail_open import FailOpen
from stratsim.engine.fleet import NEVER, Fleet
from stratsim.engine.warming import Mixture, warming_of
from stratsim.model.scenario import Scenario
from stratsim.model.traffic import Constant
from stratsim.queueing import SAME, ResponseTimes
from stratsim.signals import (
    CPU,
    ERRORS,
    HEALTHY,
    NEW,
    OLD,
    REJECTED,
    REQUESTS,
    UNHEALTHY,
    WIDTH,
    Part,
    Row,
    empty_row,
)


@dataclass(slots=True)
class Truth:
    """What really happened, summed over a run; only measures read it."""

    failed_fault: float = 0.0
    failed_capacity: float = 0.0
    slow: float = 0.0
    exposed: float = 0.0
    requests: float = 0.0
    new_requests: float = 0.0
    rejected: float = 0.0
    peak_exposure: float = 0.0
    peak_utilization: float = math.nan
    min_capacity: float = math.nan
    extra_instance_s: float = 0.0
    first_exposed_us: int = NEVER
    log_spared: float = 0.0
    bands: list[tuple[float, float, float]] = field(default_factory=list)


class Dice:
    """Draws counts; with noise off it returns their expectations."""

    def __init__(self, *, expected: bool) -> None:
        self.expected = expected
        self.rng: np.random.Generator = None  # type: ignore[assignment]  # each minute's

    def some(self, n: float, p: float) -> float:
        """Return how many of `n` happen, each with probability `p`."""
        if p <= 0 or n <= 0:
            return 0.0
        if p >= 1:
            return n
        return n * p if self.expected else float(self.rng.binomial(int(n), p))

    def clumped(self, n: float, p: float, dispersion: float) -> float:
        """Return how many of `n` happen where the count's variance/mean is `dispersion`.

        Beta-binomial: with a share of mean p and intra-class correlation rho the
        variance is n p (1 - p) (1 + (n - 1) rho); rho is chosen to fit, and 1
        is plain binomial.
        """
        if self.expected or dispersion <= 1 or n < 2 or p <= 0 or p >= 1:
            return self.some(n, p)
        rho = min((dispersion - 1) / (n - 1), 0.999)
        scale = (1 - rho) / rho
        least = sys.float_info.min  # a product of tiny numbers may be 0, which beta refuses
        share = self.rng.beta(max(p * scale, least), max((1 - p) * scale, least))
        return self.some(n, float(share))


class Flow:
    """The stream of requests of one run."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, faults: Faults, times: ResponseTimes, factor: float
    ) -> None:
        service, traffic = scenario.service, scenario.traffic
        self.scenario, self.fleet, self.faults, self.times = scenario, fleet, faults, times
        self.profile = traffic.profile
        self.dispersion, self.retries = traffic.dispersion, traffic.retries
        self.capacity = service.capacity
        self.base_errors, self.clumping = service.error_rate, service.error_dispersion
        self.late_s = scenario.slo.latency
        self.users = traffic.users
        self.environment = Environment(scenario)
        self.dice = Dice(expected=scenario.noise == "expected")
        self.truth = Truth()
        self.warming = warming_of(service, fleet)
        answered = service.health_check.fail_open
        self.fail_open = FailOpen(answered, fleet) if answered and not fleet.serverless else None
        self.cold: ColdStarts | None = None
        if service.cold_starts and fleet.serverless:
            added_s = faults.world.value(service.startup, "cold start")
            self.cold = ColdStarts(times.mean(0.0), added_s, service.provisioned_concurrency)
        self.since = 0
        self.factor = factor
        self.row: Row = empty_row()
        self.parts: list[Part] = []
        self._due = [0.0, 0.0]
        self._sent = [0.0, 0.0]

    @property
    def steady(self) -> bool:
        """Whether the traffic never changes."""
        return isinstance(self.profile, Constant)

    def arrivals(self, begin: int, end: int) -> float:
        """Return the expected requests of [begin, end) microseconds."""
        if isinstance(self.profile, Constant):
            return self.profile.rate * (end - begin) / US
        edges = np.array([begin, end]) / US
        low, high = self.profile.arrivals(edges).tolist()
        return max(float(high - low), 0.0)

    def advance(self, now: int) -> None:
        """Account for the time from the last call until `now`."""
        for edge in self.environment.edges:
            if self.since < edge < now:
                self._advance(edge)
        self._advance(now)

    def _advance(self, now: int) -> None:
        begin = self.since
        if now <= begin:
            return
        self.since = now
        span_s = (now - begin) / US
        fleet, truth = self.fleet, self.truth
        truth.extra_instance_s += max(fleet.running - fleet.usual, 0) * span_s
        share = fleet.share if self.warming is None else self.warming.share(begin, now)
        if self.fail_open is not None:
            share = self.fail_open.share(share)
        truth.peak_exposure = max(truth.peak_exposure, share)
        offered = self.arrivals(begin, now)
        self._serve(begin, now, span_s, share, offered)

    def share_at(self, now: int) -> float:
        """Return the new revision's share of the traffic at a moment."""
        return self.fleet.share if self.warming is None else self.warming.share(now, now + 1)

    def meets_fault(self, begin: int, end: int) -> bool:
        """Whether a request of [begin, end) is expected to meet a fault if nothing changes."""
        share = (
            self.fleet.share if self.fail_open is None else self.fail_open.share(self.fleet.share)
        )
        offered = self.arrivals(begin, end)
        per_unit = offered * share * US / (end - begin) / max(self.fleet.in_service[NEW], 1)
        effect = self.faults.over(begin, end, per_unit)
        if self.fail_open is not None and self.fail_open.opened()[NEW]:
            effect = self.fail_open.met(effect, begin)
        return offered * share * effect.exposed > 0

    def _serve(self, begin: int, now: int, span_s: float, share: float, offered: float) -> None:
        fleet = self.fleet
        surroundings = self.environment.over(begin, now)
        per_unit = offered * share / span_s / max(fleet.in_service[NEW], 1)
        effect = self.faults.over(begin, now, per_unit)
        cap = self.capacity * surroundings.capacity * span_s
        targets = list(fleet.in_service)
        if self.fail_open is not None and any(opened := self.fail_open.opened()):
            targets = [n + more for n, more in zip(targets, opened, strict=True)]
            effect = self.fail_open.met(effect, begin) if opened[NEW] else effect
        spare = [targets[OLD] * cap, targets[NEW] * effect.capacity * cap]
        self._note_capacity(spare, cap, share)
        base = 1 - (1 - self.base_errors) * (1 - surroundings.failing)
        sent = offered * self._again(offered, share, spare, effect.failing, base)
        means = (sent * (1 - share), sent * share)
        self._note_load(means, spare)
        counts = self._counts(means, share)
        shed = [_shed(means[side], spare[side], fleet.serverless) for side in (OLD, NEW)]
        rejected = [self.dice.some(counts[side], shed[side]) for side in (OLD, NEW)]
        untouched = fleet.untouched * cap
        usual = offered * self._again(offered, 0.0, [untouched, 0.0], 0.0, base)
        self._blame(rejected, means, spare, cap, usual, share)
        old, new = counts[OLD] - rejected[OLD], counts[NEW] - rejected[NEW]
        exposed, failed = self._meet_faults(begin, now, new, effect)
        errors = (
            self._fail(old, surroundings.failing),
            failed + self._fail(new - failed, surroundings.failing),
        )
        truth = self.truth
        truth.failed_fault += failed
        truth.exposed += exposed
        truth.requests += counts[OLD] + counts[NEW]
        truth.new_requests += counts[NEW]
        truth.rejected += rejected[OLD] + rejected[NEW]
        self._users(failed, 0.0, share)
        rho = [_load(means[side], spare[side], fleet.serverless) for side in (OLD, NEW)]
        rho0 = _load(usual, untouched, fleet.serverless)
        answers = (
            effect.parts if self.warming is None else self.warming.warmed(effect.parts, begin, now)
        )
        parts = (CLEAN, self._chilled(answers, sent / span_s, share, means[NEW]))
        self._slow((old, new), rho, rho0, parts, surroundings.factor, surroundings.add_s)
        self._record(counts, errors, rejected, (old, new), rho, parts, surroundings)

    def _chilled(self, parts: Mixture, rate_rps: float, share: float, requests: float) -> Mixture:
        """Return the response times of the new version with its cold starts."""
        if self.cold is None or share <= 0 or requests <= 0:
            return parts
        cold = self.cold.over(rate_rps, share)
        return chilled(parts, min(cold / requests, 1.0), self.cold.added_s)

    def observe(self) -> None:
        """Note the capacity and the load of one moment, for a run that lasts no longer."""
        begin, share = self.since, self.fleet.share
        cap = self.capacity * self.environment.over(begin, begin + 1).capacity
        spare = [n * cap for n in self.fleet.in_service]
        rate = self.arrivals(begin, begin + US)
        self._note_capacity(spare, cap, share)
        self._note_load((rate * (1 - share), rate * share), spare)

    def _note_capacity(self, spare: list[float], cap: float, share: float) -> None:
        """Note the capacity that takes traffic: a fleet at weight 0 does not."""
        if self.fleet.serverless or cap <= 0:
            return
        room = spare[OLD] + spare[NEW]
        if self.fleet.weight is not None:
            room = (spare[OLD] if share < 1 else 0.0) + (spare[NEW] if share > 0 else 0.0)
        left = room / cap / self.fleet.usual
        if not self.truth.min_capacity <= left:  # NaN before the first stretch
            self.truth.min_capacity = left

    def _note_load(self, means: tuple[float, float], spare: list[float]) -> None:
        if self.fleet.serverless:
            return
        for mean, room in zip(means, spare, strict=True):
            if room > 0 and mean > 0 and not self.truth.peak_utilization >= mean / room:
                self.truth.peak_utilization = mean / room

    def _again(
        self, offered: float, share: float, spare: list[float], failing: float, base: float
    ) -> float:
        """Return the factor by which retries raise the load.

        A retried request fails like any other, so the factor is a short
        geometric series in the share that fails and is sent again.
        """
        retries = self.retries
        if retries.share <= 0 or retries.limit == 0 or offered <= 0:
            return 1.0
        factor = 1.0
        for _ in range(3):  # load and shedding depend on each other; three rounds settle it
            means = (offered * factor * (1 - share), offered * factor * share)
            lost = 0.0
            for side, wrong in ((OLD, base), (NEW, 1 - (1 - base) * (1 - failing))):
                shed = _shed(means[side], spare[side], self.fleet.serverless)
                lost += means[side] * (shed + (1 - shed) * wrong)
            again = retries.share * lost / (offered * factor)
            factor = sum(again**k for k in range(retries.limit + 1))
        return factor

    def _counts(self, means: tuple[float, float], share: float) -> tuple[float, float]:
        dice, dispersion = self.dice, self.dispersion
        if dice.expected:
            return means
        if dispersion >= 1:
            rng, factor = dice.rng, self.factor
            old = float(rng.poisson(factor * means[OLD])) if means[OLD] > 0 else 0.0
            new = float(rng.poisson(factor * means[NEW])) if means[NEW] > 0 else 0.0
            return old, new
        if self.fleet.serverless:
            total = self._steady(OLD, means[OLD] + means[NEW])
            new = dice.some(total, share)
            return total - new, new
        return self._steady(OLD, means[OLD]), self._steady(NEW, means[NEW])

    def _steady(self, side: int, mean: float) -> float:
        """Return a count less noisy than Poisson: binomial, of whole tries that follow the mean.

        A stretch may be short: what is rounded off is due in the next one.
        """
        chance = 1 - self.dispersion
        self._due[side] += mean / chance
        tries = math.floor(self._due[side] + 0.5) - self._sent[side]
        self._sent[side] += tries
        return self.dice.some(tries, chance)

    def _blame(
        self,
        rejected: list[float],
        means: tuple[float, float],
        spare: list[float],
        cap: float,
        usual: float,
        share: float,
    ) -> None:
        """Divide rejections into the faults', the deployment's and those of any day.

        `usual` is what would be sent to the untouched fleet.
        """
        total = rejected[OLD] + rejected[NEW]
        if total <= 0:
            return
        fleet = self.fleet
        over = sum(max(m - room, 0.0) for m, room in zip(means, spare, strict=True))
        if fleet.weight is None:
            whole = sum(fleet.in_service) + sum(fleet.lost)
            sound = max(sum(means) - whole * cap, 0.0)
        else:
            sides = zip(means, fleet.in_service, fleet.lost, strict=True)
            sound = sum(max(m - (n + lost) * cap, 0.0) for m, n, lost in sides)
        always = min(max(usual - fleet.untouched * cap, 0.0), over)
        fault = min(max(over - sound, 0.0), over - always) / over
        taken = (over - always) / over - fault
        by_fault = self.dice.some(total, fault)
        by_change = self.dice.some(total - by_fault, taken / (1 - fault) if fault < 1 else 0.0)
        self.truth.failed_fault += by_fault
        self.truth.failed_capacity += by_change
        of_new = max(means[NEW] - spare[NEW], 0.0) / over
        self._users((by_fault + by_change) * of_new, 0.0, share)
        self._users((by_fault + by_change) * (1 - of_new), share, 1.0)

    def _meet_faults(
        self, begin: int, now: int, served: float, effect: Effect
    ) -> tuple[float, float]:
        """Return how many of the new revision's requests met a fault, and failed by it."""
        if effect.exposed <= 0 or served <= 0:
            return 0.0, 0.0
        met = self.dice.some(served, effect.exposed)
        failed = self.dice.some(met, effect.failing / effect.exposed)
        if met > 0 and self.truth.first_exposed_us == NEVER:
            onset = max(begin, effect.onset_us)
            wait = 0.0
            if not self.dice.expected:  # the first of `met` arrivals spread over the stretch
                wait = (now - onset) * -math.expm1(math.log1p(-self.dice.rng.random()) / met)
            self.truth.first_exposed_us = onset + round(wait)
        return met, failed

    def _fail(self, n: float, surroundings: float) -> float:
        """Return the failures that have nothing to do with the release."""
        outside = self.dice.some(n, surroundings)
        return outside + self.dice.clumped(n - outside, self.base_errors, self.clumping)

    def _users(self, failed: float, low: float, high: float) -> None:
        """Note failures of users whose fixed number lies between `low` and `high`."""
        if failed <= 0:
            return
        if self.users.sticky:
            self.truth.bands.append((low, high, failed))
        else:
            self.truth.log_spared += failed * _log_missed(self.users.active)

    def _slow(
        self,
        served: tuple[float, float],
        rho: list[float],
        rho0: float,
        parts: tuple[tuple[tuple[float, float, float], ...], ...],
        factor: float,
        add_s: float,
    ) -> None:
        """Count answers that are late on account of the deployment."""
        survival = self.times.survival
        usual: float | None = None
        for side in (OLD, NEW):
            if served[side] <= 0 or (rho[side] <= rho0 * SAME and parts[side] is CLEAN):
                continue
            if usual is None:
                usual = survival(rho0, (self.late_s - add_s) / factor)
            late = sum(
                weight * survival(rho[side], (self.late_s - a) / f)
                for weight, f, a in combine(parts[side], factor, add_s)
            )
            self.truth.slow += self.dice.some(served[side], late - usual)

    def _record(
        self,
        counts: tuple[float, float],
        errors: tuple[float, float],
        rejected: list[float],
        served: tuple[float, float],
        rho: list[float],
        parts: tuple[tuple[tuple[float, float, float], ...], ...],
        surroundings: Surroundings,
    ) -> None:
        """Add the stretch to the minute's row."""
        row = self.row
        for side in (OLD, NEW):
            at = side * WIDTH
            row[at + REQUESTS] += counts[side]
            row[at + ERRORS] += errors[side]
            row[at + REJECTED] += rejected[side]
            row[at + CPU] = min(rho[side], 1.0)
            if served[side] > 0:
                for weight, f, a in combine(parts[side], surroundings.factor, surroundings.add_s):
                    self.parts.append((side, served[side] * weight, rho[side], f, a))

    def close_minute(self) -> tuple[Row, list[Part]]:
        """Return the minute's row and response times, and begin the next."""
        row, parts, fleet = self.row, self.parts, self.fleet
        for side in (OLD, NEW):
            row[side * WIDTH + HEALTHY] = float(fleet.in_service[side])
            row[side * WIDTH + UNHEALTHY] = float(fleet.lost[side])
        self.row, self.parts = empty_row(), []
        return row, parts


def _shed(mean: float, room: float, serverless: bool) -> float:  # noqa: FBT001
    if serverless or mean <= room or mean <= 0:
        return 0.0
    return 1.0 - room / mean


def _load(mean: float, room: float, serverless: bool) -> float:  # noqa: FBT001
    if serverless or mean <= 0:
        return 0.0
    return min(mean / room, 1.0) if room > 0 else 1.0


def _log_missed(active: int) -> float:
    return math.log1p(-1.0 / active) if active > 1 else -math.inf
