"""Target groups that fail open in many runs; see `stratsim.engine.fail_open`."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stratsim.engine.batch.changes import NEVER, Draft, Times
from stratsim.engine.batch.faults import Effects
from stratsim.engine.batch.flow import Stretch
from stratsim.engine.batch.scripts import Pass, Script
from stratsim.engine.batch.state import Index
from stratsim.model.quantities import Array
from stratsim.model.scenario import Scenario

if TYPE_CHECKING:
    from stratsim.engine.batch.run import Runs

SICK = ("sick_old", "sick_new")


def fails_open(scenario: Scenario) -> bool:
    """Whether unhealthy targets may get requests."""
    return scenario.service.health_check.fail_open > 0 and scenario.platform != "lambda"


class FailOpen:
    """Whether requests go to unhealthy targets, and what they meet there."""

    def __init__(self, runs: "Runs") -> None:
        self.runs, self.answered = runs, runs.scenario.service.health_check.fail_open

    def open(self, at: Stretch) -> Stretch:
        """Return a stretch in which those get requests who get them unhealthy as they are."""
        state, crashes = self.runs.state, self.runs.crashes
        old, new = state.sick_old[at.rows], state.sick_new[at.rows] + crashes.sick[at.rows]
        if at.pooled:
            none = at.in_old + at.in_new == 0
            old, new = np.where(none, old, 0.0), np.where(none, new, 0.0)
        else:
            old, new = np.where(at.in_old == 0, old, 0.0), np.where(at.in_new == 0, new, 0.0)
        opened = old + new
        if not opened.any():
            return at
        share = at.share
        if at.pooled:
            share = np.where(opened > 0, new / np.where(opened > 0, opened, 1.0), share)
        return replace(
            at,
            share=share,
            in_old=at.in_old + old,
            in_new=at.in_new + new,
            # what a target answers is no loss, and what it rejects nobody's but its own
            lost_old=at.lost_old - old,
            lost_new=at.lost_new - new,
            effect=self._met(at, new),
        )

    def _met(self, at: Stretch, new: Array) -> Effects | None:
        """Return what requests to the new revision meet at unhealthy targets."""
        hit = new > 0
        if not hit.any():
            return at.effect
        effect, rows = at.effect, len(hit)
        if effect is None:
            zero, one = np.zeros(rows), np.ones(rows)
            effect = Effects(zero, zero, None, one, np.full(rows, NEVER))
        return replace(
            effect,
            failing=np.where(hit, 1 - (1 - effect.failing) * self.answered, effect.failing),
            exposed=np.where(hit, 1.0, effect.exposed),
            onset=np.where(hit, np.minimum(effect.onset, at.begin), effect.onset),
        )


def fall_ill(draft: Draft, play: Script, ran: Pass, *, new: bool) -> None:
    """Put into `draft` when hosts of a pass are registered and not healthy."""
    begin = ran.at(play.ill)
    ever = begin < NEVER
    end = np.where(ever, ran.start, 0) + np.where(ever, play.well, 0)
    _put(draft, begin, np.where(ever, np.minimum(end, ran.cut - 1), NEVER), new=new)


def fall_ill_at(draft: Draft, play: Script, start: Times) -> None:
    """Put into `draft` when old hosts that begin at `start`, (rows, hosts), are not healthy."""
    ever = (play.ill < NEVER) & (start < NEVER)
    since = np.where(ever, start, 0)
    begin, end = (
        np.where(ever, since + np.where(ever, at, 0), NEVER) for at in (play.ill, play.well)
    )
    _put(draft, begin, end, new=False)


def _put(draft: Draft, begin: Times, end: Times, *, new: bool) -> None:
    if (begin < NEVER).any():
        draft.hosts(begin, SICK[new], 1)
        draft.hosts(end, SICK[new], -1)


def recover(runs: "Runs", rows: Index, draft: Draft) -> None:
    """Let nobody be ill for whom CodeDeploy's agent waited, where it no longer does."""
    state = runs.state
    if runs.scenario.control.stop_in_flight == "after_event":
        return
    old, new = state.sick_old[rows], state.sick_new[rows]
    if old.any() or new.any():
        draft.put(state.now[rows], add={"sick_old": -old, "sick_new": -new})
