"""Steps on hosts in the schedules of many replications: in place, and beside another fleet."""

import numpy as np

from stratsim.engine.batch.changes import NEVER
from stratsim.engine.batch.fail_open import fails_open, fall_ill
from stratsim.engine.batch.host_pass import HostPass, hosts_before
from stratsim.engine.batch.in_flight import stop_failed
from stratsim.engine.batch.scripts import Pass, Script, play_of, run_pass
from stratsim.engine.batch.timetable import FAILED, Clock
from stratsim.model.plan import Deregister, Roll


def roll(clock: Clock, step: Roll) -> None:
    """Run events on every host of a fleet, a few at a time."""
    draws = clock.draws
    new = step.fleet == "new"
    play = play_of(draws, step)
    ran = _pass(clock, step, play)
    ran.start = np.where(clock.running[:, None], ran.start, NEVER)
    play, ran = stop_failed(draws.scenario, lambda until: play_of(draws, step, until), (play, ran))
    taken, changed = ran.start < NEVER, np.ones_like(clock.running)
    if new:
        clock.healthy = clock.healthy & taken & ~play.failed
        clock.keep((play, ran))
    else:
        clock.hosts = (play, ran if clock.hosts is None else clock.hosts[1].then(ran))
        changed[:] = (clock.hosts[1].start < NEVER).any(axis=1)  # else there is nothing to undo
        clock.draft.hosts(np.where(draws.healthy, ran.at(play.out), NEVER), "old", -1)
    clock.draft.hosts(ran.at(play.lost), "lost_new" if new else "lost_old", 1)
    back = ran.at(play.back)
    if fails_open(draws.scenario):
        fall_ill(clock.draft, play, ran, new=True)
    if clock.units is None:
        clock.draft.hosts(back, "new", 1)
        clock.entered = np.minimum(clock.entered, back)
    else:
        clock.units.turn(draws.healthy, ran.at(play.out), back)
    clock.finish(ran.failed, ran.end, FAILED, can_undo=changed)
    clock.since, clock.now = clock.now, np.maximum(clock.now, ran.end)


def _pass(clock: Clock, step: Roll, play: Script) -> Pass:
    """Go through the fleet that `step` means: what is healthy of a new one, or what is old."""
    draws, shape = clock.draws, play.done.shape
    new = step.fleet == "new"
    plain = not (step.zones or step.barrier or step.strict)
    usual = bool(draws.healthy.all() and (draws.revisions == 2).all())
    if plain and (new or usual):
        if 0 < step.count <= step.minimum_healthy:
            return Pass(np.full(shape, NEVER), clock.now, clock.running, np.full(shape, NEVER))
        wanted = clock.healthy if new else None
        hosts = shape[1] if wanted is None else wanted.sum(axis=1)
        slots = np.broadcast_to(np.asarray(hosts - step.minimum_healthy), clock.now.shape)
        least = max(step.minimum_healthy, 1)
        return run_pass(play, draws.order(), clock.now, slots, least, wanted=wanted)
    pool = np.ones(shape, dtype=bool)
    healthy = clock.healthy if new else np.broadcast_to(draws.healthy, shape)
    if clock.hosts is not None and not new:
        pool = clock.hosts[1].start == NEVER  # those of earlier batches are new ones now
    wanted = pool & healthy if new else pool
    wanted = wanted & (wanted.cumsum(axis=1) <= step.count)
    rank = np.full(shape, 2) if new else np.broadcast_to(draws.revisions, shape)
    hosts_ = hosts_before(draws, step, wanted, pool, healthy, rank)
    return HostPass(play, step, hosts_, clock.now, clock.running).run()


def deregister(clock: Clock, step: Deregister) -> None:
    """Take the old fleet out of the load balancer, all at once."""
    play, serving = play_of(clock.draws, step), clock.draws.healthy
    start = np.where(clock.running[:, None] & serving, clock.now[:, None], NEVER)
    end = clock.now + np.where(serving, play.done, 0).max(axis=1)
    failed = np.asarray((play.failed & serving).any(axis=1))
    ran = Pass(start, end, failed, np.full(start.shape, NEVER))
    clock.keep((play, ran))
    clock.left = ran.at(play.out)
    clock.draft.hosts(clock.left, "old", -1)
    clock.finish(failed, end, FAILED)
    clock.since, clock.now = clock.now, end
