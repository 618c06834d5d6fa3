"""The minutes of deployments that nothing stops: their means, and what they show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stratsim.engine.batch.changes import Times
from stratsim.engine.clock import US
from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts, Part
from stratsim.engine.exact.nodes import TINY, enough, gamma_nodes
from stratsim.engine.exact.pieces import Index, Pieces, Unstopped
from stratsim.engine.exact.seen import seen
from stratsim.engine.exact.warmed import Warmth
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD
from stratsim.watch import MINUTE_US

Key = tuple[bytes, tuple[bool, bool], float]
Known = dict[Key, tuple[Array, Array, Array]]
"""Minutes that have been computed already, for another outcome."""

_RATIO = 8  # nodes

SUMS = ("failed", "met", "slow", "extra_s")


@dataclass(slots=True)
class Table:
    """What each kind of minute shows; arrays of (kinds, variants, ...).

    ``p`` (kinds, variants, symbols) and ``x`` (kinds, variants, measures, symbols) are
    probabilities and moments; ``alone`` (kinds, variants, symbols) the probabilities on
    the event that no request of the minute meets a fault.
    """

    p: Array
    x: Array
    alone: Array


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
    table: Table
    sums: dict[str, Array]
    peak: Array
    room: Array
    load: Array
    meets: Array
    needed: Array
    usual: Array

    def repeated(self, times: int) -> "Minutes":
        """Return the minutes of all worlds so many times over."""
        names = ("edges", "kind", "peak", "room", "load", "meets")
        tall: dict[str, Any] = {name: np.tile(getattr(self, name), (times, 1)) for name in names}
        sums = {name: np.tile(values, (times, 1)) for name, values in self.sums.items()}
        return replace(self, sums=sums, **tall)


def make_minutes(
    base: Unstopped,
    variants: Sequence[Sequence[Judge]],
    phase: Times,
    first: int,
    last: int,
    known: Known,
) -> Minutes:
    """Return minutes `first` up to `last` of all worlds; `known` keeps what they show.

    ``variants`` are the alarms, in each of their settings.
    """
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
    kind, table = _kinds(base, variants, pieces, world, start, stop, known)
    return Minutes(
        first,
        edges,
        kind.reshape(shape),
        table,
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


# -- kinds ------------------------------------------------------------------------


def _kinds(
    base: Unstopped,
    variants: Sequence[Sequence[Judge]],
    pieces: Pieces,
    world: Index,
    start: Times,
    stop: Times,
    known: Known,
) -> tuple[Index, Table]:
    """Number the distinct minutes, and find what each shows."""
    traffic = base.scenario.traffic
    if traffic.dispersion == 0:
        _round_counts(pieces, world)
    features = np.stack([pieces.old, pieces.new, pieces.failed, pieces.met, pieces.outside], axis=1)
    hosts = _hosts(base, variants[0], world, stop)
    arriving = np.round(base.flow.arrivals(start, stop), 7)
    bounds = np.searchsorted(pieces.owner, np.arange(len(world) + 1))
    features = np.round(features, 7)
    kinds: dict[Key, int] = {}
    kind = np.empty(len(world), dtype=np.int64)
    fresh: dict[Key, Counts] = {}
    least = _least(variants[0], traffic.dispersion - 1)
    merges = traffic.dispersion > 0 and base.scenario.service.error_dispersion <= 1
    for span in range(len(world)):
        own = features[bounds[span] : bounds[span + 1]]
        if merges and len(own) > 1 and not own[:, 4].any():
            own = own.sum(axis=0, keepdims=True).round(7)
        key = (own.tobytes(), hosts[span], arriving[span] if traffic.dispersion > 1 else 0.0)
        kind[span] = kinds.setdefault(key, len(kinds))
        if key not in known and key not in fresh:
            fresh[key] = _counts(base, own, hosts[span], float(arriving[span]), least)
    _learn(variants, fresh, known)
    found = [known[key] for key in kinds]
    return kind, Table(*(np.stack([one[part] for one in found]) for part in range(3)))


def _learn(variants: Sequence[Sequence[Judge]], fresh: dict[Key, Counts], known: Known) -> None:
    """Find out what fresh kinds of minutes show, and what they show without a met fault."""
    if not fresh:
        return
    none = {key: counts.unexposed() for key, counts in fresh.items()}
    some = [key for key, p in none.items() if TINY < p < 1 - TINY]
    whole, x = seen(variants, list(fresh.values()))
    spared = dict(
        zip(some, seen(variants, [fresh[key].without_faults() for key in some])[0], strict=True)
        if some
        else ()
    )
    for at, key in enumerate(fresh):
        if key in spared:
            known[key] = whole[at], x[at], none[key] * spared[key]
        elif none[key] <= TINY:
            known[key] = whole[at], x[at], np.zeros_like(whole[at])
        else:
            known[key] = whole[at], np.zeros_like(x[at]), whole[at]


def _hosts(
    base: Unstopped, judges: Sequence[Judge], world: Index, stop: Times
) -> list[tuple[bool, bool]]:
    """Return which revision has hosts in service at the end of each span.

    It matters only to counts that report zeros where there are targets.
    """
    zeros = any(r.source.when_zero for judge in judges for r in judge.readers)
    if not zeros or base.scenario.platform == "lambda":
        return [(False, False)] * len(world)
    there = [base.level(side, world, stop) > 0 for side in ("old", "new")]
    return list(zip(there[OLD].tolist(), there[NEW].tolist(), strict=True))


def _counts(
    base: Unstopped, own: Array, hosts: tuple[bool, bool], arriving: float, least: int
) -> Counts:
    """Return the counts of a minute of these features."""
    scenario, service = base.scenario, base.scenario.service
    parts = []
    for old, new, failed, met, outside in own.tolist():
        parts += [Part(OLD, old, 0.0, 0.0, outside)] if old > 0 else []
        parts += [Part(NEW, new, failed, met, outside)] if new > 0 else []
    fixed = scenario.traffic.dispersion == 0
    counts = Counts(
        parts,
        service.error_rate,
        service.error_dispersion,
        *gamma_nodes(np.inf),
        hosts,
        fixed=fixed,
    )
    over = scenario.traffic.dispersion - 1
    if over <= 0 or arriving <= 0:
        return counts
    # what has to be told apart: errors, and whether any request meets a fault
    number = max(counts.failing((OLD, NEW)), min(float(counts.means()[1]), -np.log(TINY)))
    spread = float(np.sqrt(over * number / arriving))
    nodes, weights = gamma_nodes(round(arriving / over, 7), max(enough(spread), least))
    return replace(counts, nodes=nodes, weights=weights)


def _least(judges: Sequence[Judge], over: float) -> int:
    """Return how many nodes of the gamma factor the alarms' reading of requests needs.

    In a ratio the factor cancels, but for its noise.
    """
    if all(judge.errors_only for judge in judges):
        return 1
    ratios = all(judge.errors_only or judge.program.expression for judge in judges)
    return _RATIO if ratios else enough(float(np.sqrt(max(over, 0.0))))


def _round_counts(pieces: Pieces, world: Index) -> None:
    """Turn expected requests into whole ones whose running sum is the expectation's."""
    row = world[pieces.owner]
    for name in ("old", "new"):
        means = getattr(pieces, name)
        whole = np.empty_like(means)
        for one in np.unique(row):
            here = row == one
            whole[here] = np.diff(np.floor(np.cumsum(means[here]) + 0.5), prepend=0.0)
        if name == "new":
            scale = whole / np.where(means > 0, means, 1.0)
            pieces.failed, pieces.met = pieces.failed * scale, pieces.met * scale
        setattr(pieces, name, whole)


def seconds(at: Times) -> Array:
    """Return seconds of microseconds."""
    return np.asarray(at / US)
