"""The race: rounds of ever more worlds, after each of which the losers are out.

A design is out once it surely fails a requirement, or surely is no better than the
leader by more than `INDIFFERENCE`. The leader is one that was run to the end and
meets all requirements there. Every bound is wrong with a probability of at most
`DOUBT` shared out over designs, rounds and keys (Bonferroni), so the best design is
eliminated with at most that probability, as far as Student's and Wilson's intervals
hold. What is left out for want of time is counted apart: a round takes no more runs
than `RUNS`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from stratsim.comparison import Key
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario
from stratsim.recommendation.choice import INDIFFERENCE
from stratsim.recommendation.requirement import Requirement
from stratsim.search.board import Board, Round, make_board
from stratsim.search.bounds import Strata, mean_bounds
from stratsim.search.census import Census
from stratsim.search.front import front
from stratsim.search.recorder import Minutes
from stratsim.search.screen import Flags, Screen, Screened
from stratsim.search.standing import FALSE, failing, penalty, ranked, spread
from stratsim.search.together import Index
from stratsim.study.pools import shared_out

WORLDS = (8, 32, 128)
"""Worlds of each outcome in the rounds."""
LENGTHS = (0.6, 0.22, 0.18)
"""Parts of the race that the rounds take, for the progress that is told."""
DOUBT = 0.05
"""How probable it may be that the best design is eliminated."""
RUNS = 1024
"""Runs of a round's first pass for each outcome: trajectories times worlds."""
KEPT = 64
"""Entries of one shape that a round leaves, where it must leave some out."""
TRIED = 3
"""Candidates for the lead that a round runs to the end."""
NEAR = 3
"""Failed designs that a round remembers for coming nearest to the limits."""
CENSUS = 4
"""How many times as many worlds count the false alarms, which are rare and quickly seen."""

Told = Callable[[float], None]
Certify = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Lap:
    """What a round did: designs it began with, eliminated and left out for want of time.

    ``promise`` is the best estimate of the objective among those left out that kept
    every limit by their estimates; NaN where none did.
    """

    worlds: int
    designs: int
    failed: int
    beaten: int
    left_out: int
    promise: float = math.nan


@dataclass(slots=True, eq=False)
class Race:
    """The race over a screen's designs.

    ``certify`` runs a shape with an alarm to the end and says whether it meets all
    requirements. ``alive`` (shapes, alarms) says which designs are in the race,
    ``board`` what the last finished round knows of them, ``laps`` what became of the
    others, ``leader`` the shape and alarm that leads, ``near`` by how much the nearest
    of those that surely failed a requirement missed it, with shape and alarm.
    """

    screen: Screen
    objective: Key
    requirements: Sequence[Requirement]
    certify: Certify
    worlds: Sequence[int] = WORLDS
    workers: int = 1
    alive: Flags = field(init=False)
    outcomes: list[int] = field(init=False)
    chances: Array = field(init=False)
    laps: list[Lap] = field(default_factory=list)
    board: Board | None = None
    round: Round | None = None
    leader: tuple[int, int] | None = None
    near: list[tuple[float, tuple[int, int]]] = field(default_factory=list)
    false: Census = field(init=False)

    def __post_init__(self) -> None:
        space = self.screen.space
        self.alive = np.ones((len(space.shapes), space.alarms + 1), dtype=bool)
        outcomes = self.scenario.release.outcomes
        self.outcomes = [i for i, o in enumerate(outcomes) if o.probability > 0]
        # fault-free ones first: who stops those is out before anything else is run
        self.outcomes.sort(key=lambda i: bool(outcomes[i].faults))
        self.chances = np.array([outcomes[i].probability for i in self.outcomes])

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.screen.scenario

    def run(self, told: Told) -> None:
        """Run all rounds; `told` hears which share of the race is done."""
        done = 0.0
        for worlds, length in zip(self.worlds, LENGTHS, strict=True):
            self._lap(worlds, _within(told, done, length))
            done += length
            if not self.alive.any():
                break

    def _lap(self, worlds: int, told: Told) -> None:
        before, keys = int(self.alive.sum()), len(self.requirements) + 2
        doubt = DOUBT / (self.screen.space.size * len(self.worlds) * keys)
        strata = Strata(self.chances, worlds, doubt)
        screened = self._runs(strata, told)
        unstopped, round_ = int(self.alive.sum()), Round(tuple(screened), strata)
        limits = [requirement.key for requirement in self.requirements]
        board, members = make_board(self.screen, round_, self.alive, self.objective, limits)
        board = replace(board, false=self.false.cautious[board.shape, board.alarm].astype(float))
        failed = failing(board, self.requirements)
        self._remember(board.take(np.flatnonzero(failed)))
        beaten = ~failed & self._beaten(board, strata)
        kept = np.flatnonzero(~failed & ~beaten)
        if not len(kept):  # nothing can meet all: what comes nearest is shown
            near = np.argsort(penalty(board, self.requirements), kind="stable")[:KEPT]
            self._close(board.take(near), round_)
            self.laps.append(Lap(worlds, before, before, 0, 0))
            self.alive[:] = False
            return
        some = kept[self._affordable(board.take(kept))]
        self._close(board.take(some), round_)
        sizes = [int(board.size[one].sum()) for one in (failed, beaten, kept, some)]
        lost = before - unstopped + sizes[0]
        rest = board.take(np.setdiff1d(kept, some))
        promise = self._promise(rest)
        self.laps.append(Lap(worlds, before, lost, sizes[1], sizes[2] - sizes[3], promise))
        self.alive[:] = False
        for shape, alarm in zip(
            board.shape[some].tolist(), board.alarm[some].tolist(), strict=True
        ):
            self.alive[shape, members[shape, alarm]] = True

    def _remember(self, failed: Board) -> None:
        """Keep the nearest of those that surely failed: without noise they are sure early."""
        missed = penalty(failed, self.requirements)
        for entry in np.argsort(missed, kind="stable")[:NEAR].tolist():
            self.near.append(
                (float(missed[entry]), (int(failed.shape[entry]), int(failed.alarm[entry])))
            )

    def _promise(self, board: Board) -> float:
        """Return the least objective of the entries that keep every limit by their estimates."""
        values = board.objective.value[penalty(board, self.requirements) == 0]
        values = values[np.isfinite(values)]
        return float(values.min()) if len(values) else math.nan

    def _close(self, board: Board, round_: Round) -> None:
        self.round = round_  # first: it knows the board before, too, should this be interrupted
        self.board = board

    def _runs(self, strata: Strata, told: Told) -> list[Screened]:
        """Return the runs of one round, outcome by outcome."""
        fires = self._first_passes(strata, _within(told, 0.0, 0.4))

        def play(place: int) -> Screened:
            return self.screen.screen(self.outcomes[place], fires[place], self.alive)

        screened: list[Screened] = []
        for one in shared_out(play, range(len(fires)), self.workers):
            screened.append(one)
            told(0.4 + 0.4 * len(screened) / len(fires))
        return screened

    def _first_passes(self, strata: Strata, told: Told) -> list[Minutes]:
        """Return when alarms fire, by outcome; fault-free ones take out who cries wolf."""
        outcomes = self.scenario.release.outcomes
        clean = sum(not outcomes[i].faults for i in self.outcomes)
        self.false = Census(self.alive.shape, strata.z)
        fires: list[Minutes] = []
        for some, many in ((self.outcomes[:clean], CENSUS), (self.outcomes[clean:], 1)):
            shapes, worlds = np.flatnonzero(self.alive.any(axis=1)), many * strata.worlds
            passes = partial(self.screen.fires, count=worlds, shapes=shapes)
            for minutes in shared_out(passes, some, self.workers):
                fires.append(minutes[..., : strata.worlds])
                if many > 1:
                    self._count(len(fires) - 1, minutes)
                told(len(fires) / len(self.outcomes))
            if many > 1:
                self._stop_false_alarms()
        return fires

    def _count(self, place: int, minutes: Minutes) -> None:
        """Count in how many worlds of a fault-free outcome an alarm stops a deployment."""
        shapes = np.flatnonzero(self.alive.any(axis=1))
        last = self.screen.last_stops(self.outcomes[place], minutes.shape[-1], shapes)
        for shape in shapes.tolist():
            alarms = np.flatnonzero(self.alive[shape])
            stops = (minutes[self.screen.trajectory[shape], alarms] <= last[shape]).mean(axis=-1)
            self.false.add(shape, alarms, stops, minutes.shape[-1], self.chances[place])

    def _stop_false_alarms(self) -> None:
        """Take out designs that surely stop too many good releases."""
        limits = [r.limit for r in self.requirements if r.key == FALSE and r.sense == "<="]
        if limits:
            self.alive &= self.false.low <= min(limits)

    def _beaten(self, board: Board, strata: Strata) -> Flags:
        """Return the entries that surely are not noticeably better than the leader."""
        beaten = np.zeros(len(board.shape), dtype=bool)
        leader = self._lead(board)
        if leader is None:
            return beaten
        best = board.objective.value[leader]
        if self.objective.statistic == "mean":
            runs = board.runs.astype(float)
            low = mean_bounds(runs - runs[leader], strata).low
            beaten = np.asarray(low >= -INDIFFERENCE * abs(best))
        else:
            beaten = np.asarray(board.objective.low >= board.objective.high[leader])
        beaten[leader] = False
        beaten[front(board.means, penalty(board, self.requirements) == 0)] = False
        return beaten

    def _lead(self, board: Board) -> int | None:
        """Return the entry that leads: the best that is certified to meet all."""
        able = penalty(board, self.requirements) == 0
        order = [entry for entry in ranked(board, self.requirements) if able[entry]]
        for entry in spread(board, order)[:TRIED]:
            if self.certify(int(board.shape[entry]), int(board.alarm[entry])):
                self.leader = (int(board.shape[entry]), int(board.alarm[entry]))
                return entry
        if self.leader is None:
            return None
        here = (board.shape == self.leader[0]) & (board.alarm == self.leader[1])
        return int(np.argmax(here)) if here.any() else None

    def _affordable(self, board: Board) -> Index:
        """Return the entries that the next round can take: the front and the most promising."""
        following = self.worlds[len(self.laps) + 1] if len(self.laps) + 1 < len(self.worlds) else 0
        room = max(RUNS // following, 4) if following else len(board.shape)
        trajectories: set[int] = set()
        per_shape: dict[int, int] = {}
        kept = []
        able = penalty(board, self.requirements) == 0
        for entry in [*front(board.means, able), *ranked(board, self.requirements)]:
            shape = int(board.shape[entry])
            trajectory = int(self.screen.trajectory[shape])
            full = trajectory not in trajectories and len(trajectories) >= room
            if full or per_shape.get(shape, 0) >= KEPT:
                continue
            trajectories.add(trajectory)
            per_shape[shape] = per_shape.get(shape, 0) + 1
            kept.append(entry)
        return np.unique(kept)


def _within(told: Told, done: float, length: float) -> Told:
    """Return what tells of the progress of a part of the whole."""
    return lambda part: told(done + length * part)
