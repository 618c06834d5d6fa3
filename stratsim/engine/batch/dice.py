"""Counts drawn for many replications at once, and the minute they add up to."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stratsim.model.quantities import Array
from stratsim.streams import CountStream

Rows = slice | NDArray[np.int64]
"""Some of all rows: a slice of them all, or their places."""

TimesPart = tuple[int, Array, Array, Array | float, Array | float]
"""Answers of one kind: revision, number, utilisation, latency factor, latency added [s]."""


@dataclass(slots=True)
class Minute:
    """Sums of one minute: by (side, field), and the response times' mixture."""

    rows: int
    sums: dict[tuple[int, int], Array] = field(default_factory=dict)
    parts: list[tuple[int, Array, Array, Array, Array]] = field(default_factory=list)

    def add(self, side: int, fld: int, values: Array, at: Rows) -> None:
        """Add what some rows had of a field."""
        if (side, fld) in self.sums:
            self.sums[side, fld][at] += values
        elif isinstance(at, slice):
            self.sums[side, fld] = np.array(values, dtype=float)
        else:
            whole = self.sums[side, fld] = np.zeros(self.rows)
            whole[at] = values

    def put(self, side: int, fld: int, values: Array, at: Rows) -> None:
        """Note the level that some rows have of a field from now on."""
        whole = self.sums.setdefault((side, fld), np.zeros(self.rows))
        whole[at] = values

    def add_times(self, part: TimesPart, at: Rows) -> None:
        """Add a part of the mixture of response times."""
        side, number, *others = part
        values = [np.broadcast_to(value, number.shape) for value in (number, *others)]
        if not isinstance(at, slice):
            here, values = values, [np.zeros(self.rows) for _ in values]
            for whole, some in zip(values, here, strict=True):
                whole[at] = some
        self.parts.append((side, values[0], values[1], values[2], values[3]))

    def take(self, keep: NDArray[np.int64]) -> "Minute":
        """Return the rows `keep`."""
        return Minute(
            len(keep),
            {key: values[keep] for key, values in self.sums.items()},
            [(side, n[keep], rho[keep], f[keep], a[keep]) for side, n, rho, f, a in self.parts],
        )


class Dice:
    """Draws counts for a minute, from a stream per purpose; expectations without noise."""

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
        p = np.minimum(np.maximum(p, 0.0), 1.0)
        if self.expected:
            return n * p
        return self._binomial(purpose, n, p)

    def _binomial(self, purpose: str, n: Array, p: Array | float) -> Array:
        return self.rngs[purpose].binomial(n.astype(np.int64), p).astype(float)

    def clumped(self, purpose: str, n: Array, p: float, dispersion: float) -> Array:
        """Return beta-binomial counts whose variance/mean is `dispersion`.

        See `stratsim.engine.flow.Dice.clumped`.
        """
        if p <= 0:
            return np.zeros_like(n)
        if self.expected or dispersion <= 1 or p >= 1:
            return self.some(purpose, n, p)
        rho = np.minimum((dispersion - 1) / np.maximum(n - 1, 1e-9), 0.999)
        scale = (1 - rho) / rho
        rng = self.rngs[purpose]
        share = rng.beta(np.maximum(p * scale, 1e-9), (1 - p) * scale + 1e-9)
        return self._binomial(purpose, n, np.where(n < 2, p, share))
