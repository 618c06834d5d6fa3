"""Steps of Elastic Beanstalk's policies: on the same instances, on new ones, and health.

Source: Elastic Beanstalk Developer Guide, "Deployment policies and settings",
"Immutable environment updates" and "Rolling environment configuration updates".
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from stratsim.model.analysis import Gate, Metric, Query
from stratsim.model.plan import INSTANT, Hold, HostEvent, Retire, Roll, Shift, Step, Undo
from stratsim.model.quantities import Fixed, Uniform
from stratsim.model.scaling import Scale
from stratsim.model.service import LifecycleEvent
from stratsim.strategies.elastic_beanstalk_options import CHECK_S, CHECKS, Options


@dataclass(frozen=True, slots=True)
class Draft:
    """What one policy does: its steps, what undoes them, and the bounds to tell."""

    steps: tuple[Step, ...]
    undo: Undo = "redeploy"
    redeploy: Roll | None = None
    restore: tuple[Step, ...] = ()
    rolls_back: bool = False
    minimum: int = 0
    concurrency: int = 0


# -- on the same instances ------------------------------------------------------------


def _all_at_once(options: Options) -> Draft:
    n = options.scenario.desired
    roll = _roll(options, n, _restart(options))
    return Draft((roll, *_health(options)), redeploy=_again(roll), concurrency=n)


def _rolling(options: Options) -> Draft:
    n, batch = options.scenario.desired, options.batch
    roll = _roll(options, n, _in_and_out(options))
    return Draft(
        _batches(options, roll),
        redeploy=_again(roll, n - batch, batch),
        minimum=max(0, n - batch),
        concurrency=batch,
    )


def _additional_batch(options: Options) -> Draft:
    """One batch more is launched first, and as many instances go at the end."""
    n, batch = options.scenario.desired, options.batch
    roll = _roll(options, n, _in_and_out(options))
    first = _launch(options, "AdditionalBatch", batch)
    last = _scale(options, "AdditionalBatch", old=None, new=n)
    # The old version comes back at full capacity too, on instances of its own.
    back = _scale(options, "AdditionalBatchRollback", old=n, new=0, lower=n)
    return Draft(
        (first, *_health(options), *_batches(options, roll), last),
        "steps",
        restore=(replace(back, upper=n + batch, batch=batch),),
        minimum=n,
        concurrency=batch,
    )


def _batches(options: Options, roll: Roll) -> tuple[Step, ...]:
    """Return the roll batch by batch: a batch has to be healthy before the next one."""
    n, batch = roll.count, options.batch
    steps: list[Step] = []
    for done in range(0, n, batch):
        size = min(batch, n - done)
        steps += [replace(roll, count=size, concurrency=size), *_health(options)]
    return tuple(steps)


def _roll(options: Options, count: int, events: tuple[HostEvent, ...]) -> Roll:
    return Roll(
        event=options.policy,
        fleet="old",
        count=count,
        minimum_healthy=0,
        concurrency=count,
        events=events,
        strict=True,
    )


def _again(roll: Roll, minimum: int = 0, batch: int | None = None) -> Roll:
    """Return the deployment of the old version by hand, with the same policy."""
    return replace(roll, minimum_healthy=minimum, concurrency=batch or roll.count, strict=False)


def _restart(options: Options) -> tuple[HostEvent, ...]:
    """Return what happens to an instance that stays registered while it is restarted."""
    deploy = replace(_deploy(options), effect="block")
    return (deploy, HostEvent(event="InService", duration=INSTANT, effect="allow"))


def _in_and_out(options: Options) -> tuple[HostEvent, ...]:
    """Return what happens to an instance of a batch: out of the load balancer, and back."""
    service = options.scenario.service
    checks = service.health_check
    return (
        HostEvent(event="Deregister", duration=Fixed(service.drain), effect="block"),
        _deploy(options),
        HostEvent(
            event="Register",
            # The first check comes anywhere within an interval, the others one by one.
            duration=Uniform(
                (checks.healthy - 1) * checks.interval, checks.healthy * checks.interval
            ),
            timeout_s=options.timeout_s,
            effect="allow",
        ),
    )


def _deploy(options: Options) -> HostEvent:
    scenario = options.scenario
    own = scenario.lifecycle.get("Install") or LifecycleEvent(duration=scenario.service.startup)
    return HostEvent(
        event="Install",
        duration=own.duration,
        failure=own.failure,
        timeout_s=options.timeout_s,
    )


# -- on new instances -----------------------------------------------------------------


def _immutable(options: Options) -> Draft:
    """One instance in a temporary group, then the rest, then the old ones go."""
    n = options.scenario.desired
    steps: tuple[Step, ...] = (_launch(options, "Immutable", 1), *_health(options))
    if n > 1:
        steps = (*steps, _launch(options, "Immutable", n), *_health(options))
    steps = (*steps, _scale(options, "Immutable", old=0, new=None))
    back = _scale(options, "ImmutableRollback", old=n, new=0, lower=n)
    return Draft(
        steps, "steps", restore=(back,), rolls_back=True, minimum=n, concurrency=max(1, n - 1)
    )


def _traffic_splitting(options: Options) -> Draft:
    n = options.scenario.desired
    steps: tuple[Step, ...] = (
        _launch(options, "TrafficSplitting", n),
        Shift(weight=options.percent, event="TrafficSplitting"),
        *_evaluation(options),
        Shift(weight=1.0, event="TrafficSplitting"),
        Retire(event="Terminate", wait_s=0.0, action="TERMINATE"),
    )
    return Draft(steps, "reroute", rolls_back=True, minimum=n, concurrency=n)


def _launch(options: Options, event: str, count: int) -> Scale:
    return _scale(options, event, old=None, new=count)


def _scale(
    options: Options, event: str, *, old: int | None, new: int | None, lower: int = 0
) -> Scale:
    service = options.scenario.service
    return Scale(
        event=event,
        old=old,
        new=new,
        startup=service.startup,
        drain_s=service.drain,
        lower=lower,
        timeout_s=options.timeout_s,
    )


# -- health ---------------------------------------------------------------------------


def _health(options: Options) -> tuple[Gate, ...]:
    """Return the wait of enhanced health for its checks in a row; basic health has none."""
    if not options.checks_health:
        return ()
    most = max(CHECKS, int(options.timeout_s // CHECK_S))
    metric = replace(_metric(options), count=most, failure_limit=-1, success_limit=CHECKS)
    # A batch that is not OK in time is a failed one; there is nobody to ask.
    return (Gate(event="EnhancedHealth", metrics=(metric,), person_aborts=True),)


def _evaluation(options: Options) -> tuple[Step, ...]:
    """Return the evaluation time: as many bad checks as health wants good ones end it."""
    if not options.checks_health:
        return (Hold(duration_s=options.evaluation_s, event="EvaluationTime"),)
    count = int(options.evaluation_s // CHECK_S)
    metric = replace(_metric(options), count=count, failure_limit=CHECKS - 1)
    return (Gate(event="EvaluationTime", metrics=(metric,)),)


def _metric(options: Options) -> Metric:
    return Metric(
        name="EnhancedHealth",
        query=Query(kind="errors", window_s=CHECK_S),
        # No requests are no failures.
        success=f"isNaN(result) || result < {options.degraded_share}",
        empty="nan",
        interval_s=CHECK_S,
        initial_delay_s=CHECK_S,
    )


# -- updates of the configuration -------------------------------------------------------


def _update(options: Options) -> Draft:
    """Replace the instances in batches, as Auto Scaling's rolling update does."""
    n, kind = options.scenario.desired, options.update_type
    step = _scale(options, f"RollingUpdate{kind}", old=0, new=n)
    if kind == "Disabled":
        return _undone(replace(step, event="ReplaceAll", upper=n), n)
    low, batch = options.update_minimum, options.update_batch
    step = replace(
        step,
        lower=low,
        # Capacity is raised for a while where the minimum leaves no room for a batch.
        upper=max(n, min(low + batch, options.sizes[1])),
        batch=batch,
        timeout_s=options.update_timeout_s,
        fixed=True,
    )
    if kind == "Time":
        step = replace(step, settle_s=options.update_pause_s, watched=False)
    return _undone(step, n)


def _undone(step: Scale, n: int) -> Draft:
    """A failed update is followed by another rolling update, back."""
    back = replace(step, event=f"{step.event}Rollback", old=n, new=0)
    return Draft(
        (step,),
        "steps",
        restore=(back,),
        rolls_back=True,
        minimum=step.lower,
        concurrency=step.batch or n,
    )


POLICIES: dict[str, Callable[[Options], Draft]] = {
    "AllAtOnce": _all_at_once,
    "Rolling": _rolling,
    "RollingWithAdditionalBatch": _additional_batch,
    "Immutable": _immutable,
    "TrafficSplitting": _traffic_splitting,
    "UpdateDisabled": _update,
    "UpdateTime": _update,
    "UpdateHealth": _update,
    "UpdateImmutable": _immutable,
}
