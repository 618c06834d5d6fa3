"""What happens between any two moments of a deployment that nothing stops.

Until an alarm fires a plan's schedule is fixed, so expected counts need no runs:
the schedule is cut at its changes and each piece is accounted for by the batch
engine's own flow of requests, with expectations for counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stratsim.engine.batch.changes import NEVER, Times
from stratsim.engine.batch.dice import Dice, Minute
from stratsim.engine.batch.faults import Effects, effects, needs_instances
from stratsim.engine.batch.flow import Flow, Outcome, Stretch
from stratsim.engine.batch.surroundings import surroundings
from stratsim.engine.clock import US
from stratsim.engine.exact.outcomes import Outcomes, all_faults, course, latest
from stratsim.engine.exact.warmed import Warmed, Warmth
from stratsim.engine.setup import Setup
from stratsim.errors import UnsupportedError
from stratsim.model.quantities import Array
from stratsim.signals import NEW, OLD, REQUESTS

Index = NDArray[np.int64]


@dataclass(slots=True)
class Pieces:
    """Stretches in which nothing changes; arrays of (pieces,).

    ``owner`` says which span a piece belongs to. ``old`` and ``new`` are expected
    requests, ``failed`` and ``met`` those of the new revision that a fault fails
    and meets; ``outside`` is the share that the environment fails.
    """

    owner: Index
    begin: Times
    end: Times
    share: Array
    old: Array
    new: Array
    failed: Array
    met: Array
    outside: Array
    slow: Array
    room: Array
    load: Array
    extra_s: Array
    onset: Times

    def total(self, values: Array, spans: int) -> Array:
        """Return the sums of `values` by owner, (spans,)."""
        return np.bincount(self.owner, values, minlength=spans).astype(float)


class Unstopped:
    """The deployments of some worlds as if nothing stopped them.

    ``faulty`` says which have a fault, ``after`` when all their faults are there.
    """

    def __init__(self, setup: Setup, draws: Outcomes) -> None:
        self.setup, self.draws, self.scenario = setup, draws, setup.scenario
        self.desired = setup.scenario.desired
        self.schedule = course(setup.plan, draws)
        self.changes = self.schedule.changes
        self.faults = all_faults(draws)
        self.faulty, self.after = latest(self.faults, len(draws.rows))
        self.by_instance = needs_instances(self.faults, pooled=False)
        self.flow = Flow(self.scenario, setup.times, Dice({}, expected=True), watches_old=True)
        self.cold: Warmed | None = None
        if setup.scenario.platform == "lambda" and setup.scenario.service.cold_starts:
            self.flow.cold = self.cold = Warmed(draws, setup.times)
        rows = len(draws.rows)
        levels = {"old": self.desired, "new": 0, "running": self.desired}
        self.levels = {
            kind: level
            + np.cumsum(
                np.pad(self.changes.add[kind], [(0, 0), (1, 0)])
                if kind in self.changes.add
                else np.zeros((rows, self.changes.time.shape[1] + 1)),
                axis=1,
            )
            for kind, level in levels.items()
        }
        self.weights = _filled(self.changes.weight)
        serving = (self.weights[:, 1:] > 0) & (self.changes.time < NEVER)
        times = np.where(serving, self.changes.time, NEVER)
        self.first = times.min(axis=1)

    def before(self, worlds: Index, at: Times) -> Index:
        """Return how many changes come before `at`; what falls into it has not happened."""
        return np.asarray((self.changes.time[worlds] < at[:, None]).sum(axis=1))

    def level(self, kind: str, worlds: Index, at: Times) -> Array:
        """Return instances of a kind just before `at`."""
        return np.asarray(self.levels[kind][worlds, self.before(worlds, at)])

    def weight(self, worlds: Index, at: Times) -> Array:
        """Return the weight of the new revision just before `at`."""
        return np.asarray(self.weights[worlds, self.before(worlds, at)])

    def between(
        self,
        worlds: Index,
        start: Times,
        stop: Times,
        cuts: Times | None = None,
        track: Index | None = None,
        warmth: Warmth | None = None,
    ) -> Pieces:
        """Return the pieces of spans [start, stop), cut at changes and at `cuts` (spans, any).

        They are cut where a fault of the environment begins or ends, too.

        Spans of one ``track`` follow each other; ``warmth`` (tracks,) is that before the
        first. Without tracks each span is one.
        """
        edges = np.tile(np.array(self.flow.environment.edges, dtype=np.int64), (len(worlds), 1))
        points = [start[:, None], self.changes.time[worlds], edges, stop[:, None]]
        if cuts is not None:
            points.append(cuts)
        low, high = start[:, None], np.maximum(stop, start)[:, None]
        at = np.sort(np.clip(np.concatenate(points, axis=1), low, high), axis=1)
        owner, place = np.nonzero(at[:, 1:] > at[:, :-1])
        begin, end, world = at[owner, place], at[owner, place + 1], worlds[owner]
        passed = (self.changes.time[world] <= begin[:, None]).sum(axis=1)
        if self.cold is not None:
            track = np.arange(len(worlds)) if track is None else track
            before = Warmth.none(int(track.max(initial=-1)) + 1) if warmth is None else warmth
            self.cold.follow(world, track[owner], before)
        return self._served(owner, world, begin, end, passed)

    def _served(
        self, owner: Index, world: Index, begin: Times, end: Times, passed: Index
    ) -> Pieces:
        share = self.weights[world, passed]
        old, new, running = (self.levels[k][world, passed] for k in ("old", "new", "running"))
        effect = self._effects(world, begin, end, share, new)
        zero = np.zeros(len(owner))
        minute = Minute(len(owner))
        out = Outcome()
        if len(owner):
            stretch = Stretch(
                begin,
                end,
                share,
                in_old=old,
                in_new=new,
                lost_old=zero,
                lost_new=zero,
                pooled=False,
                effect=effect,
                rows=slice(None),
            )
            out = self.flow.serve(stretch, minute)
        if np.any(np.asarray(out.rejected) > 0):
            msg = "the exact engine does not know requests beyond the capacity"
            raise UnsupportedError(msg)
        around = surroundings(self.flow.environment, begin, end)
        extra = np.maximum(running - self.desired, 0.0) * (end - begin) / US

        def full(values: Array | float | None, default: float = 0.0) -> Array:
            return zero + (default if values is None else values)

        return Pieces(
            owner,
            begin,
            end,
            share,
            full(minute.sums.get((OLD, REQUESTS))),
            full(minute.sums.get((NEW, REQUESTS))),
            full(out.failed_fault),
            full(out.exposed),
            full(around.failing),
            full(out.slow),
            full(out.room, np.inf),
            full(out.load, -np.inf),
            extra,
            begin if effect is None else np.maximum(begin, effect.onset),
        )

    def _effects(
        self, world: Index, begin: Times, end: Times, share: Array, new: Array
    ) -> Effects | None:
        first = self.first[world]
        begun = (first < NEVER) & (share > 0) & (begin >= first)
        if not self.faults or not begun.any():
            return None
        load = self.flow.arrivals(begin, end) * share / ((end - begin) / US) / np.maximum(new, 1)
        starts, serving = first[:, None], begun[:, None]
        if self.by_instance:
            shape = (len(begin), self.draws.size)
            starts, serving = np.broadcast_to(starts, shape), np.broadcast_to(serving, shape)
        return effects([f.take(world) for f in self.faults], begin, end, load, starts, serving)


def _filled(weight: Array) -> Array:
    """Return the weights after each number of changes, (rows, columns + 1)."""
    rows, columns = weight.shape
    found = np.zeros((rows, columns + 1))
    for column in range(columns):
        new = weight[:, column]
        found[:, column + 1] = np.where(np.isnan(new), found[:, column], new)
    return found
