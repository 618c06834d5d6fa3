"""When runs are over, and until when alarms can matter.

A run in which no request has met a fault goes on after the plan's end if one is
expected to: see `stratsim.engine.deployment`, whose rule this is.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stratsim.engine.batch.changes import NEVER, Flags, Times
from stratsim.engine.batch.timetable import FAILED
from stratsim.engine.clock import us
from stratsim.engine.exact.pieces import Index, Unstopped
from stratsim.model.quantities import Array
from stratsim.model.traffic import Constant
from stratsim.watch import MINUTE_US

RARE = 1e-13
"""Probabilities below this are forgotten."""


@dataclass(slots=True)
class Limits:
    """Moments that bound the walk; (worlds,) each, in microseconds.

    ``end`` is the plan's, ``unwatched`` when alarms stop to matter, ``calm`` when a
    run is over in which no request has met a fault; ``settled`` says that a run is
    over with its plan in any case, ``follows`` that it may outlast it.
    """

    end: Times
    unwatched: Times
    calm: Times
    settled: Flags
    follow: Times
    follows: Flags
    respond: int
    notice: int
    poll: int
    refuses: bool

    def taken(self, worlds: Index) -> "Limits":
        """Return the limits of some worlds, as often as they are named."""
        names = ("end", "unwatched", "calm", "settled", "follow", "follows")
        some: dict[str, Any] = {name: getattr(self, name)[worlds] for name in names}
        return replace(self, **some)


def limits_of(base: Unstopped, phase: Times) -> Limits:
    """Return the limits of some worlds that start `phase` into their minute."""
    scenario, schedule, plan = base.scenario, base.schedule, base.setup.plan
    back = plan.group.rolls_back_on("DEPLOYMENT_FAILURE")
    rolled = (schedule.status == FAILED) & schedule.can_undo & back
    idle = base.weight(np.arange(len(phase)), schedule.end + 1) == 0
    follows = base.faulty & (base.first < NEVER)
    follow = followed(base, schedule.end, phase)
    return Limits(
        end=schedule.end,
        unwatched=schedule.unwatched,
        calm=np.where(follows & ~idle, _calm(base, follow), schedule.end),
        settled=rolled | idle | ~follows,
        follow=follow,
        respond=us(scenario.on_call.respond),
        notice=us(scenario.on_call.notice),
        poll=us(scenario.control.alarm_poll),
        refuses=plan.controller != "ECS",
        follows=follows,
    )


def followed(base: Unstopped, ended: Times, phase: Times) -> Times:
    """Return until when runs are followed that `ended`: to the end of a minute."""
    follow = us(base.scenario.control.follow_up)
    return ended if follow == 0 else _minute_end(ended + follow, phase)


def horizon(base: Unstopped, limits: Limits) -> Times:
    """Return when the last alarm can matter, but for what is next to impossible."""
    wait = min(max(limits.respond, limits.notice), us(base.scenario.control.follow_up))
    longer = np.minimum(limits.calm, _surely_met(base, limits)) + wait + MINUTE_US
    return np.where(limits.settled, limits.end, longer)


def _minute_end(at: Times, phase: Times) -> Times:
    return -(-(at + phase) // MINUTE_US) * MINUTE_US - phase


def _calm(base: Unstopped, follow: Times) -> Times:
    """Return until when a run is followed in which no request meets a fault."""
    end = base.schedule.end
    if not isinstance(base.scenario.traffic.profile, Constant):
        return follow
    return np.asarray(np.where(_exposure(base, end, follow) > 0, follow, end))


def _surely_met(base: Unstopped, limits: Limits) -> Times:
    """Return by when some request has met a fault, but for a chance below `RARE`.

    At the latest ``limits.calm``: spans of twice the length each are tried till then.
    """
    there: Times = np.where(base.first < NEVER, base.first, 0) + base.after
    at: Times = np.maximum(limits.end, there)
    exposed = _exposure(base, there, at)
    length = MINUTE_US
    while True:
        waiting = (exposed < 1 - np.log(RARE)) & (at < limits.calm)
        if not waiting.any():
            return at
        then = np.where(waiting, at + length, at)
        exposed = exposed + _exposure(base, at, then)
        at, length = then, 2 * length


def _exposure(base: Unstopped, begin: Times, end: Times) -> Array:
    """Return -log P(no request meets a fault) from `begin` to `end`, or somewhat less.

    A minute's gamma factor of mean 1 and variance (dispersion - 1) / n, where n requests
    are expected in the minute, makes it n / (dispersion - 1) times
    log(1 + (dispersion - 1) share), where the share meets a fault: no more where the
    minute is cut in two. Fixed counts lose less than one request to rounding.
    """
    worlds = np.arange(len(begin))
    pieces = base.between(worlds, begin, end)
    over = base.scenario.traffic.dispersion - 1
    found = pieces.met
    if over > 0:
        many = base.flow.arrivals(pieces.begin, pieces.end)
        share = pieces.met / np.where(many > 0, many, 1.0)
        found = many / over * np.log1p(over * share)
    return pieces.total(found, len(worlds))
