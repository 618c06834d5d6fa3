"""The counts of one minute: errors and successes of each revision.

Sources: thinning of Poisson streams; `stratsim.engine.flow` for what fails.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from stratsim.engine.exact.clumps import clumped, joint
from stratsim.engine.exact.nodes import Mass, added, binomial, folded, poisson, trimmed, window
from stratsim.model.quantities import Array

Side = tuple[int, ...]

FEW = 300.0
"""Requests of a minute up to which clumps are summed over errors and successes."""


@dataclass(frozen=True, slots=True)
class Part:
    """Requests of one revision in a stretch without a change; expected numbers.

    Of the ``requests`` faults fail ``failed`` and meet ``met``; of the rest the
    share ``outside`` fails on account of the environment.
    """

    side: int
    requests: float
    failed: float
    met: float
    outside: float


@dataclass(slots=True)
class Counts:
    """One minute's counts at the nodes of its gamma factor.

    ``fixed`` says that the numbers of requests are not random. ``values`` and
    ``tables`` keep what alarms read and see, for others that do alike.
    """

    parts: Sequence[Part]
    base: float
    dispersion: float
    nodes: Array
    weights: Array
    hosts: tuple[bool, bool]
    fixed: bool = False
    _masses: dict[Side, Mass] = field(default_factory=dict)
    _given: dict[Side, Array] = field(default_factory=dict)
    _margins: dict[Side, tuple[Array, Array, Array]] = field(default_factory=dict)
    values: dict[Hashable, Array] = field(default_factory=dict)
    tables: dict[Hashable, tuple[Array, Array]] = field(default_factory=dict)

    @property
    def clumps(self) -> bool:
        """Whether background errors come in clumps."""
        return not self.fixed and self.dispersion > 1 and 0 < self.base < 1

    def few(self, sides: Side) -> bool:
        """Whether clumps are so small that errors and successes are summed together."""
        return self.clumps and self.number(sides) * float(self.nodes.max()) < FEW

    def of(self, sides: Side) -> list[Part]:
        """Return the parts of some revisions."""
        return [part for part in self.parts if part.side in sides]

    def means(self) -> Array:
        """Return expected requests that faults fail and that meet one, (measures,)."""
        return np.array([sum(p.failed for p in self.parts), sum(p.met for p in self.parts)])

    def number(self, sides: Side) -> float:
        """Return the requests of some revisions."""
        return sum(part.requests for part in self.of(sides))

    def failing(self, sides: Side) -> float:
        """Return the expected errors of some revisions."""
        return sum(self._failing(part, self.base) for part in self.of(sides))

    def unexposed(self) -> float:
        """Return the probability that no request meets a fault."""
        met = sum(part.met for part in self.parts)
        if not self.fixed:
            return float(self.weights @ np.exp(-self.nodes * met))
        shares = [(p.met / p.requests, p.requests) for p in self.parts if p.met > 0]
        return float(np.prod([(1 - min(share, 1.0)) ** n for share, n in shares]))

    def without_faults(self) -> "Counts":
        """Return the counts given that no request meets a fault, tilted to that event."""
        met = sum(part.met for part in self.parts)
        parts = []
        for p in self.parts:
            # fixed numbers stay: all of them are then requests that met none
            number = p.requests if self.fixed else p.requests - p.met
            parts.append(Part(p.side, number, 0.0, 0.0, p.outside))
        weights = self.weights * np.exp(-self.nodes * (0.0 if self.fixed else met))
        return Counts(
            parts,
            self.base,
            self.dispersion,
            self.nodes,
            weights / weights.sum(),
            self.hosts,
            self.fixed,
        )

    def bounds(self, sides: Side) -> tuple[int, int]:
        """Return the least and the largest number of errors worth while."""
        mean = self.failing(sides)
        low, high = self.nodes.min() * mean, self.nodes.max() * mean
        return window(low, high, max(self.dispersion, 1.0))

    def margin(self, sides: Side) -> tuple[Array, Array, Array]:
        """Return errors, P (values,) and moments (measures, values), whatever succeeds."""
        if sides not in self._margins:
            mass = self.errors(sides)
            x = mass.x + self.met_share(sides) * self.given(sides) * mass.p
            p = self.weights @ mass.p
            self._margins[sides] = mass.values, p, np.einsum("g,mgk->mk", self.weights, x)
        return self._margins[sides]

    # -- errors -----------------------------------------------------------------

    def errors(self, sides: Side) -> Mass:
        """Return the errors of some revisions; moments are failures and met requests."""
        if sides not in self._masses:
            mass = trimmed(self._errors(self.of(sides)))
            given = np.broadcast_to(self.successes_mean(sides)[:, None], mass.p.shape)
            if self.clumps:
                sure = mass.p > 0
                given = np.where(sure, mass.x[2] / np.where(sure, mass.p, 1.0), given)
            self._masses[sides] = Mass(mass.low, mass.p, mass.x[:2])
            self._given[sides] = given
        return self._masses[sides]

    def given(self, sides: Side) -> Array:
        """Return expected successes beside each number of errors, (nodes, values)."""
        self.errors(sides)
        return self._given[sides]

    def _errors(self, parts: Sequence[Part]) -> Mass:
        if self.fixed:
            return reduce(added, [self._binomial(part) for part in parts], _nothing(1))
        if self.clumps:
            return self._with_clumps(parts)
        errors = sum(self._failing(part, self.base) for part in parts)
        failed, met = sum(p.failed for p in parts), sum(self._met_errors(p) for p in parts)
        shares = np.array([failed, failed + met]) / (errors if errors > 0 else 1.0)
        return poisson(self.nodes * errors, shares)

    @staticmethod
    def _failing(part: Part, base: float) -> float:
        rest = part.requests - part.failed
        return part.failed + rest * (1 - (1 - part.outside) * (1 - base))

    def _met_errors(self, part: Part) -> float:
        """Errors of requests that met a fault and passed it."""
        return (part.met - part.failed) * (1 - (1 - part.outside) * (1 - self.base))

    def _with_clumps(self, parts: Sequence[Part]) -> Mass:
        """Faults' and the environment's errors, and background errors in clumps."""
        plain = sum(self._failing(part, 0.0) for part in parts)
        failed = sum(part.failed for part in parts)
        met = failed + sum((p.met - p.failed) * p.outside for p in parts)
        shares = np.array([failed, met, 0.0]) / (plain if plain > 0 else 1.0)
        masses = [poisson(self.nodes * plain, shares)]
        for p in parts:
            rest = (p.requests - p.failed) * (1 - p.outside)
            if rest > 0:
                measured = np.array([0.0, self._rest_met(p)])
                masses.append(clumped(self.nodes * rest, self.base, self.dispersion, measured))
        return reduce(added, masses)

    @staticmethod
    def _rest_met(part: Part) -> float:
        """Return the share of requests that met a fault among those that passed it."""
        rest = part.requests - part.failed
        return (part.met - part.failed) / rest if rest > 0 else 0.0

    def _binomial(self, part: Part) -> Mass:
        n = round(part.requests)
        if n == 0:
            return _nothing(1)
        share = min(self._failing(part, self.base) / part.requests, 1.0)
        failed = part.failed / part.requests
        met = failed + self._met_errors(part) / part.requests
        return binomial(n, share, np.array([failed, met]) / (share if share > 0 else 1.0))

    # -- successes --------------------------------------------------------------

    def successes_mean(self, sides: Side) -> Array:
        """Return expected successes, (nodes,)."""
        each = (p.requests - self._failing(p, self.base) for p in self.of(sides))
        return self.nodes * max(sum(each), 0.0)

    def successes(self, sides: Side) -> tuple[float, float]:
        """Return the least and the largest number of successes worth while."""
        means = self.successes_mean(sides)
        return window(float(means.min()), float(means.max()))

    def successes_below(
        self, sides: Side, edge: Array, means: Array | None = None
    ) -> tuple[Array, Array]:
        """Return P(s < edge) and E[s; s < edge], each (nodes, edges).

        ``means`` (nodes, edges or 1) are the expected successes, if not those of all.
        """
        from scipy.special import pdtr

        means = self.successes_mean(sides)[:, None] if means is None else means
        whole = np.isinf(edge)
        k = np.where(whole, 0.0, np.ceil(edge) - 1)

        def upto(last: Array) -> Array:
            p = np.where(last >= 0, pdtr(np.maximum(last, 0.0), means), 0.0)
            return np.where(whole, 1.0, p)

        return upto(k), means * upto(k - 1)

    def together(self, sides: Side) -> tuple[Array, Array, Array, Array]:
        """Return errors and successes of few requests, with P and moments of both.

        Returns
        -------
        e, s
            Errors (errors, 1), and successes (successes,).
        p, x
            (nodes, errors, successes), and (measures, nodes, errors, successes).
        """
        parts = self.of(sides)
        plain = sum(self._failing(part, 0.0) for part in parts)
        failed = sum(part.failed for part in parts)
        met = failed + sum((p.met - p.failed) * p.outside for p in parts)
        shares = np.array([failed, met]) / (plain if plain > 0 else 1.0)
        mass, least = poisson(self.nodes * plain, shares), 0
        p, x = mass.p[..., None], mass.x[..., None]
        for part in parts:
            rest = (part.requests - part.failed) * (1 - part.outside)
            low, other = joint(self.nodes * rest, self.base, self.dispersion)
            k = np.arange(other.shape[1], dtype=float)[:, None]
            of_rest = folded(p, self._rest_met(part) * k * other)
            p, x, least = folded(p, other), folded(x, other), least + low
            x[1] += of_rest
        e = mass.low + np.arange(p.shape[1], dtype=float)
        s = least + np.arange(p.shape[2], dtype=float)
        return e[:, None], s, p, x + self.met_share(sides)[..., None] * s * p

    def met_share(self, sides: Side) -> Array:
        """Return measures per success, (measures, 1, 1): only having met a fault."""
        parts = self.of(sides)
        met = sum((p.met - p.failed) * (1 - p.outside) * (1 - self.base) for p in parts)
        total = sum(p.requests - self._failing(p, self.base) for p in parts)
        return np.array([0.0, met / total if total > 0 else 0.0])[:, None, None]


def _nothing(nodes: int) -> Mass:
    return Mass(0, np.ones((nodes, 1)), np.zeros((2, nodes, 1)))
