"""What the release's faults do to the new revision during one stretch of time.

Within a stretch nothing changes but the faults' own clocks, so a fault's effect
is its exact mean over the stretch: a step or a linear ramp, integrated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stratsim.engine.fleet import NEVER, Fleet, strikes
from stratsim.model.quantities import Array
from stratsim.world import DrawnFault, World

SERVED = {"errors", "latency", "crash", "capacity", "cold_start"}
"""Kinds that are active while requests are served."""


@dataclass(slots=True)
class Effect:
    """Means over one stretch.

    ``failing`` and ``exposed`` are shares of the new revision's served requests;
    ``parts`` is a mixture of (share, latency factor, latency added [s]);
    ``capacity`` is a factor on the capacity of the new revision; ``onset_us``
    the first moment of the stretch in which a fault is active.
    """

    failing: float
    exposed: float
    parts: tuple[tuple[float, float, float], ...]
    capacity: float
    onset_us: int


CLEAN = ((1.0, 1.0, 0.0),)
NOTHING = Effect(0.0, 0.0, CLEAN, 1.0, NEVER)


def ramp_mean(begin: int, end: int, onset: int, ramp: int) -> float:
    """Return the mean over [begin, end) of a level that rises from 0 to 1.

    It begins at `onset` and takes `ramp` microseconds; 0 is a step.
    """
    return (_area(end, onset, ramp) - _area(begin, onset, ramp)) / (end - begin)


def _area(at: int, onset: int, ramp: int) -> float:
    run = at - onset
    if run <= 0:
        return 0.0
    if run < ramp:
        return run * run / (2 * ramp)
    return run - ramp / 2


class Faults:
    """The drawn faults of one run, and what they do at any time."""

    def __init__(self, world: World, fleet: Fleet) -> None:
        self.world, self.fleet = world, fleet
        self.served = tuple(f for f in world.faults if f.kind in SERVED)
        self.crashes = tuple(f for f in world.faults if f.kind == "crash")
        self._everywhere = all(f.everywhere for f in self.served)
        self._static = all(f.after_us == 0 and f.ramp_us == 0 for f in self.served)
        self._version = -1
        self._starts: Array = np.empty(0)
        self._hits: Array = np.empty((0, 0))
        self._struck: Array = np.empty((len(self.served), 0))
        self._start = NEVER
        self._mixed = False

    def _refresh(self) -> None:
        """Read the fleet again after it changed."""
        fleet = self.fleet
        self._version = fleet.version
        if fleet.serverless:
            self._start, self._mixed = fleet.first_us, False
            return
        numbers = np.flatnonzero(np.isfinite(fleet.starts))
        starts = fleet.starts[numbers]
        self._start = int(starts.min()) if starts.size else NEVER
        alike = self._static or (starts.size > 0 and starts.max() == self._start)
        self._mixed = starts.size > 0 and not (self._everywhere and alike)
        if self._mixed:
            self._starts = starts
            self._hits = self._hits_of_all()[:, numbers]

    def _hits_of_all(self) -> Array:
        """Return how much each fault strikes every instance there ever was, by number."""
        fresh = self.fleet.units_from(self._struck.shape[1])
        if fresh:
            hits = [strikes(self.world, fault, fresh) for fault in self.served]
            self._struck = np.concatenate([self._struck, np.array(hits)], axis=1)
        return self._struck

    def over(self, begin: int, end: int, load_rps: float) -> Effect:
        """Return the effect over [begin, end) at `load_rps` per instance."""
        if not self.served:
            return NOTHING
        if self._version != self.fleet.version:
            self._refresh()
        if self._start == NEVER:
            return NOTHING
        return (self._many if self._mixed else self._alike)(begin, end, load_rps)

    def _alike(self, begin: int, end: int, load_rps: float) -> Effect:
        """Return the effect where all instances began together and are struck alike."""
        start = self._start
        passing = capacity = factor = 1.0
        exposed = add = cold = cold_add = 0.0
        onset = NEVER
        for fault in self.served:
            if load_rps < fault.above_load:
                continue
            on = start + fault.after_us
            if on >= end:
                continue
            level = ramp_mean(begin, end, on, fault.ramp_us)
            active = (end - max(begin, on)) / (end - begin)
            first = max(begin, on)
            onset = first if onset == NEVER else min(onset, first)
            exposed = max(exposed, active * _reach(fault))
            if fault.kind == "errors":
                passing *= 1.0 - fault.rate * level
            elif fault.kind == "latency":
                factor *= 1.0 + (fault.factor - 1.0) * level
                add += fault.add_s * level
            elif fault.kind == "capacity":
                capacity *= 1.0 + (fault.factor - 1.0) * level
            elif fault.kind == "cold_start":
                cold, cold_add = fault.share * active, fault.add_s
        parts = _parts(factor, add, 1.0, cold, cold_add)
        return Effect(1.0 - passing, exposed, parts, capacity, onset)

    def _many(self, begin: int, end: int, load_rps: float) -> Effect:
        """Return the effect where instances differ in their start or in being struck."""
        n = len(self._starts)
        passing, capacity = np.ones(n), np.ones(n)
        exposed, slowed = np.zeros(n), np.zeros(n)
        factor, add, cold, cold_add, onset = 1.0, 0.0, 0.0, 0.0, float("inf")
        for fault, hit in zip(self.served, self._hits, strict=True):
            if load_rps < fault.above_load:
                continue
            on = self._starts + fault.after_us
            level = _levels(begin, end, on, fault.ramp_us) * hit
            active = np.clip(end - np.maximum(begin, on), 0, None) / (end - begin)
            here = (active > 0) & (hit > 0)
            if not here.any():
                continue
            onset = min(onset, float(np.maximum(on[here], begin).min()))
            exposed = np.maximum(exposed, active * hit * _reach(fault))
            if fault.kind == "errors":
                passing *= 1.0 - fault.rate * level
            elif fault.kind == "latency":
                mean = float(level[level > 0].mean() / max(hit[level > 0].max(), 1e-300))
                factor *= 1.0 + (fault.factor - 1.0) * mean
                add += fault.add_s * mean
                slowed = np.maximum(slowed, np.where(level > 0, hit, 0.0))
            elif fault.kind == "capacity":
                capacity *= 1.0 + (fault.factor - 1.0) * level
            elif fault.kind == "cold_start":
                cold, cold_add = fault.share * float((active * hit).mean()), fault.add_s
        first = NEVER if onset == float("inf") else round(onset)
        parts = _parts(factor, add, float(slowed.mean()), cold, cold_add)
        return Effect(
            float(1.0 - passing.mean()), float(exposed.mean()), parts, float(capacity.mean()), first
        )

    @property
    def any_served(self) -> bool:
        """Whether the release has faults that requests can meet."""
        return bool(self.served)


def _reach(fault: DrawnFault) -> float:
    return fault.share if fault.kind == "cold_start" else 1.0


def _levels(begin: int, end: int, onset: Array, ramp: int) -> Array:
    def area(at: int) -> Array:
        run = np.maximum(at - onset, 0.0)
        if ramp == 0:
            return run
        return np.where(run < ramp, run * run / (2 * ramp), run - ramp / 2)

    return np.asarray((area(end) - area(begin)) / (end - begin))


def _parts(
    factor: float, add: float, share: float, cold: float, cold_add: float
) -> tuple[tuple[float, float, float], ...]:
    """Return the mixture of response times: clean, slowed, cold."""
    if factor == 1.0 and add == 0.0 and cold == 0.0:
        return CLEAN
    parts: list[tuple[float, float, float]] = []
    for weight, f, a in ((1.0 - share, 1.0, 0.0), (share, factor, add)):
        parts += [(weight * (1 - cold), f, a), (weight * cold, f, a + cold_add)]
    return tuple(part for part in parts if part[0] > 0)


def combine(
    parts: Sequence[tuple[float, float, float]], factor: float, add: float
) -> tuple[tuple[float, float, float], ...]:
    """Return `parts` as they are in an environment that slows everything."""
    if factor == 1.0 and add == 0.0:
        return tuple(parts)
    return tuple((share, f * factor, a * factor + add) for share, f, a in parts)
