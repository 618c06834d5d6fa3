"""The minutes of deployments that nothing stops: their means, and their kinds."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stratsim.engine.batch.changes import Times
from stratsim.engine.clock import US
from stratsim.engine.exact.kinds import Kinds
from stratsim.engine.exact.pieces import Index, Pieces, Unstopped
from stratsim.engine.exact.warmed import Warmth
from stratsim.model.quantities import Array
from stratsim.watch import MINUTE_US

SUMS = ("failed", "met", "slow", "extra_s")


@dataclass(slots=True)
class Minutes:
    """Minutes ``first``, ``first`` + 1, ... of some worlds; (worlds, minutes) each.

    ``edges`` has one more column: when each minute begins. ``sums`` are means;
    ``meets`` is when the first request of a minute meets a fault, on average and
    given that one does. ``needed`` and ``usual`` are a Lambda version's `Warmth`, at most.
    """

    first: int
    edges: Times
    kind: Index
    sums: dict[str, Array]
    peak: Array
    room: Array
    load: Array
    meets: Array
    needed: Array
    usual: Array

    def taken(self, worlds: Index) -> "Minutes":
        """Return the minutes of some worlds, as often as they are named."""
        names = ("edges", "kind", "peak", "room", "load", "meets", "needed", "usual")
        some: dict[str, Any] = {name: getattr(self, name)[worlds] for name in names}
        sums = {name: values[worlds] for name, values in self.sums.items()}
        return replace(self, sums=sums, **some)


def make_minutes(base: Unstopped, phase: Times, first: int, last: int, kinds: Kinds) -> Minutes:
    """Return minutes `first` up to `last` of all worlds, numbered by `kinds`."""
    worlds, count = len(phase), last - first + 1
    edges = MINUTE_US * np.arange(first, last + 2)[None, :] - phase[:, None]
    world = np.repeat(np.arange(worlds), count)
    start, stop = edges[:, :-1].ravel(), edges[:, 1:].ravel()
    pieces = base.between(
        world, start, stop, np.zeros((len(world), 1), dtype=np.int64), world, Warmth.none(worlds)
    )
    spans, shape = worlds * count, (worlds, count)
    later = pieces.begin >= 0
    sums = {
        name: pieces.total(np.where(later, getattr(pieces, name), 0.0), spans).reshape(shape)
        for name in SUMS
    }
    kind = kinds.number(base, pieces, world, start, stop)
    return Minutes(
        first,
        edges,
        kind.reshape(shape),
        sums,
        _extreme(pieces, np.where(later, pieces.share, 0.0), spans, np.maximum, 0.0, shape),
        _extreme(pieces, np.where(later, pieces.room, np.inf), spans, np.minimum, np.inf, shape),
        _extreme(pieces, np.where(later, pieces.load, -np.inf), spans, np.maximum, -np.inf, shape),
        _meets(pieces, spans, stop).reshape(shape),
        *_warmth(base, pieces, spans, shape),
    )


def _warmth(
    base: Unstopped, pieces: Pieces, spans: int, shape: tuple[int, int]
) -> tuple[Array, Array]:
    if base.cold is None:
        return np.zeros(shape), np.zeros(shape)
    after = base.cold.after
    return (
        _extreme(pieces, after.needed, spans, np.maximum, 0.0, shape),
        _extreme(pieces, after.usual, spans, np.maximum, 0.0, shape),
    )


def _extreme(
    pieces: Pieces,
    values: Array,
    spans: int,
    function: np.ufunc,
    start: float,
    shape: tuple[int, int],
) -> Array:
    found = np.full(spans, start)
    function.at(found, pieces.owner, values)
    return found.reshape(shape)


def _meets(pieces: Pieces, spans: int, stop: Times) -> Array:
    """Return E[first met request; there is one] / P(there is one) [us] for each span.

    In a Poisson stream of rate r from a to b the first comes, if it does, at
    a + 1/r - (b - a) / (exp(r (b - a)) - 1) on average.
    """
    mean, none = np.zeros(spans), np.ones(spans)
    place = np.arange(len(pieces.owner)) - np.searchsorted(pieces.owner, pieces.owner)
    for turn in range(int(place.max(initial=-1)) + 1):
        at = np.nonzero((pieces.met > 0) & (place == turn))[0]
        owner, met = pieces.owner[at], pieces.met[at]
        length = (pieces.end[at] - pieces.onset[at]).astype(float)
        when = pieces.onset[at] + length / met - length / np.expm1(np.minimum(met, 500.0))
        mean[owner] += none[owner] * -np.expm1(-met) * when
        none[owner] *= np.exp(-met)
    some = 1 - none
    return np.where(some > 0, mean / np.where(some > 0, some, 1.0), stop.astype(float))


def seconds(at: Times) -> Array:
    """Return seconds of microseconds."""
    return np.asarray(at / US)
