"""A plan: what a strategy will do, as a tuple of steps that know no clock.

The engines execute steps and know no strategy by name. Steps that AWS names
carry AWS's word in ``event``.
"""

from dataclasses import dataclass, field
from typing import Literal

from stratsim.model.analysis import Gate, Ladder, Tick, Watch
from stratsim.model.quantities import Distribution, Fixed
from stratsim.model.scaling import Configure, Scale
from stratsim.model.service import Platform
from stratsim.model.settings import DeploymentGroup

Effect = Literal["none", "block", "allow"]

READY_WAIT = "READY_WAIT"
"""The wait in which a blue/green deployment is Ready; CodeDeploy's own word for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """One lifecycle event of the whole deployment (a hook, a phase).

    ``failure`` is its chance to fail, ``timeout_s`` how long it may take, and with
    ``continues`` the deployment goes on after that. Without ``can_roll_back`` a
    failure here is not followed by a rollback. ``occurrence`` tells the returns of
    an event apart.
    """

    event: str
    duration: Distribution
    failure: float = 0.0
    timeout_s: float = 3600.0
    can_roll_back: bool = True
    continues: bool = False
    occurrence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Start `count` instances of the new revision and wait until all are healthy.

    Gives up, and fails the deployment, after ``timeout_s``.
    """

    event: str
    count: int
    startup: Distribution
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Order the router to send the share `weight` of the traffic to the new revision."""

    weight: float
    event: str = "AllowTraffic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Wait; `event` says what for (bake time, canary interval, ready wait).

    With ``stops`` the deployment is Stopped when the wait is over, unless
    somebody has continued it by then.
    """

    duration_s: float
    event: str
    stops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEvent:
    """One lifecycle event on one host.

    ``block`` takes the host out of service when the event begins, ``allow``
    puts it into service, with the new revision, when the event ends. With
    ``forgiven`` a failure of the event is passed over, and ``previous`` says that
    it runs the script of the previous revision, which a host without one lacks.
    """

    event: str
    duration: Distribution
    failure: float = 0.0
    timeout_s: float = 3600.0
    effect: Effect = "none"
    forgiven: bool = False
    previous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One zone of a roll: its hosts, how many begin Unhealthy, its minimum of healthy ones."""

    count: int
    unhealthy: int = 0
    minimum_healthy: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """Run `events` on each of `count` hosts without going below the minimum.

    ``fleet`` "old" updates the running fleet in place, "new" works on hosts that
    were launched before. ``minimum_healthy`` (M) and ``concurrency`` (most hosts
    at once when all are healthy) are in hosts; ``unhealthy`` hosts begin so, and
    are ``throttled`` by the minimum like the others only where that is asked for.
    With ``zones`` the roll goes zone by zone, with two monitor durations, the last
    zone only with ``zone_tail_wait``; ``zones_shuffled`` takes them in random order.
    A ``strict`` roll is a batch of a platform: it ends with the first host that fails,
    and is done where Auto Scaling has left it no host.
    """

    event: str
    fleet: Literal["old", "new"]
    count: int
    minimum_healthy: int
    concurrency: int
    events: tuple[HostEvent, ...]
    unhealthy: int = 0
    throttled: bool = False
    barrier: bool = False
    zones: tuple[Zone, ...] = ()
    first_zone_monitor_s: float = 0.0
    zone_monitor_s: float = 0.0
    zone_tail_wait: bool = False
    zones_shuffled: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deregister:
    """Take the whole old fleet out of the load balancer; `events` run on each host."""

    event: str
    events: tuple[HostEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """ECS rolling update: start new tasks and stop old ones within two bounds.

    ``lower`` tasks must stay healthy, at most ``upper`` may run; a circuit
    breaker fails the deployment after ``breaker`` failed tasks (None: no breaker);
    with ``breaker_resets`` a task that becomes healthy begins the count anew.
    """

    event: str
    count: int
    lower: int
    upper: int
    startup: Distribution
    drain_s: float
    breaker: int | None = None
    breaker_rolls_back: bool = True
    breaker_resets: bool = True
    timeout_s: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire:
    """After a wait of `wait_s`, terminate the old fleet, or keep it alive."""

    event: str
    wait_s: float
    action: Literal["TERMINATE", "KEEP_ALIVE"]


Step = (
    Lifecycle
    | Launch
    | Shift
    | Hold
    | Roll
    | Deregister
    | Replace
    | Retire
    | Scale
    | Configure
    | Gate
    | Watch
    | Ladder
    | Tick
)
Routing = Literal["weighted", "pooled"]
Undo = Literal["reroute", "flip", "reregister", "redeploy", "replace", "steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one strategy does to one service.

    ``routing`` "weighted" shifts by weights; "pooled" splits evenly over the
    hosts in service. ``undo`` is how traffic comes back: "reroute" (weights back
    to blue), "flip" (alias), "reregister" (originals into the load balancer),
    "redeploy" (in place, a new deployment), "replace" (rolling back), "steps" (those
    of ``restore``). ``alarm_states`` of a group alarm stop the deployment; analyses
    read counters that are scraped every ``scrape_s``.
    ``controller`` ECS watches alarms in its own way: one that is in ALARM at the
    start is passed over, and one that fires later fails the deployment.
    ``one_target_group`` says that new and old share their metrics.
    ``deployment_config`` is the configuration's name in AWS; ``custom`` says that
    it has to be created. Of the ``desired`` instances ``out_of_service`` are so
    when the deployment is created; AWS ends it after ``deadline_s``.
    ``launch_hook`` is what CodeDeploy runs on an instance that Auto Scaling launches.
    """

    strategy: str
    family: str
    platform: Platform
    steps: tuple[Step, ...]
    routing: Routing
    undo: Undo
    group: DeploymentGroup
    controller: Literal["CodeDeploy", "ECS"] = "CodeDeploy"
    one_target_group: bool = False
    deployment_config: str = ""
    custom: bool = False
    minimum_healthy: int | None = None
    concurrency: int | None = None
    desired: int = 0
    out_of_service: int = 0
    deadline_s: float = float("inf")
    reroute_s: float = 0.0
    redeploy: Roll | Replace | None = None
    restore: tuple[Step, ...] = ()
    launch_hook: tuple[HostEvent, ...] = ()
    alarm_states: tuple[str, ...] = ("ALARM",)
    scrape_s: float = 15.0
    warnings: tuple[str, ...] = field(default=())


INSTANT = Fixed(0.0)
