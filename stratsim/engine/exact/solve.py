"""The distribution of a strategy's deployments, without sampling what it can compute.

Where start-up times, phases or severities are random they are conditioned on:
some worlds are drawn, their phases spread evenly over the minute, and everything
else stays exact (conditional Monte Carlo).
"""

from dataclasses import dataclass

import numpy as np

from stratsim.engine.batch.changes import NEVER, Times
from stratsim.engine.batch.draws import Draws
from stratsim.engine.batch.schedule import FAILED
from stratsim.engine.batch.worlds import Worlds
from stratsim.engine.clock import US, us
from stratsim.engine.exact.endings import Atoms, endings
from stratsim.engine.exact.minutes import Known, make_minutes
from stratsim.engine.exact.pieces import Unstopped
from stratsim.engine.exact.states import Machine
from stratsim.engine.exact.support import composites, judges
from stratsim.engine.exact.walk import Limits, Walk
from stratsim.engine.setup import Setup
from stratsim.engine.tally import Tally, joined
from stratsim.model.plan import Launch, Lifecycle
from stratsim.model.quantities import Array, Distribution, Fixed, LogNormal, Uniform
from stratsim.model.release import Fault
from stratsim.model.settings import MINUTE_S
from stratsim.watch import MINUTE_US

WORLDS = 32
"""Worlds to condition on where more than the outcome is random."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """All ways in which one strategy's deployments can end.

    Rows of ``tally`` are means given the way, ``weight`` its probability; they sum
    to 1. ``world`` numbers the worlds that were conditioned on: one where nothing
    is random but the outcome and the counts.
    """

    tally: Tally
    weight: Array
    world: np.ndarray[tuple[int], np.dtype[np.int64]]
    worlds: int


def solve(setup: Setup, seed: int, worlds: int = WORLDS, outcome: int | None = None) -> Solution:
    """Return how the deployments of a strategy can end, with probabilities.

    Parameters
    ----------
    setup
        The scenario and the plan; `stratsim.engine.exact.unsupported` says why not.
    seed
        Seed of the worlds that are conditioned on.
    worlds
        How many of them.
    outcome
        The outcome to play; all with their probabilities where not given.
    """
    machine = Machine(judges(setup), composites(setup), setup.group, setup.scenario.metrics.delay)
    drawn: Worlds | None = None
    known: Known = {}
    found = []
    for number, one in enumerate(setup.scenario.release.outcomes):
        share = one.probability if outcome is None else float(number == outcome)
        if share <= 0:
            continue
        drawn = Worlds(setup.scenario, seed, 0) if drawn is None else drawn
        count = min(worlds, drawn.size) if _random(setup, number) else 1
        tally, atoms = _outcome(setup, machine, drawn, count, number, known)
        found.append((tally, share * atoms.p / count, atoms.world))
    return Solution(
        joined([tally for tally, _, _ in found]),
        np.concatenate([weight for _, weight, _ in found]),
        np.concatenate([world for _, _, world in found]),
        max(int(world.max()) + 1 for _, _, world in found),
    )


def _outcome(
    setup: Setup, machine: Machine, drawn: Worlds, count: int, outcome: int, known: Known
) -> tuple[Tally, Atoms]:
    draws = Draws(drawn, np.arange(count), outcome)
    base = Unstopped(setup, draws)
    phase = _phases(setup, drawn, count)
    limits = _limits(base, phase)
    last = int(np.max((_horizon(base, limits) + phase) // MINUTE_US)) + 1
    if last > 50_000_000 // (count * 64):
        last = min(last, 50_000_000 // (count * 64))
    minutes = make_minutes(base, machine.judges, phase, -setup.history, last, known)
    atoms = Atoms.of(Walk(machine, minutes, limits).run())
    return endings(base, minutes, limits, atoms, outcome), atoms


def _phases(setup: Setup, drawn: Worlds, count: int) -> Times:
    """Return where in the minute the deployments start: spread evenly where it is random."""
    phase = setup.scenario.metrics.phase
    if not isinstance(phase, str):
        return np.full(count, us(float(phase)))
    places = drawn.phase_s(np.arange(1))[0] / MINUTE_S + np.arange(count)
    return np.asarray(np.rint(MINUTE_S * US * (places / count)), dtype=np.int64)


def _limits(base: Unstopped, phase: Times) -> Limits:
    scenario, schedule, plan = base.scenario, base.schedule, base.setup.plan
    back = plan.group.rolls_back_on("DEPLOYMENT_FAILURE")
    rolled = (schedule.status == FAILED) & schedule.can_undo & back
    at_end = np.arange(len(phase))
    idle = base.weight(at_end, schedule.end + 1) == 0
    follows = np.full(len(phase), bool(base.faults)) & (base.first < NEVER)
    follow = us(scenario.control.follow_up)
    after = np.max([f.after for f in base.faults], axis=0) if base.faults else 0
    waits = np.where(base.first < NEVER, base.first, 0) + after + MINUTE_US
    tick = -(-(waits + phase) // MINUTE_US) * MINUTE_US - phase
    steady = scenario.traffic.profile.end_s == float("inf") and _constant(base)
    calm = np.where(schedule.end >= waits, schedule.end, tick) if steady else schedule.end + follow
    calm = np.minimum(calm, np.maximum(schedule.end, schedule.end + follow))
    calm = np.where(follows, calm, schedule.end)
    return Limits(
        end=schedule.end,
        unwatched=schedule.unwatched,
        calm=calm,
        settled=rolled | idle | ~follows,
        follow=schedule.end + follow,
        respond=us(scenario.on_call.respond),
        notice=us(scenario.on_call.notice),
        poll=us(scenario.control.alarm_poll),
        refuses=plan.controller != "ECS",
        follows=follows,
    )


def _constant(base: Unstopped) -> bool:
    from stratsim.model.traffic import Constant

    return isinstance(base.scenario.traffic.profile, Constant)


def _horizon(base: Unstopped, limits: Limits) -> Times:
    """Return when the last alarm can matter."""
    wait = min(max(limits.respond, limits.notice), us(base.scenario.control.follow_up))
    longer = np.maximum(limits.end, limits.calm) + wait + MINUTE_US
    return np.where(limits.settled, limits.end, longer)


# -- what is random ------------------------------------------------------------------


def _random(setup: Setup, outcome: int) -> bool:
    """Whether anything but counts and delays is random, given the outcome."""
    scenario = setup.scenario
    if isinstance(scenario.metrics.phase, str):
        return True
    for step in setup.plan.steps:
        if isinstance(step, Launch) and _spreads(step.startup):
            return True
        if isinstance(step, Lifecycle) and (_spreads(step.duration) or 0 < step.failure < 1):
            return True
    return any(_uncertain(fault) for fault in scenario.faults(outcome))


def _uncertain(fault: Fault) -> bool:
    drawn = (fault.rate, fault.factor, fault.add, fault.latency, fault.after, fault.ramp)
    chancy = fault.kind in ("startup", "hook") and 0 < fault.probability < 1
    return chancy or fault.instances < 1 or any(d is not None and _spreads(d) for d in drawn)


def _spreads(distribution: Distribution) -> bool:
    if isinstance(distribution, Fixed):
        return False
    if isinstance(distribution, Uniform):
        return distribution.high > distribution.low
    if isinstance(distribution, LogNormal):
        return distribution.sigma > 0 and distribution.median > 0
    return True
