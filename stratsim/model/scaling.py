"""Steps that change how many instances run either revision."""

from dataclasses import dataclass

from stratsim.model.quantities import Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Bring the fleets to ``old`` and ``new`` running instances, wave by wave.

    None leaves a fleet as it is. In one wave at most ``batch`` instances start and
    as many stop; at least ``lower`` stay in service and at most ``upper`` run
    (those that drain do not count). What stops leaves service at once and drains
    for ``drain_s``, which the step ``awaits_drain`` or not. What starts serves once it is healthy; the next wave begins
    when all of them are, and not before ``settle_s`` after their launch (warm-up,
    minReadySeconds, pause). Without ``watched`` nobody looks at their health and
    ``settle_s`` is all that is waited for.

    Where Auto Scaling changes the fleet's size meanwhile, the sizes that are aimed at
    follow it: what is missing starts at once, what is too much stops with the waves. So
    do the bounds, as shares of the fleet, or, where they are ``fixed``, ``lower`` stays
    and ``upper`` leaves room for a batch. A step ``suspends`` scaling
    where policies are not acted upon until it has ended.

    An instance that fails to become healthy is launched again with ``retries``;
    without, it has failed when ``timeout_s`` of its wave is over. More than
    ``forgiven`` failures, or a wave that lasts longer, fail the deployment.
    """

    event: str
    old: int | None
    new: int | None
    startup: Distribution
    drain_s: float = 0.0
    lower: int = 0
    upper: int | None = None
    batch: int | None = None
    settle_s: float = 0.0
    timeout_s: float = float("inf")
    forgiven: int = 0
    retries: bool = False
    watched: bool = True
    awaits_drain: bool = True
    can_roll_back: bool = True
    fixed: bool = False
    suspends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure:
    """Give the share ``share`` of the running instances the new configuration, in place.

    Nothing leaves service; like a weight it takes effect after the plan's ``reroute_s``.
    """

    share: float
    event: str
