"""The world: everything that a strategy cannot influence, drawn before it runs.

Worlds are drawn in blocks of replications from streams keyed by block and
purpose. All strategies of a comparison meet the same worlds, which pairs them.
With ``noise: expected`` durations and delays are their means and the phase is 0;
chances (of start-up, hooks, crashes, lifecycle failures) keep their draws.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from stratsim.model.quantities import Array, Distribution, Fixed
from stratsim.model.release import Fault
from stratsim.model.scenario import Scenario
from stratsim.model.settings import MINUTE_S
from stratsim.streams import CountStream, Streams

CHUNK = 64
"""Periods drawn at once for quantities that have one value per minute."""

KEPT = 24
"""Chunks, from a deployment's creation on, that are drawn for a whole block: a day."""

Sampler = Callable[[np.random.Generator, int | tuple[int, ...]], Array]

_MOST = 4096
_LEAST = 16
_CELLS = 1 << 19


@lru_cache(maxsize=8)
def _constant(value: float) -> Array:
    return np.broadcast_to(value, CHUNK)


def block_size(scenario: Scenario) -> int:
    """Return the replications per block: fewer for large fleets, to bound memory.

    It depends on the scenario alone, so a replication's draws never depend on
    how work was split.
    """
    return max(_LEAST, min(_MOST, _CELLS // max(1, scenario.service.instances)))


class Block:
    """The worlds of one block of replications.

    Arrays have shape (replications, ...) and are drawn when first asked for.
    """

    def __init__(self, scenario: Scenario, seed: int, index: int) -> None:
        self.scenario = scenario
        self.index = index
        self.size = block_size(scenario)
        self.streams = Streams(seed)
        self.expected = scenario.noise == "expected"
        self._cache: dict[tuple[str | int, ...], Array] = {}

    def uniform(self, *key: str | int, n: int | None = None, kept: bool = True) -> Array:
        """Return uniforms in [0, 1): (replications,) or (replications, n).

        Those of which there may be any number are not `kept`.
        """
        if not kept:
            return self.streams.rng("world", self.index, *key).random(self._shape(n))
        return self._keep(("u", *key, n or 0), lambda rng: rng.random(self._shape(n)), key)

    def draw(self, distribution: Distribution, *key: str | int, n: int | None = None) -> Array:
        """Return draws of `distribution`; its mean where noise is off."""
        shape = self._shape(n)
        if self.expected or isinstance(distribution, Fixed):
            return np.broadcast_to(distribution.mean, shape)
        # the distribution is part of the key: two strategies may differ in it
        return self._keep(
            ("d", repr(distribution), *key, n or 0),
            lambda rng: distribution.sample(rng, shape),
            key,
        )

    def _shape(self, n: int | None) -> int | tuple[int, ...]:
        return self.size if n is None else (self.size, n)

    def _keep(
        self,
        name: tuple[str | int, ...],
        make: Callable[[np.random.Generator], Array],
        key: tuple[str | int, ...],
    ) -> Array:
        if name not in self._cache:
            self._cache[name] = make(self.streams.rng("world", self.index, *key))
        return self._cache[name]

    @cached_property
    def outcome(self) -> Array:
        """Index of each replication's outcome, (replications,)."""
        edges = np.cumsum([o.probability for o in self.scenario.release.outcomes])
        last = len(edges) - 1
        return np.minimum(np.searchsorted(edges, self.uniform("outcome"), side="right"), last)

    @cached_property
    def phase_s(self) -> Array:
        """Where in the minute each deployment starts [s], (replications,)."""
        phase = self.scenario.metrics.phase
        return self._in_minute(phase, "phase")

    def offset_s(self, alarm: int) -> Array:
        """Where in the minute alarm number `alarm` is evaluated [s]."""
        return self._in_minute(self.scenario.metrics.evaluation_offset, "offset", alarm)

    def _in_minute(self, setting: float | str, *key: str | int) -> Array:
        if isinstance(setting, str):
            return np.zeros(self.size) if self.expected else MINUTE_S * self.uniform(*key)
        return np.full(self.size, float(setting))

    def unread_poll(self, chance: float) -> Array:
        """Number of the first poll at which alarms cannot be read, (replications,).

        Every poll fails with probability `chance`, so the number is geometric.
        """
        if chance >= 1:
            return np.zeros(self.size)
        return np.asarray(np.floor(np.log1p(-self.uniform("alarm poll")) / np.log1p(-chance)))

    def traffic_factor(self, chunk: int, row: int) -> Array:
        """Gamma factors of `CHUNK` minutes of one replication, mean 1.

        A Poisson count whose mean is multiplied by a gamma factor of mean 1 and
        variance (D - 1) / mean is negative binomial with variance/mean D.
        """
        over = self.scenario.traffic.dispersion - 1
        if over <= 0 or self.expected:
            return _constant(1.0)

        def sample(rng: np.random.Generator, size: int | tuple[int, ...]) -> Array:
            # minute k begins `phase` before 60 k; what arrives in it gives the factor's spread
            phase = self.phase_s[row] if isinstance(size, int) else self.phase_s[:, np.newaxis]
            edges = MINUTE_S * (chunk * CHUNK + np.arange(CHUNK + 1, dtype=np.float64)) - phase
            means = np.diff(self.scenario.traffic.profile.arrivals(edges))
            shape = np.maximum(means, 1e-12) / over
            return rng.gamma(shape, 1 / shape, size)

        return self._minutes("traffic", chunk, row, sample)

    def delay_s(self, chunk: int, row: int) -> Array:
        """Publication delays of `CHUNK` minutes of one replication [s]."""
        delay = self.scenario.metrics.delay
        if self.expected or isinstance(delay, Fixed):
            return _constant(delay.mean)
        return self._minutes("delay", chunk, row, delay.sample)

    def traffic_factors(self, minute: int, rows: NDArray[np.int64]) -> Array | float:
        """Return the gamma factors of one minute in many replications, (rows,)."""
        if self.scenario.traffic.dispersion <= 1 or self.expected:
            return 1.0
        return self._of_minute("traffic", self.traffic_factor, minute, rows)

    def delays_s(self, minute: int, rows: NDArray[np.int64]) -> Array | float:
        """Return the publication delays of one minute in many replications, (rows,) [s]."""
        delay = self.scenario.metrics.delay
        if self.expected or isinstance(delay, Fixed):
            return delay.mean
        return self._of_minute("delay", self.delay_s, minute, rows)

    def _of_minute(
        self,
        purpose: str,
        one: Callable[[int, int], Array],
        minute: int,
        rows: NDArray[np.int64],
    ) -> Array:
        chunk, place = divmod(minute, CHUNK)
        if len(rows):
            one(chunk, int(rows[0]))  # draws the block's chunk, if it is kept
        kept = self._cache.get(("minutes", purpose, chunk % (1 << 32)))
        if kept is not None:
            return np.asarray(kept[place, rows])
        return np.array([one(chunk, int(row))[place] for row in rows])

    def _minutes(self, purpose: str, chunk: int, row: int, sample: Sampler) -> Array:
        """Return one row of a value per minute; kept for the block for `KEPT` chunks only.

        A deployment may last for months: later minutes are drawn for one
        replication at a time, to bound the memory.
        """
        key = (purpose, chunk % (1 << 32))
        if -KEPT <= chunk < KEPT:
            shape = (self.size, CHUNK)
            # by minute, so that all replications of a minute lie together
            block = self._keep(
                ("minutes", *key), lambda rng: np.ascontiguousarray(sample(rng, shape).T), key
            )
            return np.asarray(block[:, row])
        return sample(self.streams.rng("world", self.index, *key, row), CHUNK)

    def row(self, replication: int, outcome: int | None = None) -> "World":
        """Return the world of one replication of this block."""
        row = replication % self.size
        chosen = int(self.outcome[row]) if outcome is None else outcome
        return World(self, replication, row, chosen)


@dataclass(frozen=True, slots=True)
class DrawnFault:
    """A fault with its severity and onset drawn; ``hit`` is a weight per instance."""

    kind: str
    rate: float
    factor: float
    add_s: float
    after_us: int
    ramp_us: int
    zones: frozenset[int]
    instances: float
    above_load: float
    share: float
    spec: Fault
    number: int

    @property
    def everywhere(self) -> bool:
        """Whether it strikes every instance alike."""
        return not self.zones and self.instances >= 1


class World:
    """One replication's world: a row of a block, as plain numbers."""

    __slots__ = ("block", "faults", "outcome", "phase_s", "replication", "row")

    def __init__(self, block: Block, replication: int, row: int, outcome: int) -> None:
        self.block = block
        self.replication = replication
        self.row = row
        self.outcome = outcome
        self.phase_s = float(block.phase_s[row])
        faults = block.scenario.faults(outcome)
        self.faults = tuple(self._drawn(f, outcome, j) for j, f in enumerate(faults))

    def value(self, distribution: Distribution, *key: str | int) -> float:
        """Return one draw."""
        return float(self.block.draw(distribution, *key)[self.row])

    def values(self, distribution: Distribution, n: int, *key: str | int) -> list[float]:
        """Return `n` draws, one per instance."""
        values: list[float] = self.block.draw(distribution, *key, n=n)[self.row].tolist()
        return values

    def chances(self, n: int, *key: str | int) -> list[float]:
        """Return `n` uniforms in [0, 1), one per instance."""
        values: list[float] = self.block.uniform(*key, n=n)[self.row].tolist()
        return values

    def passing_chance(self, n: int, place: int, *key: str | int) -> float:
        """Return the uniform in [0, 1) of one of `n` instances, of which none is kept."""
        return float(self.block.uniform(*key, n=n, kept=False)[self.row, place])

    def chance(self, *key: str | int) -> float:
        """Return one uniform in [0, 1)."""
        return float(self.block.uniform(*key)[self.row])

    def order(self, n: int) -> list[int]:
        """Return the order in which hosts are taken: random, or by index."""
        if self.block.expected:
            return list(range(n))
        order: list[int] = np.argsort(self.block.uniform("order", n=n)[self.row]).tolist()
        return order

    def hits(self, fault: DrawnFault, n: int) -> list[float]:
        """Return how much `fault` strikes each of `n` instances: 0, 1 or a share."""
        if fault.instances >= 1:
            return [1.0] * n
        if self.block.expected:
            return [fault.instances] * n
        chances = self.chances(n, "hit", self.outcome, fault.number)
        return [1.0 if u < fault.instances else 0.0 for u in chances]

    def counts(self) -> CountStream:
        """Return the stream of request and error counts."""
        return self.block.streams.counts("counts", self.replication)

    def _drawn(self, fault: Fault, outcome: int, number: int) -> DrawnFault:
        def draw(name: str, distribution: Distribution) -> float:
            return self.value(distribution, "fault", outcome, number, name)

        add = fault.latency if fault.kind == "cold_start" else fault.add
        return DrawnFault(
            kind=fault.kind,
            rate=draw("rate", fault.rate),
            factor=1.0 if fault.factor is None else draw("factor", fault.factor),
            add_s=draw("add", add),
            after_us=round(draw("after", fault.after) * 1e6),
            ramp_us=round(draw("ramp", fault.ramp) * 1e6),
            zones=frozenset(fault.zones),
            instances=fault.instances,
            above_load=fault.above_load,
            share=fault.share,
            spec=fault,
            number=number,
        )
