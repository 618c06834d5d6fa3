"""Steps that look before they go on: analyses, ladders, and what comes after them.

A schedule reaches up to the first of them. From there the plan goes on piece by
piece: when a step has seen enough, what follows it is scheduled.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stratsim.analysis.many import ERROR, FAILED, INCONCLUSIVE, RUNNING, SUCCESSFUL
from stratsim.engine.batch.analyses import Measuring, checks_pass
from stratsim.engine.batch.changes import NEVER, Draft, Flags, Times
from stratsim.engine.batch.pieces import add_changes, schedule_on
from stratsim.engine.batch.schedule import LIVE
from stratsim.engine.batch.scrapes import Scrapes
from stratsim.engine.clock import us
from stratsim.model.analysis import Gate, Ladder, Watch, longest_window_s

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

Rows = NDArray[np.int64]

BEGIN, PERSON, TICK = range(3)
"""What a replication does when its wait is over: begin its step, ask a person, tick."""


class Pilot:
    """Where many replications have come in a plan whose steps look.

    ``resume`` is when each goes on (`NEVER` while it measures or has a schedule to
    its end), ``since`` when that wait began, ``step`` the step it is at.
    """

    def __init__(self, runs: "Runs") -> None:
        rows = len(runs.draws.rows)
        self.runs, self.steps = runs, runs.plan.steps
        self.scrapes = Scrapes(runs, us(runs.plan.scrape_s), us(longest_window_s(self.steps)))
        self.resume, self.since = runs.plan_.resume.copy(), runs.plan_.since.copy()
        self.step = runs.plan_.step.copy()
        self.then = np.full(rows, BEGIN)
        self.paused = np.zeros(rows, dtype=np.int64)
        self.level, self.failed = (np.zeros(rows, dtype=np.int64) for _ in range(2))
        self.analyses = {
            number: Measuring(step.metrics, self.scrapes, rows)
            for number, step in enumerate(self.steps)
            if isinstance(step, Gate | Watch)
        }
        # a person who has come to an unclear background analysis
        self.person = {
            number: np.full(rows, NEVER)
            for number, step in enumerate(self.steps)
            if isinstance(step, Watch)
        }

    def take(self, keep: Rows) -> None:
        """Keep only some rows."""
        for name in ("resume", "since", "step", "then", "paused", "level", "failed"):
            setattr(self, name, getattr(self, name)[keep])
        for measuring in self.analyses.values():
            measuring.take(keep)
        self.person = {number: at[keep] for number, at in self.person.items()}
        self.scrapes.take(keep)

    def next(self) -> Times:
        """Return when something is to be done next."""
        at = self.resume
        for measuring in self.analyses.values():
            at = np.minimum(at, measuring.next())
        for person in self.person.values():
            at = np.minimum(at, person)
        return np.where(self.runs.state.ended == NEVER, at, NEVER)

    def act(self, active: Flags) -> None:
        """Do what is due; of two things in one instant first what was waited for longer."""
        state, now = self.runs.state, self.runs.state.now
        active = active & (state.ended == NEVER)
        due = np.minimum(self.resume, self.runs.plan_.end) <= now
        for number, measuring in self.analyses.items():
            later = due & (self.since < measuring.since)
            rows = active & (measuring.next() <= now) & ~later & (state.ended == NEVER)
            if rows.any():
                self._look(number, rows)
        for number, person in self.person.items():
            rows = active & (person <= now) & (state.ended == NEVER)
            if rows.any():
                self._visit(number, rows)
        rows = active & (self.resume <= now) & (state.ended == NEVER)
        deed = self.step * len(_DEEDS) + self.then
        for which in np.unique(deed[rows]):
            number, then = divmod(int(which), len(_DEEDS))
            _DEEDS[then](self, number, np.nonzero(rows & (deed == which))[0])

    # -- analyses ------------------------------------------------------------------

    def _look(self, number: int, rows: Flags) -> None:
        """Measure, and act on what the analysis has come to."""
        step, now = self.steps[number], self.runs.state.now
        phase = self.analyses[number].measure(rows, now)
        over = rows & (phase != RUNNING)
        unclear = over & (phase == INCONCLUSIVE)
        if unclear.any():
            self._call(number, unclear)
        self._fail(over & ((phase == FAILED) | (phase == ERROR)))
        passed = over & (phase == SUCCESSFUL)
        if isinstance(step, Gate) and passed.any():
            self.proceed(np.nonzero(passed)[0], number + 1)

    def _call(self, number: int, rows: Flags) -> None:
        """Let a person come to an unclear analysis; a rollout stands still meanwhile."""
        step, now = self.steps[number], self.runs.state.now
        assert isinstance(step, Gate | Watch)
        until = now + us(step.person_s)
        if isinstance(step, Watch):
            self.person[number] = np.where(rows, until, self.person[number])
            self.paused = np.where(rows, until, self.paused)
            return
        self._wait(np.nonzero(rows)[0], until, PERSON)

    def _visit(self, number: int, rows: Flags) -> None:
        """A person decides on an unclear background analysis."""
        self.person[number] = np.where(rows, NEVER, self.person[number])
        step = self.steps[number]
        if isinstance(step, Watch) and step.person_aborts:
            self._fail(rows)

    def answer(self, number: int, at: Rows) -> None:
        """A person decides on an unclear analysis that is waited for."""
        step = self.steps[number]
        if isinstance(step, Gate) and step.person_aborts:
            self._fail(self._flags(at))
        else:
            self.proceed(at, number + 1)

    # -- the plan ------------------------------------------------------------------

    def begin(self, number: int, at: Rows) -> None:
        """Begin a step, unless somebody has been called to the rollout."""
        now, step = self.runs.state.now, self.steps[number]
        held = self.paused[at] > now[at]
        if held.any():
            self._wait(at[held], self.paused, BEGIN)
        at = at[~held]
        if isinstance(step, Gate) and step.metrics:
            self.analyses[number].begin(at, now)
            self.resume[at] = NEVER
        elif isinstance(step, Watch) and number + 1 < len(self.steps):
            self.analyses[number].begin(at, now)
            self.step[at] = number + 1
            self._wait(at, now, BEGIN)
        elif self.runs.living is not None and isinstance(step, LIVE):
            self.resume[at] = NEVER
            self.runs.living.steps.begin(number, at)
        elif isinstance(step, Ladder):
            self.level[at] = self.failed[at] = 0
            self._wait(at, _tick_after(now, step), TICK)
        else:
            self.proceed(at, number + isinstance(step, Gate | Watch))

    def _wait(self, at: Rows, until: Times, then: int) -> None:
        self.resume[at], self.since[at] = until[at], self.runs.state.now[at]
        self.then[at] = then

    def proceed(self, at: Rows, number: int) -> None:
        """Schedule what follows up to the next step that looks."""
        self.then[at] = BEGIN
        step, resume, since = schedule_on(self.runs, at, number)
        self.step[at], self.resume[at], self.since[at] = step, resume, since

    def tick(self, number: int, at: Rows) -> None:
        """Climb, hold or give up; see `stratsim.analysis.flagger.tick`."""
        step, now = self.steps[number], self.runs.state.now
        assert isinstance(step, Ladder)
        full = self.failed[at] >= step.threshold
        good = ~full
        asked = at[good & (self.level[at] > 0)]
        if len(asked):
            good[np.isin(at, asked)] = checks_pass(step, self.scrapes, asked)
        self.failed[at[~full & ~good]] += 1
        top = good & (self.level[at] >= len(step.weights))
        climbs = at[good & ~top]
        if len(climbs):
            weights = np.array(step.weights)[self.level[climbs]]
            self.level[climbs] += 1
            self._order(climbs, weights)
        self._wait(at, _tick_after(now, step), TICK)
        self._fail(self._flags(at[full]))
        if top.any():
            self.proceed(at[top], number + 1)

    def _order(self, at: Rows, weights: NDArray[np.float64]) -> None:
        now = self.runs.state.now[at]
        draft = Draft(len(at))
        draft.put(now + self.runs.reroute_us, ordered=now, weight=weights)
        add_changes(self.runs, at, draft)

    def _fail(self, rows: Flags) -> None:
        if rows.any():
            self.runs.ends.fail(rows)

    def _flags(self, at: Rows) -> Flags:
        flags = np.zeros(len(self.step), dtype=bool)
        flags[at] = True
        return flags


def _tick_after(now: Times, step: Ladder) -> Times:
    every = us(step.interval_s)
    return (now // every + 1) * every


_DEEDS: tuple[Callable[[Pilot, int, Rows], None], ...] = (Pilot.begin, Pilot.answer, Pilot.tick)
"""What is done when a wait is over, by `BEGIN`, `PERSON` and `TICK`."""
