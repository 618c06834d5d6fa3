"""The different minutes of all outcomes and worlds: numbered, and what each shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stratsim.engine.batch.changes import Times
from stratsim.engine.exact.codes import Judge
from stratsim.engine.exact.counts import Counts, Part
from stratsim.engine.exact.nodes import TINY, enough, gamma_nodes
from stratsim.engine.exact.pieces import Index, Pieces, Unstopped
from stratsim.engine.exact.seen import seen
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario
from stratsim.signals import NEW, OLD

Key = tuple[bytes, tuple[bool, bool], float]

_FEATURES = 5
_RATIO = 8  # nodes


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


class Kinds:
    """A number for each different minute; ``variants`` are the alarms in each setting."""

    def __init__(self, scenario: Scenario, variants: Sequence[Sequence[Judge]]) -> None:
        self.scenario, self.variants = scenario, variants
        self.keys: dict[Key, int] = {}
        self.least = _least(variants[0], scenario.traffic.dispersion - 1)

    def number(
        self, base: Unstopped, pieces: Pieces, world: Index, start: Times, stop: Times
    ) -> Index:
        """Return the kinds of spans; those of a world are whole minutes that follow each other."""
        traffic = self.scenario.traffic
        if traffic.dispersion == 0:
            _round_counts(pieces, world)
        each = (pieces.old, pieces.new, pieces.failed, pieces.met, pieces.outside)
        features = np.round(np.stack(each, axis=1), 7)
        hosts = _hosts(base, self.variants[0], world, stop)
        arriving = np.round(base.flow.arrivals(start, stop), 7)
        bounds = np.searchsorted(pieces.owner, np.arange(len(world) + 1))
        kind = np.empty(len(world), dtype=np.int64)
        merges = traffic.dispersion > 0 and self.scenario.service.error_dispersion <= 1
        for span in range(len(world)):
            own = features[bounds[span] : bounds[span + 1]]
            if merges and len(own) > 1 and not own[:, 4].any():
                own = own.sum(axis=0, keepdims=True).round(7)
            key = (own.tobytes(), hosts[span], arriving[span] if traffic.dispersion > 1 else 0.0)
            kind[span] = self.keys.setdefault(key, len(self.keys))
        return kind

    def table(self) -> Table:
        """Find out what all kinds show, and what they show without a met fault."""
        many = list(self._batches())
        none = [counts.unexposed() for _, counts in many]
        some = [np.nonzero((p > TINY) & (p < 1 - TINY))[0] for p in none]
        spared = [
            counts.taken(here).without_faults()
            for (_, counts), here in zip(many, some, strict=True)
            if len(here)
        ]
        shown = seen(self.variants, [*(counts for _, counts in many), *spared])
        without = iter(shown[len(many) :])
        p, x = (np.zeros((len(self.keys), *one.shape[1:])) for one in shown[0])
        alone = np.zeros_like(p)
        for (kinds, _), chance, here, (q, y) in zip(many, none, some, shown, strict=False):
            p[kinds], x[kinds] = q, np.where(chance < 1 - TINY, y.T, 0.0).T
            alone[kinds] = np.where(chance < 1 - TINY, 0.0, q.T).T
            if len(here):
                alone[kinds[here]] = (chance[here] * next(without)[0].T).T
        return Table(p, x, alone)

    def _batches(self) -> Iterator[tuple[Index, Counts]]:
        """Yield kinds of as many stretches and the same hosts, and their counts."""
        groups: dict[tuple[int, tuple[bool, bool]], list[tuple[int, Array, float]]] = {}
        for (features, hosts, arriving), kind in self.keys.items():
            own = np.frombuffer(features).reshape(-1, _FEATURES)
            groups.setdefault((len(own), hosts), []).append((kind, own, arriving))
        for (_, hosts), members in groups.items():
            kinds = np.array([kind for kind, _, _ in members])
            stretches = np.stack([own for _, own, _ in members])
            arrivals = np.array([arriving for _, _, arriving in members])
            yield kinds, self._counts(stretches, hosts, arrivals)

    def _counts(self, own: Array, hosts: tuple[bool, bool], arriving: Array) -> Counts:
        """Return the counts of minutes of these features (minutes, stretches, features)."""
        service, traffic = self.scenario.service, self.scenario.traffic
        parts = []
        for old, new, failed, met, outside in own.transpose(1, 2, 0):
            parts.append(Part(OLD, old, 0 * old, 0 * old, outside))
            parts.append(Part(NEW, new, failed, met, outside))
        one, fixed = np.ones((len(own), 1)), traffic.dispersion == 0
        rates = service.error_rate, service.error_dispersion
        counts = Counts(parts, *rates, one, one, hosts, fixed)
        if traffic.dispersion > 1:
            # what has to be told apart: errors, and whether any request meets a fault
            most = np.maximum(counts.failing((OLD, NEW)), np.minimum(counts.met(), -np.log(TINY)))
            counts.nodes, counts.weights = self._nodes(most, arriving)
        return counts

    def _nodes(self, number: Array, arriving: Array) -> tuple[Array, Array]:
        """Return nodes and weights of the minutes' gamma factors, the last of them repeated."""
        over, each = self.scenario.traffic.dispersion - 1, []
        for mean, many in zip(number.tolist(), arriving.tolist(), strict=True):
            if many <= 0:
                each.append((np.ones(1), np.ones(1)))
                continue
            count = max(enough(float(np.sqrt(over * mean / many))), self.least)
            each.append(gamma_nodes(round(many / over, 7), count))
        most = max(len(weights) for _, weights in each)
        nodes = [np.pad(n, (0, most - len(n)), mode="edge") for n, _ in each]
        return np.stack(nodes), np.stack([np.pad(w, (0, most - len(w))) for _, w in each])


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
