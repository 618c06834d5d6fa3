"""Who decides about many runs from outside: alarms, CodeDeploy that polls them, people."""

from typing import TYPE_CHECKING

import numpy as np

from stratsim.cloudwatch.evaluation import State as AlarmState
from stratsim.engine.batch.alarms import Bank
from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.state import Index
from stratsim.engine.batch.timetable import STOPPED
from stratsim.engine.clock import us

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs


class Watching:
    """The alarms of the runs, the polls that read them, and the people they call.

    ``bank`` holds the alarms; ``notice_us`` is how long people take to notice a
    harmed request by themselves.
    """

    def __init__(self, runs: "Runs", bank: Bank) -> None:
        scenario, plan = runs.scenario, runs.plan
        self.runs, self.bank = runs, bank
        self.group = runs.setup.group
        self.stopping_states = [AlarmState[name].value for name in plan.alarm_states]
        self.poll_us = us(scenario.control.alarm_poll)
        self.respond_us, self.notice_us = us(scenario.on_call.respond), us(scenario.on_call.notice)
        if runs.setup.may_be_blind:
            chance = scenario.control.alarm_poll_failure
            polls = runs.draws.worlds.unread_poll(chance, runs.block_rows)
            runs.state.blind = np.minimum(polls, 1e9).astype(np.int64) * self.poll_us

    def hear(self, here: Index) -> None:
        """Let those look whose time has come in the rows `here`."""
        state = self.runs.state
        now = state.now[here]
        evaluation = self.bank.next()
        if evaluation is not None and (evaluation[here] <= now).any():
            self.evaluate(state.flags(here))
        blind = here[(state.blind[here] <= now) & ~state.over[here]]
        if len(blind):
            self._blind(state.flags(blind))
        polls = here[state.poll[here] <= now]
        if len(polls):
            self._poll(state.flags(polls))
        people = here[(state.people[here] <= now) & ~state.over[here]]
        if len(people):
            self._people(state.flags(people))

    def evaluate(self, active: Flags) -> None:
        """Let the alarms look whose time has come."""
        state = self.runs.state
        told, changed = self.bank.evaluate(self.runs.telemetry, state.now, active)
        self._page_people(told & ~state.over)
        for name in self.group:
            stops = np.isin(self.bank.states[name], self.stopping_states)
            self.alarm(changed[name] & stops & ~state.over)
        if self.group:
            state.alarming = np.where(self.group_alarm(), state.alarming, NEVER)

    def _page_people(self, rows: Flags) -> None:
        state = self.runs.state
        first = rows & (state.paged == NEVER)
        if first.any():
            state.paged = np.where(first, state.now, state.paged)
            self.call(first, state.now + self.respond_us)

    def alarm(self, rows: Flags) -> None:
        """Note that an alarm of the group is in a state that stops the deployment."""
        state = self.runs.state
        if rows.any():
            state.alarming = np.where(rows & (state.alarming == NEVER), state.now, state.alarming)
            self.detect(rows)
            self._poll_later(rows)

    def detect(self, rows: Flags) -> None:
        """Note where the group's alarms tell of an exposure for the first time."""
        state = self.runs.state
        told = rows & (state.exposed_at < NEVER) & (state.alarming < NEVER)
        told &= state.detected == NEVER
        latest = np.maximum(state.alarming, state.exposed_at)
        state.detected = np.where(told, latest, state.detected)

    def _poll_later(self, rows: Flags) -> None:
        state = self.runs.state
        at = state.now
        if self.poll_us:
            at = -(-state.now // self.poll_us) * self.poll_us
        state.poll = np.where(rows & (state.ended == NEVER), at, state.poll)

    def group_alarm(self) -> Flags:
        """Return where an alarm of the group is in a state that stops deployments."""
        active = np.zeros(len(self.runs.state.index), dtype=bool)
        for name in self.group:
            active |= np.isin(self.bank.states[name], self.stopping_states)
        return active

    def _poll(self, rows: Flags) -> None:
        state = self.runs.state
        state.poll = np.where(rows, NEVER, state.poll)
        rows = rows & (state.ended == NEVER) & (state.now < self.runs.plan_.unwatched)
        rows &= self.group_alarm()
        self.runs.ends.stop(rows, state.alarming)

    def _blind(self, rows: Flags) -> None:
        """CodeDeploy cannot read its alarms, which ends the deployment."""
        state = self.runs.state
        state.blind = np.where(rows, NEVER, state.blind)
        rows = rows & (state.ended == NEVER) & (state.now < self.runs.plan_.unwatched)
        self.runs.ends.stop(rows, state.now)

    def call(self, rows: Flags, at: Times) -> None:
        """Let people come at `at`, where they do not come sooner."""
        state = self.runs.state
        sooner = rows & (at < state.people) & ~state.acted
        state.people = np.where(sooner, np.maximum(at, state.now), state.people)

    def call_again(self, rows: Flags) -> None:
        """A rollback has failed: people try once more, as late as they answer any alarm."""
        state = self.runs.state
        state.acted &= ~rows
        state.people = np.where(rows, state.now + self.respond_us, state.people)

    def _people(self, rows: Flags) -> None:
        state = self.runs.state
        state.people = np.where(rows, NEVER, state.people)
        rows = rows & ~state.acted & ~state.undoing
        rows &= ~((state.ended < NEVER) & self.runs.ends.restored())
        state.acted |= rows
        open_ = rows & (state.ended == NEVER)
        self.runs.ends.end(open_, STOPPED)
        if self.runs.group.rolls_back_on("DEPLOYMENT_STOP_ON_REQUEST"):
            self.runs.ends.roll_back(open_, state.now)
            rows = rows & ~open_
        self.runs.ends.undo(rows)
