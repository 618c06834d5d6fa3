"""The counts of many minutes at once: errors and successes of each revision.

Sources: thinning of Poisson streams; `stratsim.engine.flow` for what fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from stratsim.engine.batch.changes import Flags
from stratsim.engine.exact.arcs import Index
from stratsim.engine.exact.clumps import clumped, given
from stratsim.engine.exact.nodes import Mass, added, binomial, poisson, trimmed, window
from stratsim.model.quantities import Array

Side = tuple[int, ...]

FEW = 300.0
"""Requests of a minute up to which clumps are summed over errors and successes."""


@dataclass(frozen=True, slots=True)
class Part:
    """Requests of one revision in a stretch without a change; expected, (minutes,).

    Of the ``requests`` faults fail ``failed`` and meet ``met``; of the rest the
    share ``outside`` fails on account of the environment.
    """

    side: int
    requests: Array
    failed: Array
    met: Array
    outside: Array

    @property
    def rest(self) -> Array:
        """Requests that neither a fault nor the environment fails."""
        return np.maximum((self.requests - self.failed) * (1 - self.outside), 0.0)

    @property
    def rest_met(self) -> Array:
        """The share of requests that met a fault among those that passed it."""
        return shared(self.met - self.failed, self.requests - self.failed)

    def failing(self, base: float) -> Array:
        """Return expected errors; `base` is the share of the rest that fails anyway."""
        rest = self.requests - self.failed
        return self.failed + rest * (1 - (1 - self.outside) * (1 - base))

    def met_errors(self, base: float) -> Array:
        """Return errors of requests that met a fault and passed it."""
        return (self.met - self.failed) * (1 - (1 - self.outside) * (1 - base))

    def taken(self, minutes: Index) -> "Part":
        """Return some minutes."""
        names = ("requests", "failed", "met", "outside")
        return Part(self.side, *(getattr(self, name)[minutes] for name in names))


@dataclass(slots=True)
class Counts:
    """Minutes' counts at the nodes of their gamma factors, (minutes, nodes).

    All minutes have the same number of stretches; where a minute has fewer nodes than
    another, the last ones weigh nothing. ``fixed`` says that the numbers of requests are
    not random. ``together`` keeps those of `stratsim.engine.exact.few` for other settings.
    """

    parts: Sequence[Part]
    base: float
    dispersion: float
    nodes: Array
    weights: Array
    hosts: tuple[bool, bool]
    fixed: bool = False
    _laws: dict[int, Array] = field(default_factory=dict)
    _masses: dict[Side, Mass] = field(default_factory=dict)
    _given: dict[Side, Array] = field(default_factory=dict)
    _margins: dict[Side, tuple[Array, Array, Array]] = field(default_factory=dict)
    together: dict[Side, tuple[int, Array]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of minutes."""
        return len(self.nodes)

    @property
    def clumps(self) -> bool:
        """Whether background errors come in clumps."""
        return not self.fixed and self.dispersion > 1 and 0 < self.base < 1

    def few(self, sides: Side) -> Flags:
        """Return where clumps are so small that errors and successes are summed together."""
        return np.asarray(self.clumps & (self.number(sides) * self.nodes.max(axis=1) < FEW))

    def taken(self, minutes: Index) -> "Counts":
        """Return some minutes."""
        most = int(np.max(np.nonzero(self.weights[minutes].max(axis=0))[0])) + 1
        parts = [part.taken(minutes) for part in self.parts]
        return self._fresh(parts, self.nodes[minutes, :most], self.weights[minutes, :most])

    def _fresh(self, parts: Sequence[Part], nodes: Array, weights: Array) -> "Counts":
        rates = self.base, self.dispersion
        return Counts(parts, *rates, nodes, weights, self.hosts, self.fixed)

    def of(self, sides: Side) -> list[Part]:
        """Return the parts of some revisions."""
        return [part for part in self.parts if part.side in sides]

    def means(self) -> Array:
        """Return expected requests that faults fail and that meet one, (measures, minutes)."""
        return np.stack([self._sum(p.failed for p in self.parts), self.met()])

    def met(self) -> Array:
        """Return expected requests that meet a fault, (minutes,)."""
        return self._sum(part.met for part in self.parts)

    def number(self, sides: Side) -> Array:
        """Return the requests of some revisions, (minutes,)."""
        return self._sum(part.requests for part in self.of(sides))

    def failing(self, sides: Side) -> Array:
        """Return the expected errors of some revisions, (minutes,)."""
        return self._sum(part.failing(self.base) for part in self.of(sides))

    def _sum(self, each: Any) -> Array:
        return np.asarray(sum(each, np.zeros(self.size)))

    def unexposed(self) -> Array:
        """Return the probabilities that no request meets a fault, (minutes,)."""
        if not self.fixed:
            return np.asarray(
                (self.weights * np.exp(-self.nodes * self.met()[:, None])).sum(axis=1)
            )
        found = np.ones(self.size)
        for p in self.parts:
            found = found * (1 - np.minimum(shared(p.met, p.requests), 1.0)) ** p.requests
        return found

    def without_faults(self) -> "Counts":
        """Return the counts given that no request meets a fault, tilted to that event."""
        parts = []
        for p in self.parts:
            # fixed numbers stay: all of them are then requests that met none
            number = p.requests if self.fixed else p.requests - p.met
            parts.append(Part(p.side, number, 0 * number, 0 * number, p.outside))
        met = 0 * self.met() if self.fixed else self.met()
        weights = self.weights * np.exp(-self.nodes * met[:, None])
        return self._fresh(parts, self.nodes, weights / weights.sum(axis=1, keepdims=True))

    def bounds(self, sides: Side) -> tuple[Array, Array]:
        """Return the least and the largest numbers of errors worth while, (minutes,)."""
        mean = self.failing(sides)
        low, high = self.nodes.min(axis=1) * mean, self.nodes.max(axis=1) * mean
        return window(low, high, max(self.dispersion, 1.0))

    def margin(self, sides: Side) -> tuple[Array, Array, Array]:
        """Return errors (values,), P (minutes, values) and moments, whatever succeeds."""
        if sides not in self._margins:
            mass = self.whatever(sides)
            self._margins[sides] = mass.values, self.averaged(mass.p), self.averaged(mass.x)
        return self._margins[sides]

    def whatever(self, sides: Side) -> Mass:
        """Return the errors of some revisions, and in their moments all successes as well."""
        mass, share = self.errors(sides), self.met_share(sides)
        if not share.any():
            return mass
        return Mass(mass.low, mass.p, mass.x + share[..., None, None] * self.given(sides) * mass.p)

    def averaged(self, values: Array, axes: int = 1) -> Array:
        """Return means over the nodes of (..., minutes, nodes, and so many `axes`)."""
        shape = values.shape[-axes:]
        flat = values.reshape(*values.shape[:-axes], -1)
        found = np.matmul(self.weights[:, None, :], flat)[..., 0, :]
        return np.asarray(found.reshape(*found.shape[:-1], *shape))

    # -- errors -----------------------------------------------------------------

    def errors(self, sides: Side) -> Mass:
        """Return the errors of some revisions; moments are failures and met requests."""
        if sides not in self._masses:
            self._masses[sides] = trimmed(self._errors(self.of(sides)))
        return self._masses[sides]

    def given(self, sides: Side) -> Array:
        """Return expected successes beside each number of errors, (minutes, nodes, values)."""
        if sides not in self._given:
            mass = self.errors(sides)
            found = np.broadcast_to(self.successes_mean(sides)[..., None], mass.p.shape)
            if self.clumps:
                beside = self._beside(sides)
                place = mass.low - beside.low
                p, x = (v[..., place : place + found.shape[-1]] for v in (beside.p, beside.x[0]))
                found = np.where(p > 0, x / np.where(p > 0, p, 1.0), found)
            self._given[sides] = found
        return self._given[sides]

    def _errors(self, parts: Sequence[Part]) -> Mass:
        if self.fixed:
            return reduce(added, [self._binomial(part) for part in parts], self._nothing())
        if self.clumps:
            return reduce(added, [self.plain(parts), *map(self._clumped, parts)])
        errors = self._sum(part.failing(self.base) for part in parts)
        failed = self._sum(part.failed for part in parts)
        met = failed + self._sum(part.met_errors(self.base) for part in parts)
        return poisson(self.nodes * errors[:, None], shared(np.stack([failed, met]), errors))

    def plain(self, parts: Sequence[Part]) -> Mass:
        """Return faults' and the environment's errors."""
        number, shares = self.plainly(parts)
        return poisson(self.nodes * number[:, None], shares)

    def plainly(self, parts: Sequence[Part]) -> tuple[Array, Array]:
        """Return their expected number (minutes,), and the measured shares."""
        number = self._sum(part.failing(0.0) for part in parts)
        failed = self._sum(part.failed for part in parts)
        met = failed + self._sum(part.met_errors(0.0) for part in parts)
        return number, shared(np.stack([failed, met]), number)

    def _clumped(self, part: Part) -> Mass:
        """Return background errors in clumps."""
        p = self._clumps_of(part)
        x = np.zeros((2, *p.shape))
        if part.rest_met.any():
            x[1] = part.rest_met[:, None, None] * (p * np.arange(p.shape[-1]))
        return Mass(0, p, x)

    def _clumps_of(self, part: Part) -> Array:
        if id(part) not in self._laws:
            means = self.nodes * part.rest[:, None]
            self._laws[id(part)] = clumped(means, self.base, self.dispersion)
        return self._laws[id(part)]

    def _beside(self, sides: Side) -> Mass:
        """Return errors; the one moment is the mean number of successes beside them."""
        parts = self.of(sides)
        plain = self.plain(parts)
        masses = [Mass(plain.low, plain.p, 0 * plain.x[:1])]
        for part in parts:
            p, means = self._clumps_of(part), self.nodes * part.rest[:, None]
            rest = given(means, p.shape[-1], self.base, self.dispersion)
            masses.append(Mass(0, p, (p * rest)[None]))
        return reduce(added, masses)

    def _binomial(self, part: Part) -> Mass:
        share = np.minimum(shared(part.failing(self.base), part.requests), 1.0)
        failed = shared(part.failed, part.requests)
        met = failed + shared(part.met_errors(self.base), part.requests)
        return binomial(np.rint(part.requests), share, shared(np.stack([failed, met]), share))

    def _nothing(self) -> Mass:
        return Mass(0, np.ones((self.size, 1, 1)), np.zeros((2, self.size, 1, 1)))

    # -- successes --------------------------------------------------------------

    def successes_mean(self, sides: Side) -> Array:
        """Return expected successes, (minutes, nodes)."""
        each = (part.requests - part.failing(self.base) for part in self.of(sides))
        return self.nodes * np.maximum(self._sum(each), 0.0)[:, None]

    def successes(self, sides: Side) -> tuple[Array, Array]:
        """Return the least and the largest numbers of successes worth while, (minutes,)."""
        means = self.successes_mean(sides)
        return window(means.min(axis=1), means.max(axis=1))

    def silent(self, sides: Side) -> Array:
        """Return the chances of no success at all, (minutes, nodes)."""
        return np.exp(-self.successes_mean(sides))

    def successes_below(
        self, sides: Side, edge: Array, means: Array | None = None, likely: Flags | None = None
    ) -> tuple[Array, Array]:
        """Return P(s < edge) and E[s; s < edge] of successes, (minutes, nodes, ...).

        ``edge`` (...,), and the expected successes ``means`` (minutes, nodes, ...) if not
        those of all, go along with each other. Nothing is found where it is not
        ``likely``; the expectation is left out where no success counts, in that its
        request met a fault.
        """
        from scipy.special import gammaln, pdtr, xlogy

        if means is None:
            means = np.expand_dims(self.successes_mean(sides), tuple(range(2, 2 + edge.ndim)))
        low, high = window(means, means)
        k = np.ceil(edge) - 1
        found = (k >= high).astype(float)
        some = (k >= low) & (k < high)
        some = some if likely is None else some & likely
        at, mean = (np.broadcast_to(one, some.shape)[some] for one in (k, means))
        found[some] = pdtr(at, mean)
        if not self.met_share(sides).any():
            return found, np.zeros(found.shape)
        # E[s; s < edge] is the mean times P(s < edge - 1)
        below = means * found
        below[some] -= mean * np.exp(xlogy(at, mean) - mean - gammaln(at + 1))
        return found, np.maximum(below, 0.0)

    def met_share(self, sides: Side) -> Array:
        """Return measures per success, (measures, minutes): only having met a fault."""
        parts = self.of(sides)
        met = self._sum((p.met - p.failed) * (1 - p.outside) * (1 - self.base) for p in parts)
        total = self._sum(p.requests - p.failing(self.base) for p in parts)
        return np.stack([0 * met, shared(met, total)])


def shared(part: Array, whole: Array) -> Array:
    """Return part / whole; 0 where the whole is nothing."""
    return np.asarray(np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0))
