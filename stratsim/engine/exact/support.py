"""What the exact engine does not know, by name."""

from collections.abc import Callable, Mapping

from stratsim.cloudwatch.math_nodes import Call, Number
from stratsim.cloudwatch.metric_math import Expression
from stratsim.engine.exact.codes import Judge, rejections
from stratsim.engine.setup import Setup
from stratsim.model.plan import Hold, Launch, Lifecycle, Retire, Shift
from stratsim.model.settings import MINUTE_S
from stratsim.model.traffic import Constant
from stratsim.strategies.timeline import timeline
from stratsim.watch import CompositeProgram, MetricProgram

_UNDONE = ("reroute", "flip")
_STEPS = (Launch, Lifecycle, Shift, Hold, Retire)
_POINTWISE = {"IF", "ABS", "CEIL", "FLOOR", "LOG", "LOG10"}
_COUNTS = {"count", "share", "silent"}
_STATISTICS = {"Sum", "Average", "SampleCount", "Minimum", "Maximum"}


def unsupported(setup: Setup) -> tuple[str, ...]:
    """Return the features of a scenario and plan that have to be simulated.

    `SCENARIO` and `ALARMS` hold those that the exact engine lacks. What only
    the counts of a minute can tell is refused by `solve`: see `LATER`.
    """
    found = [name for name, there in SCENARIO.items() if there(setup)]
    for judge in judges(setup):
        found += [
            f"alarm {judge.program.name!r}, {name}"
            for name, there in ALARMS.items()
            if there(judge)
        ]
    return tuple(dict.fromkeys(found))


def composites(setup: Setup) -> list[CompositeProgram]:
    """Return the composite alarms, children first."""
    return [program for program in setup.programs if isinstance(program, CompositeProgram)]


def judges(setup: Setup) -> list[Judge]:
    """Return the metric alarms as functions of a minute's counts."""
    return [Judge(p, setup.times) for p in setup.programs if isinstance(p, MetricProgram)]


def _fixed(setup: Setup) -> bool:
    return setup.scenario.traffic.dispersion == 0


def _clumps(setup: Setup) -> bool:
    service = setup.scenario.service
    return service.error_dispersion > 1 and 0 < service.error_rate < 1


def _above_load(setup: Setup) -> bool:
    faults = [f for outcome in setup.scenario.release.outcomes for f in outcome.faults]
    steady = isinstance(setup.scenario.traffic.profile, Constant)
    return not steady and any(fault.above_load > 0 for fault in faults)


def _kinds(setup: Setup) -> set[str]:
    return {f.kind for outcome in setup.scenario.release.outcomes for f in outcome.faults}


def _some_start(setup: Setup) -> bool:
    """Whether a fault keeps some instances of a fleet from starting and not all."""
    return any(
        f.kind == "startup" and (f.zones or f.instances < 1 or 0 < f.probability < 1)
        for outcome in setup.scenario.release.outcomes
        for f in outcome.faults
    )


def _endless(setup: Setup) -> bool:
    """Whether a plan takes half of what AWS allows, or more."""
    return timeline(setup.plan)[-1].time_s > setup.plan.deadline_s / 2


SCENARIO: Mapping[str, Callable[[Setup], bool]] = {
    "a fleet that shares its traffic out evenly": lambda s: s.plan.routing == "pooled",
    "rollback by other means than traffic": lambda s: s.plan.undo not in _UNDONE,
    "checks, or other steps than launch, shift, wait and retire": lambda s: any(
        type(step) not in _STEPS for step in (*s.plan.steps, *s.plan.restore)
    ),
    "alarms that stop a deployment in other states than ALARM": lambda s: (
        s.plan.alarm_states != ("ALARM",)
    ),
    "alarms that stop a deployment and do not roll it back": lambda s: (
        bool(s.group) and not s.plan.group.rolls_back_on("DEPLOYMENT_STOP_ON_ALARM")
    ),
    "a deployment that AWS may end for its length": _endless,
    "some instances that have to be started again": _some_start,
    "faults of crashes and single hosts": lambda s: bool(_kinds(s) & {"crash", "host"}),
    "hosts that begin Unhealthy": lambda s: any(not h.healthy for h in s.scenario.hosts),
    "slow start and warm-up": lambda s: (
        s.scenario.service.slow_start > 0 or s.scenario.service.warm_up.factor > 1
    ),
    "target groups that fail open": lambda s: bool(s.scenario.service.health_check.fail_open),
    "autoscaling": lambda s: s.scenario.service.autoscaling is not None,
    "people who notice within a minute": lambda s: s.scenario.on_call.notice < MINUTE_S,
    "alarms that are evaluated within the minute": lambda s: (
        s.scenario.metrics.evaluation_offset != 0.0
    ),
    "alarms that cannot be read": lambda s: s.scenario.control.alarm_poll_failure > 0,
    "events that end after a stop": lambda s: s.scenario.control.stop_in_flight != "at_once",
    "composite alarms with an ActionsSuppressor": lambda s: any(
        program.suppressor is not None for program in composites(s)
    ),
    "noise that is off (the batch engine has no sampling error then)": lambda s: (
        s.scenario.noise == "expected"
    ),
    "dispersion between 0 and 1": lambda s: 0 < s.scenario.traffic.dispersion < 1,
    "fixed counts on Lambda, which splits each invocation at random": lambda s: (
        _fixed(s) and s.scenario.platform == "lambda"
    ),
    "fixed counts with background errors in clumps": lambda s: _fixed(s) and _clumps(s),
    "users who are pinned to a revision": lambda s: s.scenario.traffic.users.sticky,
    "faults above a load while the traffic varies": _above_load,
    "polling alarms less often than every minute": lambda s: (
        s.scenario.control.alarm_poll > MINUTE_S
    ),
}
"""What scenarios and plans may ask for in vain, by name."""


def _apart(judge: Judge) -> bool:
    return len({r.sides for r in judge.readers if not rejections(r)}) > 1


ALARMS: Mapping[str, Callable[[Judge], bool]] = {
    "which watches something else than counts of requests": lambda j: any(
        r.source.kind not in _COUNTS for r in j.readers
    ),
    "which is not evaluated minute by minute": lambda j: (
        bool(j.sides) and (j.program.minutes > 1 or j.program.short or j.program.hourly)
    ),
    "which watches a band": lambda j: j.program.band is not None,
    "which ignores low sample counts": lambda j: j.program.wants_samples,
    "whose expression reads more than one datapoint at a time": lambda j: (
        j.program.expression is not None and not _looks_at_one_point(j.program.expression)
    ),
    "which reads the two revisions apart": _apart,
    "which watches a percentile or trimmed statistic": lambda j: any(
        r.statistic not in _STATISTICS or r.trimmed for r in j.readers
    ),
}
"""What alarms may ask for in vain, by name."""

LATER = (
    "requests beyond the capacity",
    "alarms that compare errors with the requests of different revisions, on three sets of requests",
    "alarms with too many states",
    "runs of too many minutes",
)
"""What is refused only when the counts or states are there."""


def _looks_at_one_point(expression: Expression) -> bool:
    for node in expression.root.walk():
        if not isinstance(node, Call) or node.name in _POINTWISE:
            continue
        if node.name == "FILL" and len(node.parts) == 2 and isinstance(node.parts[1], Number):
            continue
        return False
    return not expression.uses_metrics
